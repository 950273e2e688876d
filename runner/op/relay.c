#include "op/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/datagram.h"
#include "net/sock.h"
#include "util/clock.h"
#include "util/units.h"

enum { ROUNDS = 8 /* before others have their turn */, RESET_LOOKS_MS = 1, RESET_WAITS_MS = 1000 };

#define FOREVER INT64_MAX

static struct relay *relay_of(struct watch *w, int end)
{
    return (struct relay *)(void *)((char *)w - offsetof(struct relay, ends) - (size_t)end * sizeof(struct relay_end) -
                                    offsetof(struct relay_end, watch));
}

static void wake_client(struct watch *w)
{
    task_wake(&relay_of(w, RELAY_CLIENT)->task);
}

static void wake_server(struct watch *w)
{
    task_wake(&relay_of(w, RELAY_SERVER)->task);
}

static void close_end(struct relay *r, int end, bool reset)
{
    struct relay_end *e = &r->ends[end];
    if (e->fd < 0) return;
    reactor_remove(r->task.sched->reactor, &e->watch);
    if (reset)
        sock_reset(e->fd);
    else
        close(e->fd);
    e->fd = -1;
}

/* What goes to it has nowhere to go; what it has said before is passed on, and then that it is lost. */
static void lose(struct relay *r, int end, int64_t now)
{
    struct relay_end *e = &r->ends[end];
    struct relay_way *to = &r->ways[!end], *from = &r->ways[end];
    if (e->lost) return;
    e->lost = true;
    e->watch.ready |= READY_READ;
    outbox_clear(&to->out);
    to->finished = to->faults.closed = to->faults.dropping = true;
    task_wake(&r->task); /* this may be news for the direction that had its turn before */
    if (!from->ended) return;
    from->faults.closed = false;
    fault_end(&from->faults, true, now, &from->out);
}

/* A send has failed. What the peer said before it went can still be read; the system's own trouble says nothing about
 * the peer, who would never be told. */
static void fail(struct relay *r, int end, ssize_t error, int64_t now)
{
    if (error != -EPIPE && error != -ECONNRESET) r->ways[end].ended = true;
    lose(r, end, now);
}

/* Bytes that are on their way would be lost with a reset (SO_LINGER); there is no event for their arrival. Who does not
 * read at all is not waited for. */
static bool may_reset(struct relay *r, int end, int64_t now)
{
    const int left = r->ends[end].lost ? 0 : sock_unsent(r->ends[end].fd);
    if (!r->given_up) r->given_up = now + RESET_WAITS_MS * NS_PER_MS;
    if (left <= 0 || now >= r->given_up) return true;
    r->retry = now + RESET_LOOKS_MS * NS_PER_MS;
    return false;
}

/* One thing out of the outbox. False if it cannot go now. */
static bool deliver(struct relay *r, int from, const struct parcel *p, struct slice bytes, int64_t now)
{
    struct relay_way *w = &r->ways[from];
    struct relay_end *to = &r->ends[!from];
    ssize_t n = 0;
    switch ((enum parcel_kind)p->kind) {
    case PARCEL_BYTES:
    case PARCEL_DATAGRAM:
    case PARCEL_URGENT:
        if (!(to->watch.ready & READY_WRITE)) return false;
        n = sock_send(to->fd, bytes.p, bytes.n, p->kind == PARCEL_URGENT ? MSG_OOB : 0);
        break;
    case PARCEL_FIN:
        sock_shutdown(to->fd, SHUT_WR);
        w->finished = true;
        break;
    case PARCEL_RESET:
        if (!may_reset(r, !from, now)) return false;
        r->reset = true;
        return false;
    case PARCEL_STALL: break;
    }
    if (n == -EAGAIN) {
        to->watch.ready &= (uint8_t)~READY_WRITE;
        return false;
    }
    if (n < 0) {
        fail(r, !from, n, now);
        return false;
    }
    w->passed += (uint64_t)n;
    outbox_taken(&w->out, (size_t)n, now);
    return true;
}

/* What is due. Returns when more will be, FOREVER: only when the receiver can take it. */
static int64_t flush(struct relay *r, int from, int64_t now)
{
    struct relay_way *w = &r->ways[from];
    struct parcel p;
    struct slice bytes;
    int64_t wake = FOREVER;
    for (;;) {
        const enum outbox_next next = outbox_next(&w->out, now, &p, &bytes, &wake);
        if (next != OUTBOX_NOW) return wake;
        if (!deliver(r, from, &p, bytes, now)) return FOREVER;
    }
}

/* Receiving stops at an urgent byte (tcp(7)): it takes its place between the others. */
static bool take_urgent(struct relay *r, int from)
{
    struct relay_end *e = &r->ends[from];
    struct relay_way *w = &r->ways[from];
    int marked = 0;
    char byte;
    if (!(e->watch.ready & READY_URGENT) || ioctl(e->fd, SIOCATMARK, &marked) < 0 || !marked) return false;
    if (sock_recv(e->fd, &byte, 1, MSG_OOB) != 1) return false;
    e->watch.ready &= (uint8_t)~READY_URGENT;
    const struct parcel p = {.kind = PARCEL_URGENT, .due = w->faults.last_due};
    if (!w->faults.dropping) outbox_add(&w->out, &p, (struct slice){&byte, 1});
    return true;
}

/* Without rules, and with nothing before them, bytes go straight on. */
static void pass(struct relay *r, int from, struct slice bytes, int64_t now)
{
    struct relay_way *w = &r->ways[from];
    struct relay_end *to = &r->ends[!from];
    if (fault_is_idle(&w->faults) && !w->out.parcels && to->watch.ready & READY_WRITE) {
        const ssize_t n = sock_send(to->fd, bytes.p, bytes.n, 0);
        if (n >= 0) {
            w->passed += (uint64_t)n;
            fault_passed(&w->faults, (size_t)n);
            bytes = slice_part(bytes, (size_t)n, bytes.n);
            if (!bytes.n) return;
        }
        if (n == -EAGAIN) to->watch.ready &= (uint8_t)~READY_WRITE;
        if (n < 0 && n != -EAGAIN) fail(r, !from, n, now);
    }
    fault_take(&w->faults, bytes, now, &w->out);
}

/* As sock_recv, but that an empty packet is no end (0): that is -ESHUTDOWN. */
static ssize_t take_in(struct relay *r, int from)
{
    struct addr peer;
    size_t cut;
    if (r->packets) return datagram_recv(r->ends[from].fd, r->room, RELAY_ROOM, true, &peer, &cut);
    const ssize_t n = sock_recv(r->ends[from].fd, r->room, RELAY_ROOM, 0);
    return n ? n : -ESHUTDOWN;
}

/* Receives once. False if there is nothing, or no room for it. */
static bool receive(struct relay *r, int from, int64_t now)
{
    struct relay_end *e = &r->ends[from];
    struct relay_way *w = &r->ways[from];
    const unsigned end = READY_HUP | READY_ERROR;
    if (w->ended || outbox_is_full(&w->out) || !(e->watch.ready & (READY_READ | READY_URGENT | end))) return false;
    if (take_urgent(r, from)) return true;
    const ssize_t n = take_in(r, from);
    if (n == -EAGAIN) {
        e->watch.ready &= (uint8_t) ~(READY_READ | end);
        return false;
    }
    if (n >= 0) {
        if (!r->packets && n < RELAY_ROOM && !(e->watch.ready & (READY_URGENT | end)))
            e->watch.ready &= (uint8_t)~READY_READ;
        pass(r, from, (struct slice){r->room, (size_t)n}, now);
        return true;
    }
    w->ended = true;
    const bool reset = n != -ESHUTDOWN || e->lost;
    if (reset) lose(r, from, now);
    if (!w->faults.closed) fault_end(&w->faults, reset, now, &w->out);
    return true;
}

static int64_t move(struct relay *r, int from, int64_t now, bool *ret_more)
{
    struct relay_way *w = &r->ways[from];
    int64_t wake = FOREVER, tick = FOREVER;
    for (unsigned n = 0;; n++) {
        tick = fault_tick(&w->faults, now, &w->out);
        wake = flush(r, from, now);
        if (r->reset || !receive(r, from, now)) break;
        if (n == ROUNDS) {
            *ret_more = true;
            break;
        }
    }
    if (wake < r->due) r->due = wake;
    return tick < wake ? tick : wake;
}

/* An end that has said its FIN may still be reset. */
static void notice_resets(struct relay *r, int64_t now)
{
    for (int i = 0; i < RELAY_ENDS; i++) {
        struct relay_end *e = &r->ends[i];
        if (!(e->watch.ready & READY_ERROR) || !r->ways[i].ended || e->lost) continue;
        e->watch.ready &= (uint8_t)~READY_ERROR;
        if (sock_error(e->fd) < 0) lose(r, i, now);
    }
}

/* A rule may have ended a direction whose sender has not: closed under it, the sender would be reset. */
static bool is_over(const struct relay *r)
{
    for (int i = 0; i < RELAY_ENDS; i++)
        if (!r->ways[i].finished || !r->ways[i].ended || r->ways[i].out.parcels) return false;
    return true;
}

static void end(struct relay *r)
{
    for (int i = 0; i < RELAY_ENDS; i++)
        close_end(r, i, r->reset || r->ends[i].lost);
    r->over(r);
}

static void resume(struct task *t)
{
    struct relay *r = (struct relay *)(void *)t;
    const int64_t now = clock_now();
    int64_t wake = FOREVER;
    bool more = false;
    r->due = r->retry = FOREVER;
    notice_resets(r, now);
    for (int i = 0; i < RELAY_ENDS && !r->reset; i++) {
        const int64_t at = move(r, i, now, &more);
        if (at < wake) wake = at;
    }
    if (r->reset || is_over(r)) {
        end(r);
        return;
    }
    /* What one direction has met may be news for the other. */
    for (int i = 0; i < RELAY_ENDS; i++) {
        const struct relay_end *e = &r->ends[i];
        const unsigned readable = READY_READ | READY_HUP | READY_ERROR;
        if (!r->ways[i].ended && !outbox_is_full(&r->ways[i].out) && e->watch.ready & readable) more = true;
    }
    if (more) task_wake(t);
    task_deadline(t, wake < r->retry ? wake : r->retry);
}

/* A proxy that waits for more to send would delay what nobody asked it to. */
static void send_at_once(int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int relay_begin(struct relay *r, struct sched *s, int client, int server, struct fault_set *set, uint32_t number)
{
    const int64_t now = clock_now();
    const int fds[RELAY_ENDS] = {client, server};
    task_init(&r->task, s, resume);
    int error = 0;
    for (int i = 0; i < RELAY_ENDS; i++) {
        struct relay_end *e = &r->ends[i];
        *e = (struct relay_end){.fd = fds[i]};
        e->watch = (struct watch){.fd = -1, .wake = i == RELAY_CLIENT ? wake_client : wake_server};
        r->ways[i] = (struct relay_way){
            .faults = {.connection = number, .to_server = i == RELAY_CLIENT, .datagrams = r->packets}};
        fault_begin(&r->ways[i].faults, set, now);
    }
    for (int i = 0; i < RELAY_ENDS && !error; i++) {
        error = reactor_add(s->reactor, &r->ends[i].watch, fds[i]);
        r->ends[i].watch.ready |= READY_READ;
        if (r->packets)
            datagram_tell_ends(fds[i]);
        else
            send_at_once(fds[i]);
    }
    if (error)
        relay_done(r);
    else
        task_wake(&r->task);
    return error;
}

void relay_set_rules(struct relay *r, struct fault_set *set)
{
    const int64_t now = clock_now();
    for (int i = 0; i < RELAY_ENDS; i++) {
        outbox_release(&r->ways[i].out);
        fault_begin(&r->ways[i].faults, set, now);
    }
    task_wake(&r->task);
}

void relay_done(struct relay *r)
{
    if (!r->task.sched) return;
    for (int i = 0; i < RELAY_ENDS; i++) {
        close_end(r, i, false);
        fault_done(&r->ways[i].faults);
        outbox_done(&r->ways[i].out);
    }
    task_done(&r->task);
}

bool relay_is_busy(const struct relay *r)
{
    return r->task.queued || r->due != FOREVER || r->retry != FOREVER;
}
