#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/matching.h"
#include "engine/operands.h"

static struct matching *compiled(struct bench *b, bool template)
{
    struct matching *m = matching_compile(&b->c, b->node, template);
    if (!m || b->parsed->diags.n) fail_msg("%s", parsed_said(b->parsed));
    return m;
}

static const struct matcher *evaluated(struct bench *b, const struct matching *m)
{
    const struct matcher *x;
    if (!matching_eval(m, &b->e, &x)) fail_msg("%s", b->e.why);
    return x;
}

static bool matched_n(const char *yaml, bool template, const char *lua, struct slice value)
{
    struct bench *b = bench_new(yaml);
    struct match_report report;
    bench_run(b, lua);
    const struct view v = view_bytes(value);
    const bool yes = matcher_check(evaluated(b, compiled(b, template)), &v, &b->arena, &report);
    assert_true(bench_holds(b, "it == nil"));
    bench_free(b);
    return yes;
}

static bool matched(const char *yaml, const char *lua, const char *value)
{
    return matched_n(yaml, false, lua, slice_of(value));
}

/* Of a JSON document, below `json:`. */
static bool agrees(const char *yaml, const char *lua, const char *json)
{
    char text[400];
    snprintf(text, sizeof text, "{json: %s}", yaml);
    return matched(text, lua, json);
}

static void is_wrong(const char *yaml, const char *said)
{
    struct bench *b = bench_new(yaml);
    assert_null(matching_compile(&b->c, b->node, false));
    bench_said(b, said);
    bench_free(b);
}

static void fails(const char *yaml, const char *lua, const char *why)
{
    struct bench *b = bench_new(yaml);
    const struct matcher *x;
    bench_run(b, lua);
    assert_false(matching_eval(compiled(b, false), &b->e, &x));
    assert_string_equal(b->e.why, why);
    bench_free(b);
}

static void test_bytes(void **state)
{
    (void)state;
    assert_true(matched("200", "", "200"));
    assert_false(matched("200", "", "200.0"));
    assert_true(matched("no", "", "no"));
    assert_true(matched("'${n}0'", "n = 20", "200"));
    assert_true(matched("{eq: x}", "", "x"));
    assert_true(matched("{hex: '61 62'}", "", "ab"));
    assert_true(matched("{base64: YWI=}", "", "ab"));
    assert_true(matched("{pack: ['>s1', ab]}", "", "\2ab"));
    assert_true(matched("[a, {line: b}]", "", "ab\r\n"));
    assert_true(matched("{eol: lf, line: b}", "", "b\n"));
    assert_true(matched("{repeat: {of: a, times: 3}}", "", "aaa"));
    assert_true(matched("{contains: {hex: '62'}}", "", "abc"));
    assert_true(matched("{starts_with: '${x}', ends_with: c}", "x = 'a'", "abc"));
    assert_false(matched("{starts_with: '${x}', ends_with: c}", "x = 'b'", "abc"));
    assert_true(matched("{any_of: [a, {contains: b}]}", "", "xbx"));
    assert_false(matched("{all_of: [{starts_with: a}, {not: {contains: b}}]}", "", "ab"));
    assert_true(matched("{not: abc}", "", "ab"));
    assert_true(matched("{present: true}", "", ""));
    assert_false(matched("{absent: true}", "", ""));
    assert_false(matched("{present: false}", "", ""));
}

static void test_numbers(void **state)
{
    (void)state;
    assert_true(matched("{lt: 10}", "", "9"));
    assert_false(matched("{lt: 10}", "", "10"));
    assert_true(matched("{ge: 10, le: '${n}'}", "n = 12", "12"));
    assert_true(matched("{gt: 1.5}", "", "1.6"));
    assert_true(matched("{lt: 50ms}", "", "49999999"));
    assert_false(matched("{lt: 50ms}", "", "50000000"));
    assert_true(matched("{length: 3}", "", "abc"));
    assert_true(matched("{length: '${n + 1}'}", "n = 2", "abc"));
    assert_true(matched("{length: {ge: 2, lt: 1KiB}}", "", "abc"));
    assert_false(matched("{length: {not: 3}}", "", "abc"));
    assert_true(matched("{length: '${m}'}", "m = {gt = 2}", "abc"));
    fails("{lt: '${x}'}", "x = 'ten'", "\"ten\": not a number, a size or a duration");
    fails("{length: '${x}'}", "x = 'ten'", "\"ten\": not a number, a size or a duration");
}

static void test_patterns(void **state)
{
    (void)state;
    struct bench *b = bench_new("{matches: '^220 (?<host>\\S+)( (?<rest>.*))?$'}");
    struct match_report report;
    const struct view v = view_bytes(SLICE("220 mail.test"));
    struct matching *m = compiled(b, false);
    assert_true(bench_defines(b, "host") && bench_defines(b, "rest"));
    assert_true(matcher_check(evaluated(b, m), &v, &b->arena, &report));
    assert_int_equal(report.ncaptures, 1);
    assert_string_equal(report.captures[0].name, "host");
    slice_same(report.captures[0].bytes, "mail.test", 9);
    assert_ptr_equal(evaluated(b, m), evaluated(b, m));
    bench_free(b);
    b = bench_new("{matches: '^${word} (?<n>\\d+)(?P<m>x)'}");
    bench_run(b, "word = 'GET'");
    const struct view w = view_bytes(SLICE("GET 17x"));
    assert_true(matcher_check(evaluated(b, compiled(b, false)), &w, &b->arena, &report));
    assert_true(bench_defines(b, "n") && bench_defines(b, "m") && !bench_defines(b, "word"));
    assert_int_equal(report.ncaptures, 2);
    bench_free(b);
    is_wrong("{matches: 'a(b'}", "1:15+1 pattern: missing closing parenthesis");
    is_wrong("{matches: '(?<end>x)'}", "1:15+3 the group `end` cannot be a variable: it is a word of Lua");
    fails("{matches: '${x}('}", "x = 'a'", "\"a(\": missing closing parenthesis");
}

static void test_templates(void **state)
{
    (void)state;
    assert_true(agrees("{n: 3, s: '3', b: true, z: null, f: 1.5}", "",
                       "{\"n\":3,\"s\":\"3\",\"b\":true,\"z\":null,\"f\":1.5}"));
    assert_false(agrees("{b: 'true'}", "", "{\"b\":true}"));
    assert_true(agrees("{user: alice, tags: [a, b]}", "", "{\"extra\":1,\"user\":\"alice\",\"tags\":[\"a\",\"b\"]}"));
    assert_false(agrees("{tags: [a, b]}", "", "{\"tags\":[\"a\",\"b\",\"c\"]}"));
    assert_true(agrees("{n: {ge: 3}, gone: {absent: true}}", "", "{\"n\":3}"));
    assert_true(agrees("{length: 2}", "", "[1,2]"));
    assert_false(agrees("{$fields: {length: 2}}", "", "[1,2]"));
    assert_true(agrees("{$fields: {length: 2}}", "", "{\"length\":2}"));
    assert_true(agrees("{line: 5, repeat: x}", "", "{\"line\":5,\"repeat\":\"x\"}"));
    assert_true(agrees("{n: '${n}', s: '${s}', l: '${l}'}", "n = 3; s = 'x'; l = {1, {gt = 5}}",
                       "{\"n\":3,\"s\":\"x\",\"l\":[1,6]}"));
    assert_false(agrees("{b: '${b}'}", "b = true", "{\"b\":\"true\"}"));
    assert_true(agrees("{}", "", "{\"a\":1}"));
    assert_true(agrees("{a: {eq: [1]}}", "", "{\"a\":[1]}"));
    assert_true(agrees("{a: {json: {b: 1}}}", "", "{\"a\":\"{\\\"b\\\":1}\"}"));
    assert_false(matched("{json: {a: 1}}", "", "no json"));
    is_wrong("{json: {length: 3, id: 7}}", "1:9+6 `length` is a matcher and `id` is a field: a map is one or the other "
                                           "| if `length` is a field too, write {$fields: {..}}");
    is_wrong("{json: {$fields: {a: 1}, b: 2}}", "1:9+7 `$fields` stands alone and takes a map of fields");
}

static void test_whole(void **state)
{
    (void)state;
    assert_true(matched("${m}", "m = {matches = '^a.c$'}", "abc"));
    assert_true(matched("${m}", "m = {starts_with = 'a', length = 3}", "abc"));
    assert_true(matched("${m}", "m = {line = 'abc'}", "abc\r\n"));
    assert_true(matched("{not: '${m}'}", "m = {contains = '${x}'}", "abc"));
    assert_true(matched("${n}", "n = 7", "7"));
    fails("${m}", "m = {matches = 'a('}", "pattern: missing closing parenthesis");
    fails("${m}", "", "`m` is nil");
    fails("${m}", "m = {contain = 'a'}", "unknown matcher `contain`: did you mean `contains`?");
    fails("${m}", "m = function() end", "a function is no value that can be compared or written");
}

static void test_where(void **state)
{
    (void)state;
    assert_true(matched("{where: '#it == 3 and it > \"abb\"'}", "", "abc"));
    assert_false(matched("{where: '#it == n'}", "n = 4", "abc"));
    assert_true(agrees("{a: {where: 'it[2] == n'}}", "n = 5", "{\"a\":[1,5]}"));
    struct bench *b = bench_new("{where: 'it.x.y'}");
    struct match_report report;
    const struct view v = view_bytes(SLICE("abc"));
    assert_false(matcher_check(evaluated(b, compiled(b, false)), &v, &b->arena, &report));
    assert_non_null(strstr(report.message, "attempt to index a nil value (field 'x')"));
    bench_free(b);
    is_wrong("{where: '${it}'}", "1:9+7 `where` takes a Lua expression | write it without `${}`");
    is_wrong("{where: 'it =='}", "1:15+1 Lua: this ends too early");
}

/* Every matcher has a place of its own, and what a `${}` carries has that of the `${}`. */
static void test_marks(void **state)
{
    (void)state;
    struct bench *b = bench_new("{starts_with: a, any_of: [{length: 5}, x], not: {contains: '${c}'}}");
    struct match_report report;
    static const struct {
        const char *value;
        uint32_t col;
    } expected[] = {{"b", 15}, {"ab", 26}, {"aabcb", 49}};
    bench_run(b, "c = 'c'");
    struct matching *m = compiled(b, false);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct view v = view_bytes(slice_of(expected[i].value));
        assert_false(matcher_check(evaluated(b, m), &v, &b->arena, &report));
        const struct place p = source_place(matching_mark(m, report.id));
        if (p.col != expected[i].col) fail_msg("%s: column %u, %s", expected[i].value, p.col, report.message);
    }
    bench_free(b);
    b = bench_new("{json: {a: '${j}'}}");
    bench_run(b, "j = {x = {gt = 5}}");
    m = compiled(b, false);
    const struct view v = view_bytes(SLICE("{\"a\":{\"x\":1}}"));
    assert_false(matcher_check(evaluated(b, m), &v, &b->arena, &report));
    assert_string_equal(report.path, "a.x");
    assert_int_equal(source_place(matching_mark(m, report.id)).col, 12);
    bench_free(b);
}

static void test_wrong(void **state)
{
    (void)state;
    is_wrong("{contain: x}", "1:2+7 unknown matcher `contain` | did you mean `contains`?");
    is_wrong("{}", "1:1+2 an empty map is no matcher");
    is_wrong("{sha256: x}", "1:10+1 a SHA-256 is 64 hexadecimal digits");
    is_wrong("{sha256: [x]}", "1:10+3 `sha256` takes hexadecimal digits, not a list");
    is_wrong("{sha265: x}", "1:2+6 unknown matcher `sha265` | did you mean `sha256`?");
    is_wrong("{lt: x}", "1:6+1 `lt` takes a number, or a size or duration with its unit");
    is_wrong("{length: [1]}", "1:10+3 `length` takes a number or a matcher, not a list");
    is_wrong("{any_of: x}", "1:10+1 `any_of` takes a list of matchers");
    is_wrong("{hex: 0g}", "1:8+1 not a hexadecimal digit");
    is_wrong("{lines: [a], length: 3}", "1:14+6 unknown key `length` beside `lines`");
    is_wrong("{present: maybe}", "1:11+5 `present` and `absent` take true or false");
    is_wrong("{http.response: {status: 200}}", "1:2+13 there is no message module `http` | modules stand in scripts/, "
                                               "or beside the scenario and in its `use:`");
}

/* A pattern that is made at each step must go with the step's memory. */
static void test_many_patterns(void **state)
{
    (void)state;
    struct bench *b = bench_new("{matches: '^a{1,${n}}$'}");
    struct matching *m = compiled(b, false);
    const struct view v = view_bytes(SLICE("aa"));
    for (int i = 1; i < 200; i++) {
        char text[40];
        snprintf(text, sizeof text, "n = %d", i);
        bench_run(b, text);
        assert_int_equal(matcher_check(evaluated(b, m), &v, &b->arena, NULL), i > 1);
        arena_done(&b->arena);
    }
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),     cmocka_unit_test(test_numbers), cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_templates), cmocka_unit_test(test_whole),   cmocka_unit_test(test_where),
        cmocka_unit_test(test_marks),     cmocka_unit_test(test_wrong),   cmocka_unit_test(test_many_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
