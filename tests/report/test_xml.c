#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/xml.h"
#include "util/text.h"

#define BAD "\xef\xbf\xbd"

static void check(struct slice in, const char *text, const char *attr)
{
    struct buf out = BUF_INIT(4096);

    xml_text(in, &out);
    assert_string_equal(buf_str(&out), text);
    buf_clear(&out);
    xml_attr("a", in, &out);
    assert_string_equal(buf_str(&out), attr);
    buf_done(&out);
}

static void markup_is_escaped(void **state)
{
    (void)state;
    check(SLICE("a<b>&\"'"), "a&lt;b&gt;&amp;\"'", " a=\"a&lt;b&gt;&amp;&quot;'\"");
    check(SLICE("x]]>y"), "x]]&gt;y", " a=\"x]]&gt;y\"");
    check(SLICE(""), "", " a=\"\"");
}

static void white_space_survives(void **state)
{
    (void)state;
    check(SLICE("a\r\n\tb"), "a&#13;\n\tb", " a=\"a&#13;&#10;&#9;b\"");
}

static void what_is_illegal_is_replaced(void **state)
{
    (void)state;
    check(SLICE("a\0\x1b[\x7f"), "a" BAD BAD "[" BAD, " a=\"a" BAD BAD "[" BAD "\"");
    check(SLICE("\xc2\x9b\xef\xbf\xbf\xef\xbf\xbe"), BAD BAD BAD, " a=\"" BAD BAD BAD "\"");
    check(SLICE("\xff\xc3(\xed\xa0\x80"), BAD BAD "(" BAD BAD BAD, " a=\"" BAD BAD "(" BAD BAD BAD "\"");
    check(SLICE("\xc3\xa9\xf0\x9f\x92\xa9\xe2"), "\xc3\xa9\xf0\x9f\x92\xa9" BAD,
          " a=\"\xc3\xa9\xf0\x9f\x92\xa9" BAD "\"");
}

static void every_byte_pair_gives_valid_text(void **state)
{
    struct buf out = BUF_INIT(4096);
    uint32_t c = 0;

    (void)state;
    for (int i = 0; i < 65536; i++) {
        char pair[2] = {(char)(i >> 8), (char)i};
        buf_clear(&out);
        xml_text((struct slice){pair, 2}, &out);
        for (size_t at = 0, n; at < out.n; at += n) {
            n = text_utf8((struct slice){out.p + at, out.n - at}, &c);
            assert_true(n > 0);
            assert_true(c >= ' ' || c == '\n' || c == '\t');
        }
    }
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_is_escaped),
        cmocka_unit_test(white_space_survives),
        cmocka_unit_test(what_is_illegal_is_replaced),
        cmocka_unit_test(every_byte_pair_gives_valid_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
