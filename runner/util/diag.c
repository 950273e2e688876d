#include "util/diag.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/mem.h"
#include "util/suggest.h"
#include "util/text.h"

enum {
    TEXT_MOST = 4096, /* of one message; what a user wrote can be any length */
    COLUMNS = 160,    /* of a source line */
    LEAD = 60,        /* of them before the place, in a line that is longer */
};

void diags_init(struct diags *d)
{
    *d = (struct diags){0};
}

void diags_done(struct diags *d)
{
    arena_done(&d->arena);
    mem_free(d->list);
    diags_init(d);
}

__attribute__((format(printf, 2, 0))) static char *format_text(struct diags *d, const char *format, va_list ap)
{
    char text[TEXT_MOST];
    vsnprintf(text, sizeof text, format, ap);
    return arena_dup(&d->arena, slice_of(text));
}

/* The strings of many diagnostics in one line or file are kept once. */
static struct place copy_place(struct diags *d, const struct diag *last, struct place p)
{
    if (p.span == 0) p.span = 1;
    if (p.file && last && last->place.file && strcmp(p.file, last->place.file) == 0)
        p.file = last->place.file;
    else if (p.file)
        p.file = arena_dup(&d->arena, slice_of(p.file));
    if (p.text.p && last && last->place.text.p && slice_eq(p.text, last->place.text))
        p.text = last->place.text;
    else if (p.text.p)
        p.text.p = arena_dup(&d->arena, p.text);
    return p;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What stands once and is read several times, such as a macro's steps, is wrong once. */
static bool is_said(const struct diags *d, const struct place *p, const char *message)
{
    for (uint32_t i = d->n; i-- > 0;) {
        const struct diag *g = &d->list[i];
        if (g->place.line == p->line && g->place.col == p->col && strcmp(g->message, message) == 0 &&
            same_text(g->place.file, p->file))
            return true;
    }
    return false;
}

struct diag *diags_add(struct diags *d, struct place place, const char *format, ...)
{
    if (!d->list) {
        /* All at once, so that what diags_add gave back stays where it is; the last one is the scratch entry. */
        d->size = DIAGS_MOST + 1;
        d->list = mem_zalloc(d->size * sizeof *d->list);
    }
    char text[TEXT_MOST];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    struct diag *g = &d->list[d->n];
    const bool said = is_said(d, &place, text);
    if (said || d->n == DIAGS_MOST) {
        if (!said) d->dropped++;
        g = &d->list[DIAGS_MOST];
        *g = (struct diag){.message = ""};
        return g;
    }
    *g = (struct diag){.order = d->n};
    g->place = copy_place(d, d->n ? g - 1 : NULL, place);
    g->message = arena_dup(&d->arena, slice_of(text));
    d->n++;
    return g;
}

static bool is_scratch(const struct diags *d, const struct diag *g)
{
    return g == &d->list[DIAGS_MOST];
}

void diag_hint(struct diags *d, struct diag *g, const char *format, ...)
{
    if (is_scratch(d, g)) return;
    va_list ap;
    va_start(ap, format);
    g->hint = format_text(d, format, ap);
    va_end(ap);
}

void diag_suggest(struct diags *d, struct diag *g, const struct suggest *s)
{
    struct slice best = suggest_best(s);
    if (!best.p || is_scratch(d, g)) return;
    diag_hint(d, g, "did you mean `%.*s`?", (int)best.n, best.p);
    g->suggestion = arena_dup(&d->arena, best);
}

void diag_also(struct diags *d, struct diag *g, struct place place, const char *message)
{
    if (is_scratch(d, g)) return;
    g->also = copy_place(d, g, place);
    g->also_message = arena_dup(&d->arena, slice_of(message));
}

struct paint {
    const char *place, *error, *caret, *off;
};

static const struct paint plain = {"", "", "", ""};
static const struct paint colored = {"\033[1m", "\033[1;31m", "\033[32m", "\033[0m"};

/* One line stays one line, whatever a user's key or a file's name holds. */
static void put_line(struct slice s, struct buf *out)
{
    while (s.n) {
        const char *end = memchr(s.p, '\n', s.n);
        size_t n = end ? (size_t)(end - s.p) : s.n;
        text_safe(slice_part(s, 0, n), out);
        if (end) buf_adds(out, "\\n");
        s = slice_part(s, end ? n + 1 : n, s.n);
    }
}

static void put_head(const struct paint *paint, const struct place *p, bool error, const char *message, struct buf *out)
{
    if (p->file) {
        buf_adds(out, paint->place);
        put_line(slice_of(p->file), out);
        if (p->line) buf_printf(out, ":%u:%u", p->line, p->col);
        buf_printf(out, ":%s ", paint->off);
    }
    buf_printf(out, "%s%s:%s ", error ? paint->error : paint->place, error ? "error" : "note", paint->off);
    put_line(slice_of(message), out);
    buf_addc(out, '\n');
}

static void put_times(char c, size_t n, struct buf *out)
{
    while (n-- > 0)
        buf_addc(out, c);
}

/* The part of a source line that is shown, and what stands below it. */
struct window {
    struct buf line;
    struct buf below; /* blanks, tabs and carets */
};

/* Character `column` (from 0) of the line, n bytes. */
static void window_put(struct window *w, const struct place *p, size_t column, struct slice character)
{
    size_t before = w->line.n;
    put_line(character, &w->line);
    size_t width = text_width(slice_part(buf_slice(&w->line), before, w->line.n));
    size_t caret = p->col - 1;
    if (column >= caret && column - caret < p->span)
        put_times('^', width, &w->below);
    else if (column < caret)
        put_times(character.p[0] == '\t' ? '\t' : ' ', width, &w->below);
}

/* p's column is within the line, or just behind its end. */
static void window_fill(struct window *w, const struct place *p)
{
    size_t caret = p->col - 1;
    size_t from = caret > LEAD && text_width(p->text) > COLUMNS ? caret - LEAD : 0;
    if (from) {
        buf_adds(&w->line, "...");
        buf_adds(&w->below, "   ");
    }
    size_t i = 0;
    for (size_t column = 0; i < p->text.n; column++) {
        if (column > caret && w->line.n >= COLUMNS && text_width(buf_slice(&w->line)) >= COLUMNS) break;
        size_t n = text_utf8(slice_part(p->text, i, 4), NULL);
        if (n == 0) n = 1;
        if (column >= from) window_put(w, p, column, slice_part(p->text, i, n));
        i += n;
    }
    if (i < p->text.n) buf_adds(&w->line, "...");
    if (caret == text_width(p->text)) buf_addc(&w->below, '^');
}

/* The caret and what stands left of it have different colors. */
static void put_below(const struct paint *paint, struct slice below, struct buf *out)
{
    size_t blanks = 0;
    while (blanks < below.n && below.p[blanks] != '^')
        blanks++;
    buf_add(out, slice_part(below, 0, blanks));
    buf_adds(out, paint->caret);
    buf_add(out, slice_part(below, blanks, below.n));
    buf_adds(out, paint->off);
}

static void put_source(const struct paint *paint, const struct place *place, const char *hint, struct buf *out)
{
    struct place p = *place;
    size_t width = text_width(p.text);
    if (p.col == 0) p.col = 1;
    if (p.col > width) p.col = (uint32_t)width + 1;
    struct window w = {BUF_INIT(16 * 1024), BUF_INIT(16 * 1024)};
    window_fill(&w, &p);
    int gutter = snprintf(NULL, 0, "%6u", p.line);
    buf_printf(out, "%6u |%s%s\n", p.line, w.line.n ? " " : "", buf_str(&w.line));
    buf_printf(out, "%*s | ", gutter, "");
    put_below(paint, buf_slice(&w.below), out);
    if (hint) {
        buf_addc(out, ' ');
        put_line(slice_of(hint), out);
    }
    buf_addc(out, '\n');
    buf_done(&w.line);
    buf_done(&w.below);
}

static void put_place(const struct paint *paint, const struct place *p, bool error, const char *message,
                      const char *hint, struct buf *out)
{
    put_head(paint, p, error, message, out);
    if (p->line && p->text.p) {
        put_source(paint, p, hint, out);
    } else if (hint) {
        buf_adds(out, "  ");
        put_line(slice_of(hint), out);
        buf_addc(out, '\n');
    }
}

/* An entry and where its file stands among the files. */
struct ranked {
    const struct diag *g;
    uint32_t file;
};

static int by_number(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *one, const void *two)
{
    const struct ranked *a = one, *b = two;
    int order = by_number(a->file, b->file);
    if (order == 0) order = by_number(a->g->place.line, b->g->place.line);
    if (order == 0) order = by_number(a->g->place.col, b->g->place.col);
    if (order == 0) order = by_number(a->g->order, b->g->order);
    return order;
}

const struct diag **diags_sorted(const struct diags *d)
{
    struct ranked *list = mem_alloc(d->n * sizeof *list);
    const struct diag **sorted = mem_alloc(d->n * sizeof *sorted);
    for (uint32_t i = 0; i < d->n; i++) {
        uint32_t file = 0;
        while (!same_text(d->list[file].place.file, d->list[i].place.file))
            file++;
        list[i] = (struct ranked){&d->list[i], file};
    }
    qsort(list, d->n, sizeof *list, by_place);
    for (uint32_t i = 0; i < d->n; i++)
        sorted[i] = list[i].g;
    mem_free(list);
    return sorted;
}

void diags_print(struct diags *d, bool color, struct buf *out)
{
    const struct paint *paint = color ? &colored : &plain;
    const struct diag **list = diags_sorted(d);
    for (uint32_t i = 0; i < d->n; i++) {
        const struct diag *g = list[i];
        put_place(paint, &g->place, true, g->message, g->hint, out);
        if (g->also.file) put_place(paint, &g->also, false, g->also_message, NULL, out);
    }
    mem_free(list);
    if (d->dropped) buf_printf(out, "%u more errors are not shown\n", d->dropped);
}
