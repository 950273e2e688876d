#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario/loading.h"

/* The steps of the one actor. */
static const struct block_model *steps_of(struct loaded *x, const char *steps)
{
    struct buf text = BUF_INIT(64 * 1024);
    buf_printf(&text, "sockrun: 1\nmacros: {m: {with: {a: 1}, steps: [close]}}\nactors:\n  c:\n    steps:\n%s", steps);
    struct scenario *s = load_good(x, buf_str(&text));
    buf_done(&text);
    return &s->cases[0].actors[0].steps;
}

static void test_bare(void **state)
{
    (void)state;
    struct loaded x;
    const struct block_model *b =
        steps_of(&x, "      - close\n      - close:\n      - {close: }\n      - tls\n      - tls: {a: b}\n");
    assert_int_equal(b->n, 5);
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(b->steps[i].schema->name, "close");
        assert_null(b->steps[i].value);
    }
    assert_null(b->steps[0].map);
    assert_non_null(b->steps[1].map);
    assert_int_equal(source_line(b->steps[1].mark), 7);
    assert_null(b->steps[3].value);
    assert_non_null(b->steps[4].value);
    unload(&x);
}

static void test_modifiers(void **state)
{
    (void)state;
    struct loaded x;
    const struct block_model *b =
        steps_of(&x, "      - {send: x, chunk: 1, every: 5ms, via: c2, timeout: 3s, name: n, if: a > 1, level: may}\n"
                     "      - {as: [id, len], expect: {bytes: 1}, ignore: [x]}\n"
                     "      - {via: c2, close: }\n"
                     "      - {expect: x, as: one, timeout: \"${t}\", name: \"at ${t}\"}\n");
    const struct step_model *s = &b->steps[0];
    assert_true(slice_is(step_field(s, "chunk")->text, "1"));
    assert_true(slice_is(step_field(s, "every")->text, "5ms"));
    assert_null(step_field(s, "urgent"));
    assert_true(slice_is(s->via->text, "c2"));
    assert_true(slice_is(s->timeout->text, "3s"));
    assert_true(slice_is(s->name->text, "n"));
    assert_true(slice_is(s->condition->text, "a > 1"));
    assert_true(slice_is(s->level->text, "may"));
    assert_int_equal(b->steps[1].as->n, 2);
    assert_int_equal(b->steps[1].ignore->n, 1);
    assert_string_equal(b->steps[1].schema->name, "expect");
    assert_string_equal(b->steps[2].schema->name, "close");
    unload(&x);
}

static void test_blocks(void **state)
{
    (void)state;
    struct loaded x;
    const struct block_model *b = steps_of(&x, "      - steps: [close, {send: x}]\n"
                                               "        if: a\n"
                                               "      - repeat: 3\n"
                                               "        steps: [close]\n"
                                               "        until: a\n"
                                               "      - {steps: [close, close, reset], each: [1, 2]}\n"
                                               "      - any:\n"
                                               "          dropped without a word: [expect_close]\n"
                                               "          refused: [{expect: x}, expect_close]\n"
                                               "        as: how\n"
                                               "      - all: [[{expect: a}], [{expect: b}, close]]\n"
                                               "        meanwhile: {ping: [{expect: ping}, {send: pong}]}\n");
    assert_int_equal(b->n, 5);
    assert_int_equal(b->steps[0].block.n, 2);
    assert_string_equal(b->steps[1].schema->name, "repeat");
    assert_int_equal(b->steps[1].block.n, 1);
    assert_string_equal(b->steps[2].schema->name, "each");
    assert_int_equal(b->steps[2].block.n, 3);
    assert_int_equal(b->steps[3].branches.n, 2);
    assert_string_equal(b->steps[3].branches.list[0].name, "dropped without a word");
    assert_int_equal(b->steps[3].branches.list[1].block.n, 2);
    assert_int_equal(b->steps[4].branches.n, 2);
    assert_null(b->steps[4].branches.list[1].name);
    assert_int_equal(b->steps[4].branches.list[1].block.n, 2);
    assert_int_equal(b->steps[4].meanwhile.n, 1);
    assert_string_equal(b->steps[4].meanwhile.list[0].name, "ping");
    unload(&x);
}

/* A word of the common modifiers that a verb explains itself is the verb's alone. */
static void test_own_table_wins(void **state)
{
    (void)state;
    struct loaded x = {.text = BUF_INIT(64 * 1024)};
    static const struct field own[] = {{.name = "timeout", .type = FIELD_INT}, {0}};
    static const struct step_schema probe = {.name = "probe", .value = {.type = FIELD_TEXT}, .fields = own};
    static const struct step_schema *const list[] = {&probe, NULL};
    struct load_options o = {.steps = list, .folder = "/here"};
    x.s = scenario_load(&o, "t.yaml", SLICE("sockrun: 1\nactors: {c: {steps: [{probe: x, timeout: 7}]}}\n"), &x.arena,
                        &x.diags);
    assert_int_equal(x.diags.n, 0);
    const struct step_model *s = &x.s->cases[0].actors[0].steps.steps[0];
    assert_null(s->timeout);
    assert_true(slice_is(step_field(s, "timeout")->text, "7"));
    unload(&x);
}

static void test_two_verbs(void **state)
{
    (void)state;
    step_bad("{send: x, expect: y}", "two verbs in a step: `send` and `expect`");
    step_bad("{name: n, close: , send: x}", "two verbs in a step: `close` and `send`");
    step_bad("{send: x, steps: [close]}", "two verbs in a step: `send` and `steps`");
    step_bad("{repeat: 2, each: [1], steps: [close]}", "two verbs in a step: `repeat` and `each`");
    struct loaded x;
    load_with(&x, NULL, "sockrun: 1\nactors: {c: {steps: [{send: x, expect: y}]}}\n");
    assert_int_equal(x.diags.list[0].place.col, 32);
    unload(&x);
}

static void test_unknown(void **state)
{
    (void)state;
    step_bad("exepct", "unknown step `exepct`");
    step_bad("{exepct: x}", "unknown step `exepct`");
    step_bad("{name: n, chunk: 1, sned: x}", "unknown step `sned`");
    step_bad("{zzzzzzzz: 1, qqqqqqqq: x}", "unknown step `zzzzzzzz`");
    step_bad("{name: n}", "a step needs a verb");
    step_bad("{}", "an empty step");
    step_bad("{send: x, chnk: 1}", "unknown key `chnk` in step `send`");
    step_bad("{expect: x, chunk: 1}", "unknown key `chunk` in step `expect`");
    struct loaded x;
    load_with(&x, NULL, "sockrun: 1\nactors: {c: {steps: [{exepct: y}, {send: x, vai: c}]}}\n");
    assert_string_equal(x.diags.list[0].hint, "did you mean `expect`?");
    assert_int_equal(x.diags.list[0].place.col, 23);
    assert_int_equal(x.diags.list[0].place.span, 6);
    assert_string_equal(x.diags.list[1].hint, "did you mean `via`?");
    unload(&x);
}

static void test_forms(void **state)
{
    (void)state;
    step_bad("[close]", "`steps` takes a list of steps, and this item is a list");
    step_bad("", "an item of `steps` is empty");
    step_bad("send", "`send` has no value");
    step_bad("send:", "`send` has no value");
    step_bad("close: now", "`close` takes no value");
    step_bad("close: {}", "`close` takes no value, not a map");
    step_bad("sleep: 5", "`sleep` takes a duration such as 50ms");
    step_bad("shutdown: wirte", "`shutdown` takes one of write, read, both");
    step_bad("{send: x, urgent: yes}", "`urgent` takes true or false");
    step_bad("{send: x, to: {too: a, to: b}}", "unknown key `too` in `to`");
    step_bad("{connect: {retry: {every: 1ms}}}", "`connect` needs `to`");
    step_bad("{repeat: 3}", "step `repeat` needs `steps`");
    step_bad("repeat", "`repeat` has no value");
    step_bad("{steps: close}", "`steps` takes a list of steps, not a text");
    step_bad("{any: [close]}", "`any` takes a map of outcomes to lists of steps, not a list");
    step_bad("{any: {a: close}}", "`a` takes a list of steps, not a text");
    step_bad("{any: {a: []}}", "a branch needs at least one step");
    step_bad("{all: [close]}", "`all` takes a list of lists of steps, and this item is a text");
    step_bad("{all: [[]]}", "a branch needs at least one step");
    step_bad("{all: [[clos]]}", "unknown step `clos`");
    step_bad("{expect: x, level: shoud}", "`level` takes one of must, should, may, setup");
    step_bad("{expect: x, if: \"${a}\"}", "`if` takes a Lua expression");
    step_bad("{expect: x, as: a-b}", "what `as` captures must be a name that `${}` can use");
    step_bad("{expect: x, as: [a, end]}", "what `as` captures must be a name that `${}` can use");
    step_bad("{expect: x, as: {a: b}}", "`as` takes a text or a list of texts, not a map");
    step_bad("{send: x, ignore: [y]}", "`ignore` has no meaning on `send`");
    step_bad("{send: x, meanwhile: {p: [close]}}", "`meanwhile` has no meaning on `send`");
    step_bad("{steps: [close], meanwhile: {p: clos}}", "`p` takes a list of steps, not a text");
}

/* What several places share by an alias is said once. */
static void test_aliases(void **state)
{
    (void)state;
    struct loaded x;
    load_with(&x, NULL, "sockrun: 1\nactors: {a: {steps: &s [clos]}, b: {steps: *s}}\n");
    assert_string_equal(buf_str(&x.text), "t.yaml:2:25: error: unknown step `clos`\n"
                                          "     2 | actors: {a: {steps: &s [clos]}, b: {steps: *s}}\n"
                                          "       |                         ^^^^ did you mean `close`?\n");
    unload(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare),           cmocka_unit_test(test_modifiers), cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_own_table_wins), cmocka_unit_test(test_two_verbs), cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_forms),          cmocka_unit_test(test_aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
