#include "event/pcap.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/frame.h"
#include "event/pcapng.h"
#include "sockrun/version.h"
#include "util/hash.h"
#include "util/mem.h"

#include <utlist.h>

enum {
    ACKNOWLEDGE_AFTER = 256 << 10, /* bytes without any from the other side */
    COMMENT_MOST = 2048,
    BLOCK_MOST = 128 << 10,
    DATAGRAM_MOST = 65535 - 48, /* of UDP over either IP */
    MADE_UP_PORT = 65000,
    LEFT_MOST = 4096, /* as many connections may wait to be accepted */
};

enum interface { INTERFACE_IP, INTERFACE_UNIX, INTERFACE_PROGRAM, INTERFACE_PLAIN };

struct side {
    struct frame_end end;
    uint32_t next; /* sequence number of its next byte */
    uint32_t told; /* what it has acknowledged last */
    bool inside;   /* it is an end of ours, and tells what it sends */
    bool finished;
};

struct key {
    struct frame_end low, high;
};
_Static_assert(sizeof(struct key) == 36, "it is compared as bytes");

/* A conversation. [0] is who has connected. */
struct flow {
    struct key key;
    UT_hash_handle hh;
    struct side side[2];
    unsigned ends;
    struct flow *prev, *next; /* of those that were left */
    struct flow *plain;       /* what is said within TLS, or NULL */
    enum interface interface;
    bool v6, begun, reset, hashed;
};

/* An end of ours: of a conversation, or of datagrams, where each stands for itself. */
struct end {
    uint32_t connection;
    unsigned side;
    struct flow *flow;     /* NULL: of datagrams */
    struct taken *address; /* of UDP */
    bool secure;           /* TLS has begun */
    UT_hash_handle hh;
};

/* An address that `n` of our UDP sockets have: what comes from there has been told of. So have `unread` datagrams that
 * they have sent to others of ours, whatever has become of the sender. */
struct taken {
    struct frame_end end;
    unsigned n;
    uint64_t unread;
    UT_hash_handle hh;
};

struct pcap {
    struct event_sink sink; /* first */
    pcap_write write;
    void *ctx;
    int64_t wall;
    uint32_t process;
    uint64_t lost;
    struct end *ends;
    struct taken *taken;
    struct flow *flows; /* those that have true addresses */
    struct flow *left;  /* by their one end: the other may still be accepted, and told of */
    unsigned nleft;
    struct buf block, comment;
    struct buf held; /* a block that secrets may still go in front of */
};

/* Blocks */

static void count(struct pcap *p, bool written)
{
    p->lost = written ? 0 : p->lost + 1;
}

static void put_held(struct pcap *p)
{
    if (p->held.n) count(p, p->write(p->ctx, buf_slice(&p->held)));
    buf_clear(&p->held);
}

static void put_secrets(struct pcap *p, struct slice lines)
{
    pcapng_secrets(&p->block, PCAPNG_TLS_KEY_LOG, lines);
    if (p->block.n) p->write(p->ctx, buf_slice(&p->block));
    buf_clear(&p->block);
}

/* The last segment of a handshake (RFC 8446 4.4.4) is sent, or received, before OpenSSL tells the secrets of what it
 * holds or what follows; a reader wants them when it sees this segment. */
static void put_block(struct pcap *p, bool hold)
{
    put_held(p);
    if (hold)
        buf_add(&p->held, buf_slice(&p->block));
    else
        count(p, p->block.n && p->write(p->ctx, buf_slice(&p->block)));
    buf_clear(&p->block);
}

static void add_number(struct buf *out, char before, uint32_t n)
{
    char text[12], *at = text + sizeof text;
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    *--at = before;
    buf_add(out, (struct slice){at, (size_t)(text + sizeof text - at)});
}

/* "hello.yaml:7:9 server step 1 send". Made for every packet, so without printf. */
static void make_comment(struct pcap *p, const struct event *e, const char *what)
{
    struct buf *out = &p->comment;
    buf_clear(out);
    if (p->lost) buf_printf(out, "(before this, %llu packets are missing) ", (unsigned long long)p->lost);
    const char *file = e->place.file ? e->place.file : e->file;
    if (file) buf_adds(out, file);
    if (e->place.line) {
        add_number(out, ':', e->place.line);
        add_number(out, ':', e->place.col);
    }
    const char *const words[] = {e->actor, e->step, what};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!words[i]) continue;
        buf_addc(out, ' ');
        buf_adds(out, words[i]);
    }
}

static void put_packet(struct pcap *p, const struct event *e, enum interface interface, bool inbound, struct slice head,
                       struct slice payload)
{
    const struct pcapng_packet packet = {.interface = interface,
                                         .at = e->at + p->wall,
                                         .inbound = inbound,
                                         .head = head,
                                         .payload = payload,
                                         .comment = buf_slice(&p->comment)};
    pcapng_packet(&p->block, &packet);
    put_block(p, e->wire);
}

/* Segments */

static void segment(struct pcap *p, const struct event *e, struct flow *f, unsigned from, uint8_t flags,
                    struct slice payload)
{
    struct side *a = &f->side[from];
    const struct side *b = &f->side[!from];
    unsigned char head[FRAME_HEAD_MOST];
    const struct frame frame = {.v6 = f->v6,
                                .from = &a->end,
                                .to = &b->end,
                                .flags = flags,
                                .seq = a->next,
                                .ack = b->next,
                                .payload = payload};
    const size_t n = frame_tcp(&frame, head);
    put_packet(p, e, f->interface, !a->inside, (struct slice){(const char *)head, n}, payload);
    a->next += (uint32_t)payload.n + ((flags & (FRAME_SYN | FRAME_FIN)) != 0);
    if (flags & FRAME_ACK) a->told = b->next;
}

static const struct slice nothing = {0};

static void acknowledge(struct pcap *p, const struct event *e, struct flow *f, unsigned from)
{
    make_comment(p, e, "(made up: acknowledgement)");
    segment(p, e, f, from, FRAME_ACK, nothing);
}

static void shake_hands(struct pcap *p, const struct event *e, struct flow *f)
{
    f->begun = true;
    make_comment(p, e, NULL);
    segment(p, e, f, 0, FRAME_SYN, nothing);
    segment(p, e, f, 1, FRAME_SYN | FRAME_ACK, nothing);
    segment(p, e, f, 0, FRAME_ACK, nothing);
}

static void data(struct pcap *p, const struct event *e, struct flow *f, unsigned from, struct slice bytes)
{
    if (f->reset || f->side[from].finished) return;
    make_comment(p, e, NULL);
    while (bytes.n) {
        const struct slice part = slice_part(bytes, 0, FRAME_PAYLOAD_MOST);
        segment(p, e, f, from, FRAME_PSH | FRAME_ACK, part);
        bytes = slice_part(bytes, part.n, bytes.n);
    }
    if (f->side[from].next - f->side[!from].told > ACKNOWLEDGE_AFTER) acknowledge(p, e, f, !from);
}

static void finish(struct pcap *p, const struct event *e, struct flow *f, unsigned from)
{
    if (f->reset || f->side[from].finished) return;
    make_comment(p, e, NULL);
    segment(p, e, f, from, FRAME_FIN | FRAME_ACK, nothing);
    f->side[from].finished = true;
    acknowledge(p, e, f, !from);
}

static void reset(struct pcap *p, const struct event *e, struct flow *f, unsigned from)
{
    if (f->reset) return;
    make_comment(p, e, NULL);
    segment(p, e, f, from, FRAME_RST | FRAME_ACK, nothing);
    f->reset = true;
}

/* Conversations */

static bool read_address(const char *text, struct frame_end *ret, bool *ret_v6)
{
    char host[INET6_ADDRSTRLEN + 32];
    const char *colon = text ? strrchr(text, ':') : NULL;
    if (!colon) return false;
    *ret_v6 = *text == '[';
    const char *from = text + *ret_v6;
    size_t n = strcspn(from, *ret_v6 ? "%]" : ":");
    if (n >= sizeof host) return false;
    memcpy(host, from, n);
    host[n] = '\0';
    memset(ret, 0, sizeof *ret);
    ret->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return inet_pton(*ret_v6 ? AF_INET6 : AF_INET, host, ret->ip) == 1;
}

static struct key make_key(const struct frame_end *a, const struct frame_end *b)
{
    const bool ordered = memcmp(a, b, sizeof *a) < 0;
    return ordered ? (struct key){*a, *b} : (struct key){*b, *a};
}

static struct flow *new_flow(const struct event *e, enum interface interface)
{
    struct flow *f = mem_zalloc(sizeof *f);
    f->interface = interface;
    /* As RFC 9293 3.4.1 has it: another one each time that the same addresses meet. */
    f->side[0].next = (uint32_t)(e->at / 64);
    f->side[1].next = f->side[0].next * 7;
    return f;
}

static void forget_flow(struct pcap *p, struct flow *f)
{
    if (f->hashed) HASH_DEL(p->flows, f);
    f->hashed = false;
}

static void free_flow(struct pcap *p, struct flow *f)
{
    forget_flow(p, f);
    mem_free(f->plain);
    mem_free(f);
}

static void leave_flow(struct pcap *p, struct flow *f)
{
    if (!f->hashed || f->side[1].inside) {
        free_flow(p, f);
        return;
    }
    DL_APPEND(p->left, f);
    if (++p->nleft <= LEFT_MOST) return;
    struct flow *oldest = p->left;
    DL_DELETE(p->left, oldest);
    p->nleft--;
    free_flow(p, oldest);
}

static void come_back(struct pcap *p, struct flow *f)
{
    if (f->ends) return;
    DL_DELETE(p->left, f);
    p->nleft--;
}

static struct flow *true_flow(struct pcap *p, const struct event *e, unsigned side)
{
    struct frame_end ours, theirs;
    bool v6, peer_v6;
    struct flow *f;
    if (!read_address(e->socket->local, &ours, &v6) || !read_address(e->socket->peer, &theirs, &peer_v6)) return NULL;
    if (v6 != peer_v6) return NULL;
    const struct key key = make_key(&ours, &theirs);
    HASH_FIND(hh, p->flows, &key, sizeof key, f);
    if (f) come_back(p, f);
    if (f && !f->side[side].inside) return f;
    if (f && f->ends)
        forget_flow(p, f);
    else if (f)
        free_flow(p, f);
    f = new_flow(e, INTERFACE_IP);
    f->v6 = v6;
    f->key = key;
    f->side[side].end = ours;
    f->side[!side].end = theirs;
    f->hashed = true;
    HASH_ADD(hh, p->flows, key, sizeof f->key, f);
    return f;
}

static void made_up_end(const struct pcap *p, uint32_t connection, unsigned which, struct frame_end *ret)
{
    const uint32_t words[] = {htonl(0x20010db8), htonl(p->process), 0, 0};
    memcpy(ret->ip, words, sizeof words);
    memcpy(ret->ip + 10, (uint32_t[]){htonl(connection)}, sizeof connection);
    ret->ip[15] = (unsigned char)(which + 1);
    ret->port = (uint16_t)(MADE_UP_PORT + which);
}

static struct flow *made_up_flow(const struct pcap *p, const struct event *e, bool program)
{
    struct flow *f = new_flow(e, program ? INTERFACE_PROGRAM : INTERFACE_UNIX);
    f->v6 = true;
    made_up_end(p, e->connection, 0, &f->side[0].end);
    made_up_end(p, e->connection, 1, &f->side[1].end);
    return f;
}

/* Datagrams */

static bool is_datagrams(const struct event_socket *s)
{
    static const char *const protocols[] = {"udp", "unixgram", "seqpacket"};
    for (size_t i = 0; s->protocol && i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(s->protocol, protocols[i]) == 0) return true;
    return false;
}

static struct taken *take_address(struct pcap *p, const struct event_socket *s)
{
    struct frame_end end;
    struct taken *t;
    bool v6;
    if (!read_address(s->local, &end, &v6)) return NULL;
    HASH_FIND(hh, p->taken, &end, sizeof end, t);
    if (!t) {
        t = mem_zalloc(sizeof *t);
        t->end = end;
        HASH_ADD(hh, p->taken, end, sizeof t->end, t);
    }
    t->n++;
    return t;
}

/* By a socket that has this very address, or any address of this machine. */
static struct taken *find_taken(const struct pcap *p, const struct frame_end *end)
{
    const struct frame_end any = {.port = end->port};
    struct taken *t;
    HASH_FIND(hh, p->taken, end, sizeof *end, t);
    if (!t) HASH_FIND(hh, p->taken, &any, sizeof any, t);
    return t;
}

static void leave_address(struct pcap *p, struct taken *t)
{
    if (t->n || t->unread) return;
    HASH_DEL(p->taken, t);
    mem_free(t);
}

/* From one of ours, that has told of it. */
static bool is_told(struct pcap *p, const struct frame_end *from)
{
    struct taken *t = find_taken(p, from);
    if (!t) return false;
    if (t->unread) t->unread--;
    leave_address(p, t);
    return true;
}

/* The same addresses would make one conversation of what is plain and what is not: an IPv4 address is written as IPv6
 * (RFC 4291 2.5.5.2), and of an IPv6 address the first half is made up. */
static struct frame_end plain_end(bool v6, const struct frame_end *end)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}, made_up[8] = {0x20, 1, 0x0d, 0xb8};
    struct frame_end plain = {.port = end->port};
    memcpy(plain.ip, v6 ? made_up : mapped, v6 ? sizeof made_up : sizeof mapped);
    memcpy(plain.ip + (v6 ? 8 : 12), end->ip + (v6 ? 8 : 0), v6 ? 8 : 4);
    return plain;
}

static void datagram(struct pcap *p, const struct event *e, const struct end *end)
{
    static const struct frame_end any;
    const bool sent = e->action == EVENT_SEND;
    const struct slice payload = slice_part(e->bytes, 0, DATAGRAM_MOST);
    struct frame_end us, peer;
    unsigned char head[FRAME_HEAD_MOST];
    enum interface interface = end->address ? INTERFACE_IP : INTERFACE_UNIX;
    bool v6 = true, peer_v6;
    if (!end->address) {
        made_up_end(p, e->connection, end->side, &us);
        made_up_end(p, e->connection, !end->side, &peer);
    } else {
        if (!read_address(e->socket->local, &us, &v6) || !read_address(e->socket->peer, &peer, &peer_v6)) return;
        if (v6 != peer_v6 || (!sent && is_told(p, &peer))) return;
        if (sent && find_taken(p, &peer)) end->address->unread++;
        if (memcmp(us.ip, any.ip, sizeof us.ip) == 0) memcpy(us.ip, peer.ip, sizeof us.ip);
    }
    if (end->secure && !e->wire) {
        us = plain_end(v6, &us);
        peer = plain_end(v6, &peer);
        v6 = true;
        interface = INTERFACE_PLAIN;
    }
    const struct frame f = {.v6 = v6, .from = sent ? &us : &peer, .to = sent ? &peer : &us, .payload = payload};
    make_comment(p, e, NULL);
    const size_t n = frame_udp(&f, head);
    put_packet(p, e, interface, !sent, (struct slice){(const char *)head, n}, payload);
}

/* Ends */

static void add_end(struct pcap *p, const struct end *from)
{
    struct end *end = mem_zalloc(sizeof *end);
    *end = *from;
    HASH_ADD(hh, p->ends, connection, sizeof end->connection, end);
}

static void begin_tls(struct pcap *p, const struct event *e, struct end *end)
{
    struct flow *f = end->flow;
    end->secure = true;
    if (!f->plain) {
        f->plain = new_flow(e, INTERFACE_PLAIN);
        f->plain->v6 = true;
        for (unsigned i = 0; i < 2; i++) {
            const struct side *s = &f->side[i];
            f->plain->side[i] = (struct side){.end = plain_end(f->v6, &s->end), .next = s->next, .inside = s->inside};
        }
        shake_hands(p, e, f->plain);
    }
    f->plain->side[end->side].inside = true;
}

static void open_end(struct pcap *p, const struct event *e)
{
    const struct event_socket *s = e->socket;
    if (!s || !s->protocol || !e->connection) return;
    const unsigned side = s->server;
    struct flow *f = NULL;
    if (is_datagrams(s)) {
        if (!s->inside)
            add_end(p, &(struct end){.connection = e->connection, .side = side, .address = take_address(p, s)});
        return;
    }
    if (strcmp(s->protocol, "tcp") == 0)
        f = true_flow(p, e, side);
    else if (!s->inside)
        f = made_up_flow(p, e, strcmp(s->protocol, "program") == 0);
    if (!f) return;
    add_end(p, &(struct end){.connection = e->connection, .side = side, .flow = f});
    f->side[side].inside = true;
    f->ends++;
    if (!f->begun) shake_hands(p, e, f);
}

static void close_end(struct pcap *p, struct end *end)
{
    struct flow *f = end->flow;
    struct taken *t = end->address;
    HASH_DEL(p->ends, end);
    mem_free(end);
    if (t) {
        t->n--;
        leave_address(p, t);
    }
    if (f && --f->ends == 0) leave_flow(p, f);
}

/* Events */

static void take_of_datagrams(struct pcap *p, const struct event *e, struct end *end)
{
    if (e->action == EVENT_SECURE) end->secure = true;
    if ((e->action == EVENT_SEND || e->action == EVENT_RECEIVE) && e->socket) datagram(p, e, end);
    if (e->action == EVENT_CLOSE || e->action == EVENT_RESET) close_end(p, end);
}

/* What becomes of one conversation. */
static void take_of_flow(struct pcap *p, const struct event *e, struct flow *f, unsigned us)
{
    const bool both = f->side[!us].inside;
    switch (e->action) {
    case EVENT_SEND: data(p, e, f, us, e->bytes); break;
    case EVENT_RECEIVE:
        if (!both) data(p, e, f, !us, e->bytes);
        break;
    case EVENT_SHUTDOWN:
    case EVENT_CLOSE: finish(p, e, f, us); break;
    case EVENT_RESET: reset(p, e, f, us); break;
    case EVENT_PEER_CLOSE:
        if (!both) finish(p, e, f, !us);
        break;
    case EVENT_PEER_RESET: reset(p, e, f, !us); break;
    case EVENT_SECURE:
    case EVENT_LISTEN:
    case EVENT_CONNECT:
    case EVENT_ACCEPT:
    case EVENT_START:
    case EVENT_OUTPUT:
    case EVENT_EXIT:
    case EVENT_FAULT:
    case EVENT_STATE: break;
    }
}

static void take_of(struct pcap *p, const struct event *e, struct end *end)
{
    struct flow *f = end->flow, *plain = end->secure ? f->plain : NULL;
    const bool bytes = e->action == EVENT_SEND || e->action == EVENT_RECEIVE;
    if (e->action == EVENT_SECURE) begin_tls(p, e, end);
    if (plain && !e->wire) take_of_flow(p, e, plain, end->side);
    if (!bytes || e->wire || !plain) take_of_flow(p, e, f, end->side);
    if (e->action == EVENT_CLOSE || e->action == EVENT_RESET) close_end(p, end);
}

static void take_traffic(struct pcap *p, const struct event *e)
{
    struct end *end;
    if (e->socket && (e->action == EVENT_CONNECT || e->action == EVENT_ACCEPT || e->action == EVENT_START)) {
        open_end(p, e);
        return;
    }
    HASH_FIND(hh, p->ends, &e->connection, sizeof e->connection, end);
    if (end && end->flow)
        take_of(p, e, end);
    else if (end)
        take_of_datagrams(p, e, end);
}

static void take(struct event_sink *s, const struct event *e)
{
    struct pcap *p = (struct pcap *)s;
    if (e->kind == EVENT_TRAFFIC) {
        take_traffic(p, e);
    } else if (e->kind == EVENT_SECRETS) {
        put_secrets(p, e->bytes);
    }
}

struct event_sink *pcap_new(pcap_write write, void *ctx, int64_t wall, uint32_t process)
{
    struct pcap *p = mem_zalloc(sizeof *p);
    *p = (struct pcap){.sink = {.take = take},
                       .write = write,
                       .ctx = ctx,
                       .wall = wall,
                       .process = process,
                       .block = BUF_INIT(BLOCK_MOST),
                       .held = BUF_INIT(BLOCK_MOST),
                       .comment = BUF_INIT(COMMENT_MOST)};
    return &p->sink;
}

void pcap_free(struct event_sink *s)
{
    struct pcap *p = (struct pcap *)s;
    if (!p) return;
    for (struct end *end = p->ends, *next; end; end = next) {
        next = end->hh.next;
        close_end(p, end);
    }
    for (struct flow *f = p->left, *next; f; f = next) {
        next = f->next;
        free_flow(p, f);
    }
    for (struct taken *t = p->taken, *next; t; t = next) {
        next = t->hh.next;
        t->unread = 0;
        leave_address(p, t);
    }
    put_held(p);
    buf_done(&p->held);
    buf_done(&p->block);
    buf_done(&p->comment);
    mem_free(p);
}

bool pcap_head(struct buf *out)
{
    return pcapng_section(out, "sockrun " SOCKRUN_VERSION) &&
           pcapng_interface(out, PCAPNG_RAW, "ip",
                            "sockets as they were told of; handshakes and headers are made up") &&
           pcapng_interface(out, PCAPNG_RAW, "unix", "Unix sockets: the addresses are made up too") &&
           pcapng_interface(out, PCAPNG_RAW, "program",
                            "stdin and stdout of programs: the addresses are made up too") &&
           pcapng_interface(out, PCAPNG_RAW, "plain", "what is said within TLS: its records are on `ip`");
}
