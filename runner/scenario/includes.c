#include "scenario/includes.h"

#include <limits.h>

/* A file that is being read, and the one that includes it. */
struct reading {
    const struct reading *by;
    const char *path;
    struct document document;
};

static void read_document(struct loader *l, struct reading *r);

/* Ends before the last component of path (which has n bytes), unless that is `..` itself. -1: there is none to take
 * off. */
static long parent_end(const char *path, size_t n)
{
    if (n == 0 || (n == 1 && path[0] == '/')) return -1;
    size_t from = n;
    while (from > 0 && path[from - 1] != '/')
        from--;
    if (n - from == 2 && memcmp(path + from, "..", 2) == 0) return -1;
    return from > 1 ? (long)from - 1 : (long)from;
}

const char *includes_path(struct arena *a, const char *from, const char *path)
{
    const char *slash = strrchr(from, '/');
    const char *all = path;
    if (path[0] != '/' && slash) all = arena_printf(a, "%.*s/%s", (int)(slash - from), from, path);
    char *out = arena_alloc(a, strlen(all) + 2);
    size_t n = 0;
    if (all[0] == '/') out[n++] = '/';
    for (const char *p = all; *p;) {
        size_t len = strcspn(p, "/");
        bool up = len == 2 && memcmp(p, "..", 2) == 0;
        long end = up ? parent_end(out, n) : -1;
        if (end >= 0) {
            n = (size_t)end;
        } else if (len > 0 && !(len == 1 && p[0] == '.') && !(up && n == 1 && out[0] == '/')) {
            if (n > 0 && out[n - 1] != '/') out[n++] = '/';
            memcpy(out + n, p, len);
            n += len;
        }
        p += len + (p[len] == '/');
    }
    out[n] = '\0';
    return out;
}

static struct source *add_source(struct loader *l, const char *name, struct slice text)
{
    struct source *s = &l->s->sources[l->s->nsources++];
    source_init(s, name, text);
    return s;
}

static bool check_version(struct loader *l, const struct node *map)
{
    const struct node *version = node_get(map, "sockrun");
    if (!version) return true;
    if (version->kind == NODE_SCALAR && slice_is(version->text, "1")) return true;
    const char *shown = version->kind == NODE_SCALAR ? version->text.p : node_what(version);
    struct diag *g = loader_say(l, version->mark, "version `%s` of the format is not known", shown);
    diag_hint(l->d, g, "write `sockrun: 1`");
    return false;
}

static void check_maps(struct loader *l, const struct node *map)
{
    static const char *const keys[] = {"macros", "actors"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct node *n = node_get(map, keys[i]);
        if (n) loader_map(l, n, i ? "`actors`" : "`macros`");
    }
}

static bool has_field(const struct field *table, struct slice name)
{
    for (; table->name; table++) {
        if (slice_is(name, table->name)) return true;
    }
    return false;
}

/* Keys that only the file itself may have get a message of their own. */
static void check_included_keys(struct loader *l, const struct node *map)
{
    struct node known = *map;
    known.pairs = arena_array(l->a, map->n, sizeof *known.pairs);
    known.n = 0;
    for (uint32_t i = 0; i < map->n; i++) {
        struct slice key = map->pairs[i].key->text;
        if (has_field(scenario_include_fields, key) || !has_field(scenario_file_fields, key)) {
            known.pairs[known.n++] = map->pairs[i];
            continue;
        }
        struct diag *g = loader_say(l, map->pairs[i].key->mark, "`%s` cannot stand in an included file", key.p);
        diag_hint(l->d, g, "it brings vars, macros, actors and target");
    }
    field_check(&known, scenario_include_fields, "an included file", l->d);
}

static void say_circle(struct loader *l, const struct reading *r, const char *path, const struct node *entry)
{
    enum { SHOWN = 2048 };
    const struct reading *chain[LOAD_FILES_MOST];
    uint32_t n = 0;
    for (;; r = r->by) {
        chain[n++] = r;
        if (strcmp(r->path, path) == 0) break;
    }
    struct buf names = BUF_INIT(SHOWN);
    for (uint32_t i = n; i-- > 0;)
        buf_printf(&names, "%s -> ", chain[i]->document.source->name);
    const char *name = chain[n - 1]->document.source->name;
    loader_say(l, entry->mark, "`%s` includes itself: %s%s", name, buf_str(&names), name);
    buf_done(&names);
}

static bool is_open(const struct reading *r, const char *path)
{
    for (; r; r = r->by) {
        if (strcmp(r->path, path) == 0) return true;
    }
    return false;
}

static bool find_document(const struct loader *l, const char *path, uint32_t *ret)
{
    for (uint32_t i = 0; i < l->ndocuments; i++) {
        if (strcmp(l->documents[i].path, path) != 0) continue;
        *ret = i;
        return true;
    }
    return false;
}

static bool read_text(struct loader *l, const char *path, const struct node *entry, struct slice *ret)
{
    const char *why = "";
    if (l->s->nsources == LOAD_FILES_MOST) {
        loader_say(l, entry->mark, "more than %d files", LOAD_FILES_MOST);
        return false;
    }
    if (!l->o->read(l->o->ctx, path, ret, &why)) {
        loader_say(l, entry->mark, "cannot read `%s`: %s", entry->text.p, why);
        return false;
    }
    if (ret->n <= LOAD_TEXT_MOST) return true;
    loader_say(l, entry->mark, "`%s` is larger than %d MiB", entry->text.p, LOAD_TEXT_MOST >> 20);
    return false;
}

/* One entry of `include`. */
static void include(struct loader *l, struct reading *by, const struct node *entry)
{
    if (entry->text.n >= PATH_MAX) {
        loader_say(l, entry->mark, "a path has less than %d bytes", PATH_MAX);
        return;
    }
    if (entry->kind != NODE_SCALAR || node_empty(entry) || !loader_constant(l, entry, "`include`")) return;
    const char *path = includes_path(l->a, by->path, entry->text.p);
    uint32_t at;
    if (is_open(by, path)) {
        say_circle(l, by, path, entry);
        return;
    }
    if (!find_document(l, path, &at)) {
        struct slice text;
        if (!read_text(l, path, entry, &text)) return;
        struct reading r = {.by = by, .path = path};
        r.document.source = add_source(l, includes_path(l->a, by->document.source->name, entry->text.p), text);
        r.document.map = node_parse(r.document.source, l->a, l->d);
        if (!r.document.map || !loader_map(l, r.document.map, "an included file")) return;
        check_version(l, r.document.map);
        check_included_keys(l, r.document.map);
        read_document(l, &r);
        at = l->ndocuments - 1;
    }
    by->document.includes |= l->documents[at].includes | UINT64_C(1) << at;
}

/* What it includes, then it itself. */
static void read_document(struct loader *l, struct reading *r)
{
    check_maps(l, r->document.map);
    const struct node *list = node_get(r->document.map, "include");
    if (list && list->kind == NODE_SCALAR) include(l, r, list);
    if (list && list->kind == NODE_LIST && list->n > LOAD_FILES_MOST)
        loader_say(l, list->mark, "more than %d files", LOAD_FILES_MOST);
    for (uint32_t i = 0; list && list->kind == NODE_LIST && i < list->n && i < LOAD_FILES_MOST; i++)
        include(l, r, list->items[i]);
    r->document.path = r->path;
    l->documents[l->ndocuments++] = r->document;
}

static bool check_root(struct loader *l, const struct node *map, struct mark start)
{
    if (node_pair(map, "sockrun")) return check_version(l, map);
    struct diag *g = loader_say(l, start, "the version of the format is missing");
    diag_hint(l->d, g, "begin with `sockrun: 1`");
    return false;
}

bool includes_load(struct loader *l, const char *name, struct slice text)
{
    if (text.n > LOAD_TEXT_MOST) {
        diags_add(l->d, (struct place){.file = name}, "the file is larger than %d MiB", LOAD_TEXT_MOST >> 20);
        return false;
    }
    const char *slash = strrchr(name, '/');
    struct reading r = {.path = arena_printf(l->a, "%s/%s", l->o->folder, slash ? slash + 1 : name)};
    r.path = includes_path(l->a, "", r.path);
    r.document.source = add_source(l, name, text);
    r.document.map = node_parse(r.document.source, l->a, l->d);
    if (!r.document.map || !loader_map(l, r.document.map, "a scenario")) return false;
    if (!check_root(l, r.document.map, (struct mark){r.document.source, 0, 1})) return false;
    read_document(l, &r);
    return true;
}
