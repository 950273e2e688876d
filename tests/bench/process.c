#include "process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void run_child(const char *const argv[], int output)
{
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    /* execvp changes nothing of what it is given (POSIX, exec). */
    union {
        const char *const *given;
        char *const *taken;
    } arguments = {.given = argv};
    execvp(argv[0], arguments.taken);
    _exit(127);
}

static _Noreturn void report(const char *const argv[], int output, int status)
{
    char part[4096];
    ssize_t n;
    lseek(output, 0, SEEK_SET);
    while ((n = read(output, part, sizeof part)) > 0)
        fwrite(part, 1, (size_t)n, stderr);
    fprintf(stderr, "bench: %s ended with status %x\n", argv[0], (unsigned)status);
    exit(1);
}

struct measured process_measure(const char *const argv[])
{
    struct rusage use;
    int status, output = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    fflush(stdout);
    double start = now();
    pid_t pid = fork();
    if (pid == 0) run_child(argv, output);
    if (pid < 0 || output < 0 || wait4(pid, &status, 0, &use) != pid) {
        perror("bench");
        exit(1);
    }
    double end = now();
    if (status != 0) report(argv, output, status);
    close(output);
    return (struct measured){
        .seconds = end - start, .cpu = seconds_of(use.ru_utime) + seconds_of(use.ru_stime), .peak_kib = use.ru_maxrss};
}

struct measured process_best(const char *const argv[], int runs)
{
    struct measured best = process_measure(argv);
    while (--runs > 0) {
        struct measured m = process_measure(argv);
        if (m.seconds < best.seconds) best.seconds = m.seconds;
        if (m.cpu < best.cpu) best.cpu = m.cpu;
        if (m.peak_kib > best.peak_kib) best.peak_kib = m.peak_kib;
    }
    return best;
}
