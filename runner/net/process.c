#include "net/process.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/child.h"
#include "util/clock.h"
#include "util/units.h"

enum { PASS_MOST = 64, PASS_HIGHEST = 65535, BATCH = 256 };
enum pipe_of { PIPE_IN, PIPE_OUT, PIPE_ERR, PIPE_REPORT, PIPES };

/* How a child says why it could not become the program. */
struct report {
    bool folder;
    int error;
};

static void close_pipes(int pipes[PIPES][2])
{
    for (int i = 0; i < PIPES; i++)
        for (int end = 0; end < 2; end++)
            if (pipes[i][end] >= 0) close(pipes[i][end]);
}

static int open_pipes(int pipes[PIPES][2])
{
    for (int i = 0; i < PIPES; i++)
        if (pipe2(pipes[i], O_CLOEXEC) < 0) return -errno;
    return 0;
}

/* One end of the terminal for the program, three times, the other for us, twice. */
static int open_terminal(const struct process_terminal *t, int pipes[PIPES][2])
{
    const struct winsize size = {.ws_row = t->rows, .ws_col = t->columns};
    const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    int ours = -1, theirs = -1;
    if (pipe2(pipes[PIPE_REPORT], O_CLOEXEC) < 0 || (ours = posix_openpt(flags)) < 0) return -errno;
    pipes[PIPE_OUT][0] = ours;
    if (grantpt(ours) < 0 || unlockpt(ours) < 0 || ioctl(ours, TIOCSWINSZ, &size) < 0) return -errno;
    if ((theirs = ioctl(ours, TIOCGPTPEER, flags)) < 0) return -errno;
    pipes[PIPE_IN][0] = theirs;
    if ((pipes[PIPE_IN][1] = fcntl(ours, F_DUPFD_CLOEXEC, 0)) < 0) return -errno;
    if ((pipes[PIPE_OUT][1] = fcntl(theirs, F_DUPFD_CLOEXEC, 0)) < 0) return -errno;
    return (pipes[PIPE_ERR][1] = fcntl(theirs, F_DUPFD_CLOEXEC, 0)) < 0 ? -errno : 0;
}

static _Noreturn void fail_child(int report, bool folder, int error)
{
    struct report r;
    memset(&r, 0, sizeof r); /* what lies between its members is written too */
    r.folder = folder;
    r.error = error;
    while (write(report, &r, sizeof r) < 0 && errno == EINTR) {
    }
    _exit(127);
}

/* Puts every descriptor at the number where the program wants it. The sources go above all of these numbers first,
 * since any of them may stand where another one has to go. Returns where the report's pipe is then. */
static int place_descriptors(const struct process_options *o, int pipes[PIPES][2])
{
    int to[PASS_MOST + 4] = {0, 1, 2}, from[PASS_MOST + 4];
    int above = 3, report = pipes[PIPE_REPORT][1];
    unsigned n = 3 + o->npass;
    from[0] = pipes[PIPE_IN][0];
    from[1] = pipes[PIPE_OUT][1];
    from[2] = pipes[PIPE_ERR][1];
    for (unsigned i = 0; i < o->npass; i++) {
        from[3 + i] = o->pass[i].from;
        to[3 + i] = o->pass[i].to;
        if (o->pass[i].to >= above) above = o->pass[i].to + 1;
    }
    int high = fcntl(report, F_DUPFD_CLOEXEC, above);
    if (high < 0) fail_child(report, false, errno);
    for (unsigned i = 0; i < n; i++)
        if ((from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, above)) < 0) fail_child(high, false, errno);
    for (unsigned i = 0; i < n; i++)
        if (dup2(from[i], to[i]) < 0) fail_child(high, false, errno);
    to[n] = high;
    child_close_others(0, to, n + 1);
    return high;
}

/* A session of its own is a process group of its own too. */
static int take_terminal(void)
{
    return setsid() < 0 || ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0 ? errno : 0;
}

static _Noreturn void become(const struct process_options *o, int pipes[PIPES][2])
{
    if (!o->terminal) setpgid(0, 0);
    int report = place_descriptors(o, pipes);
    const int error = o->terminal ? take_terminal() : 0;
    if (error) fail_child(report, false, error);
    if (o->own_pid) snprintf(o->own_pid, PROCESS_PID, "%d", (int)getpid());
    if (o->cwd && chdir(o->cwd) < 0) fail_child(report, true, errno);
    fail_child(report, false, -permit_exec(o->path, o->argv, o->envp));
}

/* The end of the pipe says that the program runs: its exec has closed the other end. */
static int read_report(int fd, const char **ret_where)
{
    struct report r;
    ssize_t n;
    do
        n = read(fd, &r, sizeof r);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof r) return 0;
    *ret_where = r.folder ? "change to folder" : "run";
    return -r.error;
}

static int open_pidfd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

static void reap(pid_t pid, int *ret_status)
{
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) {
    }
}

static int take_end(int pipes[PIPES][2], enum pipe_of of, int end)
{
    int fd = pipes[of][end];
    pipes[of][end] = -1;
    if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static int check_pass(const struct process_options *o)
{
    if (o->npass > PASS_MOST) return -E2BIG;
    for (unsigned i = 0; i < o->npass; i++)
        if (o->pass[i].to < 3 || o->pass[i].to > PASS_HIGHEST || o->pass[i].from < 0) return -EINVAL;
    return 0;
}

int process_start(struct process *p, const struct process_options *o, const char **ret_where)
{
    int pipes[PIPES][2];
    *ret_where = "run";
    int error = check_pass(o);
    if (error) return error;
    for (int i = 0; i < PIPES; i++)
        pipes[i][0] = pipes[i][1] = -1;
    error = o->terminal ? open_terminal(o->terminal, pipes) : open_pipes(pipes);
    if (error) {
        close_pipes(pipes);
        return error;
    }
    pid_t pid = child_fork();
    if (pid == 0) become(o, pipes);
    if (pid < 0) {
        close_pipes(pipes);
        return pid;
    }
    close(pipes[PIPE_REPORT][1]);
    pipes[PIPE_REPORT][1] = -1;
    error = read_report(pipes[PIPE_REPORT][0], ret_where);
    int pidfd = error ? error : open_pidfd(pid);
    if (pidfd < 0) {
        kill(pid, SIGKILL);
        reap(pid, NULL);
        close_pipes(pipes);
        return pidfd;
    }
    *p = (struct process){.pid = pid, .pidfd = pidfd};
    p->in = take_end(pipes, PIPE_IN, 1);
    p->out = take_end(pipes, PIPE_OUT, 0);
    p->err = take_end(pipes, PIPE_ERR, 0);
    close_pipes(pipes);
    return 0;
}

bool process_ended(struct process *p)
{
    assert(p->pid > 0);
    if (p->ended) return true;
    pid_t got = waitpid(p->pid, &p->status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return false;
    /* Nobody else but process_end_all reaps what is ours. */
    if (got < 0) p->status = SIGKILL;
    p->ended = true;
    return true;
}

int process_signal(const struct process *p, int signal)
{
    if (p->pid <= 0 || p->ended) return -ESRCH;
    return kill(-p->pid, signal) < 0 ? -errno : 0;
}

static void close_one(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void process_done(struct process *p)
{
    if (p->pid <= 0) return;
    close_one(&p->in);
    close_one(&p->out);
    close_one(&p->err);
    close_one(&p->pidfd);
    if (!process_ended(p)) {
        kill(-p->pid, SIGKILL);
        reap(p->pid, &p->status);
        p->ended = true;
    }
    p->pid = 0;
}

const char *process_show_status(int status, char text[32])
{
    if (WIFEXITED(status))
        snprintf(text, 32, "code %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status) && signal_name(WTERMSIG(status)))
        snprintf(text, 32, "signal %s", signal_name(WTERMSIG(status)));
    else
        snprintf(text, 32, "signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : status);
    return text;
}

int signal_of_name(const char *name)
{
    if (strncmp(name, "SIG", 3) == 0) name += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *known = signal_name(i);
        if (known && strcmp(known, name) == 0) return i;
    }
    return 0;
}

const char *signal_name(int signal)
{
    return sigabbrev_np(signal);
}

void process_subreaper(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static bool is_kept(const pid_t *keep, pid_t pid)
{
    for (; keep && *keep; keep++)
        if (*keep == pid) return true;
    return false;
}

/* Field 4 of proc(5)'s stat, behind a name that may hold anything; 0 if the process has gone. */
static pid_t parent_of(const char *pid)
{
    char path[300], line[512];
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = 0;
    int parent = 0;
    const char *name_end = strrchr(line, ')');
    if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1) return 0;
    return parent;
}

/* For kernels without CONFIG_PROC_CHILDREN. */
static int scan_children(const pid_t *keep, pid_t *ret, int most)
{
    int n = 0;
    DIR *proc = opendir("/proc");
    if (!proc) return 0;
    for (struct dirent *e; n < most && (e = readdir(proc));) {
        int pid;
        if (sscanf(e->d_name, "%d", &pid) != 1 || is_kept(keep, pid)) continue;
        if (parent_of(e->d_name) == getpid()) ret[n++] = pid;
    }
    closedir(proc);
    return n;
}

/* Our children but the kept ones, those that ended and are not reaped too. */
static int list_children(const pid_t *keep, pid_t *ret, int most)
{
    siginfo_t any;
    if (waitid(P_ALL, 0, &any, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return 0;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *f = fopen(path, "re");
    if (!f) return scan_children(keep, ret, most);
    int n = 0;
    for (int pid; n < most && fscanf(f, "%d", &pid) == 1;)
        if (!is_kept(keep, pid)) ret[n++] = pid;
    fclose(f);
    return n;
}

static void wait_end(pid_t pid, int64_t deadline)
{
    struct pollfd ended = {.fd = open_pidfd(pid), .events = POLLIN};
    if (ended.fd >= 0) {
        int got;
        do {
            int64_t left = deadline - clock_now();
            int64_t ms = left > 0 ? left / NS_PER_MS + 1 : 0;
            got = poll(&ended, 1, ms < 60000 ? (int)ms : 60000);
        } while ((got < 0 && errno == EINTR) || (got == 0 && clock_now() < deadline));
        close(ended.fd);
    }
    /* Without a descriptor to spare it is waited for as it is: it has been killed. */
    while (waitpid(pid, NULL, ended.fd >= 0 ? WNOHANG : 0) < 0 && errno == EINTR) {
    }
}

/* Only children need to be looked for: when one is gone, its own children have become ours. */
int process_end_all(const pid_t *keep, int64_t deadline)
{
    pid_t pids[BATCH];
    for (;;) {
        int n = list_children(keep, pids, BATCH);
        if (n == 0) return 0;
        for (int i = 0; i < n; i++)
            kill(pids[i], SIGKILL);
        for (int i = 0; i < n; i++)
            wait_end(pids[i], deadline);
        if (clock_now() >= deadline) return list_children(keep, pids, BATCH);
    }
}
