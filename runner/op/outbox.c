#include "op/outbox.h"

#include <assert.h>
#include <string.h>

#include "util/mem.h"
#include "util/units.h"

enum { DATA_FIRST = 4 << 10, PLACES_FIRST = 8, PACES = 100 /* writes a second, at most, of what has a rate */ };

void outbox_done(struct outbox *o)
{
    mem_free(o->data);
    mem_free(o->ring);
    *o = (struct outbox){0};
}

void outbox_clear(struct outbox *o)
{
    const int64_t paced = o->paced;
    outbox_done(o);
    o->paced = paced;
}

static struct parcel *at(const struct outbox *o, uint32_t i)
{
    return &o->ring[(o->head + i) % o->places];
}

static void add_bytes(struct outbox *o, struct slice bytes)
{
    if (!bytes.n) return;
    if (o->from + o->n + bytes.n > o->size) {
        if (o->n) memmove(o->data, o->data + o->from, o->n);
        o->from = 0;
        size_t size = o->size ? o->size : DATA_FIRST;
        while (size < o->n + bytes.n)
            size *= 2;
        if (size != o->size) o->data = mem_resize(o->data, size, 1);
        o->size = size;
    }
    memcpy(o->data + o->from + o->n, bytes.p, bytes.n);
    o->n += bytes.n;
}

static void add_place(struct outbox *o)
{
    if (o->parcels < o->places) return;
    const uint32_t places = o->places ? o->places * 2 : PLACES_FIRST;
    struct parcel *ring = mem_resize(NULL, places, sizeof *ring);
    for (uint32_t i = 0; i < o->parcels; i++)
        ring[i] = *at(o, i);
    mem_free(o->ring);
    o->ring = ring;
    o->places = places;
    o->head = 0;
}

void outbox_add(struct outbox *o, const struct parcel *p, struct slice bytes)
{
    add_bytes(o, bytes);
    struct parcel *last = o->parcels ? at(o, o->parcels - 1) : NULL;
    if (last && p->kind == PARCEL_BYTES && last->kind == PARCEL_BYTES && last->due == p->due && last->rate == p->rate &&
        last->cut == p->cut) {
        last->n += bytes.n;
        return;
    }
    add_place(o);
    struct parcel *next = at(o, o->parcels++);
    *next = *p;
    next->n = bytes.n;
    next->begun = false;
}

static void pop(struct outbox *o)
{
    o->head = (o->head + 1) % o->places;
    o->parcels--;
}

/* True while it holds back what is behind it. */
static bool stalls(struct parcel *p, int64_t now)
{
    if (!p->begun) {
        p->begun = true;
        p->due = p->due > INT64_MAX - now ? INT64_MAX : now + p->due;
    }
    return now < p->due;
}

static enum outbox_next later(int64_t at, int64_t *ret_wake)
{
    *ret_wake = at;
    return OUTBOX_LATER;
}

/* As many bytes as may go in one write. */
static size_t piece(const struct parcel *p)
{
    size_t n = p->n;
    if (p->kind != PARCEL_BYTES) return n;
    if (p->cut && n > p->cut) n = (size_t)p->cut;
    const uint64_t pace = p->rate ? p->rate / PACES + 1 : n;
    return n > pace ? (size_t)pace : n;
}

enum outbox_next outbox_next(struct outbox *o, int64_t now, struct parcel *ret, struct slice *ret_bytes,
                             int64_t *ret_wake)
{
    for (; o->parcels; pop(o)) {
        struct parcel *p = at(o, 0);
        if (p->kind == PARCEL_STALL) {
            if (stalls(p, now)) return later(p->due, ret_wake);
            continue;
        }
        if (now < p->due) return later(p->due, ret_wake);
        if (p->n && now < o->paced) return later(o->paced, ret_wake);
        *ret = *p;
        *ret_bytes = (struct slice){o->n ? o->data + o->from : "", piece(p)};
        return OUTBOX_NOW;
    }
    return OUTBOX_EMPTY;
}

void outbox_taken(struct outbox *o, size_t n, int64_t now)
{
    struct parcel *p = at(o, 0);
    if (p->kind != PARCEL_BYTES) n = p->n;
    assert(n <= p->n && n <= o->n);
    if (p->rate && n) {
        const double seconds = (double)n / (double)p->rate;
        const int64_t from = o->paced > now - NS_PER_S / PACES ? o->paced : now;
        o->paced = from + (int64_t)(seconds * (double)NS_PER_S);
    }
    o->from += n;
    o->n -= n;
    p->n -= n;
    if (!p->n) pop(o);
    if (!o->n) o->from = 0;
    if (!o->parcels) outbox_clear(o);
}

void outbox_release(struct outbox *o)
{
    for (uint32_t i = 0; i < o->parcels; i++) {
        struct parcel *p = at(o, i);
        if (p->kind == PARCEL_STALL) *p = (struct parcel){.kind = PARCEL_STALL, .begun = true};
    }
}
