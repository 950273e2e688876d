#ifndef SCENARIO_TABLES_H
#define SCENARIO_TABLES_H

/* The tables of fields that only this layer reads, beside those of load.h, and the keys of the language that this
 * version does not know yet. */

#include "doc/field.h"

extern const struct field scenario_include_fields[];
extern const struct field scenario_macro_fields[];
extern const struct field scenario_tls_fields[];
extern const struct field scenario_ready_fields[];
extern const struct field scenario_requires_fields[];
extern const struct field scenario_target_fields[];
extern const struct field scenario_xfail_fields[];

/* A key that is refused with a message of its own; NULL: "`key` is not part of this version". */
struct refused_key {
    const char *key;
    const char *why;
};

/* Of an actor. Ends with a zeroed one. */
extern const struct refused_key scenario_actor_refused[];

#endif
