#include "engine/matching.h"

#include "engine/compile.h"
#include "engine/matching_fill.h"
#include "engine/message.h"
#include "lua/names.h"
#include "util/suggest.h"

enum { SHOWN = 60 };

enum { FIRST_ORDER = 8 };

const struct field matching_forms[] = {
    {.name = "eq", .type = FIELD_PAYLOAD, .doc = "Exactly this"},
    {.name = "hex", .type = FIELD_TEXT, .doc = "Exactly these bytes, in hexadecimal digits"},
    {.name = "base64", .type = FIELD_TEXT, .doc = "Exactly these bytes, in base64"},
    {.name = "file", .type = FIELD_TEXT, .doc = "Exactly the bytes of this file"},
    {.name = "matches", .type = FIELD_TEXT, .doc = "A pattern (PCRE2) fits somewhere in it; named groups are captured"},
    {.name = "contains", .type = FIELD_PAYLOAD, .doc = "This stands somewhere in it"},
    {.name = "starts_with", .type = FIELD_PAYLOAD, .doc = "It begins with this"},
    {.name = "ends_with", .type = FIELD_PAYLOAD, .doc = "It ends with this"},
    [FIRST_ORDER] = {.name = "lt", .type = FIELD_TEXT, .doc = "A number below this; also of sizes and durations"},
    {.name = "le", .type = FIELD_TEXT, .doc = "A number of at most this"},
    {.name = "gt", .type = FIELD_TEXT, .doc = "A number above this"},
    {.name = "ge", .type = FIELD_TEXT, .doc = "A number of at least this"},
    {.name = "not", .type = FIELD_MATCHER, .doc = "This does not fit"},
    {.name = "length", .type = FIELD_MATCHER, .doc = "How many bytes, or elements: a number, or its matcher"},
    {.name = "sha256", .type = FIELD_TEXT, .doc = "The digest of the bytes, in hexadecimal digits"},
    {.name = "json", .type = FIELD_VALUE, .doc = "It is JSON, and this is a template for it"},
    {.name = "present", .type = FIELD_BOOL, .flags = FIELD_OPTIONAL_VALUE, .doc = "The field is there, or not"},
    {.name = "absent", .type = FIELD_BOOL, .flags = FIELD_OPTIONAL_VALUE, .doc = "The field is not there, or is"},
    {.name = "any_of",
     .type = FIELD_VALUE,
     .flags = FIELD_FILLED,
     .form = FORM_LIST,
     .of = FIELD_MATCHER,
     .doc = "One of these matchers fits"},
    {.name = "all_of",
     .type = FIELD_VALUE,
     .flags = FIELD_FILLED,
     .form = FORM_LIST,
     .of = FIELD_MATCHER,
     .doc = "All of these matchers fit"},
    {.name = "where", .type = FIELD_LUA, .doc = "This holds of `it`"},
    {0},
};

bool matching_is_key(struct slice key)
{
    for (const struct field *f = matching_forms; f->name; f++)
        if (slice_is(key, f->name)) return true;
    return false;
}

void matching_define_groups(struct compiler *c, struct slice text, struct mark mark)
{
    for (size_t i = 0; i + 3 < text.n; i++) {
        if (text.p[i] != '(' || text.p[i + 1] != '?') continue;
        size_t at = i + 2;
        if (text.p[at] == 'P') at++;
        if (text.p[at] != '<' && text.p[at] != '\'') continue;
        size_t end = ++at;
        while (end < text.n && text.p[end] != '>' && text.p[end] != '\'')
            end++;
        const struct slice name = slice_part(text, at, end - at);
        if (names_is_name(name)) compile_define(c, name, mark);
    }
}

/* A tree being compiled. */
struct build {
    struct compiler *c;
    struct mark *marks;
    unsigned n, size;
    bool written; /* all have the id `id` */
    unsigned id;
};

static unsigned next_id(struct build *b, struct mark mark)
{
    if (b->written) return b->id;
    if (b->n == b->size) {
        const unsigned size = b->size ? b->size * 2 : 4;
        struct mark *more = arena_array(b->c->arena, size, sizeof *more);
        for (unsigned i = 0; i < b->n; i++)
            more[i] = b->marks[i];
        b->marks = more;
        b->size = size;
    }
    b->marks[b->n] = mark;
    return b->n++;
}

static struct matching *make(struct build *b, enum matcher_kind kind, struct mark mark)
{
    struct matching *m = ARENA_NEW(b->c->arena, struct matching);
    m->m.kind = kind;
    m->m.id = next_id(b, mark);
    m->constant = true;
    m->lf = b->c->actor && b->c->actor->lf;
    m->mark = mark;
    return m;
}

static void set_operand(struct matching *m, enum operand operand)
{
    m->operand = operand;
    m->constant = false;
}

/* Room for matchers below. */
static void open_below(struct build *b, struct matching *m, size_t n)
{
    m->m.n = n;
    m->of = arena_array(b->c->arena, n, sizeof(struct matching *));
    m->m.of = arena_array(b->c->arena, n, sizeof(struct matcher *));
}

static bool set_below(struct matching *m, size_t i, struct matching *below)
{
    if (!below) return false;
    m->of[i] = below;
    m->m.of[i] = &below->m;
    if (!below->constant) set_operand(m, OPERAND_BELOW);
    return true;
}

static struct matching *wrong(struct build *b, struct mark mark, const char *why)
{
    compile_error(b->c, mark, "%s", why);
    return NULL;
}

static struct matching *value(struct build *b, const struct node *n, enum matching_context context);

static struct matching *typed(struct build *b, const struct node *n)
{
    struct matching *m = make(b, MATCHER_BYTES, n->mark);
    m->m.bytes = n->text;
    switch (field_scalar(n, &m->m.integer, &m->m.number)) {
    case SCALAR_TEXT: break;
    case SCALAR_NULL: m->m.kind = MATCHER_NULL; break;
    case SCALAR_INT: m->m.kind = MATCHER_INT; break;
    case SCALAR_FLOAT: m->m.kind = MATCHER_FLOAT; break;
    case SCALAR_TRUE:
    case SCALAR_FALSE:
        m->m.kind = MATCHER_BOOL;
        m->m.integer = node_is(n, "true");
        break;
    }
    return m;
}

static struct matching *number(struct build *b, const struct node *n, enum matcher_kind kind, const char *key)
{
    struct text_plan text;
    if (n->kind != NODE_SCALAR) {
        compile_error(b->c, n->mark, "`%s` takes a number, not %s", key, node_what(n));
        return NULL;
    }
    if (!compile_text(b->c, n, &text)) return NULL;
    struct matching *m = make(b, kind, n->mark);
    if (!text.tmpl.constant) {
        m->text = text;
        m->context = AS_NUMBER;
        set_operand(m, kind == MATCHER_INT ? OPERAND_VALUE : OPERAND_NUMBER);
        return m;
    }
    const char *why = matching_number(n->text, &m->m);
    if (why) {
        compile_error(b->c, n->mark, "`%s` takes a number, or a size or duration with its unit", key);
        return NULL;
    }
    if (kind == MATCHER_INT && !m->m.whole) m->m.kind = MATCHER_FLOAT;
    return m;
}

static struct matching *scalar(struct build *b, const struct node *n, enum matching_context context)
{
    if (context == AS_NUMBER) return number(b, n, MATCHER_INT, "length");
    struct text_plan text;
    if (!compile_text(b->c, n, &text)) return NULL;
    if (text.tmpl.constant && context == AS_TEMPLATE && !n->quoted) {
        struct matching *m = typed(b, n);
        if (m->m.kind == MATCHER_BYTES) m->m.bytes = text.tmpl.parts[0].text;
        return m;
    }
    struct matching *m = make(b, MATCHER_BYTES, n->mark);
    m->text = text;
    m->context = context;
    if (text.tmpl.constant)
        m->m.bytes = text.tmpl.parts[0].text;
    else
        set_operand(m, OPERAND_VALUE);
    return m;
}

static struct matching *of_payload(struct build *b, enum matcher_kind kind, struct payload *p, struct mark mark)
{
    if (!p) return NULL;
    struct matching *m = make(b, kind, mark);
    m->payload = p;
    m->m.bytes = payload_constant(p);
    if (!m->m.bytes.p) set_operand(m, OPERAND_PAYLOAD);
    return m;
}

/* `eq`, and what parts are compared with. */
static struct matching *bytes(struct build *b, const struct node *n, enum matcher_kind kind)
{
    return of_payload(b, kind, payload_compile(b->c, n), n->mark);
}

/* Where the pattern names the group. */
static struct mark group_mark(const struct node *n, struct slice name)
{
    const struct slice text = n->text;
    for (size_t at = 3; at < text.n; at++) {
        const bool opens = text.p[at - 1] == '<' || text.p[at - 1] == '\'';
        if (opens && slice_eq(slice_part(text, at, name.n), name))
            return node_mark_at(n, (uint32_t)at, (uint32_t)name.n);
    }
    return n->mark;
}

static void define_names(struct build *b, const struct regex *r, const struct node *n, bool *ok)
{
    for (size_t i = 0; i < regex_names(r); i++) {
        const struct slice name = slice_of(regex_name(r, i));
        if (names_is_name(name)) {
            compile_define(b->c, (struct slice){arena_dup(b->c->arena, name), name.n}, n->mark);
        } else {
            compile_error(b->c, group_mark(n, name), "the group `%s` cannot be a variable: it is a word of Lua",
                          name.p);
            *ok = false;
        }
    }
}

static struct matching *pattern(struct build *b, const struct node *n)
{
    struct text_plan text;
    size_t at = 0;
    bool ok = true;
    if (n->kind != NODE_SCALAR) {
        compile_error(b->c, n->mark, "`matches` takes a pattern, not %s", node_what(n));
        return NULL;
    }
    if (!compile_text(b->c, n, &text)) return NULL;
    struct matching *m = make(b, MATCHER_REGEX, n->mark);
    if (!text.tmpl.constant) {
        m->text = text;
        set_operand(m, OPERAND_PATTERN);
        for (size_t i = 0; i < text.tmpl.n; i++)
            matching_define_groups(b->c, text.tmpl.parts[i].text, n->mark);
        return m;
    }
    const char *why = matching_pattern(text.tmpl.parts[0].text, b->c->arena, &m->m.regex, &at);
    if (why) {
        compile_error(b->c, node_mark_at(n, (uint32_t)at, 1), "pattern: %s", why);
        return NULL;
    }
    define_names(b, m->m.regex, n, &ok);
    return ok ? m : NULL;
}

static struct matching *digest(struct build *b, const struct node *n)
{
    struct text_plan text;
    if (n->kind != NODE_SCALAR) {
        compile_error(b->c, n->mark, "`sha256` takes hexadecimal digits, not %s", node_what(n));
        return NULL;
    }
    if (!compile_text(b->c, n, &text)) return NULL;
    struct matching *m = make(b, MATCHER_SHA256, n->mark);
    m->text = text;
    if (!text.tmpl.constant) {
        set_operand(m, OPERAND_DIGEST);
        return m;
    }
    const char *why = matching_digest(text.tmpl.parts[0].text, b->c->arena, &m->m.bytes);
    return why ? wrong(b, n->mark, why) : m;
}

static struct matching *where(struct build *b, const struct node *n)
{
    if (n->kind != NODE_SCALAR || n->text.n == 0) return wrong(b, n->mark, "`where` takes a Lua expression");
    if (slice_starts(n->text, SLICE("${"))) {
        struct diag *g = compile_error(b->c, n->mark, "`where` takes a Lua expression");
        diag_hint(b->c->diags, g, "write it without `${}`");
        return NULL;
    }
    struct expr *x = compile_expr(b->c, n, EXPR_VALUE);
    if (!x) return NULL;
    struct matching *m = make(b, MATCHER_WHERE, n->mark);
    m->m.bytes = n->text;
    m->where = x;
    set_operand(m, OPERAND_WHERE);
    return m;
}

static struct matching *presence(struct build *b, const struct node *n, bool present)
{
    if (node_is(n, "false"))
        present = !present;
    else if (!node_empty(n) && !node_is(n, "true"))
        return wrong(b, n->mark, "`present` and `absent` take true or false");
    return make(b, present ? MATCHER_PRESENT : MATCHER_ABSENT, n->mark);
}

static struct matching *over(struct build *b, const struct node *n, enum matcher_kind kind,
                             enum matching_context context)
{
    struct matching *m = make(b, kind, n->mark);
    open_below(b, m, 1);
    return set_below(m, 0, value(b, n, context)) ? m : NULL;
}

static struct matching *elements(struct build *b, const struct node *list, enum matcher_kind kind,
                                 enum matching_context context)
{
    bool ok = true;
    struct matching *m = make(b, kind, list->mark);
    open_below(b, m, list->n);
    for (uint32_t i = 0; i < list->n; i++)
        ok &= set_below(m, i, value(b, list->items[i], context));
    return ok ? m : NULL;
}

static struct matching *several(struct build *b, const struct pair *p, enum matcher_kind kind,
                                enum matching_context context)
{
    if (p->value->kind == NODE_LIST && p->value->n > 0) return elements(b, p->value, kind, context);
    compile_error(b->c, p->value->mark, "`%s` takes a list of matchers", p->key->text.p);
    return NULL;
}

static struct matching *equal(struct build *b, const struct node *n, enum matching_context context)
{
    if (n->kind == NODE_SCALAR || (n->kind == NODE_LIST && context == AS_TEMPLATE)) return value(b, n, context);
    return bytes(b, n, MATCHER_BYTES);
}

/* One key and its value. */
static struct matching *keyed(struct build *b, const struct pair *p, enum matching_context context)
{
    static const enum matcher_kind orders[] = {MATCHER_LT, MATCHER_LE, MATCHER_GT, MATCHER_GE};
    const struct slice key = p->key->text;
    const struct node *n = p->value;
    if (slice_is(key, "eq")) return equal(b, n, context);
    if (slice_is(key, "matches")) return pattern(b, n);
    if (slice_is(key, "contains")) return bytes(b, n, MATCHER_CONTAINS);
    if (slice_is(key, "starts_with")) return bytes(b, n, MATCHER_STARTS_WITH);
    if (slice_is(key, "ends_with")) return bytes(b, n, MATCHER_ENDS_WITH);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        const char *name = matching_forms[FIRST_ORDER + i].name;
        if (slice_is(key, name)) return number(b, n, orders[i], name);
    }
    if (slice_is(key, "not")) return over(b, n, MATCHER_NOT, context);
    if (slice_is(key, "length")) return over(b, n, MATCHER_LENGTH, AS_NUMBER);
    if (slice_is(key, "json")) return over(b, n, MATCHER_JSON, AS_TEMPLATE);
    if (slice_is(key, "sha256")) return digest(b, n);
    if (slice_is(key, "present")) return presence(b, n, true);
    if (slice_is(key, "absent")) return presence(b, n, false);
    if (slice_is(key, "any_of")) return several(b, p, MATCHER_ANY_OF, context);
    if (slice_is(key, "all_of")) return several(b, p, MATCHER_ALL_OF, context);
    if (slice_is(key, "where")) return where(b, n);
    return of_payload(b, MATCHER_BYTES, payload_compile_form(b->c, p), n->mark);
}

static struct matching *keyed_map(struct build *b, const struct node *map, enum matching_context context)
{
    if (map->n == 1) return keyed(b, &map->pairs[0], context);
    bool ok = true;
    struct matching *m = make(b, MATCHER_ALL_OF, map->mark);
    open_below(b, m, map->n);
    for (uint32_t i = 0; i < map->n; i++)
        ok &= set_below(m, i, keyed(b, &map->pairs[i], context));
    return ok ? m : NULL;
}

static struct matching *fields(struct build *b, const struct node *map)
{
    bool ok = true;
    struct matching *m = make(b, MATCHER_MAP, map->mark);
    open_below(b, m, map->n);
    m->m.names = arena_array(b->c->arena, map->n, sizeof *m->m.names);
    for (uint32_t i = 0; i < map->n; i++) {
        m->m.names[i] = map->pairs[i].key->text;
        ok &= set_below(m, i, value(b, map->pairs[i].value, AS_TEMPLATE));
    }
    return ok ? m : NULL;
}

static struct matching *template_map(struct build *b, const struct node *map)
{
    const struct pair *forced = node_pair(map, "$fields");
    if (forced) {
        if (map->n == 1 && forced->value->kind == NODE_MAP) return fields(b, forced->value);
        return wrong(b, forced->key->mark, "`$fields` stands alone and takes a map of fields");
    }
    const struct pair *key = NULL, *field = NULL;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        const struct pair **first = matching_is_key(p->key->text) ? &key : &field;
        if (!*first) *first = p;
    }
    if (!key) return fields(b, map);
    if (!field) return keyed_map(b, map, AS_TEMPLATE);
    struct diag *g =
        compile_error(b->c, key->key->mark, "`%s` is a matcher and `%s` is a field: a map is one or the other",
                      key->key->text.p, field->key->text.p);
    diag_hint(b->c->diags, g, "if `%s` is a field too, write {$fields: {..}}", key->key->text.p);
    return NULL;
}

static struct matching *unknown_key(struct build *b, const struct node *key)
{
    const struct slice name = slice_part(key->text, 0, SHOWN);
    struct diag *g = compile_error(b->c, key->mark, "unknown matcher `%.*s`", (int)name.n, name.p);
    struct suggest s;
    suggest_init(&s, key->text);
    for (const struct field *f = matching_forms; f->name; f++)
        suggest_offer(&s, slice_of(f->name));
    diag_suggest(b->c->diags, g, &s);
    return NULL;
}

/* Outside of templates. */
static struct matching *plain_map(struct build *b, const struct node *map, enum matching_context context)
{
    if (map->n == 0) return wrong(b, map->mark, "an empty map is no matcher");
    bool ok = true;
    for (uint32_t i = 0; i < map->n && context == AS_BYTES; i++) {
        const struct slice key = map->pairs[i].key->text;
        const bool message = memchr(key.p, '.', key.n) != NULL;
        if ((payload_is_key(key) && !matching_is_key(key)) || message) return bytes(b, map, MATCHER_BYTES);
    }
    for (uint32_t i = 0; i < map->n; i++) {
        if (matching_is_key(map->pairs[i].key->text)) continue;
        unknown_key(b, map->pairs[i].key);
        ok = false;
    }
    return ok ? keyed_map(b, map, context) : NULL;
}

static struct matching *value(struct build *b, const struct node *n, enum matching_context context)
{
    switch (n->kind) {
    case NODE_SCALAR: return scalar(b, n, context);
    case NODE_MAP: return context == AS_TEMPLATE ? template_map(b, n) : plain_map(b, n, context);
    case NODE_LIST: break;
    }
    if (context == AS_TEMPLATE) return elements(b, n, MATCHER_LIST, context);
    if (context == AS_BYTES) return bytes(b, n, MATCHER_BYTES);
    return wrong(b, n->mark, "`length` takes a number or a matcher, not a list");
}

/* Names that a header may have any case of. */
static struct slice lower(struct arena *a, struct slice name)
{
    char *p = arena_dup(a, name);
    for (size_t i = 0; i < name.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] | 0x20);
    return (struct slice){p, name.n};
}

static struct matching *paired(struct build *b, const struct node *map)
{
    bool ok = true;
    struct matching *m = make(b, MATCHER_MAP, map->mark);
    open_below(b, m, map->n);
    m->m.names = arena_array(b->c->arena, map->n, sizeof *m->m.names);
    for (uint32_t i = 0; i < map->n; i++) {
        const struct node *n = map->pairs[i].value;
        m->m.names[i] = lower(b->c->arena, map->pairs[i].key->text);
        ok &= set_below(m, i, n->kind == NODE_LIST ? elements(b, n, MATCHER_LIST, AS_BYTES) : value(b, n, AS_BYTES));
    }
    return ok ? m : NULL;
}

static bool all_matchers(const struct node *map)
{
    for (uint32_t i = 0; i < map->n; i++)
        if (!matching_is_key(map->pairs[i].key->text)) return false;
    return map->n > 0;
}

static struct matching *pairs(struct build *b, const struct module_field *f, const struct node *n)
{
    if (n->kind == NODE_SCALAR && field_dynamic(n)) return value(b, n, AS_TEMPLATE);
    if (n->kind != NODE_MAP) {
        message_wrong_type(b->c, f, n, "a template is a map of the names that matter");
        return NULL;
    }
    const struct pair *forced = node_pair(n, "$fields");
    if (forced && n->n == 1 && forced->value->kind == NODE_MAP) return paired(b, forced->value);
    return all_matchers(n) ? keyed_map(b, n, AS_TEMPLATE) : paired(b, n);
}

/* The number that stands for an enumeration's name, here and in the matchers below. */
static const struct node *numbered(struct build *b, const struct module_field *f, const struct node *n, bool *ok)
{
    const char *why;
    int64_t number;
    struct node *copy = ARENA_NEW(b->c->arena, struct node);
    *copy = *n;
    if (n->kind == NODE_SCALAR) {
        if (field_dynamic(n)) return n;
        if (!module_integer(f, n->text, &number, &why)) {
            message_wrong_type(b->c, f, n, NULL);
            *ok = false;
            return n;
        }
        copy->text = slice_of(arena_printf(b->c->arena, "%lld", (long long)number));
        copy->quoted = false;
    } else if (n->kind == NODE_LIST) {
        copy->items = arena_array(b->c->arena, n->n, sizeof(struct node *));
        for (uint32_t i = 0; i < n->n; i++)
            copy->items[i] = (struct node *)(uintptr_t)numbered(b, f, n->items[i], ok);
    } else {
        static const char *const below[] = {"eq", "not", "any_of", "all_of", NULL};
        copy->pairs = arena_array(b->c->arena, n->n, sizeof(struct pair));
        for (uint32_t i = 0; i < n->n; i++) {
            copy->pairs[i] = n->pairs[i];
            for (const char *const *k = below; *k; k++)
                if (slice_is(n->pairs[i].key->text, *k))
                    copy->pairs[i].value = (struct node *)(uintptr_t)numbered(b, f, n->pairs[i].value, ok);
        }
    }
    return copy;
}

static struct matching *number_field(struct build *b, const struct module_field *f, const struct node *n)
{
    bool ok = true;
    if (n->kind == NODE_LIST) {
        message_wrong_type(b->c, f, n, NULL);
        return NULL;
    }
    if (f->type == MODULE_INT) n = numbered(b, f, n, &ok);
    if (!ok) return NULL;
    if (n->kind == NODE_MAP) return plain_map(b, n, AS_TEMPLATE);
    struct matching *m = value(b, n, AS_TEMPLATE);
    if (m && f->type == MODULE_INT) m->field = f;
    return m;
}

static struct matching *grouped(struct build *b, const struct module_field *f, const struct node *n)
{
    const enum node_kind kind = f->type == MODULE_LIST ? NODE_LIST : NODE_MAP;
    const bool matchers = n->kind == NODE_MAP && all_matchers(n);
    if (n->kind == kind || matchers || (n->kind == NODE_SCALAR && field_dynamic(n))) return value(b, n, AS_TEMPLATE);
    message_wrong_type(b->c, f, n, NULL);
    return NULL;
}

static struct matching *field_value(struct build *b, const struct module_field *f, const struct node *n)
{
    switch (f->type) {
    case MODULE_TEXT:
    case MODULE_BYTES: return value(b, n, AS_BYTES);
    case MODULE_BOOL:
    case MODULE_INT:
    case MODULE_FLOAT: return number_field(b, f, n);
    case MODULE_PAIRS: return pairs(b, f, n);
    case MODULE_LIST:
    case MODULE_MAP: return grouped(b, f, n);
    case MODULE_JSON: break;
    }
    return value(b, n, AS_TEMPLATE);
}

static struct matching *message_fields(struct build *b, const struct module_key *key, const struct node *map)
{
    bool ok = true;
    struct matching *m = make(b, MATCHER_MAP, map->mark);
    open_below(b, m, map->n);
    m->m.names = arena_array(b->c->arena, map->n, sizeof *m->m.names);
    for (uint32_t i = 0; i < map->n; i++) {
        const struct module_field *f = module_field_find(key->message, map->pairs[i].key->text);
        m->m.names[i] = map->pairs[i].key->text;
        if (f)
            ok &= set_below(m, i, field_value(b, f, map->pairs[i].value));
        else
            message_unknown_field(b->c, key, map->pairs[i].key), ok = false;
    }
    return ok ? m : NULL;
}

static bool has_fields(const struct module_message *k, const struct node *map)
{
    for (uint32_t i = 0; i < map->n; i++)
        if (module_field_find(k, map->pairs[i].key->text)) return true;
    return false;
}

static struct matching *finish(struct build *b, struct matching *root)
{
    if (root) {
        root->marks = b->marks;
        root->nmarks = b->n;
    }
    return root;
}

struct matching *matching_compile(struct compiler *c, const struct node *n, bool template)
{
    struct build b = {.c = c};
    return finish(&b, value(&b, n, template ? AS_TEMPLATE : AS_BYTES));
}

static struct matching *message(struct build *b, const struct module_key *key, const struct node *n)
{
    if (key->message && key->message->is_value) return field_value(b, &key->message->fields[0], n);
    if (n->kind == NODE_SCALAR && field_dynamic(n)) {
        struct matching *m = value(b, n, AS_TEMPLATE);
        struct module_key *kept = ARENA_NEW(b->c->arena, struct module_key);
        *kept = *key;
        if (m) m->message = kept;
        return m;
    }
    if (n->kind != NODE_MAP) return wrong(b, n->mark, "a message is compared with a map of its fields");
    const bool matchers = all_matchers(n) && (!key->message || !has_fields(key->message, n));
    if (matchers) return keyed_map(b, n, AS_TEMPLATE);
    return key->message ? message_fields(b, key, n) : fields(b, n);
}

struct matching *matching_compile_message(struct compiler *c, const struct module_key *key, const struct node *n)
{
    struct build b = {.c = c};
    return finish(&b, message(&b, key, n));
}

struct matching *matching_compile_both(struct compiler *c, const struct node *one, const struct node *other)
{
    if (!one || !other) return matching_compile(c, one ? one : other, false);
    struct build b = {.c = c};
    struct matching *m = make(&b, MATCHER_ALL_OF, other->mark);
    open_below(&b, m, 2);
    const bool first = set_below(m, 0, value(&b, one, AS_BYTES));
    return set_below(m, 1, value(&b, other, AS_BYTES)) && first ? finish(&b, m) : NULL;
}

struct matching *matching_compile_written(struct compiler *c, const struct node *n, const struct matching *at)
{
    struct build b = {.c = c, .written = true, .id = at->m.id};
    if (at->message) return message(&b, at->message, n);
    if (at->field) return field_value(&b, at->field, n);
    return value(&b, n, at->context);
}

struct mark matching_mark(const struct matching *m, unsigned id)
{
    return id < m->nmarks ? m->marks[id] : m->mark;
}
