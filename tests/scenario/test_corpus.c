/* Replays the seeds of the fuzz target, so that what once broke the loader is tried without libFuzzer too. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fuzz/fuzz_scenario.c"
#include "scenario/folder.h"

static void replay(const char *path)
{
    struct folder f;
    folder_open(&f, path, "");
    assert_true(f.n > 0);
    for (size_t i = 0; i < f.n; i++) {
        struct slice text = {NULL, 0};
        struct arena a = {0};
        assert_true(file_read(&a, arena_printf(&a, "%s/%s", f.path, f.names[i]), &text));
        LLVMFuzzerTestOneInput((const uint8_t *)text.p, text.n);
        /* Every beginning of it is a broken file, too. */
        for (size_t n = 0; n < text.n; n += 1 + text.n / 64)
            LLVMFuzzerTestOneInput((const uint8_t *)text.p, n);
        arena_done(&a);
    }
    arena_done(&f.arena);
}

static void test_seeds(void **state)
{
    (void)state;
    replay(TEST_FOLDER "/fuzz/corpus/scenario");
    replay(TEST_FOLDER "/diagnostics/include");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
