#include "engine/dialing.h"
#include "engine/run.h"
#include "scenario/load.h"
#include "steps/kinds.h"

struct operand {
    struct tls_plan *tls;
    struct fails_plan fails;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    const struct node *fails = m->value && m->value->kind == NODE_MAP ? node_get(m->value, "fails") : NULL;
    in->operand = o;
    o->tls = tls_plan_compile(c, m->value, TLS_OF_EITHER);
    return fails_compile(c, fails, scenario_tls_fields, &o->fails) && o->tls;
}

/* The name that a client has connected to, else its peer's address. */
static const char *host_of(struct actor *a, const struct channel *ch)
{
    char text[ADDR_TEXT];
    if (ch->host) return ch->host;
    if (!ch->conn.peer.len) return NULL;
    return arena_dup(&a->arena, slice_of(addr_show_host(&ch->conn.peer.sa, ch->conn.peer.len, text, sizeof text)));
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *o = in->operand;
    struct channel *ch = actor_channel(a, in);
    struct tls_settings s;
    struct eval e = actor_eval(a);
    if (!ch) return WENT_FAILED;
    if (ch->conn.closed)
        return actor_fail(a, "misuse", (struct mark){0}, "this actor has closed the connection before");
    if (ch->conn.tls) return actor_fail(a, "misuse", (struct mark){0}, "TLS is spoken on this connection already");
    const bool datagrams = ch->conn.datagrams != NULL;
    if (datagrams && ch->conn.datagrams->scheme != ADDR_UDP)
        return actor_fail(a, "misuse", (struct mark){0}, "TLS is spoken over streams and UDP, not over `%s`",
                          addr_scheme_name(ch->conn.datagrams->scheme));
    if (!tls_plan_eval(o->tls, &e, ch->conn.server, datagrams, &s)) return actor_fail_eval(a, &e);
    if (!dialing_secure(a, ch, &s, host_of(a, ch))) return WENT_FAILED;
    handshake_begin(&room->handshake, &ch->conn);
    room->handshake.refused = o->fails.written && o->fails.status != SR_TIMEOUT;
    return WENT_ON;
}

static enum went finish(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct fails_plan *f = &((const struct operand *)in->operand)->fails;
    (void)room;
    if (!f->written) return WENT_ON;
    return actor_fail(a, "connected", f->mark, "expected `%s`, but the handshake was done", sr_status_name(f->status));
}

static enum went failed(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct fails_plan *f = &((const struct operand *)in->operand)->fails;
    const struct op *op = &room->op;
    const char *another = NULL;
    bool same = false;
    struct eval e = actor_eval(a);
    if (op->failure != OP_STATUS) return actor_fail(a, "misuse", (struct mark){0}, "%s", op->why);
    const char *kind = sr_status_name(op->status), *why = op->why ? op->why : strerror(op->error);
    if (f->written && !fails_as_expected(f, &e, op->status, why, &same, &another)) return actor_fail_eval(a, &e);
    if (same) return WENT_ON;
    if (another) return actor_fail(a, kind, f->mark, "%s: %s: %s", kind, why, another);
    if (f->written)
        return actor_fail(a, kind, f->mark, "expected `%s`, got `%s`: %s", sr_status_name(f->status), kind, why);
    return actor_fail(a, kind, (struct mark){0}, "%s: %s", kind, why);
}

static bool expects_timeout(const struct instr *in)
{
    const struct fails_plan *f = &((const struct operand *)in->operand)->fails;
    return f->written && f->status == SR_TIMEOUT;
}

static void explain(const struct instr *in, const union op_room *room, struct buf *out)
{
    (void)in;
    buf_printf(out, "the handshake stands at: %s", tls_stands_at(room->op.conn->tls));
}

const struct step_kind step_tls = {
    .schema =
        {
            .name = "tls",
            .group = "connection",
            .value = {.type = FIELD_MAP, .fields = scenario_tls_fields, .flags = FIELD_OPTIONAL_VALUE},
            .flags = STEP_CONNECTION,
            .doc = "From here on TLS is spoken on the connection, over UDP DTLS: STARTTLS, on either side. Who has "
                   "accepted it is the server. It waits for the handshake. Bytes that came before and "
                   "that no step has taken belong to the handshake, which fails by them if they are no "
                   "TLS: nothing that was sent in plain is ever taken as protected.\n\nA client verifies "
                   "the certificate, for `server_name` or else for what it has connected to. A server "
                   "without a `cert` gets one from an authority that is made for this run, which clients "
                   "of the run trust, and which `${server.ca_file}` names for others.",
            .example = "- send: {line: STARTTLS}\n- expect: {line: {starts_with: \"220\"}}\n- tls: {server_name: "
                       "mail.test}\n- send: {line: EHLO again}\n",
        },
    .compile = compile,
    .begin = begin,
    .finish = finish,
    .failed = failed,
    .expects_timeout = expects_timeout,
    .explain = explain,
};
