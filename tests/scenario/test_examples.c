/* The examples of the language load as they stand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario/folder.h"
#include "scenario/loading.h"

static struct scenario *load_example(struct loaded *x, struct folder *f, const char *name)
{
    struct slice text;
    assert_true(file_read(&f->arena, arena_printf(&f->arena, TEST_FOLDER "/fuzz/corpus/scenario/%s", name), &text));
    return load_good(x, arena_dup(&f->arena, text));
}

static void test_all_good(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t cases, actors, steps; /* actors and steps of the first one */
    } all[] = {
        {"hello.yaml", 1, 2, 4},          {"framing.yaml", 1, 2, 10}, {"closing.yaml", 4, 2, 4},
        {"crowd.yaml", 1, 2, 0},          {"http.yaml", 1, 2, 6},     {"redis.yaml", 1, 3, 0},
        {"starttls.yaml", 1, 2, 9},       {"udp.yaml", 1, 2, 4},      {"wrong_deadlock.yaml", 1, 2, 1},
        {"wrong_mismatch.yaml", 1, 2, 2},
    };
    struct folder f = {0};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct loaded x;
        struct scenario *s = load_example(&x, &f, all[i].name);
        assert_int_equal(s->ncases, all[i].cases);
        assert_int_equal(s->cases[0].nactors, all[i].actors);
        assert_int_equal(s->cases[0].actors[0].steps.n, all[i].steps);
        unload(&x);
    }
    arena_done(&f.arena);
}

static void test_crowd(void **state)
{
    (void)state;
    struct folder f = {0};
    struct loaded x;
    const struct case_model *c = &load_example(&x, &f, "crowd.yaml")->cases[0];
    assert_true(c->actors[0].serves);
    assert_int_equal(c->actors[0].serve.n, 2);
    assert_int_equal(c->actors[0].serve.steps[0].block.n, 2);
    assert_true(slice_is(c->actors[1].instances->text, "100"));
    unload(&x);
    arena_done(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_good), cmocka_unit_test(test_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
