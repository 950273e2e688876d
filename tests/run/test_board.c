#include "engine/board.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_is_shared(void **state)
{
    struct board *b = board_new();
    (void)state;
    assert_non_null(b);
    assert_int_equal(b->case_index, -1);
    pid_t pid = fork();
    if (pid == 0) {
        b->case_index = 3;
        board_record(b, 1, 0, true, 2, "abc", 3);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(b->case_index, 3);
    assert_int_equal(b->nrecords, 1);
    assert_memory_equal(b->records[0].bytes, "abc", 3);
    board_clear(b);
    assert_int_equal(b->case_index, -1);
    assert_int_equal(b->nrecords, 0);
    board_free(b);
    board_free(NULL);
}

static void test_actors(void **state)
{
    struct board *b = board_new();
    char name[2 * BOARD_NAME];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct board_actor *a = board_actor(b, name);
    assert_ptr_equal(a, &b->actors[0]);
    assert_int_equal(strlen(a->name), BOARD_NAME - 1);
    for (int i = 1; i < BOARD_ACTORS; i++)
        assert_ptr_equal(board_actor(b, "x"), &b->actors[i]);
    assert_null(board_actor(b, "too many"));
    assert_int_equal(b->nactors, BOARD_ACTORS + 1);
    board_free(b);
}

static void test_a_free_entry_is_used_again(void **state)
{
    struct board *b = board_new();
    (void)state;
    struct board_actor *first = board_actor(b, "first");
    board_actor(b, "second");
    first->name[0] = '\0';
    first->line = 7;
    assert_ptr_equal(board_actor(b, "third"), first);
    assert_int_equal(first->line, 0);
    assert_int_equal(b->nactors, 2);
    board_free(b);
}

static void test_records_go_round(void **state)
{
    struct board *b = board_new();
    char bytes[3 * BOARD_BYTES];
    (void)state;
    memset(bytes, 'b', sizeof bytes);
    for (uint32_t i = 0; i < BOARD_RECORDS + 2; i++)
        board_record(b, i, 0, false, i, bytes, sizeof bytes);
    board_record(b, 1000, 1, true, 5, NULL, 0);
    assert_int_equal(b->nrecords, BOARD_RECORDS + 3);
    assert_int_equal(b->records[2].at, 1000);
    assert_int_equal(b->records[2].size, 0);
    assert_int_equal(b->records[1].at, BOARD_RECORDS + 1);
    assert_int_equal(b->records[1].size, sizeof bytes);
    assert_int_equal(b->records[3].at, 3);
    board_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_shared),
        cmocka_unit_test(test_actors),
        cmocka_unit_test(test_a_free_entry_is_used_again),
        cmocka_unit_test(test_records_go_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
