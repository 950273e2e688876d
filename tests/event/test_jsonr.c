#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "event/jsonr.h"

static int setup(void **state)
{
    static struct arena arena;
    arena_init(&arena);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_done(*state);
    return 0;
}

static const struct jsonr *read_text(void **state, const char *text)
{
    const char *wrong = NULL;
    const struct jsonr *v = jsonr_read(slice_of(text), *state, &wrong);
    if (!v) fail_msg("%s: %s", wrong, text);
    return v;
}

static void values_have_their_kinds(void **state)
{
    static const struct {
        const char *text;
        enum jsonr_kind kind;
    } values[] = {
        {"null", JSONR_NULL},   {" true ", JSONR_TRUE}, {"\tfalse\r\n", JSONR_FALSE}, {"0", JSONR_INTEGER},
        {"-0.5", JSONR_REAL},   {"1e9", JSONR_REAL},    {"2E-3", JSONR_REAL},         {"1.5e+7", JSONR_REAL},
        {"\"\"", JSONR_STRING}, {"[]", JSONR_ARRAY},    {"{ }", JSONR_OBJECT},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(read_text(state, values[i].text)->kind, values[i].kind);
}

static void integers_are_exact(void **state)
{
    assert_true(read_text(state, "9223372036854775807")->integer == INT64_MAX);
    assert_true(read_text(state, "-9223372036854775808")->integer == INT64_MIN);
    assert_true(read_text(state, "-1")->integer == -1);
}

static void strings_are_decoded(void **state)
{
    const struct jsonr *v = read_text(state, "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u20ac\\ud83d\\ude00\xc3\xa4z\"");
    static const char expected[] = "a\"\\/\b\f\n\r\tA\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa4z";
    assert_int_equal(v->text.n, sizeof expected - 1);
    assert_memory_equal(v->text.p, expected, sizeof expected - 1);
    v = read_text(state, "\"a\\u0000b\"");
    assert_int_equal(v->text.n, 3);
    assert_memory_equal(v->text.p, "a\0b", 3);
}

static void members_and_elements_are_found(void **state)
{
    const struct jsonr *v =
        read_text(state, "{\"a\": [1, {\"b\": 2}, []], \"key\": \"x\", \"\\u0061b\": 3, \"key\": \"y\"}");
    const struct jsonr *a = jsonr_get(v, "a");
    assert_int_equal(v->n, 4);
    assert_int_equal(a->n, 3);
    assert_true(a->inside->integer == 1);
    assert_true(jsonr_get(a->inside->next, "b")->integer == 2);
    assert_int_equal(a->inside->next->next->kind, JSONR_ARRAY);
    assert_null(a->inside->next->next->next);
    assert_true(jsonr_get(v, "ab")->integer == 3);
    assert_int_equal(jsonr_get(v, "key")->text.p[0], 'y');
    assert_null(jsonr_get(v, "ke"));
}

static void what_is_no_json_is_said(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "nul",
        "tru",
        "+1",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "[1,]",
        "[1",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "1 2",
        "{} {}",
        "\"\n\"",
        "\"\x01\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "9223372036854775808",
        "-9223372036854775809",
        "nan",
        "'a'",
        "[1}",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *wrong = NULL;
        if (jsonr_read(slice_of(texts[i]), *state, &wrong)) fail_msg("nothing wrong with %s", texts[i]);
        assert_non_null(strstr(wrong, " at byte "));
    }
}

static void depth_is_bounded(void **state)
{
    char text[2 * JSONR_DEPTH + 3] = {0};
    const char *wrong = NULL;
    memset(text, '[', JSONR_DEPTH);
    memset(text + JSONR_DEPTH, ']', JSONR_DEPTH);
    assert_non_null(jsonr_read(slice_of(text), *state, &wrong));
    memset(text, '[', JSONR_DEPTH + 1);
    memset(text + JSONR_DEPTH + 1, ']', JSONR_DEPTH + 1);
    assert_null(jsonr_read(slice_of(text), *state, &wrong));
    assert_string_equal(wrong, "too deep at byte 65");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_have_their_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(integers_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(strings_are_decoded, setup, teardown),
        cmocka_unit_test_setup_teardown(members_and_elements_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_json_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(depth_is_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
