/* Any bytes become a tree or a diagnostic, and every place in the tree is within the text. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "doc/field.h"
#include "doc/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LOOKS = 10000, /* nodes that are looked at: aliases let few bytes hold many */
    BYTES = 64,    /* of a scalar, whose places are asked for one by one */
};

static void check_mark(const struct source *s, struct mark m)
{
    struct place place = source_place(m);
    assert(m.off <= s->text.n && m.len <= s->text.n - m.off);
    assert(place.line >= 1 && place.line <= s->nlines && place.col >= 1 && place.span >= 1);
    (void)s;
    (void)place;
}

static void check_scalar(const struct source *s, const struct node *n)
{
    assert(n->text.p[n->text.n] == '\0');
    (void)field_dynamic(n);
    (void)field_scalar(n, NULL, NULL);
    for (uint32_t i = 0; i <= n->text.n && i < BYTES; i++)
        check_mark(s, node_mark_at(n, i, 1));
}

static void check(const struct source *s, const struct node *n, unsigned depth, unsigned *looks)
{
    assert(depth <= NODE_DEPTH);
    if (++*looks > LOOKS) return;
    check_mark(s, n->mark);
    if (n->kind == NODE_SCALAR) check_scalar(s, n);
    for (uint32_t i = 0; n->kind == NODE_LIST && i < n->n; i++)
        check(s, n->items[i], depth + 1, looks);
    for (uint32_t i = 0; n->kind == NODE_MAP && i < n->n; i++) {
        assert(n->pairs[i].key->kind == NODE_SCALAR);
        check(s, n->pairs[i].key, depth + 1, looks);
        check(s, n->pairs[i].value, depth + 1, looks);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source;
    struct arena arena;
    struct diags diags;
    struct buf said = BUF_INIT(16 * 1024 * 1024);
    unsigned looks = 0;
    source_init(&source, "fuzz", (struct slice){(const char *)data, size});
    arena_init(&arena);
    diags_init(&diags);
    struct node *root = node_parse(&source, &arena, &diags);
    assert(root || diags.n);
    if (root) check(&source, root, 0, &looks);
    if (diags.n) diags_print(&diags, false, &said);
    buf_done(&said);
    diags_done(&diags);
    arena_done(&arena);
    source_done(&source);
    return 0;
}
