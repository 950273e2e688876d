#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The fuzz target itself, so that the corpus is replayed by any compiler. */
#include "fuzz/fuzz_node.c"

enum { FILE_MOST = 4 * 1024 * 1024 };

static void replay(const char *folder, const char *name)
{
    struct buf path = BUF_INIT(4096), text = BUF_INIT(FILE_MOST);
    buf_printf(&path, "%s/%s", folder, name);
    FILE *f = fopen(buf_str(&path), "rb");
    if (!f) fail_msg("%s cannot be opened", buf_str(&path));
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        assert_true(buf_add(&text, (struct slice){piece, n}));
    fclose(f);
    /* A copy of its very size, so that a read behind its end is seen. */
    uint8_t *exact = malloc(text.n ? text.n : 1);
    assert_non_null(exact);
    if (text.n) memcpy(exact, text.p, text.n);
    LLVMFuzzerTestOneInput(exact, text.n);
    free(exact);
    buf_done(&path);
    buf_done(&text);
}

static void test_the_corpus(void **state)
{
    (void)state;
    const char *folder = TEST_FOLDER "/fuzz/corpus/node";
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned files = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        replay(folder, e->d_name);
        files++;
    }
    closedir(dir);
    assert_in_range(files, 10, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_corpus)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
