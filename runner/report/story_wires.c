#include "report/story_show.h"

#include <inttypes.h>
#include <string.h>

enum { WIRES = 4, UDP_HEAD = 8 };

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

struct ends {
    struct wire_end end[2]; /* [0] ours */
    bool v6, tcp, known;
};

static struct ends ends_of(const struct act *a)
{
    struct ends e = {0};
    bool v6;
    e.tcp = story_is_tcp(a);
    e.known = (e.tcp || story_is_udp(a)) && wire_read_end(a->socket.local, &e.end[0], &e.v6) &&
              wire_read_end(a->socket.peer, &e.end[1], &v6);
    return e;
}

/* b may be a socket that was bound to any address. */
static bool same_end(const struct wire_end *a, const struct wire_end *b, bool v6)
{
    static const unsigned char any[16];
    const size_t n = v6 ? 16 : 4;
    return a->port == b->port && (memcmp(a->ip, b->ip, n) == 0 || memcmp(b->ip, any, n) == 0);
}

/* 1: from us, -1: to us, 0: of another connection. */
static int direction(const struct ends *e, const struct wire *x)
{
    if (!e->known || x->tcp != e->tcp || x->v6 != e->v6) return 0;
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
    story_put_layer(w, first ? "wire" : "", -1, buf_str(&text));
    buf_done(&text);
}

void story_put_handshake(struct showing *w, const struct act *a)
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
void story_put_ending(struct showing *w, const struct act *a)
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

/* What IP and Ethernet put in front of it. */
static void put_below(struct showing *w, const struct wire *x)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    add_ip(x, 0, &text);
    buf_adds(&text, " -> ");
    add_ip(x, 1, &text);
    buf_printf(&text, ", %s %u, ", x->v6 ? "hop limit" : "TTL", x->hops);
    if (!x->v6) buf_printf(&text, "id 0x%04x, ", x->id);
    buf_printf(&text, "length %u%s", x->total, x->dont_fragment ? ", not to be cut" : "");
    story_put_layer(w, x->v6 ? "IPv6" : "IPv4", x->ip_head, buf_str(&text));
    buf_clear(&text);
    put_mac(x->mac[0], &text);
    buf_adds(&text, " -> ");
    put_mac(x->mac[1], &text);
    buf_printf(&text, ", type 0x%04x", x->v6 ? 0x86dd : 0x0800);
    story_put_layer(w, "Ethernet", 14, buf_str(&text));
    buf_done(&text);
    w->loopback = memcmp(x->mac[0], no_device, sizeof no_device) == 0;
}

static void put_real(struct showing *w, const struct wire *x, const struct wire *syn)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    const uint32_t window = syn->shift > 0 ? (uint32_t)x->window << syn->shift : x->window;
    buf_printf(&text, "port %u -> %u, seq %u (byte %u), ack %u, ", x->end[0].port, x->end[1].port, x->seq,
               x->seq - syn->seq - 1, x->ack);
    add_flags(x->flags, &text);
    buf_printf(&text, ", window %u, checksum 0x%04x", window, x->checksum);
    story_put_layer(w, "TCP", x->head, buf_str(&text));
    buf_done(&text);
    put_below(w, x);
}

static void put_real_datagram(struct showing *w, const struct wire *x)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    buf_printf(&text, "port %u -> %u, length %u, checksum 0x%04x", x->end[0].port, x->end[1].port, x->length,
               x->checksum);
    story_put_layer(w, "UDP", x->head, buf_str(&text));
    buf_done(&text);
    put_below(w, x);
}

static void put_derived(struct showing *w, const struct act *a, const struct ends *e)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    struct wire x = {.v6 = e->v6, .end = {e->end[0], e->end[1]}};
    buf_printf(&text, "port %u -> %u, ", e->end[0].port, e->end[1].port);
    if (e->tcp)
        buf_printf(&text, "from byte %" PRIu64, a->offset);
    else
        buf_printf(&text, "length %" PRIu64, a->size + UDP_HEAD);
    buf_adds(&text, " (derived)");
    story_put_layer(w, e->tcp ? "TCP" : "UDP", e->tcp ? -1 : UDP_HEAD, buf_str(&text));
    buf_clear(&text);
    add_ip(&x, 0, &text);
    buf_adds(&text, " -> ");
    add_ip(&x, 1, &text);
    buf_adds(&text, " (derived)");
    story_put_layer(w, e->v6 ? "IPv6" : "IPv4", -1, buf_str(&text));
    story_put_layer(w, "Ethernet", -1, "not seen: to capture takes root or CAP_NET_RAW");
    buf_done(&text);
}

/* The way down of what was sent: each segment that holds some of it. */
void story_put_segments(struct showing *w, const struct act *a)
{
    const struct ends e = ends_of(a);
    const struct wire *syn = find_syn(w, &e, 1);
    unsigned shown = 0, more = 0, again = 0;
    uint64_t seen = 0; /* of the bytes */
    if (!e.known) return;
    for (uint32_t i = 0; syn && i < w->story->nwires; i++) {
        const struct wire *x = &w->story->wires[i];
        if (direction(&e, x) != 1 || !x->payload) continue;
        const uint32_t at = x->seq - syn->seq - 1, from = (uint32_t)a->offset;
        if (at + x->payload <= from || at >= from + a->size) continue;
        if (shown++ == 0)
            put_real(w, x, syn);
        else if (at + x->payload <= seen)
            again++;
        else
            more++;
        if (at + x->payload > seen) seen = at + x->payload;
    }
    if (!shown) put_derived(w, a, &e);
    if (!more && !again) return;
    if (more) buf_printf(&w->line, "and %u more segment%s", more, more == 1 ? "" : "s");
    if (again) buf_printf(&w->line, "%s%u sent again", more ? ", " : "and ", again);
    story_put_line(w, INDENT + 2, 0, NULL);
}

/* Datagrams have no numbers: of those of one size between the same two ends, the one that was sent as the nth is the
 * nth that was seen. */
void story_put_datagram(struct showing *w, const struct act *a)
{
    const struct ends e = ends_of(a);
    uint32_t before = 0;
    if (!e.known) return;
    for (const struct act *b = w->player->first; b != a; b = b->next)
        if (b->action == EVENT_SEND && b->size == a->size && story_same_addresses(&b->socket, &a->socket)) before++;
    for (uint32_t i = 0; i < w->story->nwires; i++) {
        const struct wire *x = &w->story->wires[i];
        if (direction(&e, x) != 1 || x->length != a->size + UDP_HEAD) continue;
        if (before-- == 0) {
            put_real_datagram(w, x);
            return;
        }
    }
    put_derived(w, a, &e);
}
