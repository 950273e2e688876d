#ifndef ENGINE_MATCHING_H
#define ENGINE_MATCHING_H

/* Matchers as scenarios write them (language 6) -> match/matcher.h, with `${}` filled in at the start of the step. */

#include "doc/field.h"
#include "engine/eval.h"
#include "match/matcher.h"

struct compiler;
struct matching;

/* The keys that make a map a matcher, with what each takes outside of templates; ends with a zeroed one. */
extern const struct field matching_forms[];
bool matching_is_key(struct slice key);

/* A scalar (`eq`), a map of matcher keys (all of them), a payload form (exactly these bytes). Names of groups in
 * `matches` become captures (compile_define). With `template`, a map that holds other keys is a template and a list is
 * element by element, as below `json:` and modules' names; `{$fields: {..}}` says fields. NULL after errors. */
struct matching *matching_compile(struct compiler *c, const struct node *n, bool template);
/* A template for the fields of a message, or for its one value, as their types say. */
struct module_key;
struct matching *matching_compile_message(struct compiler *c, const struct module_key *key, const struct node *n);
/* Names of groups in a text that is, or may become, a pattern: (?<name>, (?P<name> and (?'name' define captures. */
void matching_define_groups(struct compiler *c, struct slice text, struct mark mark);
/* Both of two matchers; one of them may be NULL. */
struct matching *matching_compile_both(struct compiler *c, const struct node *one, const struct node *other);
/* With every operand known, in eval's arena; constant ones are shared. */
bool matching_eval(const struct matching *m, struct eval *e, const struct matcher **ret);
/* Where the matcher with this id was written (match_report.id). */
struct mark matching_mark(const struct matching *m, unsigned id);

#endif
