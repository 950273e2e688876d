#ifndef CLI_SCHEMA_H
#define CLI_SCHEMA_H

/* Tables of fields as JSON Schema (draft-07), in jansson's values, which the caller owns. */

#include <jansson.h>

#include "cli/options.h"
#include "doc/field.h"
#include "util/buf.h"

/* A schema that is defined once: {"$ref": "#/definitions/NAME"}. */
json_t *schema_ref(const char *name);
/* {"anyOf": [..]}: takes over the list. */
json_t *schema_any(json_t *list);
/* Whatever a map of this table may hold. With `open`, other keys too. */
json_t *schema_map(const struct field *table, bool open);
/* The same, but as a reference where it is one of the tables that schema_define defines. */
json_t *schema_table(const struct field *table, bool open);
/* What a field takes, with its description and its default. */
json_t *schema_field(const struct field *f);
/* Takes over the schema; doc NULL: nothing is added. */
json_t *schema_describe(json_t *schema, const char *doc);
/* Defines the forms of scalars, and the tables that are used in several places. */
void schema_define(json_t *definitions);

/* Appends the schema of scenario files. */
void schema_text(const struct options *o, struct buf *out);

#endif
