#include "doc/source.h"

#include <assert.h>

#include "util/mem.h"
#include "util/text.h"

enum { STEP = 512 };

/* The first character at or behind a multiple of STEP. */
struct source_step {
    uint32_t off;
    uint32_t chars; /* before it */
};

static const struct slice bom = {"\xEF\xBB\xBF", 3};

static void add_line(struct source *s, uint32_t *size, size_t off)
{
    if (s->nlines == *size) {
        *size = *size ? *size * 2 : 64;
        s->lines = mem_resize(s->lines, *size, sizeof *s->lines);
    }
    s->lines[s->nlines++] = (uint32_t)off;
}

static void count_steps(struct source *s)
{
    if (s->text.n < STEP) return;
    s->steps = mem_resize(NULL, s->text.n / STEP + 1, sizeof *s->steps);
    size_t step = 0, i = 0;
    uint32_t chars = 0;
    for (; i < s->text.n; chars++) {
        if (i / STEP >= step) s->steps[step++] = (struct source_step){(uint32_t)i, chars};
        size_t n = text_utf8(slice_part(s->text, i, 4), NULL);
        i += n ? n : 1;
    }
    while (step <= s->text.n / STEP)
        s->steps[step++] = (struct source_step){(uint32_t)i, chars};
}

/* The characters before off. */
static size_t chars_before(const struct source *s, uint32_t off)
{
    struct source_step from = {0};
    uint32_t step = off / STEP;
    if (s->steps && step > 0) from = s->steps[s->steps[step].off <= off ? step : step - 1];
    return from.chars + text_width(slice_part(s->text, from.off, off - from.off));
}

/* A lone CR ends a line too, as YAML and Lua have it. The end of the last line begins no further one: what is wrong at
 * the end of the file is shown behind its last line. */
void source_init(struct source *s, const char *name, struct slice text)
{
    assert(text.n < UINT32_MAX);
    *s = (struct source){.name = name, .text = text};
    uint32_t size = 0;
    add_line(s, &size, slice_starts(text, bom) ? bom.n : 0);
    for (size_t i = 0; i + 1 < text.n; i++) {
        char c = text.p[i];
        if (c == '\n' || (c == '\r' && text.p[i + 1] != '\n')) add_line(s, &size, i + 1);
    }
    count_steps(s);
}

void source_done(struct source *s)
{
    mem_free(s->lines);
    mem_free(s->steps);
    *s = (struct source){0};
}

/* The index of the last line that does not begin behind off. */
static uint32_t line_of(const struct source *s, uint32_t off)
{
    uint32_t low = 0, high = s->nlines;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->lines[middle] <= off)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static struct slice line_text(const struct source *s, uint32_t line)
{
    size_t from = s->lines[line];
    size_t end = line + 1 < s->nlines ? s->lines[line + 1] : s->text.n;
    while (end > from && (s->text.p[end - 1] == '\n' || s->text.p[end - 1] == '\r'))
        end--;
    return slice_part(s->text, from, end - from);
}

struct place source_place(struct mark m)
{
    if (!m.source) return (struct place){0};
    uint32_t line = line_of(m.source, m.off);
    uint32_t from = m.source->lines[line];
    struct slice text = line_text(m.source, line);
    size_t before = m.off > from ? m.off - from : 0;
    if (before > text.n) before = text.n;
    size_t span = text_width(slice_part(text, before, m.len));
    return (struct place){
        .file = m.source->name,
        .line = line + 1,
        .col = (uint32_t)(chars_before(m.source, from + (uint32_t)before) - chars_before(m.source, from)) + 1,
        .span = span ? (uint32_t)span : 1,
        .text = text,
    };
}

struct mark mark_part(struct mark m, uint32_t from, uint32_t len)
{
    if (from > m.len) from = m.len;
    if (len > m.len - from) len = m.len - from;
    return (struct mark){m.source, m.off + from, len};
}

uint32_t source_line(struct mark m)
{
    return m.source ? line_of(m.source, m.off) + 1 : 0;
}
