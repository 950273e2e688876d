#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/unreachable.h"

#include "net/support.h"

static int new_socket(const struct permit_scope *s, int family, struct addr *ret)
{
    struct permit_need need;
    const struct addr a = support_loopback(family);
    const int fd = sock_listen(s, &a, SOCK_DGRAM, 0, NULL, &need);
    if (fd >= 0) assert_int_equal(sock_name(fd, ret), 0);
    return fd;
}

/* Only the socket that has sent there is told. */
static void test_told(void **state)
{
    const struct permit_scope *s = *state;
    static const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++) {
        struct permit_need need;
        struct addr to, other_to, sender, other;
        const int fds[] = {new_socket(s, families[i], &to), new_socket(s, families[i], &other_to),
                           new_socket(s, families[i], &sender), new_socket(s, families[i], &other)};
        if (i && fds[0] < 0) continue; /* no IPv6 here */
        assert_int_equal(sock_connect(s, fds[2], &to, NULL, SOCK_DGRAM, NULL, &need), 0);
        assert_int_equal(sock_connect(s, fds[3], &to, NULL, SOCK_DGRAM, NULL, &need), 0);
        const int error = unreachable_say(&sender, &to);
        if (error == -EPERM) skip();
        assert_int_equal(error, 0);
        support_wait(fds[2], POLLERR);
        assert_int_equal(sock_error(fds[2]), -ECONNREFUSED);
        assert_int_equal(sock_error(fds[3]), 0);
        assert_int_equal(unreachable_say(&other, &other_to), 0);
        assert_int_equal(sock_error(fds[3]), 0);
        for (int k = 0; k < 4; k++)
            close(fds[k]);
    }
}

static void test_not_told(void **state)
{
    struct addr four = support_loopback(AF_INET), six = support_loopback(AF_INET6), any = four;
    (void)state;
    any.in.sin_addr.s_addr = htonl(INADDR_ANY);
    assert_int_equal(unreachable_say(&four, &six), -EAFNOSUPPORT);
    assert_int_equal(unreachable_say(&four, &any), -EADDRNOTAVAIL);
    any = six;
    any.in6.sin6_addr = in6addr_any;
    assert_int_equal(unreachable_say(&six, &any), -EADDRNOTAVAIL);
    any.sa.sa_family = AF_UNIX;
    assert_int_equal(unreachable_say(&any, &any), -EAFNOSUPPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_told, support_up, support_down),
        cmocka_unit_test(test_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
