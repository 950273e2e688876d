#include "engine/message.h"

#include <lauxlib.h>

#include "engine/compile.h"
#include "engine/datum.h"
#include "engine/module.h"
#include "engine/payload.h"
#include "engine/written.h"
#include "lua/value.h"
#include "util/units.h"

enum { SHOWN = 60 };

struct pair_plan {
    struct text_plan name, value;
};

/* What is written for a field. */
struct operand {
    const struct module_field *field;
    const struct node *node;
    bool known; /* integer, boolean or number say it */
    int64_t integer;
    double number;
    bool has_text;
    struct text_plan text;
    struct payload *payload;
    struct datum *datum;
    struct pair_plan *pairs;
    uint32_t npairs;
};

struct message_plan {
    struct module_key key;
    const struct node *node;
    bool lf;
    bool carried; /* all fields are one `${x}`: text */
    struct text_plan text;
    struct operand *operands;
    uint32_t n;
};

static bool looks_like_key(struct slice key)
{
    const char *dot = key.n > 2 ? memchr(key.p + 1, '.', key.n - 2) : NULL;
    for (size_t i = 0; i < key.n; i++) {
        const char x = key.p[i];
        if (!(x == '_' || x == '.' || (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9')))
            return false;
    }
    return dot != NULL;
}

void message_unknown_module(struct compiler *c, struct slice name, struct mark mark)
{
    struct suggest s;
    struct diag *g =
        compile_error(c, mark, "there is no message module `%.*s`", (int)slice_part(name, 0, SHOWN).n, name.p);
    suggest_init(&s, name);
    for (const struct module_spec *m = c->modules ? c->modules->list : NULL; m; m = m->next)
        if (m->name) suggest_offer(&s, slice_of(m->name));
    if (c->modules && c->modules->offer) c->modules->offer(c->modules, &s);
    diag_suggest(c->diags, g, &s);
    if (!g->hint) diag_hint(c->diags, g, "modules stand in scripts/, or beside the scenario and in its `use:`");
}

bool message_key(struct compiler *c, const struct node *key, struct module_key *ret)
{
    *ret = (struct module_key){0};
    struct suggest s;
    if (c->modules && modules_key(c->modules, key->text, ret)) {
        if (!ret->wrong) return true;
        struct diag *g = compile_error(c, key->mark, "%s", ret->wrong);
        suggest_init(&s, ret->unknown);
        for (uint32_t i = 0; ret->unknown.p && i < ret->module->n; i++)
            suggest_offer(&s, ret->module->messages[i].name);
        if (ret->unknown.p) diag_suggest(c->diags, g, &s);
        return true;
    }
    if (!looks_like_key(key->text)) return false;
    const struct slice name =
        slice_part(key->text, 0, (size_t)((const char *)memchr(key->text.p, '.', key->text.n) - key->text.p));
    message_unknown_module(c, name, key->mark);
    return true;
}

void message_unknown_field(struct compiler *c, const struct module_key *key, const struct node *name)
{
    const struct module_message *k = key->message;
    const struct slice shown = slice_part(name->text, 0, SHOWN);
    struct diag *g = compile_error(c, name->mark, "`%s.%.*s` has no field `%.*s`", key->module->name, (int)k->name.n,
                                   k->name.p, (int)shown.n, shown.p);
    struct suggest s;
    suggest_init(&s, name->text);
    for (uint32_t i = 0; i < k->n; i++)
        suggest_offer(&s, k->fields[i].name);
    diag_suggest(c->diags, g, &s);
    if (g->hint || !k->n) return;
    struct buf all = BUF_INIT(400);
    for (uint32_t i = 0; i < k->n; i++)
        buf_printf(&all, "%s%.*s", i ? ", " : "", (int)k->fields[i].name.n, k->fields[i].name.p);
    diag_hint(c->diags, g, "it has %s", buf_str(&all));
    buf_done(&all);
}

const char *message_field_name(const struct module_field *f, struct arena *a)
{
    return f->name.n ? arena_printf(a, "`%.*s`", (int)f->name.n, f->name.p) : "the message";
}

void message_wrong_type(struct compiler *c, const struct module_field *f, const struct node *value, const char *why)
{
    struct buf words = BUF_INIT(400);
    module_type_words(f, &words);
    const struct slice shown =
        value->kind == NODE_SCALAR ? slice_part(value->text, 0, SHOWN) : slice_of(node_what(value));
    const char *quote = value->kind == NODE_SCALAR ? "`" : "";
    struct diag *g = compile_error(c, value->mark, "%s is %s, not %s%.*s%s", message_field_name(f, c->arena),
                                   buf_str(&words), quote, (int)shown.n, shown.p, quote);
    if (why) diag_hint(c->diags, g, "%s", why);
    buf_done(&words);
    if (!f->nnames || value->kind != NODE_SCALAR) return;
    struct suggest s;
    suggest_init(&s, value->text);
    for (uint32_t i = 0; i < f->nnames; i++)
        suggest_offer(&s, f->names[i].name);
    diag_suggest(c->diags, g, &s);
}

static bool wrong_type(struct compiler *c, const struct operand *o)
{
    message_wrong_type(c, o->field, o->node, NULL);
    return false;
}

static bool compile_scalar(struct compiler *c, struct operand *o)
{
    const struct module_field *f = o->field;
    const char *why = NULL;
    if (o->node->kind != NODE_SCALAR) return wrong_type(c, o);
    if (field_dynamic(o->node) || f->type == MODULE_TEXT) {
        o->has_text = true;
        return compile_text(c, o->node, &o->text);
    }
    o->known = true;
    if (f->type == MODULE_BOOL) {
        o->integer = slice_is(o->node->text, "true");
        return o->integer || slice_is(o->node->text, "false") || wrong_type(c, o);
    }
    if (f->type == MODULE_FLOAT) return !units_number(o->node->text, &o->number) || wrong_type(c, o);
    return module_integer(f, o->node->text, &o->integer, &why) || wrong_type(c, o);
}

static bool add_pair(struct compiler *c, struct operand *o, const struct node *name, const struct node *value,
                     uint32_t *size)
{
    if (name->kind != NODE_SCALAR || value->kind != NODE_SCALAR) {
        compile_error(c, value->mark, "a value of %s is a text, or a list of texts",
                      message_field_name(o->field, c->arena));
        return false;
    }
    if (o->npairs == *size) {
        *size = *size ? 2 * *size : 8;
        struct pair_plan *more = arena_array(c->arena, *size, sizeof *more);
        for (uint32_t i = 0; i < o->npairs; i++)
            more[i] = o->pairs[i];
        o->pairs = more;
    }
    struct pair_plan *p = &o->pairs[o->npairs++];
    const bool named = compile_text(c, name, &p->name);
    return compile_text(c, value, &p->value) && named;
}

static bool add_map(struct compiler *c, struct operand *o, const struct node *map, uint32_t *size)
{
    bool ok = true;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        if (p->value->kind != NODE_LIST) ok &= add_pair(c, o, p->key, p->value, size);
        for (uint32_t k = 0; p->value->kind == NODE_LIST && k < p->value->n; k++)
            ok &= add_pair(c, o, p->key, p->value->items[k], size);
    }
    return ok;
}

static bool compile_pairs(struct compiler *c, struct operand *o)
{
    const struct node *n = o->node;
    uint32_t size = 0;
    bool ok = true;
    if (n->kind == NODE_SCALAR) {
        if (!field_dynamic(n)) return wrong_type(c, o);
        return (o->datum = datum_compile(c, n)) != NULL;
    }
    if (n->kind == NODE_MAP) return add_map(c, o, n, &size);
    for (uint32_t i = 0; i < n->n; i++) {
        const struct node *item = n->items[i];
        if (item->kind == NODE_LIST && item->n == 2)
            ok &= add_pair(c, o, item->items[0], item->items[1], &size);
        else if (item->kind == NODE_MAP)
            ok &= add_map(c, o, item, &size);
        else
            ok = false, message_wrong_type(c, o->field, item, "an item is {name: value} or [name, value]");
    }
    return ok;
}

static bool compile_operand(struct compiler *c, struct operand *o)
{
    const struct node *n = o->node;
    const enum module_type type = o->field->type;
    switch (type) {
    case MODULE_BYTES: return (o->payload = payload_compile(c, n)) != NULL;
    case MODULE_PAIRS: return compile_pairs(c, o);
    case MODULE_LIST:
    case MODULE_MAP:
        if (n->kind != (type == MODULE_LIST ? NODE_LIST : NODE_MAP) && !(n->kind == NODE_SCALAR && field_dynamic(n)))
            return wrong_type(c, o);
        return (o->datum = datum_compile(c, n)) != NULL;
    case MODULE_JSON: return (o->datum = datum_compile(c, n)) != NULL;
    case MODULE_TEXT:
    case MODULE_BOOL:
    case MODULE_INT:
    case MODULE_FLOAT: break;
    }
    return compile_scalar(c, o);
}

static bool compile_fields(struct compiler *c, struct message_plan *p, const struct node *map)
{
    bool ok = true;
    p->operands = arena_array(c->arena, map ? map->n : 0, sizeof *p->operands);
    for (uint32_t i = 0; map && i < map->n; i++) {
        struct operand *o = &p->operands[p->n];
        *o = (struct operand){.field = module_field_find(p->key.message, map->pairs[i].key->text),
                              .node = map->pairs[i].value};
        if (!o->field) {
            message_unknown_field(c, &p->key, map->pairs[i].key);
            ok = false;
            continue;
        }
        ok &= compile_operand(c, o);
        p->n++;
    }
    for (uint32_t i = 0; i < p->key.message->n; i++) {
        const struct module_field *f = &p->key.message->fields[i];
        if (f->optional || (map && node_get(map, f->name.p))) continue;
        compile_error(c, p->node->mark, "`%s.%s` needs its `%s`", p->key.module->name, p->key.message->name.p,
                      f->name.p);
        ok = false;
    }
    return ok;
}

struct message_plan *message_compile(struct compiler *c, const struct module_key *key, const struct node *name,
                                     const struct node *value)
{
    struct message_plan *p = ARENA_NEW(c->arena, struct message_plan);
    *p = (struct message_plan){.key = *key, .node = name, .lf = c->actor && c->actor->lf};
    if (!key->message) {
        struct diag *g = compile_error(c, name->mark, "`%s` is a module: which of its messages?", key->module->name);
        if (key->module->n)
            diag_hint(c->diags, g, "such as `%s.%s`", key->module->name, key->module->messages[0].name.p);
        return NULL;
    }
    if (!key->message->has_encode) {
        compile_error(c, name->mark, "`%s.%s` can only be expected, not sent", key->module->name, key->message->name.p);
        return NULL;
    }
    const bool dynamic = value->kind == NODE_SCALAR && field_dynamic(value);
    if (key->message->is_value) {
        p->operands = ARENA_NEW(c->arena, struct operand);
        p->operands[0] = (struct operand){.field = &key->message->fields[0], .node = value};
        p->n = 1;
        return compile_operand(c, &p->operands[0]) ? p : NULL;
    }
    if (dynamic) {
        p->carried = true;
        return compile_text(c, value, &p->text) ? p : NULL;
    }
    if (value->kind != NODE_MAP && !node_empty(value)) {
        compile_error(c, value->mark, "`%s.%s` takes a map of its fields, not %s", key->module->name,
                      key->message->name.p, node_what(value));
        return NULL;
    }
    return compile_fields(c, p, value->kind == NODE_MAP ? value : NULL) ? p : NULL;
}

/* Making */

static void raise_type(lua_State *L, const struct operand *o, struct eval *e, const char *got)
{
    struct buf words = BUF_INIT(400);
    module_type_words(o->field, &words);
    eval_fail(e, o->node->mark, "%s is %s, not %s", message_field_name(o->field, e->arena), buf_str(&words), got);
    buf_done(&words);
    eval_raise(e, L);
}

/* The `${}` of a number or boolean may carry it, or its text. */
static void push_dynamic(lua_State *L, const struct operand *o, struct eval *e)
{
    const char *why;
    int64_t n;
    double x;
    if (!text_push(&o->text, e)) eval_raise(e, L);
    if (o->field->type == MODULE_BOOL) {
        if (lua_type(L, -1) != LUA_TBOOLEAN) raise_type(L, o, e, luaL_typename(L, -1));
        return;
    }
    struct slice text;
    luaL_tolstring(L, -1, NULL);
    text.p = lua_tolstring(L, -1, &text.n);
    if (o->field->type == MODULE_FLOAT) {
        if (units_number(text, &x)) raise_type(L, o, e, text.p);
        lua_pushnumber(L, x);
    } else {
        if (lua_type(L, -2) == LUA_TNUMBER && lua_tointegerx(L, -2, NULL)) {
            lua_pushfstring(L, "%I", (LUAI_UACINT)lua_tointeger(L, -2));
            lua_replace(L, -2);
            text.p = lua_tolstring(L, -1, &text.n);
        }
        if (!module_integer(o->field, text, &n, &why)) raise_type(L, o, e, text.p);
        lua_pushinteger(L, n);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static void push_text(lua_State *L, const struct text_plan *t, struct eval *e)
{
    struct slice bytes;
    if (!text_eval(t, e, &bytes)) eval_raise(e, L);
    lua_pushlstring(L, bytes.p ? bytes.p : "", bytes.n);
}

static void push_pairs(lua_State *L, const struct operand *o, struct eval *e)
{
    lua_createtable(L, (int)o->npairs, 0);
    for (uint32_t i = 0; i < o->npairs; i++) {
        lua_createtable(L, 2, 0);
        push_text(L, &o->pairs[i].name, e);
        lua_rawseti(L, -2, 1);
        push_text(L, &o->pairs[i].value, e);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* A map that a `${}` carries becomes pairs, in the order of their names. */
static void push_carried_pairs(lua_State *L, const struct operand *o, struct eval *e)
{
    struct view v;
    if (!datum_view(o->datum, e, &v)) eval_raise(e, L);
    if (v.type != VIEW_MAP) {
        if (v.type != VIEW_LIST) raise_type(L, o, e, "something else");
        value_push(L, &v);
        return;
    }
    lua_Integer n = 0;
    lua_createtable(L, (int)v.n, 0);
    for (size_t i = 0; i < v.n; i++) {
        struct slice key;
        const struct view value = v.ops->entry(&v, i, &key);
        const size_t times = value.type == VIEW_LIST ? value.n : 1;
        for (size_t k = 0; k < times; k++) {
            const struct view one = value.type == VIEW_LIST ? value.ops->at(&value, k) : value;
            const struct slice text = text_of_view(&one, e->arena);
            lua_createtable(L, 2, 0);
            lua_pushlstring(L, key.p, key.n);
            lua_rawseti(L, -2, 1);
            lua_pushlstring(L, text.p ? text.p : "", text.n);
            lua_rawseti(L, -2, 2);
            lua_rawseti(L, -2, ++n);
        }
    }
}

static void push_operand(lua_State *L, const struct operand *o, struct eval *e)
{
    const enum module_type type = o->field->type;
    struct slice bytes;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (o->datum && type == MODULE_PAIRS) {
        push_carried_pairs(L, o, e);
    } else if (o->datum) {
        if (!datum_push(o->datum, e)) eval_raise(e, L);
        if ((type == MODULE_LIST || type == MODULE_MAP) && !lua_istable(L, -1))
            raise_type(L, o, e, luaL_typename(L, -1));
    } else if (o->payload) {
        if (!payload_bytes(o->payload, e, &bytes)) eval_raise(e, L);
        lua_pushlstring(L, bytes.p ? bytes.p : "", bytes.n);
    } else if (type == MODULE_PAIRS) {
        push_pairs(L, o, e);
    } else if (o->has_text && type == MODULE_TEXT) {
        push_text(L, &o->text, e);
    } else if (o->has_text) {
        push_dynamic(L, o, e);
    } else if (type == MODULE_BOOL) {
        lua_pushboolean(L, o->integer != 0);
    } else if (type == MODULE_FLOAT) {
        lua_pushnumber(L, o->number);
    } else {
        lua_pushinteger(L, o->integer);
    }
}

struct making {
    const struct message_plan *plan;
    struct eval *eval;
    struct slice bytes;
};

static int make(lua_State *L)
{
    struct making *m = lua_touserdata(L, 1);
    const struct message_plan *p = m->plan;
    if (p->key.message->is_value) {
        push_operand(L, &p->operands[0], m->eval);
    } else {
        lua_createtable(L, 0, (int)p->n);
        for (uint32_t i = 0; i < p->n; i++) {
            lua_pushlstring(L, p->operands[i].field->name.p, p->operands[i].field->name.n);
            push_operand(L, &p->operands[i], m->eval);
            lua_rawset(L, -3);
        }
    }
    module_encode(L, p->key.module, p->key.message, m->eval->conn);
    struct slice made;
    made.p = lua_tolstring(L, -1, &made.n);
    m->bytes = (struct slice){arena_dup(m->eval->arena, made), made.n};
    return 0;
}

static bool carried_bytes(const struct message_plan *p, struct eval *e, struct slice *ret)
{
    struct written w;
    struct view v;
    if (!text_view(&p->text, e, &v)) return false;
    written_begin(&w, e, p->lf);
    const struct message_plan *inner =
        message_compile(&w.compiler, &p->key, p->node, written_node(&v, p->text.node, e->arena));
    return written_end(&w, e, text_mark(&p->text)) && message_bytes(inner, e, ret);
}

bool message_bytes(const struct message_plan *p, struct eval *e, struct slice *ret)
{
    if (p->carried) return carried_bytes(p, e, ret);
    struct making m = {p, e, {NULL, 0}};
    if (!eval_call(e, p->node->mark, make, &m, 0)) return false;
    *ret = m.bytes;
    return true;
}
