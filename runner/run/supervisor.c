#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/tmp.h"
#include "event/jsonl.h"
#include "net/process.h"
#include "run/postmortem.h"
#include "run/tally.h"
#include "sockrun/version.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum {
    TICK_MS = 100,
    SPOOL_TICK_MS = 50,
    DRAIN_READS = 64, /* of what a dead process left in its pipe, which holds less */
    COMPLAINTS_MOST = 64 * 1024,
    CHILDREN_MOST = 64, /* that we had before the run */
};

const struct supervisor_limits supervisor_limits = {
    .grace = 2 * NS_PER_S,
    .ask = 200 * NS_PER_MS,
    .load = 10 * NS_PER_S,
    .stop = 2 * NS_PER_S,
};

enum stop { STOP_NOT, STOP_FAILED, STOP_INTERRUPTED };

struct supervisor {
    const struct supervisor_options *o;
    const struct supervisor_limits *limits;
    struct supervisor_result *result;
    struct worker_setup setup;
    struct worker *workers;
    unsigned nworkers, active;
    unsigned jobs;        /* at most so many at once; less than nworkers where the system allows no more */
    uint32_t next;        /* all files before it have begun */
    bool *begun;          /* of each file */
    struct pollfd *polls; /* [0] signals, then two for each worker: pipe, pidfd */
    int signals;
    sigset_t mask;                   /* before the run */
    pid_t before[CHILDREN_MOST + 1]; /* children that are not of this run; ends with 0 */
    pid_t *keep;
    int64_t load; /* limits->load, scaled */
    int64_t started;
    uint32_t failing;
    enum stop stop;
    int64_t kill_at; /* of all, once stopping */
};

/* Events */

static void add_marks(const struct suite_case *c, struct event *e)
{
    e->id = c->id;
    e->ref = c->ref;
    e->quote = c->quote;
    e->level = c->level;
    e->covers = c->covers;
}

static void send_event(struct supervisor *s, struct worker *w, struct event *e)
{
    const struct suite_file *f = w->file;
    e->file = f->name;
    if (e->case_index >= 0) {
        const struct suite_case *c = &f->cases[e->case_index];
        e->case_name = c->name;
        e->case_line = c->line;
        e->tags = *c->tags ? c->tags : NULL;
        if (e->kind == EVENT_CASE || e->kind == EVENT_VERDICT) add_marks(c, e);
    }
    bus_send(s->o->bus, e);
}

static void send_file(struct supervisor *s, struct worker *w, enum event_kind kind)
{
    struct event e = {.kind = kind, .case_index = -1};
    if (kind == EVENT_FILE) e.number = w->file->nselected;
    send_event(s, w, &e);
}

/* at: when the child says that it began, 0 if it did not. */
static void begin_case(struct supervisor *s, struct worker *w, int32_t index, int64_t at)
{
    int64_t now = clock_now();
    struct event e = {.kind = EVENT_CASE, .at = at, .case_index = index};
    if (w->states[index] != CASE_PENDING && w->states[index] != CASE_AGAIN) return;
    const bool again = w->states[index] == CASE_AGAIN;
    const int64_t limit = (int64_t)((double)w->file->cases[index].timeout * s->o->settings->timeout_scale);
    w->states[index] = CASE_RUNNING;
    w->unstarted = 0;
    worker_begin_case(w, (uint32_t)index, limit, (at > 0 && at < now ? at : now) + limit);
    if (!again) send_event(s, w, &e);
}

static void begin_stop(struct supervisor *s, enum stop why)
{
    int64_t now = clock_now();
    /* Asked for the second time: at once. */
    s->kill_at = s->stop == STOP_INTERRUPTED ? now : now + s->limits->stop;
    s->stop = why;
    for (unsigned i = 0; i < s->nworkers; i++) {
        if (s->workers[i].pid) kill(s->workers[i].pid, SIGTERM);
    }
}

/* What is told of a case that has failed at first: "mismatch at x.yaml:12: first difference at byte 3". */
static const char *reason_of(struct worker *w, const struct event *verdict)
{
    const struct event_failure *f = event_reason(verdict);
    if (!f) return sr_verdict_name(verdict->verdict);
    return arena_printf(&w->memory, "%s at %s:%u: %s", f->kind, f->place.file ? f->place.file : w->file->name,
                        f->place.line, f->message ? f->message : "");
}

/* What it has left was for those who have heard of its end. */
static void remove_folder(const char *path)
{
    if (path && *path && tmp_is_one(path)) tmp_remove(path);
}

/* True if the case is to be run again: nothing else is told of it before that. */
static bool try_again(struct supervisor *s, struct worker *w, const struct event *verdict)
{
    const uint32_t index = (uint32_t)verdict->case_index;
    if (!sr_verdict_failed(verdict->verdict) || s->stop != STOP_NOT || w->tries[index] >= s->o->retry) return false;
    if (w->tries[index]++ == 0) w->reasons[index] = reason_of(w, verdict);
    w->states[index] = CASE_AGAIN;
    struct event attempt = *verdict;
    attempt.kind = EVENT_ATTEMPT;
    attempt.attempts = w->tries[index];
    send_event(s, w, &attempt);
    remove_folder(verdict->folder);
    return true;
}

static void note_tries(struct worker *w, struct event *verdict)
{
    const uint32_t tries = w->tries[verdict->case_index];
    if (!tries) return;
    verdict->attempts = tries + 1;
    if (verdict->verdict == SR_PASS || verdict->verdict == SR_WARN)
        verdict->text = arena_printf(&w->memory, "flaky: attempt %u passed; at first: %s", tries + 1,
                                     w->reasons[verdict->case_index]);
}

static void end_case(struct supervisor *s, struct worker *w, struct event *verdict)
{
    begin_case(s, w, verdict->case_index, 0);
    worker_end_case(w, (uint32_t)verdict->case_index);
    if (try_again(s, w, verdict)) return;
    note_tries(w, verdict);
    w->states[verdict->case_index] = CASE_DONE;
    w->left--;
    send_event(s, w, verdict);
    remove_folder(verdict->folder);
    if (!sr_verdict_failed(verdict->verdict)) return;
    s->failing++;
    if (s->o->fail_fast && s->failing >= s->o->fail_fast && s->stop == STOP_NOT) begin_stop(s, STOP_FAILED);
}

/* What processes say */

static void reject(struct worker *w, const char *why)
{
    snprintf(w->words, sizeof w->words, "%s", why);
    w->fault = FAULT_WORDS;
    worker_kill(w);
}

static bool knows_case(const struct worker *w, const struct event *e)
{
    return e->case_index >= 0 && (uint32_t)e->case_index < w->file->ncases;
}

static bool is_waiting(enum case_state state)
{
    return state == CASE_PENDING || state == CASE_AGAIN;
}

/* Messages of a case come after its EVENT_CASE, which is in the pipe: until then they stay in the spool. */
static bool is_early(const struct worker *w, const struct event *e)
{
    return w->pid && knows_case(w, e) && is_waiting(w->states[e->case_index]);
}

static void pass_messages(struct supervisor *s, struct worker *w)
{
    struct slice line;
    bool early = false;
    if (w->spool < 0) return;
    while (!early && worker_spooled(w, &line)) {
        struct arena a;
        struct event e;
        arena_init(&a);
        if (!jsonl_read(line, &a, &e) && !event_is_control(e.kind)) {
            early = is_early(w, &e);
            if (!knows_case(w, &e)) e.case_index = -1;
            if (!early) send_event(s, w, &e);
        }
        if (early) worker_unspool(w, line);
        arena_done(&a);
    }
}

static void pass_packets(struct supervisor *s, struct worker *w)
{
    struct event e = {.kind = EVENT_PACKETS, .case_index = -1};
    while (handover_read(&w->packets, &e.bytes)) {
        send_event(s, w, &e);
        e.at = 0;
    }
}

static void hear_case(struct supervisor *s, struct worker *w, const struct event *e)
{
    if (!knows_case(w, e) || !is_waiting(w->states[e->case_index]) || w->nrunning == BOARD_CASES)
        reject(w, "it began a case that it was not told to run");
    else
        begin_case(s, w, e->case_index, e->at);
}

static void hear_verdict(struct supervisor *s, struct worker *w, struct event *e)
{
    if (!knows_case(w, e) || w->states[e->case_index] == CASE_OUT || w->states[e->case_index] == CASE_DONE) {
        reject(w, "it judged a case that it was not running");
        return;
    }
    /* It was late, and has come to an end by itself. */
    if (w->stage == WORKER_ASKED) {
        w->stage = WORKER_RUNS;
        w->fault = FAULT_NONE;
    }
    end_case(s, w, e);
}

static void hear_event(struct supervisor *s, struct worker *w, struct event *e)
{
    switch (e->kind) {
    case EVENT_CASE: hear_case(s, w, e); break;
    case EVENT_VERDICT: hear_verdict(s, w, e); break;
    case EVENT_STEP:
    case EVENT_TRAFFIC:
    case EVENT_LOG:
    case EVENT_LOST:
    case EVENT_SECRETS:
    case EVENT_PACKETS:
    case EVENT_FRAME:
        if (!knows_case(w, e)) e->case_index = -1;
        send_event(s, w, e);
        break;
    case EVENT_RUN:
    case EVENT_ATTEMPT:
    case EVENT_FILE:
    case EVENT_FILE_END:
    case EVENT_RUN_END: break;
    }
}

static void hear_line(struct supervisor *s, struct worker *w, struct slice line)
{
    struct arena a;
    struct event e;
    arena_init(&a);
    const char *wrong = jsonl_read(line, &a, &e);
    if (!wrong)
        hear_event(s, w, &e);
    else if (strcmp(wrong, "unknown kind") != 0)
        reject(w, wrong);
    arena_done(&a);
}

/* What one read gave. False if there was nothing to read. */
static bool hear(struct supervisor *s, struct worker *w)
{
    struct slice line;
    if (!worker_read(w)) {
        if (w->said.text.overflow && w->fault != FAULT_WORDS) reject(w, "a line of more than 16 MiB");
        return false;
    }
    w->progress = clock_now();
    while (worker_line(w, &line)) {
        if (w->fault == FAULT_WORDS) continue;
        pass_messages(s, w);
        hear_line(s, w, line);
    }
    return w->fault != FAULT_WORDS;
}

/* Starting and ending them */

static void finish_file(struct supervisor *s, struct worker *w)
{
    send_file(s, w, EVENT_FILE_END);
    w->file = NULL;
    s->active--;
}

/* All cases that have no verdict yet. */
static void fail_all(struct supervisor *s, struct worker *w, const char *message)
{
    struct event_failure f = {.kind = "system", .message = message, .after = -1, .limit = -1};
    for (uint32_t i = 0; i < w->file->nselected && s->stop == STOP_NOT; i++) {
        uint32_t index = w->file->selected[i];
        struct event e = {.kind = EVENT_VERDICT, .verdict = SR_ERROR, .failures = &f, .nfailures = 1};
        e.case_index = (int32_t)index;
        if (w->states[index] != CASE_DONE) end_case(s, w, &e);
    }
}

static void cannot_start(struct supervisor *s, struct worker *w, int error)
{
    char message[160];
    snprintf(message, sizeof message, "cannot start a process: %s", strerror(-error));
    fail_all(s, w, message);
    finish_file(s, w);
}

static void fail_case(struct supervisor *s, const struct postmortem *p, struct worker *w, uint32_t index,
                      const char *before)
{
    struct arena a;
    struct event e;
    arena_init(&a);
    postmortem_verdict(p, index, before, &a, &e);
    if (!s->o->settings->keep) e.folder = NULL;
    end_case(s, w, &e);
    arena_done(&a);
}

/* Where several cases ran, the one whose turn it was. */
static bool is_to_blame(const struct worker *w, uint32_t index)
{
    const struct board *b = w->board;
    if (w->nrunning < 2 || b->running >= BOARD_SLOTS) return true;
    const int32_t at = b[b->running].case_index;
    return at < 0 || at == (int32_t)index || !worker_running(w, (uint32_t)at);
}

/* The cases that were running, by what was said or by the board alone. Those that only ran beside another one's end are
 * run again. */
static bool fail_running(struct supervisor *s, const struct postmortem *p, struct worker *w)
{
    uint32_t blamed[BOARD_CASES], n = 0;
    bool any = false;
    for (uint32_t i = 0; i < w->nrunning; i++)
        if (is_to_blame(w, w->running[i].index)) blamed[n++] = w->running[i].index;
    for (uint32_t i = 0; i < w->file->nselected; i++) {
        const uint32_t index = w->file->selected[i];
        const bool on_board = is_waiting(w->states[index]) && board_of_case(w->board, (int32_t)index);
        if (on_board && n < BOARD_CASES) blamed[n++] = index;
    }
    for (uint32_t i = 0; i < n; i++)
        fail_case(s, p, w, blamed[i], NULL);
    any = n > 0;
    for (uint32_t i = 0; i < w->nrunning; i++)
        w->states[w->running[i].index] = CASE_AGAIN;
    w->nrunning = 0;
    return any;
}

static void fail_unstarted(struct supervisor *s, const struct postmortem *p, struct worker *w)
{
    if (++w->unstarted < 2) return;
    for (uint32_t i = 0; i < w->file->nselected && s->stop == STOP_NOT; i++) {
        uint32_t index = w->file->selected[i];
        if (is_waiting(w->states[index])) fail_case(s, p, w, index, "the case could not begin");
    }
}

static void complain(struct supervisor *s, const struct postmortem *p, const struct worker *w)
{
    struct arena a;
    arena_init(&a);
    buf_printf(&s->result->complaints, "%s: after its last case: %s\n", w->file->name, postmortem_reason(p, &a));
    arena_done(&a);
}

static void go_on(struct supervisor *s, struct worker *w)
{
    int error = s->stop == STOP_NOT ? worker_start(w, &s->setup) : 0;
    if (error)
        cannot_start(s, w, error);
    else if (s->stop != STOP_NOT)
        finish_file(s, w);
}

/* Whatever it started falls to us, and is not ended by its death where it has a session of its own. */
static void end_orphans(struct supervisor *s, int64_t limit)
{
    unsigned n = 0;
    for (const pid_t *p = s->before; *p; p++)
        s->keep[n++] = *p;
    for (unsigned i = 0; i < s->nworkers; i++) {
        if (s->workers[i].pid) s->keep[n++] = s->workers[i].pid;
    }
    s->keep[n] = 0;
    int left = process_end_all(s->keep, clock_now() + limit);
    if (left) buf_printf(&s->result->complaints, "%d processes that the run started cannot be ended\n", left);
}

static bool has_again(const struct worker *w)
{
    for (uint32_t i = 0; i < w->file->nselected; i++)
        if (w->states[w->file->selected[i]] == CASE_AGAIN) return true;
    return false;
}

/* Those that the dead process has not removed itself. */
static void remove_folders(const struct board *b)
{
    char path[BOARD_FOLDER];
    const uint32_t n = b->slots < BOARD_SLOTS ? b->slots : BOARD_SLOTS;
    for (uint32_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%.*s", (int)sizeof b[i].folder - 1, b[i].folder);
        remove_folder(path);
    }
}

static void bury(struct supervisor *s, struct worker *w)
{
    for (int i = 0; i < DRAIN_READS && hear(s, w); i++) {
    }
    int status = worker_reap(w);
    pass_messages(s, w);
    pass_packets(s, w);
    end_orphans(s, NS_PER_S);
    struct postmortem p = {.worker = w,
                           .status = status,
                           .now = clock_now(),
                           .grace = s->limits->grace,
                           .load = s->load,
                           .memory = s->o->memory};
    const bool unfinished = s->stop == STOP_NOT && w->left;
    /* One that went well leaves those that are to be run again. */
    const bool went_well = status == 0 && !w->nrunning && has_again(w);
    if (unfinished && !went_well && !fail_running(s, &p, w)) fail_unstarted(s, &p, w);
    if (!unfinished && s->stop == STOP_NOT && status != 0) complain(s, &p, w);
    remove_folders(w->board);
    if (unfinished && w->left)
        go_on(s, w);
    else
        finish_file(s, w);
}

static struct worker *idle_worker(struct supervisor *s)
{
    for (unsigned i = 0; i < s->nworkers; i++) {
        if (!s->workers[i].file) return &s->workers[i];
    }
    return NULL;
}

/* False if the system does not allow another process now, and there is one to wait for. */
static bool start_file(struct supervisor *s, const struct suite_file *f)
{
    struct worker *w = idle_worker(s);
    worker_take(w, f);
    int error = worker_start(w, &s->setup);
    if (error && s->active) {
        s->jobs = s->active;
        w->file = NULL;
        return false;
    }
    s->active++;
    send_file(s, w, EVENT_FILE);
    if (error) cannot_start(s, w, error);
    return true;
}

static bool share(const struct suite_file *a, const struct suite_file *b)
{
    for (uint32_t i = 0; i < a->nserials; i++)
        for (uint32_t k = 0; k < b->nserials; k++)
            if (strcmp(a->serials[i], b->serials[k]) == 0) return true;
    return false;
}

/* What shares something with it runs now. */
static bool is_taken(const struct supervisor *s, const struct suite_file *f)
{
    for (unsigned i = 0; i < s->nworkers && f->nserials; i++)
        if (s->workers[i].file && share(f, s->workers[i].file)) return true;
    return false;
}

/* The next file that may run now; suite->n: none. */
static uint32_t next_file(struct supervisor *s)
{
    const struct suite *suite = s->o->suite;
    while (s->next < suite->n && (s->begun[s->next] || !suite->files[s->next].nselected))
        s->next++;
    uint32_t i = s->next;
    while (i < suite->n && (s->begun[i] || !suite->files[i].nselected || is_taken(s, &suite->files[i])))
        i++;
    return i;
}

static void start_files(struct supervisor *s)
{
    const struct suite *suite = s->o->suite;
    while (s->stop == STOP_NOT && s->active < s->jobs) {
        const uint32_t i = next_file(s);
        if (i == suite->n || !start_file(s, &suite->files[i])) return;
        s->begun[i] = true;
    }
}

/* Time */

/* The child's own reckoning, on the board, begins a little later than ours, and knows how long programs may take to
 * end; an earlier one is still that of the case before. */
static int64_t case_deadline(const struct worker *w, const struct worker_case *c)
{
    const struct board *b = board_of_case(w->board, (int32_t)c->index);
    return b && b->deadline > c->deadline ? b->deadline : c->deadline;
}

/* Between two cases, what lives as long as the file may be starting or ending. */
static int64_t idle_deadline(const struct supervisor *s, const struct worker *w)
{
    int64_t until = w->progress + s->load;
    const uint32_t n = w->board->slots < BOARD_SLOTS ? w->board->slots : BOARD_SLOTS;
    for (uint32_t i = 0; i < n; i++) {
        const struct board *b = &w->board[i];
        if (b->case_index < 0 && b->deadline && b->deadline + s->limits->grace > until)
            until = b->deadline + s->limits->grace;
    }
    return until;
}

/* The earliest of those that run; `told`: with what the board says. */
static int64_t first_deadline(const struct worker *w, bool told)
{
    int64_t first = INT64_MAX;
    for (uint32_t i = 0; i < w->nrunning; i++) {
        const int64_t at = told ? case_deadline(w, &w->running[i]) : w->running[i].deadline;
        if (at < first) first = at;
    }
    return first;
}

static int64_t worker_deadline(const struct supervisor *s, const struct worker *w, int64_t now)
{
    switch (w->stage) {
    case WORKER_RUNS: break;
    case WORKER_ASKED: return w->kill_at;
    case WORKER_KILLED: return INT64_MAX;
    }
    if (!w->nrunning) return idle_deadline(s, w);
    /* The board only ever moves one back: while our own reckoning is not over there is no need to look. */
    const int64_t own = first_deadline(w, false) + s->limits->grace;
    return now < own ? own : first_deadline(w, true) + s->limits->grace;
}

static void watch_deadline(struct supervisor *s, struct worker *w, int64_t now)
{
    if (!w->pid || w->stage == WORKER_KILLED) return;
    if (s->stop != STOP_NOT && now >= s->kill_at) {
        worker_kill(w);
    } else if (now < worker_deadline(s, w, now)) {
        return;
    } else if (w->stage == WORKER_ASKED) {
        worker_kill(w);
    } else {
        worker_ask(w, w->nrunning ? FAULT_DEADLINE : FAULT_LOADING, now + s->limits->ask);
    }
}

static int64_t next_wake(const struct supervisor *s, int64_t now)
{
    int64_t wake = INT64_MAX;
    if (s->o->tick) wake = now + TICK_MS * NS_PER_MS;
    if (s->o->settings->messages || s->o->settings->packets) wake = now + SPOOL_TICK_MS * NS_PER_MS;
    for (unsigned i = 0; i < s->nworkers; i++) {
        const struct worker *w = &s->workers[i];
        int64_t deadline = w->pid ? worker_deadline(s, w, now) : INT64_MAX;
        if (w->pid && s->stop != STOP_NOT && w->stage != WORKER_KILLED && s->kill_at < deadline) deadline = s->kill_at;
        if (deadline < wake) wake = deadline;
    }
    return wake;
}

/* The loop */

static void wait_any(struct supervisor *s)
{
    int64_t now = clock_now(), wake = next_wake(s, now);
    int64_t left = wake > now ? wake - now : 0;
    struct timespec limit = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    for (unsigned i = 0; i < s->nworkers; i++) {
        s->polls[1 + 2 * i] = (struct pollfd){.fd = s->workers[i].control, .events = POLLIN};
        s->polls[2 + 2 * i] = (struct pollfd){.fd = s->workers[i].pidfd, .events = POLLIN};
    }
    if (ppoll(s->polls, 1 + 2 * s->nworkers, wake == INT64_MAX ? NULL : &limit, NULL) > 0) return;
    for (unsigned i = 0; i < 1 + 2 * s->nworkers; i++)
        s->polls[i].revents = 0;
}

/* Before any death is looked at: a Ctrl-C reaches the children too. */
static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        s->result->interrupted = true;
        begin_stop(s, STOP_INTERRUPTED);
    }
}

static void serve(struct supervisor *s)
{
    for (unsigned i = 0; i < s->nworkers; i++) {
        struct worker *w = &s->workers[i];
        if (s->polls[2 + 2 * i].revents)
            bury(s, w);
        else if (s->polls[1 + 2 * i].revents)
            hear(s, w);
        if (w->pid) pass_messages(s, w);
        if (w->pid) pass_packets(s, w);
    }
}

static void run_all(struct supervisor *s)
{
    start_files(s);
    while (s->active) {
        wait_any(s);
        take_signals(s);
        serve(s);
        int64_t now = clock_now();
        for (unsigned i = 0; i < s->nworkers; i++)
            watch_deadline(s, &s->workers[i], now);
        if (s->o->tick) s->o->tick(s->o->tick_ctx, now);
        start_files(s);
    }
}

/* Around it */

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* A shell may have given us children by becoming us: they are none of our business. */
static void note_children(struct supervisor *s)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *f = fopen(path, "re");
    for (int pid; f && n < CHILDREN_MOST && fscanf(f, "%d", &pid) == 1;)
        s->before[n++] = pid;
    if (f) fclose(f);
    s->before[n] = 0;
}

static void open_signals(struct supervisor *s)
{
    sigset_t set;
    /* Who started us may have had it ignored, and children would then leave no status. */
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &s->mask);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->polls[0] = (struct pollfd){.fd = s->signals, .events = POLLIN};
}

static bool open_workers(struct supervisor *s)
{
    int error = 0;
    for (unsigned i = 0; i < s->nworkers && !error; i++)
        error = worker_init(&s->workers[i], s->o->settings);
    if (!error && s->setup.devnull < 0) error = -errno;
    if (error) buf_printf(&s->result->complaints, "cannot begin the run: %s\n", strerror(-error));
    return !error;
}

static void set_up(struct supervisor *s)
{
    const struct suite *suite = s->o->suite;
    uint32_t files = 0;
    double scale = s->o->settings->timeout_scale;
    s->load = scale > 1 ? (int64_t)((double)s->limits->load * scale) : s->limits->load;
    for (uint32_t i = 0; i < suite->n; i++)
        files += suite->files[i].nselected > 0;
    s->jobs = s->nworkers = s->o->jobs < files ? s->o->jobs : files;
    s->workers = mem_zalloc(s->nworkers * sizeof *s->workers);
    s->begun = mem_zalloc(suite->n + 1);
    for (unsigned i = 0; i < s->nworkers; i++)
        s->workers[i].pidfd = s->workers[i].control = s->workers[i].spool = s->workers[i].packets.fd = -1;
    s->polls = mem_zalloc((1 + 2 * (size_t)s->nworkers) * sizeof *s->polls);
    s->keep = mem_zalloc((CHILDREN_MOST + s->nworkers + 1) * sizeof *s->keep);
    raise_descriptors();
    note_children(s);
    process_subreaper();
    open_signals(s);
    s->setup = (struct worker_setup){.settings = s->o->settings,
                                     .child = s->o->child,
                                     .memory = s->o->memory,
                                     .signal_mask = &s->mask,
                                     .devnull = open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

static void take_down(struct supervisor *s)
{
    for (unsigned i = 0; i < s->nworkers; i++)
        worker_done(&s->workers[i]);
    if (s->setup.devnull >= 0) close(s->setup.devnull);
    if (s->signals >= 0) close(s->signals);
    sigprocmask(SIG_SETMASK, &s->mask, NULL);
    mem_free(s->workers);
    mem_free(s->begun);
    mem_free(s->polls);
    mem_free(s->keep);
}

static void send_end(struct supervisor *s)
{
    struct event e = {.kind = EVENT_RUN_END, .case_index = -1, .duration = clock_now() - s->started};
    char text[64];
    snprintf(text, sizeof text, "stopped after %u failure%s", s->failing, s->failing == 1 ? "" : "s");
    if (s->stop != STOP_NOT) e.text = s->stop == STOP_INTERRUPTED ? "interrupted" : text;
    bus_send(s->o->bus, &e);
}

void supervisor_run(const struct supervisor_options *o, struct supervisor_result *ret)
{
    struct supervisor s = {.o = o, .limits = o->limits ? o->limits : &supervisor_limits, .result = ret};
    struct event begin = {.kind = EVENT_RUN, .case_index = -1, .text = SOCKRUN_VERSION, .number = o->suite->nselected};
    *ret = (struct supervisor_result){.complaints = BUF_INIT(COMPLAINTS_MOST)};
    s.started = clock_now();
    bus_send(o->bus, &begin);
    set_up(&s);
    if (open_workers(&s)) run_all(&s);
    end_orphans(&s, NS_PER_S);
    send_end(&s);
    take_down(&s);
}
