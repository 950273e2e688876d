#include "engine/script_failure.h"

#include <stdio.h>
#include <string.h>

#include "lua/testscript.h"
#include "match/diff.h"
#include "util/units.h"

enum { NOTES_MOST = 24, LEVELS_MOST = 30, TASKS_MOST = 12, TEXT = 4096, ROWS_BEFORE = 2, ROWS_AFTER = 2 };

struct place script_place(const struct script_text *s, uint32_t line)
{
    struct slice rest = s->text;
    struct place p = {.file = s->name, .line = line, .col = 1, .span = 1};
    for (uint32_t i = 1; rest.n; i++) {
        const char *end = memchr(rest.p, '\n', rest.n);
        const size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (i == line) {
            p.text = slice_part(rest, 0, n && rest.p[n - 1] == '\r' ? n - 1 : n);
            break;
        }
        rest = slice_part(rest, end ? n + 1 : n, rest.n);
    }
    while (p.col <= p.text.n && (p.text.p[p.col - 1] == ' ' || p.text.p[p.col - 1] == '\t'))
        p.col++;
    return p;
}

/* Of a frame of Lua code; false for others. */
static bool frame_place(const struct script_text *s, lua_State *L, lua_Debug *ar, struct arena *a, struct place *ret)
{
    lua_getinfo(L, "Slnt", ar);
    if (*ar->source != '@' || ar->currentline <= 0) return false;
    if (s && strcmp(ar->source + 1, s->name) == 0)
        *ret = script_place(s, (uint32_t)ar->currentline);
    else
        *ret = (struct place){
            .file = arena_dup(a, slice_of(ar->source + 1)), .line = (uint32_t)ar->currentline, .col = 1, .span = 1};
    return true;
}

struct place script_where(const struct script_text *s, lua_State *L, struct arena *a)
{
    struct place p = {0};
    lua_Debug ar;
    for (int level = 0; level < LEVELS_MOST && lua_getstack(L, level, &ar); level++)
        if (frame_place(s, L, &ar, a, &p)) break;
    return p;
}

static void show_frame(const lua_Debug *ar, const struct place *p, struct buf *out)
{
    buf_printf(out, "%s:%u", p->file, p->line);
    if (*ar->namewhat && ar->name)
        buf_printf(out, ": in %s `%s`", *ar->namewhat == 'm' ? "method" : "function", ar->name);
    else if (*ar->what == 'm')
        buf_adds(out, ": in the main chunk");
    if (ar->istailcall) buf_adds(out, "\n...tail calls");
}

/* Only where it says more than the place does. */
static void note_trace(const struct script_text *s, lua_State *L, struct arena *a, struct event_failure *f)
{
    struct buf text = BUF_INIT(TEXT), line = BUF_INIT(TEXT), last = BUF_INIT(TEXT);
    struct place p;
    lua_Debug ar;
    int shown = 0, level = 0;
    for (; level < LEVELS_MOST && lua_getstack(L, level, &ar); level++) {
        if (!frame_place(s, L, &ar, a, &p)) continue;
        buf_clear(&line);
        show_frame(&ar, &p, &line);
        shown++;
        /* Recursion is shown once. */
        if (slice_eq(buf_slice(&line), buf_slice(&last))) continue;
        if (text.n) buf_addc(&text, '\n');
        buf_add(&text, buf_slice(&line));
        buf_clear(&last);
        buf_add(&last, buf_slice(&line));
    }
    if (level == LEVELS_MOST) buf_adds(&text, "\n...");
    if (shown > 1) script_failure_note(f, a, "trace", buf_str(&text));
    buf_done(&text);
    buf_done(&line);
    buf_done(&last);
}

static void fill_dump(const struct luafailure *from, struct arena *a, struct event_failure *f)
{
    const struct diff_window w = diff_window(from->expected, from->got, from->at, ROWS_BEFORE, ROWS_AFTER);
    f->dump = (struct event_dump){.present = true,
                                  .expected_size = from->expected.n,
                                  .got_size = from->got.n,
                                  .at = from->at,
                                  .from = w.from,
                                  .expected = {arena_dup(a, w.expected), w.expected.n},
                                  .got = {arena_dup(a, w.got), w.got.n}};
}

void script_failure_note(struct event_failure *f, struct arena *a, const char *label, const char *text)
{
    if (f->nnotes == NOTES_MOST) return;
    if (!f->notes) f->notes = arena_array(a, NOTES_MOST, sizeof *f->notes);
    f->notes[f->nnotes++] = (struct event_note){arena_dup(a, slice_of(label)), arena_dup(a, slice_of(text))};
}

void script_failure_values(const struct luafailure *from, struct arena *a, struct event_failure *f)
{
    if (from->bytes) fill_dump(from, a, f);
    if (from->expected_text) script_failure_note(f, a, "expected", from->expected_text);
    if (from->got_text) script_failure_note(f, a, "got", from->got_text);
}

void script_failure_fill(const struct script_text *s, lua_State *L, const struct luafailure *from, struct arena *a,
                         struct event_failure *f)
{
    const char *message = from->message;
    /* `coroutine.wrap` puts a place before the one that stands there: the last is where it was. */
    uint32_t line = 0;
    for (uint32_t at; s && (at = testscript_place(s->name, message, &message));)
        line = at;
    f->kind = from->kind;
    f->place = line ? script_place(s, line) : script_where(s, L, a);
    f->message = arena_dup(a, slice_of(message));
    script_failure_values(from, a, f);
    note_trace(s, L, a, f);
}

const char *script_failure_waits(const struct luatask *t)
{
    if (t->state == LUATASK_READY) return "not started";
    if (!t->inner) return "running";
    switch (t->inner->waits) {
    case WAITS_READ: return "waiting for bytes";
    case WAITS_WRITE: return "waiting for room to send";
    case WAITS_ACCEPT: return "waiting for a connection";
    case WAITS_RENDEZVOUS: return "waiting for another task";
    case WAITS_TIME: return "sleeping";
    case WAITS_OUTSIDE:
    case WAITS_NOTHING: break;
    }
    return "waiting";
}

static void note_task(const struct script_text *s, const struct luatask *t, struct arena *a, struct event_failure *f)
{
    char time[UNITS_TEXT], text[TEXT];
    const struct place p = script_where(s, luatask_thread(t), a);
    if (p.line && t->inner)
        snprintf(text, sizeof text, "%s:%u, %s for %s", p.file, p.line, script_failure_waits(t),
                 units_show_duration(t->task->sched->now - t->since, time));
    else if (p.line)
        snprintf(text, sizeof text, "%s:%u, %s", p.file, p.line, script_failure_waits(t));
    else
        snprintf(text, sizeof text, "%s", script_failure_waits(t));
    script_failure_note(f, a, t->name, text);
}

void script_failure_tasks(const struct script_text *s, const struct luahost *h, const struct luatask *self,
                          struct arena *a, struct event_failure *f)
{
    unsigned told = 0;
    for (const struct luatask *t = (const struct luatask *)h->tasks; t && told < TASKS_MOST; t = luatask_next(t)) {
        if (t == self || luatask_over(t)) continue;
        note_task(s, t, a, f);
        told++;
    }
}
