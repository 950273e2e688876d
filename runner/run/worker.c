#include "run/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/process.h"
#include "sockrun/verdict.h"
#include "steps/list.h"
#include "util/clock.h"
#include "util/mem.h"

enum {
    READ_SIZE = 64 * 1024,
    FREE_STEP = 1 << 20, /* of the spool, when that much has been read */
    CHILD_FIRST = 3,     /* descriptor that it keeps */
};

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#endif

static int open_spool(void)
{
    int fd = memfd_create("sockrun-spool", MFD_CLOEXEC);
    if (fd < 0) return -errno;
    if (fcntl(fd, F_SETFL, O_APPEND) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int worker_init(struct worker *w, const struct settings *settings)
{
    *w = (struct worker){.pidfd = -1,
                         .control = -1,
                         .spool = -1,
                         .packets = {.fd = -1},
                         .said = {.text = BUF_INIT(WORKER_LINE_MOST + READ_SIZE)},
                         .spooled = {.text = BUF_INIT(WORKER_LINE_MOST + READ_SIZE)}};
    w->board = board_new();
    if (!w->board) return -errno;
    if (settings->packets) {
        const int r = handover_init(&w->packets);
        if (r < 0) return r;
    }
    if (!settings->messages) return 0;
    w->spool = open_spool();
    return w->spool < 0 ? w->spool : 0;
}

static void close_one(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void worker_done(struct worker *w)
{
    board_free(w->board);
    mem_free(w->states);
    arena_done(&w->memory);
    close_one(&w->control);
    close_one(&w->pidfd);
    close_one(&w->spool);
    handover_done(&w->packets);
    buf_done(&w->said.text);
    buf_done(&w->spooled.text);
}

void worker_take(struct worker *w, const struct suite_file *f)
{
    w->file = f;
    w->states = mem_resize(w->states, f->ncases, sizeof *w->states);
    arena_done(&w->memory);
    w->tries = arena_array(&w->memory, f->ncases, sizeof *w->tries);
    w->reasons = arena_array(&w->memory, f->ncases, sizeof *w->reasons);
    for (uint32_t i = 0; i < f->ncases; i++)
        w->states[i] = CASE_OUT;
    for (uint32_t i = 0; i < f->nselected; i++)
        w->states[f->selected[i]] = CASE_PENDING;
    w->left = f->nselected;
    w->unstarted = 0;
    w->nrunning = 0;
}

void worker_begin_case(struct worker *w, uint32_t index, int64_t limit, int64_t deadline)
{
    /* More at once than it may run is told of by whoever hears its words. */
    if (w->nrunning == BOARD_CASES) return;
    w->running[w->nrunning++] = (struct worker_case){index, limit, deadline};
}

void worker_end_case(struct worker *w, uint32_t index)
{
    for (uint32_t i = 0; i < w->nrunning; i++) {
        if (w->running[i].index != index) continue;
        w->running[i] = w->running[--w->nrunning];
        return;
    }
}

const struct worker_case *worker_running(const struct worker *w, uint32_t index)
{
    for (uint32_t i = 0; i < w->nrunning; i++)
        if (w->running[i].index == index) return &w->running[i];
    return NULL;
}

static void limit_memory(uint64_t bytes)
{
#ifdef ADDRESS_SANITIZER
    (void)bytes;
#else
    struct rlimit limit;
    if (bytes == 0 || getrlimit(RLIMIT_DATA, &limit) < 0) return;
    if (limit.rlim_max != RLIM_INFINITY && bytes > limit.rlim_max) bytes = limit.rlim_max;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_DATA, &limit);
#endif
}

/* Everything of the supervisor's is closed, whoever opened it: only what the job needs is kept, at fixed numbers. False
 * with errno. */
static bool keep_descriptors(struct child_job *job, int devnull)
{
    int none = -1;
    int *const kept[] = {&job->control, &job->spool, job->packets ? &job->packets->fd : &none};
    enum { KEPT = sizeof kept / sizeof *kept, BEHIND = CHILD_FIRST + KEPT };
    if (dup2(devnull, STDIN_FILENO) < 0) return false;
    /* Out of the way of the numbers first. */
    for (int i = 0; i < KEPT; i++)
        if (*kept[i] >= 0 && (*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, BEHIND)) < 0) return false;
    for (int i = 0; i < KEPT; i++) {
        const int number = CHILD_FIRST + i;
        if (*kept[i] < 0)
            close(number);
        else if ((*kept[i] = dup3(*kept[i], number, O_CLOEXEC)) < 0)
            return false;
    }
    return close_range(BEHIND, ~0U, 0) == 0;
}

static _Noreturn void be_child(struct child_job *job, const struct worker_setup *setup, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(SR_EXIT_INTERRUPTED);
    process_subreaper();
    if (!keep_descriptors(job, setup->devnull)) _exit(SR_EXIT_ERROR);
    limit_memory(setup->memory);
    sigprocmask(SIG_SETMASK, setup->signal_mask, NULL);
    _exit(setup->child(job));
}

static uint32_t *pending_cases(const struct worker *w, uint32_t *ret_n)
{
    uint32_t *cases = mem_alloc(w->file->nselected * sizeof *cases);
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->file->nselected; i++) {
        uint32_t index = w->file->selected[i];
        if (w->states[index] == CASE_PENDING || w->states[index] == CASE_AGAIN) cases[n++] = index;
    }
    *ret_n = n;
    return cases;
}

static void lines_clear(struct lines *l)
{
    buf_clear(&l->text);
    l->taken = 0;
}

static void reset_process(struct worker *w)
{
    lines_clear(&w->said);
    lines_clear(&w->spooled);
    board_clear(w->board);
    w->stage = WORKER_RUNS;
    w->fault = FAULT_NONE;
    w->words[0] = '\0';
    w->progress = clock_now();
    w->nrunning = 0;
    w->spool_read = w->spool_freed = 0;
    handover_reset(&w->packets);
    /* Nothing is lost where this fails: the file then holds old events, which are skipped by their length. */
    if (w->spool >= 0 && ftruncate(w->spool, 0) < 0) w->spool_read = (uint64_t)lseek(w->spool, 0, SEEK_END);
}

/* The pidfd of a child of ours, which has not been reaped and so cannot be another's. */
static int fork_child(struct worker *w, struct child_job *job, const struct worker_setup *setup)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) return -errno;
    if (pid == 0) be_child(job, setup, parent);
    w->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (w->pidfd < 0) {
        int error = errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return -error;
    }
    w->pid = pid;
    return 0;
}

int worker_start(struct worker *w, const struct worker_setup *setup)
{
    const struct suite_file *f = w->file;
    struct child_job job = {.file = f->name,
                            .folder = f->folder,
                            .steps = step_list,
                            .texts = f->texts,
                            .ntexts = f->ntexts,
                            .settings = setup->settings,
                            .board = w->board,
                            .spool = w->spool,
                            .packets = w->packets.fd < 0 ? NULL : &w->packets,
                            .spool_most = WORKER_SPOOL_MOST};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    uint32_t *cases = pending_cases(w, &job.ncases);
    job.cases = cases;
    job.control = ends[1];
    reset_process(w);
    int result = fork_child(w, &job, setup);
    mem_free(cases);
    close(ends[1]);
    w->control = ends[0];
    if (result < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) close_one(&w->control);
    return result;
}

bool worker_read(struct worker *w)
{
    assert(w->said.taken == 0);
    if (w->control < 0) return false;
    char *room = buf_room(&w->said.text, READ_SIZE);
    if (!room) return false;
    ssize_t n;
    do
        n = read(w->control, room, READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        w->said.text.n += (size_t)n;
        return true;
    }
    if (n == 0 || errno != EAGAIN) close_one(&w->control);
    return false;
}

static bool take_line(struct lines *l, struct slice *ret)
{
    struct slice rest = slice_part(buf_slice(&l->text), l->taken, l->text.n);
    const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
    if (!end) {
        buf_drop(&l->text, l->taken);
        l->taken = 0;
        return false;
    }
    *ret = slice_part(rest, 0, (size_t)(end - rest.p));
    l->taken += ret->n + 1;
    return true;
}

bool worker_line(struct worker *w, struct slice *ret)
{
    return take_line(&w->said, ret);
}

/* What was read of the spool need not stay in memory, nor does it count as spooled any more for the system. */
static void free_spool(struct worker *w)
{
    if (w->spool_read - w->spool_freed < FREE_STEP) return;
    off_t from = (off_t)w->spool_freed, size = (off_t)(w->spool_read - w->spool_freed) / FREE_STEP * FREE_STEP;
    fallocate(w->spool, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, size);
    w->spool_freed += (uint64_t)size;
}

static bool read_spool(struct worker *w)
{
    if (w->spool < 0) return false;
    char *room = buf_room(&w->spooled.text, READ_SIZE);
    ssize_t n = room ? pread(w->spool, room, READ_SIZE, (off_t)w->spool_read) : 0;
    if (n <= 0) return false;
    w->spooled.text.n += (size_t)n;
    w->spool_read += (uint64_t)n;
    free_spool(w);
    return true;
}

bool worker_spooled(struct worker *w, struct slice *ret)
{
    while (!take_line(&w->spooled, ret)) {
        if (!read_spool(w)) return false;
    }
    return true;
}

void worker_unspool(struct worker *w, struct slice line)
{
    w->spooled.taken -= line.n + 1;
}

void worker_ask(struct worker *w, enum worker_fault fault, int64_t kill_at)
{
    kill(w->pid, SIGUSR1);
    w->stage = WORKER_ASKED;
    w->fault = fault;
    w->kill_at = kill_at;
}

void worker_kill(struct worker *w)
{
    kill(w->pid, SIGKILL);
    w->stage = WORKER_KILLED;
}

int worker_reap(struct worker *w)
{
    int status = 0;
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) {
    }
    w->pid = 0;
    close_one(&w->pidfd);
    close_one(&w->control);
    return status;
}
