#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/tcp.h>
#include <unistd.h>

#include "engine/address.h"
#include "engine/operands.h"
#include "scenario/load.h"
#include "util/units.h"

static void is_wrong_for(const char *yaml, bool listening, const char *said)
{
    struct bench *b = bench_new(yaml);
    struct address_plan p;
    /* The loader has looked at its form before. */
    if (b->node->kind == NODE_MAP) field_check(b->node, scenario_address_fields, "an address", &b->parsed->diags);
    const bool good = address_compile(&b->c, b->node, listening, &p);
    assert_false(good && b->parsed->diags.n == 0);
    bench_said(b, said);
    bench_free(b);
}

static void is_wrong(const char *yaml, const char *said)
{
    is_wrong_for(yaml, false, said);
}

static void compiled(struct bench *b, struct address_plan *ret)
{
    if (!address_compile(&b->c, b->node, false, ret) || b->parsed->diags.n) fail_msg("%s", parsed_said(b->parsed));
}

static void test_texts(void **state)
{
    (void)state;
    struct bench *b = bench_new("tcp://[::1]:80");
    struct address_plan p;
    struct addr_spec spec;
    compiled(b, &p);
    assert_true(address_eval(&p, &b->e, &spec));
    assert_string_equal(spec.host, "::1");
    assert_int_equal(spec.port, 80);
    bench_free(b);
    b = bench_new("unix://${case.tmp}/s");
    bench_run(b, "case = {tmp = '/tmp/x'}");
    compiled(b, &p);
    assert_true(address_eval(&p, &b->e, &spec));
    assert_int_equal(spec.scheme, ADDR_UNIX);
    assert_string_equal(spec.host, "/tmp/x/s");
    bench_free(b);
}

static void test_dynamic(void **state)
{
    (void)state;
    static const struct {
        const char *value, *why;
    } bad[] = {
        {"a = 'dtls://127.0.0.1'", "\"dtls://127.0.0.1\": a dtls address needs a port"},
        {"a = 'tcp://127.0.0.1'", "\"tcp://127.0.0.1\": a tcp address needs a port"},
        {"a = {}", "`a` is a table where text is wanted"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bench *b = bench_new("'${a}'");
        struct address_plan p;
        struct addr_spec spec;
        bench_run(b, bad[i].value);
        compiled(b, &p);
        assert_null(p.actor);
        assert_false(address_eval(&p, &b->e, &spec));
        assert_string_equal(b->e.why, bad[i].why);
        bench_free(b);
    }
}

static void test_actors(void **state)
{
    (void)state;
    struct bench *b = bench_new("'${ server }'");
    struct address_plan p;
    compiled(b, &p);
    assert_ptr_equal(p.actor, &b->actors[0]);
    bench_free(b);
    /* A macro's argument of that name is something else. */
    b = bench_new("'${server}'");
    compile_bind(&b->c, SLICE("server"));
    compiled(b, &p);
    assert_null(p.actor);
    bench_free(b);
    static struct actor_model deaf = {.kind = ACTOR_CONNECT};
    b = bench_new("'${client}'");
    b->actors[1].model = &deaf;
    assert_false(address_compile(&b->c, b->node, false, &p));
    bench_said(b, "1:1+11 `client` does not listen");
    bench_free(b);
    is_wrong_for("'${server}'", true, "1:1+11 `server` is an actor: listening needs an address of one's own");
}

static void test_map(void **state)
{
    (void)state;
    struct bench *b = bench_new("{to: '${server}', bind: 'tcp://127.0.0.1:0', retry: {every: 5ms}, fails: timeout, "
                                "options: {nodelay: true, rcvbuf: '${n}'}}");
    struct address_plan p;
    struct addr a;
    int value;
    socklen_t size = sizeof value;
    compiled(b, &p);
    assert_ptr_equal(p.actor, &b->actors[0]);
    assert_true(p.retry && p.fails.written);
    assert_int_equal(p.retry_every, 5 * NS_PER_MS);
    assert_int_equal(p.retry_times, 20);
    assert_int_equal(p.fails.status, SR_TIMEOUT);
    assert_true(address_eval_bind(&p, &b->e, &a));
    assert_int_equal(a.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bench_run(b, "n = '4KiB'");
    assert_true(options_apply(p.options, p.noptions, fd, AF_INET, &b->e));
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    assert_int_equal(value, 1);
    bench_run(b, "n = 'much'");
    assert_false(options_apply(p.options, p.noptions, fd, AF_INET, &b->e));
    assert_non_null(strstr(b->e.why, "`rcvbuf`: "));
    close(fd);
    assert_false(options_apply(p.options, p.noptions, fd, AF_INET, &b->e));
    assert_string_equal(b->e.why, "`nodelay` cannot be set: Bad file descriptor");
    bench_free(b);
}

static void test_wrong(void **state)
{
    (void)state;
    is_wrong("tcp://127.0.0.1", "1:16+1 a tcp address needs a port");
    is_wrong("tcp://127.0.0.1:99999", "1:17+5 a port is a number from 0 to 65535");
    is_wrong("{to: 'tcp://127.0.0.1:x'}", "1:23+1 a port is a number from 0 to 65535");
    is_wrong("{to: 'tcp://h:1', fails: slt}", "1:26+3 `fails` takes one of refused, timeout, unreachable, reset, tls");
    is_wrong("{to: 'tcp://h:1', tls: {verify: false}}", "1:19+3 `tls` is for tls:// and dtls:// addresses");
    is_wrong("{to: 'tcp://h:1', retry: {times: 0}}", "1:34+1 `times` is at least 1");
    is_wrong("{to: 'tcp://h:1', retry: {every: '${x}'}}", "1:34+6 `retry` is fixed: `${}` cannot stand in it");
    is_wrong("{to: 'tcp://h:1', options: {nodeley: true}}",
             "1:29+7 unknown socket option `nodeley` | did you mean `nodelay`?");
    is_wrong("{to: 'tcp://h:1', options: {nodelay: 1}}", "1:38+1 `nodelay`: true or false is wanted");
    is_wrong_for("{to: 'tcp://127.0.0.1:0', fails: refused}", true, "1:27+5 `fails` is for connecting: this listens");
}

static void test_named_bind(void **state)
{
    (void)state;
    struct bench *b = bench_new("{to: 'tcp://h:1', bind: 'tcp://${h}:0'}");
    struct address_plan p;
    struct addr a;
    bench_run(b, "h = 'example.test'");
    compiled(b, &p);
    assert_false(address_eval_bind(&p, &b->e, &a));
    assert_string_equal(b->e.why, "`bind` takes an address, not the name of a host");
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts), cmocka_unit_test(test_dynamic), cmocka_unit_test(test_actors),
        cmocka_unit_test(test_map),   cmocka_unit_test(test_wrong),   cmocka_unit_test(test_named_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
