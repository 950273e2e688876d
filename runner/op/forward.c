#include "op/forward.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/datagram.h"
#include "net/sock.h"
#include "util/clock.h"
#include "util/units.h"

enum { ROUNDS = 64 /* before others have their turn */, AGAIN_MS = 1 };

#define FOREVER INT64_MAX

static void wake(struct watch *w)
{
    task_wake(&((struct forward *)(void *)((char *)w - offsetof(struct forward, watch)))->task);
}

/* A Unix socket that has gone never comes back under its name; a port does. */
static void fail(struct forward *f, int to, ssize_t error)
{
    const bool gone = error == -ECONNREFUSED || error == -ENOTCONN || error == -ECONNRESET || error == -EPIPE;
    if (to == RELAY_SERVER && gone && !f->inet) {
        f->gone = true;
        task_wake(&f->task);
    }
    f->lost(f, to, (int)error);
}

static ssize_t send_to_client(const struct forward *f, struct slice bytes)
{
    const int fd = f->from->fd >= 0 ? f->from->fd : f->from->held;
    ssize_t n;
    do
        n = fd < 0 ? -ENOTCONN : permit_answer(fd, bytes, 0, &f->client.sa, f->client.len);
    while (n == -EINTR);
    return n;
}

static ssize_t send_to_server(struct forward *f, struct slice bytes)
{
    if (f->fd < 0 || !(f->watch.ready & READY_WRITE)) return -EAGAIN;
    ssize_t n = sock_send(f->fd, bytes.p, bytes.n, 0);
    if (n == -ECONNREFUSED && f->inet) {
        /* The news was about one that went before: this one has not been tried. */
        fail(f, RELAY_SERVER, n);
        n = sock_send(f->fd, bytes.p, bytes.n, 0);
    }
    if (n == -EAGAIN) f->watch.ready &= (uint8_t)~READY_WRITE;
    return n;
}

/* False if the datagram cannot go now. */
static bool deliver(struct forward *f, int from, struct slice bytes)
{
    struct forward_way *w = &f->ways[from];
    const ssize_t n = from == RELAY_CLIENT ? send_to_server(f, bytes) : send_to_client(f, bytes);
    if (n == -EAGAIN) return false;
    if (n < 0) {
        fail(f, !from, n);
        return true;
    }
    w->bytes += (uint64_t)n;
    w->datagrams++;
    return true;
}

/* What is due. Returns when more will be. A client's full queue gives no event when there is room again (unix(7)). */
static int64_t flush(struct forward *f, int from, int64_t now)
{
    struct forward_way *w = &f->ways[from];
    struct parcel p;
    struct slice bytes;
    int64_t at = FOREVER;
    while (outbox_next(&w->out, now, &p, &bytes, &at) == OUTBOX_NOW) {
        if (!deliver(f, from, bytes)) return from == RELAY_SERVER ? now + AGAIN_MS * NS_PER_MS : FOREVER;
        outbox_taken(&w->out, bytes.n, now);
    }
    return at;
}

/* Without rules, and with nothing before it, a datagram goes straight on. */
static void pass(struct forward *f, int from, struct slice bytes, int64_t now)
{
    struct forward_way *w = &f->ways[from];
    f->last = now;
    if (outbox_is_full(&w->out)) {
        fail(f, !from, -ENOBUFS);
        return;
    }
    if (fault_is_idle(&w->faults) && !w->out.parcels && deliver(f, from, bytes))
        fault_passed(&w->faults, bytes.n);
    else
        fault_take(&w->faults, bytes, now, &w->out);
}

void forward_take(struct forward *f, struct slice bytes)
{
    pass(f, RELAY_CLIENT, bytes, clock_now());
    task_wake(&f->task);
}

/* One from the target. False if there is none, or no room for it. */
static bool receive(struct forward *f, int64_t now)
{
    const unsigned any = READY_READ | READY_HUP | READY_ERROR;
    struct addr from;
    size_t cut;
    if (f->fd < 0 || !(f->watch.ready & any) || outbox_is_full(&f->ways[RELAY_SERVER].out)) return false;
    const ssize_t n = datagram_recv(f->fd, f->room, RELAY_ROOM, false, &from, &cut);
    if (n == -EAGAIN) {
        f->watch.ready &= (uint8_t)~any;
        return false;
    }
    if (n < 0)
        fail(f, RELAY_SERVER, n);
    else if (cut)
        fail(f, RELAY_CLIENT, -EMSGSIZE);
    else
        pass(f, RELAY_SERVER, (struct slice){f->room, (size_t)n}, now);
    return !f->gone;
}

static void resume(struct task *t)
{
    struct forward *f = (struct forward *)(void *)t;
    const int64_t now = clock_now();
    int64_t at = f->last + f->idle;
    unsigned n = 0;
    while (n < ROUNDS && receive(f, now))
        n++;
    f->due = FOREVER;
    for (int i = 0; i < RELAY_ENDS; i++) {
        const int64_t tick = fault_tick(&f->ways[i].faults, now, &f->ways[i].out);
        const int64_t next = flush(f, i, now);
        if (next < f->due) f->due = next;
        if (tick < at) at = tick;
    }
    if (forward_is_over(f, now)) {
        f->over(f);
        return;
    }
    if (n == ROUNDS) task_wake(t);
    task_deadline(t, f->due < at ? f->due : at);
}

void forward_begin(struct forward *f, struct sched *s, struct fault_set *set, uint32_t number)
{
    task_init(&f->task, s, resume);
    f->fd = -1;
    f->watch = (struct watch){.fd = -1, .wake = wake};
    f->due = FOREVER;
    f->last = clock_now();
    for (int i = 0; i < RELAY_ENDS; i++) {
        f->ways[i] =
            (struct forward_way){.faults = {.connection = number, .to_server = i == RELAY_CLIENT, .datagrams = true}};
        fault_begin(&f->ways[i].faults, set, f->last);
    }
    task_wake(&f->task);
}

int forward_connected(struct forward *f, int fd, bool inet)
{
    const int error = reactor_add(f->task.sched->reactor, &f->watch, fd);
    f->fd = fd;
    f->inet = inet;
    /* Nothing has filled it yet. */
    f->watch.ready |= READY_READ | READY_WRITE;
    task_wake(&f->task);
    return error;
}

void forward_set_rules(struct forward *f, struct fault_set *set)
{
    const int64_t now = clock_now();
    for (int i = 0; i < RELAY_ENDS; i++) {
        outbox_release(&f->ways[i].out);
        fault_begin(&f->ways[i].faults, set, now);
    }
    task_wake(&f->task);
}

void forward_done(struct forward *f)
{
    if (!f->task.sched) return;
    reactor_remove(f->task.sched->reactor, &f->watch);
    if (f->fd >= 0) close(f->fd);
    f->fd = -1;
    for (int i = 0; i < RELAY_ENDS; i++) {
        fault_done(&f->ways[i].faults);
        outbox_done(&f->ways[i].out);
    }
    task_done(&f->task);
}

bool forward_is_busy(const struct forward *f)
{
    bool held = false;
    for (int i = 0; i < RELAY_ENDS; i++)
        held = held || f->ways[i].faults.held_until;
    return held || f->task.queued || f->due != FOREVER;
}

bool forward_is_over(const struct forward *f, int64_t now)
{
    return f->gone || (now >= f->last + f->idle && !forward_is_busy(f));
}
