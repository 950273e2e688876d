#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/text.h"

static struct buf out;

static int fresh(void **state)
{
    (void)state;
    buf_done(&out);
    buf_init(&out, 1 << 16);
    return 0;
}

static int done(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static void assert_out(struct slice want)
{
    assert_int_equal(out.n, want.n);
    assert_memory_equal(buf_str(&out), want.p, want.n);
    buf_clear(&out);
}

static void hex_to_bytes(void **state)
{
    (void)state;
    size_t at;
    assert_null(text_unhex(SLICE(" 0xDE ad\n\tbeef "), &out, &at));
    assert_out(SLICE("\xde\xad\xbe\xef"));
    assert_null(text_unhex(SLICE(""), &out, &at));
    assert_null(text_unhex((struct slice){0}, &out, &at));
    assert_null(text_unhex(SLICE("0x"), &out, &at));
    assert_out(SLICE(""));
    assert_null(text_unhex(SLICE("00"), &out, &at));
    assert_out(SLICE("\0"));
}

static void assert_no_hex(struct slice hex, size_t where)
{
    size_t at = 99;
    buf_adds(&out, "before");
    assert_non_null(text_unhex(hex, &out, &at));
    assert_int_equal(at, where);
    assert_out(SLICE("before"));
}

static void junk_is_no_hex(void **state)
{
    (void)state;
    assert_no_hex(SLICE("de a"), 3);
    assert_no_hex(SLICE("d e"), 0);
    assert_no_hex(SLICE("de zz"), 3);
    assert_no_hex(SLICE("dz"), 1);
    assert_no_hex(SLICE("de 0x01"), 4);
    assert_no_hex(SLICE("de\0ad"), 2);
    assert_no_hex(SLICE("de:ad"), 2);
    assert_no_hex(SLICE("\xff\xff"), 0);
}

static void hex_over_the_cap(void **state)
{
    (void)state;
    size_t at;
    struct buf small = BUF_INIT(2);
    assert_non_null(text_unhex(SLICE("010203"), &small, &at));
    assert_int_equal(at, 4);
    assert_int_equal(small.n, 0);
    buf_done(&small);
}

static void bytes_to_hex(void **state)
{
    (void)state;
    text_hex(SLICE("\x00\xff\x1a"), "", &out);
    assert_out(SLICE("00ff1a"));
    text_hex(SLICE("\x00\xff\x1a"), " ", &out);
    assert_out(SLICE("00 ff 1a"));
    text_hex((struct slice){0}, " ", &out);
    assert_out(SLICE(""));
}

/* RFC 4648 10 */
static void base64_vectors(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    size_t at;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        text_base64(slice_of(rows[i][0]), &out);
        assert_out(slice_of(rows[i][1]));
        assert_null(text_unbase64(slice_of(rows[i][1]), &out, &at));
        assert_out(slice_of(rows[i][0]));
    }
    assert_null(text_unbase64(SLICE(" Zm 9v\r\nYg =\t= "), &out, &at));
    assert_out(SLICE("foob"));
}

static void base64_of_every_byte(void **state)
{
    (void)state;
    char all[256];
    size_t at;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (size_t n = 0; n <= 256; n++) {
        struct buf text = BUF_INIT(1000);
        text_base64((struct slice){all, n}, &text);
        assert_int_equal(text.n, (n + 2) / 3 * 4);
        assert_null(text_unbase64(buf_slice(&text), &out, &at));
        assert_out((struct slice){all, n});
        buf_done(&text);
    }
}

static void assert_no_base64(struct slice text, size_t where)
{
    size_t at = 99;
    buf_adds(&out, "before");
    assert_non_null(text_unbase64(text, &out, &at));
    assert_int_equal(at, where);
    assert_out(SLICE("before"));
}

static void junk_is_no_base64(void **state)
{
    (void)state;
    assert_no_base64(SLICE("Zg"), 2);
    assert_no_base64(SLICE("Zg="), 3);
    assert_no_base64(SLICE("Z"), 1);
    assert_no_base64(SLICE("Z==="), 1);
    assert_no_base64(SLICE("===="), 0);
    assert_no_base64(SLICE("Zg==Zg=="), 4);
    assert_no_base64(SLICE("Zg=a"), 3);
    assert_no_base64(SLICE("Zg==="), 4);
    assert_no_base64(SLICE("Zm9v-_=="), 4);
    assert_no_base64(SLICE("Zm9\0"), 3);
    assert_no_base64(SLICE("Zh=="), 3);
    assert_no_base64(SLICE("Zm9="), 3);
    assert_no_base64(SLICE("\xff"), 0);
}

static void assert_quote(struct slice bytes, size_t most, const char *want)
{
    text_quote(bytes, most, &out);
    assert_string_equal(buf_str(&out), want);
    buf_clear(&out);
}

static void quoting(void **state)
{
    (void)state;
    assert_quote(SLICE("hello\r\n"), 100, "\"hello\\r\\n\"");
    assert_quote(SLICE("a\"b\\c\td\0e"), 100, "\"a\\\"b\\\\c\\td\\0e\"");
    assert_quote(SLICE("\0001"), 100, "\"\\x001\"");
    assert_quote(SLICE("\x1b[31m\x7f\xff"), 100, "\"\\x1b[31m\\x7f\\xff\"");
    assert_quote(SLICE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac"), 100, "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac\"");
    assert_quote(SLICE("\xc2\x9b\xe2\x80\xae"), 100, "\"\\xc2\\x9b\\xe2\\x80\\xae\"");
    assert_quote((struct slice){0}, 0, "\"\"");
}

static void quoting_a_part(void **state)
{
    (void)state;
    assert_quote(SLICE("hello"), 5, "\"hello\"");
    assert_quote(SLICE("hello"), 4, "\"hell\"... (5 bytes)");
    assert_quote(SLICE("hello"), 0, "\"\"... (5 bytes)");
    assert_quote(SLICE("abc\xe2\x82\xac"), 5, "\"abc\"... (6 bytes)");
}

static void safe_for_terminals(void **state)
{
    (void)state;
    text_safe(SLICE("a\tb\nc\r\x1b]0;x\x07\x00"), &out);
    assert_out(SLICE("a\tb\nc\\x0d\\x1b]0;x\\x07\\x00"));
    text_safe(SLICE("\xc2\x9b"
                    "31m \x7f \xe2\x80\xae \xe2\x81\xa6 \xff\xc3"),
              &out);
    assert_out(SLICE("\\xc2\\x9b31m \\x7f \\xe2\\x80\\xae \\xe2\\x81\\xa6 \\xff\\xc3"));
    text_safe(SLICE("\xe6\x97\xa5\xf0\x9f\x98\x80"), &out);
    assert_out(SLICE("\xe6\x97\xa5\xf0\x9f\x98\x80"));
}

static void utf8_and_what_is_none(void **state)
{
    (void)state;
    uint32_t c = 0;
    assert_int_equal(text_utf8(SLICE("\xf4\x8f\xbf\xbf"), &c), 4);
    assert_int_equal(c, 0x10ffff);
    assert_int_equal(text_utf8(SLICE("\0"), &c), 1);
    assert_int_equal(c, 0);
    static const char *const wrong[] = {"\x80",
                                        "\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc3",
                                        "\xc3(",
                                        "\xe0\x80\x80",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xed\xbf\xbf",
                                        "\xe2\x82",
                                        "\xf0\x80\x80\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xf8\x88\x80\x80\x80",
                                        "\xfe",
                                        "\xff"};
    c = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(text_utf8(slice_of(wrong[i]), &c), 0);
    assert_int_equal(text_utf8((struct slice){0}, &c), 0);
    assert_int_equal(c, 7);
    assert_int_equal(text_width(SLICE("a\xc3\xbc\xff\xe2\x82")), 5);
}

static void every_character_there_and_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 251) {
        if (c >= 0xd800 && c < 0xe000) continue;
        uint32_t back = 0;
        text_put_utf8(c, &out);
        assert_int_equal(text_utf8(buf_slice(&out), &back), out.n);
        assert_int_equal(back, c);
        buf_clear(&out);
    }
    text_put_utf8(0xd800, &out);
    text_put_utf8(0x110000, &out);
    text_put_utf8(UINT32_MAX, &out);
    assert_out(SLICE("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hex_to_bytes),          TEST(junk_is_no_hex),
        TEST(hex_over_the_cap),      TEST(bytes_to_hex),
        TEST(base64_vectors),        TEST(base64_of_every_byte),
        TEST(junk_is_no_base64),     TEST(quoting),
        TEST(quoting_a_part),        TEST(safe_for_terminals),
        TEST(utf8_and_what_is_none), TEST(every_character_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
