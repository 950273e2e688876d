#ifndef ENGINE_MESSAGE_H
#define ENGINE_MESSAGE_H

/* `{module.message: fields}` as a payload: the fields are typed as the module says, and its encoder makes the bytes. */

#include "engine/eval.h"
#include "engine/modules.h"

struct compiler;
struct message_plan;

/* Is this the key of a message, or meant to be one? False: neither. True with ret->module NULL, or with ret->wrong,
 * after a diagnostic at the key. */
bool message_key(struct compiler *c, const struct node *key, struct module_key *ret);
/* A diagnostic: there is no module of this name. */
void message_unknown_module(struct compiler *c, struct slice name, struct mark mark);
/* In the compiler's arena; NULL after errors. */
struct message_plan *message_compile(struct compiler *c, const struct module_key *key, const struct node *name,
                                     const struct node *value);
/* Its bytes, in eval's arena. */
bool message_bytes(const struct message_plan *p, struct eval *e, struct slice *ret);
/* A diagnostic for a name that the message has no field of. */
void message_unknown_field(struct compiler *c, const struct module_key *key, const struct node *name);
/* A diagnostic for what a field of this type does not take. */
void message_wrong_type(struct compiler *c, const struct module_field *f, const struct node *value, const char *why);
/* A field's name as the first word of a message: "`status`", or "the value". */
const char *message_field_name(const struct module_field *f, struct arena *a);

#endif
