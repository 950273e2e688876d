#include "net/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/child.h"
#include "net/sock.h"

enum { ANSWERS = 32 };

/* Smaller than PIPE_BUF: it is written and read as one (pipe(7)). */
struct answer {
    int error; /* 0 or -errno */
    int n;
    struct addr_inet addresses[ANSWERS];
};

static int errno_of_eai(int error)
{
    switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
    case EAI_FAIL: return -ENOENT;
    case EAI_AGAIN: return -EHOSTUNREACH; /* no server answered */
    case EAI_MEMORY: return -ENOMEM;
    case EAI_SYSTEM: return errno && errno != EAGAIN ? -errno : -EIO;
    default: return -EIO;
    }
}

static void look_up(const struct addr_spec *spec, struct answer *ret)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = addr_socktype(spec->scheme)};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(spec->host, NULL, &hints, &list);
    if (error) {
        ret->error = errno_of_eai(error);
        return;
    }
    for (struct addrinfo *i = list; i && ret->n < ANSWERS; i = i->ai_next) {
        struct addr_inet *a = &ret->addresses[ret->n];
        if (i->ai_addrlen > sizeof a->in6 || (i->ai_family != AF_INET && i->ai_family != AF_INET6)) continue;
        memcpy(&a->sa, i->ai_addr, i->ai_addrlen);
        a->len = i->ai_addrlen;
        if (i->ai_family == AF_INET)
            a->in.sin_port = htons(spec->port);
        else
            a->in6.sin6_port = htons(spec->port);
        ret->n++;
    }
    freeaddrinfo(list);
    if (ret->n == 0) ret->error = -ENOENT;
}

static _Noreturn void answer_and_exit(int fd, const struct addr_spec *spec)
{
    struct answer answer = {0};
    child_close_others(0, &fd, 1);
    look_up(spec, &answer);
    sock_write(fd, &answer, sizeof answer);
    _exit(0);
}

int resolver_start(struct resolver *r, const struct addr_spec *spec)
{
    int ends[2];
    r->fd = -1;
    r->pid = 0;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    pid_t pid = child_fork();
    if (pid == 0) answer_and_exit(ends[1], spec);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return pid;
    }
    r->fd = ends[0];
    r->pid = pid;
    return 0;
}

int resolver_take(struct resolver *r, struct addr *ret, int n)
{
    struct answer answer;
    ssize_t got = sock_read(r->fd, &answer, sizeof answer);
    if (got == -EAGAIN) return -EAGAIN;
    resolver_cancel(r);
    if (got != (ssize_t)sizeof answer) return got < 0 ? (int)got : -EIO;
    if (answer.error) return answer.error;
    if (n > answer.n) n = answer.n;
    for (int i = 0; i < n; i++) {
        memset(&ret[i], 0, sizeof ret[i]);
        memcpy(&ret[i].in6, &answer.addresses[i].in6, sizeof ret[i].in6);
        ret[i].len = answer.addresses[i].len;
    }
    return n;
}

void resolver_cancel(struct resolver *r)
{
    if (r->fd < 0) return;
    close(r->fd);
    r->fd = -1;
    /* If it is not gone yet, process_end_all reaps it. */
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, WNOHANG);
}
