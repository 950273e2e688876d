#include "engine/compile.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include <lauxlib.h>

#include "engine/datum.h"
#include "engine/dialing.h"
#include "engine/framing.h"
#include "engine/names_check.h"
#include "engine/program_plan.h"
#include "engine/proxy_plan.h"
#include "engine/step.h"
#include "lua/names.h"
#include "net/addr.h"
#include "util/text.h"
#include "util/units.h"

enum { STEPS_MOST = 100000 };

struct diag *compile_error(struct compiler *c, struct mark mark, const char *format, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return diags_add(c->diags, source_place(mark), "%s", text);
}

static const char *chunk_name(struct compiler *c, struct mark mark)
{
    (void)c;
    return mark.source ? mark.source->name : "?";
}

/* A plain scalar that ended where YAML saw a comment. */
static bool is_cut_short(const struct node *scalar)
{
    if (!scalar->mark.source || scalar->quoted) return false;
    const struct slice text = scalar->mark.source->text;
    size_t at = scalar->mark.off + scalar->text.n;
    while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\t'))
        at++;
    return at < text.n && text.p[at] == '#';
}

/* Lua's message in words that do not speak of files. */
static void say_lua(struct compiler *c, const struct node *scalar, struct mark mark, const char *why)
{
    static const char more[] = "<eof> expected near ", cut[] = " near <eof>";
    const struct slice text = slice_of(why);
    const size_t head = text.n > strlen(cut) ? text.n - strlen(cut) : 0;
    struct diag *g;
    if (slice_starts(text, slice_of(more)))
        g = compile_error(c, mark, "Lua: unexpected %s", why + strlen(more));
    else if (slice_is(text, "unexpected symbol near <eof>"))
        g = compile_error(c, mark, "Lua: this ends too early");
    else if (slice_is(slice_part(text, head, text.n), cut))
        g = compile_error(c, mark, "Lua: %.*s at the end", (int)head, why);
    else
        g = compile_error(c, mark, "Lua: %s", why);
    if (strstr(why, "expected near '='")) diag_hint(c->diags, g, "`==` compares");
    if (is_cut_short(scalar)) diag_hint(c->diags, g, "` #` begins a comment in YAML: quote the whole expression");
}

/* Lua names a byte that begins no token by its number: `near '<\195>'`. */
static bool say_odd_character(struct compiler *c, const struct node *scalar, const struct expr *x, const char *why,
                              size_t line)
{
    const char *near = strstr(why, "'<\\");
    int64_t byte = 0;
    if (!near || units_int((struct slice){near + 3, strspn(near + 3, "0123456789")}, &byte)) return false;
    const struct slice rest = slice_part(x->text, line, x->text.n);
    const char *found = memchr(rest.p, (int)byte, rest.n);
    if (!found) return false;
    const size_t at = (size_t)(found - x->text.p), n = text_utf8(slice_part(x->text, at, 4), NULL);
    compile_error(c, node_mark_at(scalar, (uint32_t)(x->at + at), n ? (uint32_t)n : 1),
                  "Lua: this character stands in texts and comments only");
    return true;
}

/* Lua's own check, and the names it uses. */
static bool check_expr(struct compiler *c, const struct node *scalar, struct expr *x)
{
    if (!c->lua) return true;
    size_t at = 0;
    const char *why = expr_check(c->lua, x, c->arena, &at);
    if (why && say_odd_character(c, scalar, x, why, at)) return false;
    if (why) {
        say_lua(c, scalar, node_mark_at(scalar, (uint32_t)(x->at + at), 1), why);
        return false;
    }
    names_use_lua(c, scalar, x->text, x->at, x->kind == EXPR_CHUNK);
    /* Nobody runs it here: of many files nothing is to be left in the state. */
    luaL_unref(c->lua->L, LUA_REGISTRYINDEX, x->ref);
    x->ref = 0;
    return true;
}

bool compile_text(struct compiler *c, const struct node *scalar, struct text_plan *ret)
{
    size_t at = 0;
    ret->node = scalar;
    const char *why = tmpl_parse(scalar->text, chunk_name(c, scalar->mark), c->arena, &ret->tmpl, &at);
    if (why) {
        compile_error(c, node_mark_at(scalar, (uint32_t)at, 2), "%s", why);
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < ret->tmpl.n; i++)
        if (ret->tmpl.parts[i].expr && !check_expr(c, scalar, ret->tmpl.parts[i].expr)) ok = false;
    return ok;
}

struct expr *compile_expr(struct compiler *c, const struct node *scalar, enum expr_kind kind)
{
    const unsigned line = source_line(scalar->mark) + (scalar->block ? 1 : 0);
    struct expr *x = expr_new(c->arena, kind, scalar->text, 0, chunk_name(c, scalar->mark), line);
    return check_expr(c, scalar, x) ? x : NULL;
}

bool compile_quantity(struct compiler *c, const struct node *scalar, enum quantity_type type, int64_t fallback,
                      struct quantity *ret)
{
    *ret = (struct quantity){.type = type, .value = fallback};
    if (!scalar) return true;
    if (scalar->kind != NODE_SCALAR) return false;
    if (field_dynamic(scalar)) {
        ret->dynamic = true;
        return compile_text(c, scalar, &ret->text);
    }
    switch (type) {
    case QUANTITY_INT: ret->value = field_int(scalar, fallback); break;
    case QUANTITY_SIZE: ret->value = (int64_t)field_size(scalar, (uint64_t)fallback); break;
    case QUANTITY_DURATION: ret->value = field_duration(scalar, fallback); break;
    }
    return true;
}

void compile_define(struct compiler *c, struct slice name, struct mark mark)
{
    (void)mark;
    names_define(c, name, USE_VALUE);
}

void compile_bind(struct compiler *c, struct slice name)
{
    if (c->narguments == c->arguments_size) {
        const uint32_t size = c->arguments_size ? c->arguments_size * 2 : 16;
        struct slice *more = arena_array(c->arena, size, sizeof *more);
        for (uint32_t i = 0; i < c->narguments; i++)
            more[i] = c->arguments[i];
        c->arguments = more;
        c->arguments_size = size;
    }
    c->arguments[c->narguments++] = name;
}

bool compile_bound(const struct compiler *c, struct slice name)
{
    for (uint32_t i = 0; i < c->narguments; i++)
        if (slice_eq(c->arguments[i], name)) return true;
    return false;
}

bool compile_fixed(struct compiler *c, const struct node *n, const char *name)
{
    if (!n || !field_dynamic(n)) return true;
    compile_error(c, n->mark, "`%s` is fixed: `${}` cannot stand in it", name);
    return false;
}

static bool take_name(struct compiler *c, const struct node *n, const char **ret)
{
    if (n->kind != NODE_SCALAR || !names_is_name(n->text)) {
        compile_error(c, n->mark, "a name is letters, digits and `_`, and no word of Lua");
        return false;
    }
    *ret = n->text.p;
    compile_define(c, n->text, n->mark);
    return true;
}

const char **compile_as(struct compiler *c, const struct node *as, uint32_t *ret_n)
{
    *ret_n = 0;
    if (!as) return NULL;
    if (c->as == as) c->as = NULL;
    const uint32_t n = as->kind == NODE_LIST ? as->n : 1;
    const char **names = arena_array(c->arena, n, sizeof *names);
    for (uint32_t i = 0; i < n; i++)
        if (take_name(c, as->kind == NODE_LIST ? as->items[i] : as, &names[i])) ++*ret_n;
    return names;
}

bool compile_connection_name(struct compiler *c, const struct step_model *m, struct instr *in)
{
    if (!m->as) return true;
    c->as = NULL;
    if (m->as->kind != NODE_SCALAR || !names_is_name(m->as->text)) {
        compile_error(c, m->as->mark, "a connection has one name of letters, digits and `_`");
        return false;
    }
    names_define(c, m->as->text, USE_VIA);
    in->as = arena_alloc(c->arena, sizeof *in->as);
    in->as[0] = m->as->text.p;
    in->nas = 1;
    return true;
}

static bool compile_ignore(struct compiler *c, const struct step_model *m, struct ignore *ret)
{
    const struct node *n = m->ignore;
    const struct ignore *outer = c->ignore;
    const uint32_t own = n ? n->n : 0, inherited = outer ? outer->n : 0;
    bool ok = true;
    if (!own) {
        if (outer) *ret = *outer;
        return true;
    }
    ret->list = arena_array(c->arena, own + inherited, sizeof(struct framing_plan *));
    const bool opening = c->opening;
    c->opening = true;
    for (uint32_t i = 0; i < own; i++) {
        struct framing_plan *p = framing_compile_ignored(c, n->items[i]);
        if (p)
            ret->list[ret->n++] = p;
        else
            ok = false;
    }
    c->opening = opening;
    for (uint32_t i = 0; i < inherited; i++)
        ret->list[ret->n++] = outer->list[i];
    return ok;
}

bool compile_branches(struct compiler *c, const struct branches_model *m, struct branch **ret, uint32_t *ret_n)
{
    bool ok = true;
    *ret = arena_array(c->arena, m->n, sizeof **ret);
    *ret_n = m->n;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct branch_model *b = &m->list[i];
        (*ret)[i] = (struct branch){.name = b->name, .mark = b->mark};
        /* It was said if none was written; else all of them are wrong. */
        if (!b->block.n) ok = false;
        ok &= !b->block.n || compile_check_opening(c, &b->block, b->mark, b->name ? "this branch" : "this list");
        const bool opening = c->opening;
        c->opening = true;
        ok &= compile_block(c, &b->block, &(*ret)[i].block);
        c->opening = opening;
    }
    return ok;
}

bool compile_check_opening(struct compiler *c, const struct block_model *m, struct mark mark, const char *what)
{
    if (!m->n) {
        compile_error(c, mark, "%s has no steps", what);
        return false;
    }
    const struct step_model *first = &m->steps[0];
    if (first->broken || (first->macro && first->macro->circular)) return false;
    if (first->macro) return compile_check_opening(c, &first->macro->block, first->mark, "this macro");
    if (first->branches.n && (first->schema->flags & STEP_OPENING)) return true;
    if (first->schema->flags & STEP_BLOCK) return compile_check_opening(c, &first->block, first->mark, "this block");
    if (first->schema->flags & STEP_OPENING) return true;
    struct diag *g = compile_error(c, first->mark, "%s cannot begin with `%s`", what, first->schema->name);
    diag_hint(c->diags, g, "begin with expect, expect_close, expect_silence, accept, take or expect_exit");
    return false;
}

static enum level level_of(const struct node *n)
{
    return n ? (enum level)(LEVEL_MUST + field_choice(n, "must|should|may|setup")) : LEVEL_INHERIT;
}

static bool compile_common(struct compiler *c, const struct step_model *m, struct instr *in)
{
    bool ok = compile_ignore(c, m, &in->ignore);
    in->level = level_of(m->level);
    if (m->via) names_use(c, m->via->text, m->via->mark, USE_VIA);
    if (m->via || c->via) in->via = (m->via ? m->via : c->via)->text.p;
    if (m->condition && !(in->condition = compile_expr(c, m->condition, EXPR_VALUE))) ok = false;
    in->timed = m->timeout != NULL;
    ok &= compile_quantity(c, m->timeout, QUANTITY_DURATION, 0, &in->timeout);
    if (m->meanwhile.n) {
        c->actor->has_meanwhile = true;
        ok &= compile_branches(c, &m->meanwhile, &in->meanwhile.list, &in->meanwhile.n);
    }
    return ok;
}

/* Does the first thing that this block does, looked for in the blocks and calls that it begins with, work on the
 * actor's connection? */
static bool opens_on_connection(const struct block *b)
{
    while (b->n) {
        const struct instr *in = b->steps;
        if (in->needs_conn) return !in->via;
        b = &in->block;
    }
    return false;
}

static bool needs_connection(const struct instr *in)
{
    if (in->model->schema->flags & STEP_CONNECTION) return true;
    for (uint32_t i = 0; i < in->nbranches; i++)
        if (opens_on_connection(&in->branches[i].block)) return true;
    return false;
}

/* What is wrong within the steps of a step that is wrong itself. */
static bool compile_broken(struct compiler *c, const struct step_model *m, struct instr *in)
{
    in->as = compile_as(c, m->as, &in->nas);
    compile_block(c, &m->block, &in->block);
    for (uint32_t i = 0; i < m->branches.n; i++)
        compile_block(c, &m->branches.list[i].block, &in->block);
    return false;
}

static bool say_no_result(struct compiler *c, const struct step_model *m)
{
    compile_error(c, node_pair(m->map, "as")->key->mark, "`as` has no meaning on `%s`", m->schema->name);
    return false;
}

static void note_connection(struct compiler *c, const struct step_model *m)
{
    if (m->schema->flags & STEP_CONNECTION && !c->via && !c->unconnected.source) c->unconnected = m->mark;
}

/* An actor without a socket of its own whose steps open none. */
static bool check_connected(struct compiler *c, const struct actor_model *m)
{
    if ((m->kind != ACTOR_PLAIN && m->kind != ACTOR_PROXY) || c->connects || !c->unconnected.source ||
        c->scenario->nunread)
        return true;
    struct diag *g = compile_error(c, c->unconnected, "`%s` has no connection", m->name);
    diag_hint(c->diags, g, "give it `connect`, or open one with a `connect` step first");
    return false;
}

static bool compile_step(struct compiler *c, const struct step_model *m, struct instr *in)
{
    in->model = m;
    in->kind = step_kind_of(m->schema);
    const struct place place = source_place(m->mark);
    in->line = place.line;
    in->col = place.col;
    if (++c->steps > STEPS_MOST) {
        if (c->steps == STEPS_MOST + 1)
            compile_error(c, m->mark, "more than %d steps once macros are put in place", STEPS_MOST);
        return false;
    }
    bool ok = compile_common(c, m, in);
    const struct ignore *outer = c->ignore;
    const struct node *outer_via = c->via, *outer_as = c->as;
    c->ignore = in->ignore.n ? &in->ignore : NULL;
    if (m->via) c->via = m->via;
    c->as = m->as;
    note_connection(c, m);
    if (m->broken)
        ok = compile_broken(c, m, in);
    else if (in->kind->compile && !in->kind->compile(c, m, in))
        ok = false;
    else if (c->as)
        ok = say_no_result(c, m);
    c->as = outer_as;
    if (!ok && !m->block.n && !m->branches.n && !m->macro && m->map) names_perhaps(c, m->map);
    c->ignore = outer;
    c->via = outer_via;
    in->needs_conn = needs_connection(in);
    return ok;
}

bool compile_block(struct compiler *c, const struct block_model *m, struct block *ret)
{
    bool ok = true;
    const bool opening = c->opening;
    ret->n = m->n;
    ret->steps = arena_array(c->arena, m->n, sizeof *ret->steps);
    for (uint32_t i = 0; i < m->n; i++) {
        /* Only the first step of a branch is tried beside others. */
        c->opening = c->lane || (opening && i == 0);
        ok &= compile_step(c, &m->steps[i], &ret->steps[i]);
    }
    c->opening = opening;
    return ok;
}

struct sync_plan *compile_sync(struct compiler *c, const char *name)
{
    struct case_plan *p = c->plan;
    struct sync_plan *s = NULL;
    for (uint32_t i = 0; i < p->nsyncs && !s; i++)
        if (slice_is(slice_of(p->syncs[i].name), name)) s = &p->syncs[i];
    if (!s) {
        struct sync_plan *more = arena_array(c->arena, p->nsyncs + 1, sizeof *more);
        for (uint32_t i = 0; i < p->nsyncs; i++)
            more[i] = p->syncs[i];
        p->syncs = more;
        s = &more[p->nsyncs++];
        s->name = name;
        s->actors = arena_array(c->arena, p->nactors, sizeof *s->actors);
    }
    for (uint32_t i = 0; i < s->nactors; i++)
        if (s->actors[i] == c->actor->index) return s;
    s->actors[s->nactors++] = c->actor->index;
    return s;
}

uint32_t compile_queue(struct compiler *c, const char *name)
{
    struct case_plan *p = c->plan;
    for (uint32_t i = 0; i < p->nqueues; i++)
        if (slice_is(slice_of(p->queues[i]), name)) return i;
    const char **more = arena_array(c->arena, p->nqueues + 1, sizeof *more);
    for (uint32_t i = 0; i < p->nqueues; i++)
        more[i] = p->queues[i];
    p->queues = more;
    more[p->nqueues] = name;
    return p->nqueues++;
}

/* What an actor does before any written step: connecting, or accepting. */
static struct instr *own_step(struct compiler *c, const struct actor_model *m, const struct step_kind *kind,
                              void *operand)
{
    struct step_model *model = ARENA_NEW(c->arena, struct step_model);
    *model = (struct step_model){.schema = &kind->schema, .mark = m->endpoint->mark};
    struct instr *in = ARENA_NEW(c->arena, struct instr);
    const struct place place = source_place(model->mark);
    *in = (struct instr){.kind = kind, .model = model, .operand = operand, .line = place.line, .col = place.col};
    return in;
}

static bool compile_session(struct compiler *c, const struct node *n, struct actor_plan *p)
{
    if (!n) return true;
    const struct node *by = n->kind == NODE_MAP ? node_get(n, "by") : n;
    const struct node *timeout = n->kind == NODE_MAP ? node_get(n, "timeout") : NULL;
    struct quantity q = {.value = 0};
    bool ok = compile_quantity(c, timeout, QUANTITY_DURATION, 0, &q) && compile_fixed(c, timeout, "timeout");
    p->session_timeout = q.value;
    struct addr_spec spec;
    size_t at;
    const struct tmpl *t = &p->address.text.tmpl;
    if (t->constant && !addr_parse(t->parts[0].text, &spec, &at) && addr_socktype(spec.scheme) != SOCK_DGRAM) {
        compile_error(c, n->mark, "`session` is for datagrams: of a `%s` address each connection has its copy",
                      addr_scheme_name(spec.scheme));
        return false;
    }
    if (!by || by->kind != NODE_SCALAR) return ok;
    if (t->constant && slice_starts(t->parts[0].text, SLICE("dtls://"))) {
        compile_error(c, by->mark, "`session` looks into datagrams, and those of dtls:// are closed");
        return false;
    }
    p->session_mark = by->mark;
    p->session = compile_expr(c, by, EXPR_VALUE);
    return ok && p->session;
}

static bool compile_actor(struct compiler *c, struct actor_plan *p)
{
    const struct actor_model *m = p->model;
    bool ok = true;
    c->actor = p;
    c->unconnected = (struct mark){0};
    c->connects = false;
    p->lf = m->eol ? field_choice(m->eol, "crlf|lf") == 1 : c->scenario->lf;
    p->step_timeout = field_duration(m->step_timeout, c->model->step_timeout);
    switch (m->kind) {
    case ACTOR_LISTEN:
        ok &= address_compile(c, m->endpoint, true, &p->address);
        if (m->endpoint) p->own = own_step(c, m, &accept_kind, NULL);
        break;
    case ACTOR_CONNECT:
        ok &= address_compile(c, m->endpoint, false, &p->address);
        if (m->endpoint) p->own = own_step(c, m, &connect_kind, &p->address);
        break;
    case ACTOR_PROXY:
        ok &= address_compile(c, node_get(m->endpoint, "listen"), true, &p->address);
        ok &= (p->proxy = proxy_plan_compile(c, m)) != NULL;
        break;
    case ACTOR_RUN: ok &= (p->program = program_plan_compile(c, m)) != NULL; break;
    case ACTOR_PLAIN: break;
    }
    ok &= compile_quantity(c, m->instances, QUANTITY_INT, 1, &p->instances);
    ok &= compile_block(c, &m->setup, &p->setup);
    ok &= compile_block(c, &m->steps, &p->steps);
    ok &= compile_block(c, &m->serve, &p->serve);
    ok &= compile_block(c, &m->always, &p->always);
    ok &= compile_session(c, m->session, p);
    p->has_meanwhile |= m->meanwhile.n > 0;
    if (m->meanwhile.n) ok &= compile_branches(c, &m->meanwhile, &p->meanwhile.list, &p->meanwhile.n);
    if (ok) ok = check_connected(c, m);
    c->actor = NULL;
    return ok;
}

static void add_var(struct compiler *c, const struct pair *v, bool *ok)
{
    struct argument *a = &c->plan->vars[c->plan->nvars];
    names_define(c, v->key->text, USE_VALUE);
    a->name = v->key->text.p;
    a->value = datum_compile(c, v->value);
    if (a->value)
        c->plan->nvars++;
    else
        *ok = false;
}

static bool compile_vars(struct compiler *c)
{
    const struct vars_model *file = &c->scenario->vars;
    const struct node *own = c->model->vars;
    bool ok = true;
    if (own && own->kind != NODE_MAP) own = NULL;
    c->plan->vars = arena_array(c->arena, file->n + (own ? own->n : 0), sizeof *c->plan->vars);
    for (uint32_t i = 0; i < file->n; i++)
        add_var(c, file->list[i], &ok);
    for (uint32_t i = 0; own && i < own->n; i++)
        add_var(c, &own->pairs[i], &ok);
    return ok;
}

/* Where the target is, and when the case is known to fail. */
static bool compile_marks(struct compiler *c)
{
    const struct case_model *m = c->model;
    const struct node *to = c->scenario->target.to;
    bool ok = true;
    if (to) {
        c->plan->target = ARENA_NEW(c->arena, struct text_plan);
        ok = compile_text(c, to, c->plan->target);
    }
    if (m->xfail_when) ok &= (c->plan->xfail_when = compile_expr(c, m->xfail_when, EXPR_VALUE)) != NULL;
    return ok;
}

struct case_plan *compile_case(struct compiler *c)
{
    const struct case_model *m = c->model;
    struct case_plan *p = ARENA_NEW(c->arena, struct case_plan);
    c->plan = p;
    p->scenario = c->scenario;
    p->nactors = m->nactors;
    p->actors = arena_array(c->arena, m->nactors, sizeof *p->actors);
    for (uint32_t i = 0; i < m->nactors; i++)
        p->actors[i] = (struct actor_plan){.model = &m->actors[i], .name = m->actors[i].name, .index = i};
    bool ok = compile_vars(c);
    p->level = m->level ? level_of(m->level) : LEVEL_MUST;
    if (p->level < LEVEL_MUST) p->level = LEVEL_MUST;
    ok &= compile_marks(c);
    for (uint32_t i = 0; i < m->nactors; i++)
        ok &= compile_actor(c, &p->actors[i]);
    return ok ? p : NULL;
}
