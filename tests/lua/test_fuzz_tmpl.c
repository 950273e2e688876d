#include "fuzz/fuzz_tmpl.c"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void replay(const char *path)
{
    uint8_t data[64 * 1024];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    /* Cut anywhere, so that every token is once the last one. */
    for (size_t i = 0; i < n; i++) {
        LLVMFuzzerTestOneInput(data, i);
        LLVMFuzzerTestOneInput(data + i, n - i);
    }
}

static void corpus(void **state)
{
    (void)state;
    const char *folder = TEST_FOLDER "/fuzz/corpus/tmpl";
    DIR *d = opendir(folder);
    assert_non_null(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        replay(path);
        n++;
    }
    closedir(d);
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(corpus)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
