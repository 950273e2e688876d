#ifndef TESTS_REPORT_GOLDEN_H
#define TESTS_REPORT_GOLDEN_H

/* Compares what a reporter wrote with tests/report/golden/NAME. SOCKRUN_UPDATE_GOLDEN=1 writes it anew instead. Include
 * behind cmocka.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

__attribute__((unused)) static void golden_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char part[4096];
    size_t n;

    if (!f) fail_msg("%s is not there", path);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        assert_true(buf_add(out, (struct slice){part, n}));
    fclose(f);
}

__attribute__((unused)) static void golden_check(const char *name, struct slice got)
{
    struct buf expected = BUF_INIT(64 * 1024 * 1024);
    char path[4096];

    snprintf(path, sizeof(path), "%s/report/golden/%s", TEST_FOLDER, name);
    if (getenv("SOCKRUN_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fwrite(got.p, 1, got.n, f), got.n);
        assert_int_equal(fclose(f), 0);
    }
    golden_read(path, &expected);
    if (!slice_eq(got, buf_slice(&expected))) fail_msg("%s differs; got:\n%.*s", name, (int)got.n, got.p);
    buf_done(&expected);
}

#endif
