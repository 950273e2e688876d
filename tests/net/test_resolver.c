#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "net/resolver.h"
#include "support.h"

static int ask(const char *host, struct addr *ret, int n)
{
    struct addr_spec spec = {.scheme = ADDR_TCP, .port = 80, .named = true};
    struct resolver r;
    snprintf(spec.host, sizeof spec.host, "%s", host);
    assert_int_equal(resolver_start(&r, &spec), 0);
    support_wait(r.fd, POLLIN);
    int got = resolver_take(&r, ret, n);
    assert_int_equal(r.fd, -1);
    return got;
}

/* Nothing here depends on a name server. */
static void test_found(void **state)
{
    struct addr a[4];
    char text[ADDR_TEXT];
    (void)state;
    assert_int_equal(ask("127.0.0.2", a, 4), 1);
    assert_string_equal(addr_show(&a[0].sa, a[0].len, text, sizeof text), "127.0.0.2:80");
    assert_int_equal(ask("::1", a, 4), 1);
    assert_string_equal(addr_show(&a[0].sa, a[0].len, text, sizeof text), "[::1]:80");
    assert_int_equal(ask("127.0.0.2", a, 0), 0);
}

static void test_a_name_that_cannot_be(void **state)
{
    struct addr a;
    (void)state;
    assert_int_equal(ask("a..b", &a, 1), -ENOENT);
}

static void test_not_there_yet_and_given_up(void **state)
{
    struct addr_spec spec = {.scheme = ADDR_TCP, .host = "127.0.0.1", .port = 80, .named = true};
    struct addr a;
    struct resolver r;
    (void)state;
    assert_int_equal(resolver_start(&r, &spec), 0);
    int got = resolver_take(&r, &a, 1);
    assert_true(got == 1 || got == -EAGAIN);
    resolver_cancel(&r);
    resolver_cancel(&r);
    assert_int_equal(r.fd, -1);
}

static void test_a_resolver_that_dies(void **state)
{
    struct addr_spec spec = {.scheme = ADDR_TCP, .host = "127.0.0.1", .port = 80, .named = true};
    struct addr a;
    struct resolver r;
    (void)state;
    assert_int_equal(resolver_start(&r, &spec), 0);
    kill(r.pid, SIGKILL);
    support_wait(r.fd, POLLIN | POLLHUP);
    int got = resolver_take(&r, &a, 1);
    assert_true(got == 1 || got == -EIO);
}

/* What the resolver's process would hold open, its parent could not close for the peer. */
static void test_it_holds_no_descriptor(void **state)
{
    struct addr_spec spec = {.scheme = ADDR_TCP, .host = "127.0.0.1", .port = 80, .named = true};
    struct resolver r;
    int ends[2];
    char c;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(resolver_start(&r, &spec), 0);
    close(ends[1]);
    support_wait(ends[0], POLLHUP);
    assert_int_equal(sock_read(ends[0], &c, 1), 0);
    resolver_cancel(&r);
    close(ends[0]);
}

static int reap_all(void **state)
{
    (void)state;
    while (waitpid(-1, NULL, 0) > 0) {
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_a_name_that_cannot_be),
        cmocka_unit_test(test_not_there_yet_and_given_up),
        cmocka_unit_test(test_a_resolver_that_dies),
        cmocka_unit_test(test_it_holds_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, reap_all);
}
