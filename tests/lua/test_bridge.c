#include "lua/support.h"

#include "lua/api.h"
#include "lua/require.h"
#include "lua/testscript.h"
#include "op/harness.h"

/* Lua tasks on a scheduler, as an embedder of the bridge runs them. */

struct bridged {
    struct harness *h;
    struct luastate *s;
    struct luahost host;
    struct permit_need need;
    char failures[2000];
    char ended[2000];
    struct task stopper;
};

static void add(char *to, size_t size, const char *a, const char *b)
{
    const size_t n = strlen(to);
    snprintf(to + n, size - n, "%s%s%s\n", a, *b ? ": " : "", b);
}

static void told_failure(struct luahost *host, lua_State *L, const struct luafailure *f)
{
    struct bridged *b = host->ctx;
    (void)L;
    add(b->failures, sizeof b->failures, f->kind, f->message);
}

static void told_skip(struct luahost *host, const char *reason)
{
    struct bridged *b = host->ctx;
    add(b->failures, sizeof b->failures, "skip", reason);
}

static void told_log(struct luahost *host, lua_State *L, const char *text)
{
    struct bridged *b = host->ctx;
    (void)L;
    add(b->failures, sizeof b->failures, "log", text);
}

static void told_end(struct luahost *host, struct luatask *t)
{
    struct bridged *b = host->ctx;
    if (t->state == LUATASK_FAILED)
        add(b->ended, sizeof b->ended, t->name, lua_tostring(t->co, -1));
    else
        add(b->ended, sizeof b->ended, t->name, "");
}

static const char *no_tmp(struct luahost *host)
{
    (void)host;
    return NULL;
}

static const struct luahost_ops ops = {
    .failed = told_failure, .skip = told_skip, .log = told_log, .ended = told_end, .tmp = no_tmp};

static int open_api(lua_State *L)
{
    static const char *const folders[2] = {NULL, NULL};
    require_open(L, NULL, folders);
    require_preload(L, "sockrun", api_open);
    return 0;
}

static bool bridged_begin(struct bridged *b, struct harness *h, size_t cap)
{
    *b = (struct bridged){.h = h, .s = luastate_new(cap)};
    if (!b->s) return false;
    b->host = (struct luahost){.sched = &h->sched,
                               .permit = h->permit,
                               .need = &b->need,
                               .ops = &ops,
                               .ctx = b,
                               .scale = 1,
                               .limit = HARNESS_LATE};
    lua_pushcfunction(b->s->L, open_api);
    if (!luastate_call(b->s, 0, 0)) {
        luastate_free(b->s);
        return false;
    }
    luahost_begin(&b->host, b->s);
    return true;
}

static void bridged_end(struct bridged *b)
{
    luahost_end(&b->host);
    luastate_free(b->s);
}

struct chunk {
    struct bridged *b;
    const char *name, *text;
};

static int start_chunk(lua_State *L)
{
    const struct chunk *c = lua_touserdata(L, 1);
    if (luaL_loadbufferx(L, c->text, strlen(c->text), "=chunk", "t") != LUA_OK) return lua_error(L);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setupvalue(L, -2, 1);
    struct luatask *t = luatask_push(L, &c->b->host, NULL, c->name, 0);
    luatask_start(L, lua_gettop(L), t);
    return 0;
}

/* False if there was no memory for it. */
static bool start(struct bridged *b, const char *name, const char *text)
{
    const struct chunk c = {b, name, text};
    luastate_room(b->s->L);
    lua_pushcfunction(b->s->L, start_chunk);
    lua_pushlightuserdata(b->s->L, (void *)(uintptr_t)&c);
    if (luastate_call(b->s, 1, 0)) return true;
    lua_pop(b->s->L, 1);
    return false;
}

static void idle(void *ctx)
{
    struct bridged *b = ctx;
    if (!b->host.tasks) b->h->sched.stop = true;
}

/* Until every task is over. */
static void finish(struct bridged *b)
{
    b->h->sched.idle = idle;
    b->h->sched.idle_ctx = b;
    if (b->host.tasks) harness_go(b->h);
    b->h->sched.idle = NULL;
}

static const char conversation[] = "local sock = require 'sockrun'\n"
                                   "local l = assert(sock.listen('tcp://127.0.0.1:0'))\n"
                                   "local server = sock.spawn('server', function()\n"
                                   "  local c <close> = assert(l:accept())\n"
                                   "  for line in c:lines() do c:send(line:upper(), '\\n') end\n"
                                   "end)\n"
                                   "local c <close> = assert(sock.connect(l))\n"
                                   "for i = 1, 3 do\n"
                                   "  c:send('hello ', i, '\\n')\n"
                                   "  local read = coroutine.wrap(function() return c:receive('l') end)\n"
                                   "  assert(read() == 'HELLO ' .. i)\n"
                                   "end\n"
                                   "c:expect('')\n"
                                   "c:shutdown('write')\n"
                                   "server:join()\n"
                                   "assert(not sock.select{server, timeout = 1}[2])\n"
                                   "l:close()\n";

static void a_conversation(void **state)
{
    struct bridged b;
    assert_true(bridged_begin(&b, *state, 16 << 20));
    assert_true(start(&b, "main", conversation));
    finish(&b);
    assert_string_equal(b.failures, "");
    assert_string_equal(b.ended, "server\nmain\n");
    assert_null(b.host.objects);
    bridged_end(&b);
}

/* Whatever allocation fails first, nothing is lost or used after its end. */
static void memory_ends_anywhere(void **state)
{
    struct bridged b;
    size_t cap = 40 << 10;
    bool done = false;
    for (unsigned step = 173; !done; cap += step) {
        if (!bridged_begin(&b, *state, cap)) continue;
        if (start(&b, "main", conversation)) {
            finish(&b);
            done = strcmp(b.ended, "server\nmain\n") == 0;
        }
        bridged_end(&b);
        assert_int_equal(reactor_count(b.h->sched.reactor), 0);
        assert_true(cap < 1 << 20);
    }
}

static void a_case_that_ends_closes_everything(void **state)
{
    struct bridged b;
    assert_true(bridged_begin(&b, *state, 16 << 20));
    assert_true(start(&b, "main",
                      "local sock = require 'sockrun'\n"
                      "l = sock.listen('tcp://127.0.0.1:0')\n"
                      "sock.spawn('reader', function()\n"
                      "  local x <close> = setmetatable({}, {__close = function() sock.log('closed') end})\n"
                      "  coroutine.wrap(function() l:accept():receive(1) end)()\n"
                      "end)\n"
                      "c = sock.connect(l.address)\n"
                      "sock.sleep(0.001)\n"));
    b.h->sched.idle = harness_settled;
    b.h->sched.idle_ctx = b.h;
    while (!strstr(b.ended, "main"))
        harness_go(b.h);
    b.h->sched.idle = NULL;
    assert_non_null(b.host.tasks);
    luahost_end(&b.host);
    assert_string_equal(b.failures, "log: closed\n");
    assert_int_equal(reactor_count(b.h->sched.reactor), 0);
    luastate_free(b.s);
}

static void only_where_a_case_runs(void **state)
{
    struct bridged b;
    assert_true(bridged_begin(&b, *state, 16 << 20));
    luahost_end(&b.host);
    struct lua_State *L = b.s->L;
    assert_int_equal(luaL_loadstring(L, "return ..."), LUA_OK);
    lua_pop(L, 1);
    lua_pushcfunction(L, api_open);
    assert_true(luastate_call(b.s, 0, 1));
    lua_getfield(L, -1, "listen");
    lua_pushliteral(L, "tcp://127.0.0.1:0");
    assert_false(luastate_call(b.s, 1, 1));
    assert_string_equal(lua_tostring(L, -1), "this works only while a case runs");
    luastate_free(b.s);
}

static void a_wait_outside_of_any_task(void **state)
{
    struct bridged b;
    assert_true(bridged_begin(&b, *state, 16 << 20));
    lua_State *L = b.s->L;
    lua_pushcfunction(L, api_open);
    assert_true(luastate_call(b.s, 0, 1));
    lua_getfield(L, -1, "sleep");
    lua_pushnumber(L, 1);
    assert_false(luastate_call(b.s, 1, 1));
    assert_string_equal(lua_tostring(L, -1), "cannot wait here: only in a test, a task or a `lua` step");
    bridged_end(&b);
}

static void objects_are_known_by_their_word(void **state)
{
    struct bridged b;
    assert_true(bridged_begin(&b, *state, 16 << 20));
    assert_true(start(&b, "main",
                      "local sock = require 'sockrun'\n"
                      "local c = sock.channel()\n"
                      "local l = sock.listen('tcp://127.0.0.1:0')\n"
                      "local send = sock.connect(l).send\n"
                      "for _, wrong in ipairs{c, l, {}, 'x', 1, coroutine.create(send), send, sock.json.null} do\n"
                      "  local ok, why = pcall(send, wrong, 'x')\n"
                      "  assert(not ok and why:find('connection expected'), why)\n"
                      "end\n"));
    finish(&b);
    assert_string_equal(b.ended, "main\n");
    bridged_end(&b);
}

static void places_of_messages(void **state)
{
    (void)state;
    const char *rest;
    assert_int_equal(testscript_place("a.lua", "a.lua:12: x", &rest), 12);
    assert_string_equal(rest, "x");
    assert_int_equal(testscript_place("a.lua", "b.lua:12: x", &rest), 0);
    assert_string_equal(rest, "b.lua:12: x");
    assert_int_equal(testscript_place("a.lua", "a.lua:x", &rest), 0);
    assert_int_equal(testscript_place("a.lua", "a.lua:: x", &rest), 0);
    assert_int_equal(testscript_place("a.lua", "a.lua:99999999999: x", &rest), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(a_conversation),
        HARNESS_TEST(memory_ends_anywhere),
        HARNESS_TEST(a_case_that_ends_closes_everything),
        HARNESS_TEST(only_where_a_case_runs),
        HARNESS_TEST(a_wait_outside_of_any_task),
        HARNESS_TEST(objects_are_known_by_their_word),
        cmocka_unit_test(places_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
