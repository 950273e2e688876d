#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doc/encoding.h"
#include "doc/parsed.h"

static void test_offsets_of_characters(void **state)
{
    (void)state;
    struct source s;
    struct diags d;
    struct encoding e;
    diags_init(&d);
    source_init(&s, "f",
                SLICE("\xEF\xBB\xBF"
                      "aä€𝄞b"));
    assert_true(encoding_check(&s, &d, &e));
    const uint32_t offsets[] = {3, 4, 6, 9, 13, 14};
    const uint32_t asked[] = {0, 1, 4, 2, 5, 3, 0, 5};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(encoding_offset(&e, asked[i]), offsets[asked[i]]);
    assert_int_equal(encoding_offset(&e, 1000), 14);
    source_done(&s);
    diags_done(&d);
}

static void test_bytes_that_are_no_utf8(void **state)
{
    (void)state;
    struct parsed *p = parsed_new("a: caf\xe9\nb: \xed\xa0\x80\n");
    assert_null(p->root);
    said_is(p, 0, "1:7+1 byte 0xe9 is not UTF-8 | files are UTF-8; for this byte write {hex: \"e9\"}");
    said_is(p, 1, "2:4+1 byte 0xed is not UTF-8 | files are UTF-8; for this byte write {hex: \"ed\"}");
    parsed_free(p);
}

static void test_a_binary_file_gets_few_messages(void **state)
{
    (void)state;
    char bytes[1000];
    memset(bytes, 0xff, sizeof bytes);
    bytes[0] = 'x';
    struct parsed *p = parsed_slice((struct slice){bytes, sizeof bytes});
    assert_null(p->root);
    assert_int_equal(p->diags.n, 5);
    parsed_free(p);
}

static void test_control_characters(void **state)
{
    (void)state;
    struct parsed *p = parsed_slice(SLICE("a: x\0y\nö: \x7f\nc: \xc2\x9b\n"));
    assert_null(p->root);
    said_is(p, 0, "1:5+1 control character U+0000 | write it as \"\\x00\", in double quotes");
    said_is(p, 1, "2:4+1 control character U+007F | write it as \"\\x7f\", in double quotes");
    said_is(p, 2, "3:4+1 control character U+009B | write it as \"\\u009b\", in double quotes");
    parsed_free(p);
}

static void test_utf16_is_named(void **state)
{
    (void)state;
    struct parsed *p = parsed_slice(SLICE("\xff\xfe"
                                          "a\0:\0"));
    assert_null(p->root);
    assert_string_equal(parsed_said(p), "f.yaml: error: the file is UTF-16\n  save it as UTF-8\n");
    parsed_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_of_characters),
        cmocka_unit_test(test_bytes_that_are_no_utf8),
        cmocka_unit_test(test_a_binary_file_gets_few_messages),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_utf16_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
