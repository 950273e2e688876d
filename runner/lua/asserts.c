#include <stdio.h>
#include <string.h>

#include "lua/api_net.h"
#include "lua/api_tasks.h"
#include "lua/testscript.h"
#include "lua/value.h"
#include "match/diff.h"
#include "match/regex.h"

/* `t`, the argument of tests: what a test opens and starts, and what it says must be. A failed one ends the test at its
 * line. */

enum { TEXT = 4000, VALUE = 400, DEPTH_MOST = 100 };

struct luatest_object {
    struct object object; /* first */
    const char *name, *dir;
};

static void check_t(lua_State *L)
{
    object_check(L, 1, "t (is it a method, called with a colon?)", OBJECT_TEST);
}

static const char *push_value(lua_State *L, int idx)
{
    struct buf text = BUF_INIT(VALUE + 64);
    value_show(L, idx, VALUE, &text);
    lua_pushlstring(L, text.n ? text.p : "", text.n);
    buf_done(&text);
    return lua_tostring(L, -1);
}

/* The message of the caller at arg (0: it has none), if there is one, stands before ours, which is on top. */
static const char *with_message(lua_State *L, int arg)
{
    if (arg && !lua_isnoneornil(L, arg)) {
        luaL_tolstring(L, arg, NULL);
        lua_pushfstring(L, "%s: %s", lua_tostring(L, -1), lua_tostring(L, -2));
    }
    return lua_tostring(L, -1);
}

static int fail_check(lua_State *L, int message, struct luafailure *f)
{
    f->kind = "check";
    f->message = with_message(L, message);
    return luafail(L, f);
}

static struct slice string_at(lua_State *L, int idx)
{
    struct slice s;
    s.p = lua_tolstring(L, idx, &s.n);
    return s;
}

/* got is at 2, expected at 3, a message at 4. */
static int fail_values(lua_State *L, const char *hint)
{
    struct luafailure f = {0};
    if (lua_type(L, 2) == LUA_TSTRING && lua_type(L, 3) == LUA_TSTRING) {
        struct buf text = BUF_INIT(TEXT);
        f.bytes = true;
        f.got = string_at(L, 2);
        f.expected = string_at(L, 3);
        f.at = diff_first(f.expected, f.got);
        buf_printf(&text, "first difference at byte %zu: ", f.at);
        diff_message(f.expected, f.got, f.at, &text);
        f.expected_text = push_value(L, 3);
        f.got_text = push_value(L, 2);
        lua_pushstring(L, buf_str(&text));
        buf_done(&text);
    } else {
        const char *got = push_value(L, 2), *expected = push_value(L, 3);
        lua_pushfstring(L, "expected %s, got %s%s", expected, got, hint);
    }
    return fail_check(L, 4, &f);
}

static bool same_values(lua_State *L, int a, int b, int depth);

static bool has_all(lua_State *L, int a, int b, int depth)
{
    for (lua_pushnil(L); lua_next(L, a); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawget(L, b);
        const bool same = same_values(L, lua_gettop(L) - 1, lua_gettop(L), depth);
        lua_pop(L, 1);
        if (same) continue;
        lua_pop(L, 2);
        return false;
    }
    return true;
}

static bool same_values(lua_State *L, int a, int b, int depth)
{
    if (lua_rawequal(L, a, b)) return true;
    if (!lua_istable(L, a) || !lua_istable(L, b)) return lua_compare(L, a, b, LUA_OPEQ);
    if (depth == DEPTH_MOST) luaL_error(L, "same: tables are nested deeper than %d", DEPTH_MOST);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    return has_all(L, a, b, depth + 1) && has_all(L, b, a, depth + 1);
}

/*: t:equal(got, expected [, message])
 * They are equal, as == has it: the same number, the same bytes, the same table.
 * example: t:equal(c:receive("l"), "220 ready") */
static int t_equal(lua_State *L)
{
    check_t(L);
    luaL_checkany(L, 3);
    lua_settop(L, 4);
    if (lua_compare(L, 2, 3, LUA_OPEQ)) return 0;
    const bool tables = lua_istable(L, 2) && lua_istable(L, 3);
    return fail_values(L, tables ? ", which is another table: `t:same` compares what is in them" : "");
}

/*: t:same(got, expected [, message])
 * They are equal, and tables hold the same, to any depth.
 * example: t:same({1, {a = 2}}, {1, {a = 2}}) */
static int t_same(lua_State *L)
{
    check_t(L);
    luaL_checkany(L, 3);
    lua_settop(L, 4);
    return same_values(L, 2, 3, 0) ? 0 : fail_values(L, "");
}

/* Text at 2, pattern at 3: does it match? Raises what is no pattern. */
static bool matches(lua_State *L, int text, int pattern)
{
    char why[200];
    size_t at;
    struct regex_match m;
    struct regex *r = regex_new(string_at(L, pattern), why, sizeof why, &at);
    if (!r) return luaL_error(L, "matches: %s, at byte %d of the pattern", why, (int)at);
    const enum regex_found found = regex_find(r, string_at(L, text), &m);
    regex_free(r);
    if (found == REGEX_LIMIT) luaL_error(L, "matches: the pattern needs more work than is allowed for one search");
    return found == REGEX_YES;
}

/*: t:matches(text, pattern [, message])
 * The text matches the regular expression (PCRE2, as in scenarios).
 * example: t:matches(c:receive("l"), "^220[ -]") */
static int t_matches(lua_State *L)
{
    struct luafailure f = {0};
    check_t(L);
    luaL_checkstring(L, 3);
    lua_settop(L, 4);
    if (lua_type(L, 2) == LUA_TSTRING && matches(L, 2, 3)) return 0;
    lua_pushfstring(L, "expected a match of /%s/, got %s", lua_tostring(L, 3), push_value(L, 2));
    return fail_check(L, 4, &f);
}

static bool contains(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TSTRING && lua_isstring(L, 3)) {
        const struct slice text = string_at(L, 2), part = string_at(L, 3);
        return part.n == 0 || memmem(text.p, text.n, part.p, part.n);
    }
    if (!lua_istable(L, 2)) return false;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (!same_values(L, lua_gettop(L), 3, 0)) continue;
        lua_pop(L, 2);
        return true;
    }
    return false;
}

/*: t:contains(whole, part [, message])
 * The text holds these bytes, or the table this value.
 * example: t:contains(c:receive("l"), "ready") */
static int t_contains(lua_State *L)
{
    struct luafailure f = {0};
    check_t(L);
    luaL_checkany(L, 3);
    lua_settop(L, 4);
    if (contains(L)) return 0;
    const char *whole = push_value(L, 2), *part = push_value(L, 3);
    lua_pushfstring(L, "%s does not contain %s", whole, part);
    return fail_check(L, 4, &f);
}

static int judge(lua_State *L, bool wanted, const char *what)
{
    struct luafailure f = {0};
    check_t(L);
    luaL_checkany(L, 2);
    lua_settop(L, 3);
    if (lua_toboolean(L, 2) == wanted) return 0;
    lua_pushfstring(L, "expected %s, got %s", what, push_value(L, 2));
    return fail_check(L, 3, &f);
}

/*: t:truthy(value [, message])
 * The value is neither nil nor false.
 * example: t:truthy(c) */
static int t_truthy(lua_State *L)
{
    return judge(L, true, "something that is true");
}

/*: t:falsy(value [, message])
 * The value is nil or false.
 * example: t:falsy(c:buffered() > 0) */
static int t_falsy(lua_State *L)
{
    return judge(L, false, "nil or false");
}

/*: t:check(value [, reason], ...) -> value, reason, ...
 * As assert, the reason being what a call gives beside nil; gives everything back.
 * example: local c = t:check(sock.connect(address)) */
static int t_check(lua_State *L)
{
    struct luafailure f = {.kind = "check"};
    check_t(L);
    luaL_checkany(L, 2);
    if (lua_toboolean(L, 2)) return lua_gettop(L) - 1;
    if (lua_isnoneornil(L, 3))
        lua_pushfstring(L, "expected something that is true, got %s", push_value(L, 2));
    else
        luaL_tolstring(L, 3, NULL);
    f.message = lua_tostring(L, -1);
    return luafail(L, &f);
}

/* Index 2 is the pattern. */
static int raised(lua_State *L, int status, lua_KContext ctx)
{
    struct luafailure f = {0};
    (void)ctx;
    const struct luatask *t = luahost_of(L)->current;
    if (status == LUA_OK || status == LUA_YIELD) {
        lua_pushfstring(L, "expected an error that matches /%s/, and there was none", lua_tostring(L, 2));
        return fail_check(L, 0, &f);
    }
    if (t && t->told) return lua_error(L);
    luaL_tolstring(L, -1, NULL);
    if (matches(L, lua_gettop(L), 2)) return 1;
    lua_pushfstring(L, "expected an error that matches /%s/, got %s", lua_tostring(L, 2), push_value(L, -1));
    return fail_check(L, 0, &f);
}

/*: t:error_matches(pattern, function, argument...) -> message
 * The function raises an error whose message matches the regular expression.
 * example: t:error_matches("closed", function() c:close(); c:send("x") end) */
static int t_error_matches(lua_State *L)
{
    check_t(L);
    /* Both orders are read: the function may come first. */
    if (lua_type(L, 2) == LUA_TFUNCTION && lua_type(L, 3) == LUA_TSTRING) {
        lua_pushvalue(L, 3);
        lua_copy(L, 2, 3);
        lua_replace(L, 2);
    }
    luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    return raised(L, lua_pcallk(L, lua_gettop(L) - 3, 0, 0, 0, raised), 0);
}

/*: t:fail([message])
 * The test has failed, at this line.
 * example: if n > 3 then t:fail("too many") end */
static int t_fail(lua_State *L)
{
    check_t(L);
    const struct luafailure f = {.kind = "fail", .message = luaL_optstring(L, 2, "failed")};
    return luafail(L, &f);
}

/*: t:skip([reason])
 * The test ends here, and counts as skipped.
 * example: if not sock.resolve("localhost") then t:skip("no resolver") end */
static int t_skip(lua_State *L)
{
    check_t(L);
    struct luahost *h = luahost_of(L);
    const char *reason = luaL_optstring(L, 2, "skipped");
    h->ops->skip(h, reason);
    if (h->current) h->current->told = true;
    return luaL_error(L, "skipped: %s", reason);
}

/* What a test opens lives as long as it, even if nothing refers to it any more. */
static int keep(lua_State *L, int n)
{
    if (n < 1 || lua_type(L, -n) != LUA_TUSERDATA) return n;
    lua_pushvalue(L, -n);
    luahost_keep(L, luahost_of(L));
    return n;
}

/*: t:listen(address [, options]) -> listener
 * As the module's `listen`; the test fails if it cannot be done. It is closed when the test ends.
 * example: local server = t:listen("tcp://127.0.0.1:0") */
static int t_listen(lua_State *L)
{
    check_t(L);
    lua_remove(L, 1);
    return keep(L, api_open_listener(L, true));
}

/*: t:connect(address [, options]) -> connection
 * As the module's `connect`; the test fails if it cannot be done. It is closed when the test ends.
 * example: local c = t:connect(server.address) */
static int t_connect(lua_State *L)
{
    check_t(L);
    lua_remove(L, 1);
    return api_dial(L, true);
}

/*: t:run(argv [, options]) -> program
 * As the module's `run`; the test fails if it cannot be done. It is ended when the test ends.
 * example: local p = t:run{"cat"} */
static int t_run(lua_State *L)
{
    check_t(L);
    lua_remove(L, 1);
    return keep(L, api_start_program(L, true));
}

/*: t:spawn(name, function, argument...) -> task
 * As the module's `spawn`. It is cancelled when the test ends.
 * example: t:spawn("server", function() local c <close> = server:accept() end) */
static int t_spawn(lua_State *L)
{
    check_t(L);
    lua_remove(L, 1);
    return api_start_task(L);
}

/* t.name, t.dir, t.tmp */
static int index_t(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING) return 1;
    const struct luatest_object *t = lua_touserdata(L, 1);
    const char *name = lua_tostring(L, 2);
    if (strcmp(name, "name") == 0)
        lua_pushstring(L, t->object.host ? t->name : "");
    else if (strcmp(name, "dir") == 0)
        lua_pushstring(L, t->object.host ? t->dir : "");
    else if (strcmp(name, "tmp") == 0) {
        struct luahost *h = luahost_of(L);
        const char *tmp = h->ops->tmp(h);
        if (!tmp) return luaL_error(L, "no temporary folder could be made");
        lua_pushstring(L, tmp);
    }
    return 1;
}

static void forget(struct object *o)
{
    (void)o;
}

static const luaL_Reg methods[] = {{"equal", t_equal},
                                   {"same", t_same},
                                   {"matches", t_matches},
                                   {"contains", t_contains},
                                   {"truthy", t_truthy},
                                   {"falsy", t_falsy},
                                   {"check", t_check},
                                   {"error_matches", t_error_matches},
                                   {"fail", t_fail},
                                   {"skip", t_skip},
                                   {"listen", t_listen},
                                   {"connect", t_connect},
                                   {"run", t_run},
                                   {"spawn", t_spawn},
                                   {NULL, NULL}};
static const luaL_Reg meta[] = {{"__index", index_t}, {NULL, NULL}};
static const struct object_type test_type = {
    .name = "test", .magic = OBJECT_TEST, .close = forget, .methods = methods, .meta = meta};

void luatest_push(lua_State *L, const char *name, const char *dir)
{
    struct luatest_object *t = object_push(L, &test_type, sizeof *t, 0);
    t->name = name;
    t->dir = dir;
    object_open(&t->object, luahost_of(L));
}
