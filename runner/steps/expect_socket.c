#include <string.h>

#include "engine/matching.h"
#include "engine/run.h"
#include "net/sock.h"
#include "net/tcpinfo.h"
#include "steps/kinds.h"

static const struct field fields[] = {
    {.name = "state",
     .type = FIELD_CHOICE,
     .choices = tcp_state_choices,
     .doc = "The state, as the system names it (RFC 9293 3.3.2)"},
    {.name = "peer", .type = FIELD_MATCHER, .doc = "The peer's address, such as `tcp://127.0.0.1:80`"},
    {.name = "local", .type = FIELD_MATCHER, .doc = "Our address"},
    {.name = "rtt", .type = FIELD_MATCHER, .doc = "The smoothed round-trip time, compared with durations"},
    {.name = "mss", .type = FIELD_MATCHER, .doc = "The maximum segment size in bytes"},
    {.name = "retransmits", .type = FIELD_MATCHER, .doc = "Segments that were sent again, in all"},
    {.name = "unread", .type = FIELD_MATCHER, .doc = "Bytes received that no step has taken"},
    {.name = "unsent", .type = FIELD_MATCHER, .doc = "Bytes sent that the peer has not acknowledged"},
    {.name = "congestion", .type = FIELD_MATCHER, .doc = "The name of the congestion control"},
    {.name = NULL},
};

enum fact {
    FACT_PEER,
    FACT_LOCAL,
    FACT_RTT,
    FACT_MSS,
    FACT_RETRANSMITS,
    FACT_UNREAD,
    FACT_UNSENT,
    FACT_CONGESTION,
    FACTS
};

struct operand {
    enum tcp_state state; /* 0: not asked for */
    struct mark state_mark;
    struct matching *facts[FACTS]; /* in the order of the table, from `peer` on */
    struct mark marks[FACTS];
};

/* What is asked again and again until it holds. */
struct asked {
    const struct operand *operand;
    const struct conn *conn;
    struct arena *arena;
    const struct matcher *facts[FACTS];
    enum tcp_state state;
    struct mark mark; /* of what does not hold */
    const char *name, *why;
};

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    const struct node *state = node_get(m->value, "state");
    bool ok = true;
    in->operand = o;
    if (state && state->kind == NODE_SCALAR) {
        o->state = (enum tcp_state)tcp_state_of_name(state->text.p);
        o->state_mark = state->mark;
    }
    for (int i = 0; i < FACTS; i++) {
        const struct node *n = node_get(m->value, fields[i + 1].name);
        if (!n) continue;
        o->marks[i] = n->mark;
        o->facts[i] = matching_compile(c, n, i >= FACT_RTT && i < FACT_CONGESTION);
        ok &= o->facts[i] != NULL;
    }
    return ok;
}

static struct view address_view(struct arena *a, const struct addr_inet *at)
{
    char text[ADDR_TEXT];
    return view_bytes(slice_of(arena_printf(a, "tcp://%s", addr_show(&at->sa, at->len, text, sizeof text))));
}

static struct view integer_view(int64_t n)
{
    return (struct view){.type = VIEW_INT, .integer = n};
}

static struct view fact_view(const struct asked *k, const struct tcp_facts *f, enum fact fact)
{
    switch (fact) {
    case FACT_PEER: return address_view(k->arena, &k->conn->peer);
    case FACT_LOCAL: return address_view(k->arena, &k->conn->local);
    case FACT_RTT: return integer_view(f->rtt);
    case FACT_MSS: return integer_view(f->mss);
    case FACT_RETRANSMITS: return integer_view(f->total_retransmits);
    case FACT_UNREAD: return integer_view((int64_t)f->unread + k->conn->n);
    case FACT_UNSENT: return integer_view(f->unsent);
    case FACT_CONGESTION: return view_bytes(slice_of(f->congestion));
    case FACTS: break;
    }
    return (struct view){.type = VIEW_ABSENT};
}

static bool fails(struct asked *k, struct mark mark, const char *name, const char *why)
{
    k->mark = mark;
    k->name = name;
    k->why = why;
    return false;
}

static bool holds(void *ctx)
{
    struct asked *k = ctx;
    const struct operand *o = k->operand;
    struct tcp_facts facts = {0};
    if (k->conn->closed)
        tcp_state_of_pair(&k->conn->local, &k->conn->peer, &facts.state);
    else
        tcp_facts_of_fd(k->conn->fd.rfd, &facts);
    k->state = facts.state;
    if (o->state && facts.state != o->state) return fails(k, o->state_mark, NULL, NULL);
    for (int i = 0; i < FACTS; i++) {
        if (!k->facts[i]) continue;
        struct match_report report = {0};
        const struct view v = fact_view(k, &facts, (enum fact)i);
        if (!matcher_check(k->facts[i], &v, k->arena, &report))
            return fails(k, o->marks[i], fields[i + 1].name, report.message);
    }
    return true;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *o = in->operand;
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    if (ch->conn.kind != CONN_TCP)
        return actor_fail(a, "misuse", (struct mark){0}, "only TCP connections have this state");
    struct asked *k = ARENA_NEW(&a->arena, struct asked);
    *k = (struct asked){.operand = o, .conn = &ch->conn, .arena = &a->arena};
    struct eval e = actor_eval(a);
    for (int i = 0; i < FACTS; i++)
        if (o->facts[i] && !matching_eval(o->facts[i], &e, &k->facts[i])) return actor_fail_eval(a, &e);
    ask_begin(&room->ask, holds, k);
    return WENT_ON;
}

static struct mark mark(const struct instr *in, const union op_room *room)
{
    (void)in;
    return ((const struct asked *)room->ask.ctx)->mark;
}

static void explain(const struct instr *in, const union op_room *room, struct buf *out)
{
    const struct asked *k = room->ask.ctx;
    const char *state = tcp_state_name(k->state);
    (void)in;
    if (k->why)
        buf_printf(out, "`%s`: %s", k->name, k->why);
    else
        buf_printf(out, "the connection is in state %s, not %s", state ? state : "unknown",
                   tcp_state_name(k->operand->state));
}

const struct step_kind step_expect_socket = {
    .schema =
        {
            .name = "expect_socket",
            .group = "connection",
            .value = {.type = FIELD_MAP, .fields = fields},
            .doc = "Waits until the operating system says this about a TCP connection, up to the step's "
                   "deadline. It also works after our end is closed, for `state: time_wait`.",
            .example = "- expect_socket: {state: established, rtt: {lt: 50ms}}\n- close\n- expect_socket: {state: "
                       "time_wait}\n",
        },
    .compile = compile,
    .begin = begin,
    .mark = mark,
    .explain = explain,
};
