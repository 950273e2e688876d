#include "lua/object.h"

#include <string.h>

static struct object *object_at(lua_State *L, int arg)
{
    if (lua_type(L, arg) != LUA_TUSERDATA || lua_rawlen(L, arg) < sizeof(struct object)) return NULL;
    return lua_touserdata(L, arg);
}

struct object *object_test(lua_State *L, int arg, uint32_t magic)
{
    struct object *o = object_at(L, arg);
    return o && o->magic == magic ? o : NULL;
}

void *object_check(lua_State *L, int arg, const char *name, uint32_t magic)
{
    struct object *o = object_test(L, arg, magic);
    if (!o) luaL_typeerror(L, arg, name);
    return o;
}

void object_close(struct object *o)
{
    if (!o->host) return;
    *o->link = o->next;
    if (o->next) o->next->link = o->link;
    o->type->close(o);
    o->host = NULL;
}

/* Finalizers and the end of a scope call it with the object first. */
static int close_object(lua_State *L)
{
    object_close(lua_touserdata(L, 1));
    return 0;
}

static int show_object(lua_State *L)
{
    const struct object *o = lua_touserdata(L, 1);
    lua_pushfstring(L, "%s%s: %p", o->type->name, o->host ? "" : " (closed)", lua_topointer(L, 1));
    return 1;
}

static void add_methods(lua_State *L, const struct object_type *type)
{
    if (type->base) add_methods(L, type->base);
    if (type->methods) luaL_setfuncs(L, type->methods, 0);
}

/* A metamethod finds the table of methods, which is on top, in its upvalue. */
static void add_meta(lua_State *L, const struct object_type *type)
{
    if (type->base) add_meta(L, type->base);
    for (const luaL_Reg *m = type->meta; m && m->name; m++) {
        lua_pushvalue(L, -1);
        lua_pushcclosure(L, m->func, 1);
        lua_setfield(L, -3, m->name);
    }
}

static void push_metatable(lua_State *L, const struct object_type *type)
{
    static const luaL_Reg common[] = {
        {"__gc", close_object}, {"__close", close_object}, {"__tostring", show_object}, {NULL, NULL}};
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, type) != LUA_TNIL) return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 8);
    luaL_setfuncs(L, common, 0);
    lua_pushstring(L, type->name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    add_methods(L, type);
    add_meta(L, type);
    if (lua_getfield(L, -2, "__index") == LUA_TNIL) {
        lua_pushvalue(L, -2);
        lua_setfield(L, -4, "__index");
    }
    lua_pop(L, 2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, type);
}

void *object_push(lua_State *L, const struct object_type *type, size_t size, int values)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    struct object *o = lua_newuserdatauv(L, size, values);
    memset(o, 0, size);
    o->magic = type->magic;
    o->type = type;
    push_metatable(L, type);
    lua_setmetatable(L, -2);
    return o;
}

void object_open(struct object *o, struct luahost *h)
{
    o->host = h;
    o->link = &h->objects;
    o->next = h->objects;
    if (o->next) o->next->link = &o->next;
    h->objects = o;
}
