#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/framing.h"
#include "engine/operands.h"

/* The framing and its `as` of {expect: .., as: ..}. */
static struct framing_plan *compiled(struct bench *b)
{
    return framing_compile(&b->c, node_get(b->node, "expect"), node_get(b->node, "as"));
}

static struct framing_plan *good(struct bench *b)
{
    struct framing_plan *p = compiled(b);
    if (!p || b->parsed->diags.n) fail_msg("%s", parsed_said(b->parsed));
    return p;
}

static const struct expectation *evaluated(struct bench *b, const struct framing_plan *p)
{
    const struct expectation *x;
    if (!framing_eval(p, &b->e, &x)) fail_msg("%s", b->e.why);
    return x;
}

static void is_wrong(const char *yaml, const char *said)
{
    struct bench *b = bench_new(yaml);
    assert_null(compiled(b));
    bench_said(b, said);
    bench_free(b);
}

static void fails(const char *yaml, const char *lua, const char *why)
{
    struct bench *b = bench_new(yaml);
    const struct expectation *x;
    bench_run(b, lua);
    assert_false(framing_eval(good(b), &b->e, &x));
    assert_string_equal(b->e.why, why);
    bench_free(b);
}

/* The op as it is when a frame with this value is there, judged. `behind`: bytes of the frame after its value. */
static struct expect_op judged(struct bench *b, const struct expectation *x, struct slice value, size_t behind)
{
    struct expect_op o = {.x = x, .arena = &b->arena, .value = value, .whole = true};
    const struct view v = view_bytes(value);
    o.op.end = value.n + behind;
    if (x->matcher && !matcher_check(x->matcher, &v, &b->arena, &o.report)) o.op.failure = OP_MISMATCH;
    return o;
}

/* What a frame does: whether it matches, and then whether `holds` is true of what it captured. */
static bool takes_n(const char *yaml, const char *lua, struct slice frame, size_t behind, const char *holds)
{
    struct bench *b = bench_new(yaml);
    bench_run(b, lua);
    struct framing_plan *p = good(b);
    struct expect_op o = judged(b, evaluated(b, p), slice_part(frame, 0, frame.n - behind), behind);
    const bool yes = o.op.failure == OP_FINE;
    if (yes && !framing_capture(p, &b->e, &o)) fail_msg("%s", b->e.why);
    if (yes && holds && !bench_holds(b, holds)) fail_msg("%s", holds);
    bench_free(b);
    return yes;
}

static bool takes(const char *yaml, const char *lua, const char *frame, const char *holds)
{
    return takes_n(yaml, lua, slice_of(frame), 0, holds);
}

static void shows(const char *yaml, const char *lua, size_t most, const char *expected)
{
    struct bench *b = bench_new(yaml);
    struct buf out = BUF_INIT(1000);
    bench_run(b, lua);
    struct framing_plan *p = good(b);
    framing_show(p, evaluated(b, p), most, &out);
    assert_string_equal(buf_str(&out), expected);
    buf_done(&out);
    bench_free(b);
}

static void test_exact(void **state)
{
    (void)state;
    struct bench *b = bench_new("{expect: \"220 ready\\r\\n\"}");
    struct framing_plan *p = good(b);
    const struct expectation *x = evaluated(b, p);
    assert_int_equal(x->framing, FRAMING_EXACT);
    slice_same(x->bytes, "220 ready\r\n", 11);
    assert_false(x->keep);
    assert_ptr_equal(x, evaluated(b, p));
    assert_null(b->arena.chunks);
    bench_free(b);
    b = bench_new("{expect: [{hex: '00'}, {lines: ['${a}']}]}");
    bench_run(b, "a = 'A'");
    slice_same(evaluated(b, good(b))->bytes, "\0A\r\n", 4);
    bench_free(b);
    b = bench_new("{expect: '${a}'}");
    bench_run(b, "a = 'A'");
    slice_same(evaluated(b, good(b))->bytes, "A", 1);
    bench_free(b);
    b = bench_new("{expect: {json: {a: 1}}}");
    slice_same(evaluated(b, good(b))->bytes, "{\"a\":1}", 7);
    bench_free(b);
}

static void test_lines(void **state)
{
    (void)state;
    assert_true(takes("{expect: {line: 220 ready}}", "", "220 ready", NULL));
    assert_false(takes("{expect: {line: 220 ready}}", "", "220 read", NULL));
    assert_true(takes("{expect: {line: }}", "", "anything", NULL));
    assert_false(takes("{expect: {line: ''}}", "", "anything", NULL));
    assert_true(takes("{expect: {line: +OK}, as: l}", "", "+OK", "l == '+OK'"));
    assert_true(takes("{expect: {line: {matches: '^220[ -](?<host>\\S+)'}}}", "", "220 a.b c", "host == 'a.b'"));
    assert_true(takes("{expect: {line: {starts_with: a}, is: {length: 2}}, as: x}", "", "ab", "x == 'ab'"));
    assert_false(takes("{expect: {line: {starts_with: a}, is: {length: 2}}, as: x}", "", "abc", NULL));
    assert_true(takes("{expect: {line: 'USER ${u}'}}", "u = 'alice'", "USER alice", NULL));
    assert_true(takes("{expect: {line: '${m}'}}", "m = {matches = '^(?<a>.)'}", "xyz", "a == 'x'"));
}

static void test_until(void **state)
{
    (void)state;
    struct bench *b = bench_new("{expect: {until: \"\\r\\n\\r\\n\", is: {contains: 'X-Id: 7'}}, as: head}");
    const struct expectation *x = evaluated(b, good(b));
    assert_int_equal(x->framing, FRAMING_UNTIL);
    slice_same(x->bytes, "\r\n\r\n", 4);
    assert_true(x->keep);
    bench_free(b);
    b = bench_new("{expect: {until: {hex: '00 ff'}}}");
    slice_same(evaluated(b, good(b))->bytes, "\0\xff", 2);
    bench_free(b);
    assert_true(takes_n("{expect: {until: {matches: '(?<user>\\w+)[$#] '}}, as: text}", "", SLICE("motd\nroot# "), 6,
                        "user == 'root' and text == 'motd\\n'"));
    assert_true(takes_n("{expect: {until: {matches: '(?<n>${d})'}}}", "d = '[0-9]+'", SLICE("ab12"), 2, "n == '12'"));
    fails("{expect: {until: '${d}'}}", "d = ''", "an empty delimiter");
    fails("{expect: {until: {matches: '${d}'}}}", "d = '('", "pattern: missing closing parenthesis");
    is_wrong("{expect: {until: ''}}", "1:18+2 an empty delimiter");
    is_wrong("{expect: {until: {contains: x}}}", "1:18+13 `until` takes a delimiter, or {matches: ..} | what stands "
                                                 "before it is a matter of `is`: {until: .., is: {contains: ..}}");
}

static void test_counted(void **state)
{
    (void)state;
    struct bench *b = bench_new("{expect: {bytes: 64KiB}}");
    const struct expectation *x = evaluated(b, good(b));
    assert_int_equal(x->framing, FRAMING_BYTES);
    assert_int_equal(x->count, 65536);
    assert_false(x->keep);
    bench_free(b);
    b = bench_new("{expect: {bytes: '${n * 2}', is: {hex: 'de ad'}}}");
    bench_run(b, "n = 1.0");
    assert_int_equal(evaluated(b, good(b))->count, 2);
    bench_free(b);
    b = bench_new("{expect: {prefixed: u32le, is: abc}}");
    assert_int_equal(evaluated(b, good(b))->prefix, PREFIX_U32LE);
    bench_free(b);
    b = bench_new("{expect: {rest: {length: 100000}}}");
    x = evaluated(b, good(b));
    assert_int_equal(x->framing, FRAMING_REST);
    assert_true(matcher_streams(x->matcher) && !x->keep);
    bench_free(b);
    b = bench_new("{expect: {urgent: '!'}}");
    slice_same(evaluated(b, good(b))->bytes, "!", 1);
    bench_free(b);
    fails("{expect: {bytes: '${n}'}}", "n = -1", "\"-1\": a size is not negative");
    fails("{expect: {urgent: '${n}'}}", "n = '!!'", "urgent data is one byte, not 2");
}

static void test_unpack(void **state)
{
    (void)state;
    static const char yaml[] =
        "{expect: {unpack: '>I2 I2 B', where: 'id == 7 and len == 6 and unit == u'}, as: [id, len, unit]}";
    struct bench *b = bench_new(yaml);
    const struct expectation *x = evaluated(b, good(b));
    assert_int_equal(x->framing, FRAMING_BYTES);
    assert_int_equal(x->count, 5);
    bench_free(b);
    assert_true(takes_n(yaml, "u = 255; id = 1", SLICE("\0\7\0\6\xff"), 0,
                        "id == 7 and len == 6 and unit == 255 and it == nil"));
    assert_false(takes_n(yaml, "u = 254", SLICE("\0\7\0\6\xff"), 0, NULL));
    assert_true(takes("{expect: {unpack: 's1 B', where: 'it[1] == \"ab\"'}}", "", "\2abx", NULL));
    assert_true(takes("{expect: {unpack: 's1 B', is: {ends_with: x}}, as: [s]}", "", "\2abx", "s == 'ab'"));
    assert_false(takes("{expect: {unpack: 's1 B', is: {ends_with: y}, where: 'true'}}", "", "\2abx", NULL));
    assert_true(takes("{expect: {unpack: 'c${n}'}, as: s}", "n = 3", "abc", "s == 'abc'"));
}

/* What judging makes in Lua goes again. */
static void test_unpack_often(void **state)
{
    (void)state;
    struct bench *b = bench_new("{expect: {unpack: B, where: 'v == 1', is: {where: '#it == 1'}}, as: v}");
    struct framing_plan *p = good(b);
    lua_State *L = b->lua.state->L;
    size_t before = 0;
    for (int i = 0; i < 600; i++) {
        struct expect_op o = judged(b, evaluated(b, p), SLICE("\1"), 0);
        assert_int_equal(o.op.failure, OP_FINE);
        assert_true(framing_capture(p, &b->e, &o));
        arena_done(&b->arena);
        lua_gc(L, LUA_GCCOLLECT);
        if (i == 100) before = b->lua.state->used;
    }
    assert_true(b->lua.state->used < before + 1000);
    bench_free(b);
}

/* Of a format whose size the data says. */
static void test_unpack_frames(void **state)
{
    (void)state;
    struct bench *b = bench_new("{expect: {unpack: '>s2 z'}}");
    const struct expectation *x = evaluated(b, good(b));
    struct custom_frame f = {0};
    const struct reader at = {0};
    assert_int_equal(x->framing, FRAMING_CUSTOM);
    static const char bytes[] = "\0\2abcd\0more";
    for (size_t n = 0; n < 7; n++)
        assert_int_equal(x->frame(x->ctx, &at, (struct slice){bytes, n}, n == 6, &b->arena, &f), READER_WAIT);
    for (size_t n = 7; n < 11; n++) {
        assert_int_equal(x->frame(x->ctx, &at, (struct slice){bytes, n}, false, &b->arena, &f), READER_THERE);
        assert_int_equal(f.len, 7);
    }
    bench_free(b);
    b = bench_new("{expect: {unpack: 'i16 z'}}");
    x = evaluated(b, good(b));
    assert_int_equal(x->frame(x->ctx, &at, SLICE("0123456789abcdefgh\0"), false, &b->arena, &f), READER_END);
    assert_string_equal(f.why, "16-byte integer does not fit into Lua Integer");
    bench_free(b);
}

static void test_whole(void **state)
{
    (void)state;
    assert_true(
        takes("{expect: '${m}', as: v}", "m = {line = {matches = '^(?<a>.)'}}", "xyz", "v == 'xyz' and a == 'x'"));
    assert_true(takes("{expect: '${m}', as: [p, q]}", "m = {unpack = 'B B'}", "\1\2", "p == 1 and q == 2"));
    fails("{expect: '${m}'}", "m = {lin = 'x'}", "unknown expectation `lin`: did you mean `line`?");
    fails("{expect: '${m}'}", "", "`m` is nil");
}

static void test_opening(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *said;
    } bad[] = {
        {"{expect: {rest: x}}", "1:11+4 `rest` cannot open a branch: it has no bound | put what begins it first, such "
                                "as a line or {bytes: ..}"},
        {"{expect: {bytes: 65537}}", "1:18+5 what opens a branch is kept until it is chosen: at most 64KiB"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct bench *b = bench_new(bad[i].yaml);
        b->c.opening = true;
        assert_null(compiled(b));
        bench_said(b, bad[i].said);
        bench_free(b);
    }
    struct bench *b = bench_new("{expect: {bytes: '${n}'}}");
    const struct expectation *x;
    b->c.opening = true;
    bench_run(b, "n = 65536");
    struct framing_plan *p = good(b);
    assert_true(evaluated(b, p)->keep);
    bench_run(b, "n = 65537");
    assert_false(framing_eval(p, &b->e, &x));
    bench_free(b);
}

static void test_marks(void **state)
{
    (void)state;
    struct bench *b = bench_new("{expect: {until: x, is: {starts_with: a, length: 3}}}");
    struct framing_plan *p = good(b);
    struct expect_op o = judged(b, evaluated(b, p), SLICE("ab"), 1);
    assert_int_equal(o.op.failure, OP_MISMATCH);
    assert_int_equal(source_place(framing_mark(p, &o)).col, 50);
    bench_free(b);
    b = bench_new("{expect: {unpack: B, where: 'v == 1'}, as: v}");
    p = good(b);
    o = judged(b, evaluated(b, p), SLICE("\2"), 0);
    assert_int_equal(o.op.failure, OP_MISMATCH);
    assert_string_equal(o.report.message, "`v == 1` does not hold: v = 2");
    assert_int_equal(source_place(framing_mark(p, &o)).col, 29);
    bench_free(b);
}

static void test_shows(void **state)
{
    (void)state;
    shows("{expect: \"hello\\r\\n\"}", "", 100, "\"hello\\r\\n\"");
    shows("{expect: {line: }}", "", 100, "a line");
    shows("{expect: {line: ok}}", "", 100, "a line: \"ok\"");
    shows("{expect: {bytes: 4}}", "", 100, "4 bytes");
    shows("{expect: {bytes: '${n}'}}", "n = 1", 100, "1 byte");
    shows("{expect: {rest: }}", "", 100, "the rest");
    shows("{expect: {datagram: {starts_with: a}}}", "", 100, "a datagram: something that starts with \"a\"");
    shows("{expect: {prefixed: u16be}}", "", 100, "a frame behind its u16be count");
    shows("{expect: {unpack: s2}}", "", 100, "an unpack of \"s2\"");
    shows("{expect: {until: {matches: 'a+'}}}", "", 100, "a match of /a+/");
    shows("{expect: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", "", 12, "\"aaaaaaaa...");
}

static void test_wrong(void **state)
{
    (void)state;
    is_wrong("{expect: {matches: x}}", "1:11+7 `matches` says what the bytes are, not how many | write {line: "
                                       "{matches: ..}} or {until: .., is: {matches: ..}}");
    is_wrong("{expect: {lin: x}}", "1:11+3 unknown expectation `lin` | did you mean `line`?");
    is_wrong("{expect: {line: x, bytes: 4}}", "1:20+5 `line` and `bytes` are two framings");
    is_wrong("{expect: {line: x, iz: 4}}", "1:20+2 unknown key `iz` beside `line` | did you mean `is`?");
    is_wrong("{expect: {line: x, as: y}}",
             "1:20+2 unknown key `as` beside `line` | it stands beside the verb: {expect: {..}, as: ..}");
    is_wrong(
        "{expect: {bytes: 3, matches: y}}",
        "1:21+7 unknown key `matches` beside `bytes` | a matcher stands below `is`: {bytes: .., is: {matches: ..}}");
    is_wrong("{expect: {prefixed: u16}}", "1:21+3 `prefixed` takes one of u8, u16be, u16le, u32be, u32le, varint");
    is_wrong("{expect: {http.request: {}}}", "1:11+12 there is no message module `http` | modules stand in scripts/, "
                                             "or beside the scenario and in its `use:`");
    is_wrong("{expect: {h2: {}}}", "1:11+2 unknown expectation `h2`");
    is_wrong("{expect: {unpack: '>I2 k'}}", "1:19+7 unpack: invalid format option 'k'");
    is_wrong("{expect: {unpack: '>I2 s1'}, as: [a, b, c]}", "1:19+8 `as` has 3 names, and this format 2 values");
    is_wrong("{expect: {line: x}, as: [a, b]}", "1:25+6 several names are for `unpack`: this gives one value");
    is_wrong("{expect: {line: x}, as: end}", "1:25+3 a name is letters, digits and `_`, and no word of Lua");
    is_wrong("{expect: {urgent: ab}}", "1:19+2 urgent data is one byte (tcp(7))");
    is_wrong("{expect: {}}", "1:10+2 an empty map expects nothing");
    is_wrong("{expect: {rest: {contain: x}}}", "1:18+7 unknown matcher `contain` | did you mean `contains`?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),         cmocka_unit_test(test_lines),  cmocka_unit_test(test_until),
        cmocka_unit_test(test_counted),       cmocka_unit_test(test_unpack), cmocka_unit_test(test_unpack_often),
        cmocka_unit_test(test_unpack_frames), cmocka_unit_test(test_whole),  cmocka_unit_test(test_opening),
        cmocka_unit_test(test_marks),         cmocka_unit_test(test_shows),  cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
