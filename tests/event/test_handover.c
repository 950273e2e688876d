#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event/handover.h"

enum { MOST = 8 << 20, WORDS = 250, BLOCK = WORDS * 4 };

static struct slice block_of(uint32_t *words, uint32_t number)
{
    for (uint32_t i = 0; i < WORDS; i++)
        words[i] = number;
    words[1] = BLOCK;
    return (struct slice){(const char *)words, BLOCK};
}

/* Reads all there is; how many blocks that are, all whole and in order from `first` on. */
static uint32_t read_blocks(struct handover *r, uint32_t first)
{
    uint32_t words[WORDS], n = 0;
    struct slice s;
    while (handover_read(r, &s)) {
        assert_int_equal(s.n % BLOCK, 0);
        for (size_t at = 0; at < s.n; at += BLOCK, n++)
            assert_memory_equal(s.p + at, block_of(words, first + n).p, BLOCK);
    }
    return n;
}

/* What a child has added is there, however it ends. */
static void test_killed(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct handover r;
    assert_int_equal(handover_init(&r), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        uint32_t words[WORDS];
        for (uint32_t i = 0; i < N; i++)
            handover_add(&r, block_of(words, i), MOST);
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(read_blocks(&r, 0), N);
    handover_reset(&r);
    assert_int_equal(read_blocks(&r, 0), 0);
    handover_done(&r);
}

/* No more than so much stands unread; what was read makes room. */
static void test_full(void **state)
{
    (void)state;
    struct handover r;
    uint32_t words[WORDS], read = 0;
    assert_int_equal(handover_init(&r), 0);
    for (uint32_t round = 0; round < 5; round++) {
        uint32_t n = 0;
        while (handover_add(&r, block_of(words, read + n), MOST))
            n++;
        assert_int_equal(n, MOST / BLOCK);
        assert_int_equal(read_blocks(&r, read), n);
        read += n;
    }
    handover_done(&r);
}

static void test_none(void **state)
{
    (void)state;
    struct handover r = {.fd = -1};
    struct slice s;
    assert_false(handover_read(&r, &s));
    handover_reset(&r);
    handover_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed), cmocka_unit_test(test_full),
                                       cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
