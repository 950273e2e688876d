#ifndef TESTS_NET_SUPPORT_H
#define TESTS_NET_SUPPORT_H

/* What tests of sockets share. Include behind cmocka.h. */

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/addr.h"
#include "net/sock.h"
#include "util/permit.h"

enum { SUPPORT_WAIT_MS = 20000 };

/* The grants of somebody who said nothing on the command line: loopback only. */
static inline int support_up(void **state)
{
    struct permit_scope *scope = test_calloc(1, sizeof *scope);
    scope->permit = permit_new();
    scope->folder = "/";
    *state = scope;
    return 0;
}

static inline int support_down(void **state)
{
    struct permit_scope *scope = *state;
    permit_free((struct permit *)(uintptr_t)scope->permit);
    test_free(scope);
    return 0;
}

static inline struct addr support_loopback(int family)
{
    struct addr a = {0};
    if (family == AF_INET6) {
        a.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        a.len = sizeof a.in6;
    } else {
        a.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        a.len = sizeof a.in;
    }
    return a;
}

/* A fresh folder; path has room for it. */
static inline void support_folder(char *path, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, size, "%s/netXXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
}

static inline void support_wait(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int got;
    do
        got = poll(&p, 1, SUPPORT_WAIT_MS);
    while (got < 0 && errno == EINTR);
    assert_int_equal(got, 1);
}

/* A listener on a free loopback port; its address in *ret. */
static inline int support_listen(const struct permit_scope *s, int family, struct addr *ret)
{
    struct permit_need need;
    struct addr a = support_loopback(family);
    int fd = sock_listen(s, &a, SOCK_STREAM, 1024, NULL, &need);
    assert_true(fd >= 0);
    assert_int_equal(sock_name(fd, ret), 0);
    return fd;
}

/* A fresh socket that connects; the descriptor is written as soon as there is one. */
static inline int support_connect(const struct permit_scope *s, const struct addr *to, const struct addr *bind,
                                  int type, const char *host, int *ret_fd, struct permit_need *need)
{
    int fd = sock_new(to->sa.sa_family, type);
    *ret_fd = fd;
    if (fd < 0) return fd;
    return sock_connect(s, fd, to, bind, type, host, need);
}

/* Connects to a listener: ret[0] is the client, ret[1] the server. */
static inline void support_join(const struct permit_scope *s, int listener, const struct addr *to, int ret[2])
{
    struct permit_need need;
    struct addr peer;
    int got = support_connect(s, to, NULL, SOCK_STREAM, NULL, &ret[0], &need);
    assert_true(got == 0 || got == -EINPROGRESS);
    support_wait(listener, POLLIN);
    ret[1] = sock_accept(listener, &peer);
    assert_true(ret[1] >= 0);
    support_wait(ret[0], POLLOUT);
    assert_int_equal(sock_error(ret[0]), 0);
}

static inline void support_pair(const struct permit_scope *s, int family, int ret[2])
{
    struct addr at;
    int listener = support_listen(s, family, &at);
    support_join(s, listener, &at, ret);
    close(listener);
}

#define SUPPORT_TEST(f) cmocka_unit_test_setup_teardown(f, support_up, support_down)

#endif
