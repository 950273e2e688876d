#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/slice.h"
#include "util/suggest.h"

static const char *const names[] = {
    "expect", "expect_close", "expect_silence", "send", "sleep", "close", "connect", "if", "as"};

static struct slice best_for(struct slice word)
{
    struct suggest s;
    suggest_init(&s, word);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        suggest_offer(&s, slice_of(names[i]));
    return suggest_best(&s);
}

static void assert_suggests(const char *word, const char *name)
{
    struct slice best = best_for(slice_of(word));
    if (!name) {
        assert_null(best.p);
        return;
    }
    assert_non_null(best.p);
    assert_int_equal(best.n, strlen(name));
    assert_memory_equal(best.p, name, best.n);
}

static void misspellings(void **state)
{
    (void)state;
    assert_suggests("exepct", "expect");
    assert_suggests("expct", "expect");
    assert_suggests("expectt", "expect");
    assert_suggests("expect-close", "expect_close");
    assert_suggests("expectsilence", "expect_silence");
    assert_suggests("sned", "send");
    assert_suggests("fi", "if");
    assert_suggests("a", "as");
    assert_suggests("conect", "connect");
}

static void capitals_cost_little(void **state)
{
    (void)state;
    assert_suggests("CLOSE", "close");
    assert_suggests("EXPECT_SILENCE", "expect_silence");
    assert_suggests("Send", "send");
    assert_suggests("Exepct", "expect");
}

static void far_names_are_not_meant(void **state)
{
    (void)state;
    assert_suggests("banana", NULL);
    assert_suggests("x", NULL);
    assert_suggests("", NULL);
    assert_suggests("zz", NULL);
    struct suggest s;
    suggest_init(&s, SLICE("x"));
    suggest_offer(&s, SLICE("y"));
    assert_null(suggest_best(&s).p);
}

static void nearest_wins_and_the_first_of_equals(void **state)
{
    (void)state;
    struct suggest s;
    suggest_init(&s, SLICE("abcdef"));
    suggest_offer(&s, SLICE("abcdxx"));
    suggest_offer(&s, SLICE("abcdex"));
    suggest_offer(&s, SLICE("abcdez"));
    assert_true(slice_is(suggest_best(&s), "abcdex"));
}

static void huge_words_are_no_work(void **state)
{
    (void)state;
    static char huge[1 << 20];
    memset(huge, 'a', sizeof huge);
    struct suggest s;
    suggest_init(&s, (struct slice){huge, sizeof huge});
    suggest_offer(&s, (struct slice){huge, sizeof huge});
    assert_null(suggest_best(&s).p);
    suggest_init(&s, SLICE("send"));
    suggest_offer(&s, (struct slice){huge, sizeof huge});
    suggest_offer(&s, (struct slice){0});
    assert_null(suggest_best(&s).p);
    suggest_init(&s, (struct slice){huge, 64});
    suggest_offer(&s, (struct slice){huge, 64});
    assert_int_equal(suggest_best(&s).n, 64);
}

static void slices(void **state)
{
    (void)state;
    struct slice none = {0};
    assert_true(slice_eq(none, SLICE("")));
    assert_true(slice_starts(none, none));
    assert_false(slice_starts(none, SLICE("a")));
    assert_true(slice_starts(SLICE("abc"), SLICE("ab")));
    assert_true(slice_is(slice_part(SLICE("abc"), 1, SIZE_MAX), "bc"));
    assert_int_equal(slice_part(SLICE("abc"), 4, 1).n, 0);
    assert_int_equal(slice_part(none, 4, 1).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misspellings),
        cmocka_unit_test(capitals_cost_little),
        cmocka_unit_test(far_names_are_not_meant),
        cmocka_unit_test(nearest_wins_and_the_first_of_equals),
        cmocka_unit_test(huge_words_are_no_work),
        cmocka_unit_test(slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
