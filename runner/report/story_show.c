#include "report/story_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"
#include "util/units.h"

enum { LABEL = 9, SIZE = 6, QUOTED = 64, DETAILED = 16 };

/* Words that are said once */

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
         "A datagram goes down in one piece: UDP says from which port to which and how long it is, IP and Ethernet as "
         "for a stream. It arrives as it was sent, or not at all, and nobody says which."},
    [PHASE_CLOSE] =
        {"4 close",
         "Each side says for itself that it has sent all: a FIN. What has arrived before it can still be read.",
         "What has arrived before the other side closes can still be read; then comes the end.",
         "The peer is not told: what it sends from now on meets nobody."},
    [PHASE_AFTER] = {"afterwards", "", "", ""},
    [PHASE_TLS] =
        {"TLS",
         "TLS stands between the data and TCP. First the two sides agree on a version, a cipher and keys, and "
         "the server shows by a certificate who it is. All of it goes in records; sealed ones can be read by "
         "nobody in between, nor changed without being noticed.",
         "", ""},
};

enum {
    LOCAL = PHASE_TLS + 1, /* the same words, of what is local */
    DATAGRAMS = 2 * LOCAL, /* and of datagrams */
    SAID_REFUSED = 3 * LOCAL,
    SAID_LISTEN,
    SAID_TIME_WAIT,
    SAID_CLOSED,
    SAID_RESET,
    SAID_LOOPBACK,
    SAID_RECORD,
    SAID_NOTIFY,
};

static enum phase phase_of(const struct act *a)
{
    switch (a->action) {
    case EVENT_LISTEN: return PHASE_CREATE;
    case EVENT_CONNECT: return PHASE_CONNECT;
    case EVENT_ACCEPT: return PHASE_ACCEPT;
    case EVENT_SEND:
    case EVENT_RECEIVE: return a->wire && !a->socket.tls ? PHASE_TLS : PHASE_EXCHANGE;
    case EVENT_SHUTDOWN:
    case EVENT_CLOSE:
    case EVENT_RESET:
    case EVENT_PEER_CLOSE: return PHASE_CLOSE;
    /* What a datagram has met ends nothing. */
    case EVENT_PEER_RESET: return story_is_udp(a) ? PHASE_EXCHANGE : PHASE_CLOSE;
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

void story_put_line(struct showing *w, size_t indent, size_t hang, const enum paint *paint)
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
    story_put_line(w, INDENT, 0, &faint);
}

static void say_once(struct showing *w, unsigned bit, const char *words)
{
    if (w->told->words & UINT64_C(1) << bit) return;
    w->told->words |= UINT64_C(1) << bit;
    w->fresh = false;
    say(w, words);
}

void story_put_layer(struct showing *w, const char *label, int64_t size, const char *text)
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

bool story_is_tcp(const struct act *a)
{
    return a->socket.protocol && strcmp(a->socket.protocol, "tcp") == 0;
}

bool story_is_udp(const struct act *a)
{
    return a->socket.protocol && strcmp(a->socket.protocol, "udp") == 0;
}

static bool has_datagrams(const struct act *a)
{
    static const char *const protocols[] = {"udp", "unixgram", "seqpacket"};
    for (size_t i = 0; a->socket.protocol && i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(a->socket.protocol, protocols[i]) == 0) return true;
    return false;
}

/* Acts */

static void put_data(struct showing *w, const struct act *a)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    text_quote((struct slice){a->bytes.p, a->bytes.n}, QUOTED, &text);
    story_put_layer(w, "data", (int64_t)a->size, buf_str(&text));
    buf_done(&text);
}

static void put_phase(struct showing *w, const struct act *a, enum phase phase)
{
    const uint32_t connection = a->connection;
    const bool tcp = story_is_tcp(a), datagrams = has_datagrams(a);
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
    if (*words) say_once(w, phase + (tcp ? 0U : datagrams ? DATAGRAMS : LOCAL), words);
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
    story_put_line(w, INDENT, 4, &notice);
}

static void put_calls(struct showing *w, struct slice calls)
{
    while (calls.n) {
        const char *end = memchr(calls.p, '\n', calls.n);
        const size_t n = end ? (size_t)(end - calls.p) : calls.n;
        line_text(slice_part(calls, 0, n), NAME_MOST, &w->line);
        story_put_line(w, INDENT + 2, 4, NULL);
        calls = slice_part(calls, n + 1, calls.n);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool story_same_addresses(const struct event_socket *a, const struct event_socket *b)
{
    return same_text(a->protocol, b->protocol) && same_text(a->local, b->local) && same_text(a->peer, b->peer);
}

/* The addresses only where they are news. */
static void put_state(struct showing *w, const struct act *a)
{
    const struct event_socket *s = &a->socket;
    struct buf text = BUF_INIT(TEXT_MOST);
    if (!s->local && !s->peer && !s->state && s->fd) return;
    const bool same = w->shown && story_same_addresses(&w->shown->socket, s);
    const bool known = same && w->shown->socket.tls;
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
    if (s->tls && !known) buf_printf(&text, ", %s", s->tls);
    story_put_layer(w, "now", -1, buf_str(&text));
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
        story_put_layer(w, "now", -1, "no address yet, closed (derived)");
    }
    put_phase(w, a, PHASE_CONNECT);
    put_when(w, a);
    put_calls(w, end ? slice_part(calls, (size_t)(end - calls.p) + 1, calls.n) : calls);
    if (story_is_tcp(a)) story_put_handshake(w, a);
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

/* The layer between the data, if there is any, and TCP. */
static void put_records(struct showing *w, const struct act *a)
{
    const bool data = !a->wire && (a->action == EVENT_SEND || a->action == EVENT_RECEIVE);
    if (data && a->socket.tls && !a->wire_size) story_put_layer(w, "TLS", -1, "came with the records before");
    if (!a->wire_size) return;
    story_put_layer(w, "TLS", (int64_t)(a->wire_size - (data ? a->size : 0)), a->records);
}

/* Bytes, and what they are made of on their way down. */
static void put_exchange(struct showing *w, const struct act *a)
{
    struct act below = *a;
    const bool sent = a->action == EVENT_SEND;
    if (!a->wire) put_data(w, a);
    put_records(w, a);
    if (a->wire_size) {
        below.offset = a->wire_offset;
        below.size = a->wire_size;
    }
    if (sent && story_is_udp(a)) story_put_datagram(w, a);
    if (sent && story_is_tcp(a)) story_put_segments(w, &below);
}

/* What is good to know, at the first place where it can be seen. */
static void say_about(struct showing *w, const struct act *a)
{
    const bool end = a->action != EVENT_SEND && a->action != EVENT_RECEIVE;
    if (a->action == EVENT_LISTEN && story_is_tcp(a))
        say_once(w, SAID_LISTEN,
                 "bind gives it an address; port 0 asks for any that is free. listen lets the system take "
                 "connections for it, whether anybody accepts them yet or not.");
    if (a->wire_size && !a->wire && !end)
        say_once(w, SAID_RECORD,
                 "TLS adds to the data the head of each record and its seal: that is how much longer it is on its "
                 "way.");
    if (a->wire_size && end)
        say_once(w, SAID_NOTIFY,
                 "Before the FIN a sealed record says that no more comes (close_notify): a FIN alone could come from "
                 "somebody in between, who cuts off the rest.");
    if (w->loopback)
        say_once(
            w, SAID_LOOPBACK,
            "Loopback is no device: its Ethernet addresses are zero, and the checksum is left unfinished, since there "
            "is no wire that could spoil the bytes.");
    if (a->action == EVENT_PEER_RESET && story_is_udp(a))
        say_once(
            w, SAID_REFUSED,
            "No socket has that port: the machine there answers with an ICMP message, which is none of the socket's "
            "datagrams. The system keeps it for the next call.");
    else if (a->action == EVENT_RESET || a->action == EVENT_PEER_RESET)
        say_once(w, SAID_RESET, "A reset is no end but an abort: what was not read yet is lost.");
}

static void put_act(struct showing *w, const struct act *a)
{
    const bool pipes = a->action == EVENT_CONNECT && !story_is_tcp(a) && strcmp(a->socket.protocol, "program") == 0;
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
    if (a->ncalls > STORY_CALLS) {
        buf_printf(&w->line, "and %u more calls for its records", a->ncalls - STORY_CALLS);
        story_put_line(w, INDENT + 2, 0, NULL);
    }
    if (a->action == EVENT_SEND || a->action == EVENT_RECEIVE)
        put_exchange(w, a);
    else
        put_records(w, a);
    if (story_is_tcp(a) && (a->action == EVENT_CLOSE || a->action == EVENT_RESET || a->action == EVENT_SHUTDOWN))
        story_put_ending(w, a);
    put_state(w, a);
    say_about(w, a);
}

static void put_left(struct showing *w, uint32_t *left)
{
    if (!*left) return;
    buf_printf(&w->line, "%u more that were sent or received are not shown", *left);
    buf_addc(w->out, '\n');
    story_put_line(w, INDENT, 0, NULL);
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
    w->player = p;
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
