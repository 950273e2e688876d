/* bench_pingpong ROUNDS: what a simple event loop makes of a 64-byte ping-pong between both ends of one TCP connection:
 * level-triggered epoll, and a read is tried before it is waited for. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64 };

struct end {
    int fd;
    size_t have;
    long left; /* rounds */
    bool starts;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void send_message(const struct end *e)
{
    static const char message[MESSAGE] = "ping";
    if (send(e->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE) die("send");
}

/* Until nothing is there to read. */
static void serve(struct end *e)
{
    char message[MESSAGE];
    while (e->left > 0) {
        ssize_t n = recv(e->fd, message + e->have, MESSAGE - e->have, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) die("recv");
        e->have += (size_t)n;
        if (e->have < MESSAGE) continue;
        e->have = 0;
        e->left--;
        if (e->left > 0 || !e->starts) send_message(e);
    }
}

static void make_pair(struct end ends[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&a, n) < 0 || listen(listener, 1) < 0) die("listen");
    if (getsockname(listener, (struct sockaddr *)&a, &n) < 0) die("getsockname");
    ends[0].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(ends[0].fd, (struct sockaddr *)&a, n) < 0 && errno != EINPROGRESS) die("connect");
    ends[1].fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (ends[1].fd < 0) die("accept");
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    close(listener);
}

int main(int argc, char **argv)
{
    long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    struct end ends[2] = {{.left = rounds, .starts = true}, {.left = rounds}};
    struct epoll_event events[2];
    if (rounds < 1) {
        fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
        return 1;
    }
    make_pair(ends);
    int epoll = epoll_create1(0);
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &ends[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i].fd, &event) < 0) die("epoll_ctl");
    }
    send_message(&ends[0]);
    while (ends[0].left > 0) {
        int n = epoll_wait(epoll, events, 2, -1);
        for (int i = 0; i < n; i++)
            serve(events[i].data.ptr);
    }
    return 0;
}
