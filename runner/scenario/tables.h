#ifndef SCENARIO_TABLES_H
#define SCENARIO_TABLES_H

/* The tables of fields that only this layer reads, beside those of load.h. */

#include "doc/field.h"

extern const struct field scenario_include_fields[];
extern const struct field scenario_macro_fields[];
extern const struct field scenario_ready_fields[];
extern const struct field scenario_session_fields[];
extern const struct field scenario_requires_fields[];
extern const struct field scenario_target_fields[];
extern const struct field scenario_xfail_fields[];

#endif
