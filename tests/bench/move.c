/* bench_move send PORT BYTES | receive BYTES | both BYTES: two plain programs that move bytes over loopback with
 * blocking calls of 64 KiB. `receive` accepts on descriptor 3; `both` receives, and starts the sender. */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PART = 64 * 1024 };

static char part[PART];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void send_all(const char *port, long long left)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons((in_port_t)strtoul(port, NULL, 10));
    memset(part, 'x', PART);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) die("connect");
    while (left > 0) {
        ssize_t n = send(fd, part, left < PART ? (size_t)left : PART, MSG_NOSIGNAL);
        if (n < 0) die("send");
        left -= n;
    }
}

static int start_listening(char port[16])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 1) < 0) die("listen");
    if (getsockname(fd, (struct sockaddr *)&a, &n) < 0) die("getsockname");
    snprintf(port, 16, "%u", (unsigned)ntohs(a.sin_port));
    return fd;
}

static int receive_all(int listener, const char *bytes)
{
    long long got = 0;
    ssize_t n;
    int fd = accept(listener, NULL, NULL);
    while ((n = recv(fd, part, PART, 0)) > 0)
        got += n;
    return got == strtoll(bytes, NULL, 10) ? 0 : 1;
}

static int receive_from(const char *program, const char *bytes)
{
    char port[16];
    int listener = start_listening(port);
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        execl(program, program, "send", port, bytes, (char *)NULL);
        die(program);
    }
    const int code = receive_all(listener, bytes);
    waitpid(pid, NULL, 0);
    return code;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "send") == 0) {
        send_all(argv[2], strtoll(argv[3], NULL, 10));
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "both") == 0) return receive_from(argv[0], argv[2]);
    if (argc == 3 && strcmp(argv[1], "receive") == 0) return receive_all(3, argv[2]);
    fprintf(stderr, "usage: %s send PORT BYTES | receive BYTES | both BYTES\n", argv[0]);
    return 1;
}
