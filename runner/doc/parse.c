#include "doc/node.h"

#include <stdlib.h>

#include "doc/encoding.h"
#include "doc/syntax.h"
#include "util/hash.h"
#include "util/mem.h"
#include "util/suggest.h"

enum {
    FEW_PAIRS = 16, /* compared with one another rather than sorted */
    NAME_SHOWN = 60,
};

struct anchor {
    char *name;
    struct node *node;
    uint32_t weight; /* nodes in it, itself and what its aliases stand for included */
    uint32_t height; /* levels of nesting in it */
    bool open;       /* its end has not been read */
    UT_hash_handle hh;
};

struct parser {
    yaml_parser_t yaml;
    yaml_event_t event; /* the one to be read next */
    const struct source *source;
    struct arena *arena;
    struct diags *diags;
    struct encoding encoding;
    struct anchor *anchors;
    struct node **pile; /* the children of every list and map that is still open */
    uint32_t piled, pile_size;
    uint32_t nodes;
    uint32_t depth, deepest;
    struct mark last; /* the latest scalar that was not empty */
    bool torn;        /* something could not be made into a node */
};

static struct node *read_node(struct parser *p);

static bool next(struct parser *p)
{
    yaml_event_delete(&p->event);
    if (yaml_parser_parse(&p->yaml, &p->event)) return true;
    if (p->yaml.error == YAML_MEMORY_ERROR) mem_exhausted();
    syntax_say(&p->yaml, p->source, &p->encoding, p->last, p->diags);
    return false;
}

static struct diag *complain(struct parser *p, struct mark m, const char *message, const char *hint)
{
    struct diag *g = diags_add(p->diags, source_place(m), "%s", message);
    if (hint) diag_hint(p->diags, g, "%s", hint);
    return g;
}

static int shown(struct slice name)
{
    return (int)(name.n < NAME_SHOWN ? name.n : NAME_SHOWN);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The stretch that the event covers without the anchor and tag before it, which libyaml counts in. */
static struct mark event_mark(struct parser *p, bool properties, struct mark *ret_tag)
{
    const char *text = p->source->text.p;
    uint32_t off = encoding_offset(&p->encoding, p->event.start_mark.index);
    uint32_t end = encoding_offset(&p->encoding, p->event.end_mark.index);
    while (properties && off < end && (blank(text[off]) || text[off] == '&' || text[off] == '!' || text[off] == '#')) {
        uint32_t from = off;
        if (text[off] == '#')
            while (off < end && text[off] != '\n' && text[off] != '\r')
                off++;
        else
            while (off < end && blank(text[off]) == blank(text[from]))
                off++;
        if (text[from] == '!') *ret_tag = (struct mark){p->source, from, off - from};
    }
    return (struct mark){p->source, off, end - off};
}

static struct mark node_place(struct parser *p, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct mark written = {0};
    struct mark m = event_mark(p, anchor || tag, &written);
    if (tag)
        complain(p, written.source ? written : m, "YAML tags are not used here",
                 "put a text that begins with `!` in quotes");
    return m;
}

/* YAML reads `"\xff"` as the character U+00FF, two bytes in UTF-8, where the writer surely meant one. */
static void check_escapes(struct parser *p, struct mark m)
{
    struct slice raw = slice_part(p->source->text, m.off, m.len);
    for (size_t i = 0; i + 3 < raw.n; i++) {
        const char *escape = memchr(raw.p + i, '\\', raw.n - 3 - i);
        if (!escape) return;
        i = (size_t)(escape - raw.p) + 1;
        if (raw.p[i] != 'x' || raw.p[i + 1] < '8') continue;
        struct mark place = mark_part(m, (uint32_t)i - 1, 4);
        struct diag *g =
            diags_add(p->diags, source_place(place), "YAML makes `\\x%.2s` a character of two bytes", raw.p + i + 1);
        diag_hint(p->diags, g, "for the byte write {hex: \"%.2s\"}", raw.p + i + 1);
        return;
    }
}

static struct node *read_scalar(struct parser *p, struct node *n)
{
    const yaml_scalar_style_t style = p->event.data.scalar.style;
    n->kind = NODE_SCALAR;
    n->quoted = style != YAML_PLAIN_SCALAR_STYLE;
    n->block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
    n->mark = node_place(p, p->event.data.scalar.anchor, p->event.data.scalar.tag);
    while (n->block && n->mark.len > 1 && blank(p->source->text.p[n->mark.off + n->mark.len - 1]))
        n->mark.len--;
    n->text.n = p->event.data.scalar.length;
    n->text.p = arena_dup(p->arena, (struct slice){(const char *)p->event.data.scalar.value, n->text.n});
    if (style == YAML_DOUBLE_QUOTED_SCALAR_STYLE) check_escapes(p, n->mark);
    if (n->mark.len) p->last = n->mark;
    return n;
}

static void push(struct parser *p, struct node *n)
{
    if (p->piled == p->pile_size) {
        p->pile_size = p->pile_size ? p->pile_size * 2 : 64;
        p->pile = mem_resize(p->pile, p->pile_size, sizeof(struct node *));
    }
    p->pile[p->piled++] = n;
}

static bool enter(struct parser *p, struct mark m, uint32_t levels)
{
    if (p->depth + levels > p->deepest) p->deepest = p->depth + levels;
    if (p->depth + levels <= NODE_DEPTH) return true;
    diags_add(p->diags, source_place(m), "nested deeper than %d levels", NODE_DEPTH);
    return false;
}

static bool count(struct parser *p, struct mark m, uint32_t nodes, const char *how)
{
    p->nodes += nodes;
    if (p->nodes <= NODE_MOST) return true;
    diags_add(p->diags, source_place(m), "%s more than %d values", how, NODE_MOST);
    return false;
}

/* The event is the end of the list or map: of one in brackets the place of the closing one becomes known. */
static void close_mark(struct parser *p, struct node *n, bool flow)
{
    if (flow) n->mark.len = encoding_offset(&p->encoding, p->event.end_mark.index) - n->mark.off;
    p->depth--;
}

static struct node *read_list(struct parser *p, struct node *n)
{
    const bool flow = p->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    const uint32_t first = p->piled;
    n->kind = NODE_LIST;
    n->mark = node_place(p, p->event.data.sequence_start.anchor, p->event.data.sequence_start.tag);
    n->mark.len = 1;
    p->depth++;
    if (!enter(p, n->mark, 0)) return NULL;
    for (;;) {
        if (!next(p)) return NULL;
        if (p->event.type == YAML_SEQUENCE_END_EVENT) break;
        struct node *item = read_node(p);
        if (!item) return NULL;
        push(p, item);
    }
    close_mark(p, n, flow);
    n->n = p->piled - first;
    n->items = arena_array(p->arena, n->n, sizeof *n->items);
    if (n->n) memcpy(n->items, p->pile + first, n->n * sizeof *n->items);
    p->piled = first;
    return n;
}

/* Says what is wrong with a key; a pair without a good key is left out of the map. */
static bool key_is_good(struct parser *p, const struct node *key, struct mark m)
{
    if (key->kind != NODE_SCALAR) {
        complain(p, m, key->kind == NODE_LIST ? "a list cannot be a key" : "a map cannot be a key",
                 "put a text that begins with `[` or `{` in quotes");
        p->torn = true;
        return false;
    }
    if (node_empty(key)) {
        complain(p, m, "there is no key before this `:`", NULL);
        p->torn = true;
        return false;
    }
    if (node_is(key, "<<")) {
        complain(p, m, "`<<` merges are not supported", "write the keys out, or use `include` or a macro");
        return false;
    }
    return true;
}

/* NULL stops everything; *ret_good says whether the key is one. */
static struct node *read_key(struct parser *p, bool *ret_good)
{
    const bool alias = p->event.type == YAML_ALIAS_EVENT;
    struct mark ignored, m = event_mark(p, false, &ignored);
    struct node *key = read_node(p);
    if (!key) return NULL;
    if (alias) {
        struct node *copy = ARENA_NEW(p->arena, struct node);
        *copy = *key;
        copy->mark = m;
        key = copy;
    }
    *ret_good = key_is_good(p, key, key->mark);
    return key;
}

static void duplicate(struct parser *p, const struct pair *first, struct pair *again)
{
    if (!again->value) return;
    again->value = NULL;
    struct slice name = again->key->text;
    struct diag *g = diags_add(p->diags, source_place(again->key->mark), "duplicate key `%.*s`", shown(name), name.p);
    diag_also(p->diags, g, source_place(first->key->mark), "first written here");
}

/* Same keys stand together, in the order of the text. */
static int by_key(const void *one, const void *two)
{
    const struct pair *a = *(struct pair *const *)one, *b = *(struct pair *const *)two;
    struct slice x = a->key->text, y = b->key->text;
    if (x.n != y.n) return x.n < y.n ? -1 : 1;
    int order = x.n ? memcmp(x.p, y.p, x.n) : 0;
    return order ? order : (a > b) - (a < b);
}

static void find_duplicates_sorted(struct parser *p, struct node *map)
{
    struct pair **sorted = mem_resize(NULL, map->n, sizeof(struct pair *));
    for (uint32_t i = 0; i < map->n; i++)
        sorted[i] = &map->pairs[i];
    qsort(sorted, map->n, sizeof(struct pair *), by_key);
    for (uint32_t i = 1, first = 0; i < map->n; i++) {
        if (slice_eq(sorted[first]->key->text, sorted[i]->key->text))
            duplicate(p, sorted[first], sorted[i]);
        else
            first = i;
    }
    mem_free(sorted);
}

/* The first of several stays in the map. */
static void drop_duplicates(struct parser *p, struct node *map)
{
    if (map->n > FEW_PAIRS) {
        find_duplicates_sorted(p, map);
    } else {
        for (uint32_t i = 0; i < map->n; i++)
            for (uint32_t k = i + 1; k < map->n; k++)
                if (slice_eq(map->pairs[i].key->text, map->pairs[k].key->text))
                    duplicate(p, &map->pairs[i], &map->pairs[k]);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < map->n; i++)
        if (map->pairs[i].value) map->pairs[kept++] = map->pairs[i];
    map->n = kept;
}

static bool read_pairs(struct parser *p)
{
    for (;;) {
        if (!next(p)) return false;
        if (p->event.type == YAML_MAPPING_END_EVENT) return true;
        bool good = false;
        struct node *key = read_key(p, &good);
        if (!key || !next(p)) return false;
        struct node *value = read_node(p);
        if (!value) return false;
        if (!good) continue;
        push(p, key);
        push(p, value);
    }
}

static struct node *read_map(struct parser *p, struct node *n)
{
    const bool flow = p->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    const uint32_t first = p->piled;
    n->kind = NODE_MAP;
    n->mark = node_place(p, p->event.data.mapping_start.anchor, p->event.data.mapping_start.tag);
    n->mark.len = 1;
    p->depth++;
    if (!enter(p, n->mark, 0) || !read_pairs(p)) return NULL;
    close_mark(p, n, flow);
    n->n = (p->piled - first) / 2;
    n->pairs = arena_array(p->arena, n->n, sizeof *n->pairs);
    for (uint32_t i = 0; i < n->n; i++)
        n->pairs[i] = (struct pair){p->pile[first + 2 * i], p->pile[first + 2 * i + 1]};
    p->piled = first;
    drop_duplicates(p, n);
    return n;
}

static struct node *unknown_alias(struct parser *p, struct mark m, struct slice name)
{
    struct diag *g =
        diags_add(p->diags, source_place(m), "nothing is anchored as `&%.*s` before this", shown(name), name.p);
    struct suggest s;
    suggest_init(&s, name);
    for (struct anchor *a = p->anchors; a; a = a->hh.next)
        suggest_offer(&s, slice_of(a->name));
    struct slice best = suggest_best(&s);
    if (best.p)
        diag_hint(p->diags, g, "did you mean `*%.*s`?", shown(best), best.p);
    else
        diag_hint(p->diags, g, "put a text that begins with `*` in quotes");
    p->torn = true;
    struct node *stand_in = ARENA_NEW(p->arena, struct node);
    stand_in->mark = m;
    stand_in->text = SLICE("?");
    return stand_in;
}

static struct node *read_alias(struct parser *p)
{
    const char *name = (const char *)p->event.data.alias.anchor;
    struct mark ignored, m = event_mark(p, false, &ignored);
    struct anchor *a;
    HASH_FIND_STR(p->anchors, name, a);
    if (!a) return unknown_alias(p, m, slice_of(name));
    if (a->open) {
        struct diag *g =
            diags_add(p->diags, source_place(m), "`*%.*s` stands within what it names", shown(slice_of(name)), name);
        diag_also(p->diags, g, source_place(a->node->mark), "which begins here");
        p->torn = true;
        return a->node;
    }
    if (!count(p, m, a->weight - 1, "with what its aliases stand for, the file has") || !enter(p, m, a->height))
        return NULL;
    return a->node;
}

static const yaml_char_t *event_anchor(const yaml_event_t *e)
{
    if (e->type == YAML_SCALAR_EVENT) return e->data.scalar.anchor;
    return e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;
}

static struct anchor *open_anchor(struct parser *p, const char *name, struct node *n)
{
    struct anchor *before, *a = ARENA_NEW(p->arena, struct anchor);
    *a = (struct anchor){.name = arena_dup(p->arena, slice_of(name)), .node = n, .open = true};
    HASH_FIND_STR(p->anchors, a->name, before);
    if (before) HASH_DEL(p->anchors, before);
    HASH_ADD_KEYPTR(hh, p->anchors, a->name, strlen(a->name), a);
    return a;
}

static struct node *read_content(struct parser *p, struct node *n)
{
    if (p->event.type == YAML_SCALAR_EVENT) return read_scalar(p, n);
    if (p->event.type == YAML_SEQUENCE_START_EVENT) return read_list(p, n);
    return read_map(p, n);
}

/* Reads what begins with the event, up to its last event. NULL: there is no going on. */
static struct node *read_node(struct parser *p)
{
    struct mark ignored, m = event_mark(p, false, &ignored);
    if (!count(p, m, 1, "the file has")) return NULL;
    if (p->event.type == YAML_ALIAS_EVENT) return read_alias(p);
    struct node *n = ARENA_NEW(p->arena, struct node);
    const char *name = (const char *)event_anchor(&p->event);
    if (!name) return read_content(p, n);
    struct anchor *a = open_anchor(p, name, n);
    n->mark = m;
    const uint32_t deepest = p->deepest, before = p->nodes;
    p->deepest = p->depth;
    if (!read_content(p, n)) return NULL;
    a->open = false;
    a->weight = p->nodes - before + 1;
    a->height = p->deepest - p->depth;
    if (deepest > p->deepest) p->deepest = deepest;
    return n;
}

static struct node *empty_document(struct parser *p)
{
    diags_add(p->diags, (struct place){.file = p->source->name}, "the file is empty");
    return NULL;
}

static struct node *read_document(struct parser *p)
{
    /* The starts of the stream and of the document. */
    for (int i = 0; i < 2; i++)
        if (!next(p)) return NULL;
    if (p->event.type == YAML_STREAM_END_EVENT) return empty_document(p);
    if (!next(p)) return NULL;
    struct node *root = read_node(p);
    /* The ends of the document and of the stream. */
    if (!root || !next(p) || !next(p)) return NULL;
    if (node_empty(root)) return empty_document(p);
    if (p->event.type != YAML_STREAM_END_EVENT) {
        struct mark ignored;
        complain(p, event_mark(p, false, &ignored), "a second document begins here", "a file holds one document");
    }
    return p->torn ? NULL : root;
}

/* libyaml compares each of these directives with all others. */
static bool no_tag_directives(const struct source *s, const struct encoding *e, struct diags *d)
{
    struct slice text = e->text;
    const char *found = NULL;
    if (slice_starts(text, SLICE("%TAG")))
        found = text.p;
    else if (text.n)
        found = memmem(text.p, text.n, "\n%TAG", 5);
    if (!found) return true;
    struct mark m = {s, e->base + (uint32_t)(found - text.p) + (*found == '\n'), 4};
    diags_add(d, source_place(m), "YAML tags are not used here");
    return false;
}

struct node *node_parse(const struct source *s, struct arena *a, struct diags *d)
{
    struct parser p = {.source = s, .arena = a, .diags = d};
    if (!encoding_check(s, d, &p.encoding) || !no_tag_directives(s, &p.encoding, d)) return NULL;
    if (p.encoding.text.n == 0) return empty_document(&p);
    if (!yaml_parser_initialize(&p.yaml)) mem_exhausted();
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)p.encoding.text.p, p.encoding.text.n);
    struct node *root = read_document(&p);
    yaml_event_delete(&p.event);
    yaml_parser_delete(&p.yaml);
    HASH_CLEAR(hh, p.anchors);
    mem_free(p.pile);
    return root;
}
