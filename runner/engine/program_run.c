#include "engine/program_run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/program_files.h"
#include "engine/program_io.h"
#include "engine/program_ready.h"
#include "engine/program_spawn.h"
#include "engine/program_wait.h"
#include "engine/run.h"
#include "net/sock.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { FIRST_PASSED = 3, REPORT_MOST = 16 << 10 };

static void resume(struct task *t);

static struct program *program_of(struct task *t)
{
    return (struct program *)(void *)((char *)t - offsetof(struct program, task));
}

/* Passing listeners. */

static int open_passed(struct program *p, const struct addr_spec *spec, struct passed *ret)
{
    struct addr addr;
    addr_of_spec(spec, &addr);
    const int fd = sock_listen(&p->run->permit, &addr, addr_socktype(spec->scheme), SOMAXCONN, NULL, &p->run->need);
    if (fd < 0) return fd;
    /* What a program expects of a descriptor that it is given. */
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    ret->fd = fd;
    return sock_name(fd, &ret->addr);
}

static enum went pass_one(struct program *p, const struct pass_plan *plan, struct passed *ret)
{
    struct addr_spec spec;
    struct eval e = actor_eval(p->actor);
    const struct mark mark = plan->address.mark;
    if (!address_eval(&plan->address, &e, &spec)) return actor_fail_eval(p->actor, &e);
    if (spec.named) return actor_fail(p->actor, "misuse", mark, "a listener needs an address, not a name");
    const int error = open_passed(p, &spec, ret);
    if (error == -PERMIT_DENIED)
        return actor_fail(p->actor, "permission", mark, "not permitted: %s; allow it with %s", p->run->need.what,
                          p->run->need.flag);
    if (error) return actor_fail(p->actor, "system", mark, "cannot listen: %s", strerror(-error));
    if (options_apply(plan->address.options, plan->address.noptions, ret->fd, addr_family(&spec), &e)) return WENT_ON;
    return actor_fail_eval(p->actor, &e);
}

static void close_passed(struct passed *l)
{
    if (l->fd < 0) return;
    close(l->fd);
    if (l->addr.sa.sa_family == AF_UNIX && l->addr.un.sun_path[0]) unlink(l->addr.un.sun_path);
}

struct program *program_new(struct run *r, struct actor *a, const struct program_plan *plan)
{
    struct program *p = mem_zalloc(sizeof *p);
    struct program_io *io = mem_zalloc(sizeof *io);
    *p = (struct program){.actor = a, .run = r, .plan = plan, .io = io};
    io->program = p;
    io->err.fd = io->ended.fd = -1;
    buf_init(&io->out.tail, 2 * TAIL_MOST);
    buf_init(&io->errors.tail, 2 * TAIL_MOST);
    buf_init(&io->report, REPORT_MOST);
    task_init(&p->task, &r->sched, resume);
    io->pass = mem_zalloc(plan->npass * sizeof *io->pass);
    for (uint32_t i = 0; i < plan->npass; i++)
        io->pass[i].fd = -1;
    for (uint32_t i = 0; i < plan->npass; i++) {
        if (pass_one(p, &plan->pass[i], &io->pass[i]) == WENT_ON) continue;
        program_free(p);
        return NULL;
    }
    *r->programs_tail = p;
    r->programs_tail = &p->next;
    return p;
}

bool program_pass(const struct program *p, struct slice name, int *ret_fd, const struct addr **ret)
{
    for (uint32_t i = 0; i < p->plan->npass; i++) {
        if (!slice_is(name, p->plan->pass[i].name)) continue;
        *ret_fd = FIRST_PASSED + (int)i;
        *ret = &p->io->pass[i].addr;
        return true;
    }
    return false;
}

/* Starting. */

static void tell(struct program *p, enum event_action action, int64_t number)
{
    struct emit *emit = p->run->base->emit;
    if (!emit_messages(emit)) return;
    char name[64];
    struct event e = {.kind = EVENT_TRAFFIC,
                      .action = action,
                      .actor = actor_name(p->actor, name, sizeof name),
                      .number = number,
                      .text = p->io->name};
    emit_event(emit, &e);
}

static enum went spawn(struct program *p)
{
    const uint32_t n = p->plan->npass;
    struct process_pass *pass = mem_zalloc(n * sizeof *pass);
    for (uint32_t i = 0; i < n; i++)
        pass[i] = (struct process_pass){.from = p->io->pass[i].fd, .to = FIRST_PASSED + (int)i};
    const enum went went = program_spawn(p->actor, p->plan, pass, n, &p->process, p->io->name);
    mem_free(pass);
    return went;
}

static bool steps_go_on(const struct actor *a)
{
    return a->plan->model->has_steps && (a->state == ACTOR_NEW || a->state == ACTOR_RUNNING);
}

/* Gives the actor its end of the pipes, and begins to listen to the others. */
static enum went attach(struct program *p)
{
    struct program_io *io = p->io;
    const int rfd = p->process.out, wfd = p->process.in;
    p->process.out = p->process.in = -1;
    io->channel = actor_attach_pipes(p->actor, rfd, wfd, p->plan->columns > 0);
    if (!io->channel) return WENT_FAILED;
    io->use = !steps_go_on(p->actor) ? STDOUT_DRAIN : p->plan->ready == READY_OUTPUT ? STDOUT_PEEK : STDOUT_STEPS;
    io->seen = 0;
    const int error = program_io_open(p);
    if (!error) return WENT_ON;
    return actor_fail(p->actor, "system", p->plan->argv[0].node->mark, "cannot watch `%s`: %s", io->name,
                      strerror(-error));
}

static void forget_last(struct program *p)
{
    struct program_io *io = p->io;
    program_io_close(p);
    process_done(&p->process);
    buf_clear(&io->out.tail);
    buf_clear(&io->errors.tail);
    io->kill_at = 0;
    io->killed = io->was_ready = io->broken = false;
}

enum went program_start(struct program *p)
{
    assert(p->state == PROGRAM_NEW || p->state == PROGRAM_ENDED);
    forget_last(p);
    if (program_files_write(p->actor, p->plan) != WENT_ON || spawn(p) != WENT_ON) return WENT_FAILED;
    p->state = PROGRAM_STARTED;
    tell(p, EVENT_START, p->process.pid);
    if (attach(p) != WENT_ON || program_ready_begin(p) != WENT_ON) return WENT_FAILED;
    task_wake(&p->task);
    return WENT_ON;
}

/* Ending. */

static void judge(struct program *p, bool stopped)
{
    const struct program_plan *plan = p->plan;
    char want[32], got[32], grace[UNITS_TEXT];
    const struct exit_want w = {.any = !plan->exits, .code = plan->exit_code, .signal = plan->exit_signal};
    process_show_status(p->process.status, got);
    /* What a case that has failed does to its programs is no failure of theirs. */
    if (p->run->failed) return;
    if (!p->io->was_ready && !stopped)
        actor_fail(p->actor, "exit", plan->ready_mark, "`%s` ended with %s before it was ready", p->io->name, got);
    else if (p->run->lasting && !stopped && !plan->exits)
        actor_fail(p->actor, "exit", plan->ready_mark, "`%s` ended with %s, while cases still needed it", p->io->name,
                   got);
    else if (!exit_want_met(&w, p->process.status) && p->io->killed)
        actor_fail(p->actor, "exit", plan->exit_mark, "expected %s, but it did not end within %s and was killed",
                   exit_want_show(&w, want), units_show_duration(plan->grace, grace));
    else if (!exit_want_met(&w, p->process.status))
        actor_fail(p->actor, "exit", plan->exit_mark, "expected %s, got %s", exit_want_show(&w, want), got);
}

static int64_t number_of(int status)
{
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void become_ready(struct program *p)
{
    program_ready_end(p);
    p->state = PROGRAM_READY;
    p->io->was_ready = true;
    program_wait_wake(p);
    run_program_ready(p->run, p);
}

static void check_ready(struct program *p)
{
    if (p->state != PROGRAM_STARTED) return;
    switch (program_ready_check(p)) {
    case WENT_ON: become_ready(p); break;
    case WENT_FAILED:
        program_ready_end(p);
        run_stop(p->run);
        break;
    case WENT_WAIT:
    case WENT_END: break;
    }
}

/* It has ended: what it said last is read before anything is judged by it. */
static void has_ended(struct program *p)
{
    const bool stopped = p->state == PROGRAM_STOPPING;
    reactor_remove(p->run->sched.reactor, &p->io->ended);
    /* While it is not reaped, its group's number is its own. */
    if (stopped) process_signal(&p->process, SIGKILL);
    process_ended(&p->process);
    tell(p, EVENT_EXIT, number_of(p->process.status));
    program_io_read(p, true);
    if (p->state == PROGRAM_STARTED && p->plan->ready == READY_OUTPUT && p->io->found) become_ready(p);
    p->state = PROGRAM_ENDED;
    judge(p, stopped);
    program_ready_end(p);
    program_wait_wake(p);
    run_program_ended(p->run, p);
}

static void kill_late(struct program *p)
{
    struct program_io *io = p->io;
    if (p->state != PROGRAM_STOPPING || io->killed || clock_now() < io->kill_at) return;
    io->killed = true;
    process_signal(&p->process, SIGKILL);
}

static void set_deadline(struct program *p)
{
    int64_t at = p->state == PROGRAM_STARTED ? program_ready_wake(p) : TASK_NEVER;
    if (p->state == PROGRAM_STOPPING && !p->io->killed) at = p->io->kill_at;
    task_deadline(&p->task, at);
}

static void resume(struct task *t)
{
    struct program *p = program_of(t);
    program_io_read(p, false);
    check_ready(p);
    if (p->io->ended.ready & (READY_READ | READY_HUP) && p->state != PROGRAM_ENDED) {
        has_ended(p);
        return;
    }
    kill_late(p);
    set_deadline(p);
}

/* Nobody reads its stdout any more. */
static void drain(struct program *p)
{
    struct program_io *io = p->io;
    if (!io->channel || io->use == STDOUT_DRAIN) return;
    io->seen = io->channel->conn.base;
    io->use = STDOUT_DRAIN;
    task_wake(&p->task);
}

void program_stop(struct program *p)
{
    struct program_io *io = p->io;
    if (p->state == PROGRAM_STOPPING) return;
    if (p->state == PROGRAM_NEW || p->state == PROGRAM_ENDED) {
        p->state = PROGRAM_ENDED;
        run_program_ended(p->run, p);
        return;
    }
    p->state = PROGRAM_STOPPING;
    program_ready_end(p);
    io->kill_at = clock_now() + (int64_t)((double)p->plan->grace * p->run->base->settings->timeout_scale);
    program_signal(p, p->plan->stop);
    if (!steps_go_on(p->actor)) drain(p);
    task_wake(&p->task);
}

void program_drain(struct program *p)
{
    if (p->io->channel) conn_finish(&p->io->channel->conn);
    drain(p);
}

int program_signal(const struct program *p, int signal)
{
    if (p->process.pid <= 0 || p->process.ended) return -ESRCH;
    return kill(p->process.pid, signal) < 0 ? -errno : 0;
}

const char *program_name(const struct program *p)
{
    return p->io->name;
}

void program_free(struct program *p)
{
    if (!p) return;
    struct program_io *io = p->io;
    program_io_close(p);
    program_ready_end(p);
    process_done(&p->process);
    program_wait_forget(p);
    for (uint32_t i = 0; i < p->plan->npass; i++)
        close_passed(&io->pass[i]);
    mem_free(io->pass);
    buf_done(&io->out.tail);
    buf_done(&io->errors.tail);
    buf_done(&io->report);
    task_done(&p->task);
    mem_free(io);
    mem_free(p);
}
