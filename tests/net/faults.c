#include "net/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum fault { NO_FAULT, SHORT, EINTR_, EAGAIN_, EMFILE_, ENOBUFS_, FAULTS };
enum { NTH_MOST = 32, FDS_MOST = 65536, PERCENT = 100 };

static const char *const fault_names[FAULTS] = {
    [SHORT] = "short", [EINTR_] = "eintr", [EAGAIN_] = "eagain", [EMFILE_] = "emfile", [ENOBUFS_] = "enobufs",
};
static const int fault_errors[FAULTS] = {
    [EINTR_] = EINTR,
    [EAGAIN_] = EAGAIN,
    [EMFILE_] = EMFILE,
    [ENOBUFS_] = ENOBUFS,
};
static const char *const call_names[FAULT_CALLS] = {"recv",   "send",    "read",       "write",   "accept4",
                                                    "socket", "connect", "epoll_wait", "recvmsg", "sendto"};

#define BIT(fault) (1u << (fault))

/* What chance may do to a call; an @ item may do anything. */
static const unsigned call_faults[FAULT_CALLS] = {
    [FAULT_RECV] = BIT(SHORT) | BIT(EINTR_) | BIT(EAGAIN_),
    [FAULT_SEND] = BIT(SHORT) | BIT(EINTR_) | BIT(EAGAIN_) | BIT(ENOBUFS_),
    [FAULT_READ] = BIT(SHORT) | BIT(EINTR_) | BIT(EAGAIN_),
    [FAULT_WRITE] = BIT(SHORT) | BIT(EINTR_) | BIT(EAGAIN_),
    [FAULT_ACCEPT4] = BIT(EINTR_) | BIT(EAGAIN_) | BIT(EMFILE_),
    [FAULT_SOCKET] = BIT(EMFILE_),
    [FAULT_CONNECT] = BIT(EINTR_),
    [FAULT_EPOLL_WAIT] = BIT(SHORT) | BIT(EINTR_),
    [FAULT_RECVMSG] = BIT(EINTR_) | BIT(EAGAIN_),
    [FAULT_SENDTO] = BIT(EINTR_) | BIT(EAGAIN_) | BIT(ENOBUFS_),
};

/* Where a descriptor is watched, so that it can be armed again. */
struct watched {
    int epoll; /* 0: nowhere; no epoll of ours is descriptor 0 */
    struct epoll_event event;
};

static struct {
    uint64_t random;
    unsigned percent[FAULTS];
    struct nth {
        enum fault_call call;
        uint64_t at;
        enum fault fault;
    } nth[NTH_MOST];
    int nths;
    uint64_t calls[FAULT_CALLS];
    uint64_t injected;
    struct watched *watched;
} faults;

ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __real_send(int fd, const void *p, size_t n, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __real_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *sa, socklen_t len);
ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __real_socket(int family, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __real_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout);
int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *sa, socklen_t len);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);

static int name_index(const char *const *names, int n, const char *name, size_t length)
{
    for (int i = 0; i < n; i++)
        if (names[i] && strlen(names[i]) == length && memcmp(names[i], name, length) == 0) return i;
    return -1;
}

static bool read_number(const char **text, uint64_t *ret)
{
    uint64_t value = 0;
    const char *p = *text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (value > (UINT64_MAX - 9) / 10) return false;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    if (p == *text) return false;
    *text = p;
    *ret = value;
    return true;
}

static bool read_nth(const char *item, size_t name, const char **ret_end)
{
    int call = name_index(call_names, FAULT_CALLS, item, name);
    uint64_t at;
    const char *p = item + name + 1;
    if (call < 0 || faults.nths == NTH_MOST || !read_number(&p, &at) || *p++ != '=') return false;
    size_t length = strcspn(p, ",");
    int fault = name_index(fault_names, FAULTS, p, length);
    if (fault < 0) return false;
    faults.nth[faults.nths++] = (struct nth){(enum fault_call)call, at, (enum fault)fault};
    *ret_end = p + length;
    return true;
}

static bool read_item(const char *item, const char **ret_end)
{
    size_t name = strcspn(item, "=@,");
    uint64_t value;
    if (item[name] == '@') return read_nth(item, name, ret_end);
    const char *p = item + name + 1;
    if (item[name] != '=' || !read_number(&p, &value)) return false;
    int fault = name_index(fault_names, FAULTS, item, name);
    if (fault >= 0 && value <= PERCENT)
        faults.percent[fault] = (unsigned)value;
    else if (fault < 0 && name == 4 && memcmp(item, "seed", 4) == 0)
        faults.random = value * 2 + 1;
    else
        return false;
    *ret_end = p;
    return true;
}

static void clear_plan(void)
{
    faults.random = 1;
    faults.nths = 0;
    faults.injected = 0;
    memset(faults.percent, 0, sizeof faults.percent);
    memset(faults.calls, 0, sizeof faults.calls);
}

bool faults_plan(const char *plan)
{
    clear_plan();
    for (const char *p = plan ? plan : ""; *p;) {
        if (!read_item(p, &p) || (*p && *p != ',')) {
            clear_plan();
            return false;
        }
        p += *p == ',';
    }
    return true;
}

uint64_t faults_calls(enum fault_call call)
{
    return faults.calls[call];
}

uint64_t faults_injected(void)
{
    return faults.injected;
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *plan = getenv("SOCKRUN_TEST_FAULTS");
    if (faults_plan(plan)) return;
    fprintf(stderr, "SOCKRUN_TEST_FAULTS cannot be read: %s\n", plan);
    exit(1);
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(void)
{
    uint64_t z = faults.random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static enum fault choose(enum fault_call call, unsigned allowed)
{
    uint64_t at = ++faults.calls[call];
    for (int i = 0; i < faults.nths; i++)
        if (faults.nth[i].call == call && faults.nth[i].at == at) return faults.nth[i].fault;
    for (int fault = SHORT; fault < FAULTS; fault++)
        if (faults.percent[fault] && allowed & call_faults[call] & BIT(fault) &&
            next_random() % PERCENT < faults.percent[fault])
            return (enum fault)fault;
    return NO_FAULT;
}

static bool is_watched(int fd)
{
    return fd >= 0 && fd < FDS_MOST && faults.watched && faults.watched[fd].epoll;
}

static void arm_again(int fd)
{
    if (!is_watched(fd)) return;
    struct watched *w = &faults.watched[fd];
    int error = errno;
    __real_epoll_ctl(w->epoll, EPOLL_CTL_MOD, fd, &w->event);
    errno = error;
}

/* True if the call is to fail; errno is set. */
static bool fails(enum fault fault, int fd)
{
    if (!fault_errors[fault]) return false;
    faults.injected++;
    if (fault == EAGAIN_) arm_again(fd);
    errno = fault_errors[fault];
    return true;
}

/* A part may be taken of a stream only. Only one who does not block knows EAGAIN, and only one who then waits for an
 * edge cannot tell that it was not true. */
static unsigned allowed_on(int fd)
{
    unsigned allowed = ~0u;
    int error = errno, type = SOCK_STREAM;
    socklen_t n = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type != SOCK_STREAM) allowed &= ~BIT(SHORT);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || !(flags & O_NONBLOCK) || !is_watched(fd)) allowed &= ~BIT(EAGAIN_);
    errno = error;
    return allowed;
}

static size_t shorten(enum fault fault, size_t n)
{
    if (fault != SHORT || n < 2) return n;
    faults.injected++;
    return 1 + next_random() % (n - 1);
}

/* If a shortened call used all it was given, there may be more. */
static ssize_t finish_short(int fd, ssize_t done, size_t given, size_t wanted)
{
    if (given < wanted && done == (ssize_t)given) arm_again(fd);
    return done;
}

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags)
{
    unsigned allowed = allowed_on(fd);
    /* Whoever peeks wants to know whether there is anything; an urgent byte is one. */
    if (flags & (MSG_PEEK | MSG_OOB)) allowed &= BIT(EINTR_);
    enum fault fault = choose(FAULT_RECV, allowed);
    if (fails(fault, fd)) return -1;
    size_t given = shorten(fault, n);
    return finish_short(fd, __real_recv(fd, p, given, flags), given, n);
}

ssize_t __wrap_send(int fd, const void *p, size_t n, int flags)
{
    unsigned allowed = allowed_on(fd);
    if (flags & MSG_OOB) allowed &= BIT(EINTR_);
    enum fault fault = choose(FAULT_SEND, allowed);
    if (fails(fault, fd)) return -1;
    size_t given = shorten(fault, n);
    return finish_short(fd, __real_send(fd, p, given, flags), given, n);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
    enum fault fault = choose(FAULT_RECVMSG, allowed_on(fd));
    return fails(fault, fd) ? -1 : __real_recvmsg(fd, m, flags);
}

ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *sa, socklen_t len)
{
    enum fault fault = choose(FAULT_SENDTO, allowed_on(fd));
    return fails(fault, fd) ? -1 : __real_sendto(fd, p, n, flags, sa, len);
}

ssize_t __wrap_read(int fd, void *p, size_t n)
{
    enum fault fault = choose(FAULT_READ, allowed_on(fd));
    if (fails(fault, fd)) return -1;
    size_t given = shorten(fault, n);
    return finish_short(fd, __real_read(fd, p, given), given, n);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    enum fault fault = choose(FAULT_WRITE, allowed_on(fd));
    if (fails(fault, fd)) return -1;
    size_t given = shorten(fault, n);
    return finish_short(fd, __real_write(fd, p, given), given, n);
}

int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    enum fault fault = choose(FAULT_ACCEPT4, allowed_on(fd));
    return fails(fault, fd) ? -1 : __real_accept4(fd, sa, len, flags);
}

int __wrap_socket(int family, int type, int protocol)
{
    return fails(choose(FAULT_SOCKET, ~0u), -1) ? -1 : __real_socket(family, type, protocol);
}

int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    return fails(choose(FAULT_CONNECT, ~0u), fd) ? -1 : __real_connect(fd, sa, len);
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
    enum fault fault = choose(FAULT_EPOLL_WAIT, ~0u);
    if (fails(fault, -1)) return -1;
    return __real_epoll_wait(epoll, events, (int)shorten(fault, (size_t)most), timeout);
}

static void note_watched(int epoll, int op, int fd, const struct epoll_event *event)
{
    if (fd < 0 || fd >= FDS_MOST) return;
    if (!faults.watched) faults.watched = calloc(FDS_MOST, sizeof *faults.watched);
    if (!faults.watched) return;
    if (op == EPOLL_CTL_DEL)
        faults.watched[fd] = (struct watched){0};
    else
        faults.watched[fd] = (struct watched){epoll, *event};
}

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    int done = __real_epoll_ctl(epoll, op, fd, event);
    if (done == 0) note_watched(epoll, op, fd, event);
    return done;
}
