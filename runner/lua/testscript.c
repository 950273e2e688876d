#include "lua/testscript.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/value.h"
#include "util/suggest.h"
#include "util/units.h"

enum { NAME_MOST = 400, VALUE_SHOWN = 32, SOURCE_NAME = 512, TAGS_MOST = 4096 };

static const int64_t default_timeout = 30 * NS_PER_S;

uint32_t testscript_place(const char *name, const char *message, const char **ret_rest)
{
    char *end = NULL;
    char shown[LUA_IDSIZE];
    size_t n = strlen(name);
    *ret_rest = message;
    /* As Lua cuts long names (lua_Debug.short_src). */
    if (n >= LUA_IDSIZE) {
        snprintf(shown, sizeof shown, "...%s", name + n - (LUA_IDSIZE - 4));
        name = shown;
        n = strlen(name);
    }
    if (strncmp(message, name, n) != 0 || message[n] != ':') return 0;
    const unsigned long line = strtoul(message + n + 1, &end, 10);
    if (end == message + n + 1 || strncmp(end, ": ", 2) != 0 || line > UINT32_MAX) return 0;
    *ret_rest = end + 2;
    return (uint32_t)line;
}

/* The message on top is what is wrong. */
static bool fail(struct testscript *s, lua_State *L)
{
    const char *rest;
    s->wrong_line = testscript_place(s->name, lua_tostring(L, -1), &rest);
    s->wrong = arena_dup(&s->arena, slice_of(rest));
    lua_pop(L, 1);
    return false;
}

static struct testscript *script_of(lua_State *L, const char *function)
{
    struct testscript *s = lua_touserdata(L, lua_upvalueindex(1));
    if (s->loaded) luaL_error(L, "%s: tests are named while the file is loaded, not in a test", function);
    return s;
}

static uint32_t caller_line(lua_State *L)
{
    lua_Debug ar;
    if (!lua_getstack(L, 1, &ar)) return 0;
    lua_getinfo(L, "l", &ar);
    return ar.currentline > 0 ? (uint32_t)ar.currentline : 0;
}

static struct luatest *add_test(lua_State *L, struct testscript *s, const char *name)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (strcmp(s->tests[i].name, name) == 0)
            luaL_error(L, "there is a test `%s` already, at line %d", name, (int)s->tests[i].line);
    if (s->n == TESTSCRIPT_MOST) luaL_error(L, "more than %d tests", TESTSCRIPT_MOST);
    if (s->n == s->size) {
        struct luatest *old = s->tests;
        s->size = s->size ? 2 * s->size : 16;
        s->tests = arena_array(&s->arena, s->size, sizeof *s->tests);
        if (old) memcpy(s->tests, old, s->n * sizeof *old);
    }
    struct luatest *t = &s->tests[s->n];
    *t = (struct luatest){.name = arena_dup(&s->arena, slice_of(name)),
                          .tags = "",
                          .level = "must",
                          .line = caller_line(L),
                          .timeout = default_timeout};
    return t;
}

/* The value on top: a text, or a list of them. */
static const char *read_tags(lua_State *L, struct testscript *s)
{
    struct buf text = BUF_INIT(TAGS_MOST);
    const lua_Unsigned n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    if (lua_type(L, -1) == LUA_TSTRING) buf_adds(&text, lua_tostring(L, -1));
    bool good = lua_type(L, -1) == LUA_TSTRING || lua_istable(L, -1);
    for (lua_Unsigned i = 1; i <= n; i++) {
        good = lua_rawgeti(L, -1, (lua_Integer)i) == LUA_TSTRING && good;
        if (good && text.n) buf_addc(&text, ' ');
        if (good) buf_adds(&text, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    const char *tags = arena_dup(&s->arena, buf_slice(&text));
    buf_done(&text);
    if (!good) luaL_error(L, "test: tags are a text or a list of texts");
    return tags;
}

static int64_t read_timeout(lua_State *L)
{
    int64_t ns = 0;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        const lua_Number seconds = lua_tonumber(L, -1);
        if (!(seconds > 0 && seconds < 1e6)) luaL_error(L, "test: timeout: seconds are wanted");
        return (int64_t)(seconds * (lua_Number)NS_PER_S);
    }
    const char *text = lua_tostring(L, -1);
    const char *why = text ? units_duration(slice_of(text), &ns) : "seconds are wanted";
    if (why) luaL_error(L, "test: timeout: %s", why);
    return ns;
}

static const char *read_level(lua_State *L)
{
    static const char *const levels[] = {"must", "should", "may", "setup"};
    const char *text = lua_tostring(L, -1);
    for (size_t i = 0; text && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(text, levels[i]) == 0) return levels[i];
    luaL_error(L, "test: level: must, should, may or setup");
    return NULL;
}

static void refuse_option(lua_State *L, const char *name)
{
    struct suggest near;
    static const char *const names[] = {"tags", "level", "ref", "timeout"};
    suggest_init(&near, slice_of(name));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        suggest_offer(&near, slice_of(names[i]));
    const struct slice found = suggest_best(&near);
    if (found.n) luaL_error(L, "test: there is no option `%s`: did you mean `%s`?", name, found.p);
    luaL_error(L, "test: there is no option `%s`: tags, level, ref or timeout", name);
}

static void read_options(lua_State *L, int idx, struct testscript *s, struct luatest *t)
{
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strcmp(name, "tags") == 0)
            t->tags = read_tags(L, s);
        else if (strcmp(name, "level") == 0)
            t->level = read_level(L);
        else if (strcmp(name, "timeout") == 0)
            t->timeout = read_timeout(L);
        else if (strcmp(name, "ref") == 0 && lua_type(L, -1) == LUA_TSTRING)
            t->ref = arena_dup(&s->arena, slice_of(lua_tostring(L, -1)));
        else
            refuse_option(L, name);
    }
}

static const char *check_name(lua_State *L, int arg)
{
    size_t n;
    const char *name = luaL_checklstring(L, arg, &n);
    luaL_argcheck(L, n && n <= NAME_MOST && !memchr(name, 0, n) && !memchr(name, '\n', n), arg,
                  "a name is one line of at most 400 bytes");
    return name;
}

static int take_function(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TFUNCTION);
    lua_pushvalue(L, arg);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

/*: test(name [, options], function(t) ... end)
 * Names a test. Options: tags (a text, or a list), level (must, should, may, setup), ref (what it is about), timeout
 * (seconds; default 30). example: test("it answers", {tags = "smoke"}, function(t) t:equal(2 + 2, 4)
 * end) */
static int f_test(lua_State *L)
{
    struct testscript *s = script_of(L, "test");
    const char *name = check_name(L, 1);
    struct luatest *t = add_test(L, s, name);
    const bool options = lua_istable(L, 2);
    if (options) read_options(L, 2, s, t);
    t->function = take_function(L, options ? 3 : 2);
    s->n++;
    return 0;
}

static int add_function(lua_State *L, int *list)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (!*list) {
        lua_newtable(L);
        *list = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, *list);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return 0;
}

/*: before(function(t) ... end)
 * Is called before each test of the file, in the order of the file, as a part of the test.
 * example: before(function(t) server = t:listen("tcp://127.0.0.1:0") end) */
static int f_before(lua_State *L)
{
    return add_function(L, &script_of(L, "before")->before);
}

/*: after(function(t) ... end)
 * Is called after each test, whatever became of it.
 * example: after(function(t) sock.log("over") end) */
static int f_after(lua_State *L)
{
    return add_function(L, &script_of(L, "after")->after);
}

/* "a=1, b=x" of a row's scalars, keys sorted; of a scalar itself. */
static void show_scalar(lua_State *L, struct buf *out)
{
    size_t n;
    const char *text = luaL_tolstring(L, -1, &n);
    for (size_t i = 0; i < n && i < VALUE_SHOWN; i++)
        buf_addc(out, text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?');
    if (n > VALUE_SHOWN) buf_adds(out, "...");
    lua_pop(L, 1);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_scalar(lua_State *L, int idx)
{
    const int type = lua_type(L, idx);
    return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

static void show_row(lua_State *L, struct buf *out)
{
    enum { KEYS = 32 };
    const char *keys[KEYS];
    size_t n = 0;
    if (is_scalar(L, -1)) {
        show_scalar(L, out);
        return;
    }
    if (!lua_istable(L, -1)) return;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING && is_scalar(L, -1) && n < KEYS) keys[n++] = lua_tostring(L, -2);
    qsort(keys, n, sizeof *keys, by_name);
    for (size_t i = 0; i < n; i++) {
        lua_getfield(L, -1, keys[i]);
        buf_printf(out, "%s%s=", i ? ", " : "", keys[i]);
        show_scalar(L, out);
        lua_pop(L, 1);
    }
}

static bool is_taken(const struct testscript *s, const char *name)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (strcmp(s->tests[i].name, name) == 0) return true;
    return false;
}

/* The row is on top; its test's name is pushed. */
static const char *push_row_name(lua_State *L, const struct testscript *s, const char *name, int number)
{
    struct buf row = BUF_INIT(NAME_MOST);
    show_row(L, &row);
    if (row.n) lua_pushfstring(L, "%s [%s]", name, buf_str(&row));
    if (!row.n || is_taken(s, lua_tostring(L, -1)))
        lua_pushfstring(L, "%s [%s%s#%d]", name, buf_str(&row), row.n ? " " : "", number);
    buf_done(&row);
    return lua_tostring(L, -1);
}

/*: each(rows, name, [options,] function(t, row) ... end)
 * Names one test for each row, whose values stand in its name.
 * example: each({{n = 1}, {n = 2}}, "a row", function(t, row) t:truthy(row.n) end) */
static int f_each(lua_State *L)
{
    struct testscript *s = script_of(L, "each");
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *name = check_name(L, 2);
    const bool options = lua_istable(L, 3);
    const lua_Unsigned n = lua_rawlen(L, 1);
    luaL_argcheck(L, n >= 1 && n <= TESTSCRIPT_MOST, 1, "a list of rows");
    for (lua_Unsigned i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i);
        struct luatest *t = add_test(L, s, push_row_name(L, s, name, (int)i));
        if (options) read_options(L, 3, s, t);
        t->function = take_function(L, options ? 4 : 3);
        lua_rawgeti(L, 1, (lua_Integer)i);
        t->row = luaL_ref(L, LUA_REGISTRYINDEX);
        s->n++;
        lua_settop(L, 4);
    }
    return 0;
}

struct loading {
    struct testscript *script;
    struct slice text;
    const struct testscript_var *vars;
    uint32_t nvars;
};

static void compile(lua_State *L, const struct loading *l)
{
    char name[SOURCE_NAME];
    struct slice text = l->text;
    snprintf(name, sizeof name, "@%s", l->script->name);
    if (text.n && *text.p == '#') {
        const char *end = memchr(text.p, '\n', text.n);
        text = slice_part(text, end ? (size_t)(end - text.p) : text.n, text.n);
    }
    if (luaL_loadbufferx(L, text.p ? text.p : "", text.n, name, "t") != LUA_OK) lua_error(L);
}

/* Globals of the script's own over the base names. */
static void push_globals(lua_State *L, const struct loading *l)
{
    static const luaL_Reg names[] = {
        {"test", f_test}, {"before", f_before}, {"after", f_after}, {"each", f_each}, {NULL, NULL}};
    lua_newtable(L);
    lua_pushlightuserdata(L, l->script);
    luaL_setfuncs(L, names, 1);
    lua_createtable(L, 0, (int)l->nvars);
    for (uint32_t i = 0; i < l->nvars; i++) {
        lua_pushstring(L, l->vars[i].value);
        lua_setfield(L, -2, l->vars[i].name);
    }
    lua_setfield(L, -2, "vars");
    lua_createtable(L, 0, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static int compile_only(lua_State *L)
{
    compile(L, lua_touserdata(L, 1));
    return 0;
}

static int load_all(lua_State *L)
{
    const struct loading *l = lua_touserdata(L, 1);
    compile(L, l);
    push_globals(L, l);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 0);
    return 0;
}

static bool call(struct testscript *s, struct luastate *lua, lua_CFunction f, struct loading *l)
{
    luastate_room(lua->L);
    lua_pushcfunction(lua->L, f);
    lua_pushlightuserdata(lua->L, l);
    return luastate_call(lua, 1, 0) || fail(s, lua->L);
}

bool testscript_compile(struct testscript *s, struct luastate *lua, const char *name, struct slice text)
{
    *s = (struct testscript){.name = name};
    struct loading l = {.script = s, .text = text};
    return call(s, lua, compile_only, &l);
}

bool testscript_load(struct testscript *s, struct luastate *lua, const char *name, struct slice text,
                     const struct testscript_var *vars, uint32_t nvars)
{
    *s = (struct testscript){.name = name};
    struct loading l = {.script = s, .text = text, .vars = vars, .nvars = nvars};
    const bool good = call(s, lua, load_all, &l);
    s->loaded = true;
    return good;
}

void testscript_done(struct testscript *s)
{
    arena_done(&s->arena);
}
