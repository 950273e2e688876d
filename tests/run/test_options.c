#include "cli/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/vars.h"

/* The cli is a program, not a library: its rooms are tested as they are. */
#include "cli/again.c"
#include "cli/options.c"
#include "cli/vars.c"

enum { ARGUMENTS_MOST = 32 };

/* The words of a command line, separated by blanks. */
struct line {
    struct options o;
    struct buf wrong;
    char text[512];
    char *argv[ARGUMENTS_MOST];
    int argc;
};

static bool parse(struct line *l, const char *text)
{
    char *at = l->text;
    *l = (struct line){.wrong = BUF_INIT(1000)};
    snprintf(l->text, sizeof l->text, "sockrun %s", text);
    while (*at) {
        l->argv[l->argc++] = at;
        at += strcspn(at, " ");
        if (*at) *at++ = '\0';
    }
    return options_parse(&l->o, l->argc, l->argv, &l->wrong);
}

static void done(struct line *l)
{
    options_done(&l->o);
    buf_done(&l->wrong);
}

static void test_defaults(void **state)
{
    struct line l;
    (void)state;
    assert_true(parse(&l, "a.yaml"));
    assert_int_equal(l.o.command, COMMAND_RUN);
    assert_int_equal(l.o.narguments, 1);
    assert_string_equal(l.o.arguments[0], "a.yaml");
    assert_in_range(l.o.jobs, 1, 256);
    assert_true(l.o.timeout_scale > 0.99 && l.o.timeout_scale < 1.01);
    assert_int_equal(l.o.fail_fast, 0);
    assert_int_equal(l.o.verbosity, 0);
    assert_int_equal(l.o.color, COLOR_AUTO);
    done(&l);
}

static void test_forms(void **state)
{
    static const char *const forms[] = {"-j4 a",      "-j 4 a", "-j=4 a",     "--jobs=4 a",
                                        "--jobs 4 a", "a -j 4", "run a -vqj4"};
    struct line l;
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (!parse(&l, forms[i])) fail_msg("%s: %s", forms[i], buf_str(&l.wrong));
        assert_int_equal(l.o.jobs, 4);
        assert_int_equal(l.o.narguments, 1);
        done(&l);
    }
}

static void test_values(void **state)
{
    struct line l;
    (void)state;
    assert_true(parse(&l, "-k a.c --tags x --fail-fast --timeout-scale 2.5 --memory 1GiB --lua-memory=1MiB "
                          "--report-junit=x.xml --report-tap - --durations 7 --report-github -vv --color=never p"));
    assert_string_equal(l.o.match, "a.c");
    assert_string_equal(l.o.tags, "x");
    assert_int_equal(l.o.fail_fast, 1);
    assert_true(l.o.timeout_scale > 2.49 && l.o.timeout_scale < 2.51);
    assert_int_equal(l.o.memory, 1 << 30);
    assert_int_equal(l.o.lua_memory, 1 << 20);
    assert_string_equal(l.o.junit, "x.xml");
    assert_string_equal(l.o.tap, "-");
    assert_int_equal(l.o.durations, 7);
    assert_true(l.o.github);
    assert_int_equal(l.o.verbosity, 2);
    assert_int_equal(l.o.color, COLOR_NEVER);
    done(&l);
    assert_true(parse(&l, "--color --fail-fast=3 -q p"));
    assert_int_equal(l.o.color, COLOR_ALWAYS);
    assert_int_equal(l.o.fail_fast, 3);
    assert_int_equal(l.o.verbosity, -1);
    done(&l);
}

static void test_optional_value_takes_no_word(void **state)
{
    struct line l;
    (void)state;
    assert_true(parse(&l, "--fail-fast 3 --color always --allow-run prog"));
    assert_int_equal(l.o.narguments, 3);
    assert_int_equal(l.o.fail_fast, 1);
    done(&l);
}

static void test_again(void **state)
{
    struct line l;
    struct buf out = BUF_INIT(1000);
    (void)state;
    assert_true(parse(&l,
                      "-j2 -vv --allow-run --var a=it's --report-tap=x --allow-run=cat,sed a.yaml --secret=key=value "
                      "--shuffle=3"));
    again_command(&l.o, &out);
    assert_string_equal(buf_str(&out), "sockrun --allow-run --var='a=it'\\''s' --allow-run=cat,sed --secret=key");
    buf_done(&out);
    done(&l);
}

static void test_commands(void **state)
{
    struct line l;
    (void)state;
    assert_true(parse(&l, "check check"));
    assert_int_equal(l.o.command, COMMAND_CHECK);
    assert_string_equal(l.o.arguments[0], "check");
    done(&l);
    assert_true(parse(&l, "-q list a"));
    assert_int_equal(l.o.command, COMMAND_LIST);
    done(&l);
    assert_true(parse(&l, "-- check -j"));
    assert_int_equal(l.o.command, COMMAND_RUN);
    assert_int_equal(l.o.narguments, 2);
    assert_string_equal(l.o.arguments[1], "-j");
    done(&l);
    assert_true(parse(&l, "./explain"));
    assert_int_equal(l.o.narguments, 1);
    done(&l);
}

static void expect_wrong(const char *text, const char *why)
{
    struct line l;
    if (parse(&l, text)) fail_msg("`%s` is accepted", text);
    if (strcmp(buf_str(&l.wrong), why) != 0) fail_msg("`%s`: %s", text, buf_str(&l.wrong));
    done(&l);
}

static void test_wrong(void **state)
{
    (void)state;
    expect_wrong("--report-jnuit x", "unknown option `--report-jnuit`: did you mean `--report-junit`?");
    expect_wrong("--qqqqqqqqqq", "unknown option `--qqqqqqqqqq`");
    expect_wrong("-x", "unknown option `-x`");
    expect_wrong("-j", "--jobs needs a value: N");
    expect_wrong("-j0", "--jobs: '0': it is a number from 1 to 256");
    expect_wrong("-j 257", "--jobs: '257': it is a number from 1 to 256");
    expect_wrong("--quiet=1", "--quiet takes no value");
    expect_wrong("--var x", "--var: 'x': it is NAME=VALUE");
    expect_wrong("--var 1x=2", "--var: '1x=2': that is no name of a variable");
    expect_wrong("--fail-fast=0", "--fail-fast: '0': it is a number of failures, at least 1");
    expect_wrong("--timeout-scale 0", "--timeout-scale: '0': it is a factor from 0.01 to 1000");
    expect_wrong("--color=red", "--color: 'red': it is auto, always or never");
    expect_wrong("--allow-run=a,,b", "--allow-run: 'a,,b': there is nothing between the commas");
    expect_wrong("--allow-run=", "--allow-run: '': there is nothing between the commas");
    expect_wrong("bench x", "`bench` is not part of this version");
    expect_wrong("--strict=1", "--strict takes no value");
    expect_wrong("--repeat 0", "--repeat: '0': it is a number from 1 to 1000");
    expect_wrong("--retry 101", "--retry: '101': it is a number from 0 to 100");
    expect_wrong("--shuffle=x", "--shuffle: 'x': not a whole number");
    expect_wrong("--shard 3/2", "--shard: '3/2': the part is a number from 1 to the number of parts");
    expect_wrong("--target nowhere", "--target: 'nowhere': an address begins with tcp://, tls://, udp://, dtls://, "
                                     "unix://, unixgram:// or seqpacket://");
    expect_wrong("list --report-tap x", "--report-tap is no option of `sockrun list`");
    expect_wrong("--markdown a", "--markdown is no option of `sockrun run`");
}

static void test_help_has_every_option(void **state)
{
    struct buf text = BUF_INIT(1 << 16);
    (void)state;
    for (int c = 0; c < COMMANDS; c++)
        options_help((enum command)c, &text);
    for (unsigned i = 0; i < SPECS; i++)
        assert_non_null(strstr(buf_str(&text), option_specs[i].name));
    buf_done(&text);
}

static const char *value_of(const struct vars *v, const char *name)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (strcmp(v->list[i].name, name) == 0) return v->list[i].value;
    }
    return NULL;
}

/* A file of this text; its name stays valid. */
static const char *file_of(const char *text)
{
    static char name[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(name, sizeof name, "%s/vars.XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return name;
}

static void test_vars(void **state)
{
    static char env_a[] = "SOCKRUN_VAR_a=env", env_b[] = "SOCKRUN_VAR_b=env", env_c[] = "SOCKRUN_VAR_c=env=1";
    static char other[] = "PATH=/bin", bad[] = "SOCKRUN_VAR_1=x", empty[] = "SOCKRUN_VAR_=x";
    char *environment[] = {env_a, other, env_b, bad, empty, env_c, NULL};
    struct line l;
    struct vars v;
    struct diags d;
    const char *why = NULL;
    char text[300];
    (void)state;
    const char *file = file_of("a: file\nb: 010\nd: 'x: y'\n");
    snprintf(text, sizeof text, "--var a=1 --vars-file %s --var a=line=2 --var e= p", file);
    assert_true(parse(&l, text));
    diags_init(&d);
    assert_true(vars_collect(&v, &l.o, environment, &d, &why));
    assert_int_equal(d.n, 0);
    assert_int_equal(v.n, 5);
    assert_string_equal(value_of(&v, "a"), "line=2");
    assert_string_equal(value_of(&v, "b"), "010");
    assert_string_equal(value_of(&v, "c"), "env=1");
    assert_string_equal(value_of(&v, "d"), "x: y");
    assert_string_equal(value_of(&v, "e"), "");
    unlink(file);
    vars_done(&v);
    diags_done(&d);
    done(&l);
}

static void expect_file_errors(const char *text, unsigned errors)
{
    char *environment[] = {NULL};
    struct line l;
    struct vars v;
    struct diags d;
    const char *why = NULL;
    char arguments[300];
    const char *file = file_of(text);
    snprintf(arguments, sizeof arguments, "--vars-file %s p", file);
    assert_true(parse(&l, arguments));
    diags_init(&d);
    assert_true(vars_collect(&v, &l.o, environment, &d, &why));
    assert_int_equal(d.n, errors);
    unlink(file);
    vars_done(&v);
    diags_done(&d);
    done(&l);
}

static void test_wrong_vars_files(void **state)
{
    (void)state;
    expect_file_errors("[a]\n", 1);
    expect_file_errors("text\n", 1);
    expect_file_errors("a-b: 1\nc: [1]\nd: {e: 1}\nf: \"\\0\"\ng: 1\n", 4);
    expect_file_errors("a: {\n", 1);
}

static void test_missing_vars_file(void **state)
{
    char *environment[] = {NULL};
    struct line l;
    struct vars v;
    struct diags d;
    const char *why = NULL;
    (void)state;
    assert_true(parse(&l, "--vars-file /nowhere/at/all p"));
    diags_init(&d);
    assert_false(vars_collect(&v, &l.o, environment, &d, &why));
    assert_string_equal(why, "/nowhere/at/all: No such file or directory");
    vars_done(&v);
    diags_done(&d);
    done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_optional_value_takes_no_word),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_help_has_every_option),
        cmocka_unit_test(test_vars),
        cmocka_unit_test(test_wrong_vars_files),
        cmocka_unit_test(test_missing_vars_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
