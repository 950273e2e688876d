#ifndef NET_PROCESS_H
#define NET_PROCESS_H

/* Programs that a scenario runs: started without a shell in a process group of their own, with pipes for stdin, stdout
 * and stderr, and watched through a pidfd (pidfd_open(2)). The caller owns the descriptors. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/permit.h"

struct process_pass {
    int from; /* a descriptor of ours */
    int to;   /* its number in the program, >= 3 */
};

/* A terminal of this size, which the program has for its own (pty(7)): stdin, stdout and stderr at once. */
struct process_terminal {
    uint16_t columns, rows;
};

struct process_options {
    const char *path; /* from permit_which */
    char *const *argv;
    char *const *envp;
    const char *cwd; /* NULL: ours */
    const struct process_pass *pass;
    unsigned npass;
    const struct process_terminal *terminal; /* NULL: pipes */
    char *own_pid; /* room for PROCESS_PID bytes within envp that get the program's number, in digits; NULL: none */
};

enum { PROCESS_PID = 12 };

struct process {
    pid_t pid; /* 0: not started */
    int pidfd; /* readable when it has ended */
    int in;    /* we write its stdin; non-blocking, as the others */
    int out;
    int err;    /* -1: it has a terminal, which in and out speak to */
    bool ended; /* reaped; status is waitpid's */
    int status;
};

/* 0 or -errno, also when execve or chdir fails in the child (told apart by *ret_where: "run", "change to folder"). The
 * child dies with us (PDEATHSIG), has no descriptor of ours but those passed, default signal dispositions and an empty
 * signal mask. */
int process_start(struct process *p, const struct process_options *o, const char **ret_where);
/* Reaps without waiting: true once it has ended. */
bool process_ended(struct process *p);
/* To its whole process group. 0 or -errno. */
int process_signal(const struct process *p, int signal);
/* Closes what is open; kills (SIGKILL to the group) and reaps if it has not ended. */
void process_done(struct process *p);
/* "code 3", "signal TERM". */
const char *process_show_status(int status, char text[32]);
/* 15 for "TERM" or "SIGTERM", 0 if there is no such signal; and the name without SIG. */
int signal_of_name(const char *name);
const char *signal_name(int signal);

/* Makes this process the one to whom orphans below it fall (PR_SET_CHILD_SUBREAPER). */
void process_subreaper(void);
/* Kills and reaps every descendant of this process but `keep` (a list that ends with 0, or NULL) and what is below
 * those, again and again until none is left or the deadline (CLOCK_MONOTONIC ns) passes. Returns how many children are
 * left. This process must be a subreaper, or grandchildren escape. */
int process_end_all(const pid_t *keep, int64_t deadline);

#endif
