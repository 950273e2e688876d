#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/field.h"
#include "doc/parsed.h"

static const struct field tls_fields[] = {
    {.name = "cert", .type = FIELD_TEXT, .flags = FIELD_REQUIRED},
    {.name = "verify", .type = FIELD_BOOL},
    {.name = "min_version", .type = FIELD_CHOICE, .choices = "1.2|1.3"},
    {0},
};

static const struct field rule_fields[] = {
    {.name = "delay", .type = FIELD_DURATION},
    {0},
};

static const struct field fields[] = {
    {.name = "text", .type = FIELD_TEXT},
    {.name = "name", .type = FIELD_NAME},
    {.name = "names", .type = FIELD_NAMES},
    {.name = "tags", .type = FIELD_TEXTS},
    {.name = "bool", .type = FIELD_BOOL},
    {.name = "int", .type = FIELD_INT},
    {.name = "number", .type = FIELD_NUMBER},
    {.name = "timeout", .type = FIELD_DURATION},
    {.name = "size", .type = FIELD_SIZE},
    {.name = "by", .type = FIELD_CHOICE, .choices = "fin|reset|close_notify|any"},
    {.name = "check", .type = FIELD_LUA},
    {.name = "lua", .type = FIELD_CHUNK},
    {.name = "value", .type = FIELD_VALUE},
    {.name = "vars", .type = FIELD_VALUES},
    {.name = "send", .type = FIELD_PAYLOAD},
    {.name = "expect", .type = FIELD_EXPECT},
    {.name = "ignore", .type = FIELD_EXPECTS},
    {.name = "is", .type = FIELD_MATCHER},
    {.name = "connect", .type = FIELD_ADDRESS},
    {.name = "run", .type = FIELD_ARGV},
    {.name = "steps", .type = FIELD_STEPS},
    {.name = "any", .type = FIELD_BRANCHES},
    {.name = "all", .type = FIELD_LANES},
    {.name = "tls", .type = FIELD_MAP, .fields = tls_fields, .flags = FIELD_OPTIONAL_VALUE},
    {.name = "open", .type = FIELD_MAP, .fields = tls_fields, .flags = FIELD_OPEN_MAP},
    {.name = "with", .type = FIELD_MAP},
    {.name = "rules", .type = FIELD_MAPS, .fields = rule_fields},
    {.name = "close", .type = FIELD_NOTHING},
    {0},
};

static void is_good(const char *text)
{
    struct parsed *p = parsed_good(text);
    unsigned wrongs = field_check(p->root, fields, "the map", &p->diags);
    if (p->diags.n) fail_msg("%s", parsed_said(p));
    assert_int_equal(wrongs, 0);
    parsed_free(p);
}

static void says(const char *text, const char *said)
{
    struct parsed *p = parsed_good(text);
    assert_int_equal(field_check(p->root, fields, "the map", &p->diags), 1);
    assert_int_equal(p->diags.n, 1);
    said_is(p, 0, said);
    parsed_free(p);
}

static void test_good_values(void **state)
{
    (void)state;
    is_good("text: 200\nname: a_b-9\nnames: [a, _b]\ntags: x\nbool: true\nint: 0x10\nnumber: 1.5e3\ntimeout: 200us\n"
            "size: 64KiB\nby: reset\ncheck: x > 1\nlua: |\n  x = 1\nvalue:\nvars: {a: 1}\nsend: [a, {hex: 00}]\n"
            "expect: {line: x}\nignore: [h2.ping, {line: x}]\nis: {eq: 1}\nconnect: {to: x}\nrun: [curl, -v]\n"
            "steps: [close, {send: x}]\nany: {a: []}\nall: [[], []]\ntls:\nopen: {cert: x, more: y}\nwith: {x: {}}\n"
            "rules: [{delay: 5ms}]\nclose:\n");
    is_good("text: ''\nnames: a\ntags: [1, 2]\nbool: 'false'\nconnect: tcp://x\ntls: {cert: a, min_version: 1.3}\n");
}

static void test_values_known_only_later(void **state)
{
    (void)state;
    is_good("int: ${x}\nnumber: 1${x}\ntimeout: ${x}ms\nsize: \"${x}\"\nconnect: ${server}\n");
    says("int: $${x}", "1:6+5 `int` takes a whole number");
}

static void test_unknown_keys(void **state)
{
    (void)state;
    says("text: x\n  # ü\ntimeuot: 5ms\n", "3:1+7 unknown key `timeuot` in the map | did you mean `timeout`?");
    says("zzzzzz: 5ms\n", "1:1+6 unknown key `zzzzzz` in the map");
    says("tls: {cert: x, verfy: true}", "1:16+5 unknown key `verfy` in `tls` | did you mean `verify`?");
    says("rules: [{}, {delya: 1s}]", "1:14+5 unknown key `delya` in `rules` | did you mean `delay`?");
}

static void test_required_keys(void **state)
{
    (void)state;
    says("text: x\ntls: {verify: true}", "2:6+14 `tls` needs `cert`");
    says("tls:\n  verify: true", "2:3+1 `tls` needs `cert`");
}

static void test_wrong_forms(void **state)
{
    (void)state;
    says("name: a b", "1:7+3 `name` takes a name | letters, digits, `_` and `-`, a letter or `_` first");
    says("names: [a, 9b]",
         "1:12+2 `names` takes a name or a list of names | letters, digits, `_` and `-`, a letter or `_` first");
    says("name: ${x}", "1:7+4 `name` takes a name | a name is fixed: `${}` cannot stand in it");
    says("bool: yes", "1:7+3 `bool` takes true or false | write true");
    says("bool: 1", "1:7+1 `bool` takes true or false");
    says("bool: ${x}", "1:7+4 `bool` takes true or false | it is fixed: `${}` cannot stand in it");
    says("by: ${x}", "1:5+4 `by` takes one of fin, reset, close_notify, any | it is fixed: `${}` cannot stand in it");
    says("by: \"rest\"", "1:5+6 `by` takes one of fin, reset, close_notify, any | did you mean `reset`?");
    says("check: ${x > 1}", "1:8+8 `check` takes a Lua expression | write it without `${}`: x > 1");
    says("lua: ''", "1:6+2 `lua` takes Lua code");
    says("close: 1", "1:8+1 `close` takes no value");
    says("run: []", "1:6+2 `run` takes a list of texts, at least one");
    says("rules: [{delay: 5}]",
         "1:17+1 `delay` takes a duration such as 50ms | a duration needs a unit: us, ms, s or m");
}

static void test_numbers_say_what_is_wrong(void **state)
{
    (void)state;
    static const char *const texts[] = {"int: 99999999999999999999", "int: 0x", "timeout: 5", "timeout: -5ms",
                                        "size: 64KB"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct parsed *p = parsed_good(texts[i]);
        assert_int_equal(field_check(p->root, fields, "the map", &p->diags), 1);
        assert_non_null(p->diags.list[0].hint);
        parsed_free(p);
    }
    says("number: x", "1:9+1 `number` takes a number");
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    says("text: [a]", "1:7+3 `text` takes a text, not a list");
    says("timeout: {a: 1}", "1:10+6 `timeout` takes a duration such as 50ms, not a map");
    says("steps: close", "1:8+5 `steps` takes a list of steps, not a text");
    says("steps: [[]]", "1:9+2 `steps` takes a list of steps, and this item is a list");
    says("all: [[], x]", "1:11+1 `all` takes a list of lists of steps, and this item is a text");
    says("run: [a, [b]]", "1:10+3 `run` takes a list of texts, at least one, and this item is a list");
    says("any: []", "1:6+2 `any` takes a map of outcomes to lists of steps, not a list");
    says("connect: [a]", "1:10+3 `connect` takes an address, or a map with `to`, not a list");
    says("ignore: h2.ping", "1:9+7 `ignore` takes a list of expectations, not a text");
    says("close: [1]", "1:8+3 `close` takes no value, not a list");
}

static void test_nothing_where_something_is_due(void **state)
{
    (void)state;
    says("timeout:\ntext: x\n", "1:9+1 `timeout` has no value | it takes a duration such as 50ms");
    says("tags: [a, ]\nsteps:\n  - a\n  -\n", "4:4+1 an item of `steps` is empty");
}

static void test_many_at_once(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("timeuot: 1s\nsize: x\ntls: {verify: maybe, x: 1}\nnames: [1, 2]\n");
    assert_int_equal(p->diags.n, 0);
    assert_int_equal(field_check(p->root, fields, "the map", &p->diags), 4);
    assert_int_equal(p->diags.n, 7);
    parsed_free(p);
}

static void test_not_a_map(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("[a]");
    assert_int_equal(field_check(p->root, fields, "a step", &p->diags), 1);
    said_is(p, 0, "1:1+3 a step is a map, not a list");
    parsed_free(p);
}

static void test_dollars(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool dynamic;
    } list[] = {
        {"${x}", true},    {"a ${x}", true},      {"\"${x}\"", true}, {"$${x}", false}, {"$${x} ${y}", true},
        {"$$${x}", false}, {"$x", false},         {"x$", false},      {"$ {x}", false}, {"'${'", true},
        {"$$ ${x}", true}, {"[\"${x}\"]", false}, {"''", false},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct parsed *p = parsed_good(list[i].text);
        if (field_dynamic(p->root) != list[i].dynamic) fail_msg("%s", list[i].text);
        parsed_free(p);
    }
    assert_false(field_dynamic(NULL));
}

static void test_typed_values(void **state)
{
    (void)state;
    struct parsed *p = parsed_good("d: 1.5s\ni: 0x10\ns: 1KiB\nb: true\nc: reset\ne:\n");
    assert_int_equal(field_duration(node_get(p->root, "d"), 7), 1500000000);
    assert_int_equal(field_int(node_get(p->root, "i"), 7), 16);
    assert_int_equal(field_size(node_get(p->root, "s"), 7), 1024);
    assert_true(field_bool(node_get(p->root, "b"), false));
    assert_int_equal(field_choice(node_get(p->root, "c"), "fin|reset|any"), 1);
    assert_int_equal(field_choice(node_get(p->root, "c"), "fin|resets|rese"), -1);
    assert_int_equal(field_choice(NULL, "fin"), -1);
    assert_int_equal(field_duration(NULL, 7), 7);
    assert_int_equal(field_duration(node_get(p->root, "e"), 7), 7);
    assert_int_equal(field_int(NULL, -7), -7);
    assert_int_equal(field_size(NULL, 7), 7);
    assert_true(field_bool(NULL, true));
    parsed_free(p);
}

static void scalar_is(const char *text, enum scalar_type type, int64_t whole, double number)
{
    int64_t i = 0;
    double f = 0;
    struct parsed *p = parsed_good(text);
    if (field_scalar(p->root, &i, &f) != type) fail_msg("%s", text);
    if (type == SCALAR_INT) assert_int_equal(i, whole);
    if (type == SCALAR_FLOAT) assert_true(f == number);
    assert_int_equal(field_scalar(p->root, NULL, NULL), type);
    parsed_free(p);
}

static void test_scalars_without_a_field(void **state)
{
    (void)state;
    scalar_is("true", SCALAR_TRUE, 0, 0);
    scalar_is("false", SCALAR_FALSE, 0, 0);
    scalar_is("null", SCALAR_NULL, 0, 0);
    scalar_is("0", SCALAR_INT, 0, 0);
    scalar_is("-3", SCALAR_INT, -3, 0);
    scalar_is("1000", SCALAR_INT, 1000, 0);
    scalar_is("9223372036854775807", SCALAR_INT, INT64_MAX, 0);
    scalar_is("-9223372036854775808", SCALAR_INT, INT64_MIN, 0);
    scalar_is("0.5", SCALAR_FLOAT, 0, 0.5);
    scalar_is("1.0", SCALAR_FLOAT, 0, 1);
    scalar_is("-2.25", SCALAR_FLOAT, 0, -2.25);
    scalar_is("-0.0", SCALAR_FLOAT, 0, -0.0);
    scalar_is("1e+20", SCALAR_FLOAT, 0, 1e20);
    static const char *const texts[] = {
        "010",
        "0x10",
        "1e3",
        "1.50",
        "+1",
        ".5",
        "1.",
        "-",
        "inf",
        "-inf",
        "nan",
        "-nan",
        "1 2",
        "1_0",
        "yes",
        "True",
        "NULL",
        "\"true\"",
        "'1000'",
        "9223372036854775808",
        "0.1000000000000000055511151231257827021181583404541015625",
        "-0",
        "1.0.0",
        "00",
        "\"\"",
        "~",
        "0x1p3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        scalar_is(texts[i], SCALAR_TEXT, 0, 0);
}

static void test_words_of_types(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (enum field_type t = FIELD_TEXT; t <= FIELD_NOTHING; t++) {
        struct field f = {.name = "x", .type = t, .choices = "a|b"};
        assert_non_null(field_type_words(&f, &a));
    }
    struct field f = {.name = "x", .type = FIELD_CHOICE, .choices = "fin|reset|any"};
    assert_string_equal(field_type_words(&f, &a), "one of fin, reset, any");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_values),
        cmocka_unit_test(test_values_known_only_later),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_required_keys),
        cmocka_unit_test(test_wrong_forms),
        cmocka_unit_test(test_numbers_say_what_is_wrong),
        cmocka_unit_test(test_wrong_shapes),
        cmocka_unit_test(test_nothing_where_something_is_due),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_not_a_map),
        cmocka_unit_test(test_dollars),
        cmocka_unit_test(test_typed_values),
        cmocka_unit_test(test_scalars_without_a_field),
        cmocka_unit_test(test_words_of_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
