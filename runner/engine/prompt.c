#include "engine/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>

#include "engine/lua_modules.h"
#include "engine/script_failure.h"
#include "engine/tmp.h"
#include "lua/value.h"
#include "net/process.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { SESSION_MOST = 64 << 20, SHOWN_MOST = 4096 };

/* As in a test script, where nothing else says how long a wait may take. */
#define WAIT_NS (5 * NS_PER_S)
#define END_ALL_NS (2 * NS_PER_S)

struct prompt {
    const struct settings *settings;
    struct prompt_ears ears;
    struct lazy_lua lazy;
    struct luastate *lua;
    struct luahost host;
    struct sched sched;
    struct permit_scope permit;
    struct permit_need need;
    struct arena arena; /* of one entry */
    /* Everything that was entered: a function that fails later is still shown. */
    struct buf session;
    struct buf chunk;
    const char *name;
    uint32_t lines; /* of the session */
    int globals;    /* registry reference */
    struct luatask *main;
    struct watch input, interrupts;
    struct sigaction before;
    int wakeup; /* eventfd: SIGINT */
    bool interrupted;
    bool values; /* the entry is an expression */
    bool failed; /* the entry */
    enum sr_verdict verdict;
};

/* What the signal's handler reaches. */
static struct prompt *running;

static void interrupt(int signal)
{
    const int error = errno;
    const uint64_t one = 1;
    (void)signal;
    if (running->lua->depth > 0) luastate_interrupt(running->lua);
    if (write(running->wakeup, &one, sizeof one) < 0) errno = error;
    errno = error;
}

/* Was there an interrupt since the last time? */
static bool take_interrupt(struct prompt *p)
{
    uint64_t n;
    const bool came = read(p->wakeup, &n, sizeof n) > 0;
    p->interrupts.ready &= (uint8_t)~READY_READ;
    return came;
}

static void interrupts_ready(struct watch *w)
{
    struct prompt *p = (struct prompt *)(void *)((char *)w - offsetof(struct prompt, interrupts));
    p->sched.stop = true;
}

static void input_ready(struct watch *w)
{
    struct prompt *p = (struct prompt *)(void *)((char *)w - offsetof(struct prompt, input));
    p->sched.stop = true;
}

/* What the code does */

static struct prompt *prompt_of(const struct luahost *h)
{
    return h->ctx;
}

static struct script_text text_of(const struct prompt *p)
{
    return (struct script_text){p->name, buf_slice(&p->session)};
}

static enum sr_verdict verdict_of(const char *kind)
{
    static const char *const checks[] = {"check", "fail", "mismatch", "timeout", "closed"};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strcmp(checks[i], kind) == 0) return SR_FAIL;
    return SR_ERROR;
}

static void tell(struct prompt *p, lua_State *L, const struct luatask *t, const struct luafailure *from)
{
    const struct script_text text = text_of(p);
    struct event_failure f = {.after = -1, .limit = -1};
    struct event e = {
        .kind = EVENT_VERDICT, .file = p->name, .verdict = verdict_of(from->kind), .failures = &f, .nfailures = 1};
    if (t && t != p->main)
        f.actor = t->name;
    else
        p->failed = true;
    script_failure_fill(&text, L, from, &p->arena, &f);
    p->verdict = sr_verdict_worst(p->verdict, e.verdict);
    p->ears.event(p->ears.ctx, &e);
}

static void host_failed(struct luahost *h, lua_State *L, const struct luafailure *f)
{
    tell(prompt_of(h), L, h->current, f);
}

static void say(struct prompt *p, const char *actor, const char *text)
{
    const struct event e = {.kind = EVENT_LOG, .actor = actor, .text = text};
    p->ears.event(p->ears.ctx, &e);
}

static void host_skip(struct luahost *h, const char *reason)
{
    struct prompt *p = prompt_of(h);
    say(p, NULL, arena_printf(&p->arena, "skipped: %s", reason));
}

static void host_log(struct luahost *h, lua_State *L, const char *text)
{
    struct prompt *p = prompt_of(h);
    (void)L;
    say(p, h->current && h->current != p->main ? h->current->name : NULL, text);
}

static void host_ended(struct luahost *h, struct luatask *t)
{
    struct prompt *p = prompt_of(h);
    if (t->state == LUATASK_FAILED && !t->told) {
        const struct luafailure f = {.kind = "lua", .message = lua_tostring(t->co, -1)};
        tell(p, t->co, t, &f);
    }
    if (t != p->main) return;
    p->main = NULL;
    p->sched.stop = true;
}

static const char *host_tmp(struct luahost *h)
{
    struct prompt *p = prompt_of(h);
    if (!p->permit.tmp) p->permit.tmp = tmp_make();
    return p->permit.tmp;
}

/* Entries */

/* Upvalue: the prompt. */
static int f_print(lua_State *L)
{
    struct prompt *p = lua_touserdata(L, lua_upvalueindex(1));
    const int n = lua_gettop(L);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        if (i > 1) luaL_addchar(&b, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&b);
    }
    luaL_addchar(&b, '\n');
    luaL_pushresult(&b);
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    p->ears.print(p->ears.ctx, (struct slice){text, size});
    return 0;
}

static int open_globals(lua_State *L)
{
    struct prompt *p = lua_touserdata(L, 1);
    const struct settings *s = p->settings;
    lua_newtable(L);
    lua_pushlightuserdata(L, p);
    lua_pushcclosure(L, f_print, 1);
    lua_setfield(L, -2, "print");
    lua_createtable(L, 0, (int)s->nvars);
    for (uint32_t i = 0; i < s->nvars; i++) {
        lua_pushstring(L, s->vars[i].value);
        lua_setfield(L, -2, s->vars[i].name);
    }
    lua_setfield(L, -2, "vars");
    lua_createtable(L, 0, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, p->lua->base);
    lua_getfield(L, -1, "require");
    lua_pushliteral(L, "sockrun");
    lua_call(L, 1, 1);
    lua_setfield(L, -4, "sock");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    p->globals = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* The chunk's values are all there is, and a nil before them. */
static int show_values(lua_State *L, int status, lua_KContext ctx)
{
    struct prompt *p = (struct prompt *)ctx;
    const int n = lua_gettop(L);
    struct buf *out = luastate_scratch(L, SESSION_MOST);
    (void)status;
    if (!p->values) return 0;
    for (int i = 2; i <= n; i++) {
        if (i > 2) buf_adds(out, "  ");
        if (lua_isuserdata(L, i))
            buf_adds(out, luaL_tolstring(L, i, NULL));
        else
            value_show(L, i, SHOWN_MOST, out);
    }
    if (n > 1) {
        buf_addc(out, '\n');
        p->ears.print(p->ears.ctx, buf_slice(out));
    }
    return 0;
}

static int run_chunk(lua_State *L)
{
    lua_KContext p = (lua_KContext)lua_touserdata(L, 1);
    lua_remove(L, 1);
    lua_callk(L, 0, LUA_MULTRET, p, show_values);
    return show_values(L, LUA_OK, p);
}

/* Its lines are those of the session. */
static int compile(struct prompt *p, lua_State *L, const char *before, struct slice text)
{
    buf_clear(&p->chunk);
    for (uint32_t i = 0; i < p->lines; i++)
        buf_addc(&p->chunk, '\n');
    buf_adds(&p->chunk, before);
    buf_add(&p->chunk, text);
    if (p->chunk.overflow) return luaL_error(L, "that is too much for one session");
    lua_pushfstring(L, "@%s", p->name);
    const int status = luaL_loadbufferx(L, p->chunk.p ? p->chunk.p : "", p->chunk.n, lua_tostring(L, -1), "t");
    lua_remove(L, -2);
    return status;
}

static bool is_incomplete(lua_State *L)
{
    static const char mark[] = "<eof>";
    size_t n;
    const char *text = lua_tolstring(L, -1, &n);
    return n >= sizeof mark - 1 && strcmp(text + n - (sizeof mark - 1), mark) == 0;
}

struct entry {
    struct prompt *prompt;
    struct slice text;
    bool whole, incomplete;
};

/* Protected. */
static int start(lua_State *L)
{
    struct entry *e = lua_touserdata(L, 1);
    struct prompt *p = e->prompt;
    /* The nil keeps `return f()` from being a tail call, in which this line would be lost. */
    p->values = compile(p, L, "return nil, ", e->text) == LUA_OK;
    if (!p->values) {
        e->incomplete = !e->whole && is_incomplete(L);
        if (compile(p, L, "", e->text) != LUA_OK) {
            e->incomplete = e->incomplete || (!e->whole && is_incomplete(L));
            return e->incomplete ? 0 : lua_error(L);
        }
        e->incomplete = false;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, p->globals);
    lua_setupvalue(L, -2, 1);
    lua_pushcfunction(L, run_chunk);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, p);
    lua_insert(L, -2);
    p->main = luatask_push(L, &p->host, NULL, "prompt", 2);
    luatask_start(L, lua_gettop(L), p->main);
    return 0;
}

static void note_text(struct prompt *p, struct slice text)
{
    buf_add(&p->session, text);
    buf_addc(&p->session, '\n');
    for (size_t i = 0; i < text.n; i++)
        p->lines += text.p[i] == '\n';
    p->lines++;
}

static enum prompt_result go_on(struct prompt *p)
{
    bool interrupted = false;
    while (p->main && !(interrupted = take_interrupt(p))) {
        p->sched.stop = false;
        sched_run(&p->sched);
    }
    interrupted |= take_interrupt(p);
    if (p->main) {
        struct luatask *t = p->main;
        p->main = NULL;
        luatask_cancel(t);
        return PROMPT_INTERRUPTED;
    }
    if (!p->failed) return PROMPT_DONE;
    return interrupted ? PROMPT_INTERRUPTED : PROMPT_FAILED;
}

enum prompt_result prompt_run(struct prompt *p, struct slice text, bool whole)
{
    struct entry e = {.prompt = p, .text = text, .whole = whole};
    lua_State *L = p->lua->L;
    arena_done(&p->arena);
    p->failed = false;
    luastate_room(L);
    lua_pushcfunction(L, start);
    lua_pushlightuserdata(L, &e);
    const bool good = luastate_call(p->lua, 1, 0);
    if (e.incomplete) return PROMPT_INCOMPLETE;
    note_text(p, text);
    if (good) return go_on(p);
    const struct luafailure f = {.kind = "lua", .message = lua_tostring(L, -1)};
    tell(p, L, NULL, &f);
    lua_pop(L, 1);
    return PROMPT_FAILED;
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

bool prompt_wait(struct prompt *p, int fd)
{
    if (p->input.fd < 0 && reactor_add(p->sched.reactor, &p->input, fd) < 0) return true;
    for (;;) {
        p->sched.stop = false;
        if (take_interrupt(p)) return false;
        if (is_readable(fd)) return true;
        p->input.ready &= (uint8_t)~READY_READ;
        sched_run(&p->sched);
    }
}

enum sr_verdict prompt_verdict(const struct prompt *p)
{
    return p->verdict;
}

static bool begin(struct prompt *p, const char **ret_why)
{
    if (sched_init(&p->sched) < 0) {
        *ret_why = strerror(errno);
        return false;
    }
    p->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->interrupts = (struct watch){.fd = -1, .wake = interrupts_ready};
    p->input = (struct watch){.fd = -1, .wake = input_ready};
    if (p->wakeup < 0 || reactor_add(p->sched.reactor, &p->interrupts, p->wakeup) < 0) {
        *ret_why = strerror(errno);
        return false;
    }
    p->lua = lazy_lua_get(&p->lazy);
    if (!p->lua) {
        *ret_why = "Lua cannot start within its memory cap";
        return false;
    }
    p->lua->ended = "interrupted";
    luahost_begin(&p->host, p->lua);
    lua_pushcfunction(p->lua->L, open_globals);
    lua_pushlightuserdata(p->lua->L, p);
    if (!luastate_call(p->lua, 1, 0)) {
        *ret_why = "Lua cannot start within its memory cap";
        return false;
    }
    const struct sigaction act = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    running = p;
    sigaction(SIGINT, &act, &p->before);
    return true;
}

struct prompt *prompt_new(const struct settings *s, const char *name, const char *folder,
                          const struct prompt_ears *ears, const char **ret_why)
{
    static const struct luahost_ops ops = {
        .failed = host_failed, .skip = host_skip, .log = host_log, .ended = host_ended, .tmp = host_tmp};
    struct prompt *p = mem_zalloc(sizeof *p);
    p->settings = s;
    p->ears = *ears;
    p->name = name;
    p->wakeup = -1;
    p->verdict = SR_PASS;
    p->session = p->chunk = BUF_INIT(SESSION_MOST);
    p->lazy = (struct lazy_lua){.modules = s->modules, .folder = folder, .cap = s->lua_memory};
    p->permit = (struct permit_scope){.permit = s->permit, .folder = folder};
    p->host = (struct luahost){.sched = &p->sched,
                               .permit = &p->permit,
                               .need = &p->need,
                               .ops = &ops,
                               .ctx = p,
                               .scale = s->timeout_scale,
                               .limit = (int64_t)((double)WAIT_NS * s->timeout_scale)};
    lua_modules_describe(&p->lazy, folder);
    lua_modules(&p->host, &p->lazy);
    process_subreaper();
    if (begin(p, ret_why)) return p;
    prompt_free(p);
    return NULL;
}

static void end_children(void)
{
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return;
    process_end_all(NULL, clock_now() + END_ALL_NS);
}

void prompt_free(struct prompt *p)
{
    if (!p) return;
    if (running) sigaction(SIGINT, &p->before, NULL);
    running = NULL;
    luahost_end(&p->host);
    end_children();
    if (p->sched.reactor) {
        reactor_remove(p->sched.reactor, &p->input);
        reactor_remove(p->sched.reactor, &p->interrupts);
        sched_done(&p->sched);
    }
    if (p->wakeup >= 0) close(p->wakeup);
    lazy_lua_done(&p->lazy);
    if (p->permit.tmp) {
        tmp_remove(p->permit.tmp);
        mem_free((void *)(uintptr_t)p->permit.tmp);
    }
    buf_done(&p->session);
    buf_done(&p->chunk);
    arena_done(&p->arena);
    mem_free(p);
}
