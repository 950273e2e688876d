#include "engine/matching_fill.h"

#include <lauxlib.h>

#include "engine/written.h"
#include "lua/value.h"
#include "util/text.h"
#include "util/units.h"

enum { SHOWN = 60, WHY_MOST = 256 };

const char *matching_number(struct slice text, struct matcher *ret)
{
    uint64_t size;
    int64_t whole;
    double number;
    if (!units_int(text, &whole)) {
        ret->integer = whole;
    } else if (!units_number(text, &number)) {
        ret->number = number;
        ret->whole = false;
        return NULL;
    } else if (!units_size(text, &size) && size <= INT64_MAX) {
        ret->integer = (int64_t)size;
    } else if (!units_duration(text, &whole)) {
        ret->integer = whole;
    } else {
        return "not a number, a size or a duration";
    }
    ret->whole = true;
    ret->number = (double)ret->integer;
    return NULL;
}

static void done_regex(void *p)
{
    regex_free(p);
}

const char *matching_pattern(struct slice pattern, struct arena *a, struct regex **ret, size_t *ret_at)
{
    char why[WHY_MOST];
    struct regex *r = regex_new(pattern, why, sizeof why, ret_at);
    if (!r) return arena_dup(a, slice_of(why));
    arena_defer(a, done_regex, r);
    *ret = r;
    return NULL;
}

const char *matching_digest(struct slice text, struct arena *a, struct slice *ret)
{
    size_t at;
    struct buf digest = BUF_INIT(2 * MATCHER_DIGEST);
    const bool whole = !text_unhex(text, &digest, &at) && digest.n == MATCHER_DIGEST;
    if (whole) *ret = (struct slice){arena_dup(a, buf_slice(&digest)), MATCHER_DIGEST};
    buf_done(&digest);
    return whole ? NULL : "a SHA-256 is 64 hexadecimal digits";
}

static bool fail_shown(struct eval *e, const struct text_plan *t, struct slice text, const char *why)
{
    struct buf shown = BUF_INIT(8 * SHOWN);
    text_quote(text, SHOWN, &shown);
    eval_fail(e, text_mark(t), "%s: %s", buf_str(&shown), why);
    buf_done(&shown);
    return false;
}

static bool fill_number(const struct matching *m, struct eval *e, struct matcher *x)
{
    struct slice text;
    if (!text_eval(&m->text, e, &text)) return false;
    const char *why = matching_number(text, x);
    return !why || fail_shown(e, &m->text, text, why);
}

static bool fill_pattern(const struct matching *m, struct eval *e, struct matcher *x)
{
    struct slice text;
    size_t at;
    if (!text_eval(&m->text, e, &text)) return false;
    const char *why = matching_pattern(text, e->arena, &x->regex, &at);
    return !why || fail_shown(e, &m->text, text, why);
}

static bool fill_digest(const struct matching *m, struct eval *e, struct matcher *x)
{
    struct slice text;
    if (!text_eval(&m->text, e, &text)) return false;
    const char *why = matching_digest(text, e->arena, &x->bytes);
    return !why || fail_shown(e, &m->text, text, why);
}

static bool fill_written(const struct matching *m, const struct view *v, struct eval *e, const struct matcher **ret)
{
    struct written w;
    written_begin(&w, e, m->lf);
    struct matching *inner = matching_compile_written(&w.compiler, written_node(v, m->text.node, e->arena), m);
    return written_end(&w, e, text_mark(&m->text)) && matching_eval(inner, e, ret);
}

/* A number below a template keeps its type, as one does that is written there. */
static bool fill_typed(const struct view *v, struct matcher *x)
{
    switch (v->type) {
    case VIEW_NULL: x->kind = MATCHER_NULL; return true;
    case VIEW_BOOL:
        x->kind = MATCHER_BOOL;
        x->integer = v->boolean;
        return true;
    case VIEW_INT:
        x->kind = MATCHER_INT;
        x->integer = v->integer;
        return true;
    case VIEW_FLOAT:
        x->kind = MATCHER_FLOAT;
        x->number = v->number;
        return true;
    case VIEW_ABSENT:
    case VIEW_BYTES:
    case VIEW_LIST:
    case VIEW_MAP: break;
    }
    return false;
}

static bool fill_value(const struct matching *m, struct eval *e, struct matcher *x, const struct matcher **ret)
{
    struct view v;
    if (!text_view(&m->text, e, &v)) return false;
    const bool named = m->field && v.type == VIEW_BYTES; /* of an enumeration */
    if (v.type == VIEW_LIST || v.type == VIEW_MAP || named) return fill_written(m, &v, e, ret);
    if (m->context == AS_TEMPLATE && fill_typed(&v, x)) return true;
    x->bytes = text_of_view(&v, e->arena);
    if (!x->bytes.p) return eval_fail(e, text_mark(&m->text), "null where text is wanted");
    if (m->context != AS_NUMBER) return true;
    const char *why = matching_number(x->bytes, x);
    x->kind = x->whole ? MATCHER_INT : MATCHER_FLOAT;
    return !why || fail_shown(e, &m->text, x->bytes, why);
}

struct it {
    const struct view *view; /* NULL: nil */
};

static int set_it(lua_State *L)
{
    const struct it *it = lua_touserdata(L, 1);
    if (it->view)
        value_push(L, it->view);
    else
        lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, EVAL_IT);
    return 0;
}

bool matching_where(void *ctx, const struct matcher *m, const struct view *v, struct arena *a, const char **ret_why)
{
    (void)m;
    const struct matching_judge *j = ctx;
    const struct mark nowhere = {0};
    struct eval e = {.lua = j->lua, .env = j->env, .arena = a};
    struct it it = {v}, none = {NULL};
    bool holds = false;
    if (!eval_call(&e, nowhere, set_it, &it, 0) || !condition_eval(j->where, nowhere, &e, &holds)) *ret_why = e.why;
    /* What it was must not be kept alive, nor be seen by anything else. */
    eval_call(&e, nowhere, set_it, &none, 0);
    return holds;
}

static bool fill_where(const struct matching *m, struct eval *e, struct matcher *x)
{
    struct matching_judge *j = ARENA_NEW(e->arena, struct matching_judge);
    *j = (struct matching_judge){e->lua, e->env, m->where};
    x->where = matching_where;
    x->ctx = j;
    return true;
}

static bool fill_below(const struct matching *m, struct eval *e, struct matcher *x)
{
    x->of = arena_array(e->arena, x->n, sizeof(struct matcher *));
    for (size_t i = 0; i < x->n; i++) {
        const struct matcher *below;
        if (!matching_eval(m->of[i], e, &below)) return false;
        /* The tree only reads, and its type has no const below the root. */
        memcpy(&x->of[i], &below, sizeof below);
    }
    return true;
}

bool matching_eval(const struct matching *m, struct eval *e, const struct matcher **ret)
{
    if (m->constant) {
        *ret = &m->m;
        return true;
    }
    struct matcher *x = ARENA_NEW(e->arena, struct matcher);
    *x = m->m;
    *ret = x;
    switch (m->operand) {
    case OPERAND_KNOWN: return true;
    case OPERAND_VALUE: return fill_value(m, e, x, ret);
    case OPERAND_NUMBER: return fill_number(m, e, x);
    case OPERAND_PATTERN: return fill_pattern(m, e, x);
    case OPERAND_DIGEST: return fill_digest(m, e, x);
    case OPERAND_PAYLOAD: return payload_bytes(m->payload, e, &x->bytes);
    case OPERAND_WHERE: return fill_where(m, e, x);
    case OPERAND_BELOW: return fill_below(m, e, x);
    }
    return false;
}
