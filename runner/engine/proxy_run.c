#include "engine/proxy_run.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/dialing.h"
#include "engine/run.h"
#include "net/sock.h"
#include "op/relay.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { ACCEPT_AT_ONCE = 64, TEXT = 2000, LOST_MOST = 400 };

/* One client's connection, and the one to the target that is made for it. */
struct link {
    struct relay relay; /* first; begun once it is connected */
    struct task dial;   /* while it is not */
    struct connect_op connect;
    struct addr_spec spec;
    struct proxy *proxy;
    struct link *next, **place;
    uint32_t number;
    int client; /* until the relay has it, else -1 */
};

struct proxy {
    struct actor *actor;
    const struct proxy_plan *plan;
    struct ruleset *rules;
    int64_t ruled;    /* when they came into force */
    struct task task; /* accepts, and begins to refuse */
    struct link *links;
    uint32_t accepted, unreached;
    char lost[LOST_MOST];        /* why the last of these was */
    uint64_t passed[RELAY_ENDS]; /* by connections that are over */
    char *room;
    struct buf past; /* what rules that hold no more have done */
};

static void free_link(struct link *l);

static void tell(const struct proxy *p, const char *text)
{
    struct emit *emit = p->actor->run->base->emit;
    if (!emit_messages(emit)) return;
    char name[BOARD_NAME];
    struct event e = {
        .kind = EVENT_TRAFFIC, .action = EVENT_FAULT, .actor = actor_name(p->actor, name, sizeof name), .text = text};
    emit_event(emit, &e);
}

static void told(void *ctx, uint32_t connection, bool to_server, uint64_t at, const char *what)
{
    char text[TEXT];
    snprintf(text, sizeof text, "connection %u, %s, byte %llu: %s", connection, to_server ? "to_server" : "to_client",
             (unsigned long long)at, what);
    tell(ctx, text);
}

static void has_failed(struct proxy *p)
{
    run_stop_soon(p->actor->run);
}

/* What a rule is called: by its place in the list, and where that is. */
static void show_rule(const struct ruleset *r, uint32_t i, struct buf *out)
{
    const struct place place = source_place(r->marks[i]);
    buf_printf(out, "rule %u (%s:%u)", i + 1, place.file, place.line);
}

static void show_done(const struct ruleset *r, struct buf *out)
{
    for (uint32_t i = 0; i < r->set.n; i++) {
        struct buf done = BUF_INIT(TEXT);
        fault_show(&r->set.rules[i], false, &done);
        if (done.n) {
            buf_addc(out, '\n');
            show_rule(r, i, out);
            buf_printf(out, " %s", buf_str(&done));
        }
        buf_done(&done);
    }
}

static void show_seeds(const struct proxy *p)
{
    for (uint32_t i = 0; i < p->rules->set.n; i++) {
        const struct fault_rule *r = &p->rules->set.rules[i];
        if (!fault_rule_random(r)) continue;
        struct buf text = BUF_INIT(TEXT);
        show_rule(p->rules, i, &text);
        buf_printf(&text, ": seed %llu", (unsigned long long)r->seed);
        tell(p, buf_str(&text));
        buf_done(&text);
    }
}

static void begin_rules(struct proxy *p, struct ruleset *rules)
{
    rules->set.ctx = p;
    if (emit_messages(p->actor->run->base->emit)) rules->set.told = told;
    p->rules = rules;
    p->ruled = clock_now();
    show_seeds(p);
}

static void count(struct proxy *p, const struct relay *r)
{
    for (int i = 0; i < RELAY_ENDS; i++)
        p->passed[i] += r->ways[i].passed;
}

static void link_over(struct relay *r)
{
    struct link *l = (struct link *)(void *)r;
    count(l->proxy, r);
    free_link(l);
}

static void free_link(struct link *l)
{
    *l->place = l->next;
    if (l->next) l->next->place = l->place;
    relay_done(&l->relay);
    if (l->client >= 0) op_cancel(&l->connect.op, &l->dial);
    task_done(&l->dial);
    if (l->client >= 0) close(l->client);
    mem_free(l);
}

/* The client's connection was accepted: that its target cannot be had is said to it by a reset. */
static void not_reached(struct link *l)
{
    struct proxy *p = l->proxy;
    const struct op *op = &l->connect.op;
    const struct addr *to = connect_peer(&l->connect);
    char where[ADDR_TEXT], text[TEXT];
    struct actor *a = p->actor;
    if (op->failure == OP_STATUS && op->status == SR_DENIED) {
        actor_fail(a, "permission", p->plan->to.mark, "not permitted: %s; allow it with %s", a->run->need.what,
                   a->run->need.flag);
        has_failed(p);
    }
    p->unreached++;
    snprintf(p->lost, sizeof p->lost, "%s: %s",
             to->len ? addr_show(&to->sa, to->len, where, sizeof where) : l->spec.host,
             op->error ? strerror(op->error) : sr_status_name(op->status));
    snprintf(text, sizeof text, "connection %u: the target is not reached: %s", l->number, p->lost);
    tell(p, text);
    op_cancel(&l->connect.op, &l->dial);
    sock_reset(l->client);
    l->client = -1;
    free_link(l);
}

static void is_connected(struct link *l)
{
    struct proxy *p = l->proxy;
    const int client = l->client, server = connect_take(&l->connect);
    op_cancel(&l->connect.op, &l->dial);
    l->client = -1;
    l->relay.room = p->room;
    l->relay.over = link_over;
    const int error = relay_begin(&l->relay, l->dial.sched, client, server, &p->rules->set, l->number);
    if (!error) return;
    actor_fail(p->actor, "system", (struct mark){0}, "the connection cannot be passed on: %s", strerror(-error));
    has_failed(p);
    free_link(l);
}

static void dial(struct task *t)
{
    struct link *l = (struct link *)(void *)((char *)t - offsetof(struct link, dial));
    switch (op_poll(&l->connect.op, t)) {
    case OP_WAIT: task_deadline(t, l->connect.op.wake ? l->connect.op.wake : TASK_NEVER); break;
    case OP_DONE: is_connected(l); break;
    case OP_FAILED: not_reached(l); break;
    }
}

static void add_link(struct proxy *p, int client)
{
    struct run *r = p->actor->run;
    struct link *l = mem_zalloc(sizeof *l);
    l->proxy = p;
    l->client = client;
    l->number = ++p->accepted;
    l->next = p->links;
    if (l->next) l->next->place = &l->next;
    l->place = &p->links;
    p->links = l;
    task_init(&l->dial, &r->sched, dial);
    if (dialing_address(p->actor, &p->plan->to, &l->spec)) {
        connect_begin(&l->connect, &r->sched, &r->permit, &l->spec, NULL, &r->need);
        task_wake(&l->dial);
        return;
    }
    has_failed(p);
    close(l->client);
    l->client = -1;
    free_link(l);
}

/* Refusing. */

/* When it begins to, INT64_MAX: never. */
static int64_t refuses_from(const struct proxy *p)
{
    int64_t from = INT64_MAX;
    for (uint32_t i = 0; i < p->rules->set.n; i++) {
        const struct fault_rule *r = &p->rules->set.rules[i];
        const int64_t at = p->ruled + (r->after == AFTER_TIME ? r->after_time : 0);
        if (r->has & 1U << FAULT_REFUSE && at < from) from = at;
    }
    return from;
}

static enum went cannot(struct proxy *p, const char *what, int error)
{
    const struct permit_need *need = &p->actor->run->need;
    const struct mark mark = p->actor->plan->address.mark;
    if (error == -PERMIT_DENIED)
        return actor_fail(p->actor, "permission", mark, "not permitted: %s; allow it with %s", need->what, need->flag);
    return actor_fail(p->actor, "system", mark, "%s: %s", what, strerror(-error));
}

static enum went refuse_or_accept(struct proxy *p)
{
    struct run *r = p->actor->run;
    struct listener *l = p->actor->listener;
    const int64_t from = refuses_from(p);
    const bool refuses = clock_now() >= from;
    task_deadline(&p->task, refuses ? TASK_NEVER : from);
    if (refuses == (l->held >= 0)) return WENT_ON;
    tell(p, refuses ? "refuses connections" : "accepts connections");
    const int error = refuses ? listener_refuse(l, &r->permit, &r->need) : listener_accept_again(l);
    return error ? cannot(p, "the listener cannot be changed", error) : WENT_ON;
}

/* True if there may be more. */
static bool accept_some(struct proxy *p)
{
    struct accept_op accept;
    struct listener *l = p->actor->listener;
    for (unsigned n = 0; n < ACCEPT_AT_ONCE && l->fd >= 0; n++) {
        accept_begin(&accept, l);
        switch (op_poll(&accept.op, &p->task)) {
        case OP_DONE: add_link(p, accept_take(&accept)); break;
        case OP_WAIT: return false; /* the listener wakes the task */
        case OP_FAILED:
            cannot(p, "cannot accept", -accept.op.error);
            has_failed(p);
            return false;
        }
    }
    return l->fd >= 0;
}

static void resume(struct task *t)
{
    struct proxy *p = (struct proxy *)(void *)((char *)t - offsetof(struct proxy, task));
    if (refuse_or_accept(p) != WENT_ON)
        has_failed(p);
    else if (accept_some(p))
        task_wake(t);
}

struct proxy *proxy_new(struct actor *a, const struct proxy_plan *plan)
{
    struct eval e = actor_eval(a);
    if (dialing_listen(a) != WENT_ON) return NULL;
    struct ruleset *rules = ruleset_new(&plan->rules, &e);
    if (!rules) {
        actor_fail_eval(a, &e);
        return NULL;
    }
    struct proxy *p = mem_zalloc(sizeof *p);
    *p = (struct proxy){.actor = a, .plan = plan, .room = mem_alloc(RELAY_ROOM)};
    buf_init(&p->past, TEXT);
    begin_rules(p, rules);
    task_init(&p->task, &a->run->sched, resume);
    if (refuse_or_accept(p) != WENT_ON) {
        proxy_free(p);
        return NULL;
    }
    task_wake(&p->task);
    return p;
}

bool proxy_set_rules(struct proxy *p, struct actor *who, const struct rules_plan *plan)
{
    struct eval e = actor_eval(who);
    struct ruleset *rules = ruleset_new(plan, &e), *before = p->rules;
    if (!rules) return actor_fail_eval(who, &e), false;
    /* Who has connected before is not refused. */
    while (accept_some(p)) {
    }
    show_done(before, &p->past);
    begin_rules(p, rules);
    for (struct link *l = p->links; l; l = l->next)
        if (l->client < 0) relay_set_rules(&l->relay, &rules->set);
    ruleset_free(before);
    task_wake(&p->task);
    return refuse_or_accept(p) == WENT_ON;
}

bool proxy_is_busy(const struct proxy *p)
{
    for (const struct link *l = p->links; l; l = l->next)
        if (l->client >= 0 || relay_is_busy(&l->relay)) return true;
    return false;
}

void proxy_show(const struct proxy *p, struct buf *out)
{
    uint64_t passed[RELAY_ENDS] = {p->passed[0], p->passed[1]};
    char to_server[UNITS_TEXT], to_client[UNITS_TEXT];
    uint32_t open = 0;
    for (const struct link *l = p->links; l; l = l->next) {
        open++;
        for (int i = 0; i < RELAY_ENDS && l->client < 0; i++)
            passed[i] += l->relay.ways[i].passed;
    }
    buf_printf(out, "%u connection%s, %u open; passed %s to the server, %s to the client", p->accepted,
               p->accepted == 1 ? "" : "s", open, units_show_size(passed[RELAY_CLIENT], to_server),
               units_show_size(passed[RELAY_SERVER], to_client));
    if (p->actor->listener->held >= 0) buf_adds(out, "; refuses new ones");
    if (p->unreached) buf_printf(out, "\n%u did not reach the target: %s", p->unreached, p->lost);
    buf_add(out, buf_slice(&p->past));
    show_done(p->rules, out);
}

void proxy_tell(const struct proxy *p)
{
    struct buf text = BUF_INIT(2 * TEXT);
    proxy_show(p, &text);
    for (struct slice left = buf_slice(&text); left.n;) {
        const char *end = memchr(left.p, '\n', left.n);
        const size_t n = end ? (size_t)(end - left.p) : left.n;
        char line[TEXT];
        snprintf(line, sizeof line, "%.*s", (int)n, left.p);
        tell(p, line);
        left = slice_part(left, n + 1, left.n);
    }
    buf_done(&text);
}

void proxy_free(struct proxy *p)
{
    if (!p) return;
    while (p->links)
        free_link(p->links);
    task_done(&p->task);
    ruleset_free(p->rules);
    buf_done(&p->past);
    mem_free(p->room);
    mem_free(p);
}
