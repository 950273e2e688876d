#include "engine/program_ready.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "engine/dialing.h"
#include "engine/matching.h"
#include "engine/run.h"
#include "engine/step.h"
#include "util/units.h"

static const int64_t connect_every = 20 * NS_PER_MS;

static enum went begin_output(struct program *p)
{
    struct eval e = actor_eval(p->actor);
    e.arena = &p->io->arena;
    if (!matching_eval(p->plan->output, &e, &p->io->matcher)) return actor_fail_eval(p->actor, &e);
    return WENT_ON;
}

static enum went begin_connect(struct program *p)
{
    struct program_io *io = p->io;
    if (!dialing_address(p->actor, &p->plan->connect, &io->address)) return WENT_FAILED;
    struct connect_op *o = &io->check.connect;
    connect_begin(o, &p->run->sched, &p->run->permit, &io->address, NULL, &p->run->need);
    o->retries = UINT32_MAX;
    o->retry_every = connect_every;
    io->checking = true;
    return WENT_ON;
}

/* Opened as a place alone (open(2), O_PATH): a file that nobody may read is there too. */
static bool file_is_there(void *ctx)
{
    struct program *p = ctx;
    const int fd = permit_open(&p->run->permit, p->io->file, O_PATH, 0, &p->run->need);
    p->io->denied = fd == -PERMIT_DENIED;
    if (fd >= 0) close(fd);
    return fd >= 0 || p->io->denied;
}

static enum went begin_file(struct program *p)
{
    struct program_io *io = p->io;
    struct eval e = actor_eval(p->actor);
    e.arena = &io->arena;
    struct slice path;
    if (!text_eval(p->plan->file, &e, &path)) return actor_fail_eval(p->actor, &e);
    const struct mark mark = p->plan->file->node->mark;
    if (!path.n || memchr(path.p, 0, path.n)) return actor_fail(p->actor, "misuse", mark, "this is no path of a file");
    const char *tmp = run_tmp(p->run);
    if (!tmp) return actor_fail(p->actor, "system", mark, "the case's folder cannot be made");
    io->file =
        path.p[0] == '/' ? arena_dup(&io->arena, path) : arena_printf(&io->arena, "%s/%.*s", tmp, (int)path.n, path.p);
    ask_begin(&io->check.ask, file_is_there, p);
    io->checking = true;
    return WENT_ON;
}

enum went program_ready_begin(struct program *p)
{
    p->io->found = p->io->denied = false;
    switch (p->plan->ready) {
    case READY_AT_ONCE: break;
    case READY_OUTPUT: return begin_output(p);
    case READY_CONNECT: return begin_connect(p);
    case READY_FILE: return begin_file(p);
    }
    return WENT_ON;
}

static enum went not_permitted(const struct program *p)
{
    return actor_fail(p->actor, "permission", p->plan->ready_mark, "not permitted: %s; allow it with %s",
                      p->run->need.what, p->run->need.flag);
}

static enum went check_op(const struct program *p)
{
    struct program_io *io = p->io;
    switch (op_poll(&io->check.op, &io->program->task)) {
    case OP_WAIT: return WENT_WAIT;
    case OP_DONE: return io->denied ? not_permitted(p) : WENT_ON;
    case OP_FAILED: break;
    }
    if (io->check.op.status == SR_DENIED) return not_permitted(p);
    return actor_fail(p->actor, "system", p->plan->ready_mark, "cannot find out whether it is ready: %s",
                      io->check.op.error ? strerror(io->check.op.error) : sr_status_name(io->check.op.status));
}

enum went program_ready_check(struct program *p)
{
    if (p->io->broken) return WENT_FAILED;
    switch (p->plan->ready) {
    case READY_AT_ONCE: break;
    case READY_OUTPUT: return p->io->found ? WENT_ON : WENT_WAIT;
    case READY_CONNECT:
    case READY_FILE: return check_op(p);
    }
    return WENT_ON;
}

int64_t program_ready_wake(const struct program *p)
{
    const struct program_io *io = p->io;
    return io->checking && io->check.op.wake ? io->check.op.wake : TASK_NEVER;
}

void program_ready_end(struct program *p)
{
    struct program_io *io = p->io;
    if (io->checking) op_cancel(&io->check.op, &p->task);
    io->checking = false;
    program_io_found(p);
    arena_done(&io->arena);
}
