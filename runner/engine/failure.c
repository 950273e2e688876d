#include "engine/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/framing.h"
#include "engine/program_run.h"
#include "engine/proxy_run.h"
#include "engine/run.h"
#include "engine/verdict.h"
#include "match/diff.h"
#include "net/sock.h"
#include "net/tcpinfo.h"
#include "util/clock.h"
#include "util/text.h"
#include "util/units.h"

enum { NOTES_MOST = 24, OTHERS_MOST = 8, TEXT = 600, SHOWN = 60, ROWS_BEFORE = 2, ROWS_AFTER = 2 };

void failure_note(struct run *r, struct event_failure *f, const char *label, const char *format, ...)
{
    char text[8 * TEXT];
    va_list ap;
    if (f->nnotes == NOTES_MOST) return;
    if (!f->notes) f->notes = arena_array(&r->arena, NOTES_MOST, sizeof *f->notes);
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    f->notes[f->nnotes++] =
        (struct event_note){arena_dup(&r->arena, slice_of(label)), arena_dup(&r->arena, slice_of(text))};
}

static enum sr_verdict verdict_of(const struct actor *a, const char *kind)
{
    return verdict_of_miss(kind, actor_level(a));
}

static const char *step_name(const struct actor *a, struct arena *arena)
{
    char path[64];
    if (!a->at) return NULL;
    actor_path(a, path, sizeof path);
    const char *verb = a->at->kind->schema.name;
    const struct node *name = a->at->model->name;
    if (!*path) return arena_dup(arena, slice_of(verb));
    if (name) return arena_printf(arena, "step %s %s (%s)", path, verb, name->text.p);
    return arena_printf(arena, "step %s %s", path, verb);
}

/* "12 of 20 bytes had come" */
static void describe_progress(const struct choice *c, struct buf *out)
{
    const struct expect_op *o = &c->room->expect;
    char size[UNITS_TEXT];
    if (!wait_expects(c)) return;
    const uint64_t got = o->streamed ? o->seen : o->op.conn->n;
    const uint64_t want = o->x->framing == FRAMING_EXACT   ? o->x->bytes.n
                          : o->x->framing == FRAMING_BYTES ? o->x->count
                                                           : o->want;
    if (want && got)
        buf_printf(out, "%llu of %llu bytes had come", (unsigned long long)got, (unsigned long long)want);
    else
        buf_printf(out, "%s had come", got ? units_show_size(got, size) : "nothing");
}

/* What has come for the only thing that it waits for: `, 3 bytes had come: "par"`. */
static void describe_read(const struct wait *w, struct buf *out)
{
    const struct choice *c = &w->main.list[0];
    if (w->main.n != 1 || !wait_expects(c)) return;
    const struct expect_op *o = &c->room->expect;
    const struct slice came = conn_from(o->op.conn, o->op.conn->base);
    if (!o->streamed && !came.n) return;
    buf_adds(out, ", ");
    describe_progress(c, out);
    if (o->streamed) return;
    buf_adds(out, ": ");
    text_quote(came, SHOWN, out);
    if (came.n > SHOWN) buf_adds(out, "...");
}

/* "step 2 expect "x", file:8:9, waiting for 1 ms" */
static void describe_actor(struct actor *a, int64_t now, struct buf *out)
{
    char path[64], time[UNITS_TEXT];
    switch ((enum actor_state)a->state) {
    case ACTOR_NEW: buf_adds(out, "not started"); return;
    case ACTOR_DONE: buf_adds(out, "has done its steps"); return;
    case ACTOR_RESTING: buf_adds(out, "is there until the case ends"); return;
    case ACTOR_FAILED: buf_adds(out, "failed"); return;
    case ACTOR_CANCELLED: buf_adds(out, "cancelled"); return;
    case ACTOR_RUNNING: break;
    }
    if (!a->at) {
        buf_adds(out, "not started");
        return;
    }
    actor_path(a, path, sizeof path);
    buf_printf(out, "%s%s%s%s", *path ? "step " : "", path, *path ? " " : "", a->at->kind->schema.name);
    if (a->wait && a->wait->main.n == 1 && a->at->kind->show && a->wait->main.list[0].in == a->at) {
        buf_addc(out, ' ');
        a->at->kind->show(a, a->at, a->wait->main.list[0].room, out);
    }
    const struct place place = source_place(a->at->model->mark);
    buf_printf(out, ", %s:%u:%u, %s %s", place.file, place.line, place.col, a->wait ? "waiting for" : "for",
               units_show_duration(now - a->began, time));
    if (a->wait) describe_read(a->wait, out);
}

static void note_others(struct run *r, const struct actor *self, struct event_failure *f)
{
    const int64_t now = clock_now();
    unsigned told = 0, left = 0;
    for (struct actor *a = r->actors; a; a = a->next) {
        if (a == self || (a->plan->model->serves && !a->server)) continue;
        if (told == OTHERS_MOST || (a->state == ACTOR_DONE && a->instance)) {
            left += actor_unfinished(a);
            continue;
        }
        char name[BOARD_NAME];
        struct buf text = BUF_INIT(TEXT);
        if (a->proxy) {
            proxy_show(a->proxy, &text);
            if (actor_unfinished(a)) buf_adds(&text, "\nat ");
        }
        if (!a->proxy || actor_unfinished(a)) describe_actor(a, now, &text);
        failure_note(r, f, actor_name(a, name, sizeof name), "%s", buf_str(&text));
        buf_done(&text);
        told++;
    }
    if (left) failure_note(r, f, "others", "%u more actors are at their steps", left);
}

static void note_program_output(struct run *r, struct event_failure *f)
{
    for (struct actor *a = r->actors; a; a = a->next) {
        const char *text = a->program ? program_output(a->program) : "";
        if (*text) failure_note(r, f, a->plan->name, "said: %s", text);
    }
}

static void note_before(struct run *r, const struct channel *c, struct event_failure *f)
{
    char time[UNITS_TEXT];
    if (!c->took_at) return;
    struct buf text = BUF_INIT(TEXT);
    const size_t n = c->took_size < sizeof c->took ? c->took_size : sizeof c->took;
    text_quote((struct slice){(const char *)c->took, n}, SHOWN, &text);
    if (n < c->took_size) buf_printf(&text, "... (%u bytes)", c->took_size);
    failure_note(r, f, "before", "received %s %s earlier, offset %llu", buf_str(&text),
                 units_show_duration(clock_now() - c->took_at, time), (unsigned long long)c->took_from);
    buf_done(&text);
}

/* ", TLSv1.3"; ", no TLS yet: SSLv3/TLS write client hello"; "" where there is none. */
static const char *show_tls(const struct conn *c, char text[TLS_WHY])
{
    struct tls_facts facts;
    *text = 0;
    if (!c->tls) return text;
    if (tls_facts(c->tls, &facts))
        snprintf(text, TLS_WHY, ", %s", facts.version);
    else
        snprintf(text, TLS_WHY, ", no TLS yet: %s", tls_stands_at(c->tls));
    return text;
}

static void note_connection(struct run *r, const struct channel *c, struct event_failure *f)
{
    char where[2 * ADDR_TEXT], size[UNITS_TEXT];
    struct tcp_facts facts;
    const struct conn *k = &c->conn;
    conn_show(k, where, sizeof where);
    if (k->closed) {
        failure_note(r, f, "connection", "%s, closed by this actor", where);
        return;
    }
    const int waiting = k->kind == CONN_PROGRAM ? 0 : sock_unread(conn_fd(k));
    const uint64_t unread = k->n + (waiting > 0 ? (uint64_t)waiting : 0);
    const char *state =
        k->kind == CONN_TCP && tcp_facts_of_fd(k->fd.rfd, &facts) == 0 ? tcp_state_name(facts.state) : NULL;
    if (k->end == CONN_RESET && k->error == ECONNREFUSED)
        state = "refused";
    else if (k->end == CONN_RESET)
        state = k->error == EPROTO ? "broken off by TLS" : "reset by the peer";
    if (k->end == CONN_FIN && !state) state = "closed by the peer";
    char tls[TLS_WHY];
    failure_note(r, f, "connection", "%s%s%s%s, %s unread%s", where, show_tls(k, tls), state ? ", " : "",
                 state ? state : "", units_show_size(unread, size), k->torn ? ", a send was cut off" : "");
}

/* Calls of macros around the step: its place is in the macro, which says nothing about who called it. */
static void note_calls(struct run *r, const struct actor *a, struct event_failure *f)
{
    for (const struct frame *k = a->top; k; k = k->below) {
        if (k->kind != FRAME_CALL) continue;
        const struct place place = source_place(k->in->model->mark);
        const struct node *name = k->in->model->name;
        failure_note(r, f, "called from", "%s:%u:%u%s%s%s", place.file, place.line, place.col, name ? " (" : "",
                     name ? name->text.p : "", name ? ")" : "");
    }
}

/* The first in time is the reason; what follows from it is not told. */
static struct event_failure *begin(struct actor *a, const char *kind, struct mark mark)
{
    struct run *r = a->run;
    const enum sr_verdict verdict = verdict_of(a, kind);
    if (r->failed && verdict != SR_ERROR && r->phase != RUN_ALWAYS) return NULL;
    char name[BOARD_NAME];
    struct event_failure *f = run_add_failure(r, verdict);
    f->kind = kind;
    f->actor = arena_dup(&r->arena, slice_of(actor_name(a, name, sizeof name)));
    f->step = step_name(a, &r->arena);
    f->place = source_place(mark.source ? mark : a->at ? a->at->model->mark : a->plan->model->mark);
    f->after = a->began ? clock_now() - a->began : -1;
    if (a->wait) wait_know_limit(a, a->wait);
    f->limit = a->wait && a->wait->limit ? a->wait->limit : -1;
    return f;
}

static void finish(struct actor *a, struct event_failure *f, const struct channel *c)
{
    struct run *r = a->run;
    note_calls(r, a, f);
    if (c) {
        note_before(r, c, f);
        note_connection(r, c, f);
    }
    note_others(r, a, f);
    note_program_output(r, f);
}

enum went actor_fail(struct actor *a, const char *kind, struct mark mark, const char *format, ...)
{
    char text[TEXT];
    va_list ap;
    struct event_failure *f = begin(a, kind, mark);
    if (!f) return WENT_FAILED;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    f->message = arena_dup(&a->run->arena, slice_of(text));
    finish(a, f, a->channels);
    return WENT_FAILED;
}

enum went actor_fail_eval(struct actor *a, const struct eval *e)
{
    return actor_fail(a, e->denied ? "permission" : "lua", e->mark, "%s", e->why);
}

static void dump_difference(struct run *r, struct event_failure *f, struct slice expected, struct slice got, size_t at)
{
    const struct diff_window w = diff_window(expected, got, at, ROWS_BEFORE, ROWS_AFTER);
    f->dump = (struct event_dump){.present = true,
                                  .expected_size = expected.n,
                                  .got_size = got.n,
                                  .at = at,
                                  .from = w.from,
                                  .expected = {arena_dup(&r->arena, w.expected), w.expected.n},
                                  .got = {arena_dup(&r->arena, w.got), w.got.n}};
}

static void dump_got(struct run *r, struct event_failure *f, struct slice got, size_t at)
{
    if (!got.n) return;
    dump_difference(r, f, (struct slice){"", 0}, got, at);
    f->dump.expected_unknown = true;
    f->dump.expected_size = 0;
}

static struct mark expect_mark(const struct choice *c)
{
    if (c->in && c->in->kind->mark) return c->in->kind->mark(c->in, c->room);
    return (struct mark){0};
}

static void tell_mismatch(struct run *r, struct event_failure *f, const struct choice *c)
{
    const struct expect_op *o = &c->room->expect;
    const struct match_report *m = &o->report;
    struct buf text = BUF_INIT(TEXT);
    if (m->bytes && !(m->message && *m->path)) {
        buf_printf(&text, "first difference at byte %zu: ", m->at);
        diff_message(m->expected, m->got, m->at, &text);
        dump_difference(r, f, m->expected, m->got, m->at);
    } else {
        matcher_explain(m, &text);
        if (m->bytes)
            dump_difference(r, f, m->expected, m->got, m->at);
        else
            dump_got(r, f, m->got, m->at);
    }
    if (o->shown) failure_note(r, f, "message", "%s", o->shown);
    f->kind = "mismatch";
    f->message = arena_dup(&r->arena, buf_slice(&text));
    buf_done(&text);
}

/* How far the bytes that did come went along with what was expected. */
static void dump_so_far(struct run *r, struct event_failure *f, const struct choice *c)
{
    const struct expect_op *o = &c->room->expect;
    if (o->streamed) return;
    const struct slice got = conn_from(o->op.conn, o->op.conn->base);
    struct slice expected = {NULL, 0};
    if (o->x->framing == FRAMING_EXACT)
        expected = o->x->bytes;
    else if (o->x->matcher && o->x->framing != FRAMING_PREFIXED && !o->x->module)
        expected = matcher_prefix(o->x->matcher);
    if (expected.p && got.n)
        dump_difference(r, f, expected, got, diff_first(expected, got));
    else
        dump_got(r, f, got, 0);
}

static void tell_status(struct run *r, struct event_failure *f, const struct choice *c)
{
    const struct op *op = &c->room->op;
    struct buf text = BUF_INIT(TEXT);
    switch (op->status) {
    case SR_CLOSED: buf_adds(&text, "the peer closed the connection"); break;
    case SR_RESET: buf_adds(&text, "the peer reset the connection"); break;
    case SR_REFUSED: buf_adds(&text, "refused: nobody listens there"); break;
    case SR_TLS: buf_printf(&text, "TLS was broken off: %s", op->why ? op->why : conn_why(op->conn)); break;
    case SR_TIMEOUT: buf_adds(&text, "timed out"); break;
    case SR_UNREACHABLE: buf_adds(&text, "unreachable"); break;
    case SR_OK:
    case SR_DENIED:
    case SR_SYSTEM: break;
    }
    f->kind = sr_status_name(op->status);
    if (op->status == SR_DENIED) {
        f->kind = "permission";
        buf_printf(&text, "not permitted: %s; allow it with %s", r->need.what, r->need.flag);
    } else if (op->status == SR_SYSTEM && op->why) {
        buf_adds(&text, op->why);
    } else if (op->status == SR_SYSTEM || op->status == SR_UNREACHABLE) {
        buf_printf(&text, "%s%s", text.n ? ": " : "", strerror(op->error));
    }
    if (wait_expects(c) && (op->status == SR_CLOSED || op->status == SR_RESET)) {
        buf_adds(&text, " when ");
        describe_progress(c, &text);
        dump_so_far(r, f, c);
    }
    f->message = arena_dup(&r->arena, buf_slice(&text));
    buf_done(&text);
}

static void tell_choice(struct run *r, struct event_failure *f, const struct choice *c)
{
    const struct op *op = &c->room->op;
    switch (op->failure) {
    case OP_STATUS: tell_status(r, f, c); return;
    case OP_MISMATCH:
        if (wait_expects(c)) {
            tell_mismatch(r, f, c);
            return;
        }
        f->kind = op->conn && op->conn->n ? "data" : "mismatch";
        if (op->conn) dump_got(r, f, conn_from(op->conn, op->conn->base), 0);
        break;
    case OP_LIMIT: f->kind = "limit"; break;
    case OP_MISUSE: f->kind = "misuse"; break;
    case OP_GONE: f->kind = "gone"; break;
    case OP_FINE: break;
    }
    f->message = op->why ? arena_dup(&r->arena, slice_of(op->why)) : "failed";
}

static const char *kind_of(const struct choice *c)
{
    switch (c->room->op.failure) {
    case OP_LIMIT: return "limit";
    case OP_MISUSE: return "misuse";
    case OP_STATUS:
        if (c->room->op.status == SR_DENIED) return "permission";
        return c->room->op.status == SR_SYSTEM ? "system" : "closed";
    case OP_FINE:
    case OP_MISMATCH:
    case OP_GONE: break;
    }
    return "mismatch";
}

/* What a branch waits for that has not failed: `waits for a line: "x"`. */
static const char *still_waits(struct actor *a, const struct choice *c)
{
    struct buf text = BUF_INIT(TEXT);
    buf_adds(&text, "waits for ");
    if (wait_expects(c))
        c->in->kind->show(a, c->in, c->room, &text);
    else
        buf_adds(&text, c->in->kind->schema.name);
    const char *kept = arena_dup(&a->run->arena, buf_slice(&text));
    buf_done(&text);
    return kept;
}

/* Every branch with its own reason; the bytes are shown once. */
static void tell_branches(struct actor *a, struct event_failure *f, const struct wait *w)
{
    struct run *r = a->run;
    const struct conn *conn = NULL;
    for (uint32_t i = 0; i < w->main.n; i++) {
        const struct choice *c = &w->main.list[i];
        const struct place place = source_place(c->in->model->mark);
        struct event_failure one = {.message = NULL};
        char list[32];
        snprintf(list, sizeof list, "list %u", c->lane + 1);
        if (c->failed)
            tell_choice(r, &one, c);
        else
            one.message = still_waits(a, c);
        failure_note(r, f, c->outcome ? c->outcome : list, "%s (%s:%u:%u)", one.message, place.file, place.line,
                     place.col);
        if (one.kind) f->kind = one.kind;
        if (!conn) conn = c->room->op.conn;
    }
    if (conn) dump_got(r, f, conn_from(conn, conn->base), 0);
}

static const struct channel *channel_of(const struct wait *w)
{
    for (uint32_t i = 0; i < w->main.n; i++)
        if (w->main.list[i].room->op.conn) return (const struct channel *)w->main.list[i].room->op.conn;
    return NULL;
}

enum went failure_of_wait(struct actor *a, struct wait *w)
{
    struct run *r = a->run;
    const struct choice *c = &w->main.list[0];
    struct event_failure *f = begin(a, kind_of(c), w->main.n == 1 ? expect_mark(c) : (struct mark){0});
    if (!f) return WENT_FAILED;
    if (w->main.n == 1) {
        tell_choice(r, f, c);
    } else {
        f->message = w->ordered ? "no list wants this message" : "no branch matches";
        tell_branches(a, f, w);
    }
    finish(a, f, channel_of(w));
    return WENT_FAILED;
}

/* ": 7 of 13 bytes had come": how far the only thing that it waited for has got. */
static void tell_progress(struct actor *a, struct event_failure *f, const struct choice *c, struct buf *out)
{
    const struct step_kind *kind = c->in->kind;
    if (wait_expects(c)) {
        buf_adds(out, ": ");
        describe_progress(c, out);
        if (c->room->expect.x->framing == FRAMING_REST) buf_adds(out, ", and no close");
        dump_so_far(a->run, f, c);
    } else if (kind->explain) {
        buf_adds(out, ": ");
        kind->explain(c->in, c->room, out);
    } else if (kind->show) {
        buf_adds(out, ": waited for ");
        kind->show(a, c->in, c->room, out);
    }
}

static bool shakes_hands(const struct conn *c)
{
    return c && c->tls && !c->tls->done;
}

enum went failure_timeout(struct actor *a, struct wait *w)
{
    struct run *r = a->run;
    const struct choice *c = &w->main.list[0];
    const bool one = w->main.n == 1,
               stalled = one && c->room->op.waits == WAITS_WRITE && !shakes_hands(c->room->op.conn);
    struct event_failure *f = begin(a, stalled ? "stalled" : "timeout", one ? expect_mark(c) : (struct mark){0});
    if (!f) return WENT_FAILED;
    struct buf text = BUF_INIT(TEXT);
    buf_adds(&text, stalled ? "stalled: the peer does not read" : "timeout");
    if (one && !stalled) {
        tell_progress(a, f, c, &text);
    } else if (!one) {
        buf_adds(&text, w->ordered ? ": no list has its message" : ": no branch has come");
        tell_branches(a, f, w);
        f->kind = "timeout";
    }
    f->message = arena_dup(&r->arena, buf_slice(&text));
    buf_done(&text);
    const struct place by = source_place(w->limited_by);
    if (by.file) failure_note(r, f, "limit", "the timeout of the block at %s:%u:%u", by.file, by.line, by.col);
    finish(a, f, channel_of(w));
    return WENT_FAILED;
}

void failure_warning(struct actor *a, const char *text)
{
    struct run *r = a->run;
    char name[BOARD_NAME];
    struct event_failure *f = run_add_failure(r, SR_WARN);
    f->kind = "warn";
    f->actor = arena_dup(&r->arena, slice_of(actor_name(a, name, sizeof name)));
    f->step = step_name(a, &r->arena);
    f->place = source_place(a->at->model->mark);
    f->message = arena_dup(&r->arena, slice_of(text));
}

void failure_of_case(struct run *r, const char *kind, struct mark mark, const char *message)
{
    struct event_failure *f = run_add_failure(r, verdict_of_miss(kind, (enum level)r->plan->level));
    f->kind = kind;
    f->place = source_place(mark);
    f->message = arena_dup(&r->arena, slice_of(message));
    f->after = clock_now() - r->started;
    f->limit = -1;
    note_others(r, NULL, f);
    note_program_output(r, f);
}
