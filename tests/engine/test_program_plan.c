#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>

#include "engine/plan.h"
#include "engine/program_plan.h"
#include "lua/state.h"
#include "scenario/load.h"
#include "util/units.h"

/* An actor `app`, compiled as it is in a file. */
struct planned {
    struct arena arena;
    struct diags diags;
    struct buf text; /* of the diagnostics */
    struct luastate *lua;
    struct scenario *scenario;
    const struct program_plan *plan; /* NULL: something is wrong */
};

static void plan_with(struct planned *x, const char *keys)
{
    static const struct step_schema *const none[] = {NULL};
    const struct load_options o = {.steps = none, .folder = "/here"};
    struct buf text = BUF_INIT(64 * 1024);
    *x = (struct planned){.text = BUF_INIT(1024 * 1024), .lua = luastate_new(LUASTATE_CAP)};
    diags_init(&x->diags);
    buf_printf(&text, "sockrun: 1\nactors:\n  app:\n    run: [server, \"-p\", \"${self.name}\"]\n%s", keys);
    const char *kept = arena_dup(&x->arena, buf_slice(&text));
    buf_done(&text);
    x->scenario = scenario_load(&o, "t.yaml", slice_of(kept), &x->arena, &x->diags);
    assert_non_null(x->scenario);
    const struct case_plan *p = plan_compile(x->scenario, &x->scenario->cases[0], x->lua, &x->arena, &x->diags);
    x->plan = p ? p->actors[0].program : NULL;
    diags_print(&x->diags, false, &x->text);
}

static void unplan(struct planned *x)
{
    scenario_done(x->scenario);
    diags_done(&x->diags);
    buf_done(&x->text);
    luastate_free(x->lua);
    arena_done(&x->arena);
}

static const struct program_plan *plan_good(struct planned *x, const char *keys)
{
    plan_with(x, keys);
    assert_string_equal(buf_str(&x->text), "");
    assert_non_null(x->plan);
    return x->plan;
}

/* Exactly this message; the hint may be NULL. */
static void plan_bad(const char *keys, const char *message, const char *hint)
{
    struct planned x;
    plan_with(&x, keys);
    if (x.diags.n != 1 || strcmp(x.diags.list[0].message, message) != 0)
        fail_msg("wanted: %s\ngot:\n%s", message, buf_str(&x.text));
    if (hint) assert_string_equal(x.diags.list[0].hint, hint);
    unplan(&x);
}

static void test_defaults(void **state)
{
    (void)state;
    struct planned x;
    const struct program_plan *p = plan_good(&x, "");
    assert_int_equal(p->nargv, 3);
    assert_true(p->argv[0].tmpl.constant);
    assert_false(p->argv[2].tmpl.constant);
    assert_int_equal(p->ready, READY_AT_ONCE);
    assert_int_equal(p->stop, SIGTERM);
    assert_int_equal(p->grace, 2 * NS_PER_S);
    assert_false(p->exits);
    assert_null(p->cwd);
    unplan(&x);
}

static void test_everything(void **state)
{
    (void)state;
    struct planned x;
    const struct program_plan *p =
        plan_good(&x, "    files: {a.cfg: \"port ${self.fe.port}\", sub/b..c: x, ./d: \"\"}\n"
                      "    pass: {fe: \"tcp://127.0.0.1:0\", be: \"unix://${case.tmp}/s\"}\n"
                      "    env: {LANG: C, N: 010, EMPTY: }\n"
                      "    cwd: ${case.tmp}\n"
                      "    ready: {output: {matches: 'port (?<port>\\d+)'}}\n"
                      "    stop: INT\n"
                      "    grace: 150ms\n"
                      "    exit: KILL\n");
    assert_int_equal(p->nfiles, 3);
    assert_string_equal(p->files[1].name, "sub/b..c");
    assert_int_equal(p->npass, 2);
    assert_string_equal(p->pass[1].name, "be");
    assert_int_equal(p->nenv, 3);
    assert_true(slice_is(p->env[1].value.tmpl.parts[0].text, "010"));
    assert_true(slice_is(p->env[2].value.tmpl.parts[0].text, ""));
    assert_non_null(p->cwd);
    assert_int_equal(p->ready, READY_OUTPUT);
    assert_non_null(p->output);
    assert_int_equal(p->stop, SIGINT);
    assert_int_equal(p->grace, 150 * NS_PER_MS);
    assert_true(p->exits);
    assert_int_equal(p->exit_code, -1);
    assert_int_equal(p->exit_signal, SIGKILL);
    unplan(&x);
}

static void test_ready(void **state)
{
    (void)state;
    struct planned x;
    assert_int_equal(plan_good(&x, "    ready: {connect: \"tcp://127.0.0.1:80\"}\n")->ready, READY_CONNECT);
    unplan(&x);
    assert_int_equal(plan_good(&x, "    ready: {file: \"${case.tmp}/pid\"}\n")->ready, READY_FILE);
    unplan(&x);
    assert_int_equal(plan_good(&x, "    ready: {output: listening}\n")->ready, READY_OUTPUT);
    unplan(&x);
    plan_bad("    ready: {connect: {to: \"tcp://127.0.0.1:80\", fails: refused}}\n",
             "`ready` tries to connect until it can: neither `retry` nor `fails` has a meaning here", NULL);
}

static void test_files(void **state)
{
    (void)state;
    plan_bad("    files: {/etc/passwd: x}\n", "files are written below the case's folder: the path cannot be absolute",
             NULL);
    plan_bad("    files: {a/../../b: x}\n",
             "files are written below the case's folder: the path cannot lead out by `..`", NULL);
    plan_bad("    files: {..: x}\n", "files are written below the case's folder: the path cannot lead out by `..`",
             NULL);
    plan_bad("    files: {a/: x}\n", "a file needs a name: this is a folder", NULL);
    plan_bad("    files: {\"\": x}\n", "a file needs a name", NULL);
    plan_bad("    files: {\"a\\0b\": x}\n", "a path holds no NUL", NULL);
    plan_bad("    files: {a: {hex: 00}}\n", "what a file holds is a text, not a map", NULL);
}

static void test_environment(void **state)
{
    (void)state;
    plan_bad("    env: {A=B: x}\n", "this is no name of an environment variable", NULL);
    plan_bad("    env: {\"\": x}\n", "this is no name of an environment variable", NULL);
    plan_bad("    env: {A: [x]}\n", "a variable of the environment is a text, not a list", NULL);
}

static void test_pass(void **state)
{
    (void)state;
    plan_bad("    pass: {a-b: \"tcp://127.0.0.1:0\"}\n", "a name is letters, digits and `_`, and no word of Lua", NULL);
    plan_bad("    pass: {end: \"tcp://127.0.0.1:0\"}\n", "a name is letters, digits and `_`, and no word of Lua", NULL);
}

static void test_end(void **state)
{
    (void)state;
    struct planned x;
    const struct program_plan *p = plan_good(&x, "    stop: SIGHUP\n    exit: 255\n");
    assert_int_equal(p->stop, SIGHUP);
    assert_int_equal(p->exit_code, 255);
    unplan(&x);
    plan_bad("    stop: TREM\n", "there is no signal `TREM`", "did you mean `TERM`?");
    plan_bad("    stop: 15\n", "there is no signal `15`", NULL);
    plan_bad("    stop: ${s}\n", "there is no signal `${s}`", NULL);
    plan_bad("    exit: 256\n", "an exit code is between 0 and 255", NULL);
    plan_bad("    exit: -1\n", "an exit code is between 0 and 255", NULL);
    plan_bad("    exit: any\n", "a program ends with a code, such as 0, or by a signal, such as TERM", NULL);
    plan_bad("    grace: ${1}s\n", "`grace` is a duration such as 2s, without `${}`", NULL);
}

static void test_names(void **state)
{
    (void)state;
    plan_bad("    cwd: ${cas.tmp}\n", "nobody defines or captures `cas`", "did you mean `case`?");
}

/* What the loader has refused is passed over: every kind of node comes here. */
static void test_after_errors(void **state)
{
    (void)state;
    static const char *const keys[] = {"files", "env", "pass", "cwd", "ready", "stop", "grace", "exit"};
    static const char *const values[] = {"x", "[x]", "{x: y}", "", "{x: {y: z}}", "{output: , connect: }"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            struct planned x;
            char text[100];
            snprintf(text, sizeof text, "    %s: %s\n", keys[k], values[v]);
            plan_with(&x, text);
            unplan(&x);
        }
    }
}

static void test_want(void **state)
{
    (void)state;
    struct exit_want w;
    char text[32];
    const int code_3 = 3 << 8, by_term = SIGTERM;
    assert_null(exit_want_parse(SLICE("3"), false, &w));
    assert_true(exit_want_met(&w, code_3));
    assert_false(exit_want_met(&w, 0));
    assert_false(exit_want_met(&w, 3));
    assert_string_equal(exit_want_show(&w, text), "code 3");
    assert_null(exit_want_parse(SLICE("SIGTERM"), false, &w));
    assert_true(exit_want_met(&w, by_term));
    assert_false(exit_want_met(&w, SIGTERM << 8));
    assert_string_equal(exit_want_show(&w, text), "signal TERM");
    assert_null(exit_want_parse(SLICE("any"), true, &w));
    assert_true(exit_want_met(&w, by_term) && exit_want_met(&w, code_3));
    assert_non_null(exit_want_parse(SLICE("any"), false, &w));
    assert_non_null(exit_want_parse(SLICE(""), true, &w));
    assert_non_null(exit_want_parse(SLICE("TERM\0"), true, &w));
    assert_non_null(exit_want_parse(SLICE("99999999999999999999"), true, &w));
    assert_non_null(exit_want_parse(SLICE("TERMTERMTERMTERMTERMTERMTERMTERMTERM"), true, &w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything),  cmocka_unit_test(test_ready),
        cmocka_unit_test(test_files),    cmocka_unit_test(test_environment), cmocka_unit_test(test_pass),
        cmocka_unit_test(test_end),      cmocka_unit_test(test_names),       cmocka_unit_test(test_after_errors),
        cmocka_unit_test(test_want),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
