#ifndef UTIL_JSONW_H
#define UTIL_JSONW_H

/* A flat JSON writer into a buffer: for events, which are hot. Commas are its affair. Text that is no UTF-8 is written
 * with U+FFFD for each bad byte; use jsonw_bytes for bytes that must survive. */

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

struct jsonw {
    struct buf *out;
    bool comma;
};

void jsonw_init(struct jsonw *w, struct buf *out);
/* key NULL inside arrays and at the top. */
void jsonw_open(struct jsonw *w, const char *key, char bracket); /* '{' or '[' */
void jsonw_close(struct jsonw *w, char bracket);                 /* '}' or ']' */
void jsonw_text(struct jsonw *w, const char *key, struct slice value);
/* Nothing is written if value is NULL. */
void jsonw_str(struct jsonw *w, const char *key, const char *value);
void jsonw_int(struct jsonw *w, const char *key, int64_t value);
void jsonw_number(struct jsonw *w, const char *key,
                  double value); /* shortest form that reads back; nan and inf as null */
void jsonw_bool(struct jsonw *w, const char *key, bool value);
void jsonw_null(struct jsonw *w, const char *key);
/* base64 */
void jsonw_bytes(struct jsonw *w, const char *key, struct slice value);

#endif
