#include "lua/require.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>

#include "lua/names.h"
#include "lua/sandbox.h"
#include "lua/state.h"
#include "util/mem.h"

/* Their addresses are keys of the registry: results of modules by name, and those that are being loaded, in order. */
static const char loaded, loading;

struct places {
    const struct permit *permit;
    const char *folders[2];
};

static bool is_module_name(struct slice name)
{
    for (;;) {
        const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
        const size_t n = dot ? (size_t)(dot - name.p) : name.n;
        if (!names_is_name(slice_part(name, 0, n))) return false;
        if (!dot) return true;
        name = slice_part(name, n + 1, name.n);
    }
}

static char *read_all(int fd, size_t size, size_t *ret_n, const char **ret_why)
{
    char *text = mem_alloc(size + 1);
    size_t n = 0;
    while (n < size) {
        const ssize_t r = read(fd, text + n, size - n);
        if (r == 0) break;
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) {
            *ret_why = strerror(errno);
            mem_free(text);
            return NULL;
        }
        n += (size_t)r;
    }
    text[n] = '\0';
    *ret_n = n;
    return text;
}

char *require_read(const struct permit *permit, const char *folder, struct slice name, size_t *ret_n,
                   const char **ret_why)
{
    char path[NAME_MAX * 4];
    const struct permit_scope scope = {.permit = permit, .folder = folder};
    struct permit_need need;
    struct stat st;
    *ret_why = NULL;
    if (snprintf(path, sizeof path, "%.*s.lua", (int)name.n, name.p) >= (int)sizeof path) return NULL;
    for (char *p = path; p < path + name.n; p++)
        if (*p == '.') *p = '/';
    const int fd = permit_open(&scope, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &need);
    if (fd == -ENOENT || fd == -ENOTDIR) return NULL;
    if (fd < 0) *ret_why = fd == -PERMIT_DENIED ? "a link in it leads outside" : strerror(-fd);
    if (fd < 0) return NULL;
    char *text = NULL;
    if (fstat(fd, &st) < 0)
        *ret_why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        *ret_why = "is no regular file";
    else if (st.st_size > REQUIRE_FILE_MOST)
        *ret_why = "has more than 4 MiB";
    else
        text = read_all(fd, (size_t)st.st_size, ret_n, ret_why);
    close(fd);
    return text;
}

void require_run(lua_State *L, const char *path, struct slice text)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_pushfstring(L, "@%s", path);
    if (luaL_loadbufferx(L, text.p, text.n, lua_tostring(L, -1), "t") != LUA_OK) lua_error(L);
    lua_remove(L, -2);
    lua_newtable(L);
    lua_createtable(L, 0, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
}

/* "a -> b -> a", from the list of what is being loaded at index `list`. */
static int say_circle(lua_State *L, int list, const char *name)
{
    const lua_Integer n = luaL_len(L, list);
    lua_Integer from = 1;
    luaL_Buffer b;
    for (; from <= n; from++) {
        lua_rawgeti(L, list, from);
        const bool same = strcmp(lua_tostring(L, -1), name) == 0;
        lua_pop(L, 1);
        if (same) break;
    }
    luaL_buffinit(L, &b);
    for (lua_Integer i = from; i <= n; i++) {
        lua_rawgeti(L, list, i);
        luaL_addvalue(&b);
        luaL_addstring(&b, " -> ");
    }
    luaL_addstring(&b, name);
    luaL_pushresult(&b);
    return luaL_error(L, "`%s` requires itself: %s", name, lua_tostring(L, -1));
}

static bool is_loading(lua_State *L, int list, const char *name)
{
    for (lua_Integer i = luaL_len(L, list); i > 0; i--) {
        lua_rawgeti(L, list, i);
        const bool same = strcmp(lua_tostring(L, -1), name) == 0;
        lua_pop(L, 1);
        if (same) return true;
    }
    return false;
}

/* Frees the text when it is collected or closed, whatever the chunk does. */
static int free_text(lua_State *L)
{
    char **box = lua_touserdata(L, 1);
    mem_free(*box);
    *box = NULL;
    return 0;
}

static char **push_box(lua_State *L)
{
    char **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    if (luaL_newmetatable(L, "sockrun.text")) {
        lua_pushcfunction(L, free_text);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return box;
}

/* Pushes the module's value. */
static void load_file(lua_State *L, const struct places *p, struct slice name)
{
    char **box = push_box(L);
    for (size_t i = 0; i < sizeof p->folders / sizeof *p->folders; i++) {
        const char *why;
        size_t n;
        if (!p->folders[i]) continue;
        *box = require_read(p->permit, p->folders[i], name, &n, &why);
        if (why) luaL_error(L, "require: `%s` cannot be read: %s", name.p, why);
        if (!*box) continue;
        char file[NAME_MAX];
        snprintf(file, sizeof file, "%s.lua", name.p);
        require_run(L, file, (struct slice){*box, n});
        return;
    }
    luaL_error(L, "require: there is no module `%s` in scripts/ or beside the scenario", name.p);
}

static int run_protected(lua_State *L)
{
    const struct places *p = lua_touserdata(L, 1);
    struct slice name;
    name.p = lua_tolstring(L, 2, &name.n);
    load_file(L, p, name);
    return 1;
}

/* A module that gives nothing is `true`, as elsewhere. */
static int require(lua_State *L)
{
    struct slice name;
    name.p = luaL_checklstring(L, 1, &name.n);
    lua_settop(L, 1);
    if (!is_module_name(name))
        return luaL_error(L, "require: `%s` is no name of a module: letters, digits and `_`, with dots for folders",
                          name.p);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) != LUA_TNIL) {
        if (!lua_iscfunction(L, -1)) return 1;
        lua_call(L, 0, 1);
        lua_pushvalue(L, 1);
        lua_pushvalue(L, -2);
        lua_rawset(L, 2);
        return 1;
    }
    lua_pop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loading);
    if (is_loading(L, 3, name.p)) return say_circle(L, 3, name.p);
    lua_pushvalue(L, 1);
    lua_rawseti(L, 3, luaL_len(L, 3) + 1);
    lua_pushcfunction(L, run_protected);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    const int status = lua_pcall(L, 2, 1, 0);
    lua_pushnil(L);
    lua_rawseti(L, 3, luaL_len(L, 3));
    if (status != LUA_OK) return lua_error(L);
    if (lua_isnil(L, -1)) lua_pushboolean(L, true);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}

static void ensure_tables(lua_State *L)
{
    const char *const keys[] = {&loaded, &loading};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (lua_rawgetp(L, LUA_REGISTRYINDEX, keys[i]) == LUA_TNIL) {
            lua_newtable(L);
            lua_rawsetp(L, LUA_REGISTRYINDEX, keys[i]);
        }
        lua_pop(L, 1);
    }
}

void require_open(lua_State *L, const struct permit *permit, const char *const folders[2])
{
    ensure_tables(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, luastate_of(L)->base);
    struct places *p = lua_newuserdatauv(L, sizeof *p, 0);
    *p = (struct places){permit, {folders[0], folders[1]}};
    lua_pushcclosure(L, require, 1);
    lua_setfield(L, -2, "require");
    lua_pop(L, 1);
}

void require_preload(lua_State *L, const char *name, lua_CFunction open)
{
    ensure_tables(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded);
    lua_pushcfunction(L, open);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}
