#ifndef DOC_SYNTAX_H
#define DOC_SYNTAX_H

/* What libyaml finds wrong with a text, said in the words of somebody who wrote it. */

#include <yaml.h>

#include "doc/encoding.h"
#include "doc/source.h"
#include "util/diag.h"

/* Adds the one diagnostic for a parser that has failed. `last` is the scalar that was read last; its source is NULL if
 * there was none. */
void syntax_say(const yaml_parser_t *yaml, const struct source *s, struct encoding *e, struct mark last,
                struct diags *d);

#endif
