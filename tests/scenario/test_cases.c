#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario/loading.h"
#include "util/units.h"

#define ACTORS "actors: {c: {steps: [close]}}"

static void test_list(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s = load_good(&x, "sockrun: 1\n"
                                       "tags: [all, net]\n"
                                       "ports: [http]\n"
                                       "timeout: 9s\n"
                                       "cases:\n"
                                       "  - name: one\n"
                                       "    tags: slow\n"
                                       "    timeout: 1s\n"
                                       "    step_timeout: 2s\n"
                                       "    ports: [http, dns]\n"
                                       "    vars: {a: 1}\n"
                                       "    skip: not today\n"
                                       "    " ACTORS "\n"
                                       "  - connect: tcp://127.0.0.1:9\n"
                                       "    steps: [close]\n");
    assert_int_equal(s->ncases, 2);
    const struct case_model *c = s->cases;
    assert_string_equal(c[0].name, "one");
    assert_string_equal(c[0].tags, "all net slow");
    assert_int_equal(c[0].timeout, NS_PER_S);
    assert_int_equal(c[0].step_timeout, 2 * NS_PER_S);
    assert_int_equal(c[0].nports, 2);
    assert_int_equal(c[0].vars->n, 1);
    assert_non_null(c[0].skip);
    assert_int_equal(source_line(c[0].mark), 6);
    assert_string_equal(c[1].name, "case 2");
    assert_string_equal(c[1].tags, "all net");
    assert_int_equal(c[1].timeout, 9 * NS_PER_S);
    assert_int_equal(c[1].step_timeout, 5 * NS_PER_S);
    assert_int_equal(c[1].nports, 1);
    assert_int_equal(c[1].body, 1);
    assert_string_equal(c[1].actors[0].name, "client");
    unload(&x);
}

/* The file's actors take part in each case, unless the case has one of that name. */
static void test_shared_actors(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s = load_good(&x, "sockrun: 1\n"
                                       "actors: {server: {listen: a}, log: {steps: [close]}}\n"
                                       "cases:\n"
                                       "  - actors: {c: {connect: a}, log: {listen: b}}\n"
                                       "  - {connect: a, steps: []}\n"
                                       "  - name: only the shared ones\n");
    const struct case_model *c = s->cases;
    assert_int_equal(c[0].nactors, 3);
    assert_string_equal(c[0].actors[0].name, "c");
    assert_int_equal(c[0].actors[1].kind, ACTOR_LISTEN);
    assert_string_equal(c[0].actors[2].name, "server");
    assert_int_equal(c[1].nactors, 3);
    assert_string_equal(c[1].actors[0].name, "client");
    assert_int_equal(c[2].nactors, 2);
    unload(&x);
}

static void test_each(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s =
        load_good(&x, "sockrun: 1\n"
                      "cases:\n"
                      "  - name: rows\n"
                      "    each: [{cl: 5, te: \"a b\", l: [1]}, {cl: 0}, seven, [1, 2], seven, {l: [1]}, "
                      "\"a\\nb\\tc\", aaaaaaaaaabbbbbbbbbbccccccccccddddd, \"\"]\n"
                      "    " ACTORS "\n");
    static const char *const names[] = {
        "rows [cl=5, te=a b]", "rows [cl=0]", "rows [seven]", "rows [#4]",
        "rows [seven #5]",     "rows [#6]",   "rows [a?b?c]", "rows [aaaaaaaaaabbbbbbbbbbccccccccccdd...]",
        "rows [#9]",
    };
    assert_int_equal(s->ncases, 9);
    for (uint32_t i = 0; i < 9; i++) {
        assert_string_equal(s->cases[i].name, names[i]);
        assert_int_equal(s->cases[i].body, 0);
        assert_ptr_equal(s->cases[i].actors, s->cases[0].actors);
        assert_non_null(s->cases[i].row);
    }
    unload(&x);
}

static void test_matrix(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s = load_good(&x, "sockrun: 1\nmatrix: {a: [1, 2], b: [x, [y], z]}\n" ACTORS "\n");
    static const char *const names[] = {"[a=1, b=x]", "[a=1]", "[a=1, b=z]", "[a=2, b=x]", "[a=2]", "[a=2, b=z]"};
    assert_int_equal(s->ncases, 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_string_equal(s->cases[i].name, names[i]);
        assert_int_equal(s->cases[i].nmatrix, 2);
        assert_string_equal(s->cases[i].matrix_names[1], "b");
    }
    assert_true(slice_is(s->cases[3].matrix_values[0]->text, "2"));
    assert_int_equal(s->cases[4].matrix_values[1]->kind, NODE_LIST);
    unload(&x);
}

static void test_rows_wrong(void **state)
{
    (void)state;
    load_bad(NULL, "sockrun: 1\neach: []\n" ACTORS, "`each` is empty");
    load_bad(NULL, "sockrun: 1\neach: ${rows}\n" ACTORS, "`each` is a list, not a text");
    load_bad(NULL, "sockrun: 1\nmatrix: [a]\n" ACTORS, "`matrix` is a map, not a list");
    load_bad(NULL, "sockrun: 1\nmatrix: {}\n" ACTORS, "`matrix` is empty");
    load_bad(NULL, "sockrun: 1\nmatrix: {a: []}\n" ACTORS, "`a` is empty");
    load_bad(NULL, "sockrun: 1\nmatrix: {a: [1], b: 2}\n" ACTORS, "`b` is a list, not a text");
    load_bad(NULL, "sockrun: 1\nmatrix: {a b: [1]}\n" ACTORS, "a column of `matrix` must be a name that `${}` can use");
    load_bad(NULL, "sockrun: 1\neach: [1]\nmatrix: {a: [1]}\n" ACTORS, "a case has `each` or `matrix`, not both");
}

static void test_bounds(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024 * 1024);
    buf_adds(&text, "sockrun: 1\n" ACTORS "\nmatrix:\n");
    for (char c = 'a'; c < 'e'; c++)
        buf_printf(&text, "  %c: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n", c);
    struct loaded x;
    assert_int_equal(load_good(&x, buf_str(&text))->ncases, 10000);
    unload(&x);
    buf_adds(&text, "  z: [0, 1]\n");
    load_bad(NULL, buf_str(&text), "this makes more than 10000 cases in the file");
    buf_clear(&text);
    buf_adds(&text, "sockrun: 1\n" ACTORS "\nmatrix:\n");
    for (int i = 0; i < 33; i++)
        buf_printf(&text, "  a%d: [0]\n", i);
    load_bad(NULL, buf_str(&text), "`matrix` has more than 32 columns");
    buf_clear(&text);
    buf_adds(&text, "sockrun: 1\n" ACTORS "\nports: [a");
    for (int i = 0; i < 64; i++)
        buf_printf(&text, ", p%d", i);
    load_bad(NULL, (buf_adds(&text, "]\n"), buf_str(&text)), "a case has more than 64 ports");
    buf_clear(&text);
    buf_adds(&text, "sockrun: 1\ncases:\n  - " ACTORS "\n    tags: [a");
    for (int i = 0; i < 2048; i++)
        buf_printf(&text, ", b");
    load_bad(NULL, (buf_adds(&text, "]\n"), buf_str(&text)), "the tags of a case have more than 4096 bytes");
    buf_clear(&text);
    buf_printf(&text, "sockrun: 1\ncases: [{name: %0501d, " ACTORS "}]\n", 0);
    load_bad(NULL, buf_str(&text), "the name of a case has more than 500 bytes");
    buf_done(&text);
}

static void test_names(void **state)
{
    (void)state;
    struct loaded x;
    load_with(&x, NULL,
              "sockrun: 1\ncases:\n  - {name: a, " ACTORS "}\n  - {name: b, " ACTORS "}\n  - {name: a, " ACTORS "}\n");
    assert_int_equal(x.diags.n, 1);
    assert_string_equal(x.diags.list[0].message, "two cases are named `a`");
    assert_int_equal(x.diags.list[0].place.line, 5);
    assert_int_equal(x.diags.list[0].also.line, 3);
    unload(&x);
    load_bad(NULL, "sockrun: 1\ncases: [{name: \"a [1]\", " ACTORS "}, {name: a, each: [1], " ACTORS "}]",
             "two cases are named `a [1]`");
    load_bad(NULL, "sockrun: 1\ncases: [{name: \"a ${b}\", " ACTORS "}]",
             "`name` is read before anything runs, and takes no `${}`");
}

static void test_wrong(void **state)
{
    (void)state;
    load_bad(NULL, "sockrun: 1\n", "nobody takes part");
    load_bad(NULL, "sockrun: 1\nactors: {}\n", "nobody takes part");
    load_bad(NULL, "sockrun: 1\ncases: [{name: a}]\n", "nobody takes part");
    load_bad(NULL, "sockrun: 1\ncases: {a: b}\n", "`cases` is a list of cases, not a map");
    load_bad(NULL, "sockrun: 1\ncases: []\n", "`cases` is a list of cases, not empty");
    load_bad(NULL, "sockrun: 1\ncases: [a]\n", "case 1 is a map, not a text");
    load_bad(NULL, "sockrun: 1\ncases: [{actors: [a]}]\n", "`actors` is a map, not a list");
    load_bad(NULL, "sockrun: 1\ncases: [{nmae: a, " ACTORS "}]\n", "unknown key `nmae` in case 1");
    load_bad(NULL, "sockrun: 1\ncases: [{timeout: '${t}', " ACTORS "}]\n",
             "`timeout` is read before anything runs, and takes no `${}`");
    load_bad(NULL, "sockrun: 1\ncases: [{connect: a, " ACTORS "}]\n", "`connect` cannot stand beside `actors`");
    load_bad(NULL, "sockrun: 1\nconnect: a\ncases: [{" ACTORS "}]\n", "`connect` cannot stand beside `cases`");
    load_bad(NULL, "sockrun: 1\nskip: a\ncases: [{" ACTORS "}]\n", "`skip` cannot stand beside `cases`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),   cmocka_unit_test(test_shared_actors), cmocka_unit_test(test_each),
        cmocka_unit_test(test_matrix), cmocka_unit_test(test_rows_wrong),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
