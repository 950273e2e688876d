#include "lua/api.h"

#include <string.h>

#include "util/mem.h"

/* Where tasks meet: channels and syncs. */

/* A queue of lists of values. They lie in the table of user value 1, from `first` on; nil among them is kept by their
 * number `n`. */
struct luachannel {
    struct object object; /* first */
    lua_Integer first, n, most;
    struct waiter *getters, *putters;
    bool ended;
};

struct lua_sync {
    struct lua_sync *next;
    struct sync sync;
    char name[];
};

static struct luachannel *check_channel(lua_State *L)
{
    return object_check(L, 1, "channel", OBJECT_CHANNEL);
}

static struct luachannel *channel_of(struct op *op)
{
    return (struct luachannel *)((union luaroom *)(void *)op)->meet.object;
}

static void next_one(struct waiter *line)
{
    if (line) task_wake(line->task);
}

static enum op_result get_poll(struct op *op, struct task *t)
{
    struct luachannel *c = channel_of(op);
    struct waiter *w = &((union luaroom *)(void *)op)->meet.waiter;
    if (c->n && (!c->getters || c->getters == w)) {
        waiter_leave(w);
        return OP_DONE;
    }
    if (c->ended && !c->n) return op_fail(op, OP_GONE, "closed");
    waiter_join(w, &c->getters, t);
    op->waits = WAITS_RENDEZVOUS;
    return OP_WAIT;
}

static enum op_result put_poll(struct op *op, struct task *t)
{
    struct luachannel *c = channel_of(op);
    struct waiter *w = &((union luaroom *)(void *)op)->meet.waiter;
    if (c->ended) return op_fail(op, OP_GONE, "closed");
    if (c->n < c->most && (!c->putters || c->putters == w)) {
        waiter_leave(w);
        return OP_DONE;
    }
    waiter_join(w, &c->putters, t);
    op->waits = WAITS_RENDEZVOUS;
    return OP_WAIT;
}

static void leave(struct op *op, struct task *t)
{
    struct luachannel *c = channel_of(op);
    (void)t;
    waiter_leave(&((union luaroom *)(void *)op)->meet.waiter);
    if (c->n || c->ended) next_one(c->getters);
    if (c->n < c->most) next_one(c->putters);
}

static union luaroom *begin(lua_State *L, struct luachannel *c, const struct op_type *type)
{
    union luaroom *room = luawait_room(L);
    room->meet.op = (struct op){.type = type};
    room->meet.waiter = (struct waiter){0};
    room->meet.object = &c->object;
    return room;
}

static int got(lua_State *L, int status, lua_KContext ctx)
{
    struct luachannel *c = lua_touserdata(L, 1);
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    lua_getiuservalue(L, 1, 1);
    const int table = lua_gettop(L);
    lua_rawgeti(L, table, c->first);
    const int item = lua_gettop(L);
    lua_getfield(L, item, "n");
    const int n = (int)lua_tointeger(L, -1);
    luaL_checkstack(L, n, "too many values");
    for (int i = 1; i <= n; i++)
        lua_rawgeti(L, item, i);
    lua_pushnil(L);
    lua_rawseti(L, table, c->first);
    c->first++;
    c->n--;
    luawait_done(L);
    return n;
}

/*: channel:get([timeout]) -> value... | nil, reason
 * Takes what was put first; "closed" once it is closed and empty.
 * example: local job = jobs:get() */
static int m_get(lua_State *L)
{
    static const struct op_type type = {.name = "get", .poll = get_poll, .cancel = leave};
    struct luachannel *c = check_channel(L);
    const int64_t timeout = api_timeout(L, 2);
    union luaroom *room = begin(L, c, &type);
    return luawait(L, &room->op, timeout == LUAWAIT_DEFAULT ? LUAWAIT_FOREVER : timeout, 0, got);
}

static int put(lua_State *L, int status, lua_KContext ctx)
{
    struct luachannel *c = lua_touserdata(L, 1);
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    const int n = lua_gettop(L) - 1;
    lua_createtable(L, n, 1);
    lua_pushinteger(L, n);
    lua_setfield(L, -2, "n");
    lua_insert(L, 2);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, 2, i);
    lua_getiuservalue(L, 1, 1);
    lua_insert(L, 2);
    lua_rawseti(L, 2, c->first + c->n);
    c->n++;
    luawait_done(L);
    lua_pushboolean(L, true);
    return 1;
}

/*: channel:put(value...) -> true | nil, reason
 * Puts them for one `get`; waits while the channel is full.
 * example: jobs:put("GET", 7) */
static int m_put(lua_State *L)
{
    static const struct op_type type = {.name = "put", .poll = put_poll, .cancel = leave};
    union luaroom *room = begin(L, check_channel(L), &type);
    return luawait(L, &room->op, LUAWAIT_FOREVER, 0, put);
}

/*: channel:close()
 * Nothing more is put; what is in it can still be taken. Tasks that wait on it go on with nil, "closed".
 * example: jobs:close() */
static int m_close(lua_State *L)
{
    struct luachannel *c = check_channel(L);
    c->ended = true;
    waiter_wake_all(c->getters);
    waiter_wake_all(c->putters);
    return 0;
}

static int close_scope(lua_State *L)
{
    lua_settop(L, 1);
    return m_close(L);
}

static int never(lua_State *L)
{
    (void)L;
    return 0;
}

static const luaL_Reg methods[] = {{"get", m_get}, {"put", m_put}, {"close", m_close}, {NULL, NULL}};
static const luaL_Reg meta[] = {{"__close", close_scope}, {"__gc", never}, {NULL, NULL}};
const struct object_type luachannel_type = {
    .name = "channel", .magic = OBJECT_CHANNEL, .methods = methods, .meta = meta};

/*: channel([n]) -> channel
 * A queue between tasks that holds n puts (default: 100000).
 * example: local jobs = sock.channel() */
static int f_channel(lua_State *L)
{
    const lua_Integer most = luaL_optinteger(L, 1, QUEUE_MOST);
    luaL_argcheck(L, most >= 1 && most <= QUEUE_MOST, 1, "1 to 100000");
    struct luachannel *c = object_push(L, &luachannel_type, sizeof *c, 1);
    c->first = 1;
    c->most = most;
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static struct lua_sync *find_sync(lua_State *L, struct luahost *h, const char *name, lua_Integer parties)
{
    struct lua_sync *s = h->syncs;
    while (s && strcmp(s->name, name) != 0)
        s = s->next;
    if (!s) {
        const size_t n = strlen(name);
        s = mem_zalloc(sizeof *s + n + 1);
        memcpy(s->name, name, n);
        s->sync = (struct sync){.name = s->name, .parties = (uint32_t)parties};
        s->next = h->syncs;
        h->syncs = s;
    }
    if (s->sync.parties != parties) luaL_error(L, "sync `%s` is one of %d parties", name, (int)s->sync.parties);
    return s;
}

void luahost_forget_syncs(struct luahost *h)
{
    while (h->syncs) {
        struct lua_sync *s = h->syncs;
        h->syncs = s->next;
        mem_free(s);
    }
}

static int met(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    luawait_done(L);
    lua_pushboolean(L, true);
    return 1;
}

/*: sync(name, parties) -> true
 * Waits until so many tasks have come to it, as often as it comes.
 * example: sock.sync("ready", 2) */
static int f_sync(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const lua_Integer parties = luaL_checkinteger(L, 2);
    luaL_argcheck(L, parties >= 1 && parties <= 100000, 2, "1 to 100000");
    union luaroom *room = luawait_room(L);
    sync_begin(&room->sync, &find_sync(L, luahost_of(L), name, parties)->sync);
    return luawait(L, &room->op, LUAWAIT_FOREVER, 0, met);
}

const luaL_Reg api_meet[] = {{"channel", f_channel}, {"sync", f_sync}, {NULL, NULL}};
