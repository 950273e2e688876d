#include "lua/support.h"

static void values_of_all_kinds(void **state)
{
    struct world *w = *state;
    assert_string_equal(eval(w, "1 + 1"), "2");
    assert_string_equal(eval(w, "7 // 2 .. ''"), "3");
    assert_string_equal(eval(w, "  ('x'):rep(3)  "), "xxx");
    assert_string_equal(eval(w, "{a=1}.a"), "! <eof> expected near '.'");
    assert_string_equal(eval(w, "({a=1}).a"), "1");
    assert_string_equal(eval(w, "nobody"), "nil");
    assert_string_equal(eval(w, "x -- a comment"), "nil");
    assert_string_equal(eval(w, "#hex(random(4))"), "8");
    assert_string_equal(eval(w, "(function(...) return select('#', ...) end)(1, 2, 3)"), "3");
}

static void messages_have_no_place_of_their_own(void **state)
{
    struct world *w = *state;
    assert_string_equal(eval(w, "x.y"), "! attempt to index a nil value (global 'x')");
    assert_string_equal(eval(w, "1 +\n x"), "! attempt to perform arithmetic on a nil value (global 'x')");
    assert_string_equal(eval(w, "('x'):rep({})"), "! bad argument #1 to 'rep' (number expected, got table)");
    assert_string_equal(chunk(w, "\n\nlocal t\nt.x = 1"), "! f.yaml:8: attempt to index a nil value (local 't')");
    assert_string_equal(chunk(w, "x ="), "! unexpected symbol near <eof>");
}

static void two_actors_one_expression(void **state)
{
    struct world *w = *state;
    lua_State *L = w->s->L;
    struct actor a, b;
    actor_init(&a, w->s);
    actor_init(&b, w->s);
    struct expr *set =
        expr_new(&w->arena, EXPR_CHUNK, SLICE("n = (n or start) + 1 get = function() return n end"), 0, "f", 1);
    struct expr *get = expr_new(&w->arena, EXPR_VALUE, SLICE("get()"), 0, "f:1", 1);
    eval_in(w, &a, EXPR_CHUNK, "start = 10");
    eval_in(w, &b, EXPR_CHUNK, "start = 20");
    assert_true(expr_run(w->s, set, &a.env));
    assert_true(expr_run(w->s, set, &b.env));
    assert_true(expr_run(w->s, set, &b.env));
    assert_int_not_equal(set->ref, 0);
    assert_true(expr_run(w->s, get, &a.env));
    assert_true(expr_run(w->s, get, &b.env));
    assert_int_equal(lua_tointeger(L, -2), 11);
    assert_int_equal(lua_tointeger(L, -1), 22);
    lua_settop(L, 0);
}

static void runs_that_overlap(void **state)
{
    struct world *w = *state;
    lua_State *L = w->s->L;
    struct actor a, b;
    actor_init(&a, w->s);
    actor_init(&b, w->s);
    struct expr *e = expr_new(&w->arena, EXPR_CHUNK, SLICE("coroutine.yield() who = name"), 0, "f", 1);
    eval_in(w, &a, EXPR_CHUNK, "name = 'a'");
    eval_in(w, &b, EXPR_CHUNK, "name = 'b'");
    lua_State *co[2] = {lua_newthread(L), lua_newthread(L)};
    struct actor *who[2] = {&a, &b};
    int n;
    for (int i = 0; i < 2; i++) {
        expr_push(co[i], e, &who[i]->env);
        assert_int_equal(luastate_resume(co[i], L, 0, &n), LUA_YIELD);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(luastate_resume(co[i], L, 0, &n), LUA_OK);
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "who"), "a");
    assert_string_equal(eval_in(w, &b, EXPR_VALUE, "who"), "b");
    lua_settop(L, 0);
}

static void an_environment_that_is_over(void **state)
{
    struct world *w = *state;
    struct actor a, b;
    actor_init(&a, w->s);
    actor_init(&b, w->s);
    assert_string_equal(eval_in(w, &a, EXPR_CHUNK,
                                "x = 1 kept = {get = function() return x, string end, "
                                "set = function() x = 2 end}"),
                        "");
    lua_rawgeti(w->s->L, LUA_REGISTRYINDEX, a.table);
    lua_getfield(w->s->L, -1, "kept");
    lua_rawgeti(w->s->L, LUA_REGISTRYINDEX, b.table);
    lua_insert(w->s->L, -2);
    lua_setfield(w->s->L, -2, "kept");
    lua_settop(w->s->L, 0);
    assert_string_equal(eval_in(w, &b, EXPR_VALUE, "kept.get()"), "1");
    actor_done(&a, w->s);
    assert_string_equal(eval_in(w, &b, EXPR_VALUE, "kept.get()"), "nil");
    assert_string_equal(eval_in(w, &b, EXPR_VALUE, "select(2, kept.get())"), "nil");
    assert_has(eval_in(w, &b, EXPR_VALUE, "kept.set()"), "`x` cannot be set: its case is over");
    struct env none = {.ops = &actor_ops};
    env_done(&none, w->s);
}

static void env_itself_can_be_assigned_for_one_run(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->s);
    assert_string_equal(eval_in(w, &a, EXPR_CHUNK, "x = 1 _ENV = {} x = 2"), "");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "x + 0"), "1");
    assert_string_equal(eval_in(w, &a, EXPR_CHUNK, "load('_ENV = {}')()"), "");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "x + 0"), "1");
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "setmetatable({}, {__index = _ENV}).x"), "1");
}

static bool failing_get(void *owner, lua_State *L, int name)
{
    (void)owner;
    return luaL_error(L, "no %s today", lua_tostring(L, name)) != 0;
}

static void failing_set(void *owner, lua_State *L, int name)
{
    (void)owner;
    luaL_error(L, "`%s` is not yours", lua_tostring(L, name));
}

static const struct env_ops failing_ops = {failing_get, failing_set};

static void raise_in_get(struct world *w, const char *text, const char *message)
{
    struct env env = {.ops = &failing_ops};
    struct expr *e = expr_new(&w->arena, EXPR_VALUE, slice_of(text), 0, "f:1", 1);
    assert_false(expr_run(w->s, e, &env));
    assert_string_equal(lua_tostring(w->s->L, -1), message);
    lua_settop(w->s->L, 0);
}

static void environments_may_raise(void **state)
{
    struct world *w = *state;
    raise_in_get(w, "mail", "no mail today");
    raise_in_get(w, "mail + 1", "no mail today");
    struct env env = {.ops = &failing_ops};
    struct expr *e = expr_new(&w->arena, EXPR_CHUNK, SLICE("\nx = 1"), 0, "f", 1);
    assert_false(expr_run(w->s, e, &env));
    assert_string_equal(lua_tostring(w->s->L, -1), "f:2: `x` is not yours");
    lua_settop(w->s->L, 0);
}

static void check_says(struct world *w, enum expr_kind kind, const char *text, const char *message, size_t at)
{
    struct expr *e = expr_new(&w->arena, kind, slice_of(text), 0, "file.yaml:12", kind == EXPR_CHUNK ? 12 : 0);
    size_t where = 999;
    const char *said = expr_check(w->s, e, &w->arena, &where);
    if (!message) {
        if (said) fail_msg("%s: %s", text, said);
        return;
    }
    if (!said || strcmp(said, message) != 0 || where != at) print_error("%s at %zu\n", text, where);
    assert_non_null(said);
    assert_string_equal(said, message);
    assert_int_equal(where, at);
    assert_int_equal(lua_gettop(w->s->L), 0);
}

static void checks_find_the_place(void **state)
{
    struct world *w = *state;
    check_says(w, EXPR_VALUE, "mail", NULL, 0);
    check_says(w, EXPR_VALUE, "a.b[1] .. 'x'", NULL, 0);
    check_says(w, EXPR_VALUE, "", "empty expression", 0);
    check_says(w, EXPR_VALUE, " \n", "empty expression", 0);
    check_says(w, EXPR_VALUE, "--[[x]]", "empty expression", 0);
    check_says(w, EXPR_VALUE, "1 +", "unexpected symbol near <eof>", 3);
    check_says(w, EXPR_VALUE, "1 + \n", "unexpected symbol near <eof>", 3);
    check_says(w, EXPR_VALUE, "x x", "<eof> expected near 'x'", 2);
    check_says(w, EXPR_VALUE, "xx + x x", "<eof> expected near 'x'", 7);
    check_says(w, EXPR_VALUE, "a == = b", "unexpected symbol near '='", 5);
    check_says(w, EXPR_VALUE, "f(a, , b)", "unexpected symbol near ','", 5);
    check_says(w, EXPR_VALUE, "a, b", "one expression is wanted here", 1);
    check_says(w, EXPR_VALUE, "a;", "one expression is wanted here", 1);
    check_says(w, EXPR_VALUE, "a) + (b", "<eof> expected near ')'", 1);
    check_says(w, EXPR_VALUE, "1) end, (function() return (2", "<eof> expected near ')'", 1);
    check_says(w, EXPR_VALUE, "x = 1", "<eof> expected near '='", 2);
    check_says(w, EXPR_VALUE, "'abc", "unfinished string near <eof>", 4);
    check_says(w, EXPR_VALUE, "...", "cannot use '...' outside a vararg function near '...'", 0);
    check_says(w, EXPR_VALUE, "3x + 1", "malformed number near '3x'", 0);
    check_says(w, EXPR_VALUE, "end", "<eof> expected near 'end'", 0);
    check_says(w, EXPR_VALUE, "a ~= b != c", "<eof> expected near '!'", 7);
    check_says(w, EXPR_VALUE, "'\\q'", "invalid escape sequence near ''\\q'", 0);
}

static void checks_of_chunks(void **state)
{
    struct world *w = *state;
    check_says(w, EXPR_CHUNK, "", NULL, 0);
    check_says(w, EXPR_CHUNK, "local a = ...\nreturn a", NULL, 0);
    check_says(w, EXPR_CHUNK, "a = 1\nb = = 2\n", "unexpected symbol near '='", 10);
    check_says(w, EXPR_CHUNK, "a = 1\nif a then\nb = 2\n", "'end' expected (to close 'if' at line 13) near <eof>", 21);
    check_says(w, EXPR_CHUNK, "a = 1\nend", "<eof> expected near 'end'", 6);
    check_says(w, EXPR_CHUNK, "end; do", "<eof> expected near 'end'", 0);
    check_says(w, EXPR_CHUNK, "x = 1\ngoto nowhere\n", "no visible label 'nowhere' for <goto> at line 13", 6);
    check_says(w, EXPR_CHUNK, "local x <const> = 1\nx = 2", "attempt to assign to const variable 'x'", 20);
    check_says(w, EXPR_CHUNK, "x = 'a near b\n", "unfinished string near ''a near b'", 4);
    check_says(w, EXPR_CHUNK, "\n\nx 'near y' near z", "syntax error near 'z'", 18);
}

static void names_do_not_enter_the_vm(void **state)
{
    struct world *w = *state;
    struct expr *e = expr_new(&w->arena, EXPR_VALUE, SLICE(" mail "), 0, "f:1", 1);
    assert_true(slice_is(e->name, "mail"));
    struct actor a;
    actor_init(&a, w->s);
    eval_in(w, &a, EXPR_CHUNK, "mail = 'box'");
    assert_true(expr_run(w->s, e, &a.env));
    assert_string_equal(lua_tostring(w->s->L, -1), "box");
    lua_settop(w->s->L, 0);
    assert_null(expr_new(&w->arena, EXPR_VALUE, SLICE("nil"), 0, "f:1", 1)->name.p);
    assert_null(expr_new(&w->arena, EXPR_CHUNK, SLICE("mail"), 0, "f:1", 1)->name.p);
    assert_string_equal(eval(w, "string"), eval(w, "string"));
}

static void long_file_names(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->s);
    const char *name = "/a/very/long/path/to/a/file/that/lua/cuts/because/it/is/longer/than/sixty/bytes/file.yaml";
    struct expr *e = expr_new(&w->arena, EXPR_VALUE, SLICE("x.y"), 0, arena_printf(&w->arena, "%s:7", name), 7);
    assert_false(expr_run(w->s, e, &a.env));
    assert_string_equal(lua_tostring(w->s->L, -1), "attempt to index a nil value (global 'x')");
    e = expr_new(&w->arena, EXPR_CHUNK, SLICE("\n\nx.y = 1"), 0, name, 70000);
    assert_false(expr_run(w->s, e, &a.env));
    assert_has(lua_tostring(w->s->L, -1), "/file.yaml:70002: attempt to index");
    lua_settop(w->s->L, 0);
}

static void compiling_meets_the_cap(void **state)
{
    struct world *w = *state;
    struct buf b = BUF_INIT(64 << 20);
    buf_adds(&b, "{");
    while (b.n < 8 << 20)
        buf_printf(&b, "'%zu',", b.n);
    buf_adds(&b, "}");
    struct expr *e = expr_new(&w->arena, EXPR_VALUE, buf_slice(&b), 0, "f:1", 1);
    size_t at;
    assert_string_equal(expr_check(w->s, e, &w->arena, &at), "Lua memory is over its cap of 16 MiB");
    assert_string_equal(eval(w, "1 + 1"), "2");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(values_of_all_kinds),
        WORLD_TEST(messages_have_no_place_of_their_own),
        WORLD_TEST(two_actors_one_expression),
        WORLD_TEST(runs_that_overlap),
        WORLD_TEST(an_environment_that_is_over),
        WORLD_TEST(env_itself_can_be_assigned_for_one_run),
        WORLD_TEST(environments_may_raise),
        WORLD_TEST(checks_find_the_place),
        WORLD_TEST(checks_of_chunks),
        WORLD_TEST(names_do_not_enter_the_vm),
        WORLD_TEST(long_file_names),
        WORLD_TEST(compiling_meets_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
