#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario/loading.h"

static void actor_bad(const char *actor, const char *message)
{
    struct buf text = BUF_INIT(64 * 1024);
    buf_printf(&text, "sockrun: 1\nactors:\n  a: %s\n", actor);
    load_bad(NULL, buf_str(&text), message);
    buf_done(&text);
}

static void test_kinds(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s = load_good(
        &x, "sockrun: 1\n"
            "actors:\n"
            "  many: {listen: 'unix://${case.tmp}/s', serve: [{expect: x}, close], eol: lf, step_timeout: 1s}\n"
            "  idle: {listen: {to: 'tcp://127.0.0.1:0', options: {rcvbuf: 4KiB}}}\n"
            "  crowd:\n"
            "    connect: ${many}\n"
            "    instances: ${n}\n"
            "    steps: []\n"
            "    meanwhile: {ping: [{expect: ping}, {send: pong}]}\n"
            "  app:\n"
            "    run: [haproxy, -f, \"${case.tmp}/h.cfg\"]\n"
            "    files: {h.cfg: \"listen fe\", d/e: {hex: 00}}\n"
            "    pass: {fe: \"tcp://127.0.0.1:0\", g: {to: tcp://127.0.0.1:0}}\n"
            "    env: {LANG: C}\n"
            "    cwd: ${case.tmp}\n"
            "    ready: {output: {matches: 'port (?<port>\\d+)'}}\n"
            "    stop: INT\n"
            "    grace: 1s\n"
            "    exit: 0\n"
            "  logic: {steps: [close], instances: 3}\n");
    const struct actor_model *a = s->cases[0].actors;
    assert_int_equal(s->cases[0].nactors, 5);
    assert_int_equal(a[0].kind, ACTOR_LISTEN);
    assert_true(a[0].serves);
    assert_false(a[0].has_steps);
    assert_int_equal(a[0].serve.n, 2);
    assert_non_null(a[0].eol);
    assert_non_null(a[0].step_timeout);
    assert_false(a[1].serves || a[1].has_steps);
    assert_int_equal(a[2].kind, ACTOR_CONNECT);
    assert_true(a[2].has_steps);
    assert_int_equal(a[2].steps.n, 0);
    assert_int_equal(a[2].meanwhile.n, 1);
    assert_non_null(a[2].instances);
    assert_int_equal(a[3].kind, ACTOR_RUN);
    assert_int_equal(a[3].endpoint->n, 3);
    assert_non_null(node_get(a[3].map, "ready"));
    assert_int_equal(a[4].kind, ACTOR_PLAIN);
    assert_null(a[4].endpoint);
    unload(&x);
}

static void test_short_form(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s =
        load_good(&x, "sockrun: 1\nconnect: {to: \"tcp://127.0.0.1:9\", fails: refused}\nsteps: [close]\n");
    const struct actor_model *a = s->cases[0].actors;
    assert_int_equal(s->cases[0].nactors, 1);
    assert_string_equal(a->name, "client");
    assert_int_equal(a->kind, ACTOR_CONNECT);
    assert_int_equal(a->steps.n, 1);
    assert_null(node_get(a->map, "ready"));
    unload(&x);
    load_good(&x, "sockrun: 1\nconnect: tcp://127.0.0.1:9\n");
    assert_false(x.s->cases[0].actors[0].has_steps);
    unload(&x);
    load_bad(NULL, "sockrun: 1\nsteps: [close]\n", "`steps` without `connect`");
    load_bad(NULL, "sockrun: 1\nconnect: {to: a, too: b}\n", "unknown key `too` in `connect`");
    load_bad(NULL, "sockrun: 1\nconnect: a\nactors: {b: {steps: []}}\n", "`connect` cannot stand beside `actors`");
}

static void test_names(void **state)
{
    (void)state;
    load_bad(NULL, "sockrun: 1\nactors: {my-server: {steps: []}}\n",
             "an actor's name must be a name that `${}` can use");
    load_bad(NULL, "sockrun: 1\nactors: {end: {steps: []}}\n", "an actor's name must be a name that `${}` can use");
    load_bad(NULL, "sockrun: 1\nactors: {self: {steps: []}}\n",
             "`self` cannot name an actor: `${self}` has a meaning of its own");
}

static void test_wrong(void **state)
{
    (void)state;
    actor_bad("close", "actor `a` is a map, not a text");
    actor_bad("", "actor `a` is a map, not nothing");
    actor_bad("{}", "actor `a` does nothing");
    actor_bad("{eol: lf}", "actor `a` does nothing");
    actor_bad("{lisen: x, steps: []}", "unknown key `lisen` in actor `a`");
    actor_bad("{listen: x, connect: y}", "an actor has `listen` or `connect`, not both");
    actor_bad("{run: [x], listen: y}", "an actor has `run` or `listen`, not both");
    actor_bad("{listen: x, serve: [], steps: []}", "an actor has `serve` or `steps`, not both");
    actor_bad("{connect: x, serve: [close]}", "`serve` needs an actor with `listen`");
    actor_bad("{listen: x, instances: 2}", "an actor has `listen` or `instances`, not both");
    actor_bad("{run: [x], instances: 2}", "an actor has `run` or `instances`, not both");
    actor_bad("{connect: x, instances: 0}", "an actor has at least one instance");
    actor_bad("{connect: x, instances: many}", "`instances` takes a whole number");
    actor_bad("{run: nginx}", "`run` takes a list of texts, at least one, not a text");
    actor_bad("{run: []}", "`run` takes a list of texts, at least one");
    actor_bad("{connect: x, ready: {file: y}}", "`ready` needs an actor with `run`");
    actor_bad("{connect: x, exit: 0}", "`exit` needs an actor with `run`");
    actor_bad("{run: [x], ready: {file: y, output: z}}", "`ready` takes one of `output`, `connect` and `file`");
    actor_bad("{run: [x], ready: {}}", "`ready` takes one of `output`, `connect` and `file`");
    actor_bad("{run: [x], ready: {connect: {bind: y}}}", "`connect` needs `to`");
    actor_bad("{run: [x], files: [y]}", "`files` is a map, not a list");
    actor_bad("{run: [x], pass: {y: [z]}}", "`y` takes an address, or a map with `to`, not a list");
    actor_bad("{run: [x], pass: {y: {to: z, fail: w}}}", "unknown key `fail` in `y`");
    actor_bad("{connect: {to: x, tls: {sever_name: y}}}", "unknown key `sever_name` in `tls`");
    actor_bad("{connect: {to: x, retry: {times: y}}}", "`times` takes a whole number");
    actor_bad("{connect: x, meanwhile: {p: []}}", "a branch needs at least one step");
    actor_bad("{connect: x, meanwhile: [close]}", "`meanwhile` takes a map of outcomes to lists of steps, not a list");
    actor_bad("{connect: x, step_timeout: 1}", "`step_timeout` takes a duration such as 50ms");
}

static void test_session(void **state)
{
    (void)state;
    actor_bad("{listen: x, session: y}", "`session` needs an actor with `serve`");
    actor_bad("{listen: x, serve: [close], session: [y]}", "`session` takes a Lua expression, not a list");
    actor_bad("{listen: x, serve: [close], session: {timeout: 1}}", "`timeout` takes a duration such as 50ms");
    actor_bad("{listen: x, serve: [close], session: {bye: y}}", "unknown key `bye` in `session`");
}

static void test_proxy(void **state)
{
    (void)state;
    struct loaded x;
    struct scenario *s =
        load_good(&x, "sockrun: 1\n"
                      "actors:\n"
                      "  middle:\n"
                      "    proxy: {listen: 'tcp://127.0.0.1:0', to: {to: 'tcp://127.0.0.1:1'}}\n"
                      "    rules: [{delay: 5ms, direction: to_server}, {after: {contains: x}, drop: 1}]\n");
    const struct actor_model *a = s->cases[0].actors;
    assert_int_equal(a->kind, ACTOR_PROXY);
    assert_int_equal(a->endpoint->n, 2);
    assert_false(a->has_steps);
    unload(&x);
    actor_bad("{proxy: {listen: x}}", "`proxy` needs `to`");
    actor_bad("{proxy: {listen: x, to: y, via: z}}", "unknown key `via` in `proxy`");
    actor_bad("{proxy: {listen: x, to: y}, run: [z]}", "an actor has `proxy` or `run`, not both");
    actor_bad("{proxy: {listen: x, to: {to: y, via: z}}}", "unknown key `via` in `to`");
    actor_bad("{connect: x, rules: [{stall: true}]}", "`rules` needs an actor with `proxy`");
    actor_bad("{connect: x, pty: true}", "`pty` needs an actor with `run`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds), cmocka_unit_test(test_short_form), cmocka_unit_test(test_names),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_proxy),      cmocka_unit_test(test_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
