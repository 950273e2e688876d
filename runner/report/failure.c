#include "report/failure.h"

#include <ctype.h>

#include "report/caret.h"
#include "report/dump.h"
#include "util/text.h"
#include "util/units.h"

enum {
    FAILURES_MOST = 20,
    NOTES_MOST = 64,
    NAME_MOST = 1024,
    SUMMARY_MOST = 1024,
    HEADLINE_MOST = 64 * 1024,
    BLOCK_MOST = 1024 * 1024,
};

enum paint failure_paint(enum sr_verdict v)
{
    switch (v) {
    case SR_PASS: return PAINT_GOOD;
    case SR_SKIP:
    case SR_XFAIL: return PAINT_FAINT;
    case SR_WARN: return PAINT_NOTICE;
    case SR_XPASS:
    case SR_FAIL:
    case SR_ERROR: return PAINT_BAD;
    }
    return PAINT_BAD;
}

static void add_word(enum sr_verdict v, const struct style *s, struct buf *out)
{
    paint_on(s, failure_paint(v), out);
    for (const char *c = sr_verdict_name(v); *c; c++)
        buf_addc(out, (char)toupper((unsigned char)*c));
    paint_off(s, out);
}

static void add_part(const char *part, struct buf *out)
{
    if (!part || !*part) return;
    if (out->n > 0) buf_adds(out, " > ");
    line_text(slice_of(part), NAME_MOST, out);
}

static void add_after(const struct event_failure *f, struct buf *out)
{
    char text[UNITS_TEXT];

    if (f->after < 0) return;
    buf_printf(out, "after %s", units_show_duration(f->after, text));
    if (f->limit >= 0) buf_printf(out, " of %s", units_show_duration(f->limit, text));
}

/* f is NULL for a verdict without failures. */
static void add_headline(const struct event *e, const struct event_failure *f, const struct style *s, struct buf *out)
{
    struct buf where = BUF_INIT(HEADLINE_MOST);
    struct buf after = BUF_INIT(256);

    line_case(e->file, e->case_name, &where);
    if (f) {
        add_part(f->actor, &where);
        add_part(f->step, &where);
        add_after(f, &after);
    }
    const enum sr_verdict verdict = f && f->warning ? SR_WARN : e->verdict;
    add_word(verdict, s, out);
    buf_addc(out, ' ');
    paint_on(s, PAINT_STRONG, out);
    buf_add(out, buf_slice(&where));
    paint_off(s, out);
    if (after.n > 0) {
        size_t used = slice_of(sr_verdict_name(verdict)).n + 1 + text_width(buf_slice(&where)) + after.n;
        buf_printf(out, "%*s", used + 2 <= s->width ? (int)(s->width - used) : 2, "");
        paint_on(s, PAINT_FAINT, out);
        buf_add(out, buf_slice(&after));
        paint_off(s, out);
    }
    buf_addc(out, '\n');
    buf_done(&where);
    buf_done(&after);
}

static void add_block(const struct event *e, const struct event_failure *f, const struct style *s, struct buf *out)
{
    add_headline(e, f, s, out);
    caret_render(&f->place, f->message, s, out);
    dump_render(&f->dump, s, out);
    for (size_t i = 0; i < f->nnotes && i < NOTES_MOST; i++)
        line_note(s, f->notes[i].label, slice_of(f->notes[i].text), out);
    if (f->nnotes > NOTES_MOST) buf_printf(out, "   ... and %zu more notes\n", f->nnotes - NOTES_MOST);
}

/* In a buffer of its own: where it is too long, the end is cut off and nothing else. */
static void add_bounded(const struct event *e, const struct event_failure *f, const struct style *s, struct buf *out)
{
    struct buf block = BUF_INIT(BLOCK_MOST);

    add_block(e, f, s, &block);
    buf_add(out, buf_slice(&block));
    if (block.overflow) {
        paint_off(s, out);
        buf_adds(out, "\n   ... (too long)\n");
    }
    buf_done(&block);
}

/* What there is to say where there is no failure. */
static const char *reason(const struct event *e)
{
    if (e->text && *e->text) return e->text;
    return e->verdict == SR_XPASS ? "it passed, although it was said to fail" : NULL;
}

static void add_reason(const struct event *e, const struct style *s, struct buf *out)
{
    add_headline(e, NULL, s, out);
    caret_render(&e->place, reason(e), s, out);
}

void failure_render(const struct event *e, const struct style *s, struct buf *out)
{
    if (e->nfailures == 0) add_reason(e, s, out);
    for (size_t i = 0; i < e->nfailures && i < FAILURES_MOST; i++) {
        if (i > 0) buf_addc(out, '\n');
        add_bounded(e, &e->failures[i], s, out);
    }
    if (e->nfailures > FAILURES_MOST) buf_printf(out, "\n   ... and %zu more failures\n", e->nfailures - FAILURES_MOST);
}

void failure_summary(const struct event *e, struct buf *out)
{
    const struct event_failure *f = event_reason(e);
    struct buf who = BUF_INIT(HEADLINE_MOST);

    if (!f) {
        line_text(slice_of(reason(e)), SUMMARY_MOST, out);
        return;
    }
    add_part(f->actor, &who);
    add_part(f->step, &who);
    buf_add(out, buf_slice(&who));
    if (who.n > 0 && f->message) buf_adds(out, ": ");
    line_text(slice_of(f->message), SUMMARY_MOST, out);
    if (e->nfailures > 1) buf_printf(out, " (and %zu more)", e->nfailures - 1);
    buf_done(&who);
}
