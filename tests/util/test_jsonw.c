#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "util/jsonw.h"

static struct buf out;
static struct jsonw w;

static int fresh(void **state)
{
    (void)state;
    buf_done(&out);
    buf_init(&out, 1 << 16);
    jsonw_init(&w, &out);
    return 0;
}

static int done(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static void commas(void **state)
{
    (void)state;
    jsonw_open(&w, NULL, '{');
    jsonw_open(&w, "empty", '{');
    jsonw_close(&w, '}');
    jsonw_str(&w, "none", NULL);
    jsonw_str(&w, "a", "b");
    jsonw_open(&w, "list", '[');
    jsonw_int(&w, NULL, INT64_MIN);
    jsonw_bool(&w, NULL, true);
    jsonw_null(&w, NULL);
    jsonw_open(&w, NULL, '[');
    jsonw_close(&w, ']');
    jsonw_close(&w, ']');
    jsonw_bool(&w, "no", false);
    jsonw_close(&w, '}');
    assert_string_equal(buf_str(&out),
                        "{\"empty\":{},\"a\":\"b\",\"list\":[-9223372036854775808,true,null,[]],\"no\":false}");
}

static void assert_text(struct slice value, const char *want)
{
    fresh(NULL);
    jsonw_text(&w, NULL, value);
    assert_string_equal(buf_str(&out), want);
}

static void hostile_text(void **state)
{
    (void)state;
    assert_text(SLICE("a\"b\\c\n\r\t\0\x1f"), "\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u001f\"");
    assert_text(SLICE("\xc3\xbc\xe2\x82\xac"), "\"\xc3\xbc\xe2\x82\xac\"");
    assert_text(SLICE("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_text(SLICE("\xed\xa0\x80z"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    assert_text((struct slice){0}, "\"\"");
    fresh(NULL);
    jsonw_int(&w, "k\"\n", 1);
    assert_string_equal(buf_str(&out), "\"k\\\"\\n\":1");
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const double values[] = {0, 1, -1.5, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789012345678.0, 0.30000000000000004};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        fresh(NULL);
        jsonw_number(&w, NULL, values[i]);
        assert_true(strtod(buf_str(&out), NULL) == values[i]);
    }
    fresh(NULL);
    jsonw_number(&w, NULL, 0.1);
    assert_string_equal(buf_str(&out), "0.1");
    fresh(NULL);
    jsonw_number(&w, "n", NAN);
    jsonw_number(&w, "i", -INFINITY);
    assert_string_equal(buf_str(&out), "\"n\":null,\"i\":null");
}

static void bytes_survive(void **state)
{
    (void)state;
    jsonw_bytes(&w, "b", SLICE("\xff\x00\xfe"));
    assert_string_equal(buf_str(&out), "\"b\":\"/wD+\"");
}

static void over_the_cap(void **state)
{
    (void)state;
    struct buf small = BUF_INIT(8);
    jsonw_init(&w, &small);
    jsonw_str(&w, "key", "a long value");
    assert_true(small.overflow);
    buf_done(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commas), TEST(hostile_text), TEST(numbers_read_back), TEST(bytes_survive), TEST(over_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
