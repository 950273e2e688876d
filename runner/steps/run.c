#include "engine/run.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "engine/payload.h"
#include "engine/program_spawn.h"
#include "net/sock.h"
#include "steps/ending.h"
#include "steps/kinds.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/units.h"

enum {
    OUTPUT_MOST = 16 << 20, /* bytes of stdout, and of stderr */
    TOLD_MOST = 1 << 20,    /* of these, to those who want to know of every byte */
    CHUNK = 16 << 10,
    AT_ONCE = 128 << 10, /* bytes before others have their turn */
    SHOWN = 160,         /* of the last line of stderr */
};

/* What it has started may keep its outputs open after it has ended: for so long they are still read. */
static const int64_t linger = 100 * NS_PER_MS;

struct operand {
    struct program_plan plan;
    struct payload *input; /* or NULL */
    struct ending_plan end;
};

/* One of its outputs. */
struct output {
    struct watch watch;
    struct running *running;
    struct buf said;
    int *fd; /* -1: closed */
};

struct running {
    struct reactor *reactor;
    struct task *task; /* NULL: nobody waits yet */
    struct process process;
    struct watch in, ended;
    struct output out, err;
    char *input;
    size_t ninput, sent;
    int64_t given_up; /* when its outputs are read no longer; 0: it runs */
    char name[PROGRAM_NAME];
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    const struct node *input = step_field(m, "stdin");
    in->operand = o;
    in->as = compile_as(c, m->as, &in->nas);
    bool ok = program_plan_command(c, m->value, step_field(m, "env"), step_field(m, "cwd"), &o->plan);
    if (input) ok &= (o->input = payload_compile(c, input)) != NULL;
    ok &= ending_compile(c, step_field(m, "exit"), &o->end);
    return ok;
}

static void wake(struct running *r)
{
    if (r->task) task_wake(r->task);
}

static void wake_in(struct watch *w)
{
    wake((struct running *)(void *)((char *)w - offsetof(struct running, in)));
}

static void wake_ended(struct watch *w)
{
    wake((struct running *)(void *)((char *)w - offsetof(struct running, ended)));
}

static void wake_output(struct watch *w)
{
    wake(((struct output *)(void *)((char *)w - offsetof(struct output, watch)))->running);
}

static void close_watched(struct running *r, struct watch *w, int *fd)
{
    reactor_remove(r->reactor, w);
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void feed(struct running *r)
{
    while (r->process.in >= 0 && r->sent < r->ninput) {
        const ssize_t n = sock_write(r->process.in, r->input + r->sent, r->ninput - r->sent);
        if (n == -EAGAIN) {
            r->in.ready &= (uint8_t)~READY_WRITE;
            return;
        }
        /* A program need not read what it is given. */
        r->sent = n < 0 ? r->ninput : r->sent + (size_t)n;
    }
    close_watched(r, &r->in, &r->process.in);
}

/* False if it has said too much. */
static bool read_output(struct output *o, struct task *t)
{
    char chunk[CHUNK];
    for (size_t total = 0; *o->fd >= 0;) {
        if (total >= AT_ONCE) {
            task_wake(t);
            return true;
        }
        const ssize_t n = sock_read(*o->fd, chunk, sizeof chunk);
        if (n == -EAGAIN) {
            o->watch.ready &= (uint8_t)~READY_READ;
            return true;
        }
        if (n <= 0)
            close_watched(o->running, &o->watch, o->fd);
        else if (!buf_add(&o->said, (struct slice){chunk, (size_t)n}))
            return false;
        total += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static enum op_result poll_run(struct op *op, struct task *t)
{
    struct running *r = ((union op_room *)(void *)op)->other.own;
    r->task = t;
    op->waits = WAITS_OUTSIDE;
    const bool ended = r->ended.ready && process_ended(&r->process);
    feed(r);
    if (!read_output(&r->out, t) || !read_output(&r->err, t))
        return op_fail(op, OP_LIMIT, "the program has written more than 16 MiB");
    if (!ended) return OP_WAIT;
    const int64_t now = clock_now();
    if (!r->given_up) r->given_up = now + linger;
    if ((r->process.out < 0 && r->process.err < 0) || now >= r->given_up) return OP_DONE;
    op->wake = r->given_up;
    return OP_WAIT;
}

static void cancel(struct op *op, struct task *t)
{
    struct running *r = ((union op_room *)(void *)op)->other.own;
    (void)t;
    reactor_remove(r->reactor, &r->in);
    reactor_remove(r->reactor, &r->ended);
    reactor_remove(r->reactor, &r->out.watch);
    reactor_remove(r->reactor, &r->err.watch);
    process_done(&r->process);
    buf_done(&r->out.said);
    buf_done(&r->err.said);
    mem_free(r->input);
    mem_free(r);
}

static void init_output(struct running *r, struct output *o, int *fd)
{
    *o = (struct output){
        .watch = {.fd = -1, .wake = wake_output}, .running = r, .said = BUF_INIT(OUTPUT_MOST), .fd = fd};
}

static int watch_all(struct running *r)
{
    r->in = (struct watch){.fd = -1, .wake = wake_in};
    r->ended = (struct watch){.fd = -1, .wake = wake_ended};
    init_output(r, &r->out, &r->process.out);
    init_output(r, &r->err, &r->process.err);
    int error = reactor_add(r->reactor, &r->in, r->process.in);
    if (!error) error = reactor_add(r->reactor, &r->ended, r->process.pidfd);
    if (!error) error = reactor_add(r->reactor, &r->out.watch, r->process.out);
    return error ? error : reactor_add(r->reactor, &r->err.watch, r->process.err);
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    static const struct op_type type = {.name = "run", .poll = poll_run, .cancel = cancel};
    const struct operand *o = in->operand;
    struct slice input = {NULL, 0};
    struct eval e = actor_eval(a);
    if (o->input && !payload_bytes(o->input, &e, &input)) return actor_fail_eval(a, &e);
    struct running *r = mem_zalloc(sizeof *r);
    r->reactor = a->run->sched.reactor;
    if (program_spawn(a, &o->plan, NULL, 0, &r->process, r->name) != WENT_ON) {
        mem_free(r);
        return WENT_FAILED;
    }
    r->input = mem_dup(input);
    r->ninput = input.n;
    room->other.op = (struct op){.type = &type};
    room->other.own = r;
    const int error = watch_all(r);
    if (!error) return WENT_ON;
    cancel(&room->op, NULL);
    return actor_fail(a, "system", (struct mark){0}, "cannot watch the program: %s", strerror(-error));
}

/* The last line of stderr often says why. */
static void show_reason(const struct running *r, struct buf *out)
{
    struct slice text = buf_slice(&r->err.said);
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    const char *end = text.n ? memrchr(text.p, '\n', text.n) : NULL;
    if (end) text = slice_part(text, (size_t)(end + 1 - text.p), text.n);
    if (!text.n) return;
    buf_adds(out, ": ");
    text_safe(slice_part(text, 0, SHOWN), out);
}

static enum went wrong_end(struct actor *a, const struct instr *in, const struct running *r,
                           const struct exit_want *want)
{
    char wanted[32], got[32];
    struct buf reason = BUF_INIT(4 * SHOWN + 8);
    show_reason(r, &reason);
    actor_fail(a, "exit", step_field(in->model, "exit")->mark, "expected %s, got %s%s", exit_want_show(want, wanted),
               process_show_status(r->process.status, got), buf_str(&reason));
    buf_done(&reason);
    return WENT_FAILED;
}

static void tell_output(struct actor *a, const struct running *r, struct slice said, bool is_stdout)
{
    char name[BOARD_NAME];
    struct emit *emit = a->run->base->emit;
    struct event e = {.kind = EVENT_TRAFFIC,
                      .action = EVENT_OUTPUT,
                      .actor = actor_name(a, name, sizeof name),
                      .number = is_stdout,
                      .bytes = slice_part(said, 0, TOLD_MOST),
                      .text = r->name};
    if (said.n && emit_messages(emit)) emit_event(emit, &e);
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *o = in->operand;
    const struct running *r = room->other.own;
    const struct ending e = {
        .status = r->process.status, .said = true, .out = buf_slice(&r->out.said), .err = buf_slice(&r->err.said)};
    struct exit_want want;
    tell_output(a, r, e.out, true);
    tell_output(a, r, e.err, false);
    if (in->nas && ending_capture(a, in->as[0], &e) != WENT_ON) return WENT_FAILED;
    if (ending_eval(a, &o->end, &want) != WENT_ON) return WENT_FAILED;
    return exit_want_met(&want, e.status) ? WENT_ON : wrong_end(a, in, r, &want);
}

static void show(struct actor *a, const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct running *r = room->other.own;
    (void)a;
    (void)in;
    buf_printf(out, "the end of `%s`", r->name);
}

static const struct field fields[] = {
    {.name = "stdin", .type = FIELD_PAYLOAD, .doc = "What it reads; without it nothing"},
    {.name = "env", .type = FIELD_VALUES, .doc = "Variables of its environment, beside those that sockrun has"},
    {.name = "cwd", .type = FIELD_TEXT, .doc = "The folder that it runs in; default: the scenario's"},
    {.name = "exit",
     .type = FIELD_TEXT,
     .fallback = "any",
     .doc = "The end that is required: an exit code or a signal"},
    {0},
};

const struct step_kind step_run = {
    .schema =
        {.name = "run",
         .group = "program",
         .value = {.type = FIELD_ARGV, .doc = "a list of a program and its arguments"},
         .fields = fields,
         .doc =
             "Runs a program to its end. It is looked up on PATH and started without a shell; it needs `--allow-run`. "
             "What\n"
             "it started and left behind is ended with the case.\n"
             "\n"
             "`as: r` captures how it ended, `r.code` or `r.signal`, and what it wrote, `r.out` and `r.err` (at most\n"
             "16 MiB each). The step takes any end unless `exit` says which.",
         .example = "- run: [curl, --silent, \"http://127.0.0.1:${server.port}/\"]\n"
                    "  exit: 0\n"
                    "  as: r\n"
                    "- check: r.out == \"hello\"\n"},
    .compile = compile,
    .begin = begin,
    .finish = finish,
    .show = show,
};
