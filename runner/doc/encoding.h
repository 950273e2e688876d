#ifndef DOC_ENCODING_H
#define DOC_ENCODING_H

/* A source as libyaml sees it: characters, counted without a byte order mark. */

#include <stdbool.h>
#include <stdint.h>

#include "doc/source.h"
#include "util/diag.h"

struct encoding {
    struct slice text;  /* without the byte order mark */
    uint32_t base;      /* its offset in the source */
    bool ascii;         /* characters are bytes */
    size_t index, byte; /* the place that was asked for last */
};

/* Says where the source is no UTF-8 (RFC 3629) or holds characters that YAML forbids (YAML 1.2 5.1). Returns false if
 * it does. */
bool encoding_check(const struct source *s, struct diags *d, struct encoding *ret);
/* The offset in the source of the character at `index`. Costs the distance to the place that was asked for last. */
uint32_t encoding_offset(struct encoding *e, size_t index);

#endif
