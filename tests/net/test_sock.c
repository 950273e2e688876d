#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static void check_flags(int fd)
{
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void exchange(struct permit_scope *s, int family)
{
    struct addr at, client, server;
    int ends[2];
    char got[8] = "";
    int listener = support_listen(s, family, &at);
    check_flags(listener);
    support_join(s, listener, &at, ends);
    check_flags(ends[0]);
    check_flags(ends[1]);
    assert_int_equal(sock_recv(ends[1], got, sizeof got, 0), -EAGAIN);
    assert_int_equal(sock_send(ends[0], "hello", 5, 0), 5);
    support_wait(ends[1], POLLIN);
    assert_int_equal(sock_unread(ends[1]), 5);
    assert_int_equal(sock_recv(ends[1], got, 3, 0), 3);
    assert_int_equal(sock_unread(ends[1]), 2);
    assert_int_equal(sock_shutdown(ends[0], SHUT_WR), 0);
    support_wait(ends[1], POLLRDHUP);
    assert_int_equal(sock_recv(ends[1], got, sizeof got, 0), 2);
    assert_int_equal(sock_recv(ends[1], got, sizeof got, 0), 0);
    assert_int_equal(sock_peer(ends[1], &client), 0);
    assert_int_equal(sock_name(ends[0], &server), 0);
    assert_true(addr_equal(&client.sa, client.len, &server.sa, server.len));
    close(ends[0]);
    close(ends[1]);
    close(listener);
}

static void test_tcp4(void **state)
{
    exchange(*state, AF_INET);
}

static void test_tcp6(void **state)
{
    exchange(*state, AF_INET6);
}

static void test_refused(void **state)
{
    struct addr at;
    struct permit_need need;
    int fd;
    int listener = support_listen(*state, AF_INET, &at);
    close(listener);
    int got = support_connect(*state, &at, NULL, SOCK_STREAM, NULL, &fd, &need);
    if (got == -EINPROGRESS) {
        support_wait(fd, POLLOUT);
        got = sock_error(fd);
    }
    assert_int_equal(got, -ECONNREFUSED);
    close(fd);
}

static void test_outside_needs_a_grant(void **state)
{
    struct addr at = support_loopback(AF_INET);
    struct permit_need need;
    int fd = -1;
    at.in.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1, RFC 5737 */
    at.in.sin_port = htons(80);
    assert_int_equal(support_connect(*state, &at, NULL, SOCK_STREAM, NULL, &fd, &need), -PERMIT_DENIED);
    assert_true(fd >= 0);
    assert_non_null(strstr(need.flag, "--allow-net"));
    close(fd);
    at.in.sin_addr.s_addr = htonl(INADDR_ANY);
    at.in.sin_port = 0;
    assert_int_equal(sock_listen(*state, &at, SOCK_STREAM, 1, NULL, &need), -PERMIT_DENIED);
}

static void test_connect_from_an_address(void **state)
{
    struct addr at, from = support_loopback(AF_INET), peer;
    struct permit_need need;
    int fd;
    int listener = support_listen(*state, AF_INET, &at);
    from.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    int got = support_connect(*state, &at, &from, SOCK_STREAM, NULL, &fd, &need);
    assert_true(got == 0 || got == -EINPROGRESS);
    support_wait(listener, POLLIN);
    int server = sock_accept(listener, &peer);
    assert_true(server >= 0);
    assert_int_equal(peer.in.sin_addr.s_addr, from.in.sin_addr.s_addr);
    assert_true(addr_port(&peer.sa) > 0);
    close(fd);
    close(server);
    close(listener);
}

static void test_reset(void **state)
{
    int ends[2];
    char c;
    support_pair(*state, AF_INET, ends);
    sock_reset(ends[0]);
    support_wait(ends[1], POLLIN);
    assert_int_equal(sock_recv(ends[1], &c, 1, 0), -ECONNRESET);
    assert_int_equal(sock_send(ends[1], "x", 1, 0), -EPIPE);
    close(ends[1]);
}

static void test_sending_until_it_is_full(void **state)
{
    static char block[65536];
    int ends[2];
    ssize_t n, all = 0;
    support_pair(*state, AF_INET, ends);
    assert_int_equal(sock_unsent(ends[0]), 0);
    while ((n = sock_send(ends[0], block, sizeof block, 0)) > 0)
        all += n;
    assert_int_equal(n, -EAGAIN);
    assert_true(all > 0);
    assert_true(sock_unsent(ends[0]) > 0);
    close(ends[0]);
    close(ends[1]);
}

static struct addr unix_address(const char *path)
{
    struct addr_spec spec = {.scheme = ADDR_UNIX};
    struct addr a;
    snprintf(spec.host, sizeof spec.host, "%s", path);
    addr_of_spec(&spec, &a);
    return a;
}

static void test_unix(void **state)
{
    struct permit_scope scope = *(struct permit_scope *)*state;
    struct permit_need need;
    struct addr peer;
    char folder[90], path[100];
    int ends[3];
    support_folder(folder, sizeof folder);
    scope.tmp = folder;
    snprintf(path, sizeof path, "%s/s", folder);
    struct addr at = unix_address(path);
    assert_int_equal(support_connect(&scope, &at, NULL, SOCK_STREAM, NULL, &ends[0], &need), -ENOENT);
    close(ends[0]);
    int listener = sock_listen(&scope, &at, SOCK_STREAM, 0, NULL, &need);
    assert_true(listener >= 0);
    assert_int_equal(sock_listen(&scope, &at, SOCK_STREAM, 0, NULL, &need), -EADDRINUSE);
    assert_int_equal(support_connect(&scope, &at, NULL, SOCK_STREAM, NULL, &ends[0], &need), 0);
    assert_int_equal(support_connect(&scope, &at, NULL, SOCK_STREAM, NULL, &ends[1], &need), -EAGAIN);
    ends[2] = sock_accept(listener, &peer);
    assert_true(ends[2] >= 0);
    char text[8];
    assert_string_equal(addr_show(&peer.sa, peer.len, text, sizeof text), "");
    for (int i = 0; i < 3; i++)
        close(ends[i]);
    close(listener);
    unlink(path);
    rmdir(folder);
}

static void test_udp_ports_are_not_shared(void **state)
{
    struct permit_need need;
    struct addr at = support_loopback(AF_INET);
    int fd = sock_listen(*state, &at, SOCK_DGRAM, 0, NULL, &need);
    assert_true(fd >= 0);
    assert_int_equal(sock_name(fd, &at), 0);
    assert_int_equal(sock_listen(*state, &at, SOCK_DGRAM, 0, NULL, &need), -EADDRINUSE);
    close(fd);
}

static void test_reserved_port(void **state)
{
    struct permit_need need;
    struct addr at = support_loopback(AF_INET), peer;
    uint16_t port = 0;
    int client;
    int reserved = sock_reserve_port(&port);
    assert_true(reserved >= 0 && port > 0);
    at.in.sin_port = htons(port);
    int got = support_connect(*state, &at, NULL, SOCK_STREAM, NULL, &client, &need);
    if (got == -EINPROGRESS) {
        support_wait(client, POLLOUT);
        got = sock_error(client);
    }
    assert_int_equal(got, -ECONNREFUSED);
    close(client);
    int listener = sock_listen(*state, &at, SOCK_STREAM, 1, NULL, &need);
    assert_true(listener >= 0);
    got = support_connect(*state, &at, NULL, SOCK_STREAM, NULL, &client, &need);
    assert_true(got == 0 || got == -EINPROGRESS);
    support_wait(listener, POLLIN);
    int server = sock_accept(listener, &peer);
    assert_true(server >= 0);
    close(server);
    close(client);
    close(listener);
    close(reserved);
}

static void test_pipes_do_not_know_unsent(void **state)
{
    int ends[2];
    char c;
    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(sock_read(ends[0], &c, 1), -EAGAIN);
    assert_int_equal(sock_write(ends[1], "ab", 2), 2);
    assert_int_equal(sock_unread(ends[0]), 2);
    assert_int_equal(sock_unsent(ends[1]), -ENOTTY);
    assert_int_equal(sock_error(ends[0]), -ENOTSOCK);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_tcp4),
        SUPPORT_TEST(test_tcp6),
        SUPPORT_TEST(test_refused),
        SUPPORT_TEST(test_outside_needs_a_grant),
        SUPPORT_TEST(test_connect_from_an_address),
        SUPPORT_TEST(test_reset),
        SUPPORT_TEST(test_sending_until_it_is_full),
        SUPPORT_TEST(test_unix),
        SUPPORT_TEST(test_udp_ports_are_not_shared),
        SUPPORT_TEST(test_reserved_port),
        cmocka_unit_test(test_pipes_do_not_know_unsent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
