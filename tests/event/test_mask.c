#include "event/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

static struct mask *mask_of(const char *secret)
{
    const struct slice one = slice_of(secret);
    return mask_new(&one, 1);
}

/* What becomes of a text; the mask is of these secrets. */
static void masks(const struct mask *m, const char *text, const char *wanted)
{
    struct buf out = BUF_INIT(64 << 10);
    const bool any = mask_text(m, slice_of(text), &out);
    assert_string_equal(any ? buf_str(&out) : text, wanted);
    assert_int_equal(any, strcmp(text, wanted) != 0);
    buf_done(&out);
}

static void test_texts(void **state)
{
    (void)state;
    struct mask *m = mask_of("hunter22");
    masks(m, "", "");
    masks(m, "nothing", "nothing");
    masks(m, "hunter22", "***");
    masks(m, "PASS hunter22 and hunter22.", "PASS *** and ***.");
    masks(m, "huhunter22hunter2", "hu***hunter2");
    masks(m, "hunter22hunter22", "***");
    masks(m, "HUNTER22", "HUNTER22");
    mask_free(m);
}

static void test_several(void **state)
{
    (void)state;
    const struct slice secrets[] = {SLICE("abcd"), SLICE("xabcdx"), SLICE("bcde"), SLICE("abcd")};
    struct mask *m = mask_new(secrets, 4);
    masks(m, "_abcd_", "_***_");
    masks(m, "_xabcdx_", "_***_");
    masks(m, "_abcde_", "_***_");
    masks(m, "_xabcdy_", "_x***y_");
    masks(m, "_bcdx_", "_bcdx_");
    mask_free(m);
    m = mask_new(NULL, 0);
    masks(m, "abcd", "abcd");
    mask_free(m);
}

/* As it stands in a URL, in a dump of digits, in quotes, in JSON within quotes. */
static void test_forms(void **state)
{
    (void)state;
    struct mask *m = mask_of("p\"ss w\xc3\xb6rd/+");
    masks(m, "?p%22ss%20w%C3%B6rd%2F%2B&", "?***&");
    masks(m, "?p%22ss+w%c3%b6rd%2f%2b&", "?***&");
    masks(m, "x702273732077c3b672642f2by", "x***y");
    masks(m, "x702273732077C3B672642F2By", "x***y");
    masks(m, "\"p\\\"ss w\xc3\xb6rd/+\"", "\"***\"");
    masks(m, "\"{\\\"p\\\\\\\"ss w\xc3\xb6rd/+\\\"}\"", "\"{\\\"***\\\"}\"");
    mask_free(m);
    m = mask_of("a\r\nb\001");
    masks(m, "\"a\\r\\nb\\x01\"", "\"***\"");
    mask_free(m);
}

/* However many bytes stand before it and behind it, and with either alphabet. */
static void test_base64(void **state)
{
    enum { SECRET = 13 };
    (void)state;
    struct mask *m = mask_of("\xfb\xef\xbe?hunter22>");
    for (size_t before = 0; before < 7; before++) {
        for (size_t behind = 0; behind < 4; behind++) {
            struct buf bytes = BUF_INIT(256), text = BUF_INIT(256), out = BUF_INIT(256);
            for (size_t i = 0; i < before; i++)
                buf_addc(&bytes, 'u');
            buf_adds(&bytes, "\xfb\xef\xbe?hunter22>");
            for (size_t i = 0; i < behind; i++)
                buf_addc(&bytes, 'v');
            text_base64(buf_slice(&bytes), &text);
            assert_true(mask_text(m, buf_slice(&text), &out));
            /* But for a character on either side, of which some bits are another byte's. */
            const size_t from = (before * 8 + 5) / 6, until = (before + SECRET) * 8 / 6;
            assert_int_equal(out.n, from + 3 + text.n - until);
            assert_memory_equal(out.p, text.p, from);
            assert_memory_equal(out.p + from, "***", 3);
            buf_done(&bytes);
            buf_done(&text);
            buf_done(&out);
        }
    }
    masks(m, "dfvvvj9odW50ZXIyMj4=", "df***4=");
    masks(m, "----", "----");
    mask_free(m);
}

/* What a report has cut shows no part of it. */
static void test_cut_texts(void **state)
{
    (void)state;
    struct mask *m = mask_of("hunter22");
    masks(m, "\"PASS hunte\"... (99 bytes)", "\"PASS ***\"... (99 bytes)");
    masks(m, "\"PASS hunte\" ...", "\"PASS ***\" ...");
    masks(m, "PASS hunte... (99 bytes)", "PASS ***... (99 bytes)");
    masks(m, "a hunte in the forest", "a hunte in the forest");
    masks(m, "3 bytes had come: \"nter22\\r\\n\"", "3 bytes had come: \"***\\r\\n\"");
    masks(m, "a \"22\" there", "a \"22\" there");
    mask_free(m);
}

static void test_whole(void **state)
{
    char to[32] = "";
    (void)state;
    struct mask *m = mask_of("hunter22");
    mask_whole(m, SLICE("- send: hunter22h"), to);
    assert_string_equal(to, "- send: ********h");
    mask_free(m);
}

static void test_window(void **state)
{
    char to[32] = "";
    (void)state;
    struct mask *m = mask_of("hunter22");
    mask_window(m, SLICE("ter22 hunter22 hunt"), to);
    assert_string_equal(to, "***** ******** ****");
    memset(to, 0, sizeof to);
    mask_window(m, SLICE("terror"), to);
    assert_string_equal(to, "terror");
    memset(to, 0, sizeof to);
    mask_window(m, SLICE("22"), to);
    assert_string_equal(to, "22");
    mask_window(m, (struct slice){NULL, 0}, to);
    mask_free(m);
}

/* Cut anywhere into three pieces, nothing of it shows, and nothing else changes but what may be its beginning. */
static void test_pieces(void **state)
{
    static const char text[] = "USER hu PASS hunter22 hunhunter22!";
    static const char wanted[] = "USER hu PASS ******** hun********!";
    const size_t n = sizeof text - 1;
    (void)state;
    struct mask *m = mask_of("hunter22");
    for (size_t a = 0; a <= n; a++) {
        for (size_t b = a; b <= n; b++) {
            char to[sizeof text] = "";
            uint32_t at = 0;
            mask_bytes(m, (struct slice){text, a}, &at, to, n);
            mask_bytes(m, (struct slice){text + a, b - a}, &at, to + a, n);
            mask_bytes(m, (struct slice){text + b, n - b}, &at, to + b, n);
            for (size_t i = 0; i < n; i++) {
                if (wanted[i] == '*') assert_int_equal(to[i], '*');
                if (to[i] != '*') assert_int_equal(to[i], text[i]);
                if (to[i] == '*' && wanted[i] != '*') assert_non_null(memchr("hun", text[i], 3));
            }
        }
    }
    mask_free(m);
}

/* Only the first bytes are kept; the end of a secret may lie behind them. */
static void test_most(void **state)
{
    char to[9] = "";
    uint32_t at = 0;
    (void)state;
    struct mask *m = mask_of("hunter22");
    mask_bytes(m, SLICE("PASS hunter22\r\n"), &at, to, 8);
    assert_string_equal(to, "PASS ***");
    assert_int_equal(at, 0);
    mask_bytes(m, SLICE("QUIT"), &at, to, 0);
    assert_string_equal(to, "PASS ***");
    mask_free(m);
}

static void test_long(void **state)
{
    static char secret[MASK_LONGEST + 1], text[MASK_LONGEST + 3];
    (void)state;
    for (size_t i = 0; i < MASK_LONGEST; i++)
        secret[i] = (char)(33 + (i * 7 + i / 94) % 94);
    struct mask *m = mask_of(secret);
    snprintf(text, sizeof text, " %s ", secret);
    masks(m, text, " *** ");
    mask_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),     cmocka_unit_test(test_several), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_base64),    cmocka_unit_test(test_whole),   cmocka_unit_test(test_window),
        cmocka_unit_test(test_cut_texts), cmocka_unit_test(test_pieces),  cmocka_unit_test(test_most),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
