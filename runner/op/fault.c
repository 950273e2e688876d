#include "op/fault.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"
#include "util/random.h"
#include "util/units.h"

enum { TAIL_MOST = 16 << 10, DATAGRAM_MOST = 64 << 10, MADE = 32 << 10, TOLD = 120 };

#define UNKNOWN UINT64_MAX
#define HELD_NS (100 * NS_PER_MS)

struct fault_state {
    uint64_t from;             /* position where it begins to hold */
    uint64_t budget;           /* position where reset_after and truncate are due */
    bool cut, stalled, closed; /* its events have happened */
    struct buf tail;           /* of the stream, while a match is looked for */
    size_t scan;               /* no match begins before, in the tail */
};

static bool has(const struct fault_rule *r, enum fault f)
{
    return (r->has & 1U << f) != 0;
}

static bool applies(const struct fault_flow *f, const struct fault_rule *r)
{
    return f->to_server ? r->to_server : r->to_client;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UNKNOWN - b ? UNKNOWN : a + b;
}

static void begin_at(struct fault_state *s, const struct fault_rule *r, uint64_t pos)
{
    s->from = pos;
    s->budget = plus(pos, has(r, FAULT_RESET) ? r->reset_after : r->truncate);
    buf_done(&s->tail);
}

static void free_states(struct fault_flow *f)
{
    for (uint32_t i = 0; i < f->nstates; i++)
        buf_done(&f->states[i].tail);
    mem_free(f->states);
    f->states = NULL;
    f->nstates = 0;
}

void fault_begin(struct fault_flow *f, struct fault_set *set, int64_t now)
{
    free_states(f);
    f->set = set;
    f->nstates = set->n;
    f->began = now;
    f->first = f->unit;
    f->dropping = f->closed;
    f->states = set->n ? mem_zalloc(set->n * sizeof *f->states) : NULL;
    for (uint32_t i = 0; i < set->n; i++) {
        struct fault_state *s = &f->states[i];
        const struct fault_rule *r = &set->rules[i];
        buf_init(&s->tail, 2 * TAIL_MOST + OUTBOX_MOST);
        s->from = s->budget = UNKNOWN;
        if (r->after == AFTER_NOTHING) begin_at(s, r, f->pos);
        if (r->after == AFTER_BYTES) begin_at(s, r, plus(f->pos, r->after_bytes));
    }
}

void fault_done(struct fault_flow *f)
{
    free_states(f);
    buf_done(&f->held);
    f->held_until = 0;
}

static void tell(const struct fault_flow *f, const char *what)
{
    if (f->set->told) f->set->told(f->set->ctx, f, what);
}

static const char *unit_name(bool datagrams, uint64_t n)
{
    if (datagrams) return n == 1 ? "datagram" : "datagrams";
    return n == 1 ? "byte" : "bytes";
}

/* Takes one of the times that a rule may act. */
static bool may(struct fault_rule *r)
{
    if (!r->left) return false;
    if (r->left != UINT64_MAX) r->left--;
    return true;
}

static void happened(const struct fault_flow *f, struct fault_rule *r, enum fault fault, const char *what)
{
    r->done[fault]++;
    tell(f, what);
}

/* The same for the same seed, connection, direction and place, whatever came before. */
static bool falls(const struct fault_flow *f, const struct fault_rule *r, enum fault fault, double share, uint64_t unit)
{
    if (share >= 1) return true;
    const uint64_t stream = random_word(r->seed, (uint64_t)f->connection * 2 + f->to_server) + (uint64_t)fault;
    return random_share(random_word(stream, unit)) < share;
}

static uint64_t pick(const struct fault_flow *f, const struct fault_rule *r, uint64_t unit)
{
    return random_word(~random_word(r->seed, (uint64_t)f->connection * 2 + f->to_server), unit);
}

static bool holds_here(const struct fault_state *s, uint64_t pos)
{
    return s->from != UNKNOWN && pos >= s->from;
}

/* When and how bytes that come now go out, by all rules that hold. */
static struct parcel manner(struct fault_flow *f, int64_t now, size_t n)
{
    struct parcel p = {.kind = f->datagrams ? PARCEL_DATAGRAM : PARCEL_BYTES, .due = now};
    for (uint32_t i = 0; i < f->set->n; i++) {
        struct fault_rule *r = &f->set->rules[i];
        if (!applies(f, r) || !holds_here(&f->states[i], f->pos)) continue;
        const uint64_t unit = f->datagrams ? f->unit : f->pos;
        if (has(r, FAULT_DELAY)) {
            p.due += r->delay;
            if (r->jitter) p.due += (int64_t)(random_share(pick(f, r, unit)) * (double)r->jitter);
        }
        if (has(r, FAULT_RATE) && (!p.rate || r->rate < p.rate)) p.rate = r->rate;
        if (has(r, FAULT_SPLIT) && (!p.cut || r->split < p.cut)) p.cut = r->split;
        if (has(r, FAULT_COALESCE)) {
            if (now >= f->gather) f->gather = now + r->coalesce;
            if (p.due < f->gather) p.due = f->gather;
        }
        static const enum fault counted[] = {FAULT_DELAY, FAULT_RATE, FAULT_SPLIT, FAULT_COALESCE};
        for (size_t k = 0; k < sizeof counted / sizeof *counted; k++)
            if (has(r, counted[k])) r->done[counted[k]] += f->datagrams ? 1 : n;
    }
    /* Delays never change the order. */
    if (p.due < f->last_due) p.due = f->last_due;
    f->last_due = p.due;
    return p;
}

static void add(struct outbox *o, enum parcel_kind kind, int64_t due)
{
    const struct parcel p = {.kind = (uint8_t)kind, .due = due};
    outbox_add(o, &p, (struct slice){NULL, 0});
}

/* What a rule does at one place, once. */
static void act(struct fault_flow *f, struct fault_rule *r, struct fault_state *s, struct outbox *o)
{
    char text[TOLD], size[UNITS_TEXT];
    if (has(r, FAULT_STALL) && !s->stalled && may(r)) {
        s->stalled = true;
        snprintf(text, sizeof text, "stalls %s",
                 r->stall == INT64_MAX ? "for good" : units_show_duration(r->stall, size));
        happened(f, r, FAULT_STALL, text);
        add(o, PARCEL_STALL, r->stall);
    }
    if (has(r, FAULT_HALF_CLOSE) && !s->closed && may(r)) {
        s->closed = f->closed = f->dropping = true;
        happened(f, r, FAULT_HALF_CLOSE, "closes this direction");
        add(o, PARCEL_FIN, f->last_due);
    }
    if (f->pos < s->budget || s->cut) return;
    if (has(r, FAULT_TRUNCATE) && !f->datagrams && may(r)) {
        s->cut = f->dropping = true;
        happened(f, r, FAULT_TRUNCATE, "cuts off what follows");
    }
    if (has(r, FAULT_RESET) && may(r)) {
        s->cut = f->closed = f->dropping = true;
        happened(f, r, FAULT_RESET, "resets the connection");
        add(o, PARCEL_RESET, f->last_due);
    }
}

static void act_all(struct fault_flow *f, int64_t now, struct outbox *o)
{
    for (uint32_t i = 0; i < f->set->n && !f->dropping; i++) {
        struct fault_rule *r = &f->set->rules[i];
        struct fault_state *s = &f->states[i];
        if (!applies(f, r)) continue;
        const bool begins = (r->after == AFTER_TIME && now >= f->began + r->after_time) ||
                            (r->after == AFTER_DATAGRAMS && f->unit - f->first >= r->after_bytes);
        if (s->from == UNKNOWN && begins) begin_at(s, r, f->pos);
        if (holds_here(s, f->pos)) act(f, r, s, o);
    }
}

/* Looks for the end of the first match in what has come. Bytes before the tail are forgotten: a match is at most as
 * long. */
static void look(struct fault_flow *f, const struct fault_rule *r, struct fault_state *s, struct slice bytes)
{
    buf_add(&s->tail, bytes);
    const struct slice have = buf_slice(&s->tail);
    const uint64_t begins = f->pos + bytes.n - have.n;
    struct regex_match m = {0};
    size_t keep;
    if (r->after == AFTER_TEXT) {
        const char *found = memmem(have.p, have.n, r->after_text.p, r->after_text.n);
        if (found) {
            begin_at(s, r, begins + (uint64_t)(found - have.p) + r->after_text.n);
            return;
        }
        keep = have.n < r->after_text.n ? 0 : have.n - r->after_text.n + 1;
    } else {
        const enum regex_found found = regex_scan(r->after_pattern, have, s->scan, f->datagrams, &m);
        if (found == REGEX_YES) {
            begin_at(s, r, begins + m.to);
            return;
        }
        s->scan = found == REGEX_MORE ? m.from : have.n;
        /* What a lookbehind may want to see is kept as well. */
        keep = s->scan < TAIL_MOST ? 0 : s->scan - TAIL_MOST / 2;
        if (have.n - keep > TAIL_MOST) keep = have.n - TAIL_MOST;
        s->scan = s->scan > keep ? s->scan - keep : 0;
    }
    buf_drop(&s->tail, keep);
}

static void look_all(struct fault_flow *f, struct slice bytes)
{
    for (uint32_t i = 0; i < f->set->n; i++) {
        const struct fault_rule *r = &f->set->rules[i];
        if (f->states[i].from == UNKNOWN && applies(f, r) && (r->after == AFTER_TEXT || r->after == AFTER_PATTERN))
            look(f, r, &f->states[i], bytes);
    }
}

/* How many of n bytes the same rules hold for. */
static size_t same_rules(const struct fault_flow *f, size_t n)
{
    uint64_t end = f->pos + n;
    for (uint32_t i = 0; i < f->set->n; i++) {
        const struct fault_state *s = &f->states[i];
        if (!applies(f, &f->set->rules[i])) continue;
        if (s->from > f->pos && s->from < end) end = s->from;
        if (s->budget > f->pos && s->budget < end) end = s->budget;
    }
    return (size_t)(end - f->pos);
}

struct changed {
    uint64_t dropped, duplicated, corrupted;
};

/* One byte through all rules that hold: how often it goes out, perhaps with another value. */
static unsigned change_byte(struct fault_flow *f, uint64_t pos, unsigned char *byte)
{
    unsigned copies = 1;
    for (uint32_t i = 0; i < f->set->n; i++) {
        struct fault_rule *r = &f->set->rules[i];
        if (!applies(f, r) || !holds_here(&f->states[i], pos)) continue;
        if (has(r, FAULT_CORRUPT) && falls(f, r, FAULT_CORRUPT, r->corrupt, pos) && may(r)) {
            *byte ^= (unsigned char)(1U << (pick(f, r, pos) & 7));
            r->done[FAULT_CORRUPT]++;
        }
        if (has(r, FAULT_DUPLICATE) && copies && falls(f, r, FAULT_DUPLICATE, r->duplicate, pos) && may(r)) {
            copies++;
            r->done[FAULT_DUPLICATE]++;
        }
        if (has(r, FAULT_DROP) && copies && falls(f, r, FAULT_DROP, r->drop, pos) && may(r)) {
            copies = 0;
            r->done[FAULT_DROP]++;
        }
    }
    return copies;
}

static unsigned faults_in_force(const struct fault_flow *f)
{
    unsigned all = 0;
    for (uint32_t i = 0; i < f->set->n; i++) {
        const struct fault_rule *r = &f->set->rules[i];
        if (applies(f, r) && r->left && holds_here(&f->states[i], f->pos)) all |= r->has;
    }
    return all;
}

static uint64_t done_in_all(const struct fault_flow *f, enum fault fault)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < f->set->n; i++)
        n += f->set->rules[i].done[fault];
    return n;
}

static void tell_changes(const struct fault_flow *f, enum fault fault, const char *what, uint64_t before)
{
    char text[TOLD];
    const uint64_t n = done_in_all(f, fault) - before;
    if (!n || !f->set->told) return;
    snprintf(text, sizeof text, "%s %llu %s", what, (unsigned long long)n, unit_name(f->datagrams, n));
    tell(f, text);
}

static const struct {
    enum fault fault;
    const char *what;
} changes[] = {{FAULT_CORRUPT, "corrupts"}, {FAULT_DUPLICATE, "duplicates"}, {FAULT_DROP, "drops"}};

enum { CHANGES = sizeof changes / sizeof *changes };

/* Bytes that are changed one by one, into as few parcels as can be. */
static void pass_changed(struct fault_flow *f, const struct parcel *p, struct slice bytes, struct outbox *o)
{
    char made[MADE];
    size_t n = 0;
    uint64_t before[CHANGES];
    for (size_t i = 0; i < CHANGES; i++)
        before[i] = done_in_all(f, changes[i].fault);
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char byte = (unsigned char)bytes.p[i];
        for (unsigned copies = change_byte(f, f->pos + i, &byte); copies; copies--) {
            if (n == sizeof made) {
                outbox_add(o, p, (struct slice){made, n});
                n = 0;
            }
            made[n++] = (char)byte;
        }
    }
    if (n) outbox_add(o, p, (struct slice){made, n});
    for (size_t i = 0; i < CHANGES; i++)
        tell_changes(f, changes[i].fault, changes[i].what, before[i]);
}

static void take_bytes(struct fault_flow *f, struct slice bytes, int64_t now, struct outbox *o)
{
    const unsigned changing = 1U << FAULT_CORRUPT | 1U << FAULT_DUPLICATE | 1U << FAULT_DROP;
    look_all(f, bytes);
    while (bytes.n) {
        act_all(f, now, o);
        if (f->dropping) break;
        const size_t n = same_rules(f, bytes.n);
        const struct slice piece = slice_part(bytes, 0, n);
        const struct parcel p = manner(f, now, n);
        if (faults_in_force(f) & changing)
            pass_changed(f, &p, piece, o);
        else
            outbox_add(o, &p, piece);
        f->pos += n;
        bytes = slice_part(bytes, n, bytes.n);
    }
    f->pos += bytes.n;
    act_all(f, now, o);
}

static void let_go(struct fault_flow *f, const struct parcel *p, struct outbox *o)
{
    if (!f->held_until) return;
    outbox_add(o, p, buf_slice(&f->held));
    f->held_until = 0;
    buf_done(&f->held);
}

static bool hold_back(struct fault_flow *f, struct slice bytes, int64_t now)
{
    if (f->held_until) return false;
    buf_init(&f->held, DATAGRAM_MOST);
    f->held_until = buf_add(&f->held, bytes) ? now + HELD_NS : 0;
    return f->held_until != 0;
}

static bool chosen(struct fault_flow *f, struct fault_rule *r, enum fault fault, double share)
{
    static const char *const words[FAULTS] = {[FAULT_DROP] = "drops a datagram",
                                              [FAULT_DUPLICATE] = "duplicates a datagram",
                                              [FAULT_REORDER] = "lets a datagram be overtaken",
                                              [FAULT_CORRUPT] = "corrupts a datagram",
                                              [FAULT_TRUNCATE] = "truncates a datagram"};
    if (!has(r, fault) || !falls(f, r, fault, share, f->unit) || !may(r)) return false;
    happened(f, r, fault, words[fault]);
    return true;
}

/* What the rules make of one datagram. */
static void pass_datagram(struct fault_flow *f, const struct parcel *p, struct slice bytes, int64_t now,
                          struct outbox *o)
{
    char made[DATAGRAM_MOST];
    unsigned copies = 1;
    bool later = false;
    for (uint32_t i = 0; i < f->set->n; i++) {
        struct fault_rule *r = &f->set->rules[i];
        if (!applies(f, r) || !holds_here(&f->states[i], f->pos)) continue;
        if (has(r, FAULT_TRUNCATE) && bytes.n > r->truncate && chosen(f, r, FAULT_TRUNCATE, 1))
            bytes.n = (size_t)r->truncate;
        if (bytes.n && bytes.n <= sizeof made && chosen(f, r, FAULT_CORRUPT, r->corrupt)) {
            const uint64_t bit = pick(f, r, f->unit) % (bytes.n * 8);
            if (bytes.p != made) memcpy(made, bytes.p, bytes.n);
            made[bit / 8] = (char)(made[bit / 8] ^ (char)(1U << bit % 8));
            bytes.p = made;
        }
        if (chosen(f, r, FAULT_DROP, r->drop)) copies = 0;
        if (copies && chosen(f, r, FAULT_DUPLICATE, r->duplicate)) copies++;
        if (copies && chosen(f, r, FAULT_REORDER, r->reorder)) later = true;
    }
    if (later && copies && hold_back(f, bytes, now)) return;
    for (; copies; copies--)
        outbox_add(o, p, bytes);
    let_go(f, p, o);
}

static void take_datagram(struct fault_flow *f, struct slice bytes, int64_t now, struct outbox *o)
{
    look_all(f, bytes);
    /* Each is searched for itself. */
    for (uint32_t i = 0; i < f->set->n; i++) {
        buf_clear(&f->states[i].tail);
        f->states[i].scan = 0;
    }
    act_all(f, now, o);
    if (!f->dropping) {
        const struct parcel p = manner(f, now, bytes.n);
        pass_datagram(f, &p, bytes, now, o);
    }
    f->pos += bytes.n;
    f->unit++;
}

void fault_take(struct fault_flow *f, struct slice bytes, int64_t now, struct outbox *o)
{
    if (f->datagrams)
        take_datagram(f, bytes, now, o);
    else
        take_bytes(f, bytes, now, o);
}

void fault_end(struct fault_flow *f, bool reset, int64_t now, struct outbox *o)
{
    if (f->closed) return;
    const struct parcel p = manner(f, now, 0);
    f->closed = f->dropping = true;
    add(o, reset ? PARCEL_RESET : PARCEL_FIN, p.due);
}

int64_t fault_tick(struct fault_flow *f, int64_t now, struct outbox *o)
{
    int64_t wake = INT64_MAX;
    act_all(f, now, o);
    if (f->held_until && now >= f->held_until) {
        const struct parcel p = {.kind = PARCEL_DATAGRAM, .due = now};
        let_go(f, &p, o);
    }
    if (f->held_until) wake = f->held_until;
    for (uint32_t i = 0; i < f->set->n && !f->dropping; i++) {
        const struct fault_rule *r = &f->set->rules[i];
        if (!applies(f, r) || f->states[i].from != UNKNOWN || r->after != AFTER_TIME) continue;
        if (f->began + r->after_time < wake) wake = f->began + r->after_time;
    }
    return wake;
}

bool fault_rule_random(const struct fault_rule *r)
{
    const double shares[] = {r->drop, r->duplicate, r->reorder, r->corrupt};
    if (r->jitter || has(r, FAULT_CORRUPT)) return true;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (shares[i] > 0 && shares[i] < 1) return true;
    return false;
}

void fault_show(const struct fault_rule *r, bool datagrams, struct buf *out)
{
    static const char *const words[FAULTS] = {
        [FAULT_DELAY] = "delayed",          [FAULT_RATE] = "slowed down",  [FAULT_DROP] = "dropped",
        [FAULT_DUPLICATE] = "duplicated",   [FAULT_REORDER] = "reordered", [FAULT_SPLIT] = "split",
        [FAULT_COALESCE] = "held together", [FAULT_CORRUPT] = "corrupted", [FAULT_TRUNCATE] = "cut off",
        [FAULT_STALL] = "stalled",          [FAULT_HALF_CLOSE] = "closed", [FAULT_RESET] = "reset",
        [FAULT_REFUSE] = "refused",
    };
    const char *comma = "";
    for (unsigned i = 0; i < FAULTS; i++) {
        if (!r->done[i] || i == FAULT_REFUSE) continue;
        const uint64_t n = r->done[i];
        const bool whole =
            i == FAULT_STALL || i == FAULT_HALF_CLOSE || i == FAULT_RESET || (i == FAULT_TRUNCATE && !datagrams);
        buf_printf(out, "%s%s %llu %s", comma, words[i], (unsigned long long)n,
                   !whole   ? unit_name(datagrams, n)
                   : n == 1 ? "stream"
                            : "streams");
        comma = ", ";
    }
    if (out->n && fault_rule_random(r)) buf_printf(out, " (seed %llu)", (unsigned long long)r->seed);
}
