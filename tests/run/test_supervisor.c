#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/jsonl.h"
#include "run/tally.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { FILES_MOST = 8, CASES_MOST = 8 };

/* What the false child does in a case, or before any of them. */
enum act {
    PASS,
    FAIL,
    ABORT,
    HANG,
    HANG_ANSWERING,    /* gives its verdict once it is asked where it is */
    HANG_TELLING_LATE, /* the board has the deadline of the case before */
    SPIN,
    EXIT,
    OUT_OF_MEMORY,
    GARBAGE,
    HALF_LINE,
    KILLED_IN_LINE,    /* of its verdict, and none of its doing */
    KILLED_IN_MESSAGE, /* on its way through the spool */
    HUGE_LINE,
    UNKNOWN_KIND,
    OTHER_CASE,
    TWICE,
    GRANDCHILD_THEN_ABORT,
    GRANDCHILD_THEN_PASS,
    SILENT_ABORT, /* only the board says that the case runs */
    MESSAGES,
    ABORT_BEFORE,
    HANG_BEFORE,
    ABORT_AFTER, /* the verdict */
    WAIT_FOR_TERM,
    EXIT_WELL, /* without a verdict */
    DESCRIPTORS,
};

/* Shared with the children. */
struct shared {
    int processes;
    int aborts_before; /* so many processes die before their first case */
    pid_t grandchild;
};

struct world {
    struct suite suite;
    struct suite_file files[FILES_MOST];
    struct suite_case cases[FILES_MOST][CASES_MOST];
    uint32_t selected[FILES_MOST][CASES_MOST];
    struct child_text texts[FILES_MOST];
    struct settings settings;
    struct supervisor_limits limits;
    struct supervisor_options options;
    struct supervisor_result result;
    struct bus bus;
    struct tally tally;
    struct event_sink sink;
    struct buf log;
    int interrupt_at; /* at the event of this number, 0: never */
    int events;
};

static enum act acts[FILES_MOST][CASES_MOST];
static struct shared *shared;

/* The child */

static int control, spool;

static void say_to(int fd, const struct event *e)
{
    struct buf line = BUF_INIT(1 << 20);
    jsonl_write(e, &line);
    if (write(fd, line.p, line.n) != (ssize_t)line.n) _exit(99);
    buf_done(&line);
}

static void say(enum event_kind kind, uint32_t index, enum sr_verdict verdict)
{
    struct event e = {.kind = kind, .case_index = (int32_t)index, .verdict = verdict, .duration = 5};
    say_to(control, &e);
}

static void say_step(uint32_t index, const char *step)
{
    struct event e = {.kind = EVENT_STEP, .case_index = (int32_t)index, .step = step};
    say_to(spool, &e);
}

static void raw(const char *text, size_t n)
{
    while (n > 0) {
        ssize_t k = write(control, text, n);
        if (k <= 0) _exit(98);
        text += k;
        n -= (size_t)k;
    }
}

static _Noreturn void die(void)
{
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    _exit(97);
}

static _Noreturn void be_killed(void)
{
    kill(getpid(), SIGKILL);
    _exit(97);
}

static _Noreturn void hang(void)
{
    for (;;)
        pause();
}

static void start_grandchild(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        hang();
    }
    shared->grandchild = pid;
}

static volatile sig_atomic_t answering;

static void answer(int signal_number)
{
    (void)signal_number;
    answering = 1;
}

static void hang_answering(uint32_t index)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGUSR1, answer);
    while (!answering)
        sigsuspend(&old);
    say(EVENT_VERDICT, index, SR_FAIL);
}

static void write_huge_line(void)
{
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (;;)
        raw(block, sizeof block);
}

/* Nothing of the supervisor's may be open in us. */
static bool has_only_ours(void)
{
    for (int fd = 0; fd < 256; fd++) {
        bool open = fcntl(fd, F_GETFD) >= 0;
        bool ours = fd <= 2 || fd == control || fd == spool;
        if (open && !ours) return false;
    }
    return true;
}

static void fill_board(struct board *b, uint32_t index, int64_t limit)
{
    struct board_actor *a;
    board_clear(b);
    b->started = clock_now();
    b->deadline = b->started + limit;
    a = board_actor(b, "client");
    a->verb = "expect";
    a->line = 2;
    a->col = 3;
    a->path[0] = 2;
    a->path[1] = 1;
    a->since = b->started;
    board_record(b, b->started, 0, true, 0, "EHLO\r\n", 6);
    memcpy(b->lua, "x.yaml:7", 9);
    b->case_index = (int32_t)index;
}

static _Noreturn void exit_now(int code)
{
    _exit(code);
}

static void act(enum act what, uint32_t index)
{
    static const char half[] = "{\"event\":\"verd";
    switch (what) {
    case ABORT:
    case SILENT_ABORT: die();
    case GRANDCHILD_THEN_ABORT: start_grandchild(); die();
    case GRANDCHILD_THEN_PASS: start_grandchild(); break;
    case HANG:
    case HANG_TELLING_LATE:
    case WAIT_FOR_TERM: hang();
    case HANG_ANSWERING: hang_answering(index); return;
    case SPIN:
        for (volatile int i = 0;; i = !i) {
        }
    case EXIT: exit_now(7);
    case EXIT_WELL: exit_now(0);
    case OUT_OF_MEMORY: mem_exhausted();
    case GARBAGE: raw("{\"event\":\"verdict\",\"index\":\"x\"}\n", 32); hang();
    case HALF_LINE: raw(half, sizeof half - 1); exit_now(0);
    case KILLED_IN_LINE: raw(half, sizeof half - 1); be_killed();
    case KILLED_IN_MESSAGE:
        say_step(index, "whole");
        if (write(spool, half, sizeof half - 1) < 0) exit_now(96);
        be_killed();
    case HUGE_LINE: write_huge_line(); break;
    case UNKNOWN_KIND: raw("{\"event\":\"from the future\"}\n", 28); break;
    case OTHER_CASE: say(EVENT_VERDICT, index + 1, SR_PASS); hang();
    case TWICE:
        say(EVENT_VERDICT, index, SR_PASS);
        say(EVENT_VERDICT, index, SR_PASS);
        hang();
    case FAIL: say(EVENT_VERDICT, index, SR_FAIL); return;
    case DESCRIPTORS: say(EVENT_VERDICT, index, has_only_ours() ? SR_PASS : SR_FAIL); return;
    case ABORT_AFTER: say(EVENT_VERDICT, index, SR_PASS); die();
    case PASS:
    case MESSAGES:
    case ABORT_BEFORE:
    case HANG_BEFORE: break;
    }
    say(EVENT_VERDICT, index, SR_PASS);
}

static int64_t limit_of(enum act what)
{
    bool hangs = what == HANG || what == SPIN || what == HANG_ANSWERING || what == HANG_TELLING_LATE;
    return hangs ? 20 * NS_PER_MS : 60 * NS_PER_S;
}

static int false_child(const struct child_job *job)
{
    unsigned file = (unsigned)(job->file[0] - 'a');
    control = job->control;
    spool = job->spool;
    if (__atomic_add_fetch(&shared->processes, 1, __ATOMIC_SEQ_CST) <= shared->aborts_before) die();
    for (uint32_t i = 0; i < job->ncases; i++) {
        uint32_t index = job->cases[i];
        enum act what = acts[file][index];
        if (what == ABORT_BEFORE) die();
        if (what == HANG_BEFORE) hang();
        fill_board(job->board, index, limit_of(what));
        if (what == HANG_TELLING_LATE) job->board->deadline = job->board->started - NS_PER_S;
        if (what == MESSAGES) say_step(index, "early");
        if (what != SILENT_ABORT) say(EVENT_CASE, index, SR_PASS);
        if (what == MESSAGES) say_step(index, "late");
        act(what, index);
        job->board->case_index = -1;
    }
    return 0;
}

/* The parent */

static void log_failures(struct world *w, const struct event *e)
{
    for (size_t i = 0; i < e->nfailures; i++) {
        const struct event_failure *f = &e->failures[i];
        buf_printf(&w->log, " %s: %s", f->kind, f->message);
    }
}

static bool exists(pid_t pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

static void take(struct event_sink *sink, const struct event *e)
{
    struct world *w = (struct world *)(void *)((char *)sink - offsetof(struct world, sink));
    buf_printf(&w->log, "%s", event_kind_name(e->kind));
    if (e->file) buf_printf(&w->log, " %s", e->file);
    if (e->case_index >= 0) buf_printf(&w->log, " %d %s:%u", e->case_index, e->case_name, e->case_line);
    if (e->kind == EVENT_VERDICT) buf_printf(&w->log, " %s", sr_verdict_name(e->verdict));
    if (e->kind == EVENT_RUN || e->kind == EVENT_FILE) buf_printf(&w->log, " %d", (int)e->number);
    if (e->kind == EVENT_STEP) buf_printf(&w->log, " %s", e->step);
    if (e->kind == EVENT_RUN_END && e->text) buf_printf(&w->log, " %s", e->text);
    if (e->kind == EVENT_FILE_END && exists(shared->grandchild)) buf_adds(&w->log, " orphan");
    log_failures(w, e);
    buf_addc(&w->log, '\n');
    if (++w->events == w->interrupt_at) kill(getpid(), SIGINT);
}

static void log_notes(struct event_sink *sink, const struct event *e)
{
    struct world *w = (struct world *)(void *)((char *)sink - offsetof(struct world, sink));
    if (e->kind != EVENT_VERDICT) return;
    const struct event_failure *f = &e->failures[0];
    buf_printf(&w->log, "%s|%s|%s:%u:%u|%.*s\n", f->actor, f->step, f->place.file, f->place.line, f->place.col,
               (int)f->place.text.n, f->place.text.p);
    for (size_t i = 0; i < f->nnotes; i++)
        buf_printf(&w->log, "%s=%s\n", f->notes[i].label, f->notes[i].text);
}

static int set_up(void **state)
{
    static const struct supervisor_limits limits = {
        .grace = 20 * NS_PER_MS, .ask = 50 * NS_PER_MS, .load = 30 * NS_PER_S, .stop = 30 * NS_PER_S};
    struct world *w = mem_zalloc(sizeof *w);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    w->limits = limits;
    w->log = BUF_INIT(1 << 20);
    w->sink.take = take;
    w->settings.timeout_scale = 1;
    w->suite.files = w->files;
    bus_init(&w->bus);
    tally_init(&w->tally);
    bus_add(&w->bus, &w->tally.sink);
    bus_add(&w->bus, &w->sink);
    w->options = (struct supervisor_options){.suite = &w->suite,
                                             .settings = &w->settings,
                                             .bus = &w->bus,
                                             .child = false_child,
                                             .jobs = 1,
                                             .limits = &w->limits};
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    munmap(shared, sizeof *shared);
    buf_done(&w->log);
    buf_done(&w->result.complaints);
    mem_free(w);
    return 0;
}

/* A file `a`, `b` ... whose cases do these. */
static void add_file(struct world *w, unsigned n, const enum act *what)
{
    static const char *const files[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    static const char *const cases[] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"};
    unsigned at = w->suite.n++;
    w->texts[at] = (struct child_text){.name = files[at], .text = SLICE("one\n  two\nthree\n")};
    w->files[at] = (struct suite_file){.name = files[at],
                                       .folder = "/",
                                       .texts = &w->texts[at],
                                       .ntexts = 1,
                                       .cases = w->cases[at],
                                       .ncases = n,
                                       .selected = w->selected[at],
                                       .nselected = n};
    for (unsigned i = 0; i < n; i++) {
        acts[at][i] = what[i];
        w->cases[at][i] =
            (struct suite_case){.name = cases[i], .tags = "", .line = i + 1, .timeout = limit_of(what[i])};
        w->selected[at][i] = i;
    }
    w->suite.nselected += n;
}

#define ADD_FILE(w, ...)                                                                                               \
    add_file(w, sizeof((enum act[]){__VA_ARGS__}) / sizeof(enum act), (const enum act[]){__VA_ARGS__})

static const char *run(struct world *w)
{
    supervisor_run(&w->options, &w->result);
    return buf_str(&w->log);
}

static void test_stream(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, PASS, FAIL);
    assert_string_equal(run(w), "run 2\nfile a 2\ncase a 0 c0:1\nverdict a 0 c0:1 pass\ncase a 1 c1:2\n"
                                "verdict a 1 c1:2 fail\nfile_end a\nrun_end\n");
    assert_int_equal(w->result.complaints.n, 0);
    assert_int_equal(tally_exit(&w->tally, false, false), SR_EXIT_FAIL);
    assert_int_equal(shared->processes, 1);
}

static void test_selected_only(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, ABORT, PASS, ABORT);
    w->files[0].selected[0] = 1;
    w->files[0].nselected = 1;
    ADD_FILE(w, ABORT);
    w->files[1].nselected = 0;
    assert_non_null(strstr(run(w), "file a 1\ncase a 1 c1:2\nverdict a 1 c1:2 pass\nfile_end a\nrun_end\n"));
    assert_null(strstr(buf_str(&w->log), "file b"));
}

static void test_many_files(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < FILES_MOST; i++)
        ADD_FILE(w, PASS, ABORT, PASS);
    w->options.jobs = 3;
    run(w);
    assert_int_equal(w->tally.verdicts[SR_PASS], 2 * FILES_MOST);
    assert_int_equal(w->tally.verdicts[SR_ERROR], FILES_MOST);
    assert_int_equal(shared->processes, 2 * FILES_MOST);
}

static void expect_error(struct world *w, enum act what, const char *message)
{
    ADD_FILE(w, PASS, what, PASS);
    const char *log = run(w);
    const char *verdict = strstr(log, "case a 1 c1:2\nverdict a 1 c1:2 error ");
    assert_non_null(verdict);
    if (!strstr(verdict, message)) print_message("%s", log);
    assert_non_null(strstr(verdict, message));
    assert_non_null(strstr(verdict, "\ncase a 2 c2:3\nverdict a 2 c2:3 pass\nfile_end a\nrun_end\n"));
    assert_int_equal(w->tally.verdicts[SR_ERROR], 1);
    assert_int_equal(w->tally.verdicts[SR_PASS], 2);
    assert_int_equal(shared->processes, 2);
    assert_int_equal(w->result.complaints.n, 0);
    assert_int_equal(tally_exit(&w->tally, false, false), SR_EXIT_ERROR);
}

static void test_crash(void **state)
{
    expect_error(*state, ABORT, "crash: its process crashed (signal ABRT)");
}

static void test_crash_told_by_board(void **state)
{
    expect_error(*state, SILENT_ABORT, "crash: its process crashed (signal ABRT)");
}

static void test_hang(void **state)
{
    expect_error(*state, HANG, "killed: ran past its deadline of 20 ms and 20 ms of grace");
}

static void test_hang_while_the_board_is_old(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, HANG_TELLING_LATE, PASS);
    w->settings.timeout_scale = 3;
    assert_non_null(strstr(run(w), "0 c0:1 error killed: ran past its deadline of 60 ms and 20 ms of grace"));
    assert_int_equal(w->tally.verdicts[SR_PASS], 1);
}

static void test_spin(void **state)
{
    expect_error(*state, SPIN, "killed: ran past its deadline");
}

static void test_exit(void **state)
{
    expect_error(*state, EXIT, "crash: its process ended with code 7 and without a verdict");
}

static void test_exit_without_verdict(void **state)
{
    expect_error(*state, EXIT_WELL, "crash: its process ended with code 0 and without a verdict");
}

static void test_out_of_memory(void **state)
{
    ((struct world *)*state)->options.memory = UINT64_C(1) << 30;
    expect_error(*state, OUT_OF_MEMORY, "its process ran out of memory: it may have 1 GiB (--memory)");
}

static void test_garbage(void **state)
{
    expect_error(*state, GARBAGE, "crash: its process reported what cannot be read: `index` is ");
}

static void test_half_line(void **state)
{
    expect_error(*state, HALF_LINE, "its process ended with code 0");
}

#define KILLED "(signal KILL): the system does so when memory is short"

static void test_killed_in_the_middle_of_a_line(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, KILLED_IN_LINE, PASS);
    assert_string_equal(run(w), "run 2\nfile a 2\ncase a 0 c0:1\n"
                                "verdict a 0 c0:1 error killed: its process was killed from outside " KILLED "\n"
                                "case a 1 c1:2\nverdict a 1 c1:2 pass\nfile_end a\nrun_end\n");
    assert_int_equal(shared->processes, 2);
}

static void test_killed_in_the_middle_of_a_message(void **state)
{
    struct world *w = *state;
    w->settings.messages = true;
    ADD_FILE(w, KILLED_IN_MESSAGE, MESSAGES);
    assert_string_equal(run(w), "run 2\nfile a 2\ncase a 0 c0:1\nstep a 0 c0:1 whole\n"
                                "verdict a 0 c0:1 error killed: its process was killed from outside " KILLED "\n"
                                "case a 1 c1:2\nstep a 1 c1:2 early\nstep a 1 c1:2 late\nverdict a 1 c1:2 pass\n"
                                "file_end a\nrun_end\n");
}

static void test_huge_line(void **state)
{
    expect_error(*state, HUGE_LINE, "a line of more than 16 MiB");
}

static void test_other_case(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, OTHER_CASE, PASS);
    w->files[0].nselected = 1;
    assert_non_null(
        strstr(run(w), "verdict a 0 c0:1 error crash: its process reported what cannot be read: it judged"));
}

static void test_verdict_twice(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, TWICE, PASS);
    run(w);
    assert_int_equal(w->tally.verdicts[SR_PASS], 2);
    assert_int_equal(w->tally.verdicts[SR_ERROR], 0);
}

static void test_unknown_kind_is_ignored(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, UNKNOWN_KIND);
    run(w);
    assert_int_equal(w->tally.verdicts[SR_PASS], 1);
}

static void test_late_verdict_counts(void **state)
{
    struct world *w = *state;
    w->limits.ask = 30 * NS_PER_S;
    ADD_FILE(w, HANG_ANSWERING, PASS);
    assert_non_null(strstr(run(w), "verdict a 0 c0:1 fail\ncase a 1"));
    assert_int_equal(shared->processes, 1);
}

static void test_orphans_end(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, GRANDCHILD_THEN_ABORT, PASS);
    assert_non_null(strstr(run(w), "file_end a\nrun_end\n"));
    assert_true(shared->grandchild > 0);
}

static void test_orphans_end_after_success(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, GRANDCHILD_THEN_PASS);
    assert_non_null(strstr(run(w), "verdict a 0 c0:1 pass\nfile_end a\nrun_end\n"));
    assert_true(shared->grandchild > 0);
}

static void test_orphans_do_not_cost_others(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, GRANDCHILD_THEN_ABORT, GRANDCHILD_THEN_ABORT, GRANDCHILD_THEN_ABORT);
    ADD_FILE(w, PASS, ABORT, PASS, ABORT, PASS);
    w->options.jobs = 2;
    run(w);
    assert_int_equal(w->tally.verdicts[SR_PASS], 3);
    assert_int_equal(w->tally.verdicts[SR_ERROR], 5);
}

/* A shell may have left us one. */
static void test_children_of_before_live(void **state)
{
    struct world *w = *state;
    pid_t mine = fork();
    if (mine == 0) hang();
    ADD_FILE(w, ABORT, PASS);
    run(w);
    assert_int_equal(kill(mine, SIGKILL), 0);
    assert_int_equal(waitpid(mine, NULL, 0), mine);
}

static void test_dies_before_its_cases(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, ABORT_BEFORE, PASS, PASS);
    run(w);
    assert_int_equal(shared->processes, 2);
    assert_int_equal(w->tally.verdicts[SR_ERROR], 3);
    assert_non_null(strstr(buf_str(&w->log), "the case could not begin: its process crashed (signal ABRT)"));
    assert_non_null(strstr(buf_str(&w->log), "file_end a\nrun_end\n"));
}

static void test_dies_once_before_its_cases(void **state)
{
    struct world *w = *state;
    shared->aborts_before = 1;
    ADD_FILE(w, PASS, PASS);
    run(w);
    assert_int_equal(w->tally.verdicts[SR_PASS], 2);
    assert_int_equal(w->tally.verdicts[SR_ERROR], 0);
}

static void test_hangs_before_its_cases(void **state)
{
    struct world *w = *state;
    w->limits.load = 50 * NS_PER_MS;
    ADD_FILE(w, HANG_BEFORE);
    assert_non_null(strstr(run(w), "killed: the case could not begin: its process did nothing for 50 ms"));
}

static void test_dies_after_its_cases(void **state)
{
    struct world *w = *state;
    ADD_FILE(w, ABORT_AFTER);
    run(w);
    assert_int_equal(w->tally.verdicts[SR_PASS], 1);
    assert_int_equal(shared->processes, 1);
    assert_string_equal(buf_str(&w->result.complaints), "a: after its last case: its process crashed (signal ABRT)\n");
}

static void test_board_is_told(void **state)
{
    struct world *w = *state;
    w->sink.take = log_notes;
    ADD_FILE(w, ABORT);
    const char *log = run(w);
    assert_non_null(strstr(log, "client|step 2.1 expect|a:2:3|  two\n"));
    assert_non_null(strstr(log, "Lua=x.yaml:7\n"));
    assert_non_null(strstr(log, "last messages=0 s: client sent 6 bytes \"EHLO\\r\\n\"\n"));
}

static void test_messages_come_after_their_case(void **state)
{
    struct world *w = *state;
    w->settings.messages = true;
    ADD_FILE(w, MESSAGES, MESSAGES);
    assert_string_equal(run(w), "run 2\nfile a 2\n"
                                "case a 0 c0:1\nstep a 0 c0:1 early\nstep a 0 c0:1 late\nverdict a 0 c0:1 pass\n"
                                "case a 1 c1:2\nstep a 1 c1:2 early\nstep a 1 c1:2 late\nverdict a 1 c1:2 pass\n"
                                "file_end a\nrun_end\n");
}

static void test_fail_fast(void **state)
{
    struct world *w = *state;
    w->options.fail_fast = 2;
    ADD_FILE(w, PASS, FAIL, ABORT, WAIT_FOR_TERM, PASS);
    ADD_FILE(w, PASS);
    const char *log = run(w);
    assert_int_equal(w->tally.verdicts[SR_FAIL] + w->tally.verdicts[SR_ERROR], 2);
    assert_int_equal(w->tally.verdicts[SR_PASS], 1);
    assert_null(strstr(log, "file b"));
    assert_non_null(strstr(log, "file_end a\nrun_end stopped after 2 failures\n"));
    assert_false(w->result.interrupted);
}

static void test_fail_fast_ends_the_running(void **state)
{
    struct world *w = *state;
    w->options.fail_fast = 1;
    w->options.jobs = 2;
    ADD_FILE(w, WAIT_FOR_TERM);
    ADD_FILE(w, FAIL, WAIT_FOR_TERM);
    run(w);
    assert_int_equal(w->tally.verdicts[SR_FAIL], 1);
    assert_int_equal(w->tally.verdicts[SR_ERROR], 0);
}

static void test_interrupt(void **state)
{
    struct world *w = *state;
    w->interrupt_at = 3; /* the case has begun */
    ADD_FILE(w, WAIT_FOR_TERM, PASS);
    ADD_FILE(w, PASS);
    assert_string_equal(run(w), "run 3\nfile a 2\ncase a 0 c0:1\nfile_end a\nrun_end interrupted\n");
    assert_true(w->result.interrupted);
    assert_int_equal(tally_exit(&w->tally, true, false), SR_EXIT_INTERRUPTED);
}

static void test_interrupt_kills_the_stubborn(void **state)
{
    struct world *w = *state;
    w->interrupt_at = 3;
    w->limits.stop = 20 * NS_PER_MS;
    signal(SIGTERM, SIG_IGN);
    ADD_FILE(w, WAIT_FOR_TERM);
    assert_non_null(strstr(run(w), "case a 0 c0:1\nfile_end a\nrun_end interrupted\n"));
    signal(SIGTERM, SIG_DFL);
}

static void test_descriptors(void **state)
{
    struct world *w = *state;
    w->options.jobs = 2;
    w->settings.messages = true;
    ADD_FILE(w, DESCRIPTORS, ABORT, DESCRIPTORS);
    ADD_FILE(w, DESCRIPTORS, ABORT, DESCRIPTORS);
    run(w);
    assert_int_equal(w->tally.verdicts[SR_PASS], 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stream),
        TEST(test_selected_only),
        TEST(test_many_files),
        TEST(test_crash),
        TEST(test_crash_told_by_board),
        TEST(test_hang),
        TEST(test_hang_while_the_board_is_old),
        TEST(test_spin),
        TEST(test_exit),
        TEST(test_exit_without_verdict),
        TEST(test_out_of_memory),
        TEST(test_garbage),
        TEST(test_half_line),
        TEST(test_killed_in_the_middle_of_a_line),
        TEST(test_killed_in_the_middle_of_a_message),
        TEST(test_huge_line),
        TEST(test_other_case),
        TEST(test_verdict_twice),
        TEST(test_unknown_kind_is_ignored),
        TEST(test_late_verdict_counts),
        TEST(test_orphans_end),
        TEST(test_orphans_end_after_success),
        TEST(test_orphans_do_not_cost_others),
        TEST(test_children_of_before_live),
        TEST(test_dies_before_its_cases),
        TEST(test_dies_once_before_its_cases),
        TEST(test_hangs_before_its_cases),
        TEST(test_dies_after_its_cases),
        TEST(test_board_is_told),
        TEST(test_messages_come_after_their_case),
        TEST(test_fail_fast),
        TEST(test_fail_fast_ends_the_running),
        TEST(test_interrupt),
        TEST(test_interrupt_kills_the_stubborn),
        TEST(test_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
