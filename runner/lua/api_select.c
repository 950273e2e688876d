#include "lua/api.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* Waiting for readiness without taking anything. */

enum { OBJECTS_MOST = 10000 };

struct entry {
    struct object *object;
    unsigned events;      /* READY_* that are wanted of a connection */
    struct waiter waiter; /* of a task */
    bool ready;
};

struct select_op {
    struct op op;
    int n;
    struct entry list[];
};

static bool really(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, 0) > 0;
}

static bool can_read(struct conn *c)
{
    return conn_has(c, c->base) || c->end != CONN_OPEN || conn_fill(c) != -EAGAIN;
}

static bool can_write(struct conn *c)
{
    struct watch *w = c->kind == CONN_PROGRAM ? &c->out : &c->in;
    if (really(c->datagrams ? conn_fd(c) : c->fd.wfd, POLLOUT)) return true;
    w->ready &= (uint8_t)~READY_WRITE;
    return false;
}

static bool has_hung_up(const struct conn *c)
{
    return c->end != CONN_OPEN || (c->in.ready & (READY_HUP | READY_ERROR));
}

static bool conn_ready(struct entry *e, struct task *t)
{
    struct conn *c = ((struct luaconn *)e->object)->conn;
    if (!c || c->closed) return true;
    if ((e->events & READY_URGENT) && (c->in.ready & READY_URGENT)) return true;
    if ((e->events & READY_HUP) && has_hung_up(c)) return true;
    if ((e->events & READY_READ) && can_read(c)) return true;
    if ((e->events & READY_WRITE) && can_write(c)) return true;
    if (e->events & ~(unsigned)READY_WRITE && !conn_claimed(c, t, false)) conn_wait_read(c, t);
    if (e->events & READY_WRITE && !conn_claimed(c, t, true)) conn_wait_write(c, t);
    return false;
}

static bool listener_ready(struct listener *l, struct task *t)
{
    if (l->fd < 0 || really(l->fd, POLLIN)) return true;
    l->watch.ready &= (uint8_t)~READY_READ;
    if (!l->waiting) l->waiting = t;
    return false;
}

struct lualistener_head {
    struct object object;
    struct listener listener;
};

static bool is_ready(struct entry *e, struct task *t)
{
    struct object *o = e->object;
    if (o->magic == OBJECT_CONN) return conn_ready(e, t);
    if (o->magic == OBJECT_LISTENER) return listener_ready(&((struct lualistener_head *)o)->listener, t);
    if (luatask_over((const struct luatask *)o)) return true;
    waiter_join(&e->waiter, &((struct luatask *)o)->joiners, t);
    return false;
}

static enum op_result select_poll(struct op *op, struct task *t)
{
    struct select_op *o = (struct select_op *)op;
    bool any = false;
    for (int i = 0; i < o->n; i++) {
        o->list[i].ready = is_ready(&o->list[i], t);
        any = any || o->list[i].ready;
    }
    op->waits = WAITS_OUTSIDE;
    return any ? OP_DONE : OP_WAIT;
}

static void select_cancel(struct op *op, struct task *t)
{
    struct select_op *o = (struct select_op *)op;
    for (int i = 0; i < o->n; i++) {
        struct object *object = o->list[i].object;
        waiter_leave(&o->list[i].waiter);
        if (object->magic == OBJECT_CONN) {
            struct conn *c = ((struct luaconn *)object)->conn;
            if (c) conn_unwait(c, t);
        } else if (object->magic == OBJECT_LISTENER) {
            struct listener *l = &((struct lualistener_head *)object)->listener;
            if (l->waiting == t) l->waiting = NULL;
        }
    }
}

static struct select_op *push_op(lua_State *L, int n)
{
    static const struct op_type type = {.name = "select", .poll = select_poll, .cancel = select_cancel};
    luawait_room(L);
    struct select_op *o = lua_newuserdatauv(L, sizeof *o + (size_t)n * sizeof *o->list, 0);
    *o = (struct select_op){.op = {.type = &type}, .n = n};
    return o;
}

/* Objects are at index 1, the op at 2. */
static int selected(lua_State *L, int status, lua_KContext ctx)
{
    const struct select_op *o = lua_touserdata(L, 2);
    (void)status;
    (void)ctx;
    if (luawait_result(L) == LUAWAIT_CLOSED) {
        /* Something was closed: that is ready, and what else is. */
        luawait_room(L);
        return luawait(L, (struct op *)lua_touserdata(L, 2), LUAWAIT_FOREVER, 0, selected);
    }
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    luawait_done(L);
    lua_newtable(L);
    int found = 0;
    for (int i = 0; i < o->n; i++) {
        if (!o->list[i].ready) continue;
        lua_rawgeti(L, 1, i + 1);
        lua_rawseti(L, -2, ++found);
    }
    return 1;
}

/*: select{object, ..., timeout = seconds} -> {object, ...} | nil, "timeout"
 * Waits until one or more are ready, and gives those: a connection that can be read (or has ended), a listener that
 * somebody connects to, a task that is over. Nothing is taken. example: local ready = sock.select{a, b, timeout = 1} */
static int f_select(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    api_option(L, 1, "timeout");
    const int64_t timeout = api_timeout(L, -1);
    lua_settop(L, 1);
    const lua_Unsigned n = lua_rawlen(L, 1);
    luaL_argcheck(L, n >= 1 && n <= OBJECTS_MOST, 1, "1 to 10000 objects");
    struct select_op *o = push_op(L, (int)n);
    for (int i = 0; i < o->n; i++) {
        lua_rawgeti(L, 1, i + 1);
        struct object *object = object_test(L, -1, OBJECT_CONN);
        if (!object) object = object_test(L, -1, OBJECT_LISTENER);
        if (!object) object = object_test(L, -1, OBJECT_TASK);
        if (!object) return luaL_error(L, "select: a connection, listener or task is wanted at %d", i + 1);
        o->list[i] = (struct entry){.object = object, .events = READY_READ};
        lua_pop(L, 1);
    }
    return luawait(L, &o->op, timeout == LUAWAIT_DEFAULT ? LUAWAIT_FOREVER : timeout, 0, selected);
}

static int waited(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    if (luawait_result(L) != LUAWAIT_DONE) return luawait_fail(L);
    luawait_done(L);
    lua_pushboolean(L, true);
    return 1;
}

static unsigned parse_events(lua_State *L, const char *text)
{
    static const struct {
        const char *name;
        unsigned event;
    } names[] = {{"r", READY_READ}, {"w", READY_WRITE}, {"pri", READY_URGENT}, {"hup", READY_HUP}};
    unsigned events = 0;
    for (const char *p = text; *p || p == text;) {
        const size_t n = strcspn(p, "|");
        size_t i = 0;
        while (i < 4 && !slice_is((struct slice){p, n}, names[i].name))
            i++;
        if (i == 4) luaL_argerror(L, 2, "r, w, pri and hup, with | between them");
        events |= names[i].event;
        p += n + (p[n] == '|');
        if (!*p) break;
    }
    return events;
}

/*: connection:wait(events [, seconds]) -> true | nil, reason
 * Waits until it can be read ("r"), written ("w"), has urgent data ("pri") or has been hung up ("hup"), or one of
 * several: "r|hup". example: c:wait("r", 0.1) */
int luaconn_wait(lua_State *L)
{
    struct luaconn *c = luaconn_check(L, 1);
    const unsigned events = parse_events(L, luaL_checkstring(L, 2));
    const int64_t timeout = api_timeout(L, 3);
    if (!c->conn || c->conn->closed) return api_nil(L, "closed");
    if ((events & ~(unsigned)READY_WRITE) && !luaconn_readable(L, c)) return api_nil(L, "closed");
    lua_settop(L, 1);
    struct select_op *o = push_op(L, 1);
    o->list[0] = (struct entry){.object = &c->object, .events = events};
    return luawait(L, &o->op, timeout == LUAWAIT_DEFAULT ? c->timeout : timeout, 0, waited);
}

const luaL_Reg api_select[] = {{"select", f_select}, {NULL, NULL}};
