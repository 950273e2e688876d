/* bench_pingpong_udp ROUNDS: what a simple event loop makes of a 64-byte ping-pong of datagrams between a client that
 * is connected and a server that answers whoever asks: level-triggered epoll, and a read is tried before it is waited
 * for.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64 };

struct end {
    int fd;
    long left; /* rounds */
    bool server;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static const char message[MESSAGE] = "ping";

/* Until nothing is there to read. */
static void serve(struct end *e)
{
    char got[MESSAGE];
    while (e->left > 0) {
        struct sockaddr_in from;
        socklen_t n = sizeof from;
        ssize_t r = e->server ? recvfrom(e->fd, got, sizeof got, 0, (struct sockaddr *)&from, &n)
                              : recv(e->fd, got, sizeof got, 0);
        if (r < 0 && errno == EAGAIN) return;
        if (r != MESSAGE) die("recv");
        e->left--;
        if (e->server)
            r = sendto(e->fd, message, MESSAGE, MSG_NOSIGNAL, (struct sockaddr *)&from, n);
        else if (e->left > 0)
            r = send(e->fd, message, MESSAGE, MSG_NOSIGNAL);
        if (r != MESSAGE) die("send");
    }
}

static void make_pair(struct end ends[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    for (int i = 0; i < 2; i++)
        ends[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (bind(ends[1].fd, (struct sockaddr *)&a, n) < 0) die("bind");
    if (getsockname(ends[1].fd, (struct sockaddr *)&a, &n) < 0) die("getsockname");
    if (connect(ends[0].fd, (struct sockaddr *)&a, n) < 0) die("connect");
}

int main(int argc, char **argv)
{
    long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    struct end ends[2] = {{.left = rounds}, {.left = rounds, .server = true}};
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
    if (send(ends[0].fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE) die("send");
    while (ends[0].left > 0) {
        int n = epoll_wait(epoll, events, 2, -1);
        for (int i = 0; i < n; i++)
            serve(events[i].data.ptr);
    }
    return 0;
}
