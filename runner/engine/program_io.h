#ifndef ENGINE_PROGRAM_IO_H
#define ENGINE_PROGRAM_IO_H

/* What a running program says: reads stderr, and stdout where no step reads it, keeps the ends of both for reports, and
 * looks at their lines until one shows that the program is ready. */

#include "engine/program_run.h"
#include "engine/program_spawn.h"
#include "op/dial.h"

enum {
    TAIL_MOST = 64 << 10, /* bytes kept of each output */
    LINE_MOST = 64 << 10, /* of a longer line only its beginning is looked at */
};

/* stdout or stderr. */
struct output {
    struct buf line; /* that has no end yet; only while lines are looked at */
    struct buf tail;
};

enum stdout_use {
    STDOUT_STEPS, /* the actor's steps read it */
    STDOUT_PEEK,  /* they will: until the program is ready lines are looked at and stay there */
    STDOUT_DRAIN,
};

struct passed {
    int fd;
    struct addr addr;
};

struct program_wait;

struct program_io {
    struct program *program;
    struct channel *channel; /* the actor's: stdin and stdout */
    struct watch err, ended;
    struct output out, errors;
    enum stdout_use use;
    uint64_t seen; /* position in stdout up to which its lines were looked at */
    struct passed *pass;
    char name[PROGRAM_NAME];

    /* Readiness. */
    const struct matcher *matcher; /* of a line of output; NULL: none is looked for, or it was found */
    bool found;
    bool broken;         /* actor_fail has been told */
    struct arena arena;  /* of the operands */
    union op_room check; /* connect, file */
    bool checking;
    struct addr_spec address;
    const char *file;
    bool denied; /* the file may not be looked at */

    int64_t kill_at; /* 0: not being stopped */
    bool killed;
    bool was_ready;
    struct program_wait *waits;
    struct buf report;
};

/* Watches the process that has just been started. 0 or -errno. */
int program_io_open(struct program *p);
/* Reads what is there. last: it has ended, so that nothing more will come from it. */
void program_io_read(struct program *p, bool last);
/* No more looking at lines. */
void program_io_found(struct program *p);
/* Forgets watches and lines; the tails stay for reports. */
void program_io_close(struct program *p);

#endif
