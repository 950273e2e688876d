#include "cli/vars.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "doc/node.h"
#include "util/mem.h"

#define PREFIX "SOCKRUN_VAR_"

enum { FILE_MOST = 1 << 20, READ_SIZE = 64 * 1024 };

static void set(struct vars *v, struct slice name, struct slice value)
{
    const char *text = arena_dup(&v->arena, value);
    for (uint32_t i = 0; i < v->n; i++) {
        if (!slice_is(name, v->list[i].name)) continue;
        v->list[i].value = text;
        return;
    }
    if (v->n == v->size) {
        v->size = v->size ? 2 * v->size : 16;
        v->list = mem_resize(v->list, v->size, sizeof *v->list);
    }
    v->list[v->n++] = (struct setting_var){.name = arena_dup(&v->arena, name), .value = text};
}

static void take_environment(struct vars *v, char *const *environment)
{
    for (; *environment; environment++) {
        if (strncmp(*environment, PREFIX, sizeof PREFIX - 1) != 0) continue;
        const char *name = *environment + sizeof PREFIX - 1;
        size_t n = strcspn(name, "=");
        if (name[n] && options_is_name(name, n)) set(v, (struct slice){name, n}, slice_of(name + n + 1));
    }
}

static const char *read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    const char *why = fd < 0 ? strerror(errno) : NULL;
    ssize_t n = 1;
    while (!why && n > 0) {
        char *room = buf_room(out, READ_SIZE);
        n = room ? read(fd, room, READ_SIZE) : 0;
        if (!room) why = "it has more than 1 MiB";
        if (n < 0) why = strerror(errno);
        if (n > 0) out->n += (size_t)n;
    }
    if (fd >= 0) close(fd);
    return why;
}

static void take_pair(struct vars *v, const struct pair *p, struct diags *d)
{
    struct slice name = p->key->text;
    if (!options_is_name(name.p, name.n))
        diags_add(d, source_place(p->key->mark), "`%s` is no name of a variable", name.p);
    else if (p->value->kind != NODE_SCALAR)
        diags_add(d, source_place(p->value->mark), "a variable is a text, not %s", node_what(p->value));
    else if (memchr(p->value->text.p, '\0', p->value->text.n))
        diags_add(d, source_place(p->value->mark), "a variable holds no NUL");
    else
        set(v, name, p->value->text);
}

static void take_map(struct vars *v, const char *path, struct slice text, struct diags *d)
{
    struct source source;
    source_init(&source, path, text);
    const struct node *map = node_parse(&source, &v->arena, d);
    if (map && map->kind != NODE_MAP)
        diags_add(d, source_place(map->mark), "variables are a map of NAME: value, not %s", node_what(map));
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
        take_pair(v, &map->pairs[i], d);
    source_done(&source);
}

static bool take_file(struct vars *v, const char *path, struct diags *d, const char **ret_why)
{
    struct buf text = BUF_INIT(FILE_MOST + READ_SIZE);
    const char *why = read_file(path, &text);
    if (why)
        *ret_why = arena_printf(&v->arena, "%s: %s", path, why);
    else
        take_map(v, path, buf_slice(&text), d);
    buf_done(&text);
    return !why;
}

bool vars_collect(struct vars *v, const struct options *o, char *const *environment, struct diags *d,
                  const char **ret_why)
{
    *v = (struct vars){0};
    take_environment(v, environment);
    for (uint32_t i = 0; i < o->nvars_files; i++) {
        if (!take_file(v, o->vars_files[i], d, ret_why)) return false;
    }
    for (uint32_t i = 0; i < o->nvars; i++)
        set(v, slice_of(o->vars[i].name), slice_of(o->vars[i].value));
    for (uint32_t i = 0; i < o->nsecrets; i++)
        set(v, slice_of(o->secrets[i].name), slice_of(o->secrets[i].value));
    return true;
}

void vars_done(struct vars *v)
{
    mem_free(v->list);
    arena_done(&v->arena);
}
