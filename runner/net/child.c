#include "net/child.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static void begin_child(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The parent may have died before that was set. */
    if (getppid() != parent) _exit(127);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t child_fork(void)
{
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        begin_child(parent);
        return 0;
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid < 0 ? -error : pid;
}

void child_close_others(int first, const int *keep, unsigned n)
{
    for (;;) {
        int next = INT_MAX;
        for (unsigned i = 0; i < n; i++)
            if (keep[i] >= first && keep[i] < next) next = keep[i];
        if (next > first) close_range((unsigned)first, (unsigned)next - 1, 0);
        if (next == INT_MAX) return;
        first = next + 1;
    }
}
