#ifndef TESTS_DOC_PARSED_H
#define TESTS_DOC_PARSED_H

/* A text, read, and what was said about it. Include after cmocka.h. */

#include <stdio.h>

#include "doc/node.h"
#include "util/buf.h"

struct parsed {
    struct source source;
    struct arena arena;
    struct diags diags;
    struct buf said;
    struct node *root;
};

static inline struct parsed *parsed_slice(struct slice text)
{
    struct parsed *p = calloc(1, sizeof *p);
    assert_non_null(p);
    source_init(&p->source, "f.yaml", text);
    arena_init(&p->arena);
    diags_init(&p->diags);
    buf_init(&p->said, 1 << 20);
    p->root = node_parse(&p->source, &p->arena, &p->diags);
    return p;
}

static inline struct parsed *parsed_new(const char *text)
{
    return parsed_slice(slice_of(text));
}

/* A text that must be without fault. */
static inline struct parsed *parsed_good(const char *text)
{
    struct parsed *p = parsed_new(text);
    if (p->diags.n) fail_msg("%s: %s", text, p->diags.list[0].message);
    assert_non_null(p->root);
    return p;
}

static inline const char *parsed_said(struct parsed *p)
{
    buf_clear(&p->said);
    diags_print(&p->diags, false, &p->said);
    return buf_str(&p->said);
}

static inline void parsed_free(struct parsed *p)
{
    buf_done(&p->said);
    diags_done(&p->diags);
    arena_done(&p->arena);
    source_done(&p->source);
    free(p);
}

/* Diagnostic i as "line:col+span message | hint | line:col second message", parts that are absent left out. */
static inline void said_is(const struct parsed *p, uint32_t i, const char *expected)
{
    char text[512];
    assert_true(i < p->diags.n);
    const struct diag *g = &p->diags.list[i];
    int n = snprintf(text, sizeof text, "%u:%u+%u %s", g->place.line, g->place.col, g->place.span, g->message);
    if (g->hint) n += snprintf(text + n, sizeof text - (size_t)n, " | %s", g->hint);
    if (g->also.file)
        snprintf(text + n, sizeof text - (size_t)n, " | %u:%u %s", g->also.line, g->also.col, g->also_message);
    assert_string_equal(text, expected);
}

#endif
