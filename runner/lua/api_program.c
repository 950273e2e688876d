#include "lua/api_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/sock.h"
#include "util/mem.h"
#include "util/path.h"

/* Programs: connections to their stdin and stdout, and what else they have. */

enum { ERRORS_MOST = 64 << 10, ARGUMENTS_MOST = 10000, PART = 4096 };

struct luaprogram {
    struct process process;
    struct watch ended, err;
    struct task task; /* reads stderr, so that a full pipe never blocks it */
    struct reactor *reactor;
    const struct conn *conn; /* to its stdin and stdout */
    struct task *waiter;
    struct buf errors; /* its last ones */
};

static struct luaprogram *program_of(void *p, size_t offset)
{
    return (struct luaprogram *)(void *)((char *)p - offset);
}

static void wake_ended(struct watch *w)
{
    const struct luaprogram *p = program_of(w, offsetof(struct luaprogram, ended));
    if (p->waiter) task_wake(p->waiter);
}

static void wake_err(struct watch *w)
{
    task_wake(&program_of(w, offsetof(struct luaprogram, err))->task);
}

static void stop_errors(struct luaprogram *p)
{
    reactor_remove(p->reactor, &p->err);
    if (p->process.err >= 0) close(p->process.err);
    p->process.err = -1;
}

/* True if there may be more. */
static bool take_errors(struct luaprogram *p)
{
    char part[PART];
    if (p->process.err < 0) return false;
    const ssize_t n = sock_read(p->process.err, part, sizeof part);
    if (n == -EAGAIN) return false;
    if (n <= 0) {
        stop_errors(p);
        return false;
    }
    if (p->errors.n + (size_t)n > ERRORS_MOST)
        buf_drop(&p->errors, p->errors.n / 2 > (size_t)n ? p->errors.n / 2 : p->errors.n);
    buf_add(&p->errors, (struct slice){part, (size_t)n});
    conn_tell_errors(p->conn, (struct slice){part, (size_t)n});
    return true;
}

static void read_errors(struct task *t)
{
    if (take_errors(program_of(t, offsetof(struct luaprogram, task)))) task_wake(t);
}

static void close_program(struct object *o)
{
    struct luaconn *c = (struct luaconn *)o;
    struct luaprogram *p = c->program;
    /* What it has said already is often why all ends. */
    for (int i = 0; i < ERRORS_MOST / PART && take_errors(p); i++)
        continue;
    luaconn_close(o);
    if (p->waiter) luawait_closed(o->host, p->waiter);
    reactor_remove(p->reactor, &p->ended);
    stop_errors(p);
    task_done(&p->task);
    process_done(&p->process);
    buf_done(&p->errors);
    mem_free(p);
    c->program = NULL;
}

static struct luaprogram *check_program(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    if (!c->program) luaL_error(L, "this program has been closed");
    return c->program;
}

/*: program:signal(name) -> true | nil, reason
 * Sends it a signal: "TERM", "HUP" ...
 * example: p:signal("TERM") */
static int m_signal(lua_State *L)
{
    const struct luaprogram *p = check_program(L);
    const int number = signal_of_name(luaL_checkstring(L, 2));
    luaL_argcheck(L, number, 2, "there is no such signal");
    if (p->process.ended) return api_nil(L, "it has ended");
    const int r = process_signal(&p->process, number);
    if (r < 0) return api_nil_errno(L, -r);
    lua_pushboolean(L, true);
    return 1;
}

static enum op_result wait_poll(struct op *op, struct task *t)
{
    struct luaprogram *p = ((struct luaconn *)((union luaroom *)(void *)op)->meet.object)->program;
    op->waits = WAITS_OUTSIDE;
    if (process_ended(&p->process)) return OP_DONE;
    p->waiter = t;
    return OP_WAIT;
}

static void wait_cancel(struct op *op, struct task *t)
{
    struct luaprogram *p = ((struct luaconn *)((union luaroom *)(void *)op)->meet.object)->program;
    if (p && p->waiter == t) p->waiter = NULL;
}

static int waited(lua_State *L, int status, lua_KContext ctx)
{
    const struct luaconn *c = lua_touserdata(L, 1);
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    luawait_done(L);
    const int ended = c->program->process.status;
    if (WIFEXITED(ended)) {
        lua_pushinteger(L, WEXITSTATUS(ended));
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, signal_name(WTERMSIG(ended)));
    return 2;
}

/*: program:exit([timeout]) -> code | nil, signal
 * Waits until it has ended: its exit code, or nil and the name of the signal that ended it; nil, "timeout" if it has
 * not. `program:wait()` is the same. example: p:signal("TERM"); local code, signal = p:exit() */
static int m_exit(lua_State *L)
{
    static const struct op_type type = {.name = "wait", .poll = wait_poll, .cancel = wait_cancel};
    struct luaconn *c = luaconn_check(L, 1);
    const int64_t timeout = api_timeout(L, 2);
    check_program(L);
    union luaroom *room = luawait_room(L);
    if (c->program->waiter) return luaL_error(L, "another task waits for this program already");
    room->meet.op = (struct op){.type = &type};
    room->meet.object = &c->object;
    return luawait(L, &room->op, timeout == LUAWAIT_DEFAULT ? LUAWAIT_FOREVER : timeout, 0, waited);
}

/* A program's `wait` is for its end, unless it is given what to wait for. */
static int m_wait(lua_State *L)
{
    return lua_type(L, 2) == LUA_TSTRING ? luaconn_wait(L) : m_exit(L);
}

/*: program:errors() -> bytes
 * What it has written to stderr so far, the last 64 KiB.
 * example: t:equal(p:errors(), "") */
static int m_errors(lua_State *L)
{
    const struct luaprogram *p = check_program(L);
    lua_pushlstring(L, p->errors.n ? p->errors.p : "", p->errors.n);
    return 1;
}

/*: program:pid() -> number
 * Its process.
 * example: sock.log(p:pid()) */
static int m_pid(lua_State *L)
{
    lua_pushinteger(L, check_program(L)->process.pid);
    return 1;
}

static const luaL_Reg methods[] = {{"signal", m_signal}, {"wait", m_wait}, {"exit", m_exit},
                                   {"errors", m_errors}, {"pid", m_pid},   {NULL, NULL}};

/* Starting */

struct command {
    struct process_options options;
    char path[PATH_MAX], cwd[PATH_MAX];
};

/* A copy of the text on top (popped) in memory of Lua's, which `list` keeps. */
static char *keep_text(lua_State *L, int list)
{
    size_t n;
    if (!lua_isstring(L, -1)) luaL_error(L, "run: strings are wanted, not a %s", luaL_typename(L, -1));
    const char *text = lua_tolstring(L, -1, &n);
    if (memchr(text, 0, n)) luaL_error(L, "run: a program cannot be given a NUL");
    char *copy = lua_newuserdatauv(L, n + 1, 0);
    memcpy(copy, text, n + 1);
    lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
    lua_pop(L, 1);
    return copy;
}

static char **make_argv(lua_State *L, int list)
{
    const lua_Unsigned n = lua_rawlen(L, 1);
    luaL_argcheck(L, n >= 1 && n <= ARGUMENTS_MOST, 1, "a program and its arguments");
    char **argv = lua_newuserdatauv(L, (n + 1) * sizeof *argv, 0);
    for (lua_Unsigned i = 0; i < n; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        argv[i] = keep_text(L, list);
    }
    argv[n] = NULL;
    return argv;
}

/* The table at index env replaces variables of ours. */
static bool is_replaced(lua_State *L, int env, const char *variable)
{
    const char *end = strchr(variable, '=');
    if (!env || !end) return false;
    lua_pushlstring(L, variable, (size_t)(end - variable));
    const bool replaced = lua_rawget(L, env) != LUA_TNIL;
    lua_pop(L, 1);
    return replaced;
}

static char **make_environment(lua_State *L, int list, const char **search)
{
    const int env = api_option(L, 2, "env") ? lua_gettop(L) : 0;
    size_t n = 0, more = 0, at = 0;
    if (env) luaL_checktype(L, env, LUA_TTABLE);
    for (char **v = environ; v && *v; v++)
        n++;
    for (lua_pushnil(L); env && lua_next(L, env); lua_pop(L, 1))
        more++;
    char **out = lua_newuserdatauv(L, (n + more + 1) * sizeof *out, 0);
    for (char **v = environ; v && *v; v++)
        if (!is_replaced(L, env, *v)) out[at++] = *v;
    lua_pushnil(L);
    while (env && lua_next(L, env)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "run: the names of `env` are strings");
        const char *value = luaL_tolstring(L, -1, NULL);
        lua_pushfstring(L, "%s=%s", lua_tostring(L, -3), value);
        out[at] = keep_text(L, list);
        if (strncmp(out[at], "PATH=", 5) == 0) *search = out[at] + 5;
        at++;
        lua_pop(L, 2);
    }
    out[at] = NULL;
    return out;
}

/* 0, or 2 with nil and why on top. */
static int find(lua_State *L, const struct luahost *h, struct command *c, const char *search)
{
    const char *name = c->options.argv[0];
    char absolute[PATH_MAX];
    if (permit_run(h->permit, name, h->need) != 0) return luafail_denied(L, h);
    int error = strchr(name, '/') ? path_normal(h->permit->folder, name, absolute) : 0;
    if (!error) error = permit_which(strchr(name, '/') ? absolute : name, search, c->path, sizeof c->path);
    if (error == -ENOENT) return api_nil(L, "there is no such program");
    return error ? api_nil(L, strerror(-error)) : 0;
}

static int push_program(lua_State *L, struct luahost *h, struct process *process)
{
    struct luaconn *c = object_push(L, &luaprogram_type, sizeof *c + sizeof(struct conn), 0);
    struct conn *conn = (struct conn *)(c + 1);
    struct luaprogram *p = mem_zalloc(sizeof *p);
    c->timeout = LUAWAIT_DEFAULT;
    c->program = p;
    p->process = *process;
    p->reactor = h->sched->reactor;
    p->conn = conn;
    p->errors = BUF_INIT(ERRORS_MOST);
    p->ended = (struct watch){.fd = -1, .wake = wake_ended};
    p->err = (struct watch){.fd = -1, .wake = wake_err};
    task_init(&p->task, h->sched, read_errors);
    p->process.in = p->process.out = -1;
    int r = conn_init_pipes(conn, h->sched, process->out, process->in);
    if (r == 0) c->conn = conn;
    conn->recorded = true;
    object_open(&c->object, h);
    if (r == 0) r = reactor_add(p->reactor, &p->ended, p->process.pidfd);
    if (r == 0) r = reactor_add(p->reactor, &p->err, p->process.err);
    if (r < 0) {
        object_close(&c->object);
        return api_nil_errno(L, -r);
    }
    if (h->ops->opened) h->ops->opened(h, h->current, conn);
    return 1;
}

int api_start_program(lua_State *L, bool must)
{
    struct luahost *h = luahost_of(L);
    struct command c = {.options = {0}};
    struct process process;
    const char *search = getenv("PATH"), *where = "run";
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_newtable(L);
    c.options.argv = make_argv(L, 3);
    c.options.envp = make_environment(L, 3, &search);
    const char *cwd = api_option(L, 2, "cwd") ? luaL_checkstring(L, -1) : ".";
    int r = path_normal(h->permit->folder, cwd, c.cwd);
    if (r < 0) return luaL_error(L, "run: cwd: %s", strerror(-r));
    c.options.cwd = c.cwd;
    if (find(L, h, &c, search) == 0) {
        c.options.path = c.path;
        r = process_start(&process, &c.options, &where);
        if (r == 0) return push_program(L, h, &process);
        api_nil(L, strerror(-r));
    }
    if (!must) return 2;
    const struct luafailure f = {
        .kind = "check",
        .message = lua_pushfstring(L, "cannot %s `%s`: %s", where, c.options.argv[0], lua_tostring(L, -1))};
    return luafail(L, &f);
}

/*: run(argv [, options]) -> program | nil, reason
 * Starts a program, without a shell; it needs `--allow-run`. The object is a connection to its stdin and stdout, which
 * has `signal`, `wait`, `errors` and `pid` as well; closing it ends the program. Options: env (a table), cwd. example:
 * local p <close> = sock.run{"cat"} */
static int f_run(lua_State *L)
{
    return api_start_program(L, false);
}

const struct object_type luaprogram_type = {
    .name = "program", .magic = OBJECT_CONN, .close = close_program, .methods = methods, .base = &luaconn_type};

const luaL_Reg api_program[] = {{"run", f_run}, {NULL, NULL}};
