#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/operands.h"
#include "engine/payload.h"

static struct payload *compiled(struct bench *b)
{
    struct payload *p = payload_compile(&b->c, b->node);
    if (!p) fail_msg("%s", parsed_said(b->parsed));
    assert_int_equal(b->parsed->diags.n, 0);
    return p;
}

static void gives_n(const char *yaml, const char *lua, const char *expected, size_t n)
{
    struct bench *b = bench_new(yaml);
    bench_run(b, lua);
    struct slice bytes;
    if (!payload_bytes(compiled(b), &b->e, &bytes)) fail_msg("%s: %s", yaml, b->e.why);
    slice_same(bytes, expected, n);
    bench_free(b);
}

static void gives(const char *yaml, const char *lua, const char *expected)
{
    gives_n(yaml, lua, expected, strlen(expected));
}

static void is_wrong(const char *yaml, const char *said)
{
    struct bench *b = bench_new(yaml);
    assert_null(payload_compile(&b->c, b->node));
    bench_said(b, said);
    bench_free(b);
}

static void fails(const char *yaml, const char *lua, const char *why)
{
    struct bench *b = bench_new(yaml);
    struct slice bytes;
    bench_run(b, lua);
    assert_false(payload_bytes(compiled(b), &b->e, &bytes));
    assert_string_equal(b->e.why, why);
    bench_free(b);
}

static void test_scalars(void **state)
{
    (void)state;
    gives("\"a\\r\\n\"", "", "a\r\n");
    gives("200", "", "200");
    gives("010", "", "010");
    gives("no", "", "no");
    gives("\"\"", "", "");
    gives("a $${b} c", "", "a ${b} c");
    gives("x=${n}, y=${m}", "n = 7; m = 'z'", "x=7, y=z");
    gives("${n / 2}", "n = 8", "4.0");
    gives("${n}", "n = true", "true");
}

static void test_lines(void **state)
{
    (void)state;
    gives("{line: a}", "", "a\r\n");
    gives("{line: \"\"}", "", "\r\n");
    gives("{line: a, eol: lf}", "", "a\n");
    gives("{eol: crlf, lines: [a, 'b ${n}', \"\"]}", "n = 1", "a\r\nb 1\r\n\r\n");
    gives("{lines: [\"USER ${user}\", \"X-Id: 7\", \"\"]}", "user = 'alice'", "USER alice\r\nX-Id: 7\r\n\r\n");
    struct bench *b = bench_new("{lines: [a, b]}");
    b->actors[0].lf = true;
    slice_same(payload_constant(compiled(b)), "a\nb\n", 4);
    bench_free(b);
}

static void test_bytes(void **state)
{
    (void)state;
    gives("{hex: \"de ad be ef\"}", "", "\xde\xad\xbe\xef");
    gives("{hex: '${x}'}", "x = '6162'", "ab");
    gives_n("{base64: AAE=}", "", "\0\1", 2);
    gives_n("{pack: [\">I2 s1\", 7, abc]}", "", "\0\7\3abc", 6);
    gives_n("{pack: [\">I2 I2 B\", 0x10, '${n}', 255]}", "n = 6", "\0\20\0\6\xff", 5);
    gives("{json: {a: 1, b: [true, null, 'x\"', 010, 1.5], c: {}}}", "",
          "{\"a\":1,\"b\":[true,null,\"x\\\"\",\"010\",1.5],\"c\":{}}");
    gives("{json: {z: '${t}', a: 'n ${n}'}}", "t = {1, 'x'}; n = 2", "{\"z\":[1,\"x\"],\"a\":\"n 2\"}");
    gives("{json: [1, '1']}", "", "[1,\"1\"]");
    gives_n("[{hex: \"00 01\"}, \"tail\", {repeat: {of: \"ab\", times: 3}}, {base64: \"AAE=\"}]", "",
            "\0\1tailababab\0\1", 14);
    gives("[a, [b, '${c}'], d]", "c = 'C'", "abCd");
}

static void test_whole(void **state)
{
    (void)state;
    gives("${m}", "m = {hex = '6162'}", "ab");
    gives("[x, '${m}', y]", "m = {line = 'a'}", "xa\r\ny");
    gives("${m}", "m = {'a', {lines = {'b', 'c'}, eol = 'lf'}, 5}", "ab\nc\n5");
    gives("${m}", "m = 'no ${x} here, nor $${x}'", "no ${x} here, nor $${x}");
    gives("${m}", "m = {line = '${x} $${y}'}", "${x} $${y}\r\n");
    fails("${m}", "m = {hxe = '6162'}", "unknown payload `hxe`: did you mean `hex`?");
    fails("a${m}", "m = {hex = '6162'}", "`m` is a table where text is wanted");
    fails("${m}", "", "`m` is nil");
    fails("${m}", "m = {hex = 'xx'}", "not a hexadecimal digit");
}

static void test_generated(void **state)
{
    (void)state;
    gives("{repeat: {of: ab, times: 0}}", "", "");
    gives("{repeat: {of: {hex: 41}, times: '${n}'}}", "n = 3", "AAA");
    gives("{repeat: {of: {repeat: {of: '${x}', times: 2}}, times: 2}}", "x = 'xy'", "xyxyxyxy");
    fails("{repeat: {of: ab, times: '${n}'}}", "n = -1", "-1 times is out of bounds");
    struct bench *b = bench_new("{repeat: {of: ab, times: 10000000}}");
    const struct segment *list;
    uint32_t n;
    struct payload *p = compiled(b);
    assert_null(payload_constant(p).p);
    assert_true(payload_segments(p, &b->e, &list, &n));
    assert_int_equal(n, 1);
    assert_int_equal(list->kind, SEGMENT_REPEAT);
    assert_int_equal(list->size, 20000000);
    assert_null(b->arena.chunks);
    bench_free(b);
    b = bench_new("[a, {random: {bytes: 2MiB, seed: 3}}, b, c]");
    p = compiled(b);
    assert_true(payload_segments(p, &b->e, &list, &n));
    assert_int_equal(n, 3);
    assert_int_equal(list[1].kind, SEGMENT_RANDOM);
    assert_int_equal(list[1].seed, 3);
    slice_same(list[2].bytes, "bc", 2);
    bench_free(b);
    b = bench_new("{random: {bytes: 100GiB}}");
    struct slice bytes;
    assert_false(payload_bytes(compiled(b), &b->e, &bytes));
    assert_string_equal(b->e.why, "a payload of more than 64 MiB cannot be kept whole");
    bench_free(b);
}

static void test_same_random(void **state)
{
    (void)state;
    struct bench *a = bench_new("{random: {bytes: 100000, seed: 42}}");
    struct bench *b = bench_new("[{random: {bytes: '${n}', seed: 42}}]");
    struct slice one, other;
    bench_run(b, "n = 100000");
    one = payload_constant(compiled(a));
    assert_int_equal(one.n, 100000);
    assert_true(payload_bytes(compiled(b), &b->e, &other));
    assert_true(slice_eq(one, other));
    bench_free(a);
    bench_free(b);
}

/* A constant costs nothing, and bytes that follow each other are one segment. */
static void test_cost(void **state)
{
    (void)state;
    struct bench *b = bench_new("[x, {line: y}, {json: {a: 1}}]");
    const struct segment *list, *again;
    uint32_t n;
    struct payload *p = compiled(b);
    assert_true(payload_segments(p, &b->e, &list, &n) && n == 1);
    assert_true(payload_segments(p, &b->e, &again, &n) && again == list);
    assert_null(b->arena.chunks);
    slice_same(list->bytes, "xy\r\n{\"a\":1}", 11);
    bench_free(b);
    b = bench_new("[x, '${a}', {line: '${b}'}]");
    bench_run(b, "a = 'A'; b = 'B'");
    assert_true(payload_segments(compiled(b), &b->e, &list, &n));
    assert_int_equal(n, 1);
    slice_same(list->bytes, "xAB\r\n", 5);
    bench_free(b);
}

static void make_folder(char *path, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, size, "%s/sockrun-operands-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void test_file(void **state)
{
    (void)state;
    char folder[100], path[200];
    make_folder(folder, sizeof folder);
    put(folder, "in", "bytes\n");
    put(folder, "big", "");
    snprintf(path, sizeof path, "%s/big", folder);
    assert_int_equal(truncate(path, PAYLOAD_MOST + 1), 0);
    struct bench *b = bench_new("['<', {file: in}, {file: '${f}'}, '>']");
    struct slice bytes;
    b->scope.folder = folder;
    bench_run(b, "f = 'in'");
    struct payload *p = compiled(b);
    if (!payload_bytes(p, &b->e, &bytes)) fail_msg("%s", b->e.why);
    slice_same(bytes, "<bytes\nbytes\n>", 14);
    static const struct {
        const char *name, *why;
        bool denied;
    } bad[] = {
        {"f = '/etc/passwd'", "not permitted: read /etc/passwd; allow it with --allow-read=/etc", true},
        {"f = 'none'", "none: No such file or directory", false},
        {"f = 'big'", "big: has more than 64 MiB", false},
        {"f = '.'", ".: is no regular file", false},
        {"f = 'in\\0x'", "this is no path of a file", false},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bench_run(b, bad[i].name);
        b->e.denied = false;
        assert_false(payload_bytes(p, &b->e, &bytes));
        assert_string_equal(b->e.why, bad[i].why);
        assert_int_equal(b->e.denied, bad[i].denied);
    }
    bench_free(b);
    unlink(path);
    snprintf(path, sizeof path, "%s/in", folder);
    unlink(path);
    rmdir(folder);
}

/* A pipe that nobody writes to must not hold up the process. */
static void test_fifo(void **state)
{
    (void)state;
    char folder[100], path[200];
    make_folder(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct bench *b = bench_new("{file: fifo}");
    struct slice bytes;
    b->scope.folder = folder;
    assert_false(payload_bytes(compiled(b), &b->e, &bytes));
    assert_string_equal(b->e.why, "fifo: is no regular file");
    bench_free(b);
    unlink(path);
    rmdir(folder);
}

static void test_wrong(void **state)
{
    (void)state;
    is_wrong("{hex: 'de xd'}", "1:11+1 not a hexadecimal digit");
    is_wrong("{base64: 'AA!='}", "1:13+1 not a base64 character");
    is_wrong("{hexx: 00}", "1:2+4 unknown payload `hexx` | did you mean `hex`?");
    is_wrong("{hex: 00, file: x}",
             "1:11+4 `hex` and `file` are two payloads | one after the other in a list: [{hex: ..}, {file: ..}]");
    is_wrong("{hex: 00, eol: lf}", "1:11+3 `eol` goes with `line` and `lines` only");
    is_wrong("{line: x, eol: cr}", "1:16+2 `eol` is crlf or lf");
    is_wrong("{line: x, chunk: 1}",
             "1:11+5 unknown key `chunk` beside `line` | it stands beside the verb: {send: {..}, chunk: ..}");
    is_wrong("{lines: x}", "1:9+1 `lines` takes a list, not a text | `line` takes one");
    is_wrong("{}", "1:1+2 an empty map is no payload");
    is_wrong("{http.request: {}}", "1:2+12 there is no message module `http` | modules stand in scripts/, or beside "
                                   "the scenario and in its `use:`");
    is_wrong("{pack: x}", "1:8+1 `pack` takes a list: a format and the values | such as [\">I2 s1\", 7, abc]");
    is_wrong("{pack: [k, 1]}", "1:9+1 pack: invalid format option 'k'");
    is_wrong("{pack: [I2, abc]}", "1:13+3 pack: number expected, got string");
    is_wrong("{pack: [I1, 700]}", "1:13+3 pack: unsigned overflow");
    is_wrong("{repeat: {of: x}}", "1:10+7 `repeat` needs `times`");
    is_wrong("{repeat: {of: x, times: -1}}", "1:25+2 `times` is not negative");
    is_wrong(
        "{random: {bytes: x}}",
        "1:18+1 `bytes` takes a size such as 64KiB | a size is a whole number of bytes, or one with KiB, MiB or GiB");
    is_wrong("{json: {a: '${x'}}", "1:13+2 `${` has no closing `}`");
    is_wrong("{repeat: {of: abcdefgh, times: 9000000000000000000}}", "1:10+42 more bytes than can be counted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars), cmocka_unit_test(test_lines),     cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_generated), cmocka_unit_test(test_same_random),
        cmocka_unit_test(test_cost),    cmocka_unit_test(test_file),      cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
