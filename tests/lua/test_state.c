#include "lua/support.h"

#include <stdio.h>

#include "lua/funcs.h"

static void no_way_out(void **state)
{
    struct world *w = *state;
    static const char *const absent[] = {"io",        "debug",      "package",     "require",   "dofile",
                                         "loadfile",  "_G",         "print",       "os.exit",   "os.getenv",
                                         "os.remove", "os.execute", "string.dump", "os.tmpname"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_string_equal(eval(w, absent[i]), "nil");
    assert_string_equal(eval(w, "type(os.time()) .. type(os.clock()) .. type(os.date())"), "numbernumberstring");
}

static void names_are_what_is_there(void **state)
{
    struct world *w = *state;
    lua_State *L = w->s->L;
    size_t listed = 0, there = 0;
    for (; funcs_names[listed]; listed++)
        if (strcmp(eval(w, funcs_names[listed]), "nil") == 0) fail_msg("%s is not there", funcs_names[listed]);
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->s->base);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        there++;
    lua_pop(L, 1);
    assert_int_equal(listed, there);
}

static void no_bytecode(void **state)
{
    struct world *w = *state;
    assert_has(eval(w, "select(2, load('\\27Lua'))"), "attempt to load a binary chunk");
    assert_has(eval(w, "select(2, load('\\27Lua', 'x', 'bt'))"), "attempt to load a binary chunk");
    assert_has(eval(w, "load('\\27Lua', 'x', 'b')"), "only text chunks");
    assert_has(eval(w, "select(2, load(function() return '\\27Lua' end))"), "attempt to load a binary chunk");
}

static void load_sees_what_its_caller_sees(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->s);
    assert_string_equal(eval_in(w, &a, EXPR_CHUNK, "x = 5; load('x = x + 1')()"), "");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "x"), "6");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "(load('return x'))()"), "6");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "select(2, pcall(load, 'return x'))()"), "6");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "load('return x', 'n', 't', {x = 'own'})()"), "own");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "coroutine.wrap(load)('return type(string)')()"), "table");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "coroutine.wrap(load)('return x')()"), "nil");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "load('return x', 'n', 't', nil)()"),
                        "! [string \"n\"]:1: attempt to index a nil value (upvalue '_ENV')");
}

static void libraries_stay_as_they_are(void **state)
{
    struct world *w = *state;
    static const char *const attacks[] = {
        "string.rep = nil",
        "string.mine = 1",
        "math[1] = 1",
        "rawset(string, 'rep', nil)",
        "rawset(json, 'null', 1)",
        "setmetatable(table, {})",
        "setmetatable(string, nil)",
        "table.insert(string, 1)",
        "for _, lib in ipairs {string, table} do table.move({1}, 1, 1, 1, lib) end",
        "getmetatable('').__index.rep = nil",
        "getmetatable(string).__index.rep = nil",
        "local f, t = pairs(string); t.rep = nil",
        "json.null = 1",
        "coroutine.wrap(function() string.rep = 1 end)()",
        "_ENV.string.rep = 1",
        "load('rep = 1', 'x', 't', string)()",
    };
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        const char *result = chunk(w, attacks[i]);
        if (strncmp(result, "! ", 2) != 0) fail_msg("allowed: %s", attacks[i]);
        assert_string_equal(eval(w, "('ab'):rep(2) .. string.rep('c', 2) .. tostring(string.mine)"), "ababccnil");
    }
    assert_string_equal(chunk(w, "string.rep = 1"), "! f.yaml:5: `string.rep` cannot be set: libraries are read-only");
    assert_string_equal(eval(w, "getmetatable('')"), "false");
    assert_string_equal(eval(w, "getmetatable(string)"), "false");
    assert_string_equal(eval(w, "getmetatable(_ENV)"), "false");
    assert_string_equal(eval(w, "(function() local n = 0 for k, f in pairs(utf8) do n = n + 1 end return n end)()"),
                        "6");
}

static void own_globals_are_the_actors(void **state)
{
    struct world *w = *state;
    struct actor a, b;
    actor_init(&a, w->s);
    actor_init(&b, w->s);
    assert_string_equal(eval_in(w, &a, EXPR_CHUNK, "string = 'mine' type = nil"), "");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "string"), "mine");
    assert_string_equal(eval_in(w, &b, EXPR_VALUE, "type(string)"), "table");
    assert_has(eval_in(w, &a, EXPR_CHUNK, "rawset(_ENV, 'x', 1)"), "table expected");
    assert_has(eval_in(w, &a, EXPR_CHUNK, "_ENV[1] = 1"), "a variable's name is a string");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "_ENV[1]"), "nil");
}

static void finalizers_and_the_collector(void **state)
{
    struct world *w = *state;
    assert_has(chunk(w, "setmetatable({}, {__gc = function() end})"), "`__gc` is not supported");
    assert_has(chunk(w, "setmetatable({}, {__gc = true})"), "`__gc` is not supported");
    assert_string_equal(chunk(w, "ran = nil local mt = {} local t = setmetatable({}, mt) "
                                 "mt.__gc = function() ran = 1 end t = nil collectgarbage() assert(not ran)"),
                        "");
    assert_string_equal(chunk(w,
                              "local done do local x <close> = setmetatable({}, {__close = function() done = 1 end}) "
                              "end assert(done)"),
                        "");
    assert_has(chunk(w, "collectgarbage('stop')"), "invalid option 'stop'");
    assert_has(chunk(w, "collectgarbage('setpause', 1)"), "invalid option");
    assert_string_equal(eval(w, "collectgarbage()"), "0");
    assert_string_equal(eval(w, "collectgarbage('count') > 1"), "true");
    assert_string_equal(eval(w, "type(collectgarbage('step'))"), "boolean");
}

static void messages_are_texts(void **state)
{
    struct world *w = *state;
    assert_string_equal(eval(w, "error('plain', 0)"), "! plain");
    assert_string_equal(eval(w, "error('with place')"), "! with place");
    assert_string_equal(eval(w, "error()"), "! (error object is a nil value)");
    assert_string_equal(eval(w, "error({})"), "! (error object is a table value)");
    assert_string_equal(eval(w, "error(12)"), "! 12");
    assert_string_equal(eval(w, "error(true)"), "! (error object is a boolean value)");
    assert_string_equal(eval(w, "error(setmetatable({}, {__tostring = function() return 'said' end}))"), "! said");
    assert_string_equal(eval(w, "error(setmetatable({}, {__tostring = function() error 'again' end}))"),
                        "! (error object is a table value)");
    assert_string_equal(eval(w, "error(setmetatable({}, {__tostring = function() return 5 end}))"), "! 5");
    assert_string_equal(eval(w, "error(setmetatable({}, {__tostring = function() return {} end}))"),
                        "! (error object is a table value)");
    assert_string_equal(eval(w, "error(setmetatable({}, {__tostring = function() return ('x'):rep(1 << 30) end}))"),
                        "! (error object is a table value)");
}

static void deep_recursion_ends(void **state)
{
    struct world *w = *state;
    luastate_free(w->s);
    w->s = luastate_new(LUASTATE_CAP);
    for (int i = 0; i < 2; i++) {
        assert_has(eval(w, "(function() local function f() return 1 + f() end return f() end)()"), "stack overflow");
        assert_has(eval(w, "(function() local function f() return (('x'):gsub('.', f)) end return f() end)()"),
                   "overflow");
        assert_has(eval(w, "(function() local function f() local ok, m = pcall(f) return m end return f() end)()"),
                   "overflow");
        assert_string_equal(eval(w,
                                 "(function() local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) "
                                 "return t[k + 1] end return pcall(function() return t[1] end) end)()"),
                            "false");
        assert_string_equal(eval(w, "1 + 1"), "2");
    }
}

/* C functions that need more of the stack than Lua gives them, called where there is none left. */
static void helpers_at_the_end_of_the_stack(void **state)
{
    struct world *w = *state;
    luastate_free(w->s);
    w->s = luastate_new(LUASTATE_CAP);
    /* Frames of some 200 slots go near the end fast; the last one then differs by a few. */
    assert_string_equal(chunk(w,
                              "local most, pad, worked, failed = 0, table.pack(('x'):rep(100):byte(1, -1)), 0, 0\n"
                              "local function last(...) json.decode(json {{}}) pcall(json, type) return nobody end\n"
                              "local function g(n, k, ...)\n"
                              "  most = most + 1\n"
                              "  if n == 0 then return last(table.unpack(pad, 1, k)) end\n"
                              "  return (g(n - 1, k, table.unpack(pad)))\n"
                              "end\n"
                              "pcall(g, 1 / 0, 0)\n"
                              "local deepest = most\n"
                              "for less = 1, 2 do for k = 0, 100, 4 do\n"
                              "  if pcall(g, deepest - less, k) then worked = worked + 1 else failed = failed + 1 end\n"
                              "end end\n"
                              "assert(worked > 0 and failed > 0, worked .. ' ' .. failed)"),
                        "");
}

static void the_cap_holds_and_is_survived(void **state)
{
    struct world *w = *state;
    const char *over = "! Lua memory is over its cap of 16 MiB";
    for (int i = 0; i < 3; i++) {
        assert_string_equal(eval(w, "('x'):rep(1 << 30)"), over);
        assert_string_equal(chunk(w, "local t = {} for i = 1, 1 << 40 do t[i] = {} end"), over);
        assert_string_equal(chunk(w, "kept = {} while true do kept[#kept + 1] = ('x'):rep(100000) .. #kept end"), over);
        assert_string_equal(eval(w, "coroutine.wrap(function() return ('x'):rep(1 << 30) end)()"), over);
        assert_string_equal(eval(w, "#('x'):rep(1 << 20)"), "1048576");
    }
    assert_string_equal(eval(w, "select(2, pcall(string.rep, 'x', 1 << 30))"), "not enough memory");
    assert_true(w->s->used < w->s->cap);
    assert_string_equal(eval(w, "error('not enough memory', 0)"), "! Lua memory is over its cap of 16 MiB");
    assert_string_equal(eval(w, "error('not enough memory', 0)"), "! not enough memory");
}

static void what_was_kept_is_counted(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->s);
    assert_has(eval_in(w, &a, EXPR_CHUNK, "kept = {} while true do kept[#kept + 1] = ('x'):rep(1 << 16) end"),
               "over its cap");
    for (int i = 0; i < 10; i++)
        assert_has(eval_in(w, &a, EXPR_VALUE, "('y'):rep(4 << 20)"), "over its cap");
    assert_string_equal(eval_in(w, &a, EXPR_CHUNK, "kept = nil collectgarbage()"), "");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "#('y'):rep(4 << 20)"), "4194304");
}

static void a_state_needs_some_memory(void **state)
{
    (void)state;
    assert_null(luastate_new(1000));
    luastate_free(NULL);
}

static void coroutines_as_ever(void **state)
{
    struct world *w = *state;
    assert_string_equal(
        chunk(w, "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) error(c) end)\n"
                 "local ok, v = coroutine.resume(co, 1, 2) assert(ok and v == 3)\n"
                 "ok, v = coroutine.resume(co, 'x') assert(not ok and v == 'f.yaml:5: x', v)\n"
                 "ok, v = coroutine.resume(co) assert(not ok and v == 'cannot resume dead coroutine')\n"
                 "ok, v = coroutine.resume(coroutine.running()) assert(not ok and v:find 'non%-suspended')\n"
                 "local n = 0 for i in coroutine.wrap(function() for i = 1, 4 do coroutine.yield(i) end end) do n = n "
                 "+ i end\n"
                 "assert(n == 10)\n"
                 "local closed, f f = coroutine.wrap(function() local x <close> = setmetatable({}, "
                 "{__close = function() closed = true end}) error({code = 7}) end)\n"
                 "ok, v = pcall(f) assert(not ok and v.code == 7 and closed)\n"
                 "ok, v = pcall(coroutine.wrap(function() error 'in' end)) assert(v:find 'in$', v)\n"
                 "ok, v = pcall(f) assert(not ok and v:find 'dead')\n"
                 "assert(coroutine.isyieldable() == false and coroutine.status(co) == 'dead')\n"
                 "assert(not pcall(coroutine.resume, 1))"),
        "");
}

struct noted {
    char where[64];
    int times;
};

static void take_note(void *ctx, const char *where)
{
    struct noted *n = ctx;
    snprintf(n->where, sizeof n->where, "%s", where);
    n->times++;
}

/* What a signal would do, from inside Lua: the chunk says itself when. */
static int interrupt_now(lua_State *L)
{
    luastate_interrupt(luastate_of(L));
    return 0;
}

static const char *interrupted(struct world *w, const char *text, struct noted *n)
{
    struct actor a;
    actor_init(&a, w->s);
    *n = (struct noted){.times = 0};
    w->s->note = take_note;
    w->s->note_ctx = n;
    lua_rawgeti(w->s->L, LUA_REGISTRYINDEX, a.table);
    lua_pushcfunction(w->s->L, interrupt_now);
    lua_setfield(w->s->L, -2, "now");
    lua_pop(w->s->L, 1);
    return eval_in(w, &a, EXPR_CHUNK, text);
}

static void runaways_end(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *where;
    } loops[] = {
        {"now()\nwhile true do end", "f.yaml:6"},
        {"now()\nfor i = 1, 1 << 60 do end", "f.yaml:6"},
        {"now()\nwhile true do pcall(function()\nwhile true do end end) end", "f.yaml:6"},
        {"coroutine.wrap(function() now()\nwhile true do end end)()", "f.yaml:6"},
        {"local co = coroutine.create(function() now()\nwhile true do end end)\n"
         "while true do coroutine.resume(co) end",
         "f.yaml:6"},
        {"local co = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
         "co() now()\nwhile true do co() end",
         "f.yaml:7"},
    };
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        struct noted n;
        const char *message = interrupted(w, loops[i].text, &n);
        assert_has(message, "ended by the supervisor");
        assert_int_equal(n.times, 1);
        assert_starts(n.where, loops[i].where);
        assert_string_equal(eval(w, "1 + 1"), "2");
    }
}

static void an_expressions_line_is_its_files(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->s);
    struct noted n = {.times = 0};
    w->s->note = take_note;
    w->s->note_ctx = &n;
    lua_rawgeti(w->s->L, LUA_REGISTRYINDEX, a.table);
    lua_pushcfunction(w->s->L, interrupt_now);
    lua_setfield(w->s->L, -2, "now");
    lua_pop(w->s->L, 1);
    const char *loop = "(function() now()\nwhile true do end end)()";
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, loop), "! ended by the supervisor");
    assert_string_equal(n.where, "f.yaml:6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(no_way_out),
        WORLD_TEST(names_are_what_is_there),
        WORLD_TEST(no_bytecode),
        WORLD_TEST(load_sees_what_its_caller_sees),
        WORLD_TEST(libraries_stay_as_they_are),
        WORLD_TEST(own_globals_are_the_actors),
        WORLD_TEST(finalizers_and_the_collector),
        WORLD_TEST(messages_are_texts),
        WORLD_TEST(deep_recursion_ends),
        WORLD_TEST(helpers_at_the_end_of_the_stack),
        WORLD_TEST(the_cap_holds_and_is_survived),
        WORLD_TEST(what_was_kept_is_counted),
        cmocka_unit_test(a_state_needs_some_memory),
        WORLD_TEST(coroutines_as_ever),
        WORLD_TEST(runaways_end),
        WORLD_TEST(an_expressions_line_is_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
