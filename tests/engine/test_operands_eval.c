#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/datum.h"
#include "engine/operands.h"
#include "util/units.h"

static void test_texts(void **state)
{
    (void)state;
    struct bench *b = bench_new("a ${x} ${y.z} b");
    struct text_plan t;
    struct slice text;
    assert_true(compile_text(&b->c, b->node, &t));
    bench_run(b, "x = 1; y = {z = 'Z'}");
    assert_true(text_eval(&t, &b->e, &text));
    slice_same(text, "a 1 Z b", 7);
    bench_run(b, "y = 3");
    assert_false(text_eval(&t, &b->e, &text));
    assert_string_equal(b->e.why, "attempt to index a number value (global 'y')");
    assert_int_equal(source_place(b->e.mark).col, 1);
    bench_free(b);
    b = bench_new("at ${nothing}");
    assert_true(compile_text(&b->c, b->node, &t));
    assert_false(text_eval(&t, &b->e, &text));
    assert_string_equal(b->e.why, "`nothing` is nil");
    assert_int_equal(source_place(b->e.mark).col, 6);
    bench_free(b);
}

/* Constants need no Lua, and no memory. */
static void test_constant(void **state)
{
    (void)state;
    struct bench *b = bench_new("just text");
    struct lazy_lua none = {0};
    struct text_plan t;
    struct slice text;
    assert_true(compile_text(&b->c, b->node, &t));
    b->e.lua = &none;
    assert_true(text_eval(&t, &b->e, &text));
    assert_ptr_equal(text.p, b->node->text.p);
    assert_null(none.state);
    assert_null(b->arena.chunks);
    bench_free(b);
}

static bool quantity(const char *yaml, enum quantity_type type, const char *lua, int64_t *ret, char *why, size_t size)
{
    struct bench *b = bench_new(yaml);
    struct quantity q;
    assert_true(compile_quantity(&b->c, b->node, type, 1, &q));
    bench_run(b, lua);
    const bool ok = quantity_eval(&q, &b->e, ret);
    snprintf(why, size, "%s", ok ? "" : b->e.why);
    bench_free(b);
    return ok;
}

static void test_quantities(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *lua;
        enum quantity_type type;
        int64_t value;
        const char *why;
    } rows[] = {
        {"0x10", "", QUANTITY_INT, 16, ""},
        {"${n / 2}", "n = 8", QUANTITY_INT, 4, ""},
        {"${n}", "n = '7'", QUANTITY_INT, 7, ""},
        {"${n}", "n = 1.5", QUANTITY_INT, 0, "\"1.5\": not a whole number"},
        {"${n}", "n = 1e300", QUANTITY_INT, 0, "\"1e+300\": not a whole number"},
        {"64KiB", "", QUANTITY_SIZE, 65536, ""},
        {"${n}KiB", "n = 2", QUANTITY_SIZE, 2048, ""},
        {"${n}", "n = 2.0", QUANTITY_SIZE, 2, ""},
        {"${n}", "n = -2", QUANTITY_SIZE, 0, "\"-2\": a size is not negative"},
        {"5ms", "", QUANTITY_DURATION, 5 * NS_PER_MS, ""},
        {"${n}ms", "n = 2.5", QUANTITY_DURATION, 2500 * NS_PER_US, ""},
        {"${n}", "n = 2", QUANTITY_DURATION, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = 0;
        char why[200];
        quantity(rows[i].yaml, rows[i].type, rows[i].lua, &value, why, sizeof why);
        if (rows[i].why) assert_string_equal(why, rows[i].why);
        if (!rows[i].why) assert_non_null(strstr(why, "unit"));
        if (!*why) assert_int_equal(value, rows[i].value);
    }
}

static void test_push(void **state)
{
    (void)state;
    struct bench *b = bench_new(
        "{t: yes, n: 7, f: 1.5, o: 010, q: '7', b: true, z: null, l: [1, '${x}', '${gone}', 4], m: {}, s: 'x${x}'}");
    bench_run(b, "x = {9}");
    struct datum *d = datum_compile(&b->c, b->node);
    assert_non_null(d);
    assert_false(datum_constant(d));
    assert_false(datum_push(d, &b->e));
    assert_string_equal(b->e.why, "`x` is a table where text is wanted");
    bench_run(b, "x = 9");
    assert_true(datum_push(d, &b->e));
    lua_setfield(b->lua.state->L, LUA_REGISTRYINDEX, "d");
    lua_getfield(b->lua.state->L, LUA_REGISTRYINDEX, "bench");
    lua_getfield(b->lua.state->L, LUA_REGISTRYINDEX, "d");
    lua_setfield(b->lua.state->L, -2, "d");
    lua_pop(b->lua.state->L, 1);
    assert_true(
        bench_holds(b, "d.t == 'yes' and d.n == 7 and d.f == 1.5 and d.o == '010' and d.q == '7' and d.b == true"));
    assert_true(bench_holds(
        b, "d.z == json.null and d.l[2] == 9 and d.l[3] == json.null and next(d.m) == nil and d.s == 'x9'"));
    bench_free(b);
}

static void test_json(void **state)
{
    (void)state;
    struct bench *b = bench_new("{z: 1, a: ['${x}', 1e+20, -0.5, \"\\\"\\n\"], m: {}, e: }");
    struct buf out = BUF_INIT(1000);
    struct datum *d = datum_compile(&b->c, b->node);
    assert_non_null(d);
    bench_run(b, "x = {b = 1, a = {}}");
    assert_true(datum_json(d, &b->e, &out));
    assert_string_equal(buf_str(&out),
                        "{\"z\":1,\"a\":[{\"a\":[],\"b\":1},1e+20,-0.5,\"\\\"\\n\"],\"m\":{},\"e\":\"\"}");
    buf_clear(&out);
    bench_run(b, "x = '\\xff'");
    assert_false(datum_json(d, &b->e, &out));
    assert_string_equal(b->e.why, "JSON has no text that is not UTF-8");
    assert_int_equal(source_place(b->e.mark).col, 15);
    buf_done(&out);
    out = BUF_INIT(10);
    bench_run(b, "x = 1");
    assert_false(datum_json(d, &b->e, &out));
    assert_string_equal(b->e.why, "the JSON text is too long");
    buf_done(&out);
    bench_free(b);
}

static void test_views(void **state)
{
    (void)state;
    struct bench *b = bench_new("{a: [1, '${x}'], b: {c: true}}");
    struct view v, a, x;
    bench_run(b, "x = {k = 'v'}");
    assert_true(datum_view(datum_compile(&b->c, b->node), &b->e, &v));
    assert_int_equal(v.type, VIEW_MAP);
    a = v.ops->get(&v, SLICE("a"));
    assert_int_equal(a.n, 2);
    x = a.ops->at(&a, 1);
    x = x.ops->get(&x, SLICE("k"));
    slice_same(x.bytes, "v", 1);
    assert_int_equal(v.ops->get(&v, SLICE("none")).type, VIEW_ABSENT);
    assert_int_equal(a.ops->at(&a, 2).type, VIEW_ABSENT);
    bench_free(b);
}

static void test_conditions(void **state)
{
    (void)state;
    struct bench *b = bench_new("x == 1");
    bool holds;
    struct expr *x = compile_expr(&b->c, b->node, EXPR_VALUE);
    bench_run(b, "x = 1");
    assert_true(condition_eval(x, b->node->mark, &b->e, &holds) && holds);
    bench_run(b, "x = 2");
    assert_true(condition_eval(x, b->node->mark, &b->e, &holds) && !holds);
    bench_free(b);
}

/* What runs out of Lua's memory is an error of the step. */
static void test_cap(void **state)
{
    (void)state;
    struct bench *b = bench_new("${string.rep('x', 1 << 29)}");
    struct text_plan t;
    struct slice text;
    assert_true(compile_text(&b->c, b->node, &t));
    assert_false(text_eval(&t, &b->e, &text));
    assert_string_equal(b->e.why, "Lua memory is over its cap of 256 MiB");
    bench_free(b);
    b = bench_new("${string.rep('x', (64 << 20) + 1)}");
    assert_true(compile_text(&b->c, b->node, &t));
    assert_false(text_eval(&t, &b->e, &text));
    assert_string_equal(b->e.why, "a text of more than 67108864 bytes");
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),      cmocka_unit_test(test_constant), cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_push),       cmocka_unit_test(test_json),     cmocka_unit_test(test_views),
        cmocka_unit_test(test_conditions), cmocka_unit_test(test_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
