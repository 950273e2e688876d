#include "engine/proxy_run.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/dialing.h"
#include "engine/proxy_links.h"
#include "engine/run.h"
#include "net/datagram.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/units.h"

enum { TAKEN_AT_ONCE = 64, TEXT = 2000 };

struct proxy {
    struct actor *actor;
    struct ruleset *rules;
    int64_t ruled;    /* when they came into force */
    struct task task; /* accepts, and begins to refuse */
    struct proxy_links links;
    struct buf past; /* what rules that hold no more have done */
};

void proxy_say(const struct actor *a, const char *text)
{
    struct emit *emit = a->run->base->emit;
    if (!emit_messages(emit)) return;
    char name[BOARD_NAME];
    struct event e = {
        .kind = EVENT_TRAFFIC, .action = EVENT_FAULT, .actor = actor_name(a, name, sizeof name), .text = text};
    emit_event(emit, &e);
}

void proxy_has_failed(const struct actor *a)
{
    run_stop_soon(a->run);
}

static bool has_datagrams(const struct proxy *p)
{
    return listener_is_datagrams(p->actor->listener);
}

static void told(void *ctx, const struct fault_flow *f, const char *what)
{
    const struct proxy *p = ctx;
    char text[TEXT];
    snprintf(text, sizeof text, "%s %u, %s, %s %llu: %s", has_datagrams(p) ? "client" : "connection", f->connection,
             f->to_server ? "to_server" : "to_client", f->datagrams ? "datagram" : "byte",
             (unsigned long long)(f->datagrams ? f->unit + 1 : f->pos), what);
    proxy_say(p->actor, text);
}

/* What a rule is called: by its place in the list, and where that is. */
static void show_rule(const struct ruleset *r, uint32_t i, struct buf *out)
{
    const struct place place = source_place(r->marks[i]);
    buf_printf(out, "rule %u (%s:%u)", i + 1, place.file, place.line);
}

static void show_done(const struct ruleset *r, bool datagrams, struct buf *out)
{
    for (uint32_t i = 0; i < r->set.n; i++) {
        struct buf done = BUF_INIT(TEXT);
        fault_show(&r->set.rules[i], datagrams, &done);
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
        proxy_say(p->actor, buf_str(&text));
        buf_done(&text);
    }
}

static void begin_rules(struct proxy *p, struct ruleset *rules)
{
    rules->set.ctx = p;
    if (emit_messages(p->actor->run->base->emit)) rules->set.told = told;
    p->rules = rules;
    p->ruled = clock_now();
    proxy_links_set_rules(&p->links, &rules->set);
    show_seeds(p);
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

static enum went refuse_or_accept(struct proxy *p)
{
    const struct listener *l = p->actor->listener;
    const int64_t from = refuses_from(p);
    const bool refuses = clock_now() >= from;
    task_deadline(&p->task, refuses ? TASK_NEVER : from);
    if (refuses == (l->held >= 0)) return WENT_ON;
    proxy_say(p->actor, refuses ? "refuses clients" : "refuses clients no longer");
    return dialing_refuse(p->actor, refuses);
}

/* True if there may be more. */
static bool take_datagrams(struct proxy *p)
{
    struct listener *l = p->actor->listener;
    l->waiting = &p->task;
    for (unsigned n = 0; n < TAKEN_AT_ONCE && l->fd >= 0; n++) {
        struct addr from;
        size_t cut;
        const ssize_t r = datagram_recv(l->fd, p->links.room, RELAY_ROOM, false, &from, &cut);
        if (r == -EAGAIN) {
            l->watch.ready = 0;
            return false;
        }
        if (r < 0 || cut)
            proxy_links_lost(&p->links, r < 0 ? (int)r : -EMSGSIZE);
        else
            proxy_links_take(&p->links, &from, (struct slice){p->links.room, (size_t)r});
    }
    return l->fd >= 0;
}

/* True if there may be more. */
static bool accept_some(struct proxy *p)
{
    struct accept_op accept;
    struct listener *l = p->actor->listener;
    for (unsigned n = 0; n < TAKEN_AT_ONCE && l->fd >= 0; n++) {
        accept_begin(&accept, l);
        switch (op_poll(&accept.op, &p->task)) {
        case OP_DONE: proxy_links_accept(&p->links, accept_take(&accept)); break;
        case OP_WAIT: return false; /* the listener wakes the task */
        case OP_FAILED:
            actor_fail(p->actor, "system", p->actor->plan->address.mark, "cannot accept: %s",
                       strerror(accept.op.error));
            proxy_has_failed(p->actor);
            return false;
        }
    }
    return l->fd >= 0;
}

static bool take_some(struct proxy *p)
{
    return has_datagrams(p) ? take_datagrams(p) : accept_some(p);
}

static void resume(struct task *t)
{
    struct proxy *p = (struct proxy *)(void *)((char *)t - offsetof(struct proxy, task));
    if (refuse_or_accept(p) != WENT_ON)
        proxy_has_failed(p->actor);
    else if (take_some(p))
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
    *p = (struct proxy){.actor = a, .links = {.actor = a, .to = &plan->to, .idle = plan->idle}};
    proxy_links_begin(&p->links);
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
    /* Who has come before is not refused. */
    while (take_some(p)) {
    }
    show_done(before, has_datagrams(p), &p->past);
    begin_rules(p, rules);
    ruleset_free(before);
    task_wake(&p->task);
    return refuse_or_accept(p) == WENT_ON;
}

bool proxy_is_busy(const struct proxy *p)
{
    return proxy_links_are_busy(&p->links);
}

/* "12 datagrams (3 KiB)" */
static void show_passed(const struct proxy *p, int end, struct buf *out)
{
    uint64_t bytes, datagrams;
    char size[UNITS_TEXT];
    proxy_links_passed(&p->links, end, &bytes, &datagrams);
    units_show_size(bytes, size);
    if (has_datagrams(p))
        buf_printf(out, "%llu datagram%s (%s)", (unsigned long long)datagrams, datagrams == 1 ? "" : "s", size);
    else
        buf_adds(out, size);
}

void proxy_show(const struct proxy *p, struct buf *out)
{
    const struct proxy_links *l = &p->links;
    buf_printf(out, "%u %s%s, %u open; passed ", l->begun, has_datagrams(p) ? "client" : "connection",
               l->begun == 1 ? "" : "s", l->open);
    show_passed(p, RELAY_CLIENT, out);
    buf_adds(out, " to the server, ");
    show_passed(p, RELAY_SERVER, out);
    buf_adds(out, " to the client");
    if (p->actor->listener->held >= 0) buf_adds(out, "; refuses new ones");
    if (l->unreached) buf_printf(out, "\n%u did not reach the target: %s", l->unreached, l->why_unreached);
    if (l->lost) buf_printf(out, "\n%u datagram%s lost: %s", l->lost, l->lost == 1 ? "" : "s", l->why_lost);
    buf_add(out, buf_slice(&p->past));
    show_done(p->rules, has_datagrams(p), out);
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
        proxy_say(p->actor, line);
        left = slice_part(left, n + 1, left.n);
    }
    buf_done(&text);
}

void proxy_free(struct proxy *p)
{
    if (!p) return;
    proxy_links_done(&p->links);
    task_done(&p->task);
    ruleset_free(p->rules);
    buf_done(&p->past);
    mem_free(p);
}
