#include "run/ask_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/units.h"

enum { READ_SIZE = 64 * 1024, ANSWER = 3 };

static void write_all(int fd, struct slice s)
{
    while (s.n) {
        const ssize_t r = write(fd, s.p, s.n);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return;
        s = slice_part(s, (size_t)r, s.n);
    }
}

static _Noreturn void be_child(void (*answer)(void *ctx, struct buf *out), void *ctx, size_t most, int fd)
{
    struct buf out = BUF_INIT(most);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd != ANSWER && dup2(fd, ANSWER) < 0) _exit(1);
    close_range(ANSWER + 1, ~0U, 0);
    answer(ctx, &out);
    write_all(ANSWER, buf_slice(&out));
    buf_done(&out);
    _exit(0);
}

/* False when the time is over. */
static bool read_answer(int fd, int64_t most, struct buf *out)
{
    const int64_t until = clock_now() + most;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        const int64_t left = until - clock_now();
        if (left <= 0) return false;
        const int ready = poll(&p, 1, (int)(left / NS_PER_MS) + 1);
        if (ready < 0 && errno != EINTR) return true;
        if (ready <= 0) continue;
        char *room = buf_room(out, READ_SIZE);
        if (!room) return true;
        const ssize_t n = read(fd, room, READ_SIZE);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        out->n += (size_t)n;
    }
}

bool ask_child(void (*answer)(void *ctx, struct buf *out), void *ctx, int64_t most, struct buf *ret)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0) return true;
    const pid_t pid = fork();
    if (pid == 0) be_child(answer, ctx, ret->max, ends[1]);
    close(ends[1]);
    bool in_time = true;
    if (pid > 0) {
        in_time = read_answer(ends[0], most, ret);
        if (!in_time || ret->overflow) kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) in_time = ret->overflow;
    }
    close(ends[0]);
    return in_time;
}
