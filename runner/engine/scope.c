#include "engine/scope.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/datum.h"
#include "engine/lua_host.h"
#include "engine/program_run.h"
#include "engine/run.h"

#define ACTOR_TYPE "sockrun.actor"

enum { SHOW = 400 };

static bool is(struct slice name, const char *word)
{
    return slice_is(name, word);
}

static struct slice name_at(lua_State *L, int index)
{
    struct slice s;
    s.p = lua_tolstring(L, index, &s.n);
    return s;
}

/* An actor as an expression sees it: a userdata with a pointer, the same kind for `self` and for others by name. */
static void push_actor(lua_State *L, struct actor *a)
{
    struct actor **box = lua_newuserdatauv(L, sizeof(struct actor *), 0);
    *box = a;
    luaL_setmetatable(L, ACTOR_TYPE);
}

static const char *scheme_of(const struct actor *a)
{
    return a->listener ? addr_scheme_name(a->listener->scheme) : "tcp";
}

static void push_address(lua_State *L, const char *scheme, const struct sockaddr *sa, socklen_t len)
{
    char text[ADDR_TEXT];
    addr_show(sa, len, text, sizeof text);
    lua_pushfstring(L, "%s://%s", scheme, text);
}

bool scope_actor_address(const struct actor *a, char *text, size_t size)
{
    if (!a->listener || !a->listener->addr.len) return false;
    char where[ADDR_TEXT];
    const struct addr *at = &a->listener->addr;
    snprintf(text, size, "%s://%s", scheme_of(a), addr_show(&at->sa, at->len, where, sizeof where));
    return true;
}

static const struct conn *own_conn(const struct actor *a)
{
    for (const struct channel *c = a->channels; c; c = c->next)
        if (!c->name) return &c->conn;
    return NULL;
}

static bool push_socket_field(lua_State *L, const struct addr *at, const char *scheme, struct slice name)
{
    char text[ADDR_TEXT];
    if (is(name, "port")) return lua_pushinteger(L, addr_port(&at->sa)), true;
    if (is(name, "host")) return lua_pushstring(L, addr_show_host(&at->sa, at->len, text, sizeof text)), true;
    if (is(name, "address")) return push_address(L, scheme, &at->sa, at->len), true;
    return false;
}

/* What `pass` handed over: `${app.fe.fd}`, `.port`, `.address`. */
static bool push_pass(lua_State *L, const struct actor *a, struct slice name)
{
    int fd;
    const struct addr *at;
    if (!a->program || !program_pass(a->program, name, &fd, &at)) return false;
    lua_newtable(L);
    lua_pushinteger(L, fd);
    lua_setfield(L, -2, "fd");
    static const char *const fields[] = {"port", "host", "address"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        push_socket_field(L, at, at->sa.sa_family == AF_UNIX ? "unix" : "tcp", slice_of(fields[i]));
        lua_setfield(L, -2, fields[i]);
    }
    return true;
}

static bool push_variable(lua_State *L, const struct actor *a, int name)
{
    if (!a->vars) return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, a->vars);
    lua_pushvalue(L, name);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

/* A captured name of any copy: the latest copy that has it. */
static bool push_captured(lua_State *L, const struct actor *a, int name)
{
    bool found = false;
    for (const struct actor *copy = a->run->actors; copy; copy = copy->next) {
        if (copy->plan != a->plan || !push_variable(L, copy, name)) continue;
        if (found) lua_remove(L, -2);
        found = true;
    }
    return found;
}

static int actor_index(lua_State *L)
{
    struct actor *a = *(struct actor **)lua_touserdata(L, 1);
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    const struct slice name = name_at(L, 2);
    const struct conn *c = own_conn(a);
    if (a->listener && push_socket_field(L, &a->listener->addr, scheme_of(a), name)) return 1;
    if (a->listener && is(name, "ca_file")) {
        const char *path = run_ca_file(a->run);
        return path ? (lua_pushstring(L, path), 1) : luaL_error(L, "the file of the authority cannot be written");
    }
    if (is(name, "local_port") && c && c->local.len) return lua_pushinteger(L, addr_port(&c->local.sa)), 1;
    if (is(name, "pid") && a->program && a->program->process.pid) return lua_pushinteger(L, a->program->process.pid), 1;
    if (is(name, "name")) return lua_pushstring(L, a->plan->name), 1;
    if (push_pass(L, a, name)) return 1;
    return push_captured(L, a, 2);
}

static int actor_tostring(lua_State *L)
{
    const struct actor *a = *(struct actor **)lua_touserdata(L, 1);
    char text[SHOW];
    if (!scope_actor_address(a, text, sizeof text))
        return luaL_error(L, "`%s` has no address: it does not listen", a->plan->name);
    lua_pushstring(L, text);
    return 1;
}

static void make_types(lua_State *L)
{
    if (luaL_newmetatable(L, ACTOR_TYPE)) {
        lua_pushcfunction(L, actor_index);
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, actor_tostring);
        lua_setfield(L, -2, "__tostring");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_pop(L, 1);
}

/* An object with `peer` and `local`; an empty table before there is a connection. */
static void push_conn(lua_State *L, const struct actor *a)
{
    const struct conn *c = own_conn(a);
    if (c)
        lua_host_push_conn(L, c->user);
    else
        lua_newtable(L);
}

static struct actor *actor_of_upvalue(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int case_index(lua_State *L)
{
    struct run *r = actor_of_upvalue(L)->run;
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    const struct slice name = name_at(L, 2);
    if (is(name, "name")) return lua_pushstring(L, r->model->name), 1;
    if (is(name, "tmp")) {
        const char *tmp = run_tmp(r);
        if (!tmp) return luaL_error(L, "no temporary folder could be made");
        return lua_pushstring(L, tmp), 1;
    }
    return 0;
}

static int env_index(lua_State *L)
{
    struct run *r = actor_of_upvalue(L)->run;
    const char *name = luaL_checkstring(L, 2);
    struct permit_need need;
    if (permit_env(&r->permit, name, &need) < 0)
        return luaL_error(L, "not permitted: %s; allow it with %s", need.what, need.flag);
    const char *value = getenv(name);
    if (!value) return 0;
    lua_pushstring(L, value);
    return 1;
}

static int ports_index(lua_State *L)
{
    const struct run *r = actor_of_upvalue(L)->run;
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    for (; r; r = r->base->shared)
        for (uint32_t i = 0; i < r->model->nports; i++)
            if (is(name_at(L, 2), r->ports[i].name)) return lua_pushinteger(L, r->ports[i].port), 1;
    return 0;
}

/* The text of the target's address, as it is for this actor. */
static const char *target_text(lua_State *L, struct actor *a)
{
    struct slice text;
    struct eval e = actor_eval(a);
    if (!text_eval(a->run->plan->target, &e, &text)) luaL_error(L, "%s", e.why);
    return lua_pushlstring(L, text.p, text.n);
}

static struct actor *shared_actor(const struct run *r, struct slice name)
{
    for (; r; r = r->base->shared)
        for (uint32_t i = 0; i < r->plan->nactors; i++)
            if (is(name, r->plan->actors[i].name) && r->first[i]) return r->first[i];
    return NULL;
}

/* Where it is; and if it is a program of this file, what that has. */
static int target_index(lua_State *L)
{
    struct actor *a = actor_of_upvalue(L);
    struct addr_spec spec;
    size_t at;
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    const struct slice name = name_at(L, 2);
    if (is(name, "address")) return target_text(L, a), 1;
    if (is(name, "port") || is(name, "host")) {
        const char *why = addr_parse(slice_of(target_text(L, a)), &spec, &at);
        if (why) return luaL_error(L, "the target's address: %s", why);
        if (is(name, "port")) return lua_pushinteger(L, spec.port), 1;
        return lua_pushstring(L, spec.host), 1;
    }
    struct actor *program = shared_actor(a->run, SLICE("target"));
    if (!program) return 0;
    push_actor(L, program);
    lua_pushvalue(L, 2);
    lua_gettable(L, -2);
    return 1;
}

static int target_tostring(lua_State *L)
{
    target_text(L, actor_of_upvalue(L));
    return 1;
}

/* A table without contents whose fields a function gives. */
static void push_object(lua_State *L, struct actor *a, lua_CFunction index)
{
    lua_newtable(L);
    lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, a);
    lua_pushcclosure(L, index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static bool push_target(lua_State *L, struct actor *a)
{
    if (!a->run->plan->target) return false;
    push_object(L, a, target_index);
    lua_getmetatable(L, -1);
    lua_pushlightuserdata(L, a);
    lua_pushcclosure(L, target_tostring, 1);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
    return true;
}

static void push_datum(lua_State *L, struct run *r, const struct datum *d)
{
    struct eval e = actor_eval(r->actors);
    if (datum_push(d, &e)) return;
    lua_pushstring(L, e.why);
    lua_error(L);
}

static bool setting_replaces(const struct settings *s, const char *name)
{
    for (uint32_t i = 0; i < s->nvars; i++)
        if (is(slice_of(name), s->vars[i].name)) return true;
    return false;
}

/* A later variable may use an earlier one: the table is there while it is filled. */
void scope_push_vars(lua_State *L, struct run *r)
{
    if (r->vars) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, r->vars);
        return;
    }
    const struct settings *s = r->base->settings;
    lua_newtable(L);
    lua_pushvalue(L, -1);
    r->vars = luaL_ref(L, LUA_REGISTRYINDEX);
    for (uint32_t i = 0; i < s->nvars; i++) {
        lua_pushstring(L, s->vars[i].value);
        lua_setfield(L, -2, s->vars[i].name);
    }
    for (uint32_t i = 0; i < r->plan->nvars; i++) {
        if (setting_replaces(s, r->plan->vars[i].name)) continue;
        push_datum(L, r, r->plan->vars[i].value);
        lua_setfield(L, -2, r->plan->vars[i].name);
    }
}

static bool push_var(lua_State *L, struct run *r, int name)
{
    if (!r->plan->nvars && !r->base->settings->nvars) return false;
    scope_push_vars(L, r);
    lua_pushvalue(L, name);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

/* Arguments are the macro's own: those of a macro around it are not seen inside. */
static bool push_bound(lua_State *L, const struct actor *a, struct slice name)
{
    for (const struct frame *f = a->top; f; f = f->below) {
        for (const struct binding *b = f->bindings; b; b = b->next) {
            if (!is(name, b->name)) continue;
            lua_rawgeti(L, LUA_REGISTRYINDEX, b->ref);
            return true;
        }
        if (f->kind == FRAME_CALL) return false;
    }
    return false;
}

static bool push_row(lua_State *L, struct run *r)
{
    if (!r->row) return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->row);
    return true;
}

static bool push_matrix(lua_State *L, struct run *r, struct slice name)
{
    for (uint32_t i = 0; i < r->model->nmatrix; i++) {
        if (!is(name, r->model->matrix_names[i])) continue;
        push_row(L, r);
        lua_getfield(L, -1, r->model->matrix_names[i]);
        lua_remove(L, -2);
        return true;
    }
    return false;
}

static bool push_word(lua_State *L, struct actor *a, struct slice name)
{
    if (is(name, "self")) return push_actor(L, a), true;
    if (is(name, "conn")) return push_conn(L, a), true;
    if (is(name, "row")) return push_row(L, a->run);
    if (is(name, "instance")) return lua_pushinteger(L, a->instance ? a->instance : 1), true;
    if (is(name, "it")) return lua_getfield(L, LUA_REGISTRYINDEX, EVAL_IT), true;
    if (is(name, "case")) return push_object(L, a, case_index), true;
    if (is(name, "dir")) return lua_pushstring(L, a->run->base->folder), true;
    if (is(name, "env")) return push_object(L, a, env_index), true;
    if (is(name, "ports")) return push_object(L, a, ports_index), true;
    if (is(name, "vars")) return scope_push_vars(L, a->run), true;
    if (is(name, "target")) return push_target(L, a);
    return false;
}

static bool push_other(lua_State *L, const struct actor *a, struct slice name)
{
    const struct target_model *t = &a->run->base->scenario->target;
    if (is(name, "target") && t->actor) name = slice_of(t->actor);
    struct actor *other = shared_actor(a->run, name);
    if (other) push_actor(L, other);
    return other != NULL;
}

static bool get(void *owner, lua_State *L, int name)
{
    struct actor *a = owner;
    const struct slice word = name_at(L, name);
    make_types(L);
    return push_bound(L, a, word) || push_variable(L, a, name) || push_word(L, a, word) ||
           push_matrix(L, a->run, word) || push_var(L, a->run, name) || push_other(L, a, word);
}

static void vars_table(lua_State *L, struct actor *a)
{
    if (!a->vars) {
        lua_newtable(L);
        a->vars = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, a->vars);
}

static void set(void *owner, lua_State *L, int name)
{
    const int value = lua_gettop(L);
    vars_table(L, owner);
    lua_pushvalue(L, name);
    lua_pushvalue(L, value);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

const struct env_ops scope_ops = {.get = get, .set = set};

void actor_set(struct actor *a, const char *name)
{
    lua_State *L = a->run->base->lua->state->L;
    vars_table(L, a);
    lua_insert(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

bool scope_protected(struct actor *a, lua_CFunction f, int results)
{
    struct luastate *s = lazy_lua_get(a->run->base->lua);
    lua_pushcfunction(s->L, f);
    lua_pushlightuserdata(s->L, a);
    if (luastate_call(s, 1, results)) return true;
    struct eval e = actor_eval(a);
    eval_fail_lua(&e, (struct mark){0});
    actor_fail_eval(a, &e);
    return false;
}

struct text_setting {
    struct actor *actor;
    const char *name;
    struct slice bytes;
};

static int set_text(lua_State *L)
{
    const struct text_setting *s = lua_touserdata(L, 1);
    lua_pushlstring(L, s->bytes.p, s->bytes.n);
    actor_set(s->actor, s->name);
    return 0;
}

bool scope_set_text(struct actor *a, const char *name, struct slice bytes)
{
    struct luastate *s = lazy_lua_get(a->run->base->lua);
    struct text_setting setting = {a, name, bytes};
    lua_pushcfunction(s->L, set_text);
    lua_pushlightuserdata(s->L, &setting);
    if (luastate_call(s, 1, 0)) return true;
    struct eval e = actor_eval(a);
    eval_fail_lua(&e, (struct mark){0});
    actor_fail_eval(a, &e);
    return false;
}
