#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "match/make.h"
#include "match/matcher.h"
#include "util/mem.h"

static struct arena arena;
static struct match_report report;
static struct regex *regexes[16];
static size_t nregexes;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena);
    nregexes = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_done(&arena);
    while (nregexes > 0)
        regex_free(regexes[--nregexes]);
    return 0;
}

static struct matcher *matches(const char *pattern)
{
    char why[100];
    size_t at;
    struct regex *r = regex_new(slice_of(pattern), why, sizeof why, &at);
    assert_non_null(r);
    assert_true(nregexes < sizeof regexes / sizeof regexes[0]);
    regexes[nregexes++] = r;
    return make_regex(&arena, r);
}

static struct matcher *text(enum matcher_kind kind, const char *bytes)
{
    return make_text(&arena, kind, bytes);
}

static struct matcher *eq(const char *bytes)
{
    return text(MATCHER_BYTES, bytes);
}

static struct matcher *integer(enum matcher_kind kind, int64_t i)
{
    return make_int(&arena, kind, i);
}

static struct matcher *kind(enum matcher_kind k)
{
    return make(&arena, k);
}

#define OF(k, n, ...) make_of(&arena, (k), (n), __VA_ARGS__)
#define MAP(n, ...) make_map(&arena, (n), __VA_ARGS__)
#define NOT(m) OF(MATCHER_NOT, 1, (m))
#define LENGTH(m) OF(MATCHER_LENGTH, 1, (m))
#define JSON(m) OF(MATCHER_JSON, 1, (m))

static struct view bytes(const char *s)
{
    return view_bytes(slice_of(s));
}

static struct view number(int64_t i)
{
    return (struct view){.type = VIEW_INT, .integer = i};
}

static struct view real(double x)
{
    return (struct view){.type = VIEW_FLOAT, .number = x};
}

static struct view boolean(bool b)
{
    return (struct view){.type = VIEW_BOOL, .boolean = b};
}

static const struct view null = {.type = VIEW_NULL}, absent = {.type = VIEW_ABSENT};

static void accepts(const struct matcher *m, struct view v)
{
    if (!matcher_check(m, &v, &arena, &report)) fail_msg("`%s`: %s", report.path, report.message);
    assert_string_equal(report.path, "");
    assert_string_equal(report.message, "");
    assert_null(report.got.p);
    assert_true(matcher_check(m, &v, &arena, NULL));
}

static void refuses(const struct matcher *m, struct view v, const char *message)
{
    assert_false(matcher_check(m, &v, &arena, &report));
    struct buf out = BUF_INIT(10000);
    matcher_explain(&report, &out);
    assert_string_equal(buf_str(&out), message);
    buf_done(&out);
    assert_int_equal(report.ncaptures, 0);
    assert_false(matcher_check(m, &v, &arena, NULL));
}

static void accepts_json(const struct matcher *m, const char *document)
{
    json_t *j = json_loads(document, JSON_DECODE_ANY, NULL);
    accepts(m, view_json(j));
    json_decref(j);
}

static void refuses_json(const struct matcher *m, const char *document, const char *message)
{
    json_t *j = json_loads(document, JSON_DECODE_ANY, NULL);
    assert_non_null(j);
    refuses(m, view_json(j), message);
    json_decref(j);
}

static void anything_and_nothing(void **state)
{
    (void)state;
    accepts(kind(MATCHER_ANY), absent);
    accepts(kind(MATCHER_ANY), bytes("x"));
    accepts(kind(MATCHER_PRESENT), null);
    refuses(kind(MATCHER_PRESENT), absent, "is absent, expected something");
    accepts(kind(MATCHER_ABSENT), absent);
    refuses(kind(MATCHER_ABSENT), null, "expected nothing, got null");
    refuses(kind(MATCHER_ABSENT), bytes("x"), "expected nothing, got \"x\"");
    accepts(kind(MATCHER_NULL), null);
    refuses(kind(MATCHER_NULL), number(0), "expected null, got 0");
    refuses(kind(MATCHER_NULL), absent, "is absent, expected null");
}

static void exact_bytes(void **state)
{
    (void)state;
    accepts(eq("220 ready\r\n"), bytes("220 ready\r\n"));
    accepts(eq(""), view_bytes((struct slice){NULL, 0}));
    accepts(make_bytes(&arena, MATCHER_BYTES, (struct slice){NULL, 0}), bytes(""));
    struct matcher *nul = make_bytes(&arena, MATCHER_BYTES, SLICE("a\0b\xff"));
    accepts(nul, view_bytes(SLICE("a\0b\xff")));
    refuses(nul, view_bytes(SLICE("a\0c\xff")), "expected \"a\\0b\\xff\", got \"a\\0c\\xff\"");
    assert_true(report.bytes);
    assert_int_equal(report.at, 2);
    refuses(eq("220"), bytes("2201"), "expected \"220\", got \"2201\"");
    assert_true(report.bytes);
    assert_int_equal(report.at, 3);
    assert_true(slice_is(report.expected, "220"));
    assert_true(slice_is(report.got, "2201"));
    refuses(eq("true"), boolean(true), "expected \"true\", got the boolean true");
    assert_false(report.bytes);
    refuses(eq("x"), absent, "is absent, expected \"x\"");
    refuses_json(eq("x"), "[1, {\"a\": \"b\"}]", "expected \"x\", got [1,{\"a\":\"b\"}]");
    accepts(eq("200"), number(200));
    accepts(eq("0.1"), real(0.1));
    refuses(eq("0200"), number(200), "expected \"0200\", got 200");
}

static void much(void **state)
{
    (void)state;
    size_t n = 10 * 1024 * 1024;
    char *a = mem_alloc(n), *b = mem_alloc(n);
    memset(a, 'a', n);
    memset(b, 'a', n);
    struct matcher *m = make_bytes(&arena, MATCHER_BYTES, (struct slice){a, n});
    accepts(m, view_bytes((struct slice){b, n}));
    b[n - 1] = '\n';
    refuses(m, view_bytes((struct slice){b, n}), "differs at byte 10485759: expected 61 \"a\", got 0a \"\\n\"");
    assert_int_equal(report.at, n - 1);
    refuses(m, view_bytes((struct slice){b, 100}), "differs at byte 100: expected 61 \"a\", got the end");
    b[0] = 'b';
    assert_false(matcher_check(m, &(struct view){.type = VIEW_BYTES, .bytes = {b, n}}, &arena, &report));
    assert_true(strlen(report.message) < 300);
    accepts(text(MATCHER_CONTAINS, "a\n"), view_bytes((struct slice){b, n}));
    accepts(text(MATCHER_ENDS_WITH, "a\n"), view_bytes((struct slice){b, n}));
    refuses(text(MATCHER_CONTAINS, "ba\n"), view_bytes((struct slice){b, n}), "does not contain \"ba\\n\"");
    mem_free(a);
    mem_free(b);
}

static void booleans(void **state)
{
    (void)state;
    accepts(integer(MATCHER_BOOL, 1), boolean(true));
    accepts(integer(MATCHER_BOOL, 0), boolean(false));
    refuses(integer(MATCHER_BOOL, 1), boolean(false), "expected true, got the boolean false");
    refuses(integer(MATCHER_BOOL, 1), number(1), "expected true, got 1");
    refuses(integer(MATCHER_BOOL, 0), null, "expected false, got null");
}

static void equal_numbers(void **state)
{
    (void)state;
    accepts(integer(MATCHER_INT, 200), number(200));
    accepts(integer(MATCHER_INT, 200), real(200));
    accepts(integer(MATCHER_INT, 200), bytes("200"));
    accepts(integer(MATCHER_INT, 200), bytes("200.0"));
    refuses(integer(MATCHER_INT, 200), number(404), "expected 200, got 404");
    refuses(integer(MATCHER_INT, 200), bytes("200 "), "expected 200, got \"200 \"");
    refuses(integer(MATCHER_INT, 0), bytes(""), "expected 0, got \"\"");
    refuses(integer(MATCHER_INT, 1), boolean(true), "expected 1, got the boolean true");
    refuses(integer(MATCHER_INT, 200), view_bytes(SLICE("200\0")), "expected 200, got \"200\\0\"");
    accepts(integer(MATCHER_INT, INT64_MIN), bytes("-9223372036854775808"));
    refuses(integer(MATCHER_INT, INT64_MAX), bytes("9223372036854775808"),
            "expected 9223372036854775807, got \"9223372036854775808\"");
    accepts(make_float(&arena, MATCHER_FLOAT, 0.1), bytes("0.1"));
    accepts(make_float(&arena, MATCHER_FLOAT, 2), number(2));
    refuses(make_float(&arena, MATCHER_FLOAT, 0.5), number(0), "expected 0.5, got 0");
    refuses(make_float(&arena, MATCHER_FLOAT, NAN), real(NAN), "expected nan, got nan");
}

static void exact_comparisons(void **state)
{
    (void)state;
    int64_t odd = (INT64_C(1) << 53) + 1;
    double even = 0x1p53;
    refuses(integer(MATCHER_INT, odd), real(even), "expected 9007199254740993, got 9007199254740992");
    refuses(make_float(&arena, MATCHER_FLOAT, even), number(odd), "expected 9007199254740992, got 9007199254740993");
    accepts(make_float(&arena, MATCHER_GT, even), number(odd));
    accepts(make_float(&arena, MATCHER_GT, even), bytes("9007199254740993"));
    accepts(integer(MATCHER_LT, odd), real(even));
    accepts(integer(MATCHER_GE, odd), number(odd));
    refuses(integer(MATCHER_GE, odd), number(odd - 1), "expected at least 9007199254740993, got 9007199254740992");
    accepts(make_float(&arena, MATCHER_LT, 0x1p63), number(INT64_MAX));
    refuses(make_float(&arena, MATCHER_LE, -0x1p63 * 2), number(INT64_MIN),
            "expected at most -1.8446744073709552e+19, got -9223372036854775808");
    accepts(make_float(&arena, MATCHER_GE, -0x1p63), number(INT64_MIN));
    accepts(make_float(&arena, MATCHER_LT, INFINITY), number(INT64_MAX));
    accepts(make_float(&arena, MATCHER_GT, -INFINITY), number(INT64_MIN));
    accepts(make_float(&arena, MATCHER_LT, -0.5), number(-1));
    accepts(make_float(&arena, MATCHER_GT, -0.5), number(0));
}

static void greater_and_less(void **state)
{
    (void)state;
    accepts(integer(MATCHER_LT, 3), number(2));
    refuses(integer(MATCHER_LT, 3), number(3), "expected less than 3, got 3");
    accepts(integer(MATCHER_LE, 3), number(3));
    refuses(integer(MATCHER_LE, 3), real(3.5), "expected at most 3, got 3.5");
    accepts(integer(MATCHER_GT, 3), bytes("3.01"));
    refuses(integer(MATCHER_GT, 3), bytes("3"), "expected more than 3, got \"3\"");
    accepts(integer(MATCHER_GE, 3), number(3));
    refuses(integer(MATCHER_GE, 3), bytes("three"), "expected at least 3, got \"three\"");
    const enum matcher_kind kinds[] = {MATCHER_LT, MATCHER_LE, MATCHER_GT, MATCHER_GE};
    for (size_t i = 0; i < 4; i++) {
        struct view nan = real(NAN);
        assert_false(matcher_check(make_float(&arena, kinds[i], 1), &nan, &arena, NULL));
        assert_false(matcher_check(make_float(&arena, kinds[i], NAN), &nan, &arena, NULL));
        struct view one = number(1);
        assert_false(matcher_check(make_float(&arena, kinds[i], NAN), &one, &arena, NULL));
    }
}

static void parts(void **state)
{
    (void)state;
    accepts(text(MATCHER_CONTAINS, "ok"), bytes("200 ok."));
    accepts(text(MATCHER_CONTAINS, ""), bytes(""));
    refuses(text(MATCHER_CONTAINS, "ok"), bytes("200 o"), "does not contain \"ok\"");
    assert_true(slice_is(report.got, "200 o"));
    assert_false(report.bytes);
    refuses(text(MATCHER_CONTAINS, "ok"), absent, "is absent, expected something that contains \"ok\"");
    accepts(text(MATCHER_CONTAINS, "0"), number(200));
    accepts_json(text(MATCHER_CONTAINS, "b"), "[\"ab\", \"b\"]");
    accepts_json(text(MATCHER_CONTAINS, "7"), "[null, 7]");
    refuses_json(text(MATCHER_CONTAINS, "b"), "[\"ab\", [\"b\"]]", "does not contain \"b\"");
    refuses_json(text(MATCHER_CONTAINS, "a"), "{\"a\": 1}", "expected something that contains \"a\", got {\"a\":1}");

    accepts(text(MATCHER_STARTS_WITH, "22"), bytes("220"));
    refuses(text(MATCHER_STARTS_WITH, "22"), bytes("250"), "does not start with \"22\"");
    assert_true(report.bytes);
    assert_int_equal(report.at, 1);
    assert_true(slice_is(report.expected, "22"));
    refuses(text(MATCHER_STARTS_WITH, "2200"), bytes("220"), "does not start with \"2200\"");
    accepts(text(MATCHER_ENDS_WITH, "\n"), bytes("x\n"));
    accepts(text(MATCHER_ENDS_WITH, ""), view_bytes((struct slice){NULL, 0}));
    refuses(text(MATCHER_ENDS_WITH, "xx"), bytes("x"), "does not end with \"xx\"");
    refuses(text(MATCHER_ENDS_WITH, "\n"), bytes("x"), "does not end with \"\\n\"");
}

static void regular_expressions(void **state)
{
    (void)state;
    accepts(matches("^220 "), bytes("220 x"));
    refuses(matches("^220 "), bytes("250 x"), "does not match /^220 /");
    refuses(matches("a\nb\x1b"), bytes(""), "does not match /a\\nb\\x1b/");
    refuses(matches("x"), null, "expected a match of /x/, got null");
    refuses(matches("x"), absent, "is absent, expected a match of /x/");
    accepts(matches("^4\\d\\d$"), number(404));
}

static void too_much_work_is_never_a_success(void **state)
{
    (void)state;
    struct matcher *m = matches("^(a+)+$");
    const char *aaa = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    refuses(m, bytes(aaa), "a match of /^(a+)+$/: given up, it takes too much work");
    refuses(NOT(m), bytes(aaa), "a match of /^(a+)+$/: given up, it takes too much work");
    refuses(NOT(OF(MATCHER_ANY_OF, 2, m, eq("x"))), bytes(aaa),
            "a match of /^(a+)+$/: given up, it takes too much work");
    refuses(NOT(OF(MATCHER_ALL_OF, 2, matches("a"), m)), bytes(aaa),
            "a match of /^(a+)+$/: given up, it takes too much work");
    accepts(OF(MATCHER_ANY_OF, 2, m, matches("a")), bytes(aaa));
}

static void negations(void **state)
{
    (void)state;
    accepts(NOT(eq("a")), bytes("b"));
    accepts(NOT(eq("a")), absent);
    refuses(NOT(eq("a")), bytes("a"), "expected not \"a\", got \"a\"");
    refuses(NOT(text(MATCHER_CONTAINS, "ok")), bytes("ok!"), "contains \"ok\"");
    refuses(NOT(matches("^4")), bytes("404"), "matches /^4/");
    refuses(NOT(text(MATCHER_STARTS_WITH, "4")), bytes("404"), "starts with \"4\"");
    refuses(NOT(text(MATCHER_ENDS_WITH, "4")), bytes("404"), "ends with \"4\"");
    refuses(NOT(integer(MATCHER_LT, 5)), number(3), "expected not less than 5, got 3");
    accepts(NOT(NOT(eq("a"))), bytes("a"));
    refuses(NOT(NOT(eq("a"))), bytes("b"), "expected not not \"a\", got \"b\"");
}

static void lengths(void **state)
{
    (void)state;
    accepts(LENGTH(integer(MATCHER_INT, 3)), view_bytes(SLICE("\0\0\0")));
    refuses(LENGTH(integer(MATCHER_INT, 6)), bytes("1234567"), "length is 7, expected 6");
    refuses(LENGTH(integer(MATCHER_LE, 6)), bytes("1234567"), "length is 7, expected at most 6");
    refuses(LENGTH(NOT(integer(MATCHER_INT, 7))), bytes("1234567"), "length is 7, expected not 7");
    accepts_json(LENGTH(integer(MATCHER_INT, 2)), "[1, 2]");
    refuses_json(LENGTH(integer(MATCHER_GT, 1)), "{\"a\": 1}", "length is 1, expected more than 1");
    refuses(LENGTH(integer(MATCHER_INT, 3)), number(123), "expected a length of 3, got 123");
    refuses(LENGTH(integer(MATCHER_INT, 0)), absent, "is absent, expected a length of 0");
}

/* FIPS 180-4, and the SHA-256 of no bytes. */
static void digests(void **state)
{
    (void)state;
    static const char abc[] = "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                              "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";
    struct matcher m = {.kind = MATCHER_SHA256, .bytes = {abc, MATCHER_DIGEST}};
    accepts(&m, bytes("abc"));
    accepts(NOT(&m), bytes("abd"));
    refuses(&m, bytes(""),
            "sha256 is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, expected "
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    refuses(&m, absent,
            "is absent, expected a sha256 of ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_false(matcher_streams(&m));
}

static void lengths_of_what_was_not_kept(void **state)
{
    (void)state;
    struct view streamed = view_bytes((struct slice){NULL, 1048576});
    struct matcher *m =
        OF(MATCHER_ALL_OF, 3, LENGTH(integer(MATCHER_INT, 1048576)), kind(MATCHER_ANY), kind(MATCHER_PRESENT));
    assert_true(matcher_streams(m));
    accepts(m, streamed);
    refuses(LENGTH(integer(MATCHER_LT, 5)), streamed, "length is 1048576, expected less than 5");
    assert_null(report.got.p);
    assert_int_equal(report.got.n, 0);
}

static void json(void **state)
{
    (void)state;
    struct matcher *m = JSON(MAP(1, "n", integer(MATCHER_GE, 3)));
    accepts(m, bytes("{\"n\": 3, \"other\": []}"));
    refuses(m, bytes("{\"n\": 2}"), "`n`: expected at least 3, got 2");
    refuses(m, bytes("{}"), "`n`: is absent, expected at least 3");
    refuses(m, bytes("{\"n\": 2"), "is no JSON: expected '}' at the end");
    refuses(m, bytes(""), "is no JSON: unexpected token at the end");
    refuses(m, number(3), "expected JSON: {n: at least 3}, got 3");
    refuses(JSON(eq("a")), bytes("\"b\""), "expected \"a\", got \"b\"");
    assert_true(slice_is(report.got, "b"));
    refuses(JSON(kind(MATCHER_ANY)), view_bytes(SLICE("\"\xff\"")), "is no JSON: unable to decode byte 0xff at byte 1");
    accepts(JSON(JSON(integer(MATCHER_INT, 1))), bytes("\"1\""));
}

static void deep_json(void **state)
{
    (void)state;
    size_t n = 1000 * 1000;
    char *deep = mem_alloc(n);
    memset(deep, '[', n);
    refuses(JSON(kind(MATCHER_ANY)), view_bytes((struct slice){deep, n}),
            "is no JSON: maximum parsing depth reached at byte 2048");
    memset(deep + 2000, ']', 2000);
    assert_false(
        matcher_check(JSON(eq("x")), &(struct view){.type = VIEW_BYTES, .bytes = {deep, 4000}}, &arena, &report));
    assert_true(strlen(report.message) < 300);
    mem_free(deep);
}

static void any_of(void **state)
{
    (void)state;
    struct matcher *m = OF(MATCHER_ANY_OF, 2, eq("a"), integer(MATCHER_LT, 5));
    accepts(m, bytes("a"));
    accepts(m, number(4));
    refuses(m, number(5), "expected \"a\" or less than 5, got 5");
    refuses(OF(MATCHER_ANY_OF, 2, MAP(1, "s", integer(MATCHER_INT, 1)), kind(MATCHER_NULL)), boolean(true),
            "expected {s: 1} or null, got the boolean true");
}

static void all_of(void **state)
{
    (void)state;
    struct matcher *m = OF(MATCHER_ALL_OF, 2, text(MATCHER_STARTS_WITH, "a"), text(MATCHER_ENDS_WITH, "z"));
    accepts(m, bytes("abcz"));
    m->of[1]->id = 7;
    refuses(m, bytes("abc"), "does not end with \"z\"");
    assert_int_equal(report.id, 7);
}

static void templates(void **state)
{
    (void)state;
    struct matcher *m = MAP(2, "status", integer(MATCHER_INT, 200), "headers",
                            MAP(2, "content-type", matches("json"), "x-none", kind(MATCHER_ABSENT)));
    accepts_json(m, "{\"status\": 200, \"headers\": {\"content-type\": \"text/json\"}, \"body\": \"\"}");
    refuses_json(m, "{\"status\": 404}", "`status`: expected 200, got 404");
    refuses_json(m, "{\"status\": 200, \"headers\": {\"content-type\": \"text/html\"}}",
                 "`headers.content-type`: does not match /json/");
    refuses_json(m, "{\"status\": 200, \"headers\": {}}",
                 "`headers.content-type`: is absent, expected a match of /json/");
    refuses_json(m, "{\"status\": 200, \"headers\": {\"content-type\": \"json\", \"x-none\": 1}}",
                 "`headers.x-none`: expected nothing, got 1");
    refuses_json(m, "{\"status\": 200, \"headers\": []}",
                 "`headers`: expected {content-type: a match of /json/, x-none: nothing}, got []");
    refuses_json(MAP(1, "a b", MAP(1, "c", eq("1"))), "{\"a b\": {\"c\": 2}}", "`[\"a b\"].c`: expected \"1\", got 2");
    accepts_json(make_map(&arena, 0), "{}");
}

static void list_templates(void **state)
{
    (void)state;
    struct matcher *m = OF(MATCHER_LIST, 2, integer(MATCHER_INT, 1), MAP(1, "name", eq("x")));
    accepts_json(m, "[1, {\"name\": \"x\"}]");
    refuses_json(m, "[1, {\"name\": \"y\"}]", "`[1].name`: expected \"x\", got \"y\"");
    refuses_json(m, "[2, {}]", "`[0]`: expected 1, got 2");
    refuses_json(m, "[1]", "has 1 element, expected 2");
    refuses_json(m, "[1,2,3]", "has 3 elements, expected 2");
    refuses(m, bytes("[]"), "expected [1, {name: \"x\"}], got \"[]\"");
    refuses_json(MAP(1, "list", m), "{\"list\": [0, 0]}", "`list[0]`: expected 1, got 0");
    accepts_json(make_of(&arena, MATCHER_LIST, 0), "[]");
}

static bool is_seven(void *ctx, const struct matcher *m, const struct view *v, struct arena *a, const char **ret_why)
{
    (void)m;
    (void)ctx;
    if (v->type == VIEW_INT) return v->integer == 7;
    *ret_why = arena_printf(a, "attempt to compare\n%s", "bytes");
    return false;
}

static void where(void **state)
{
    (void)state;
    struct matcher *m = text(MATCHER_WHERE, "it == 7 and\ntrue");
    m->where = is_seven;
    accepts(m, number(7));
    refuses(m, number(6), "`it == 7 and\\ntrue` does not hold");
    refuses(m, bytes("7"), "where it == 7 and\\ntrue: attempt to compare\\nbytes");
    accepts(NOT(m), number(6));
    refuses(NOT(m), bytes("7"), "where it == 7 and\\ntrue: attempt to compare\\nbytes");
}

static void captured(size_t i, const char *name, const char *value)
{
    assert_true(i < report.ncaptures);
    assert_string_equal(report.captures[i].name, name);
    assert_true(slice_is(report.captures[i].bytes, value));
}

static void captures(void **state)
{
    (void)state;
    struct view v = bytes("220 example.org");
    accepts(matches("^(?<code>\\d+) (?<host>\\S+)(?<more>!)?"), v);
    assert_int_equal(matcher_check(matches("(?<code>\\d+) (?<host>\\S+)(?<more>!)?"), &v, &arena, &report), true);
    assert_int_equal(report.ncaptures, 2);
    captured(0, "code", "220");
    captured(1, "host", "example.org");
    assert_ptr_equal(report.captures[1].bytes.p, v.bytes.p + 4);
}

static void captures_of_the_branch_that_succeeded(void **state)
{
    (void)state;
    struct matcher *half = OF(MATCHER_ALL_OF, 2, matches("(?<half>2)"), matches("never"));
    struct matcher *m = OF(MATCHER_ANY_OF, 3, half, matches("(?<first>\\d)"), matches("(?<second>\\d)"));
    struct view v = bytes("220");
    assert_true(matcher_check(m, &v, &arena, &report));
    assert_int_equal(report.ncaptures, 1);
    captured(0, "first", "2");

    m = OF(MATCHER_ALL_OF, 3, matches("(?<a>2)"), NOT(NOT(matches("(?<b>2)"))), m);
    assert_true(matcher_check(m, &v, &arena, &report));
    assert_int_equal(report.ncaptures, 2);
    captured(0, "a", "2");
    captured(1, "first", "2");
}

static void captures_outlive_the_document(void **state)
{
    (void)state;
    struct matcher *m = OF(MATCHER_ALL_OF, 2, matches("(?<outer>\\w+)"),
                           JSON(OF(MATCHER_LIST, 2, MAP(1, "a", matches("(?<text>b.)")), matches("(?<number>\\d)"))));
    struct view v = bytes("[{\"a\": \"abc\"}, 42]");
    assert_true(matcher_check(m, &v, &arena, &report));
    assert_int_equal(report.ncaptures, 3);
    captured(0, "outer", "a");
    captured(1, "text", "bc");
    captured(2, "number", "4");
}

static void captures_of_a_number(void **state)
{
    (void)state;
    struct matcher *m = OF(MATCHER_ALL_OF, 2, matches("(?<class>4)"), NOT(matches("5")));
    struct view v = number(404);
    assert_true(matcher_check(m, &v, &arena, &report));
    v = number(555);
    assert_false(matcher_check(matches("4"), &v, &arena, NULL));
    captured(0, "class", "4");
}

static void many_captures(void **state)
{
    (void)state;
    struct matcher *one = matches("(?<x>.)(?<y>.)");
    struct matcher *m = OF(MATCHER_ALL_OF, 5, one, one, one, one, one);
    struct view v = bytes("ab");
    assert_true(matcher_check(m, &v, &arena, &report));
    assert_int_equal(report.ncaptures, 10);
    for (size_t i = 0; i < 10; i++)
        captured(i, i % 2 ? "y" : "x", i % 2 ? "b" : "a");
}

static void messages_stay_short(void **state)
{
    (void)state;
    size_t n = 1000 * 1000;
    char *long_text = mem_alloc(n);
    memset(long_text, '\xff', n);
    struct slice s = {long_text, n};
    struct view v = bytes("x");
    const enum matcher_kind kinds[] = {MATCHER_BYTES, MATCHER_CONTAINS, MATCHER_STARTS_WITH, MATCHER_ENDS_WITH};
    for (size_t i = 0; i < 4; i++) {
        assert_false(matcher_check(make_bytes(&arena, kinds[i], s), &v, &arena, &report));
        assert_true(strlen(report.message) > 100 && strlen(report.message) < 400);
    }
    struct matcher *wide = make_of(&arena, MATCHER_ANY_OF, 0);
    wide->n = 10000;
    wide->of = arena_array(&arena, wide->n, sizeof *wide->of);
    for (size_t i = 0; i < wide->n; i++)
        wide->of[i] = eq("abcdefghij");
    assert_false(matcher_check(wide, &v, &arena, &report));
    assert_true(strlen(report.message) < 200);
    struct matcher *deep = eq("a");
    for (int i = 0; i < 60; i++)
        deep = MAP(1, "name", deep);
    assert_false(matcher_check(deep, &v, &arena, &report));
    assert_true(strlen(report.message) < 400);
    mem_free(long_text);
}

static void comparing_bytes_takes_no_memory(void **state)
{
    (void)state;
    struct matcher *m = eq("220 ready\r\n");
    struct view v = bytes("220 ready\r\n");
    struct arena untouched;
    arena_init(&untouched);
    assert_true(matcher_check(m, &v, &untouched, &report));
    assert_null(untouched.chunks);
    assert_true(matcher_check(matches("^220"), &v, &untouched, &report));
    assert_null(untouched.chunks);
    assert_false(matcher_check(m, &(struct view){.type = VIEW_NULL}, &untouched, NULL));
    assert_null(untouched.chunks);
    arena_done(&untouched);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(anything_and_nothing),
        TEST(exact_bytes),
        TEST(much),
        TEST(booleans),
        TEST(equal_numbers),
        TEST(exact_comparisons),
        TEST(greater_and_less),
        TEST(parts),
        TEST(regular_expressions),
        TEST(too_much_work_is_never_a_success),
        TEST(negations),
        TEST(lengths),
        TEST(digests),
        TEST(lengths_of_what_was_not_kept),
        TEST(json),
        TEST(deep_json),
        TEST(any_of),
        TEST(all_of),
        TEST(templates),
        TEST(list_templates),
        TEST(where),
        TEST(captures),
        TEST(captures_of_the_branch_that_succeeded),
        TEST(captures_outlive_the_document),
        TEST(captures_of_a_number),
        TEST(many_captures),
        TEST(messages_stay_short),
        TEST(comparing_bytes_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
