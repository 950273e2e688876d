#ifndef ENGINE_TLS_PLAN_H
#define ENGINE_TLS_PLAN_H

/* How TLS is to be spoken, as scenarios write it (language 4): `tls` of an address, and the step of that name. */

#include "doc/field.h"
#include "engine/eval.h"
#include "sockrun/status.h"
#include "tls/context.h"

struct compiler;
struct matching;

struct tls_plan {
    struct text_plan *cert, *key, *ca, *server_name, *ciphers; /* NULL: not written */
    struct text_plan *min_version, *max_version;
    struct text_plan *alpn;
    uint32_t nalpn;
    bool no_verify;
    enum tls_client_cert client_cert;
    struct mark mark;
};

/* What it is spoken over, as far as that is known before anything runs. */
enum tls_over { TLS_OF_EITHER, TLS_OF_STREAMS, TLS_OF_DATAGRAMS };

/* A map, or NULL for TLS as it is without one. What is fixed is checked: files are read, and looked into. NULL after
 * diagnostics. */
struct tls_plan *tls_plan_compile(struct compiler *c, const struct node *map, enum tls_over over);
/* The settings of one side, in e's arena; false with e->why. p NULL: nothing was written. */
bool tls_plan_eval(const struct tls_plan *p, struct eval *e, bool server, bool datagram, struct tls_settings *ret);

/* `fails: tls`, or what the reason must be: {tls: MATCHER}. */
struct fails_plan {
    bool written;
    enum sr_status status;
    struct matching *reason; /* of SR_TLS, or NULL */
    struct mark mark;
};
/* The table has a field `fails`, whose words are the failures that may be named. False after diagnostics. */
bool fails_compile(struct compiler *c, const struct node *n, const struct field *table, struct fails_plan *ret);
/* Whether this is the failure that was expected; if not, *ret_why may say how its reason differs. False with e->why if
 * that cannot be evaluated. */
bool fails_as_expected(const struct fails_plan *p, struct eval *e, enum sr_status status, const char *reason,
                       bool *ret_same, const char **ret_why);

#endif
