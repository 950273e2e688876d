#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "scenario/loading.h"
#include "util/units.h"

#define C "actors: {c: {steps: [close]}}\n"

static void test_hello(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s = load_good(&x, "sockrun: 1\n"
                                       "name: an echo server answers\n"
                                       "description: d\n"
                                       "tags: [a, b]\n"
                                       "eol: lf\n"
                                       "timeout: 3s\n"
                                       "step_timeout: 20ms\n"
                                       "vars: {user: alice}\n"
                                       "ports: [http]\n"
                                       "requires: [ipv6, root, {program: nginx}, {command: [haproxy, -cc]}]\n"
                                       "actors:\n"
                                       "  server:\n"
                                       "    listen: tcp://127.0.0.1:0\n"
                                       "    steps:\n"
                                       "      - expect: \"hello\\r\\n\"\n"
                                       "      - expect_close\n"
                                       "  client:\n"
                                       "    connect: ${server}\n"
                                       "    steps: [{send: \"hello\\r\\n\"}, close]\n");
    assert_string_equal(s->name, "an echo server answers");
    assert_string_equal(s->description, "d");
    assert_string_equal(s->folder, "/here");
    assert_true(s->lf);
    assert_int_equal(s->vars.n, 1);
    assert_int_equal(s->requires->n, 4);
    assert_int_equal(s->nsources, 1);
    assert_int_equal(s->ncases, 1);
    const struct case_model *c = s->cases;
    assert_string_equal(c->name, "");
    assert_string_equal(c->tags, "a b");
    assert_int_equal(c->timeout, 3 * NS_PER_S);
    assert_int_equal(c->step_timeout, 20 * NS_PER_MS);
    assert_int_equal(c->nports, 1);
    assert_int_equal(c->nactors, 2);
    assert_string_equal(c->actors[0].name, "server");
    assert_int_equal(c->actors[0].kind, ACTOR_LISTEN);
    assert_int_equal(c->actors[0].steps.n, 2);
    assert_int_equal(c->actors[1].kind, ACTOR_CONNECT);
    assert_true(slice_is(c->actors[1].endpoint->text, "${server}"));
    assert_string_equal(c->actors[1].steps.steps[1].schema->name, "close");
    unload(&x);
}

static void test_defaults(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s = load_good(&x, "sockrun: 1\n" C);
    assert_null(s->name);
    assert_null(s->requires);
    assert_false(s->lf);
    assert_int_equal(s->cases[0].timeout, 30 * NS_PER_S);
    assert_int_equal(s->cases[0].step_timeout, 5 * NS_PER_S);
    assert_string_equal(s->cases[0].tags, "");
    unload(&x);
}

static void test_version(void **state)
{
    (void)state;
    load_bad(NULL, C, "the version of the format is missing");
    load_bad(NULL, "sockrun: 2\nno such key: 1\n", "version `2` of the format is not known");
    load_bad(NULL, "sockrun: [1]\n" C, "version `a list` of the format is not known");
    load_bad(NULL, "- sockrun: 1\n", "a scenario is a map, not a list");
    load_bad(NULL, "sockrun\n", "a scenario is a map, not a text");
}

static void test_keys(void **state)
{
    (void)state;
    load_bad(NULL, "sockrun: 1\nactor: 1\n" C, "unknown key `actor` in the file");
    load_bad(NULL, "sockrun: 1\ntimeout: 5\n" C, "`timeout` takes a duration such as 50ms");
    load_bad(NULL, "sockrun: 1\ntimeout: ${t}\n" C, "`timeout` is read before anything runs, and takes no `${}`");
    load_bad(NULL, "sockrun: 1\ntimeout: 0s\n" C, "`timeout` must be longer than nothing");
    load_bad(NULL, "sockrun: 1\nname: ${x}\n" C, "`name` is read before anything runs, and takes no `${}`");
    load_bad(NULL, "sockrun: 1\neol: cr\n" C, "`eol` takes one of crlf, lf");
    load_bad(NULL, "sockrun: 1\nactors: [c]\n", "`actors` is a map, not a list");
    load_bad(NULL, "sockrun: 1\nmacros: 7\n" C, "`macros` is a map, not a text");
}

static void test_not_yet(void **state)
{
    (void)state;
    load_bad(NULL, "sockrun: 1\nuse: [./m-1.lua]\n" C,
             "a message module is a file `NAME.lua`, and its messages are called `NAME.message`");
    struct loaded x;
    load_good(&x, "sockrun: 1\nuse: []\n" C);
    unload(&x);
}

static void test_requires(void **state)
{
    (void)state;
    load_bad(NULL, "sockrun: 1\nrequires: [ipv4]\n" C, "`ipv4` is nothing that can be required");
    load_bad(NULL, "sockrun: 1\nrequires: root\n" C, "`requires` is a list, not a text");
    load_bad(NULL, "sockrun: 1\nrequires: [{}]\n" C, "an item of `requires` has one of `program` and `command`");
    load_bad(NULL, "sockrun: 1\nrequires: [{command: nginx}]\n" C,
             "`command` takes a list of texts, at least one, not a text");
    load_bad(NULL, "sockrun: 1\nrequires: [{programm: nginx}]\n" C, "unknown key `programm` in an item of `requires`");
}

/* Several errors are found at once, and the parts that are good are there. */
static void test_goes_on(void **state)
{
    (void)state;
    struct loaded x;
    load_with(&x, NULL,
              "sockrun: 1\n"
              "tmeout: 1s\n"
              "actors:\n"
              "  c:\n"
              "    steps:\n"
              "      - clos\n"
              "      - close\n"
              "  d: {stps: []}\n");
    assert_int_equal(x.diags.n, 4);
    assert_non_null(x.s);
    assert_int_equal(x.s->cases[0].actors[0].steps.n, 1);
    unload(&x);
}

static void test_too_large(void **state)
{
    (void)state;
    struct loaded x = {.text = BUF_INIT(4096)};
    struct load_options o = {.steps = verbs, .folder = "/here"};
    assert_null(scenario_load(&o, "t.yaml", (struct slice){"", 65u << 20}, &x.arena, &x.diags));
    assert_int_equal(x.diags.n, 1);
    unload(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),   cmocka_unit_test(test_defaults),  cmocka_unit_test(test_version),
        cmocka_unit_test(test_keys),    cmocka_unit_test(test_not_yet),   cmocka_unit_test(test_requires),
        cmocka_unit_test(test_goes_on), cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
