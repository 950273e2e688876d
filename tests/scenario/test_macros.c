#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario/loading.h"

#define FILE_WITH(macros, steps) "sockrun: 1\nmacros:\n" macros "actors: {c: {steps: [" steps "]}}\n"

static void test_calls(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s =
        load_good(&x, FILE_WITH("  outer: {steps: [{call: inner, with: {host: x}}]}\n"
                                "  inner: {with: {host: required, port: 80}, steps: [{send: \"${host}\"}]}\n"
                                "  bare: {steps: []}\n"
                                "  empty: {with: {}, steps: [close]}\n",
                                "call: outer, {call: inner, with: {host: y, port: 1}}, {call: bare, with: {}}"));
    assert_int_equal(s->nmacros, 4);
    assert_string_equal(s->macros[1].name, "inner");
    assert_int_equal(s->macros[1].with->n, 2);
    assert_int_equal(s->macros[1].block.n, 1);
    assert_ptr_equal(s->macros[0].block.steps[0].macro, &s->macros[1]);
    const struct block_model *b = &s->cases[0].actors[0].steps;
    assert_ptr_equal(b->steps[0].macro, &s->macros[0]);
    assert_ptr_equal(b->steps[1].macro, &s->macros[1]);
    unload(&x);
}

static void test_wrong(void **state)
{
    (void)state;
    load_bad(NULL, FILE_WITH("  greet: {steps: [close]}\n", "{call: geet}"), "unknown macro `geet`");
    load_bad(NULL, "sockrun: 1\nactors: {c: {steps: [{call: m}]}}\n", "unknown macro `m`");
    load_bad(NULL, FILE_WITH("  m: {with: {host: 1}, steps: [close]}\n", "{call: m, with: {hots: 1}}"),
             "macro `m` has no argument `hots`");
    load_bad(NULL, FILE_WITH("  m: {with: {host: required}, steps: [close]}\n", "{call: m}"),
             "macro `m` needs the argument `host`");
    load_bad(NULL, FILE_WITH("  m: {with: {host-name: 1}, steps: [close]}\n", "{call: m}"),
             "an argument of a macro must be a name that `${}` can use");
    load_bad(NULL, FILE_WITH("  m: {wiht: {}, steps: [close]}\n", "{call: m}"), "unknown key `wiht` in macro `m`");
    load_bad(NULL, FILE_WITH("  m: {with: {}}\n", "{call: m}"), "macro `m` needs `steps`");
    load_bad(NULL, FILE_WITH("  m: [close]\n", "{call: m}"), "macro `m` is a map, not a list");
    load_bad(NULL, FILE_WITH("  m: {steps: [clos]}\n", ""), "unknown step `clos`");
    load_bad(NULL, FILE_WITH("  m: {steps: [close]}\n", "{call: m, with: [a]}"),
             "`with` takes a map of names to values, not a list");
    struct loaded x;
    load_with(
        &x, NULL,
        FILE_WITH("  greet: {with: {host: 1}, steps: [close]}\n", "{call: geet}, {call: greet, with: {hots: 1}}"));
    assert_string_equal(x.diags.list[0].hint, "did you mean `greet`?");
    assert_string_equal(x.diags.list[1].hint, "did you mean `host`?");
    unload(&x);
    /* A quoted `required` is a default like any other. */
    load_good(&x, FILE_WITH("  m: {with: {a: \"required\"}, steps: [close]}\n", "{call: m}"));
    unload(&x);
}

static void test_circles(void **state)
{
    (void)state;
    load_bad(NULL, FILE_WITH("  a: {steps: [{call: a}]}\n", ""), "macro `a` calls itself: a -> a");
    load_bad(NULL,
             FILE_WITH(
                 "  a: {steps: [{call: b}]}\n  b: {steps: [{any: {x: [{call: c}]}}]}\n  c: {steps: [{call: b}]}\n", ""),
             "macro `b` calls itself: b -> c -> b");
    /* A diamond is none. */
    struct loaded x;
    load_good(&x,
              FILE_WITH("  a: {steps: [{call: b}, {call: c}]}\n  b: {steps: [{call: d}]}\n  c: {steps: [{call: d}]}\n"
                        "  d: {steps: [close]}\n",
                        ""));
    unload(&x);
}

/* A chain of any length is followed without a deep stack. */
static void test_long_chain(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(4 * 1024 * 1024);
    buf_adds(&text, "sockrun: 1\nactors: {c: {steps: []}}\nmacros:\n");
    for (int i = 0; i < 12000; i++)
        buf_printf(&text, "  m%d: {steps: [{call: m%d}]}\n", i, (i + 1) % 12000);
    struct loaded x;
    load_with(&x, NULL, buf_str(&text));
    assert_int_equal(x.diags.n, 1);
    assert_memory_equal(x.diags.list[0].message, "macro `m0` calls itself: m0 -> m1 -> ", 37);
    unload(&x);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_circles),
        cmocka_unit_test(test_long_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
