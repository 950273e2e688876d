#ifndef RUN_WORKER_H
#define RUN_WORKER_H

/* One child process of the supervisor: starting it, reading what it says, killing and reaping it. Decides nothing. A
 * worker runs one file, with a new process each time the one before it has died, and then may run another file. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/child.h"
#include "event/handover.h"
#include "run/suite.h"
#include "util/arena.h"
#include "util/buf.h"

enum {
    WORKER_LINE_MOST = 16 << 20,   /* bytes of one event */
    WORKER_SPOOL_MOST = 256 << 20, /* bytes of message events that one process may spool */
};

enum case_state {
    CASE_OUT,
    CASE_PENDING,
    CASE_RUNNING,
    CASE_AGAIN, /* has begun once, and is to be run again */
    CASE_DONE,
};

enum worker_stage {
    WORKER_RUNS,
    WORKER_ASKED,  /* got SIGUSR1, to say where it is; will be killed at kill_at */
    WORKER_KILLED, /* got SIGKILL from us */
};

enum worker_fault {
    FAULT_NONE,
    FAULT_DEADLINE, /* of a case, and the grace */
    FAULT_LOADING,  /* began no case in time */
    FAULT_WORDS,    /* said what cannot be read */
};

/* Bytes that become lines: `taken` of them have been given out and are dropped with the next read. */
struct lines {
    struct buf text;
    size_t taken;
};

/* A case that has begun and has no verdict. */
struct worker_case {
    uint32_t index;
    int64_t limit;    /* ns that it has, scaled */
    int64_t deadline; /* reckoned from when it was heard of */
};

struct worker {
    const struct suite_file *file; /* NULL: idle */
    enum case_state *states;       /* of each case of the file */
    uint32_t *tries;               /* of each: how often it has failed and is run again */
    const char **reasons;          /* of each: why it failed the first time, or NULL */
    struct arena memory;           /* of these */
    struct worker_case running[BOARD_CASES];
    uint32_t nrunning;
    uint32_t left;      /* cases without a verdict */
    unsigned unstarted; /* processes in a row that have died before they began a case */

    pid_t pid; /* 0: none */
    int pidfd;
    int control; /* our end of the pipe; -1 once it has ended */
    struct lines said;
    int64_t progress; /* when it last said something */
    enum worker_stage stage;
    int64_t kill_at;
    enum worker_fault fault;
    char words[160]; /* FAULT_WORDS: what was wrong with them */

    int spool; /* -1: none */
    uint64_t spool_read, spool_freed;
    struct lines spooled;
    struct handover packets; /* fd -1: none */
    struct board *board;
};

/* What every process of a run is started with. */
struct worker_setup {
    const struct settings *settings;
    int (*child)(const struct child_job *job);
    uint64_t memory;         /* RLIMIT_DATA in bytes, 0: as it is */
    const void *signal_mask; /* sigset_t that the process gets */
    int devnull;             /* its stdin */
};

/* 0 or -errno. */
int worker_init(struct worker *w, const struct settings *settings);
void worker_done(struct worker *w);
/* Takes a file: its selected cases are pending. */
void worker_take(struct worker *w, const struct suite_file *f);
/* The case has begun, or has ended. */
void worker_begin_case(struct worker *w, uint32_t index, int64_t limit, int64_t deadline);
void worker_end_case(struct worker *w, uint32_t index);
/* Of a case that runs, or NULL. */
const struct worker_case *worker_running(const struct worker *w, uint32_t index);
/* Starts a process for the cases that are pending. 0 or -errno. */
int worker_start(struct worker *w, const struct worker_setup *setup);
/* One read of what the pipe holds, once worker_line has given out all lines. False if there is nothing, the pipe has
 * ended, or a line is longer than WORKER_LINE_MOST (said.text.overflow). */
bool worker_read(struct worker *w);
/* The next whole line, without its newline; valid until the next worker_read. */
bool worker_line(struct worker *w, struct slice *ret);
/* The next line of the spool, read on as needed; valid until the next call. */
bool worker_spooled(struct worker *w, struct slice *ret);
/* Puts the line that worker_spooled has just given back. */
void worker_unspool(struct worker *w, struct slice line);
/* SIGUSR1 now, SIGKILL at kill_at. */
void worker_ask(struct worker *w, enum worker_fault fault, int64_t kill_at);
void worker_kill(struct worker *w);
/* Of a process that has ended (its pidfd is readable): wait status; the pipe and the pidfd are closed. */
int worker_reap(struct worker *w);

#endif
