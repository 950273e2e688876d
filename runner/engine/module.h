#ifndef ENGINE_MODULE_H
#define ENGINE_MODULE_H

/* Message modules at work: loaded into a Lua state on first use, encoding what is sent, and decoding each place of a
 * stream once, whoever asks. What decode does to its `ctx` counts when the message is taken, and not before. */

#include "engine/eval.h"
#include "engine/modules.h"
#include "op/expect.h"

/* ctx of an expectation's framing. */
struct module_want {
    const struct module_spec *module;
    const struct module_message *message; /* NULL: any of its messages */
    struct lazy_lua *lua;
};
/* Fills in framing, ctx and functions. */
void module_expect(struct module_want *w, struct expectation *x);
/* Pushes the fields of the message that was decoded at the connection's place, or nil. */
void module_push_message(lua_State *L, const struct conn *c, const struct module_spec *m);
/* Which message that is; NULL: none. */
const struct module_message *module_message_at(const struct conn *c, const struct module_spec *m);
/* Replaces the value on top of the stack (fields, or the one value) by the message's bytes. conn may be NULL. To be
 * called protected. */
void module_encode(lua_State *L, const struct module_spec *m, const struct module_message *k, struct conn *c);
/* Pushes the `ctx` that the module has for the connection. To be called protected. */
void module_push_ctx(lua_State *L, const struct module_spec *m, struct conn *c);

#endif
