#ifndef RUN_SUITE_H
#define RUN_SUITE_H

/* What will run: of each file that is in order its text, and its cases by name, line, tags and timeout. Everything else
 * that checking made is dropped again, since the process is forked for each file and a fork copies its page tables. */

#include <stdbool.h>
#include <stdint.h>

#include "engine/child.h"
#include "run/paths.h"
#include "run/select.h"
#include "util/arena.h"
#include "util/diag.h"

enum { SUITE_FILE_MOST = 16 << 20 }; /* bytes of one file */

struct suite_case {
    const char *name; /* "" if the file has one case without a name */
    const char *tags; /* separated by blanks; "" */
    uint32_t line;
    int64_t timeout;                               /* ns, not scaled */
    const char *id, *ref, *quote, *level, *covers; /* what stands on it, or NULL each */
    const char *serial;                            /* what it shares, or NULL */
    struct place id_place, only;                   /* line 0: there is none */
};

struct suite_file {
    const char *name;         /* as shown */
    const char *title;        /* that it gives itself; "" */
    const char *folder;       /* absolute */
    struct child_text *texts; /* [0] the file, then every included one by its absolute path */
    uint32_t ntexts;
    struct suite_case *cases;
    uint32_t ncases;
    uint32_t *selected; /* indices of the cases that will run, in order */
    uint32_t nselected;
    const char *serial;   /* what it shares itself, or NULL */
    const char **serials; /* what its selected cases and itself share with others */
    uint32_t nserials;
    bool script; /* a test script in Lua: its cases are not known when it was only compiled */
};

struct suite {
    struct arena arena;
    struct suite_file *files;
    uint32_t n;
    uint32_t ncases, nselected; /* of all files */
    struct diags diags;         /* of all files: with any there, nothing may run */
};

/* Reads and checks every file. What is not about the text of a scenario (a file that cannot be read, a line where no
 * case is) goes to paths->wrong, and the result is false. Lines of paths and the selection (NULL: all) say what is
 * selected. */
bool suite_load(struct suite *s, struct paths *paths, const struct settings *settings, struct selection *selection);
void suite_done(struct suite *s);
/* Only cases that say `only` stay selected, if there are any. */
void suite_keep_only(struct suite *s);
/* What the selected cases share, so that the supervisor knows: after all selecting is done. */
void suite_note_serials(struct suite *s);
/* The source line of the file's own text, without its end; empty if there is none. */
struct slice suite_line(const struct suite_file *f, uint32_t line);
/* How many different errors the diagnostics hold, and in how many files. */
void suite_errors(const struct suite *s, uint32_t *ret_errors, uint32_t *ret_files);

#endif
