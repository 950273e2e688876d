#include "report/story.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"
#include "util/units.h"

enum { INDENT = 5, LABEL = 9, SIZE = 6, TEXT_MOST = 64 << 10, NAME_MOST = 256, QUOTED = 64, DETAILED = 16, WIRES = 4 };

/* Words that are said once */

enum phase {
    PHASE_NONE,
    PHASE_CREATE,
    PHASE_PIPES,
    PHASE_CONNECT,
    PHASE_ACCEPT,
    PHASE_EXCHANGE,
    PHASE_CLOSE,
    PHASE_AFTER
};

static const struct {
    const char *title;
    const char *words; /* of TCP */
    const char *local; /* of what stays within the machine */
    const char *datagrams;
} phases[] = {
    [PHASE_NONE] = {"", "", "", ""},
    [PHASE_CREATE] =
        {"1 create",
         "A socket is one end of a conversation. The system keeps it, and the process names it by a small "
         "number, its file descriptor. So far nothing has been sent.",
         "A socket is one end of a conversation. The system keeps it, and the process names it by a small "
         "number, its file descriptor. A Unix socket has a path for an address, and never leaves the machine.",
         "A socket is one end of a conversation. The system keeps it, and the process names it by a small "
         "number, its file descriptor. This one takes datagrams: each is a message of its own, and nobody shakes "
         "hands."},
    [PHASE_PIPES] = {"1 create", "",
                     "A program is spoken to over two pipes, its stdin and stdout. They are no sockets: they have no "
                     "address and no peer to connect to.",
                     ""},
    [PHASE_CONNECT] = {"2 connect",
                       "The system finds a free port for our end and shakes hands with the other: each side tells the "
                       "number from which it counts its bytes, and acknowledges the other's.",
                       "The system looks for who listens at that path, and puts us in its queue.",
                       "connect only notes where datagrams go and whose are taken: nothing is sent."},
    [PHASE_ACCEPT] =
        {"2 accept",
         "The system has shaken hands already. accept hands the connection over as a new socket; the one "
         "that listens stays as it is.",
         "accept hands the first one in the queue over as a new socket; the one that listens stays as it is.",
         "There is no connection to accept: it is the sender of the first datagram who is answered."},
    [PHASE_EXCHANGE] =
        {"3 exchange",
         "What is sent goes down: TCP numbers the bytes, IP says to which machine, Ethernet to which "
         "device. On the other side it goes up again, and what arrives is a stream: where one send ended "
         "is not in it.",
         "The system moves the bytes from one process to the other. There are no headers, since there is "
         "no network in between.",
         "A datagram goes down in one piece, with the ports and its length. It arrives as it was sent, or not at all, "
         "and "
         "nobody says which."},
    [PHASE_CLOSE] =
        {"4 close",
         "Each side says for itself that it has sent all: a FIN. What has arrived before it can still be read.",
         "What has arrived before the other side closes can still be read; then comes the end.",
         "The peer is not told: what it sends from now on meets nobody."},
    [PHASE_AFTER] = {"afterwards", "", "", ""},
};

enum {
    LOCAL = PHASE_AFTER + 1, /* the same words, of what is local */
    DATAGRAMS = 2 * LOCAL,   /* and of datagrams */
    SAID_LISTEN = 1 << 26,
    SAID_TIME_WAIT = 1 << 27,
    SAID_CLOSED = 1 << 28,
    SAID_RESET = 1 << 29,
    SAID_LOOPBACK = 1 << 30,
};

static enum phase phase_of(const struct act *a)
{
    switch (a->action) {
    case EVENT_LISTEN: return PHASE_CREATE;
    case EVENT_CONNECT: return PHASE_CONNECT;
    case EVENT_ACCEPT: return PHASE_ACCEPT;
    case EVENT_SEND:
    case EVENT_RECEIVE: return PHASE_EXCHANGE;
    case EVENT_SHUTDOWN:
    case EVENT_CLOSE:
    case EVENT_RESET:
    case EVENT_PEER_CLOSE:
    case EVENT_PEER_RESET: return PHASE_CLOSE;
    case EVENT_STATE: return PHASE_AFTER;
    case EVENT_START:
    case EVENT_OUTPUT:
    case EVENT_EXIT:
    case EVENT_FAULT:
    case EVENT_SECURE: break;
    }
    return PHASE_NONE;
}

/* Showing */

struct showing {
    const struct story *story;
    struct story_told *told;
    const struct style *style;
    struct buf *out;
    struct buf line;
    enum phase phase;
    uint32_t connection;
    const struct act *shown; /* whose socket was told of last */
    bool fresh;              /* nothing stands below the title yet */
    bool loopback;           /* what was shown last went over it */
};

/* The line that was collected, wrapped. The style may colour it: it holds no colours itself. */
static void put_line(struct showing *w, size_t indent, size_t hang, const enum paint *paint)
{
    buf_printf(w->out, "%*s", (int)indent, "");
    if (paint) paint_on(w->style, *paint, w->out);
    line_wrap(buf_slice(&w->line), w->style->width, indent, "", indent + hang, w->out);
    if (paint) paint_off(w->style, w->out);
    buf_addc(w->out, '\n');
    buf_clear(&w->line);
}

static void say(struct showing *w, const char *words)
{
    static const enum paint faint = PAINT_FAINT;
    buf_adds(&w->line, words);
    put_line(w, INDENT, 0, &faint);
}

static void say_once(struct showing *w, unsigned bit, const char *words)
{
    if (w->told->words & bit) return;
    w->told->words |= bit;
    w->fresh = false;
    say(w, words);
}

/* "       TCP       32 bytes  port 1 -> 2, ..." */
static void put_layer(struct showing *w, const char *label, int64_t size, const char *text)
{
    static const enum paint strong = PAINT_PLACE;
    const size_t indent = INDENT + 2, column = indent + LABEL + (size < 0 ? 0 : SIZE + 8);
    char count[32];
    buf_printf(w->out, "%*s", (int)indent, "");
    paint_on(w->style, strong, w->out);
    buf_printf(w->out, "%-*s", LABEL, label);
    paint_off(w->style, w->out);
    if (size >= 0) {
        snprintf(count, sizeof count, "%*" PRId64 " byte%s", SIZE, size, size == 1 ? "" : "s");
        buf_printf(w->out, "%-*s", SIZE + 8, count);
    }
    line_wrap(slice_of(text), w->style->width, column, "", column, w->out);
    buf_addc(w->out, '\n');
}

static void add_ip(const struct wire *x, unsigned which, struct buf *out)
{
    const unsigned char *p = x->end[which].ip;
    if (!x->v6) {
        buf_printf(out, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
        return;
    }
    bool loopback = p[15] == 1;
    for (unsigned i = 0; i < 15; i++)
        loopback = loopback && !p[i];
    if (loopback) buf_adds(out, "::1");
    for (unsigned i = 0; !loopback && i < 16; i += 2)
        buf_printf(out, "%s%x", i ? ":" : "", (unsigned)(p[i] << 8 | p[i + 1]));
}

static void add_flags(unsigned flags, struct buf *out)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{WIRE_SYN, "SYN"}, {WIRE_FIN, "FIN"}, {WIRE_RST, "RST"}, {WIRE_PSH, "PSH"}, {WIRE_ACK, "ACK"}};
    const char *gap = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(flags & names[i].bit)) continue;
        buf_printf(out, "%s%s", gap, names[i].name);
        gap = " ";
    }
}

static bool is_tcp(const struct act *a)
{
    return a->socket.protocol && strcmp(a->socket.protocol, "tcp") == 0;
}

static bool has_datagrams(const struct act *a)
{
    static const char *const protocols[] = {"udp", "unixgram", "seqpacket"};
    for (size_t i = 0; a->socket.protocol && i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(a->socket.protocol, protocols[i]) == 0) return true;
    return false;
}

/* Packets of a connection */

struct ends {
    struct wire_end end[2]; /* [0] ours */
    bool v6, known;
};

static struct ends ends_of(const struct act *a)
{
    struct ends e = {0};
    bool v6;
    e.known =
        is_tcp(a) && wire_read_end(a->socket.local, &e.end[0], &e.v6) && wire_read_end(a->socket.peer, &e.end[1], &v6);
    return e;
}

static bool same_end(const struct wire_end *a, const struct wire_end *b, bool v6)
{
    return a->port == b->port && memcmp(a->ip, b->ip, v6 ? 16 : 4) == 0;
}

/* 1: from us, -1: to us, 0: of another connection. */
static int direction(const struct ends *e, const struct wire *x)
{
    if (!e->known || !x->tcp || x->v6 != e->v6) return 0;
    if (same_end(&x->end[0], &e->end[0], e->v6) && same_end(&x->end[1], &e->end[1], e->v6)) return 1;
    return same_end(&x->end[1], &e->end[0], e->v6) && same_end(&x->end[0], &e->end[1], e->v6) ? -1 : 0;
}

/* The SYN that begins what goes this way, or NULL: the numbers of the bytes begin behind it. */
static const struct wire *find_syn(const struct showing *w, const struct ends *e, int way)
{
    for (uint32_t i = 0; i < w->story->nwires; i++) {
        const struct wire *x = &w->story->wires[i];
        if ((x->flags & WIRE_SYN) && direction(e, x) == way) return x;
    }
    return NULL;
}

/* "-> SYN ACK  seq 17, ack 4" */
static void put_control(struct showing *w, const struct wire *x, int way, bool first)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    buf_adds(&text, way > 0 ? "-> " : "<- ");
    add_flags(x->flags, &text);
    buf_printf(&text, ", seq %u", x->seq);
    if (x->flags & WIRE_ACK) buf_printf(&text, ", ack %u", x->ack);
    if (x->segment) buf_printf(&text, ", MSS %u", x->segment);
    if (x->shift >= 0) buf_printf(&text, ", window scale %d", x->shift);
    put_layer(w, first ? "wire" : "", -1, buf_str(&text));
    buf_done(&text);
}

static void put_handshake(struct showing *w, const struct act *a)
{
    const struct ends e = ends_of(a);
    unsigned n = 0;
    for (uint32_t i = 0; i < w->story->nwires && n < 3; i++) {
        const struct wire *x = &w->story->wires[i];
        const int way = direction(&e, x);
        if (way) put_control(w, x, way, n++ == 0);
    }
}

/* Those that end a direction, and what answers them. */
static void put_ending(struct showing *w, const struct act *a)
{
    const struct ends e = ends_of(a);
    unsigned n = 0;
    bool begun = false;
    for (uint32_t i = 0; i < w->story->nwires && n < WIRES; i++) {
        const struct wire *x = &w->story->wires[i];
        const int way = direction(&e, x);
        if (way > 0 && (x->flags & (WIRE_FIN | WIRE_RST))) begun = true;
        if (way && begun && !(x->flags & WIRE_SYN)) put_control(w, x, way, n++ == 0);
    }
}

static void put_mac(const unsigned char *p, struct buf *out)
{
    for (unsigned i = 0; i < 6; i++)
        buf_printf(out, "%s%02x", i ? ":" : "", p[i]);
}

static const unsigned char no_device[6];

static void put_real(struct showing *w, const struct wire *x, const struct wire *syn)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    const uint32_t window = syn->shift > 0 ? (uint32_t)x->window << syn->shift : x->window;
    buf_printf(&text, "port %u -> %u, seq %u (byte %u), ack %u, ", x->end[0].port, x->end[1].port, x->seq,
               x->seq - syn->seq - 1, x->ack);
    add_flags(x->flags, &text);
    buf_printf(&text, ", window %u, checksum 0x%04x", window, x->checksum);
    put_layer(w, "TCP", x->head, buf_str(&text));
    buf_clear(&text);
    add_ip(x, 0, &text);
    buf_adds(&text, " -> ");
    add_ip(x, 1, &text);
    buf_printf(&text, ", %s %u, ", x->v6 ? "hop limit" : "TTL", x->hops);
    if (!x->v6) buf_printf(&text, "id 0x%04x, ", x->id);
    buf_printf(&text, "length %u%s", x->total, x->dont_fragment ? ", not to be cut" : "");
    put_layer(w, x->v6 ? "IPv6" : "IPv4", x->ip_head, buf_str(&text));
    buf_clear(&text);
    put_mac(x->mac[0], &text);
    buf_adds(&text, " -> ");
    put_mac(x->mac[1], &text);
    buf_printf(&text, ", type 0x%04x", x->v6 ? 0x86dd : 0x0800);
    put_layer(w, "Ethernet", 14, buf_str(&text));
    buf_done(&text);
    w->loopback = memcmp(x->mac[0], no_device, sizeof no_device) == 0;
}

static void put_derived(struct showing *w, const struct act *a, const struct ends *e)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    struct wire x = {.v6 = e->v6, .end = {e->end[0], e->end[1]}};
    buf_printf(&text, "port %u -> %u, from byte %" PRIu64 " (derived)", e->end[0].port, e->end[1].port, a->offset);
    put_layer(w, "TCP", -1, buf_str(&text));
    buf_clear(&text);
    add_ip(&x, 0, &text);
    buf_adds(&text, " -> ");
    add_ip(&x, 1, &text);
    buf_adds(&text, " (derived)");
    put_layer(w, e->v6 ? "IPv6" : "IPv4", -1, buf_str(&text));
    put_layer(w, "Ethernet", -1, "not seen: to capture takes root or CAP_NET_RAW");
    buf_done(&text);
}

static void put_data(struct showing *w, const struct act *a)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    text_quote((struct slice){a->bytes.p, a->bytes.n}, QUOTED, &text);
    put_layer(w, "data", (int64_t)a->size, buf_str(&text));
    buf_done(&text);
}

/* The way down of what was sent: each segment that holds some of it. */
static void put_segments(struct showing *w, const struct act *a)
{
    const struct ends e = ends_of(a);
    const struct wire *syn = find_syn(w, &e, 1);
    unsigned shown = 0, more = 0;
    if (!e.known) return;
    for (uint32_t i = 0; syn && i < w->story->nwires; i++) {
        const struct wire *x = &w->story->wires[i];
        if (direction(&e, x) != 1 || !x->payload) continue;
        const uint32_t at = x->seq - syn->seq - 1, from = (uint32_t)a->offset;
        if (at + x->payload <= from || at >= from + a->size) continue;
        if (shown++ == 0)
            put_real(w, x, syn);
        else
            more++;
    }
    if (!shown) put_derived(w, a, &e);
    if (!more) return;
    buf_printf(&w->line, "and %u more segment%s", more, more == 1 ? "" : "s");
    put_line(w, INDENT + 2, 0, NULL);
}

/* Acts */

static void put_phase(struct showing *w, const struct act *a, enum phase phase)
{
    const uint32_t connection = a->connection;
    const bool tcp = is_tcp(a), datagrams = has_datagrams(a);
    const char *words = tcp ? phases[phase].words : datagrams ? phases[phase].datagrams : phases[phase].local;
    if (w->phase == phase && w->connection == connection) return;
    w->phase = phase;
    w->connection = connection;
    buf_adds(w->out, "\n  ");
    paint_on(w->style, PAINT_STRONG, w->out);
    buf_adds(w->out, phases[phase].title);
    paint_off(w->style, w->out);
    buf_addc(w->out, '\n');
    w->fresh = true;
    if (*words) say_once(w, 1U << (phase + (tcp ? 0 : datagrams ? DATAGRAMS : LOCAL)), words);
}

/* "     +0.231 ms  step 1 send, hello.yaml:14" */
static void put_when(struct showing *w, const struct act *a)
{
    const int64_t us = (a->at - w->story->began) / NS_PER_US;
    if (!w->fresh) buf_addc(w->out, '\n');
    w->fresh = false;
    buf_printf(&w->line, "+%" PRId64 ".%03" PRId64 " ms", us / 1000, us % 1000);
    if (a->step) {
        buf_adds(&w->line, "  ");
        line_text(slice_of(a->step), NAME_MOST, &w->line);
    }
    if (a->place.file) {
        buf_adds(&w->line, a->step ? ", " : "  ");
        line_text(slice_of(a->place.file), NAME_MOST, &w->line);
        buf_printf(&w->line, ":%u", a->place.line);
    }
    const enum paint notice = PAINT_NOTICE;
    put_line(w, INDENT, 4, &notice);
}

static void put_calls(struct showing *w, struct slice calls)
{
    while (calls.n) {
        const char *end = memchr(calls.p, '\n', calls.n);
        const size_t n = end ? (size_t)(end - calls.p) : calls.n;
        line_text(slice_part(calls, 0, n), NAME_MOST, &w->line);
        put_line(w, INDENT + 2, 4, NULL);
        calls = slice_part(calls, n + 1, calls.n);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_addresses(const struct event_socket *a, const struct event_socket *b)
{
    return same_text(a->protocol, b->protocol) && same_text(a->local, b->local) && same_text(a->peer, b->peer);
}

/* The addresses only where they are news. */
static void put_state(struct showing *w, const struct act *a)
{
    const struct event_socket *s = &a->socket;
    struct buf text = BUF_INIT(TEXT_MOST);
    if (!s->local && !s->peer && !s->state && s->fd) return;
    const bool same = w->shown && same_addresses(&w->shown->socket, s);
    w->shown = a;
    line_text(slice_of(s->protocol), NAME_MOST, &text);
    if (s->local && !same) {
        buf_adds(&text, ", local ");
        line_text(slice_of(s->local), NAME_MOST, &text);
    }
    if (s->peer && !same) {
        buf_adds(&text, ", peer ");
        line_text(slice_of(s->peer), NAME_MOST, &text);
    }
    if (s->state || !s->fd) buf_printf(&text, ", %s", s->state ? s->state : "closed");
    put_layer(w, "now", -1, buf_str(&text));
    buf_done(&text);
}

static void put_connect(struct showing *w, const struct act *a)
{
    const struct slice calls = slice_of(a->socket.calls);
    const char *end = calls.n ? memchr(calls.p, '\n', calls.n) : NULL;
    if (end) {
        put_phase(w, a, PHASE_CREATE);
        put_when(w, a);
        put_calls(w, slice_part(calls, 0, (size_t)(end - calls.p)));
        put_layer(w, "now", -1, "no address yet, closed (derived)");
    }
    put_phase(w, a, PHASE_CONNECT);
    put_when(w, a);
    put_calls(w, end ? slice_part(calls, (size_t)(end - calls.p) + 1, calls.n) : calls);
    put_handshake(w, a);
    put_state(w, a);
}

static void put_after(struct showing *w, const struct act *a)
{
    put_state(w, a);
    if (!a->socket.state) return;
    if (strcmp(a->socket.state, "time_wait") == 0)
        say_once(w, SAID_TIME_WAIT,
                 "The descriptor is gone, the connection is not: who ends it first keeps it in TIME_WAIT, "
                 "here for a minute, so that what is still on its way meets nobody new at these two "
                 "addresses, and the last acknowledgement can be repeated (RFC 9293 3.6.1).");
    else if (strcmp(a->socket.state, "closed") == 0)
        say_once(w, SAID_CLOSED,
                 "Of this end nothing is left. The other one was the first to end the connection, or it was "
                 "reset: then nobody waits.");
}

static void put_act(struct showing *w, const struct act *a)
{
    const bool pipes = a->action == EVENT_CONNECT && !is_tcp(a) && strcmp(a->socket.protocol, "program") == 0;
    const enum phase phase = pipes ? PHASE_PIPES : phase_of(a);
    if (phase == PHASE_CONNECT) {
        put_connect(w, a);
        return;
    }
    put_phase(w, a, phase);
    if (phase == PHASE_AFTER) {
        put_after(w, a);
        return;
    }
    put_when(w, a);
    put_calls(w, slice_of(a->socket.calls));
    if (a->action == EVENT_SEND || a->action == EVENT_RECEIVE) put_data(w, a);
    if (a->action == EVENT_SEND) put_segments(w, a);
    if (a->action == EVENT_CLOSE || a->action == EVENT_RESET || a->action == EVENT_SHUTDOWN) put_ending(w, a);
    put_state(w, a);
    if (a->action == EVENT_LISTEN && is_tcp(a))
        say_once(w, SAID_LISTEN,
                 "bind gives it an address; port 0 asks for any that is free. listen lets the system take "
                 "connections for it, whether anybody accepts them yet or not.");
    if (w->loopback)
        say_once(
            w, SAID_LOOPBACK,
            "Loopback is no device: its Ethernet addresses are zero, and the checksum is left unfinished, since there "
            "is no wire that could spoil the bytes.");
    if (a->action == EVENT_RESET || a->action == EVENT_PEER_RESET)
        say_once(w, SAID_RESET, "A reset is no end but an abort: what was not read yet is lost.");
}

static void put_left(struct showing *w, uint32_t *left)
{
    if (!*left) return;
    buf_printf(&w->line, "%u more that were sent or received are not shown", *left);
    buf_addc(w->out, '\n');
    put_line(w, INDENT, 0, NULL);
    *left = 0;
}

static void put_player(struct showing *w, const struct player *p)
{
    uint32_t exchanged = 0, left = 0;
    struct buf name = BUF_INIT(TEXT_MOST);
    line_text(slice_of(p->name), NAME_MOST, &name);
    buf_addc(w->out, '\n');
    paint_on(w->style, PAINT_STRONG, w->out);
    buf_add(w->out, buf_slice(&name));
    paint_off(w->style, w->out);
    buf_addc(w->out, ' ');
    for (size_t at = text_width(buf_slice(&name)) + 1; at < w->style->width; at++)
        buf_addc(w->out, '-');
    buf_addc(w->out, '\n');
    buf_done(&name);
    w->phase = PHASE_NONE;
    w->shown = NULL;
    for (const struct act *a = p->first; a; a = a->next) {
        const enum phase phase = phase_of(a);
        if (phase == PHASE_NONE) continue;
        if (phase == PHASE_EXCHANGE && ++exchanged > DETAILED) {
            left += exchanged == DETAILED + 1 ? p->left_out + 1 : 1;
            continue;
        }
        put_left(w, &left);
        put_act(w, a);
    }
    put_left(w, &left);
}

void story_show(const struct story *s, struct story_told *told, const struct style *style, struct buf *out)
{
    struct showing w = {.story = s, .told = told, .style = style, .out = out, .line = BUF_INIT(TEXT_MOST)};
    paint_on(style, PAINT_STRONG, out);
    line_case(s->file, s->name, out);
    paint_off(style, out);
    buf_addc(out, '\n');
    if (!s->players) {
        buf_addc(out, '\n');
        say(&w, "It used no socket.");
    }
    for (const struct player *p = s->players; p; p = p->next)
        put_player(&w, p);
    buf_done(&w.line);
}
