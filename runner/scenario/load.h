#ifndef SCENARIO_LOAD_H
#define SCENARIO_LOAD_H

/* YAML text -> model. Finds everything of form that is wrong in the file and what it includes, and goes on after each
 * error. */

#include "scenario/model.h"

enum { LOAD_CONCURRENCY_MOST = 256 };

struct load_options {
    const struct step_schema *const *steps; /* every verb; ends with NULL */
    const char *folder;                     /* absolute folder of the file */
    const char *target;                     /* address instead of the target's `to`, or NULL */
    /* The text of an included file, by its absolute path (relative only if `folder` is): true with text that lives as
     * long as the arena, or false with *ret_why a phrase ("No such file or directory"). */
    bool (*read)(void *ctx, const char *path, struct slice *ret_text, const char **ret_why);
    void *ctx;
};

/* The scenario in the arena, or NULL if nothing can be said about its cases. Diagnostics are in d in either case: with
 * any there, the scenario must not be run. */
struct scenario *scenario_load(const struct load_options *o, const char *name, struct slice text, struct arena *a,
                               struct diags *d);
/* Frees what is not in the arena: the maps of the sources' lines. Before the arena is done; NULL is fine. */
void scenario_done(struct scenario *s);

/* The tables of the file's own keys, of a case, an actor, an address map: for help, schema and reference. */
extern const struct field scenario_file_fields[];
extern const struct field scenario_case_fields[];
extern const struct field scenario_actor_fields[];
extern const struct field scenario_address_fields[];
extern const struct field scenario_proxy_fields[];
extern const struct field scenario_rule_fields[];
/* `tls` of an address, and the step of that name. */
extern const struct field scenario_tls_fields[];

#endif
