#ifndef CLI_REFERENCE_H
#define CLI_REFERENCE_H

/* What every form of the reference (text, Markdown, manual pages) shows, and in which order. */

#include "doc/field.h"
#include "net/sockopt.h"
#include "scenario/model.h"

struct reference_table {
    const char *title;
    const struct field *fields;
};

/* The tables that steps do not bring themselves; ends with a zeroed one. */
extern const struct reference_table reference_tables[];

/* Calls `put` for each field, and for those of maps within, which have no table of their own, as `tls.cert`. */
void reference_fields(const struct field *table, struct arena *a,
                      void (*put)(void *ctx, const char *name, const struct field *f), void *ctx);
/* The type of a field; of a value that may be anything its words say more: "". */
const char *reference_type(const struct field *f, struct arena *a);
/* What a step's verb takes. */
const char *reference_value(const struct step_schema *s, struct arena *a);
const char *reference_option_type(enum sockopt_type type);
/* Is it the first step of its group? `at` points into step_list. A group comes where its first step stands. */
bool reference_first_of_group(const struct step_schema *const *at);

#endif
