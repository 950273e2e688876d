#include "engine/modules.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lua/names.h"
#include "lua/require.h"
#include "match/view.h"
#include "util/mem.h"
#include "util/path.h"
#include "util/units.h"

enum { JSON_MOST = 4 << 20, NAME_MOST = 100, NAMES_SHOWN = 8 };

void modules_init(struct modules *m, const char *scripts, const struct permit *permit)
{
    *m = (struct modules){.scripts = scripts, .permit = permit};
    arena_init(&m->arena);
}

void modules_done(struct modules *m)
{
    arena_done(&m->arena);
    m->list = NULL;
}

static const struct {
    const char *name;
    enum module_type type;
    int64_t min, max;
} types[] = {
    {"text", MODULE_TEXT, 0, 0},
    {"bytes", MODULE_BYTES, 0, 0},
    {"bool", MODULE_BOOL, 0, 0},
    {"u8", MODULE_INT, 0, UINT8_MAX},
    {"u16", MODULE_INT, 0, UINT16_MAX},
    {"u24", MODULE_INT, 0, 0xffffff},
    {"u32", MODULE_INT, 0, UINT32_MAX},
    {"u64", MODULE_INT, 0, INT64_MAX},
    {"i8", MODULE_INT, INT8_MIN, INT8_MAX},
    {"i16", MODULE_INT, INT16_MIN, INT16_MAX},
    {"i32", MODULE_INT, INT32_MIN, INT32_MAX},
    {"i64", MODULE_INT, INT64_MIN, INT64_MAX},
    {"float", MODULE_FLOAT, 0, 0},
    {"json", MODULE_JSON, 0, 0},
    {"pairs", MODULE_PAIRS, 0, 0},
    {"list", MODULE_LIST, 0, 0},
    {"map", MODULE_MAP, 0, 0},
};

static bool read_type(struct module_spec *m, struct arena *a, struct module_field *f, struct slice words)
{
    struct slice base = words;
    f->words = arena_dup(a, words);
    if (base.n && base.p[base.n - 1] == '?') {
        f->optional = true;
        base.n--;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!slice_is(base, types[i].name)) continue;
        f->type = types[i].type;
        f->min = types[i].min;
        f->max = types[i].max;
        return true;
    }
    m->wrong =
        arena_printf(a,
                     "field `%.*s` has the type `%s`: there are text bytes bool u8..u64 i8..i64 float json pairs list "
                     "map, with `?` for what may be absent",
                     (int)f->name.n, f->name.p, f->words);
    return false;
}

static struct slice keep(struct arena *a, const char *text)
{
    const struct slice s = slice_of(text);
    return (struct slice){arena_dup(a, s), s.n};
}

static int compare_names(struct slice a, struct slice b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Names of an enumeration, by the numbers that they stand for. */
static int compare_values(const void *a, const void *b)
{
    const struct module_name *x = a, *y = b;
    const int order = (x->value > y->value) - (x->value < y->value);
    return order ? order : compare_names(x->name, y->name);
}

static bool read_field(struct module_spec *m, struct arena *a, struct module_field *f, json_t *j)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    const char *name = json_string_value(json_object_get(j, "name"));
    json_t *names = json_object_get(j, "names");
    f->name = keep(a, name ? name : "");
    if (!read_type(m, a, f, slice_of(type ? type : ""))) return false;
    f->nnames = (uint32_t)json_object_size(names);
    if (!f->nnames) return true;
    struct module_name *list = arena_array(a, f->nnames, sizeof *list), *at = list;
    const char *key;
    json_t *value;
    json_object_foreach(names, key, value)
    {
        *at++ = (struct module_name){keep(a, key), json_integer_value(value)};
    }
    qsort(list, f->nnames, sizeof *list, compare_values);
    f->names = list;
    return true;
}

/* Lua's tables have no order of their own. */
static int compare_fields(const void *a, const void *b)
{
    return compare_names(((const struct module_field *)a)->name, ((const struct module_field *)b)->name);
}

static int compare_messages(const void *a, const void *b)
{
    return compare_names(((const struct module_message *)a)->name, ((const struct module_message *)b)->name);
}

static bool read_message(struct module_spec *m, struct arena *a, struct module_message *k, json_t *j)
{
    json_t *fields = json_object_get(j, "fields");
    const char *name = json_string_value(json_object_get(j, "name"));
    k->name = keep(a, name ? name : "");
    k->has_encode = json_is_true(json_object_get(j, "encode"));
    k->is_value = json_is_true(json_object_get(j, "value"));
    k->n = (uint32_t)json_array_size(fields);
    k->fields = arena_array(a, k->n, sizeof *k->fields);
    for (uint32_t i = 0; i < k->n; i++)
        if (!read_field(m, a, &k->fields[i], json_array_get(fields, i))) return false;
    if (k->n) qsort(k->fields, k->n, sizeof *k->fields, compare_fields);
    return true;
}

void module_read_spec(struct module_spec *m, struct arena *a, struct slice json)
{
    char why[JSON_ERROR_TEXT_LENGTH];
    json_t *root = view_parse_json(json, why, sizeof why);
    if (!root) {
        m->wrong = "what it says of itself cannot be read";
        return;
    }
    json_t *messages = json_object_get(root, "messages");
    m->has_decode = json_is_true(json_object_get(root, "decode"));
    m->n = (uint32_t)json_array_size(messages);
    m->messages = arena_array(a, m->n, sizeof *m->messages);
    for (uint32_t i = 0; i < m->n; i++)
        if (!read_message(m, a, &m->messages[i], json_array_get(messages, i))) break;
    if (m->n && !m->wrong) qsort(m->messages, m->n, sizeof *m->messages, compare_messages);
    for (uint32_t i = 0; i < m->n; i++)
        m->messages[i].index = i;
    json_decref(root);
}

static struct module_spec *add(struct modules *m, const char *path)
{
    struct module_spec *s = ARENA_NEW(&m->arena, struct module_spec);
    s->path = path;
    s->next = m->list;
    m->list = s;
    return s;
}

static void probe(struct modules *m, struct module_spec *s)
{
    struct buf out = BUF_INIT(JSON_MOST);
    if (!m->probe)
        s->wrong = "nobody can say what is in it";
    else if (m->probe(m->ctx, s, &out))
        module_read_spec(s, &m->arena, buf_slice(&out));
    else
        s->wrong = arena_dup(&m->arena, buf_slice(&out));
    buf_done(&out);
}

static const char *without_suffix(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct slice name = slice_of(slash ? slash + 1 : path);
    if (name.n > 4 && slice_is(slice_part(name, name.n - 4, 4), ".lua")) name.n -= 4;
    return arena_dup(a, name);
}

/* NULL if there is no such file. */
static const struct module_spec *load(struct modules *m, const char *path, const char *shown)
{
    for (struct module_spec *s = m->list; s; s = s->next)
        if (strcmp(s->path, shown) == 0) return s->name ? s : NULL;
    char folder[PATH_MAX];
    const char *why;
    size_t n;
    path_parent(path, folder);
    const char *name = without_suffix(&m->arena, path);
    struct module_spec *s = add(m, arena_dup(&m->arena, slice_of(shown)));
    char *text = require_read(m->permit, folder, slice_of(name), &n, &why);
    if (!text && !why) return NULL;
    s->name = name;
    s->folder = arena_dup(&m->arena, slice_of(folder));
    s->wrong = why;
    if (!text) return s;
    s->text = (struct slice){arena_dup(&m->arena, (struct slice){text, n}), n};
    mem_free(text);
    probe(m, s);
    return s;
}

/* NULL if the folder has no such file. */
static const struct module_spec *load_named(struct modules *m, const char *folder, const char *shown_folder,
                                            struct slice name)
{
    char path[PATH_MAX], shown[NAME_MOST + 16];
    if (!folder || snprintf(path, sizeof path, "%s/%.*s.lua", folder, (int)name.n, name.p) >= (int)sizeof path)
        return NULL;
    snprintf(shown, sizeof shown, "%s%.*s.lua", shown_folder, (int)name.n, name.p);
    return load(m, path, shown);
}

const struct module_spec *modules_find(struct modules *m, struct slice name)
{
    for (uint32_t i = 0; m && i < m->nuses; i++)
        if (slice_is(name, m->uses[i].name)) return load(m, m->uses[i].path, m->uses[i].shown);
    if (!m || name.n > NAME_MOST || !names_is_name(name)) return NULL;
    const struct module_spec *s = load_named(m, m->beside, "", name);
    return s ? s : load_named(m, m->scripts, "scripts/", name);
}

const struct module_message *module_message_find(const struct module_spec *m, struct slice name)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (slice_eq(m->messages[i].name, name)) return &m->messages[i];
    return NULL;
}

const struct module_field *module_field_find(const struct module_message *m, struct slice name)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (slice_eq(m->fields[i].name, name)) return &m->fields[i];
    return NULL;
}

bool modules_key(struct modules *m, struct slice key, struct module_key *ret)
{
    const char *dot = key.n ? memchr(key.p, '.', key.n) : NULL;
    const size_t n = dot ? (size_t)(dot - key.p) : key.n;
    const struct slice rest = slice_part(key, n + 1, key.n);
    const struct module_spec *s = modules_find(m, slice_part(key, 0, n));
    if (!s) return false;
    *ret = (struct module_key){.module = s};
    if (s->wrong)
        ret->wrong = arena_printf(&m->arena, "module `%s` cannot be used: %s", s->name, s->wrong);
    else if (dot && !(ret->message = module_message_find(s, rest))) {
        ret->unknown = rest;
        ret->wrong = arena_printf(&m->arena, "module `%s` has no message `%.*s`", s->name, (int)rest.n, rest.p);
    }
    return true;
}

bool module_integer(const struct module_field *f, struct slice text, int64_t *ret, const char **ret_why)
{
    int64_t n;
    for (uint32_t i = 0; i < f->nnames; i++) {
        if (!slice_eq(f->names[i].name, text)) continue;
        *ret = f->names[i].value;
        return true;
    }
    *ret_why = units_int(text, &n);
    if (*ret_why) return false;
    if (n < f->min || n > f->max) {
        *ret_why = "out of bounds";
        return false;
    }
    *ret = n;
    return true;
}

void module_type_words(const struct module_field *f, struct buf *out)
{
    switch (f->type) {
    case MODULE_TEXT: buf_adds(out, "a text"); return;
    case MODULE_BYTES: buf_adds(out, "a payload"); return;
    case MODULE_BOOL: buf_adds(out, "true or false"); return;
    case MODULE_FLOAT: buf_adds(out, "a number"); return;
    case MODULE_JSON: buf_adds(out, "any value"); return;
    case MODULE_PAIRS: buf_adds(out, "a map of names and values, or a list of such pairs"); return;
    case MODULE_LIST: buf_adds(out, "a list"); return;
    case MODULE_MAP: buf_adds(out, "a map"); return;
    case MODULE_INT: break;
    }
    if (!f->nnames) {
        buf_printf(out, "a number from %" PRId64 " to %" PRId64, f->min, f->max);
        return;
    }
    buf_adds(out, "one of ");
    for (uint32_t i = 0; i < f->nnames && i < NAMES_SHOWN; i++)
        buf_printf(out, "%s%.*s", i ? ", " : "", (int)f->names[i].name.n, f->names[i].name.p);
    buf_adds(out, f->nnames > NAMES_SHOWN ? " ..., or a number" : ", or a number");
}
