#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "util/arena.h"

static void memory_is_zero_and_aligned(void **state)
{
    (void)state;
    struct arena a = {0};
    for (size_t n = 0; n < 3000; n += 7) {
        char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    arena_done(&a);
}

static void large_requests_leave_the_chunk_in_use(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char *first = arena_alloc(&a, 16);
    char *large = arena_alloc(&a, 1 << 20);
    large[(1 << 20) - 1] = 1;
    char *second = arena_alloc(&a, 16);
    assert_ptr_equal(second, first + 16);
    arena_done(&a);
}

static void large_requests_may_come_first(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_non_null(arena_alloc(&a, 1 << 20));
    assert_non_null(arena_alloc(&a, 1 << 20));
    char *p = arena_alloc(&a, 16);
    assert_ptr_equal((char *)arena_alloc(&a, 1), p + 16);
    arena_done(&a);
}

static void empty_again_after_done(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_alloc(&a, 100);
    arena_done(&a);
    assert_null(a.chunks);
    assert_string_equal(arena_dup(&a, SLICE("again")), "again");
    arena_done(&a);
    arena_done(&a);
}

static void texts(void **state)
{
    (void)state;
    struct arena a = {0};
    char *p = arena_dup(&a, SLICE("a\0b"));
    assert_memory_equal(p, "a\0b", 4);
    assert_string_equal(arena_dup(&a, (struct slice){0}), "");
    assert_string_equal(arena_printf(&a, "%d %s", 5, "x"), "5 x");
    p = arena_printf(&a, "%*s", 100000, "x");
    assert_int_equal(strlen(p), 100000);
    arena_done(&a);
}

static void arrays(void **state)
{
    (void)state;
    struct arena a = {0};
    int *p = arena_array(&a, 1000, sizeof *p);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    assert_non_null(arena_array(&a, 0, 8));
    arena_done(&a);
}

static void note_order(void *p)
{
    int **next = p;
    **next = **next * 10 + 1;
}

static void note_again(void *p)
{
    int **next = p;
    **next = **next * 10 + 2;
}

static void deferred_calls_come_latest_first(void **state)
{
    (void)state;
    struct arena a = {0};
    int order = 0;
    int **p = ARENA_NEW(&a, int *);
    *p = &order;
    arena_defer(&a, note_order, p);
    arena_defer(&a, note_again, p);
    assert_int_equal(order, 0);
    arena_done(&a);
    assert_int_equal(order, 21);
    arena_done(&a);
    assert_int_equal(order, 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zero_and_aligned),
        cmocka_unit_test(large_requests_leave_the_chunk_in_use),
        cmocka_unit_test(large_requests_may_come_first),
        cmocka_unit_test(empty_again_after_done),
        cmocka_unit_test(texts),
        cmocka_unit_test(arrays),
        cmocka_unit_test(deferred_calls_come_latest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
