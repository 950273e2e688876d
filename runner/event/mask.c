#include "event/mask.h"

#include <assert.h>
#include <string.h>

#include "util/arena.h"
#include "util/mem.h"
#include "util/text.h"

/* Of any number of forms, all are looked for at once (Aho, Corasick: Efficient String Matching, 1975). A state stands
 * for the longest end of what was read that is a beginning of a form. */

enum { FORM_MOST = 16 * MASK_LONGEST, CUT_LEAST = 3, BYTES = 256 };

struct state {
    uint32_t child, sibling; /* the first that goes on from here; the next that goes on from where this one does */
    uint32_t fail;           /* the state of the longest end that is shorter */
    uint32_t depth;          /* bytes */
    uint32_t found;          /* the longest form that ends here, 0: none */
    unsigned char byte;
};

struct mask {
    struct state *states; /* [0]: nothing has begun */
    uint32_t n, size;
    uint32_t first[BYTES]; /* what goes on from there */
    struct arena arena;
    struct slice *forms;
    size_t nforms, forms_size;
};

/* Forms */

static uint32_t child_of(const struct mask *m, uint32_t state, unsigned char byte)
{
    if (state == 0) return m->first[byte];
    uint32_t at = m->states[state].child;
    while (at && m->states[at].byte != byte)
        at = m->states[at].sibling;
    return at;
}

static uint32_t new_state(struct mask *m, uint32_t from, unsigned char byte)
{
    if (m->n == m->size) {
        m->size = m->size ? 2 * m->size : 256;
        m->states = mem_resize(m->states, m->size, sizeof *m->states);
    }
    const uint32_t at = m->n++;
    m->states[at] = (struct state){.byte = byte, .depth = m->states[from].depth + 1};
    if (from == 0) {
        m->first[byte] = at;
    } else {
        m->states[at].sibling = m->states[from].child;
        m->states[from].child = at;
    }
    return at;
}

static void add_form(struct mask *m, struct slice form)
{
    uint32_t at = 0;
    if (form.n < MASK_SHORTEST) return;
    for (size_t i = 0; i < form.n; i++) {
        const uint32_t next = child_of(m, at, (unsigned char)form.p[i]);
        at = next ? next : new_state(m, at, (unsigned char)form.p[i]);
    }
    if (m->states[at].found) return;
    m->states[at].found = (uint32_t)form.n;
    if (m->nforms == m->forms_size) {
        m->forms_size = m->forms_size ? 2 * m->forms_size : 16;
        m->forms = mem_resize(m->forms, m->forms_size, sizeof *m->forms);
    }
    m->forms[m->nforms++] = (struct slice){arena_dup(&m->arena, form), form.n};
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* space: what stands for one, in the query of a form. */
static void add_percent(struct mask *m, struct slice secret, bool upper, const char *space, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < secret.n; i++) {
        if (secret.p[i] == ' ')
            buf_adds(out, space);
        else if (is_unreserved(secret.p[i]))
            buf_addc(out, secret.p[i]);
        else
            buf_printf(out, upper ? "%%%02X" : "%%%02x", (unsigned char)secret.p[i]);
    }
    add_form(m, buf_slice(out));
}

static void add_hex(struct mask *m, struct slice secret, struct buf *out)
{
    buf_clear(out);
    text_hex(secret, "", out);
    add_form(m, buf_slice(out));
    for (size_t i = 0; i < out->n; i++)
        if (out->p[i] >= 'a') out->p[i] = (char)(out->p[i] - 'a' + 'A');
    add_form(m, buf_slice(out));
}

/* What stands within quotes, in a failure or in JSON; and such a text within quotes again. */
static void add_quoted(struct mask *m, struct slice secret, struct buf *out)
{
    struct buf inner = BUF_INIT(FORM_MOST);
    buf_add(&inner, secret);
    for (int i = 0; i < 2; i++) {
        buf_clear(out);
        text_quote(buf_slice(&inner), SIZE_MAX, out);
        const struct slice form = slice_part(buf_slice(out), 1, out->n - 2);
        add_form(m, form);
        buf_clear(&inner);
        buf_add(&inner, form);
    }
    buf_done(&inner);
}

/* Three bytes become four characters: `before` bytes of something else share the first group, and the characters that
 * hold bits of others are left out. */
static void add_base64(struct mask *m, struct slice secret, size_t before, struct buf *out)
{
    struct buf bytes = BUF_INIT(FORM_MOST);
    for (size_t i = 0; i < before; i++)
        buf_addc(&bytes, '\0');
    buf_add(&bytes, secret);
    buf_clear(out);
    text_base64(buf_slice(&bytes), out);
    const size_t from = (before * 8 + 5) / 6, until = bytes.n * 8 / 6;
    const struct slice form = slice_part(buf_slice(out), from, until - from);
    add_form(m, form);
    for (size_t i = from; i < until; i++)
        out->p[i] = (char)(out->p[i] == '+' ? '-' : out->p[i] == '/' ? '_' : out->p[i]);
    add_form(m, form);
    buf_done(&bytes);
}

static void add_secret(struct mask *m, struct slice secret)
{
    struct buf out = BUF_INIT(FORM_MOST);
    assert(secret.n >= MASK_SHORTEST && secret.n <= MASK_LONGEST);
    add_form(m, secret);
    add_quoted(m, secret, &out);
    for (int upper = 0; upper < 2; upper++) {
        add_percent(m, secret, upper, "%20", &out);
        add_percent(m, secret, upper, "+", &out);
    }
    add_hex(m, secret, &out);
    for (size_t before = 0; before < 3; before++)
        add_base64(m, secret, before, &out);
    buf_done(&out);
}

/* The automaton */

static uint32_t step(const struct mask *m, uint32_t state, char c)
{
    const unsigned char byte = (unsigned char)c;
    uint32_t next;
    while (!(next = child_of(m, state, byte)) && state)
        state = m->states[state].fail;
    return next;
}

/* Where to go on when a form goes on no further: state by state, the shorter ones first. */
static void link_states(struct mask *m)
{
    uint32_t *queue = mem_alloc(m->n * sizeof *queue);
    uint32_t n = 0;
    for (int byte = 0; byte < BYTES; byte++)
        if (m->first[byte]) queue[n++] = m->first[byte];
    for (uint32_t i = 0; i < n; i++) {
        struct state *s = &m->states[queue[i]];
        if (!s->found) s->found = m->states[s->fail].found;
        for (uint32_t at = s->child; at; at = m->states[at].sibling) {
            m->states[at].fail = step(m, s->fail, (char)m->states[at].byte);
            queue[n++] = at;
        }
    }
    mem_free(queue);
}

struct mask *mask_new(const struct slice *secrets, size_t n)
{
    struct mask *m = mem_zalloc(sizeof *m);
    m->size = BYTES;
    m->states = mem_resize(NULL, m->size, sizeof *m->states);
    m->states[0] = (struct state){0};
    m->n = 1;
    for (size_t i = 0; i < n; i++)
        add_secret(m, secrets[i]);
    link_states(m);
    return m;
}

void mask_free(struct mask *m)
{
    if (!m) return;
    mem_free(m->states);
    mem_free(m->forms);
    arena_done(&m->arena);
    mem_free(m);
}

/* Masking */

/* The n bytes before `end`, as far as they stand in what there is room for. */
static void fill(char *to, size_t most, size_t end, size_t n, char with)
{
    const size_t from = end > n ? end - n : 0;
    if (end > most) end = most;
    if (from < end) memset(to + from, with, end - from);
}

void mask_bytes(const struct mask *m, struct slice piece, uint32_t *state, char *to, size_t most)
{
    uint32_t at = *state;
    if (most > piece.n) most = piece.n;
    if (most) memcpy(to, piece.p, most);
    for (size_t i = 0; i < piece.n; i++) {
        at = step(m, at, piece.p[i]);
        fill(to, most, i + 1, m->states[at].found, '*');
    }
    fill(to, most, piece.n, m->states[at].depth, '*');
    *state = at;
}

/* How many bytes at the beginning of s are the end of a form that was cut. */
static size_t cut_end(const struct mask *m, struct slice s)
{
    size_t longest = 0;
    for (size_t i = 0; i < m->nforms; i++) {
        const struct slice form = m->forms[i];
        for (size_t n = form.n - 1; n >= CUT_LEAST && n > longest; n--)
            if (s.n >= n && s.p[0] == form.p[form.n - n] && memcmp(s.p, form.p + form.n - n, n) == 0) longest = n;
    }
    return longest;
}

/* Does a text that was cut end here: `abc...`, `"abc"...`, `"abc" ...`? */
static bool is_cut(struct slice rest)
{
    return slice_starts(rest, SLICE("...")) || slice_starts(rest, SLICE("\"...")) ||
           slice_starts(rest, SLICE("\" ..."));
}

static void put_marked(struct slice text, const char *marks, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        size_t end = i;
        while (end < text.n && !marks[end] == !marks[i])
            end++;
        if (marks[i])
            buf_adds(out, "***");
        else
            buf_add(out, slice_part(text, i, end - i));
        i = end;
    }
}

static bool mark_text(const struct mask *m, struct slice text, char *marks)
{
    uint32_t at = 0;
    for (size_t i = 0; i < text.n; i++) {
        const struct slice rest = slice_part(text, i, text.n);
        if (m->states[at].depth >= CUT_LEAST && is_cut(rest)) fill(marks, text.n, i, m->states[at].depth, 1);
        at = step(m, at, text.p[i]);
        fill(marks, text.n, i + 1, m->states[at].found, 1);
        const size_t cut = text.p[i] == '"' ? cut_end(m, slice_part(rest, 1, rest.n)) : 0;
        fill(marks, text.n, i + 1 + cut, cut, 1);
    }
    return text.n && memchr(marks, 1, text.n);
}

bool mask_text(const struct mask *m, struct slice text, struct buf *out)
{
    char *marks = mem_zalloc(text.n + 1);
    const bool any = mark_text(m, text, marks);
    if (any) put_marked(text, marks, out);
    mem_free(marks);
    return any;
}

void mask_whole(const struct mask *m, struct slice text, char *to)
{
    uint32_t at = 0;
    if (text.n) memcpy(to, text.p, text.n);
    for (size_t i = 0; i < text.n; i++) {
        at = step(m, at, text.p[i]);
        fill(to, text.n, i + 1, m->states[at].found, '*');
    }
}

void mask_window(const struct mask *m, struct slice window, char *to)
{
    uint32_t state = 0;
    const size_t cut = cut_end(m, window);
    mask_bytes(m, window, &state, to, window.n);
    fill(to, window.n, cut, cut, '*');
}
