#include "engine/dialing.h"

#include <errno.h>
#include <string.h>

#include "engine/run.h"
#include "engine/scope.h"
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
    struct addr_spec spec;
    struct addr bind;
    struct setting setting;
};

enum went dialing_connect_begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct address_plan *p = plan_of(in);
    struct dialing *d = ARENA_NEW(&a->arena, struct dialing);
    struct eval e = actor_eval(a);
    if (!dialing_address(a, p, &d->spec)) return WENT_FAILED;
    if (p->bind && !address_eval_bind(p, &e, &d->bind)) return actor_fail_eval(a, &e);
    connect_begin(&room->connect, a->task.sched, &a->run->permit, &d->spec, p->bind ? &d->bind : NULL, &a->run->need);
    d->setting = (struct setting){.actor = a, .plan = p};
    if (p->noptions) room->connect.setup = (struct sock_setup){set_options, &d->setting};
    if (p->retry) {
        room->connect.retries = p->retry_times - 1;
        room->connect.retry_every = p->retry_every;
    }
    return WENT_ON;
}

enum went dialing_connect_finish(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct address_plan *p = plan_of(in);
    struct connect_op *o = &room->connect;
    if (p->fails && p->fails_as == SR_RESET && o->reset) return WENT_ON;
    if (p->fails) {
        return actor_fail(a, "connected", p->fails_mark, "expected `%s`, but it connected",
                          sr_status_name(p->fails_as));
    }
    const struct addr peer = *connect_peer(o);
    const int fd = connect_take(o);
    struct channel *ch = actor_attach(a, fd, o->spec->scheme, in->nas ? in->as[0] : NULL, &peer);
    if (!ch) return WENT_FAILED;
    ch->conn.was_reset = o->reset;
    return WENT_ON;
}

enum went dialing_connect_failed(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct address_plan *p = plan_of(in);
    const struct op *op = &room->op;
    const struct setting *set = room->connect.setup.ctx;
    if (set && set->why) return actor_fail(a, "system", set->mark, "%s", set->why);
    if (p->fails && op->failure == OP_STATUS && op->status == p->fails_as) return WENT_ON;
    if (op->failure == OP_STATUS && op->status == SR_DENIED)
        return actor_fail(a, "permission", p->mark, "not permitted: %s; allow it with %s", a->run->need.what,
                          a->run->need.flag);
    char where[ADDR_TEXT];
    const struct addr *to = connect_peer(&room->connect);
    const char *at = to->len ? addr_show(&to->sa, to->len, where, sizeof where) : room->connect.spec->host;
    const char *kind = op->failure == OP_STATUS ? sr_status_name(op->status) : "system";
    const char *why = op->error ? strerror(op->error) : op->why ? op->why : kind;
    if (p->fails)
        return actor_fail(a, kind, p->fails_mark, "expected `%s`, got `%s`: %s: %s", sr_status_name(p->fails_as), kind,
                          at, why);
    return actor_fail(a, kind, p->mark, "%s: %s: %s", kind, at, why);
}

void dialing_connect_explain(const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct op *op = &room->op;
    (void)in;
    if (op->failure == OP_STATUS)
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
    const enum addr_scheme scheme = a->listener->scheme;
    struct channel *ch = listener_is_datagrams(a->listener)
                             ? actor_attach_listener(a)
                             : actor_attach(a, accept_take(&room->accept), scheme, in->nas ? in->as[0] : NULL, NULL);
    if (ch) ch->conn.server = true;
    return ch ? WENT_ON : WENT_FAILED;
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
    return WENT_ON;
}

enum went dialing_listen_again(struct actor *a, struct actor *whom)
{
    const struct address_plan *p = &whom->plan->address;
    struct setting set = {.actor = whom, .plan = p};
    const struct sock_setup setup = {set_options, &set};
    const int r = listener_again(whom->listener, &a->run->permit, (int)p->backlog, &setup, &a->run->need);
    return r < 0 ? cannot_listen(a, p, &set, r) : WENT_ON;
}

const struct step_kind connect_kind = {
    .schema = {.name = "connect", .flags = 0},
    .begin = dialing_connect_begin,
    .finish = dialing_connect_finish,
    .failed = dialing_connect_failed,
    .explain = dialing_connect_explain,
};

const struct step_kind accept_kind = {
    .schema = {.name = "accept", .flags = STEP_OPENING},
    .begin = dialing_accept_begin,
    .finish = dialing_accept_finish,
    .untimed = true,
};
