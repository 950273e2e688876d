#ifndef REPORT_OUTFILE_H
#define REPORT_OUTFILE_H

/* A file that is there in full or not at all: written under another name beside its own, and renamed at the end. What
 * goes wrong is remembered, the first thing only, and nothing is written after it. What is no regular file (a device, a
 * pipe) is written to directly; "-" is standard output. */

#include "util/buf.h"
#include "util/slice.h"

struct outfile {
    char *path;   /* as given, for messages */
    char *target; /* what it becomes; NULL if written directly */
    char *tmp;    /* NULL if written directly, or once renamed */
    int fd;
    unsigned mode;
    struct buf pending; /* not stdio's: a forked child must never write it a second time */
    char *error;
};

void outfile_open(struct outfile *o, const char *path);
/* At the end of what stands there: for a file that other programs add to as well. */
void outfile_open_end(struct outfile *o, const char *path);
void outfile_add(struct outfile *o, struct slice s);
/* Writes what is left, closes and renames. Once. */
void outfile_commit(struct outfile *o);
/* Remembers that the report itself could not be made: "cannot write x.xml: <why>". */
void outfile_fail(struct outfile *o, const char *why);
/* NULL, or "cannot write x.xml: No space left on device". */
const char *outfile_error(const struct outfile *o);
/* Without a commit before it nothing stays behind. */
void outfile_done(struct outfile *o);

#endif
