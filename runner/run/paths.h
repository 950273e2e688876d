#ifndef RUN_PATHS_H
#define RUN_PATHS_H

/* What stands on the command line -> files. A folder is walked for `*.yaml`, `*.yml` and `*_test.lua`, sorted by name,
 * links to folders and names that begin with a dot passed over; `file.yaml:42` names a line; a file that is named twice
 * is there once. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"

enum { PATHS_MOST = 20000, PATHS_DEPTH = 64 };

struct path_file {
    char *name; /* as shown: as the user wrote it, or the folder's name and what is below it */
    dev_t device;
    ino_t inode;
    bool whole;      /* named without a line at least once */
    uint32_t *lines; /* the lines that were named, from 1 */
    uint32_t nlines;
};

struct paths {
    struct path_file *files;
    uint32_t n, size;
    const char *const *endings; /* of what a folder is walked for, instead of the above; ends with NULL */
    struct buf wrong; /* a line without a newline at its end for each thing that is wrong, newlines between them */
};

void paths_init(struct paths *p);
void paths_done(struct paths *p);
/* False if something is wrong with it: said in p->wrong. */
bool paths_add(struct paths *p, const char *argument);
/* A phrase on its own line in p->wrong. */
void paths_complain(struct paths *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
