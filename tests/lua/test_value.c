#include "lua/value.h"

#include "lua/support.h"

/* Leaves the value of a Lua expression on top. */
static void push(struct world *w, const char *text)
{
    struct actor a;
    actor_init(&a, w->s);
    struct expr *e = expr_new(&w->arena, EXPR_VALUE, slice_of(text), 0, "f:1", 1);
    if (!expr_run(w->s, e, &a.env)) fail_msg("%s: %s", text, lua_tostring(w->s->L, -1));
}

static const char *json_of_top(struct world *w)
{
    lua_State *L = w->s->L;
    int top = lua_gettop(L);
    struct buf b = BUF_INIT(1 << 20);
    bool well = value_json(L, -1, &b);
    assert_int_equal(lua_gettop(L), top + !well);
    const char *text = arena_printf(&w->arena, "%s%s", well ? "" : "! ", well ? buf_str(&b) : lua_tostring(L, -1));
    buf_done(&b);
    lua_settop(L, 0);
    return text;
}

static const char *json_of(struct world *w, const char *text)
{
    push(w, text);
    return json_of_top(w);
}

static void json_out(void **state)
{
    struct world *w = *state;
    assert_string_equal(json_of(w, "nil"), "null");
    assert_string_equal(json_of(w, "json.null"), "null");
    assert_string_equal(json_of(w, "true"), "true");
    assert_string_equal(json_of(w, "12"), "12");
    assert_string_equal(json_of(w, "math.mininteger"), "-9223372036854775808");
    assert_string_equal(json_of(w, "1.0"), "1.0");
    assert_string_equal(json_of(w, "0.1"), "0.1");
    assert_string_equal(json_of(w, "1e300"), "1e+300");
    assert_string_equal(json_of(w, "1/3"), "0.3333333333333333");
    assert_string_equal(json_of(w, "'a\"\\n\\0\\u{e4}'"), "\"a\\\"\\n\\u0000\xc3\xa4\"");
    assert_string_equal(json_of(w, "{}"), "[]");
    assert_string_equal(json_of(w, "json.object()"), "{}");
    assert_string_equal(json_of(w, "{1, {2}, {}, 'x', json.null}"), "[1,[2],[],\"x\",null]");
    assert_string_equal(json_of(w, "{b = 1, a = {c = {}}, ['\\0'] = 1.5}"),
                        "{\"\\u0000\":1.5,\"a\":{\"c\":[]},\"b\":1}");
    assert_string_equal(json_of(w, "{{a = 1}, {b = 2.5, c = 3.5}, 4.5}"), "[{\"a\":1},{\"b\":2.5,\"c\":3.5},4.5]");
}

static void json_cannot_say_all(void **state)
{
    struct world *w = *state;
    assert_string_equal(json_of(w, "0/0"), "! JSON has no infinite numbers and no nan");
    assert_string_equal(json_of(w, "{math.huge}"), "! JSON has no infinite numbers and no nan");
    assert_string_equal(json_of(w, "'\\xff'"), "! JSON has no text that is not UTF-8");
    assert_string_equal(json_of(w, "{['\\xff'] = 1}"), "! JSON has no text that is not UTF-8");
    assert_string_equal(json_of(w, "{1, a = 2}"),
                        "! a table is a list with the keys 1 to n, or a map whose keys are strings");
    assert_starts(json_of(w, "{[2] = 1}"), "! a table is a list");
    assert_starts(json_of(w, "{[1.5] = 1}"), "! a table is a list");
    assert_starts(json_of(w, "{[0] = 1}"), "! a table is a list");
    assert_starts(json_of(w, "{[1] = 1, [1 << 60] = 1}"), "! a table is a list");
    assert_starts(json_of(w, "{a = {b = {print_ = type}}}"), "! a function is no value");
    assert_starts(json_of(w, "{1, {2, coroutine.create(type)}}"), "! a thread is no value");
    assert_starts(json_of(w, "{_ENV}"), "! a userdata is no value");
    assert_string_equal(json_of(w, "(function() local t = {} t[1] = t return t end)()"),
                        "! a table nested deeper than 100, or in itself");
    assert_string_equal(json_of(w, "(function() local t = {} t.a = {t} return t end)()"),
                        "! a table nested deeper than 100, or in itself");
    push(w, "('x'):rep(2 << 20)");
    assert_string_equal(json_of_top(w), "! the JSON text is too long");
}

static const char *round_trip(struct world *w, const char *text)
{
    if (!value_parse_json(w->s->L, slice_of(text))) return arena_printf(&w->arena, "! %s", lua_tostring(w->s->L, -1));
    return json_of_top(w);
}

static void json_comes_back(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {"null",
                                        "true",
                                        "-12",
                                        "1.5",
                                        "1.0",
                                        "1e+300",
                                        "\"a\\u0000\xc3\xa4\"",
                                        "[]",
                                        "{}",
                                        "[1,null,[2]]",
                                        "{\"a\":{},\"b\":[{}],\"c\":null}",
                                        "9223372036854775807",
                                        "[[[[[[1]]]]]]",
                                        "\"\\\\\\\"\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(round_trip(w, texts[i]), texts[i]);
    assert_string_equal(round_trip(w, " { \"b\" : 1, \"a\" : 2 } "), "{\"a\":2,\"b\":1}");
    assert_starts(round_trip(w, "[1,]"), "! ");
    assert_starts(round_trip(w, ""), "! ");
    assert_starts(round_trip(w, "{\"a\":1} x"), "! ");
    struct buf b = BUF_INIT(10000);
    for (int i = 0; i < 101; i++)
        buf_addc(&b, '[');
    for (int i = 0; i < 101; i++)
        buf_addc(&b, ']');
    assert_string_equal(round_trip(w, buf_str(&b)), "! nested deeper than 100");
    buf_done(&b);
    lua_settop(w->s->L, 0);
}

static void parsing_meets_the_cap(void **state)
{
    struct world *w = *state;
    struct buf b = BUF_INIT(64 << 20);
    buf_addc(&b, '[');
    for (int i = 0; i < 400000; i++)
        buf_adds(&b, "{},");
    buf_adds(&b, "1]");
    assert_false(value_parse_json(w->s->L, buf_slice(&b)));
    assert_string_equal(lua_tostring(w->s->L, -1), "Lua memory is over its cap of 16 MiB");
    lua_settop(w->s->L, 0);
    assert_string_equal(round_trip(w, "[{}]"), "[{}]");
    buf_done(&b);
}

static void views_are_copies(void **state)
{
    struct world *w = *state;
    struct view v, x;
    push(w, "{b = 'two', a = {1, 2.5, true, json.null}, c = {}, ['\\0x'] = json.object()}");
    assert_true(value_view(w->s->L, -1, &w->arena, &v));
    lua_settop(w->s->L, 0);
    lua_gc(w->s->L, LUA_GCCOLLECT);
    assert_int_equal(v.type, VIEW_MAP);
    assert_int_equal(v.n, 4);
    x = v.ops->get(&v, SLICE("b"));
    assert_true(x.type == VIEW_BYTES && slice_is(x.bytes, "two"));
    x = v.ops->get(&v, SLICE("\0x"));
    assert_true(x.type == VIEW_MAP && x.n == 0);
    assert_int_equal(x.ops->get(&x, SLICE("q")).type, VIEW_ABSENT);
    assert_int_equal(v.ops->get(&v, SLICE("d")).type, VIEW_ABSENT);
    assert_int_equal(v.ops->get(&v, SLICE("c")).type, VIEW_LIST);
    struct view list = v.ops->get(&v, SLICE("a"));
    assert_int_equal(list.n, 4);
    assert_int_equal(list.ops->at(&list, 0).integer, 1);
    assert_int_equal(list.ops->at(&list, 1).type, VIEW_FLOAT);
    assert_true(list.ops->at(&list, 2).boolean);
    assert_int_equal(list.ops->at(&list, 3).type, VIEW_NULL);
    assert_int_equal(list.ops->at(&list, 4).type, VIEW_ABSENT);
    const char *keys[] = {NULL, "a", "b", "c"};
    for (size_t i = 1; i < 4; i++) {
        struct slice key;
        v.ops->entry(&v, i, &key);
        assert_true(slice_is(key, keys[i]));
    }
    value_push(w->s->L, &v);
    assert_string_equal(json_of_top(w), "{\"\\u0000x\":{},\"a\":[1,2.5,true,null],\"b\":\"two\",\"c\":[]}");
    push(w, "nil");
    assert_true(value_view(w->s->L, -1, &w->arena, &v));
    assert_int_equal(v.type, VIEW_ABSENT);
    lua_settop(w->s->L, 0);
}

static const char *shown(struct world *w, const char *text, size_t most)
{
    lua_State *L = w->s->L;
    push(w, text);
    int top = lua_gettop(L);
    struct buf b = BUF_INIT(1 << 20);
    value_show(L, -1, most, &b);
    assert_int_equal(lua_gettop(L), top);
    assert_true(b.n <= most);
    const char *copy = arena_dup(&w->arena, buf_slice(&b));
    buf_done(&b);
    lua_settop(L, 0);
    return copy;
}

static void shows(void **state)
{
    struct world *w = *state;
    assert_string_equal(shown(w, "nil", 100), "nil");
    assert_string_equal(shown(w, "1", 100), "1");
    assert_string_equal(shown(w, "1.0", 100), "1.0");
    assert_string_equal(shown(w, "1/0", 100), "inf");
    assert_string_equal(shown(w, "'a\\r\\n'", 100), "\"a\\r\\n\"");
    assert_string_equal(shown(w, "type", 100), "function");
    assert_string_equal(shown(w, "{}", 100), "{}");
    assert_string_equal(shown(w, "{b = {1, 2}, a = 1, ['x y'] = true}", 100), "{a = 1, b = {1, 2}, [\"x y\"] = true}");
    assert_string_equal(shown(w, "{1, 2, x = json.null, [2.5] = 3}", 100), "{1, 2, x = null, [2.5] = 3}");
    assert_string_equal(shown(w, "{[true] = 1, [1] = 2}", 100), "{2, [true] = 1}");
    assert_string_equal(shown(w, "{[0] = {1}}", 100), "{[0] = {1}}");
    assert_string_equal(shown(w, "(function() local t = {} for i = 1, 1000 do t[i] = i end return t end)()", 20),
                        "{1, 2, 3, 4, 5, 6...");
    assert_string_equal(shown(w, "{abc = 'defghi'}", 10), "{abc = ...");
    assert_string_equal(shown(w, "{'\\u{e4}\\u{e4}\\u{e4}\\u{e4}\\u{e4}'}", 8), "{\"\xc3\xa4...");
    for (size_t most = 0; most < 40; most++)
        shown(w, "{('x'):rep(1000), a = ('y'):rep(1000), [('k'):rep(5000)] = 1, [('k '):rep(5000)] = {{}}}", most);
    assert_has(shown(w, "(function() local t = {} t[1] = t return t end)()", 1000), "{...}");
}

static void shows_at_the_cap(void **state)
{
    struct world *w = *state;
    push(w, "{[('k'):rep(1 << 20)] = {1}}");
    w->s->cap = w->s->used;
    struct buf b = BUF_INIT(1000);
    value_show(w->s->L, -1, 30, &b);
    assert_int_equal(b.n, 30);
    buf_done(&b);
    lua_settop(w->s->L, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(json_out),         WORLD_TEST(json_cannot_say_all),
        WORLD_TEST(json_comes_back),  WORLD_TEST(parsing_meets_the_cap),
        WORLD_TEST(views_are_copies), WORLD_TEST(shows),
        WORLD_TEST(shows_at_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
