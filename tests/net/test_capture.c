#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/capture.h"

enum { SIZE = 1000 };

/* What passes over loopback is seen once, its headers whole and its bytes cut off. */
static void test_loopback(void **state)
{
    (void)state;
    struct capture c;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    char bytes[SIZE] = "seen";
    struct slice s;
    unsigned seen = 0;
    if (capture_open(&c) < 0) skip();
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    assert_int_equal(sendto(fd, bytes, SIZE, 0, (struct sockaddr *)&a, n), SIZE);
    assert_int_equal(recv(fd, bytes, SIZE, 0), SIZE);
    while (capture_next(&c, &s)) {
        /* Ethernet, IPv4 and the ports of UDP: others use loopback too. */
        if (s.n < 42 || memcmp(s.p + 14 + 20 + 2, &a.sin_port, 2) != 0 || s.p[14 + 9] != IPPROTO_UDP) continue;
        assert_int_equal(s.n, CAPTURE_HEADERS);
        assert_memory_equal(s.p + 12, "\x08\0\x45", 3);
        assert_memory_equal(s.p + 42, "seen", 4);
        seen++;
    }
    assert_int_equal(seen, 1);
    assert_int_equal(capture_lost(&c), 0);
    close(fd);
    capture_close(&c);
    assert_false(capture_next(&c, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loopback)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
