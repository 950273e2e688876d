#include "net/reactor.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "net/heap.h"
#include "net/pair.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { EVENTS = 256, SLOTS_FIRST = 64 };

#define NO_SLOT UINT32_MAX
#define TIMER_DATA UINT64_MAX
#define NEVER INT64_MAX

/* The generation tells an event that was meant for an earlier watch in this slot. */
struct slot {
    struct watch *watch; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
    struct pairing *pairing; /* valid while the watch is paired */
};

struct reactor {
    int epoll;
    int timerfd;
    int64_t armed; /* when the timerfd will fire or has, unseen; NEVER */
    uint64_t order;
    struct heap timers;
    struct slot *slots;
    uint32_t nslots, free, watched;
    struct pair_table pairs;
    struct epoll_event events[EVENTS];
};

struct reactor *reactor_new(void)
{
    struct reactor *r = mem_zalloc(sizeof *r);
    r->armed = NEVER;
    r->free = NO_SLOT;
    r->timerfd = -1;
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll >= 0) r->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    /* Edge-triggered: setting it again takes back what was not read. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = TIMER_DATA};
    if (r->timerfd < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->timerfd, &event) < 0) {
        int error = errno;
        reactor_free(r);
        errno = error;
        return NULL;
    }
    return r;
}

void reactor_free(struct reactor *r)
{
    if (!r) return;
    if (r->timerfd >= 0) close(r->timerfd);
    if (r->epoll >= 0) close(r->epoll);
    pair_done(&r->pairs);
    heap_done(&r->timers);
    mem_free(r->slots);
    mem_free(r);
}

static void grow_slots(struct reactor *r)
{
    uint32_t from = r->nslots;
    r->nslots = from ? from * 2 : SLOTS_FIRST;
    r->slots = mem_resize(r->slots, r->nslots, sizeof *r->slots);
    for (uint32_t i = r->nslots; i-- > from;) {
        r->slots[i] = (struct slot){.next_free = r->free};
        r->free = i;
    }
}

int reactor_add(struct reactor *r, struct watch *w, int fd)
{
    assert(w->wake);
    if (r->free == NO_SLOT) grow_slots(r);
    uint32_t i = r->free;
    struct slot *slot = &r->slots[i];
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                                .data.u64 = (uint64_t)slot->generation << 32 | i};
    *w = (struct watch){.fd = fd, .slot = NO_SLOT, .wake = w->wake, .ready = READY_WRITE};
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        if (errno != EPERM) {
            w->fd = -1;
            return -errno;
        }
        /* With READY_HUP a short read does not count as "empty", so that the end is met. */
        w->ready = READY_READ | READY_WRITE | READY_HUP;
        return 0;
    }
    r->free = slot->next_free;
    slot->watch = w;
    w->slot = i;
    r->watched++;
    return 0;
}

void reactor_remove(struct reactor *r, struct watch *w)
{
    if (w->fd < 0) return;
    if (w->slot != NO_SLOT) {
        struct slot *slot = &r->slots[w->slot];
        assert(slot->watch == w);
        epoll_ctl(r->epoll, EPOLL_CTL_DEL, w->fd, NULL);
        if (w->paired) pair_forget(&r->pairs, slot->pairing);
        if (w->peer) w->peer->peer = NULL;
        slot->watch = NULL;
        slot->generation++;
        slot->next_free = r->free;
        r->free = w->slot;
        r->watched--;
    }
    w->peer = NULL;
    w->fd = -1;
}

void reactor_pair(struct reactor *r, struct watch *w, bool datagrams, const struct addr_inet *local,
                  const struct addr_inet *peer)
{
    assert(!w->paired && !w->peer);
    if (w->fd < 0 || w->slot == NO_SLOT) return;
    struct watch *met = pair_meet(&r->pairs, w, datagrams, local, peer, &r->slots[w->slot].pairing);
    if (!met) return;
    w->peer = met;
    met->peer = w;
}

static int add_ready(struct watch *w, uint8_t ready)
{
    if ((w->ready & ready) == ready) return 0;
    w->ready |= ready;
    w->wake(w);
    return 1;
}

void reactor_handoff(struct watch *w)
{
    if (w->peer) add_ready(w->peer, READY_READ);
}

void reactor_set(struct reactor *r, struct timer *t, int64_t at)
{
    t->at = at;
    t->order = r->order++;
    heap_put(&r->timers, t);
}

void reactor_unset(struct reactor *r, struct timer *t)
{
    if (t->pos) heap_take(&r->timers, t);
}

struct timer *reactor_first(struct reactor *r)
{
    return heap_first(&r->timers);
}

void reactor_each_timer(struct reactor *r, bool (*see)(struct timer *t, void *ctx), void *ctx)
{
    for (uint32_t i = 0; i < r->timers.n; i++)
        if (!see(r->timers.nodes[i].timer, ctx)) return;
}

/* Only somebody who blocks needs the timerfd, and only if it would fire too late: one that fires too early is seen, and
 * then set to what is first by that time. So a deadline that is met costs no system call. */
static void arm(struct reactor *r)
{
    struct timer *first = heap_first(&r->timers);
    if (!first || first->at >= r->armed) return;
    int64_t at = first->at > 0 ? first->at : 1; /* zero would disarm */
    struct itimerspec spec = {.it_value = {.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S}};
    int set = timerfd_settime(r->timerfd, TFD_TIMER_ABSTIME, &spec, NULL);
    assert(set == 0);
    (void)set;
    r->armed = first->at;
}

static uint8_t ready_of_events(uint32_t events)
{
    uint8_t ready = 0;
    if (events & EPOLLIN) ready |= READY_READ;
    if (events & EPOLLOUT) ready |= READY_WRITE;
    if (events & EPOLLPRI) ready |= READY_URGENT;
    /* A pipe whose other end is closed says EPOLLHUP or EPOLLERR alone; the call will tell. */
    if (events & EPOLLRDHUP) ready |= READY_HUP | READY_READ;
    if (events & EPOLLHUP) ready |= READY_HUP | READY_READ | READY_WRITE;
    if (events & EPOLLERR) ready |= READY_ERROR | READY_READ | READY_WRITE;
    return ready;
}

static int deliver(struct reactor *r, const struct epoll_event *event)
{
    if (event->data.u64 == TIMER_DATA) {
        r->armed = NEVER;
        return 0;
    }
    uint32_t i = (uint32_t)event->data.u64;
    assert(i < r->nslots);
    struct slot *slot = &r->slots[i];
    if (!slot->watch || slot->generation != event->data.u64 >> 32) return 0;
    return add_ready(slot->watch, ready_of_events(event->events));
}

/* What a callback sets has a later order and waits for the next poll, so that this ends. */
static int fire_due(struct reactor *r)
{
    int64_t now = clock_now();
    uint64_t end = r->order;
    int fired = 0;
    for (struct timer *t; (t = heap_first(&r->timers)) && t->at <= now && t->order < end; fired++) {
        heap_take(&r->timers, t);
        t->fire(t);
    }
    return fired;
}

int reactor_poll(struct reactor *r, bool block)
{
    if (block) arm(r);
    int n = epoll_wait(r->epoll, r->events, EVENTS, block ? -1 : 0);
    assert(n >= 0 || errno == EINTR);
    int calls = 0;
    for (int i = 0; i < n; i++)
        calls += deliver(r, &r->events[i]);
    if (r->timers.n) calls += fire_due(r);
    return calls;
}

uint32_t reactor_count(const struct reactor *r)
{
    return r->watched;
}
