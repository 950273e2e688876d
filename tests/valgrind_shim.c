/* System calls that valgrind 3.19 does not know, made of older ones: linked with -Wl,--wrap=syscall into the program
 * that the valgrind tests run. openat2 comes without its RESOLVE_ flags, and a pidfd is a socket that is readable once
 * the child has ended. */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The process and the end to say it on, in one word: a forked child would leak what is allocated. */
static void *watch_child(void *given)
{
    const pid_t pid = (pid_t)((uintptr_t)given >> 32);
    const int end = (int)(uint32_t)(uintptr_t)given;
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    /* Not by the close: a process that was forked meanwhile holds this end too. */
    send(end, "", 1, MSG_NOSIGNAL);
    close(end);
    return NULL;
}

static int watch(pid_t pid)
{
    int ends[2];
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) abort();
    void *both = (void *)((uintptr_t)pid << 32 | (uintptr_t)ends[1]);
    if (pthread_create(&thread, NULL, watch_child, both) != 0) abort();
    pthread_detach(thread);
    return ends[0];
}

long __wrap_syscall(long number, ...)
{
    long a[6];
    va_list ap;
    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (number == SYS_pidfd_open) return watch((pid_t)a[0]);
    if (number == SYS_openat2) {
        const struct open_how *how = (const void *)(uintptr_t)a[2];
        return openat((int)a[0], (const char *)(uintptr_t)a[1], (int)how->flags, (mode_t)how->mode);
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
