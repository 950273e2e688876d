/* tests/diagnostics/NAME.yaml must give exactly what NAME.txt says (nothing: the file is good). With UPDATE=1 in the
 * environment the .txt files are written anew. What is included stands in folders below. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "scenario/folder.h"
#include "scenario/load.h"
#include "scenario/verbs.h"

static bool read_included(void *ctx, const char *path, struct slice *ret_text, const char **ret_why)
{
    if (file_read(ctx, path, ret_text)) return true;
    *ret_why = strerror(errno);
    return false;
}

static void load(struct arena *a, const char *name, struct slice text, struct buf *out)
{
    struct load_options o = {.steps = verbs, .folder = TEST_FOLDER "/diagnostics", .read = read_included, .ctx = a};
    struct diags d;
    diags_init(&d);
    struct scenario *s = scenario_load(&o, name, text, a, &d);
    diags_print(&d, false, out);
    scenario_done(s);
    diags_done(&d);
}

static void update(const char *path, struct slice text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
    assert_int_equal(fclose(file), 0);
}

static bool compare(const char *name, const char *path, struct slice got, struct arena *a)
{
    struct slice wanted = {0};
    if (file_read(a, path, &wanted) && slice_eq(wanted, got)) return true;
    print_error("%s: wanted\n%.*s\ngot\n%.*s\n", name, (int)wanted.n, wanted.p ? wanted.p : "", (int)got.n, got.p);
    return false;
}

static void test_all(void **state)
{
    (void)state;
    struct folder f;
    folder_open(&f, TEST_FOLDER "/diagnostics", ".yaml");
    const char *wish = getenv("UPDATE");
    const bool anew = wish && strcmp(wish, "1") == 0;
    size_t wrong = 0;
    assert_true(f.n > 0);
    for (size_t i = 0; i < f.n; i++) {
        struct arena a = {0};
        struct slice text;
        struct buf out = BUF_INIT(1024 * 1024);
        const char *name = f.names[i];
        assert_true(file_read(&a, arena_printf(&a, "%s/%s", f.path, name), &text));
        load(&a, name, text, &out);
        const char *path = arena_printf(&a, "%s/%.*s.txt", f.path, (int)strlen(name) - 5, name);
        if (anew)
            update(path, (struct slice){buf_str(&out), out.n});
        else if (!compare(name, path, (struct slice){buf_str(&out), out.n}, &a))
            wrong++;
        buf_done(&out);
        arena_done(&a);
    }
    arena_done(&f.arena);
    if (wrong) fail_msg("%zu of %zu files gave another text", wrong, f.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
