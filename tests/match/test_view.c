#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "match/view.h"
#include "util/buf.h"
#include "util/mem.h"

static json_t *parse(const char *text)
{
    char why[200] = "";
    json_t *j = view_parse_json(slice_of(text), why, sizeof why);
    assert_string_equal(why, "");
    assert_non_null(j);
    return j;
}

static void json_types(void **state)
{
    (void)state;
    json_t *j = parse("[null, true, false, -9223372036854775808, 1.5, \"a\\u0000b\", [], {}]");
    struct view v = view_json(j);
    assert_int_equal(v.type, VIEW_LIST);
    assert_int_equal(v.n, 8);
    assert_int_equal(v.ops->at(&v, 0).type, VIEW_NULL);
    struct view yes = v.ops->at(&v, 1), no = v.ops->at(&v, 2);
    assert_int_equal(yes.type, VIEW_BOOL);
    assert_true(yes.boolean);
    assert_int_equal(no.type, VIEW_BOOL);
    assert_false(no.boolean);
    assert_true(v.ops->at(&v, 3).integer == INT64_MIN);
    assert_true(v.ops->at(&v, 4).number == 1.5);
    assert_true(slice_eq(v.ops->at(&v, 5).bytes, SLICE("a\0b")));
    assert_int_equal(v.ops->at(&v, 6).type, VIEW_LIST);
    assert_int_equal(v.ops->at(&v, 7).type, VIEW_MAP);
    assert_int_equal(v.ops->at(&v, 8).type, VIEW_ABSENT);
    json_decref(j);
}

static void json_maps(void **state)
{
    (void)state;
    json_t *j = parse("{\"z\": 1, \"\": 2, \"a.b\": 3}");
    struct view v = view_json(j);
    assert_int_equal(v.n, 3);
    assert_int_equal(v.ops->get(&v, SLICE("a.bc")).type, VIEW_ABSENT);
    assert_int_equal(v.ops->get(&v, slice_part(SLICE("a.bc"), 0, 3)).integer, 3);
    assert_int_equal(v.ops->get(&v, (struct slice){NULL, 0}).integer, 2);
    assert_int_equal(v.ops->get(&v, SLICE("z\0")).type, VIEW_ABSENT);
    const char *order[] = {"z", "", "a.b"};
    for (size_t i = 0; i < 3; i++) {
        struct slice key;
        assert_int_equal(v.ops->entry(&v, i, &key).integer, i + 1);
        assert_true(slice_is(key, order[i]));
    }
    json_decref(j);
}

static void bad_is(struct slice text, const char *phrase)
{
    char why[200] = "";
    assert_null(view_parse_json(text, why, sizeof why));
    assert_string_equal(why, phrase);
}

static void bad_json(void **state)
{
    (void)state;
    bad_is(SLICE(""), "unexpected token at the end");
    bad_is((struct slice){NULL, 0}, "unexpected token at the end");
    bad_is(SLICE("[1,"), "expected ']' at the end");
    bad_is(SLICE("{\"a\": \"b"), "premature end of input at the end");
    bad_is(SLICE("[1 2]"), "expected ']' at byte 3");
    bad_is(SLICE("{\"a\" 1}"), "expected ':' at byte 5");
    bad_is(SLICE("[1]x"), "expected end of file at byte 3");
    bad_is(SLICE("{\"a\":\n1,}"), "expected string or '}' at byte 8");
    bad_is(SLICE("[\"\xff\"]"), "unable to decode byte 0xff at byte 2");
    bad_is(SLICE("[\"\x01\"]"), "control character 0x1 at byte 2");
    bad_is(SLICE("[]\0"), "expected end of file at byte 2");
    bad_is(SLICE("18446744073709551615"), "too big integer at byte 19");
}

static void short_space_for_the_phrase(void **state)
{
    (void)state;
    char why[8];
    assert_null(view_parse_json(SLICE("[1 2]"), why, sizeof why));
    assert_string_equal(why, "expecte");
}

static void deep_json(void **state)
{
    (void)state;
    size_t n = 1000 * 1000;
    char *text = mem_alloc(n);
    memset(text, '[', n);
    bad_is((struct slice){text, n}, "maximum parsing depth reached at byte 2048");
    memset(text + 1000, ']', 1000);
    char why[100];
    json_t *j = view_parse_json((struct slice){text, 2000}, why, sizeof why);
    assert_non_null(j);
    struct view v = view_json(j);
    struct buf out = BUF_INIT(1024 * 1024);
    view_show(&v, SIZE_MAX, &out);
    assert_true(out.n < 200);
    buf_done(&out);
    json_decref(j);
    mem_free(text);
}

static void shows(struct view v, size_t most, const char *text)
{
    struct buf out = BUF_INIT(1000);
    view_show(&v, most, &out);
    assert_string_equal(buf_str(&out), text);
    buf_done(&out);
}

static void shows_json(const char *document, size_t most, const char *text)
{
    json_t *j = parse(document);
    shows(view_json(j), most, text);
    json_decref(j);
}

static void showing(void **state)
{
    (void)state;
    shows((struct view){.type = VIEW_ABSENT}, 60, "nothing");
    shows(view_bytes(SLICE("a\0\xff\n")), 60, "\"a\\0\\xff\\n\"");
    shows(view_bytes(SLICE("abcdef")), 3, "\"abc\"... (6 bytes)");
    shows((struct view){.type = VIEW_FLOAT, .number = 0.1}, 60, "0.1");
    shows((struct view){.type = VIEW_FLOAT, .number = 0.1 + 0.2}, 60, "0.30000000000000004");
    shows((struct view){.type = VIEW_FLOAT, .number = -INFINITY}, 60, "-inf");
    shows_json("{\"a\": [1, null, true, \"x\"], \"b\": {}}", 60, "{\"a\":[1,null,true,\"x\"],\"b\":{}}");
    shows_json("[1,2,3,4,5,6]", 4, "[1,2,...]");
    shows_json("[[[1,2],3],4]", 4, "[[[1,...],...],...]");
    shows_json("{\"abcdef\": 1, \"b\": 2}", 3, "{\"ab\"... (6 bytes):1,...}");
}

static void showing_into_a_full_buffer_ends(void **state)
{
    (void)state;
    json_t *j = json_array();
    for (int i = 0; i < 100000; i++)
        json_array_append_new(j, json_integer(i));
    struct view v = view_json(j);
    struct buf out = BUF_INIT(10);
    view_show(&v, SIZE_MAX, &out);
    assert_true(out.overflow);
    buf_done(&out);
    json_decref(j);
}

static void texts(void **state)
{
    (void)state;
    char space[VIEW_TEXT];
    struct view v = {.type = VIEW_INT, .integer = INT64_MIN};
    assert_true(slice_is(view_text(&v, space), "-9223372036854775808"));
    v = (struct view){.type = VIEW_FLOAT, .number = 200.0};
    assert_true(slice_is(view_text(&v, space), "200"));
    v = (struct view){.type = VIEW_FLOAT, .number = -2.2250738585072014e-308};
    assert_true(slice_is(view_text(&v, space), "-2.2250738585072014e-308"));
    v = view_bytes((struct slice){NULL, 0});
    assert_non_null(view_text(&v, space).p);
    v = (struct view){.type = VIEW_BOOL, .boolean = true};
    assert_null(view_text(&v, space).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_types),
        cmocka_unit_test(json_maps),
        cmocka_unit_test(bad_json),
        cmocka_unit_test(short_space_for_the_phrase),
        cmocka_unit_test(deep_json),
        cmocka_unit_test(showing),
        cmocka_unit_test(showing_into_a_full_buffer_ends),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
