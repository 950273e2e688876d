#ifndef ENGINE_PAYLOAD_H
#define ENGINE_PAYLOAD_H

/* Payload forms (language 5): what `send` takes, and where an exact byte string is expected. */

#include "doc/field.h"
#include "engine/eval.h"
#include "op/send.h"

struct compiler;
struct pair;
struct payload;

enum { PAYLOAD_MOST = 64 << 20 }; /* bytes of a payload that is kept whole */

/* The keys that make a map a payload, with what each takes; ends with a zeroed one. `eol` may stand beside `line` and
 * `lines`. */
extern const struct field payload_forms[], payload_eol;
bool payload_is_key(struct slice key);

/* A scalar, a map with one payload key, or a list. lf: `line` and `lines` end in LF alone (the actor's `eol`; `eol`
 * beside the key wins). In the compiler's arena; NULL after errors. */
struct payload *payload_compile(struct compiler *c, const struct node *n);
/* The payload of one key and its value. */
struct payload *payload_compile_form(struct compiler *c, const struct pair *form);
/* What to send, segments in eval's arena (constant ones are shared and cost nothing). Bytes next to each other are one
 * segment. */
bool payload_segments(const struct payload *p, struct eval *e, const struct segment **ret, uint32_t *ret_n);
/* All of it as bytes, at most PAYLOAD_MOST. */
bool payload_bytes(const struct payload *p, struct eval *e, struct slice *ret);
/* Bytes that are known at load, or p NULL. */
struct slice payload_constant(const struct payload *p);

#endif
