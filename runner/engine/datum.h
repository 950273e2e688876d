#ifndef ENGINE_DATUM_H
#define ENGINE_DATUM_H

/* Values as YAML writes them where no field gives a type (`vars`, `set`, `put`, `with`, rows, below `json:`), with
 * `${}` inside. */

#include "engine/eval.h"
#include "match/view.h"
#include "util/buf.h"

struct compiler;
struct datum;

/* In the compiler's arena; NULL after errors. */
struct datum *datum_compile(struct compiler *c, const struct node *n);
/* No `${}` in it: neither Lua nor an env is needed for its JSON and its view. */
bool datum_constant(const struct datum *d);
/* Pushes it on the Lua stack: maps and lists as tables, null as json.null. */
bool datum_push(const struct datum *d, struct eval *e);
/* Appends compact JSON, keys in the order of the text. */
bool datum_json(const struct datum *d, struct eval *e, struct buf *out);
/* As a view, in eval's arena. */
bool datum_view(const struct datum *d, struct eval *e, struct view *ret);

#endif
