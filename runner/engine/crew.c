#include "engine/crew.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/plan.h"
#include "engine/program_run.h"
#include "net/process.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

#define END_ALL_NS (2 * NS_PER_S)

enum { KEPT_MOST = 64 };

/* Room for one case that runs. Its place among the others is its board's. */
struct seat {
    struct run_base base;
    struct emit emit;
    struct run *run;
    const char *serial;
};

/* Cases of one body share its plan. */
struct shared_plan {
    struct case_plan *plan;
    bool tried;
};

struct crew {
    const struct crew_options *o;
    struct hub hub;
    struct watch signals;
    struct seat *seats;
    uint32_t nseats, active;
    struct seat before;                  /* its run is there once `before` is up */
    const struct event_failure *no_more; /* why `before` is not there any more; NULL: it is, or there is none */
    struct arena last_words;             /* holds that */
    bool restarted, used;                /* `before` was, and a case has ended by itself since then */
    bool shared_ready;
    struct shared_plan *plans; /* of each body */
    bool *begun;               /* of each of the job's cases */
    uint32_t next;             /* all before it have begun */
    bool told_to_end, broken;
};

void crew_running(struct crew *c, const struct board *b)
{
    struct board *first = c->o->job->board;
    first->running = (uint32_t)(b - first);
}

void crew_shared_ready(struct crew *c)
{
    c->shared_ready = true;
    c->hub.pause = true;
}

/* Those of `before` live on. A case beside others cannot tell whose children an orphan was: the last one to go ends
 * them all. */
void crew_end_children(struct crew *c)
{
    pid_t keep[KEPT_MOST + 1];
    unsigned n = 0;
    siginfo_t info;
    if (c->active > 1) return;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return;
    const struct run *shared = c->before.run;
    if (shared && shared->unfinished) return;
    for (const struct program *p = shared ? shared->programs : NULL; p && n < KEPT_MOST; p = p->next)
        if (p->process.pid > 0 && !p->process.ended) keep[n++] = p->process.pid;
    keep[n] = 0;
    process_end_all(keep, clock_now() + END_ALL_NS);
}

static void signalled(struct watch *w)
{
    struct crew *c = (struct crew *)(void *)((char *)w - offsetof(struct crew, signals));
    c->told_to_end = true;
    c->hub.pause = true;
    for (uint32_t i = 0; i < c->nseats; i++)
        if (c->seats[i].run) run_tell_end(c->seats[i].run);
    if (c->before.run) run_tell_end(c->before.run);
}

/* A seat of its own for everything that a case has alone. */
static void seat_init(struct crew *c, struct seat *s, uint32_t slot)
{
    const struct crew_options *o = c->o;
    const struct child_job *job = o->job;
    struct board *b = job->board + slot;
    emit_init(&s->emit, job->file, job->control, o->emit->spool, o->emit->spool_most / c->nseats);
    emit_join(&s->emit, o->emit);
    board_clear_case(b);
    if (job->board->slots <= slot) job->board->slots = slot + 1;
    s->base = (struct run_base){.scenario = o->scenario,
                                .settings = job->settings,
                                .folder = job->folder,
                                .lua = o->lua,
                                .tls = o->tls,
                                .emit = &s->emit,
                                .board = b,
                                .hub = &c->hub,
                                .crew = c,
                                .shared = slot < c->nseats ? c->before.run : NULL};
}

static void name_case(struct emit *e, const struct case_model *m, uint32_t index)
{
    e->case_name = m->name;
    e->case_index = (int32_t)index;
    e->case_line = source_line(m->mark);
}

static struct case_plan *plan_of(struct crew *c, const struct case_model *m)
{
    struct shared_plan *p = &c->plans[m->body];
    if (!p->tried) p->plan = plan_compile(c->o->scenario, m, NULL, c->o->arena, c->o->diags);
    p->tried = true;
    return p->plan;
}

static void send_verdict(struct emit *e, const struct case_model *m, enum sr_verdict v, const char *text,
                         const struct event_failure *f)
{
    struct event_failure own = f ? *f : (struct event_failure){0};
    struct event verdict = {.kind = EVENT_VERDICT,
                            .verdict = v,
                            .text = text,
                            .tags = *m->tags ? m->tags : NULL,
                            .failures = f ? &own : NULL,
                            .nfailures = f ? 1 : 0};
    emit_event(e, &verdict);
}

/* False if the case is over already. */
static bool begin_case(struct crew *c, struct seat *s, uint32_t index)
{
    const struct scenario *sc = c->o->scenario;
    const struct case_model *m = &sc->cases[index % sc->ncases];
    struct event begins = {.kind = EVENT_CASE, .tags = *m->tags ? m->tags : NULL};
    name_case(&s->emit, m, index);
    emit_event(&s->emit, &begins);
    const char *skip = m->skip ? (m->skip->text.n ? m->skip->text.p : "skipped") : c->o->missing;
    if (skip) {
        send_verdict(&s->emit, m, SR_SKIP, skip, NULL);
        return false;
    }
    if (c->no_more) {
        send_verdict(&s->emit, m, SR_ERROR, NULL, c->no_more);
        return false;
    }
    const struct case_plan *plan = plan_of(c, m);
    const struct datum **rows = plan_rows(sc, m, NULL, c->o->arena, c->o->diags);
    if (!plan || c->o->diags->n) {
        c->broken = true;
        return false;
    }
    s->serial = m->serial;
    s->base.shared = c->before.run;
    c->active++;
    s->run = run_new(&s->base, m, plan, rows);
    return true;
}

static void end_case(struct crew *c, struct seat *s)
{
    c->used = c->used || !c->no_more;
    if (!run_free(s->run)) c->broken = true;
    s->run = NULL;
    s->serial = NULL;
    c->active--;
}

static bool is_taken(const struct crew *c, const char *serial)
{
    for (uint32_t i = 0; serial && i < c->nseats; i++)
        if (c->seats[i].serial && strcmp(c->seats[i].serial, serial) == 0) return true;
    return false;
}

/* The place in the job of the next case that may run now; job->ncases: none. */
static uint32_t next_case(struct crew *c)
{
    const struct child_job *job = c->o->job;
    const struct scenario *sc = c->o->scenario;
    while (c->next < job->ncases && c->begun[c->next])
        c->next++;
    uint32_t i = c->next;
    while (i < job->ncases && (c->begun[i] || is_taken(c, sc->cases[job->cases[i] % sc->ncases].serial)))
        i++;
    return i;
}

static struct seat *free_seat(struct crew *c)
{
    for (uint32_t i = 0; i < c->nseats; i++)
        if (!c->seats[i].run) return &c->seats[i];
    return NULL;
}

/* A run may be over as soon as it has begun. */
static void fill_seats(struct crew *c)
{
    const struct child_job *job = c->o->job;
    struct seat *s;
    while (!c->told_to_end && !c->broken && c->shared_ready && (s = free_seat(c))) {
        const uint32_t i = next_case(c);
        if (i == job->ncases) return;
        c->begun[i] = true;
        if (begin_case(c, s, job->cases[i]) && s->run->sched.stop) end_case(c, s);
    }
}

/* `before` */

static const struct event_failure *keep_words(struct crew *c, const struct case_model *m,
                                              const struct event_failure *from)
{
    struct event_failure *f = ARENA_NEW(&c->last_words, struct event_failure);
    const char *actor = from && from->actor ? from->actor : "";
    *f = (struct event_failure){.kind = from ? arena_dup(&c->last_words, slice_of(from->kind)) : "system",
                                .place = from ? from->place : source_place(m->mark),
                                .after = -1,
                                .limit = -1};
    f->message =
        arena_printf(&c->last_words, "`before`: %s%s%s", actor, *actor ? ": " : "", from ? from->message : "it ended");
    return f;
}

static void break_cases(struct crew *c, const struct event_failure *f)
{
    for (uint32_t i = 0; i < c->nseats; i++)
        if (c->seats[i].run) run_break(c->seats[i].run, f);
}

void crew_break(struct crew *c, const struct event_failure *f)
{
    if (c->active) break_cases(c, keep_words(c, c->o->scenario->before, f));
}

static void start_before(struct crew *c)
{
    const struct case_model *m = c->o->scenario->before;
    c->shared_ready = m == NULL;
    if (!m) return;
    c->used = false;
    c->no_more = NULL;
    struct case_plan *plan = plan_compile(c->o->scenario, m, NULL, c->o->arena, c->o->diags);
    if (!plan || c->o->diags->n) {
        c->broken = true;
        return;
    }
    seat_init(c, &c->before, c->nseats);
    name_case(&c->before.emit, m, 0);
    c->before.emit.case_index = -1;
    c->before.run = run_new(&c->before.base, m, plan, NULL);
}

/* Something in it has failed: the cases that run fail with it, and it is started again once. */
static void lose_before(struct crew *c)
{
    struct run *r = c->before.run;
    /* Not again and again: what dies under every case is told of by the rest of them. */
    const bool again = c->used || !c->restarted;
    c->no_more = keep_words(c, r->model, r->nfailures ? &r->failures[0] : NULL);
    break_cases(c, c->no_more);
    while (c->active) {
        struct sched *s = hub_run(&c->hub);
        for (uint32_t i = 0; s && i < c->nseats; i++)
            if (c->seats[i].run && &c->seats[i].run->sched == s) end_case(c, &c->seats[i]);
    }
    c->before.run = NULL;
    run_free(r);
    const bool was_ready = c->shared_ready;
    c->shared_ready = true;
    if (was_ready && again && !c->told_to_end) {
        start_before(c);
        c->restarted = true;
    }
}

static void end_before(struct crew *c)
{
    if (!c->before.run) return;
    run_tell_end(c->before.run);
    while (!c->before.run->sched.stop)
        hub_run(&c->hub);
    run_free(c->before.run);
    c->before.run = NULL;
}

static void take_end(struct crew *c, struct sched *s)
{
    if (c->before.run && s == &c->before.run->sched) {
        lose_before(c);
        return;
    }
    for (uint32_t i = 0; i < c->nseats; i++)
        if (c->seats[i].run && &c->seats[i].run->sched == s) end_case(c, &c->seats[i]);
}

static bool all_begun(struct crew *c)
{
    while (c->next < c->o->job->ncases && c->begun[c->next])
        c->next++;
    return c->next == c->o->job->ncases;
}

static void run_all(struct crew *c)
{
    start_before(c);
    if (c->before.run && c->before.run->sched.stop) lose_before(c);
    while (!c->broken) {
        fill_seats(c);
        if (c->broken || (!c->active && (c->told_to_end || all_begun(c)))) break;
        struct sched *s = hub_run(&c->hub);
        if (s) take_end(c, s);
    }
    end_before(c);
}

static bool set_up(struct crew *c)
{
    const struct scenario *sc = c->o->scenario;
    const int error = hub_init(&c->hub);
    if (error) return false;
    c->signals = (struct watch){.fd = -1, .wake = signalled};
    if (c->o->signals >= 0) reactor_add(c->hub.reactor, &c->signals, c->o->signals);
    c->nseats = sc->concurrency < c->o->job->ncases ? sc->concurrency : c->o->job->ncases;
    if (!c->nseats) c->nseats = 1;
    c->seats = mem_zalloc(c->nseats * sizeof *c->seats);
    for (uint32_t i = 0; i < c->nseats; i++)
        seat_init(c, &c->seats[i], i);
    c->plans = mem_zalloc((sc->ncases + 1) * sizeof *c->plans);
    c->begun = mem_zalloc(c->o->job->ncases + 1);
    return true;
}

static void take_down(struct crew *c)
{
    for (uint32_t i = 0; i < c->nseats; i++)
        emit_done(&c->seats[i].emit);
    emit_done(&c->before.emit);
    reactor_remove(c->hub.reactor, &c->signals);
    hub_done(&c->hub);
    mem_free(c->seats);
    mem_free(c->plans);
    mem_free(c->begun);
    arena_done(&c->last_words);
}

bool crew_run(const struct crew_options *o)
{
    struct crew c = {.o = o};
    if (!set_up(&c)) return false;
    run_all(&c);
    const bool good = !c.broken && !c.told_to_end && all_begun(&c);
    take_down(&c);
    return good;
}
