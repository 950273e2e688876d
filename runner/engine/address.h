#ifndef ENGINE_ADDRESS_H
#define ENGINE_ADDRESS_H

/* Addresses as scenarios write them: a text, another actor, or a map with `to` and what goes with it. */

#include "engine/eval.h"
#include "engine/tls_plan.h"
#include "net/addr.h"
#include "net/sockopt.h"
#include "sockrun/status.h"

struct compiler;

struct option_plan {
    const struct sockopt *option;
    struct text_plan value;
    struct mark mark;
};

struct address_plan {
    struct text_plan text;
    struct mark mark;
    const struct actor_plan *actor; /* the whole address is `${actor}`: no Lua is needed */
    struct text_plan *bind;         /* or NULL */
    struct option_plan *options;
    uint32_t noptions;
    uint32_t backlog; /* listening; 0: the system's most */
    bool retry;
    int64_t retry_every; /* ns */
    uint32_t retry_times;
    struct fails_plan fails;
    struct tls_plan *tls; /* NULL: not written */
};

/* A scalar or a map. listening: `fails`, `retry` and `bind` make no sense. Schemes that this version does not speak are
 * errors. */
bool address_compile(struct compiler *c, const struct node *n, bool listening, struct address_plan *ret);
/* The text's address; not for those that name an actor. */
bool address_eval(const struct address_plan *p, struct eval *e, struct addr_spec *ret);
bool address_eval_bind(const struct address_plan *p, struct eval *e, struct addr *ret);
/* `set_option`'s map, and `options` of an address. In the compiler's arena. */
bool options_compile(struct compiler *c, const struct node *map, struct option_plan **ret, uint32_t *ret_n);
/* Sets all of them on a socket; false with e->why. */
bool options_apply(const struct option_plan *o, uint32_t n, int fd, int family, struct eval *e);

#endif
