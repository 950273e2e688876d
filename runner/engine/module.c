#include "engine/module.h"

#include <lauxlib.h>

#include "engine/module_load.h"
#include "lua/reader.h"
#include "lua/value.h"
#include "net/addr.h"
#include "util/mem.h"

enum { SHOWN = 400, CTX_DEPTH = 20, ENCODED_MOST = 64 << 20 };

enum pending { PENDING_NONE, PENDING_WAITS, PENDING_MESSAGE, PENDING_MALFORMED, PENDING_BROKEN };

/* Places in the table that a talk keeps in the registry. */
enum { SLOT_CTX = 1, SLOT_NEXT_CTX, SLOT_MESSAGE, SLOT_THREAD, SLOT_READER, SLOT_DECODE, SLOTS = SLOT_DECODE };

/* What a module and a connection have with each other. */
struct talk {
    struct talk *next;
    const struct module_spec *module;
    struct reader_object *reader;
    lua_State *thread;
    int slots; /* registry reference */
    enum pending pending;
    uint64_t pos;      /* where the pending message begins */
    uint64_t datagram; /* which one that is: an empty one does not move the place. 0: of a stream */
    size_t seen;       /* bytes that were there when it was decoded last */
    const struct module_message *message;
    struct view value, raw; /* as matchers see it; as the table was */
    const char *why;
    struct arena arena; /* of the pending message */
};

/* Of a connection. */
struct talks {
    struct conn_messages messages; /* first */
    struct luastate *lua;
    struct talk *first;
};

static struct talks *talks_of(const struct conn *c)
{
    return (struct talks *)(void *)c->messages;
}

static void forget(struct talk *t)
{
    t->pending = PENDING_NONE;
    t->seen = 0;
    t->message = NULL;
    t->why = NULL;
    t->reader->state = READER_CLOSED;
    t->reader->have = (struct slice){NULL, 0};
    if (t->arena.chunks) arena_done(&t->arena);
}

/* A decode that is given up half-way leaves its thread fit for the next. */
static void give_up(struct talk *t)
{
    if (t->pending == PENDING_WAITS) {
        lua_resetthread(t->thread);
        lua_settop(t->thread, 0);
    }
    forget(t);
}

static void drop_talks(struct conn *c)
{
    struct talks *all = talks_of(c);
    while (all->first) {
        struct talk *t = all->first;
        all->first = t->next;
        arena_done(&t->arena);
        luaL_unref(all->lua->L, LUA_REGISTRYINDEX, t->slots);
        mem_free(t);
    }
    mem_free(all);
    c->messages = NULL;
}

static struct talk *find_talk(const struct conn *c, const struct module_spec *m)
{
    struct talk *t = c->messages ? talks_of(c)->first : NULL;
    while (t && t->module != m)
        t = t->next;
    return t;
}

/* What every ctx says without having it: role, datagram, peer, host. */
static void push_ctx(lua_State *L, const struct conn *c)
{
    char peer[ADDR_TEXT] = "localhost";
    if (c && c->peer.len) addr_show(&c->peer.sa, c->peer.len, peer, sizeof peer);
    lua_newtable(L);
    lua_createtable(L, 0, 2);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, c && c->server ? "server" : "client");
    lua_setfield(L, -2, "role");
    lua_pushboolean(L, c && c->datagrams);
    lua_setfield(L, -2, "datagram");
    lua_pushstring(L, peer);
    lua_setfield(L, -2, "peer");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

struct making {
    struct talk *talk;
    const struct conn *conn;
};

static void make_slots(lua_State *L, struct talk *t, const struct conn *c)
{
    lua_createtable(L, SLOTS, 0);
    push_ctx(L, c);
    lua_rawseti(L, -2, SLOT_CTX);
    t->thread = lua_newthread(L);
    lua_rawseti(L, -2, SLOT_THREAD);
    t->reader = reader_push(L);
    lua_rawseti(L, -2, SLOT_READER);
    module_functions(L, t->module);
    if (lua_rawgeti(L, -1, 1) != LUA_TFUNCTION)
        luaL_error(L, "%s: there is no `decode`: its messages can only be sent", t->module->path);
    lua_rawseti(L, -3, SLOT_DECODE);
    lua_pop(L, 1);
    t->slots = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int make_protected(lua_State *L)
{
    const struct making *m = lua_touserdata(L, 1);
    make_slots(L, m->talk, m->conn);
    return 0;
}

static void link_talk(struct luastate *s, struct conn *c, struct talk *t)
{
    if (!c->messages) {
        struct talks *all = mem_zalloc(sizeof *all);
        all->messages.drop = drop_talks;
        all->lua = s;
        c->messages = &all->messages;
    }
    struct talks *all = talks_of(c);
    t->next = all->first;
    all->first = t;
}

/* NULL with the message on top of the stack. */
static struct talk *get_talk(struct luastate *s, struct conn *c, const struct module_spec *m)
{
    struct talk *t = find_talk(c, m);
    if (t) return t;
    t = mem_zalloc(sizeof *t);
    t->module = m;
    struct making making = {t, c};
    luastate_room(s->L);
    lua_pushcfunction(s->L, make_protected);
    lua_pushlightuserdata(s->L, &making);
    if (!luastate_call(s, 1, 0)) {
        mem_free(t);
        return NULL;
    }
    link_talk(s, c, t);
    return t;
}

/* Decoding */

static void copy_table(lua_State *L, int depth)
{
    const int from = lua_gettop(L);
    if (depth > CTX_DEPTH) luaL_error(L, "ctx is nested deeper than %d", CTX_DEPTH);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_newtable(L);
    if (lua_getmetatable(L, from)) lua_setmetatable(L, -2);
    for (lua_pushnil(L); lua_next(L, from);) {
        if (lua_istable(L, -1)) {
            copy_table(L, depth + 1);
            lua_remove(L, -2);
        }
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, from + 1);
    }
}

/* Puts decode with its arguments on its thread: it works on a copy of ctx. */
static int start_protected(lua_State *L)
{
    const struct talk *t = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->slots);
    lua_rawgeti(L, 2, SLOT_DECODE);
    lua_rawgeti(L, 2, SLOT_READER);
    lua_rawgeti(L, 2, SLOT_CTX);
    copy_table(L, 0);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 2, SLOT_NEXT_CTX);
    luaL_checkstack(t->thread, LUA_MINSTACK, NULL);
    lua_xmove(L, t->thread, 3);
    return 0;
}

static enum pending broken(struct talk *t, const char *why)
{
    t->why = arena_printf(&t->arena, "module `%s`: %s", t->module->name, why);
    t->pending = PENDING_BROKEN;
    return t->pending;
}

static enum pending broken_by(struct talk *t, lua_State *L)
{
    const char *why = lua_tostring(L, -1);
    broken(t, why ? why : "an error that is no text");
    return t->pending;
}

static struct view as_field(const struct module_field *f, struct view v)
{
    const bool keyed = f && (f->type == MODULE_PAIRS || f->type == MODULE_MAP);
    if (keyed && v.type == VIEW_LIST && v.n == 0) v.type = VIEW_MAP;
    return v;
}

/* The fields of a message: an empty table is what its type says. */
static struct view message_get(const struct view *map, struct slice key)
{
    const struct talk *t = map->where;
    return as_field(module_field_find(t->message, key), t->raw.ops->get(&t->raw, key));
}

static struct view message_entry(const struct view *map, size_t i, struct slice *ret_key)
{
    const struct talk *t = map->where;
    const struct view v = t->raw.ops->entry(&t->raw, i, ret_key);
    return as_field(module_field_find(t->message, *ret_key), v);
}

static bool is_of_type(const struct module_field *f, const struct view *v)
{
    switch (f->type) {
    case MODULE_TEXT:
    case MODULE_BYTES: return v->type == VIEW_BYTES;
    case MODULE_BOOL: return v->type == VIEW_BOOL;
    case MODULE_INT: return v->type == VIEW_INT;
    case MODULE_FLOAT: return v->type == VIEW_FLOAT || v->type == VIEW_INT;
    case MODULE_JSON: return true;
    case MODULE_LIST: return v->type == VIEW_LIST;
    case MODULE_PAIRS:
    case MODULE_MAP: return v->type == VIEW_MAP;
    }
    return false;
}

/* NULL, or what decode must not have said. */
static const char *nonsense(struct talk *t)
{
    const struct module_message *k = t->message;
    size_t found = 0;
    for (uint32_t i = 0; i < k->n; i++) {
        const struct module_field *f = &k->fields[i];
        const struct view v = k->is_value ? t->value : message_get(&t->value, f->name);
        found += v.type != VIEW_ABSENT;
        if (v.type == VIEW_ABSENT && f->optional) continue;
        if (v.type == VIEW_ABSENT)
            return arena_printf(&t->arena, "decode gave `%.*s` without its `%.*s`", (int)k->name.n, k->name.p,
                                (int)f->name.n, f->name.p);
        if (is_of_type(f, &v)) continue;
        struct buf text = BUF_INIT(SHOWN);
        view_show(&v, SHOWN / 8, &text);
        const char *why = arena_printf(&t->arena, "decode gave %s as `%.*s.%.*s`, which is of the type %s",
                                       buf_str(&text), (int)k->name.n, k->name.p, (int)f->name.n, f->name.p, f->words);
        buf_done(&text);
        return why;
    }
    for (size_t i = 0; !k->is_value && found < t->raw.n && i < t->raw.n; i++) {
        struct slice key;
        t->raw.ops->entry(&t->raw, i, &key);
        if (!module_field_find(k, key))
            return arena_printf(&t->arena, "decode gave `%.*s` with `%.*s`, which is no field of it", (int)k->name.n,
                                k->name.p, (int)key.n, key.p);
    }
    return NULL;
}

/* Keeps the value on top of the thread's stack. */
static enum pending keep_message(struct luastate *s, struct talk *t, size_t size)
{
    static const struct view_ops ops = {NULL, message_get, message_entry};
    lua_State *L = s->L;
    luastate_room(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->slots);
    lua_xmove(t->thread, L, 1);
    const bool well = value_view(L, -1, &t->arena, &t->raw);
    if (!well) {
        broken_by(t, L);
        lua_pop(L, 3);
        return t->pending;
    }
    lua_rawseti(L, -2, SLOT_MESSAGE);
    lua_pop(L, 1);
    t->value = t->raw;
    if (!t->message->is_value) {
        const bool map = t->raw.type == VIEW_MAP || (t->raw.type == VIEW_LIST && t->raw.n == 0);
        if (!map)
            return broken(t, arena_printf(&t->arena, "decode gave `%.*s` without a table of its fields",
                                          (int)t->message->name.n, t->message->name.p));
        t->value = (struct view){.type = VIEW_MAP, .ops = &ops, .where = t, .n = t->raw.n};
    }
    const char *why = nonsense(t);
    if (why) return broken(t, why);
    t->seen = size;
    t->pending = PENDING_MESSAGE;
    return t->pending;
}

/* decode has returned n values. */
static enum pending finish(struct luastate *s, struct talk *t, int n)
{
    lua_State *co = t->thread;
    struct reader_object *r = t->reader;
    const size_t size = r->at;
    r->state = READER_CLOSED;
    lua_settop(co, n < 2 ? 2 : n);
    lua_settop(co, 2);
    if (lua_isnil(co, 1)) {
        const char *why = lua_tostring(co, 2);
        t->why = arena_dup(&t->arena, slice_of(why ? why : "malformed"));
        t->pending = PENDING_MALFORMED;
        return t->pending;
    }
    if (lua_type(co, 1) != LUA_TSTRING)
        return broken(t, arena_printf(&t->arena, "decode gives the name of a message and its fields, not %s",
                                      luaL_typename(co, 1)));
    struct slice name;
    name.p = lua_tolstring(co, 1, &name.n);
    t->message = module_message_find(t->module, name);
    if (!t->message)
        return broken(t, arena_printf(&t->arena, "decode gave `%.*s`, which is none of its messages",
                                      (int)slice_part(name, 0, 60).n, name.p));
    if (size == 0 && !t->datagram)
        return broken(t, arena_printf(&t->arena,
                                      "decode gave `%.*s` without taking a byte: the same would come again for ever",
                                      (int)name.n, name.p));
    if (lua_isnil(co, 2)) {
        if (!t->message->is_value && t->message->n == 0) {
            lua_pop(co, 1);
            static const struct view_ops ops = {NULL, message_get, message_entry};
            t->raw = (struct view){.type = VIEW_LIST};
            t->value = (struct view){.type = VIEW_MAP, .ops = &ops, .where = t};
            t->seen = size;
            t->pending = PENDING_MESSAGE;
            return t->pending;
        }
    }
    return keep_message(s, t, size);
}

static enum pending failed(struct talk *t, int status)
{
    struct reader_object *r = t->reader;
    if (reader_raised(t->thread, -1) && r->state == READER_MALFORMED) {
        t->why = arena_dup(&t->arena, slice_of(r->why));
        t->pending = PENDING_MALFORMED;
    } else if (reader_raised(t->thread, -1)) {
        t->pending = PENDING_NONE;
    } else if (status == LUA_ERRMEM) {
        broken(t, "Lua memory is over its cap");
    } else {
        broken_by(t, t->thread);
    }
    lua_resetthread(t->thread);
    return t->pending;
}

/* Runs decode on until it has a result or needs more bytes. */
static enum pending go_on(struct luastate *s, struct talk *t, const struct conn *c, struct slice have, bool complete,
                          int args)
{
    struct reader_object *r = t->reader;
    int n = 0;
    r->have = have;
    r->complete = complete;
    r->fin = c->end != CONN_RESET; /* nor does anything come behind a datagram */
    r->state = READER_READS;
    const int status = luastate_resume(t->thread, s->L, args, &n);
    if (status == LUA_YIELD && r->state == READER_WAITS) {
        lua_pop(t->thread, n);
        t->seen = have.n;
        t->pending = PENDING_WAITS;
        return t->pending;
    }
    if (status == LUA_YIELD) {
        lua_resetthread(t->thread);
        broken(t, "decode may wait for the bytes of its reader, and for nothing else");
    } else if (status == LUA_OK) {
        finish(s, t, n);
    } else {
        failed(t, status);
    }
    lua_settop(t->thread, 0);
    r->state = READER_CLOSED;
    return t->pending;
}

static enum pending begin(struct luastate *s, struct talk *t, const struct reader *at, struct slice have, bool complete)
{
    t->pos = at->pos;
    t->datagram = at->conn->datagrams ? at->conn->datagrams->received : 0;
    t->reader->at = 0;
    luastate_room(s->L);
    lua_pushcfunction(s->L, start_protected);
    lua_pushlightuserdata(s->L, t);
    if (luastate_call(s, 1, 0)) return go_on(s, t, at->conn, have, complete, 2);
    broken_by(t, s->L);
    lua_pop(s->L, 1);
    return t->pending;
}

/* The message at this place, decoded as far as the bytes go. */
static enum pending decode(struct luastate *s, struct talk *t, const struct reader *at, struct slice have,
                           bool complete)
{
    const struct conn_datagrams *d = at->conn->datagrams;
    if (t->pending != PENDING_NONE && (t->pos != at->pos || (d && t->datagram != d->received))) give_up(t);
    if (t->pending == PENDING_NONE) return have.n || (d && d->here) ? begin(s, t, at, have, complete) : PENDING_WAITS;
    if (t->pending != PENDING_WAITS || (have.n == t->seen && !complete)) return t->pending;
    return go_on(s, t, at->conn, have, complete, 0);
}

static enum reader_found frame_broken(struct custom_frame *ret, const char *why)
{
    ret->why = why;
    ret->broken = true;
    return READER_END;
}

static const char *unwanted(const struct module_want *w, const struct talk *t, struct arena *a)
{
    const struct slice want = w->message->name, got = t->message->name;
    return arena_printf(a, "expected %s.%.*s, got %s.%.*s", w->module->name, (int)want.n, want.p, w->module->name,
                        (int)got.n, got.p);
}

static enum reader_found module_frame(void *ctx, const struct reader *at, struct slice have, bool complete,
                                      struct arena *a, struct custom_frame *ret)
{
    const struct module_want *w = ctx;
    struct luastate *s = lazy_lua_get(w->lua);
    if (!s) return frame_broken(ret, "Lua cannot start within its memory cap");
    struct talk *t = get_talk(s, at->conn, w->module);
    if (!t) {
        const char *why = arena_printf(a, "%s", lua_tostring(s->L, -1));
        lua_pop(s->L, 1);
        return frame_broken(ret, why);
    }
    if (t->reader->state == READER_READS) return frame_broken(ret, "its `decode` reads the connection itself");
    switch (decode(s, t, at, have, complete)) {
    case PENDING_NONE: /* cut off by the end */
    case PENDING_WAITS: return READER_WAIT;
    case PENDING_MESSAGE: break;
    case PENDING_MALFORMED:
        ret->at = t->reader->at;
        ret->why = arena_printf(a, "protocol error at byte %zu: %s", ret->at, t->why);
        return READER_END;
    case PENDING_BROKEN: return frame_broken(ret, t->why);
    }
    ret->len = t->seen;
    ret->decoded = true;
    ret->value = t->value;
    if (w->message && w->message != t->message) ret->why = unwanted(w, t, a);
    return READER_THERE;
}

static void module_took(void *ctx, struct conn *c, uint64_t pos)
{
    const struct module_want *w = ctx;
    struct talk *t = find_talk(c, w->module);
    if (!t || t->pending != PENDING_MESSAGE || t->pos != pos) return;
    lua_State *L = talks_of(c)->lua->L;
    luastate_room(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->slots);
    lua_rawgeti(L, -1, SLOT_NEXT_CTX);
    lua_rawseti(L, -2, SLOT_CTX);
    lua_pop(L, 1);
    c->messages->begun = NULL;
    forget(t);
}

static void module_left(void *ctx, struct conn *c)
{
    const struct module_want *w = ctx;
    const struct talk *t = find_talk(c, w->module);
    /* Of what is malformed nothing is kept that was not there before. */
    if (!t || (t->pending != PENDING_WAITS && t->pending != PENDING_MESSAGE)) return;
    if (t->pos != c->base || t->seen == 0) return;
    c->messages->begun = t->module;
    c->messages->begun_name = t->module->name;
    c->messages->begun_at = t->pos;
}

static const char *module_show(void *ctx, struct conn *c, struct arena *a)
{
    const struct module_want *w = ctx;
    const struct talk *t = find_talk(c, w->module);
    if (!t || t->pending != PENDING_MESSAGE) return NULL;
    struct buf text = BUF_INIT(4 * SHOWN);
    buf_printf(&text, "%s.%.*s ", w->module->name, (int)t->message->name.n, t->message->name.p);
    view_show(&t->value, SHOWN, &text);
    const char *kept = arena_dup(a, buf_slice(&text));
    buf_done(&text);
    return kept;
}

void module_expect(struct module_want *w, struct expectation *x)
{
    x->framing = FRAMING_CUSTOM;
    x->frame = module_frame;
    x->took = module_took;
    x->left = module_left;
    x->show = module_show;
    x->module = w->module;
    x->ctx = w;
}

const struct module_message *module_message_at(const struct conn *c, const struct module_spec *m)
{
    const struct talk *t = find_talk(c, m);
    return t && t->pending == PENDING_MESSAGE ? t->message : NULL;
}

void module_push_message(lua_State *L, const struct conn *c, const struct module_spec *m)
{
    const struct talk *t = find_talk(c, m);
    if (!t || t->pending != PENDING_MESSAGE) {
        lua_pushnil(L);
        return;
    }
    if (!t->message->is_value && t->message->n == 0) {
        lua_newtable(L);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->slots);
    lua_rawgeti(L, -1, SLOT_MESSAGE);
    lua_remove(L, -2);
}

/* Encoding */

void module_push_ctx(lua_State *L, const struct module_spec *m, struct conn *c)
{
    struct talk *t = find_talk(c, m);
    if (!t) {
        t = mem_zalloc(sizeof *t);
        t->module = m;
        struct making making = {t, c};
        lua_pushcfunction(L, make_protected);
        lua_pushlightuserdata(L, &making);
        if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
            mem_free(t);
            lua_error(L);
        }
        link_talk(luastate_of(L), c, t);
    }
    if (t->reader->state == READER_READS) luaL_error(L, "`decode` of `%s` is given its `ctx`", m->name);
    /* What was decoded with another ctx must be decoded again. */
    if (t->pending != PENDING_NONE) give_up(t);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->slots);
    lua_rawgeti(L, -1, SLOT_CTX);
    lua_remove(L, -2);
}

void module_encode(lua_State *L, const struct module_spec *m, const struct module_message *k, struct conn *c)
{
    module_functions(L, m);
    if (lua_rawgeti(L, -1, (lua_Integer)k->index + 2) != LUA_TFUNCTION)
        luaL_error(L, "`%s.%s` can only be expected: it has no `encode`", m->name, k->name.p);
    lua_replace(L, -2);
    lua_insert(L, -2);
    if (c && m->has_decode)
        module_push_ctx(L, m, c);
    else
        push_ctx(L, c);
    lua_call(L, 2, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: `encode` of `%s` gave %s, not a string", m->path, k->name.p, luaL_typename(L, -1));
    if (lua_rawlen(L, -1) > ENCODED_MOST)
        luaL_error(L, "%s: `encode` of `%s` gave more than 64 MiB", m->path, k->name.p);
}
