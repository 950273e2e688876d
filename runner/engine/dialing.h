#ifndef ENGINE_DIALING_H
#define ENGINE_DIALING_H

/* Connecting and accepting as steps: an actor's own `connect` and `listen`, and the verbs of the same names. */

#include "engine/step.h"

/* An actor's own: operand of connect_kind is its struct address_plan. */
extern const struct step_kind connect_kind;
extern const struct step_kind accept_kind;

enum went dialing_connect_begin(struct actor *a, const struct instr *in, union op_room *room);
enum went dialing_connect_finish(struct actor *a, const struct instr *in, union op_room *room);
/* A connect that failed: WENT_ON if that was expected, else WENT_FAILED. */
enum went dialing_connect_failed(struct actor *a, const struct instr *in, union op_room *room);
/* Its `fails` is `timeout`. */
bool dialing_connect_expects_timeout(const struct instr *in);
/* For a timeout: how far the last attempt went. */
void dialing_connect_explain(const struct instr *in, const union op_room *room, struct buf *out);
enum went dialing_accept_begin(struct actor *a, const struct instr *in, union op_room *room);
enum went dialing_accept_finish(struct actor *a, const struct instr *in, union op_room *room);

/* Begins TLS on a connection; `host` is what a client asks for if the settings name nothing. False after actor_fail. */
struct tls_settings;
bool dialing_secure(struct actor *a, struct channel *ch, const struct tls_settings *s, const char *host);
/* An accepted connection whose handshake is not done, as must be before it is closed in order: the step waits for that,
 * and goes on in its `finish`. False: there is nothing to wait for. */
bool dialing_must_shake(const struct channel *ch);
enum went dialing_shake_first(struct actor *a, const struct instr *in, struct channel *ch);

/* The socket address that an address_plan stands for, for a connect: of another actor, what it listens on. */
bool dialing_address(struct actor *a, const struct address_plan *p, struct addr_spec *ret);
/* Opens again an actor's listener that is closed, on the very address that it had, as its address says. */
enum went dialing_listen_again(struct actor *a, struct actor *whom);
/* Its listener refuses from now on, or takes connections again, as the plan of the actor has it. */
enum went dialing_refuse(struct actor *a, bool refuses);
/* Opens an actor's listener. WENT_ON, or WENT_FAILED after actor_fail. */
enum went dialing_listen(struct actor *a);

#endif
