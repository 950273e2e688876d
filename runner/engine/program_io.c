#include "engine/program_io.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/run.h"
#include "engine/scope.h"
#include "match/matcher.h"
#include "net/sock.h"
#include "util/text.h"

enum {
    CHUNK = 16 << 10,
    AT_ONCE = 128 << 10, /* bytes of one output before others have their turn */
    AT_LAST = 1 << 20,   /* and of one that has ended: all that a pipe can hold */
    REPORT_LINES = 20,
    REPORT_BYTES = 2 << 10,
    AWAIT_MS = 20,
};

/* A tail has twice its room, so that dropping its beginning is seldom done. */
static void keep_tail(struct buf *tail, struct slice bytes)
{
    if (bytes.n > TAIL_MOST) bytes = slice_part(bytes, bytes.n - TAIL_MOST, TAIL_MOST);
    if (tail->n + bytes.n > tail->max) buf_drop(tail, tail->n + bytes.n - TAIL_MOST);
    buf_add(tail, bytes);
}

static void tell_output(struct program *p, struct slice bytes)
{
    struct emit *emit = p->run->base->emit;
    if (!emit_messages(emit)) return;
    char name[64];
    struct event e = {.kind = EVENT_TRAFFIC,
                      .action = EVENT_OUTPUT,
                      .actor = actor_name(p->actor, name, sizeof name),
                      .bytes = bytes};
    emit_event(emit, &e);
}

/* Named groups become the program's captures, so that `${app.port}` is known. */
static void keep_captures(struct program *p, const struct match_report *m)
{
    for (size_t i = 0; i < m->ncaptures && !p->io->broken; i++)
        p->io->broken = !scope_set_text(p->actor, m->captures[i].name, m->captures[i].bytes);
}

static void see_line(struct program *p, struct slice line)
{
    struct program_io *io = p->io;
    struct arena arena = {0};
    struct match_report report = {0};
    if (line.n && line.p[line.n - 1] == '\r') line.n--;
    const struct view v = view_bytes(line);
    if (matcher_check(io->matcher, &v, &arena, &report)) {
        io->matcher = NULL;
        io->found = true;
        keep_captures(p, &report);
    }
    arena_done(&arena);
}

static void see_lines(struct program *p, struct output *o, struct slice bytes)
{
    while (p->io->matcher && bytes.n) {
        const char *end = memchr(bytes.p, '\n', bytes.n);
        struct slice part = {bytes.p, end ? (size_t)(end - bytes.p) : bytes.n};
        bytes = slice_part(bytes, part.n + 1, bytes.n);
        if (end && !o->line.n) {
            see_line(p, part);
            continue;
        }
        buf_add(&o->line, slice_part(part, 0, LINE_MOST - o->line.n));
        if (!end) continue;
        see_line(p, buf_slice(&o->line));
        buf_clear(&o->line);
    }
}

/* What has no line end at the end of all is a line too. */
static void see_last(struct program *p, struct output *o)
{
    if (p->io->matcher && o->line.n) see_line(p, buf_slice(&o->line));
    buf_clear(&o->line);
}

static void close_errors(struct program *p)
{
    reactor_remove(p->run->sched.reactor, &p->io->err);
    if (p->process.err >= 0) close(p->process.err);
    p->process.err = -1;
}

static void read_errors(struct program *p, size_t most)
{
    char chunk[CHUNK];
    struct program_io *io = p->io;
    if (p->process.err < 0) return;
    for (size_t total = 0; total < most;) {
        const ssize_t n = sock_read(p->process.err, chunk, sizeof chunk);
        if (n == -EAGAIN) {
            io->err.ready &= (uint8_t)~READY_READ;
            return;
        }
        if (n <= 0) {
            see_last(p, &io->errors);
            close_errors(p);
            return;
        }
        const struct slice bytes = {chunk, (size_t)n};
        keep_tail(&io->errors.tail, bytes);
        tell_output(p, bytes);
        see_lines(p, &io->errors, bytes);
        total += (size_t)n;
    }
    task_wake(&p->task);
}

/* Hands what is there on, and takes it if nobody else wants it. False if there was nothing. */
static bool take_stdout(struct program *p, struct conn *c)
{
    struct program_io *io = p->io;
    const struct slice bytes = conn_from(c, io->seen);
    if (!bytes.n) return false;
    io->seen += bytes.n;
    see_lines(p, &io->out, bytes);
    if (io->use != STDOUT_DRAIN) return true;
    keep_tail(&io->out.tail, bytes);
    conn_take(c, io->seen);
    return true;
}

static void read_stdout(struct program *p, size_t most)
{
    struct program_io *io = p->io;
    struct conn *c = io->channel ? &io->channel->conn : NULL;
    if (!c || io->use == STDOUT_STEPS || conn_claimed(c, &p->task, false)) return;
    for (size_t total = 0; total < most;) {
        if (take_stdout(p, c)) continue;
        const int n = c->closed ? 0 : conn_fill(c);
        if (n == -EAGAIN) {
            conn_wait_read(c, &p->task);
            return;
        }
        if (n <= 0) {
            see_last(p, &io->out);
            conn_unwait(c, &p->task);
            return;
        }
        total += (size_t)n;
    }
    task_wake(&p->task);
}

void program_io_read(struct program *p, bool last)
{
    struct program_io *io = p->io;
    /* The news that there is something to read may come after the news of the end. */
    if (last && io->channel && !io->channel->conn.closed) io->channel->conn.in.ready |= READY_READ;
    if (last || io->err.ready) read_errors(p, last ? AT_LAST : AT_ONCE);
    read_stdout(p, last ? AT_LAST : AT_ONCE);
}

void program_io_found(struct program *p)
{
    struct program_io *io = p->io;
    io->matcher = NULL;
    buf_done(&io->out.line);
    buf_done(&io->errors.line);
    if (io->use != STDOUT_PEEK) return;
    io->use = STDOUT_STEPS;
    if (io->channel) conn_unwait(&io->channel->conn, &p->task);
}

static void wake_by_errors(struct watch *w)
{
    task_wake(&((struct program_io *)(void *)((char *)w - offsetof(struct program_io, err)))->program->task);
}

static void wake_by_end(struct watch *w)
{
    task_wake(&((struct program_io *)(void *)((char *)w - offsetof(struct program_io, ended)))->program->task);
}

int program_io_open(struct program *p)
{
    struct program_io *io = p->io;
    io->err = (struct watch){.fd = -1, .wake = wake_by_errors};
    io->ended = (struct watch){.fd = -1, .wake = wake_by_end};
    buf_init(&io->out.line, LINE_MOST);
    buf_init(&io->errors.line, LINE_MOST);
    const int error = p->process.err >= 0 ? reactor_add(p->run->sched.reactor, &io->err, p->process.err) : 0;
    return error ? error : reactor_add(p->run->sched.reactor, &io->ended, p->process.pidfd);
}

/* The actor, whose it is, may have freed it. */
static bool has_channel(const struct program *p)
{
    const struct channel *c = p->actor->channels;
    while (c && c != p->io->channel)
        c = c->next;
    return c != NULL;
}

void program_io_close(struct program *p)
{
    struct program_io *io = p->io;
    if (io->channel && has_channel(p)) conn_unwait(&io->channel->conn, &p->task);
    io->channel = NULL;
    reactor_remove(p->run->sched.reactor, &io->err);
    reactor_remove(p->run->sched.reactor, &io->ended);
    buf_done(&io->out.line);
    buf_done(&io->errors.line);
}

/* The last lines of an output, without more than a report can hold. */
static struct slice last_lines(struct slice all)
{
    while (all.n && (all.p[all.n - 1] == '\n' || all.p[all.n - 1] == '\r'))
        all.n--;
    size_t from = all.n > REPORT_BYTES ? all.n - REPORT_BYTES : 0;
    unsigned lines = 1;
    for (size_t at = all.n; at > from; at--)
        if (all.p[at - 1] == '\n' && ++lines > REPORT_LINES) from = at;
    /* A line that was cut is left out, unless it is all there is. */
    if (from && all.p[from - 1] != '\n') {
        const char *end = memchr(all.p + from, '\n', all.n - from);
        if (end) from = (size_t)(end - all.p) + 1;
    }
    return slice_part(all, from, all.n);
}

static struct slice said_on_stdout(const struct program_io *io)
{
    if (io->use == STDOUT_PEEK && io->channel) return conn_from(&io->channel->conn, io->channel->conn.base);
    return buf_slice(&io->out.tail);
}

/* Its end is near when it has closed its stdout: the news of it is worth a moment, since it is often the reason for
 * what failed. */
static void await_end(const struct program *p)
{
    const struct channel *c = has_channel(p) ? p->io->channel : NULL;
    struct pollfd ended = {.fd = p->process.pidfd, .events = POLLIN};
    if (c && c->conn.end != CONN_OPEN) poll(&ended, 1, AWAIT_MS);
}

/* "(it ended with code 1)". Not reaped here: that is the task's affair. */
static void add_end(const struct program *p, struct buf *out)
{
    siginfo_t info = {0};
    char text[32];
    int status = p->process.status;
    if (p->process.pid <= 0) return;
    if (!p->process.ended) {
        await_end(p);
        if (waitid(P_PID, (id_t)p->process.pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid) return;
        status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
    }
    buf_printf(out, "%s(it ended with %s)", out->n ? "\n" : "nothing ", process_show_status(status, text));
}

const char *program_output(const struct program *p)
{
    struct program_io *io = p->io;
    const struct slice out = last_lines(said_on_stdout(io)), errors = last_lines(buf_slice(&io->errors.tail));
    buf_clear(&io->report);
    if (out.n && errors.n) buf_adds(&io->report, "stdout:\n");
    text_safe(out, &io->report);
    if (out.n && errors.n) buf_adds(&io->report, "\nstderr:\n");
    text_safe(errors, &io->report);
    add_end(p, &io->report);
    return buf_str(&io->report);
}
