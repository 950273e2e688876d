#ifndef ENGINE_BOARD_H
#define ENGINE_BOARD_H

/* Memory that a child shares with the supervisor: what it is doing, so that a child which was killed or has crashed can
 * still be reported on. The child writes and never waits; the supervisor reads, in earnest only once the child is dead.
 * Pointers in it are to constant data of the program, which is at the same address in both since the child is a fork.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    BOARD_ACTORS = 32,  /* as many are told by name, the rest by their number */
    BOARD_RECORDS = 64, /* the flight recorder: the last messages */
    BOARD_BYTES = 48,   /* kept of each */
    BOARD_NAME = 40,
    BOARD_PATH = 4,
    BOARD_FOLDER = 256,
    BOARD_CASES = 256,             /* that may run at the same time */
    BOARD_SLOTS = BOARD_CASES + 1, /* and what lives as long as the file */
};

struct board_actor {
    char name[BOARD_NAME]; /* "client 3"; "" is free */
    const char *verb;      /* what it does: a step's name; NULL before the first and after the last */
    uint32_t line, col;
    uint16_t path[BOARD_PATH]; /* 2.1 */
    int64_t since;             /* ns */
};

struct board_record {
    int64_t at;
    uint64_t offset;
    uint32_t size;
    char actor[BOARD_NAME]; /* its name: it may be over, and its entry another one's */
    bool sent;
    unsigned char bytes[BOARD_BYTES];
};

/* One for each case that runs, in a row. */
struct board {
    /* Of the process: in the first one only. */
    uint32_t slots;   /* how many of them have been in use, at least 1 */
    uint32_t running; /* the one whose tasks ran last */
    char lua[128];    /* "file:line" that a runaway chunk was at */
    /* Of a case. */
    int32_t case_index;        /* the running case, -1: none */
    int64_t started, deadline; /* ns; the deadline includes --timeout-scale */
    uint32_t nactors;          /* may be more than BOARD_ACTORS */
    struct board_actor actors[BOARD_ACTORS];
    uint32_t nrecords; /* ever; the newest is at (nrecords - 1) % BOARD_RECORDS */
    struct board_record records[BOARD_RECORDS];
    char folder[BOARD_FOLDER]; /* its temporary one, which must not outlive the process; "": none */
    char phase[64];            /* "loading", "stopping programs" ...; "" during steps */
};

/* BOARD_SLOTS of them in shared anonymous memory; NULL and errno if there is none. */
struct board *board_new(void);
void board_free(struct board *b);
/* All of the first, which is the only one in use then. */
void board_clear(struct board *b);
/* What is of a case. */
void board_clear_case(struct board *b);
/* The one that is used for this case, or NULL. */
const struct board *board_of_case(const struct board *b, int32_t case_index);
/* It has that temporary folder, or (NULL) none any more. */
void board_folder(struct board *b, const char *path);
/* The actor's entry, or NULL past BOARD_ACTORS. */
struct board_actor *board_actor(struct board *b, const char *name);
void board_record(struct board *b, int64_t at, uint16_t actor, bool sent, uint64_t offset, const void *bytes,
                  uint32_t size);
/* Of somebody who has no entry. */
void board_record_of(struct board *b, int64_t at, const char *actor, bool sent, uint64_t offset, const void *bytes,
                     uint32_t size);

#endif
