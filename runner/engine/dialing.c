#include "engine/dialing.h"

#include <errno.h>
#include <string.h>

#include "engine/run.h"
#include "engine/scope.h"
#include "engine/wait.h"
#include "engine/witness.h"
#include "util/mem.h"

bool dialing_address(struct actor *a, const struct address_plan *p, struct addr_spec *ret)
{
    struct eval e = actor_eval(a);
    if (!p->actor) {
        if (address_eval(p, &e, ret)) return true;
        actor_fail_eval(a, &e);
        return false;
    }
    char text[ADDR_TEXT + 16];
    size_t at;
    const struct actor *other = a->run->first[p->actor->index];
    if (other && scope_actor_address(other, text, sizeof text) && !addr_parse(slice_of(text), ret, &at)) return true;
    actor_fail(a, "misuse", p->mark, "`%s` has no address: it does not listen", p->actor->name);
    return false;
}

static const struct address_plan *plan_of(const struct instr *in)
{
    return in->operand;
}

/* Options of an address are set on the fresh socket; what is wrong with one is remembered for the report. */
struct setting {
    struct actor *actor;
    const struct address_plan *plan;
    const char *why;
    struct mark mark;
};

static int set_options(void *ctx, int fd, int family)
{
    struct setting *s = ctx;
    struct eval e = actor_eval(s->actor);
    if (options_apply(s->plan->options, s->plan->noptions, fd, family, &e)) return 0;
    s->why = e.why;
    s->mark = e.mark;
    return -EINVAL;
}

/* What a connect needs besides its op; lives as long as the step. */
struct dialing {
    struct setting setting; /* first */
    const struct instr *in;
    struct addr_spec spec;
    struct addr bind;
    struct tls_settings tls;
    struct channel *channel; /* once it is established, and before the handshake; NULL without TLS */
    struct handshake_op handshake;
};

static struct channel *attach_connected(struct actor *a, const struct instr *in, struct connect_op *o)
{
    const struct addr peer = *connect_peer(o);
    const int fd = connect_take(o);
    struct channel *ch = actor_attach(a, fd, o->spec->scheme, in->nas ? in->as[0] : NULL, &peer);
    if (!ch) return NULL;
    ch->conn.was_reset = o->reset;
    if (o->spec->named) ch->host = arena_dup(&a->run->arena, slice_of(o->spec->host));
    return ch;
}

bool dialing_secure(struct actor *a, struct channel *ch, const struct tls_settings *s, const char *host)
{
    char why[TLS_WHY] = "OpenSSL has no room for it";
    struct tls_context *c = tls_context_get(a->run->base->tls, s, why);
    const bool ok = c && conn_secure(&ch->conn, c, s->server_name ? s->server_name : host);
    tls_context_free(c);
    if (!ok) actor_fail(a, "misuse", (struct mark){0}, "TLS cannot begin: %s", why);
    return ok;
}

/* It was told already. */
static enum op_result gone_poll(struct op *op, struct task *t)
{
    (void)t;
    return op_fail(op, OP_GONE, "TLS cannot begin");
}

/* The handshake is part of the connect: what it meets is how the connect has failed. */
static struct op *shake_hands(struct connect_op *o)
{
    static const struct op_type gone = {.name = "handshake", .poll = gone_poll};
    struct dialing *d = o->setup.ctx;
    struct actor *a = d->setting.actor;
    struct channel *ch = attach_connected(a, d->in, o);
    d->channel = ch;
    if (ch && dialing_secure(a, ch, &d->tls, d->spec.host))
        handshake_begin(&d->handshake, &ch->conn);
    else
        d->handshake.op = (struct op){.type = &gone};
    d->handshake.refused = d->setting.plan->fails.written && d->setting.plan->fails.status == SR_TLS;
    return &d->handshake.op;
}

static void let_go(struct connect_op *o)
{
    struct dialing *d = o->setup.ctx;
    op_cancel(o->following, o->task);
    if (d->channel) actor_drop(d->setting.actor, d->channel);
    d->channel = NULL;
}

/* Whether `tls` has a meaning is known when the address is. */
static bool begin_tls(struct actor *a, struct dialing *d, struct connect_op *o)
{
    const struct tls_plan *p = d->setting.plan->tls;
    struct eval e = actor_eval(a);
    const bool datagram = d->spec.scheme == ADDR_DTLS;
    if (d->spec.scheme != ADDR_TLS && !datagram) {
        if (p)
            actor_fail(a, "misuse", p->mark, "`tls` is for tls:// and dtls:// addresses, and this one is %s://",
                       addr_scheme_name(d->spec.scheme));
        return !p;
    }
    o->follow = shake_hands;
    o->unfollow = let_go;
    if (tls_plan_eval(p, &e, false, datagram, &d->tls)) return true;
    actor_fail_eval(a, &e);
    return false;
}

enum went dialing_connect_begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct address_plan *p = plan_of(in);
    struct dialing *d = ARENA_NEW(&a->arena, struct dialing);
    struct eval e = actor_eval(a);
    if (!dialing_address(a, p, &d->spec)) return WENT_FAILED;
    if (p->bind && !address_eval_bind(p, &e, &d->bind)) return actor_fail_eval(a, &e);
    connect_begin(&room->connect, a->task.sched, &a->run->permit, &d->spec, p->bind ? &d->bind : NULL, &a->run->need);
    d->in = in;
    d->setting = (struct setting){.actor = a, .plan = p};
    room->connect.setup = (struct sock_setup){p->noptions ? set_options : NULL, d};
    if (!begin_tls(a, d, &room->connect)) return WENT_FAILED;
    if (p->retry) {
        room->connect.retries = p->retry_times - 1;
        room->connect.retry_every = p->retry_every;
    }
    return WENT_ON;
}

enum went dialing_connect_finish(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct fails_plan *f = &plan_of(in)->fails;
    struct connect_op *o = &room->connect;
    if (f->written && f->status == SR_RESET && o->reset) return WENT_ON;
    if (f->written)
        return actor_fail(a, "connected", f->mark, "expected `%s`, but it connected", sr_status_name(f->status));
    return o->following || attach_connected(a, in, o) ? WENT_ON : WENT_FAILED;
}

static struct channel *begun(const struct connect_op *o)
{
    return o->following ? ((struct dialing *)o->setup.ctx)->channel : NULL;
}

/* The failure that was expected leaves no connection. */
static enum went drop_begun(struct actor *a, struct connect_op *o)
{
    struct channel *ch = begun(o);
    if (!ch) return WENT_ON;
    op_cancel(o->following, &a->task);
    o->following = NULL;
    o->op.conn = NULL;
    actor_drop(a, ch);
    return WENT_ON;
}

enum went dialing_connect_failed(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct address_plan *p = plan_of(in);
    const struct op *op = &room->op;
    const struct setting *set = room->connect.setup.ctx;
    const char *another = NULL;
    bool same = false;
    if (op->failure == OP_GONE) return WENT_FAILED;
    if (set->why) return actor_fail(a, "system", set->mark, "%s", set->why);
    const char *kind = op->failure == OP_STATUS ? sr_status_name(op->status) : "system";
    const char *why = op->why ? op->why : op->error ? strerror(op->error) : kind;
    struct eval e = actor_eval(a);
    if (p->fails.written && op->failure == OP_STATUS &&
        !fails_as_expected(&p->fails, &e, op->status, why, &same, &another))
        return actor_fail_eval(a, &e);
    if (same) return drop_begun(a, &room->connect);
    if (op->failure == OP_STATUS && op->status == SR_DENIED)
        return actor_fail(a, "permission", p->mark, "not permitted: %s; allow it with %s", a->run->need.what,
                          a->run->need.flag);
    char where[ADDR_TEXT];
    const struct addr *to = connect_peer(&room->connect);
    const char *at = to->len ? addr_show(&to->sa, to->len, where, sizeof where) : room->connect.spec->host;
    if (another) return actor_fail(a, kind, p->fails.mark, "%s: %s: %s: %s", kind, at, why, another);
    if (p->fails.written)
        return actor_fail(a, kind, p->fails.mark, "expected `%s`, got `%s`: %s: %s", sr_status_name(p->fails.status),
                          kind, at, why);
    return actor_fail(a, kind, p->mark, "%s: %s: %s", kind, at, why);
}

bool dialing_connect_expects_timeout(const struct instr *in)
{
    const struct fails_plan *f = &plan_of(in)->fails;
    return f->written && f->status == SR_TIMEOUT;
}

void dialing_connect_explain(const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct op *op = &room->op;
    const struct channel *ch = begun(&room->connect);
    (void)in;
    if (ch)
        buf_printf(out, "the handshake stands at: %s", tls_stands_at(ch->conn.tls));
    else if (op->failure == OP_STATUS)
        buf_printf(out, "%s at the last attempt", sr_status_name(op->status));
    else
        buf_adds(out, "no answer");
}

enum went dialing_accept_begin(struct actor *a, const struct instr *in, union op_room *room)
{
    (void)in;
    if (!a->listener) return actor_fail(a, "misuse", (struct mark){0}, "this actor does not listen");
    if (listener_is_datagrams(a->listener)) {
        if (a->accepted)
            return actor_fail(a, "misuse", (struct mark){0},
                              "datagrams come without being accepted: leave `accept` out");
        sleep_begin(&room->sleep, 0);
        return WENT_ON;
    }
    accept_begin(&room->accept, a->listener);
    return WENT_ON;
}

enum went dialing_accept_finish(struct actor *a, const struct instr *in, union op_room *room)
{
    a->accepted = true;
    struct channel *ch =
        listener_is_datagrams(a->listener)
            ? actor_attach_listener(a)
            : actor_attach_accepted(a, accept_take(&room->accept), a->listener, in->nas ? in->as[0] : NULL);
    if (ch) ch->conn.server = true;
    return ch ? WENT_ON : WENT_FAILED;
}

bool dialing_must_shake(const struct channel *ch)
{
    const struct tls *t = ch->conn.tls;
    return t && !t->done && !t->ended && !ch->conn.closed;
}

enum went dialing_shake_first(struct actor *a, const struct instr *in, struct channel *ch)
{
    union op_room room;
    handshake_begin(&room.handshake, &ch->conn);
    return wait_for_op(a, in, &room);
}

/* What its connections speak. Made once, since to make a certificate costs more than to accept. */
static enum went listen_tls(struct actor *a, const struct addr_spec *spec)
{
    const struct tls_plan *p = a->plan->address.tls;
    struct tls_settings s;
    char why[TLS_WHY];
    struct eval e = actor_eval(a);
    const bool datagram = spec->scheme == ADDR_DTLS;
    if (spec->scheme != ADDR_TLS && !datagram)
        return p ? actor_fail(a, "misuse", p->mark, "`tls` is for tls:// and dtls:// addresses, and this one is %s://",
                              addr_scheme_name(spec->scheme))
                 : WENT_ON;
    if (datagram && a->plan->session)
        return actor_fail(a, "misuse", a->plan->session_mark,
                          "`session` looks into datagrams, and those of dtls:// are closed");
    if (!tls_plan_eval(p, &e, true, datagram, &s)) return actor_fail_eval(a, &e);
    a->listener->tls = tls_context_get(a->run->base->tls, &s, why);
    if (a->listener->tls) return WENT_ON;
    return actor_fail(a, "misuse", p ? p->mark : a->plan->address.mark, "TLS cannot begin: %s", why);
}

static void tell_listening(struct actor *a, const struct addr_spec *spec)
{
    char name[BOARD_NAME];
    if (!emit_messages(a->run->base->emit)) return;
    struct event e = {.actor = actor_name(a, name, sizeof name), .place = source_place(a->plan->address.mark)};
    witness_listens(a->run->base->emit, a->listener, spec, &e);
}

static enum went cannot_listen(struct actor *a, const struct address_plan *p, const struct setting *set, int error)
{
    const struct permit_need *need = &a->run->need;
    if (set->why) return actor_fail(a, "system", set->mark, "%s", set->why);
    if (error == -PERMIT_DENIED)
        return actor_fail(a, "permission", p->mark, "not permitted: %s; allow it with %s", need->what, need->flag);
    return actor_fail(a, "system", p->mark, "cannot listen here: %s", strerror(-error));
}

enum went dialing_listen(struct actor *a)
{
    const struct address_plan *p = &a->plan->address;
    struct addr_spec spec;
    if (!dialing_address(a, p, &spec)) return WENT_FAILED;
    if (!a->listener) a->listener = mem_zalloc(sizeof *a->listener);
    if (spec.named) return actor_fail(a, "misuse", p->mark, "to listen takes a literal address, not a name");
    struct setting set = {.actor = a, .plan = p};
    const struct sock_setup setup = {set_options, &set};
    const int r =
        listener_open(a->listener, &a->run->sched, &a->run->permit, &spec, (int)p->backlog, &setup, &a->run->need);
    if (r < 0) return cannot_listen(a, p, &set, r);
    tell_listening(a, &spec);
    return listen_tls(a, &spec);
}

enum went dialing_listen_again(struct actor *a, struct actor *whom)
{
    const struct address_plan *p = &whom->plan->address;
    struct setting set = {.actor = whom, .plan = p};
    const struct sock_setup setup = {set_options, &set};
    const int r = listener_again(whom->listener, &a->run->permit, (int)p->backlog, &setup, &a->run->need);
    return r < 0 ? cannot_listen(a, p, &set, r) : WENT_ON;
}

enum went dialing_refuse(struct actor *a, bool refuses)
{
    const struct address_plan *p = &a->plan->address;
    struct run *run = a->run;
    struct setting set = {.actor = a, .plan = p};
    const struct sock_setup setup = {set_options, &set};
    const int r = refuses ? listener_refuse(a->listener, &run->permit, &setup, &run->need)
                          : listener_accept_again(a->listener, &run->permit, (int)p->backlog, &setup, &run->need);
    return r < 0 ? cannot_listen(a, p, &set, r) : WENT_ON;
}

const struct step_kind connect_kind = {
    .schema = {.name = "connect", .flags = 0},
    .begin = dialing_connect_begin,
    .finish = dialing_connect_finish,
    .failed = dialing_connect_failed,
    .expects_timeout = dialing_connect_expects_timeout,
    .explain = dialing_connect_explain,
};

const struct step_kind accept_kind = {
    .schema = {.name = "accept", .flags = STEP_OPENING},
    .begin = dialing_accept_begin,
    .finish = dialing_accept_finish,
    .untimed = true,
};
