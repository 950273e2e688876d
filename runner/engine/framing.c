#include "engine/framing.h"

#include <inttypes.h>

#include <lauxlib.h>

#include "engine/compile.h"
#include "engine/matching.h"
#include "engine/matching_fill.h"
#include "engine/message.h"
#include "engine/module.h"
#include "engine/payload.h"
#include "engine/unpacking.h"
#include "engine/written.h"
#include "match/matcher_text.h"
#include "util/suggest.h"
#include "util/text.h"

enum { SHOWN = 60, SHOWN_MOST = 4096, OPENING_MOST = 64 << 10 };

struct framing_plan {
    struct expectation x; /* all of it, if constant */
    bool constant;
    bool opening;
    bool lf;
    struct mark mark;
    struct text_plan whole;   /* an expectation that is one `${x}`, which may carry a framing; else its node is NULL */
    const struct node *names; /* `as` */
    struct payload *payload;  /* what is expected, or the delimiter; else NULL */
    struct text_plan pattern;
    struct quantity count;
    struct matching *matching; /* or NULL */
    struct unpacking *unpack;  /* or NULL */
    struct module_key message; /* module NULL: none */
    const char **as;
    uint32_t nas;
};

enum framing_key { KEY_LINE, KEY_UNTIL, KEY_BYTES, KEY_PREFIXED, KEY_DATAGRAM, KEY_REST, KEY_UNPACK, KEY_URGENT, KEYS };

static const struct field until_fields[] = {
    {.name = "matches", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .doc = "A pattern (PCRE2) that ends it"},
    {0},
};

const struct field framing_forms[] = {
    [KEY_LINE] = {.name = "line",
                  .type = FIELD_MATCHER,
                  .flags = FIELD_OPTIONAL_VALUE,
                  .doc = "One line; its end, CRLF or LF, is no part of it"},
    [KEY_UNTIL] = {.name = "until",
                   .type = FIELD_VALUE,
                   .form = FORM_ELEMENT,
                   .of = FIELD_PAYLOAD,
                   .fields = until_fields,
                   .doc = "All up to this delimiter, which is no part of it; {matches: ..}: up to the end of a match"},
    [KEY_BYTES] = {.name = "bytes", .type = FIELD_SIZE, .doc = "So many bytes"},
    [KEY_PREFIXED] = {.name = "prefixed",
                      .type = FIELD_CHOICE,
                      .choices = "u8|u16be|u16le|u32be|u32le|varint",
                      .doc = "A length of this form, and so many bytes behind it"},
    [KEY_DATAGRAM] = {.name = "datagram", .type = FIELD_MATCHER, .flags = FIELD_OPTIONAL_VALUE, .doc = "One datagram"},
    [KEY_REST] = {.name = "rest",
                  .type = FIELD_MATCHER,
                  .flags = FIELD_OPTIONAL_VALUE,
                  .doc = "All that comes until the peer closes"},
    [KEY_UNPACK] = {.name = "unpack", .type = FIELD_TEXT, .doc = "Values as Lua's `string.unpack` reads them"},
    [KEY_URGENT] = {.name = "urgent", .type = FIELD_PAYLOAD, .excludes = "is", .doc = "One byte of TCP urgent data"},
    [KEYS] = {0},
};

const struct field framing_beside[] = {
    {.name = "is", .type = FIELD_MATCHER, .doc = "What those bytes must be"},
    {.name = "where", .type = FIELD_LUA, .needs = "unpack", .doc = "This holds of the values, by their names in `as`"},
    {0},
};

/* KEYS if it is none. */
static enum framing_key key_of(struct slice key)
{
    unsigned k = 0;
    while (k < KEYS && !slice_is(key, framing_forms[k].name))
        k++;
    return (enum framing_key)k;
}

/* What a framing's map says. */
struct reading {
    struct compiler *c;
    struct framing_plan *p;
    enum framing_key key;
    const struct node *name, *value; /* of the framing key */
    const struct node *is, *where;
};

static bool wrong(const struct reading *r, struct mark mark, const char *why)
{
    compile_error(r->c, mark, "%s", why);
    return false;
}

static bool set_payload(struct reading *r, const struct node *n)
{
    r->p->payload = payload_compile(r->c, n);
    if (!r->p->payload) return false;
    r->p->x.bytes = payload_constant(r->p->payload);
    if (!r->p->x.bytes.p) r->p->constant = false;
    return true;
}

/* The matcher of the framing key's own value, and `is`. */
static bool set_matching(struct reading *r, const struct node *own)
{
    struct framing_plan *p = r->p;
    if (node_empty(own)) own = NULL;
    if (!own && !r->is) return true;
    p->matching = matching_compile_both(r->c, own, r->is);
    if (!p->matching) return false;
    if (p->matching->constant)
        p->x.matcher = &p->matching->m;
    else
        p->constant = false;
    return true;
}

/* Compiled as the matcher that it looks like. */
static bool read_pattern(struct reading *r)
{
    struct matching *m = matching_compile(r->c, r->value, false);
    if (!m) return false;
    r->p->x.framing = FRAMING_PATTERN;
    r->p->x.regex = m->m.regex;
    r->p->pattern = m->text;
    if (!m->constant) r->p->constant = false;
    return true;
}

static bool read_until(struct reading *r)
{
    const struct node *n = r->value;
    const struct pair *only = n->kind == NODE_MAP && n->n == 1 ? &n->pairs[0] : NULL;
    if (only && slice_is(only->key->text, "matches")) return read_pattern(r) && set_matching(r, NULL);
    if (only && matching_is_key(only->key->text) && !payload_is_key(only->key->text)) {
        struct diag *g = compile_error(r->c, n->mark, "`until` takes a delimiter, or {matches: ..}");
        diag_hint(r->c->diags, g, "what stands before it is a matter of `is`: {until: .., is: {%s: ..}}",
                  only->key->text.p);
        return false;
    }
    r->p->x.framing = FRAMING_UNTIL;
    if (!set_payload(r, n)) return false;
    if (r->p->x.bytes.p && r->p->x.bytes.n == 0) return wrong(r, n->mark, "an empty delimiter");
    return set_matching(r, NULL);
}

static bool read_bytes(struct reading *r)
{
    struct framing_plan *p = r->p;
    p->x.framing = FRAMING_BYTES;
    if (!field_check_value(r->value, &framing_forms[KEY_BYTES], r->c->diags)) return false;
    if (!compile_quantity(r->c, r->value, QUANTITY_SIZE, 0, &p->count)) return false;
    if (p->count.value < 0) return wrong(r, r->value->mark, "more bytes than can be counted");
    p->x.count = (uint64_t)p->count.value;
    if (p->count.dynamic) p->constant = false;
    if (p->opening && p->x.count > OPENING_MOST)
        return wrong(r, r->value->mark, "what opens a branch is kept until it is chosen: at most 64KiB");
    return set_matching(r, NULL);
}

static bool read_prefixed(struct reading *r)
{
    const struct field *kind = &framing_forms[KEY_PREFIXED];
    r->p->x.framing = FRAMING_PREFIXED;
    if (!field_check_value(r->value, kind, r->c->diags)) return false;
    const int choice = field_choice(r->value, kind->choices);
    if (choice < 0) return wrong(r, r->value->mark, "`prefixed` is fixed: `${}` cannot stand in it");
    r->p->x.prefix = (enum prefix_kind)choice;
    return set_matching(r, NULL);
}

static bool read_rest(struct reading *r)
{
    r->p->x.framing = FRAMING_REST;
    if (r->p->opening) {
        struct diag *g = compile_error(r->c, r->name->mark, "`rest` cannot %s: it has no bound",
                                       r->c->lane ? "stand in `all`" : "open a branch");
        diag_hint(r->c->diags, g, "put what begins it first, such as a line or {bytes: ..}");
        return false;
    }
    return set_matching(r, r->value);
}

static bool read_unpack(struct reading *r)
{
    r->p->constant = false;
    r->p->unpack = unpacking_compile(r->c, r->value, r->where, r->p->as, r->p->nas);
    return r->p->unpack && set_matching(r, NULL);
}

static bool read_urgent(struct reading *r)
{
    r->p->x.framing = FRAMING_URGENT;
    if (!set_payload(r, r->value)) return false;
    if (r->p->x.bytes.p && r->p->x.bytes.n != 1) return wrong(r, r->value->mark, "urgent data is one byte (tcp(7))");
    return !r->is || wrong(r, r->is->mark, "`urgent` says what the byte is: `is` has no place beside it");
}

static bool read_framing(struct reading *r)
{
    switch (r->key) {
    case KEY_LINE: r->p->x.framing = FRAMING_LINE; return set_matching(r, r->value);
    case KEY_UNTIL: return read_until(r);
    case KEY_BYTES: return read_bytes(r);
    case KEY_PREFIXED: return read_prefixed(r);
    case KEY_DATAGRAM: r->p->x.framing = FRAMING_DATAGRAM; return set_matching(r, r->value);
    case KEY_REST: return read_rest(r);
    case KEY_UNPACK: return read_unpack(r);
    case KEY_URGENT: return read_urgent(r);
    case KEYS: break;
    }
    return false;
}

static bool read_exact(struct reading *r, const struct node *n)
{
    r->p->x.framing = FRAMING_EXACT;
    return set_payload(r, n);
}

/* What belongs to the step and stands one level too deep. */
static bool hint_modifier(struct compiler *c, struct diag *g, const struct node *key)
{
    static const char *const modifiers[] = {"as", "ignore", "via", "timeout", "level", NULL};
    for (const char *const *k = modifiers; *k; k++) {
        if (!slice_is(key->text, *k)) continue;
        diag_hint(c->diags, g, "it stands beside the verb: {expect: {..}, %s: ..}", *k);
        return true;
    }
    return false;
}

static bool unknown_beside(const struct reading *r, const struct node *key)
{
    struct compiler *c = r->c;
    const char *framing = framing_forms[r->key].name;
    const struct slice name = slice_part(key->text, 0, SHOWN);
    if (key_of(key->text) != KEYS) {
        compile_error(c, key->mark, "`%s` and `%s` are two framings", framing, key->text.p);
        return false;
    }
    struct diag *g = compile_error(c, key->mark, "unknown key `%.*s` beside `%s`", (int)name.n, name.p, framing);
    struct suggest s;
    suggest_init(&s, key->text);
    suggest_offer(&s, SLICE("is"));
    if (r->key == KEY_UNPACK) suggest_offer(&s, SLICE("where"));
    diag_suggest(c->diags, g, &s);
    hint_modifier(c, g, key);
    if (matching_is_key(key->text))
        diag_hint(c->diags, g, "a matcher stands below `is`: {%s: .., is: {%s: ..}}", framing, key->text.p);
    return false;
}

static bool read_map(struct reading *r, const struct node *map)
{
    bool ok = true;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        if (p->value == r->value)
            continue;
        else if (slice_is(p->key->text, "is"))
            r->is = p->value;
        else if (slice_is(p->key->text, "where") && r->key == KEY_UNPACK)
            r->where = p->value;
        else
            ok = unknown_beside(r, p->key);
    }
    return read_framing(r) && ok;
}

static bool read_message(struct reading *r, const struct module_key *key, const struct node *name,
                         const struct node *value)
{
    struct framing_plan *p = r->p;
    p->mark = name->mark;
    if (!key->module || key->wrong) return false;
    if (!key->module->has_decode) {
        compile_error(r->c, p->mark, "messages of `%s` can only be sent: it has no `decode`", key->module->name);
        return false;
    }
    p->message = *key;
    p->constant = false;
    p->x.keep = true;
    if (!value || node_empty(value) || (value->kind == NODE_MAP && value->n == 0)) return true;
    p->matching = matching_compile_message(r->c, key, value);
    if (p->matching && p->matching->constant) p->x.matcher = &p->matching->m;
    return p->matching != NULL;
}

static bool names_message(const struct node *key)
{
    return !matching_is_key(key->text) && memchr(key->text.p, '.', key->text.n);
}

/* A message, and keys that have no place beside it. */
static bool read_crowded(struct reading *r, const struct node *map, const struct pair *message)
{
    struct module_key found;
    const struct slice name = slice_part(message->key->text, 0, SHOWN);
    for (uint32_t i = 0; i < map->n; i++) {
        const struct node *key = map->pairs[i].key;
        const struct slice other = slice_part(key->text, 0, SHOWN);
        if (key == message->key) continue;
        if (names_message(key)) {
            compile_error(r->c, key->mark, "`%.*s` and `%.*s` are two messages", (int)name.n, name.p, (int)other.n,
                          other.p);
            continue;
        }
        struct diag *g = compile_error(r->c, key->mark, "unknown key `%.*s` beside `%.*s`", (int)other.n, other.p,
                                       (int)name.n, name.p);
        if (!hint_modifier(r->c, g, key))
            diag_hint(r->c->diags, g, "fields stand below: {%.*s: {..}}", (int)name.n, name.p);
    }
    if (message_key(r->c, message->key, &found)) read_message(r, &found, message->key, message->value);
    return false;
}

/* No framing key is in it. */
static bool read_other(struct reading *r, const struct node *map)
{
    struct compiler *c = r->c;
    const struct node *first = map->n ? map->pairs[0].key : map;
    for (uint32_t i = 0; i < map->n; i++)
        if (payload_is_key(map->pairs[i].key->text)) return read_exact(r, map);
    const struct slice name = slice_part(first->text, 0, SHOWN);
    if (map->n == 0) return wrong(r, map->mark, "an empty map expects nothing");
    struct module_key message;
    if (map->n == 1 && !matching_is_key(first->text) && message_key(c, first, &message))
        return read_message(r, &message, first, map->pairs[0].value);
    for (uint32_t i = 0; i < map->n && map->n > 1; i++)
        if (names_message(map->pairs[i].key)) return read_crowded(r, map, &map->pairs[i]);
    if (matching_is_key(first->text)) {
        struct diag *g = compile_error(c, first->mark, "`%s` says what the bytes are, not how many", first->text.p);
        diag_hint(c->diags, g, "write {line: {%s: ..}} or {until: .., is: {%s: ..}}", first->text.p, first->text.p);
        return false;
    }
    struct diag *g = compile_error(c, first->mark, "unknown expectation `%.*s`", (int)name.n, name.p);
    struct suggest s;
    suggest_init(&s, first->text);
    for (const struct field *f = framing_forms; f->name; f++)
        suggest_offer(&s, slice_of(f->name));
    for (const struct field *f = payload_forms; f->name; f++)
        suggest_offer(&s, slice_of(f->name));
    diag_suggest(c->diags, g, &s);
    return false;
}

static bool read_scalar(struct reading *r, const struct node *n)
{
    struct text_plan text;
    if (!field_dynamic(n)) return read_exact(r, n);
    if (!compile_text(r->c, n, &text)) return false;
    if (!text.tmpl.whole) return read_exact(r, n);
    r->p->whole = text;
    r->p->constant = false;
    return true;
}

static bool read_node(struct reading *r, const struct node *n)
{
    if (n->kind == NODE_SCALAR) return read_scalar(r, n);
    if (n->kind == NODE_LIST) return read_exact(r, n);
    for (uint32_t i = 0; i < n->n; i++) {
        r->key = key_of(n->pairs[i].key->text);
        r->name = n->pairs[i].key;
        r->value = n->pairs[i].value;
        if (r->key != KEYS) return read_map(r, n);
    }
    return read_other(r, n);
}

struct framing_plan *framing_compile(struct compiler *c, const struct node *n, const struct node *as)
{
    struct framing_plan *p = ARENA_NEW(c->arena, struct framing_plan);
    struct reading r = {.c = c, .p = p};
    p->constant = true;
    p->opening = c->opening;
    p->lf = c->actor && c->actor->lf;
    p->mark = n->mark;
    p->names = as;
    p->as = compile_as(c, as, &p->nas);
    const bool named = !as || p->nas == (as->kind == NODE_LIST ? as->n : 1);
    p->x.keep = p->nas > 0 || p->opening;
    if (!read_node(&r, n) || !named) return NULL;
    if (p->nas > 1 && !p->unpack && !p->whole.node) {
        compile_error(c, as->mark, "several names are for `unpack`: this gives one value");
        return NULL;
    }
    return p;
}

struct framing_plan *framing_compile_ignored(struct compiler *c, const struct node *n)
{
    struct module_key key;
    const bool bare = n->kind == NODE_SCALAR && !n->quoted && !field_dynamic(n);
    if (!bare || !c->modules || !modules_key(c->modules, n->text, &key)) return framing_compile(c, n, NULL);
    struct framing_plan *p = ARENA_NEW(c->arena, struct framing_plan);
    struct reading r = {.c = c, .p = p};
    p->mark = n->mark;
    p->opening = true;
    return message_key(c, n, &key) && read_message(&r, &key, n, NULL) ? p : NULL;
}

static bool eval_message(const struct framing_plan *p, struct eval *e, struct expectation *x)
{
    struct module_want *w = ARENA_NEW(e->arena, struct module_want);
    if (!eval_lua(e)) return false;
    *w = (struct module_want){p->message.module, p->message.message, e->lua};
    module_expect(w, x);
    return true;
}

static bool eval_pattern(const struct framing_plan *p, struct eval *e, struct expectation *x)
{
    struct slice text;
    size_t at;
    if (x->regex) return true;
    if (!text_eval(&p->pattern, e, &text)) return false;
    const char *why = matching_pattern(text, e->arena, &x->regex, &at);
    return !why || eval_fail(e, text_mark(&p->pattern), "pattern: %s", why);
}

static bool eval_payload(const struct framing_plan *p, struct eval *e, struct expectation *x)
{
    if (!p->payload) return true;
    if (!payload_bytes(p->payload, e, &x->bytes)) return false;
    if (x->framing == FRAMING_UNTIL && x->bytes.n == 0) return eval_fail(e, p->mark, "an empty delimiter");
    return x->framing != FRAMING_URGENT || x->bytes.n == 1 ||
           eval_fail(e, p->mark, "urgent data is one byte, not %zu", x->bytes.n);
}

static bool eval_count(const struct framing_plan *p, struct eval *e, struct expectation *x)
{
    int64_t count;
    if (!p->count.dynamic) return true;
    if (!quantity_eval(&p->count, e, &count)) return false;
    x->count = (uint64_t)count;
    return !p->opening || count <= OPENING_MOST ||
           eval_fail(e, p->mark,
                     "what opens a branch is kept until it is chosen: %" PRId64 " bytes are more than 64KiB", count);
}

/* What a whole `${x}` turned out to be. */
struct carried {
    struct expectation x; /* first */
    const struct framing_plan *plan;
};

static const struct framing_plan *plan_of(const struct framing_plan *p, const struct expectation *x)
{
    return p->whole.node ? ((const struct carried *)(const void *)x)->plan : p;
}

static bool eval_carried(const struct framing_plan *p, struct eval *e, const struct view *v, struct carried *ret)
{
    struct written w;
    const struct expectation *x;
    written_begin(&w, e, p->lf);
    w.compiler.opening = p->opening;
    ret->plan = framing_compile(&w.compiler, written_node(v, p->whole.node, e->arena), p->names);
    if (!written_end(&w, e, text_mark(&p->whole)) || !framing_eval(ret->plan, e, &x)) return false;
    ret->x = *x;
    return true;
}

static bool eval_whole(const struct framing_plan *p, struct eval *e, const struct expectation **ret)
{
    struct carried *found = ARENA_NEW(e->arena, struct carried);
    struct view v;
    *ret = &found->x;
    if (!text_view(&p->whole, e, &v)) return false;
    if (v.type == VIEW_LIST || v.type == VIEW_MAP) return eval_carried(p, e, &v, found);
    *found = (struct carried){p->x, p};
    found->x.framing = FRAMING_EXACT;
    found->x.bytes = text_of_view(&v, e->arena);
    return found->x.bytes.p || eval_fail(e, text_mark(&p->whole), "null where text is wanted");
}

bool framing_eval(const struct framing_plan *p, struct eval *e, const struct expectation **ret)
{
    if (p->constant) {
        *ret = &p->x;
        return true;
    }
    if (p->whole.node) return eval_whole(p, e, ret);
    struct expectation *x = ARENA_NEW(e->arena, struct expectation);
    *x = p->x;
    if (p->matching && !matching_eval(p->matching, e, &x->matcher)) return false;
    if (!eval_payload(p, e, x) || !eval_count(p, e, x)) return false;
    if (x->framing == FRAMING_PATTERN && !eval_pattern(p, e, x)) return false;
    if (p->unpack && !unpacking_eval(p->unpack, e, x->matcher, x)) return false;
    if (p->message.module && !eval_message(p, e, x)) return false;
    *ret = x;
    return true;
}

struct assignment {
    const struct env *env;
    const char *name;
    struct slice bytes;
};

static int assign(lua_State *L)
{
    const struct assignment *a = lua_touserdata(L, 1);
    lua_pushstring(L, a->name);
    lua_pushlstring(L, a->bytes.p ? a->bytes.p : "", a->bytes.n);
    a->env->ops->set(a->env->owner, L, 2);
    return 0;
}

static bool capture(const struct framing_plan *p, struct eval *e, const char *name, struct slice bytes)
{
    struct assignment a = {e->env, name, bytes};
    return eval_call(e, p->mark, assign, &a, 0);
}

struct message_assignment {
    const struct framing_plan *plan;
    const struct env *env;
    const struct conn *conn;
};

static int assign_message(lua_State *L)
{
    const struct message_assignment *a = lua_touserdata(L, 1);
    lua_pushstring(L, a->plan->as[0]);
    module_push_message(L, a->conn, a->plan->message.module);
    a->env->ops->set(a->env->owner, L, 2);
    return 0;
}

static bool capture_message(const struct framing_plan *p, struct eval *e, const struct expect_op *o)
{
    struct message_assignment a = {p, e->env, o->op.conn};
    return eval_call(e, p->mark, assign_message, &a, 0);
}

/* The delimiter is no part of the value; it stands behind it. */
static bool capture_delimiter(const struct framing_plan *p, struct eval *e, const struct expect_op *o)
{
    const struct regex *r = o->x->regex;
    const struct slice frame = {o->value.p, (size_t)(o->op.end - o->pos)};
    struct regex_match m;
    if (o->x->framing != FRAMING_PATTERN || regex_names(r) == 0) return true;
    if (regex_scan(o->x->regex, frame, 0, true, &m) != REGEX_YES) return true;
    for (size_t i = 0; i < regex_names(r); i++) {
        const struct slice group = regex_group(r, i, &m, frame);
        if (group.p && !capture(p, e, regex_name(r, i), group)) return false;
    }
    return true;
}

bool framing_capture(const struct framing_plan *p, struct eval *e, const struct expect_op *o)
{
    p = plan_of(p, o->x);
    if (p->unpack && !unpacking_capture(p->unpack, e, o->value)) return false;
    if (p->message.module && p->nas && !capture_message(p, e, o)) return false;
    if (!p->message.module && !p->unpack && p->nas && !capture(p, e, p->as[0], o->value)) return false;
    for (size_t i = 0; i < o->report.ncaptures; i++)
        if (!capture(p, e, o->report.captures[i].name, o->report.captures[i].bytes)) return false;
    return capture_delimiter(p, e, o);
}

struct mark framing_mark(const struct framing_plan *p, const struct expect_op *o)
{
    const bool judged = o->report.path != NULL;
    p = plan_of(p, o->x);
    if (p->message.module && o->op.why) return p->mark;
    if (judged && p->unpack && o->report.id == (unsigned)UNPACKING_WHERE) return p->unpack->where_mark;
    return judged && p->matching ? matching_mark(p->matching, o->report.id) : p->mark;
}

static void show_message(const struct module_key *key, struct buf *out)
{
    buf_adds(out, key->module->name);
    if (key->message) buf_printf(out, ".%s", key->message->name.p);
}

static void show_framing(const struct expectation *x, const struct unpacking *unpack, struct buf *out)
{
    static const char *const counts[] = {"u8", "u16be", "u16le", "u32be", "u32le", "varint"};
    if (unpack) {
        buf_adds(out, "an unpack of ");
        text_quote(unpack->format.node->text, SHOWN, out);
        return;
    }
    switch (x->framing) {
    case FRAMING_EXACT: text_quote(x->bytes, SHOWN_MOST / 8, out); break;
    case FRAMING_LINE: buf_adds(out, "a line"); break;
    case FRAMING_UNTIL:
        buf_adds(out, "bytes up to ");
        text_quote(x->bytes, SHOWN, out);
        break;
    case FRAMING_PATTERN:
        buf_adds(out, "a match of ");
        matcher_text_pattern(x->regex, SHOWN, out);
        break;
    case FRAMING_BYTES: buf_printf(out, "%" PRIu64 " byte%s", x->count, x->count == 1 ? "" : "s"); break;
    case FRAMING_PREFIXED: buf_printf(out, "a frame behind its %s count", counts[x->prefix]); break;
    case FRAMING_REST: buf_adds(out, "the rest"); break;
    case FRAMING_DATAGRAM: buf_adds(out, "a datagram"); break;
    case FRAMING_CUSTOM: break;
    case FRAMING_URGENT:
        buf_adds(out, "urgent data ");
        text_quote(x->bytes, SHOWN, out);
        break;
    }
}

void framing_show(const struct framing_plan *p, const struct expectation *x, size_t most, struct buf *out)
{
    struct buf text = BUF_INIT(2 * SHOWN_MOST);
    if (plan_of(p, x)->message.module)
        show_message(&plan_of(p, x)->message, &text);
    else
        show_framing(x, plan_of(p, x)->unpack, &text);
    if (x->matcher && text.n < most) {
        buf_adds(&text, ": ");
        matcher_show(x->matcher, most > text.n && most - text.n < SHOWN_MOST ? most - text.n : SHOWN, &text);
    }
    const bool cut = text.n > most;
    buf_add(out, slice_part(buf_slice(&text), 0, cut && most > 3 ? most - 3 : most));
    if (cut && most > 3) buf_adds(out, "...");
    buf_done(&text);
}
