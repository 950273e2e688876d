#include "doc/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/suggest.h"
#include "util/units.h"

enum { SCALAR = 1 << NODE_SCALAR, LIST = 1 << NODE_LIST, MAP = 1 << NODE_MAP, ANY = SCALAR | LIST | MAP };

enum {
    NAME_SHOWN = 60,
    NUMBER_MOST = 32, /* characters; a longer one does not print back as it was written */
};

static const struct {
    unsigned kinds;
    unsigned items; /* of a list; 0 if its reader checks them */
    const char *words;
} types[] = {
    [FIELD_TEXT] = {SCALAR, 0, "a text"},
    [FIELD_NAME] = {SCALAR, 0, "a name"},
    [FIELD_NAMES] = {SCALAR | LIST, SCALAR, "a name or a list of names"},
    [FIELD_TEXTS] = {SCALAR | LIST, SCALAR, "a text or a list of texts"},
    [FIELD_BOOL] = {SCALAR, 0, "true or false"},
    [FIELD_INT] = {SCALAR, 0, "a whole number"},
    [FIELD_NUMBER] = {SCALAR, 0, "a number"},
    [FIELD_DURATION] = {SCALAR, 0, "a duration such as 50ms"},
    [FIELD_SIZE] = {SCALAR, 0, "a size such as 64KiB"},
    [FIELD_CHOICE] = {SCALAR, 0, "one of"},
    [FIELD_LUA] = {SCALAR, 0, "a Lua expression"},
    [FIELD_CHUNK] = {SCALAR, 0, "Lua code"},
    [FIELD_VALUE] = {ANY, 0, "a value"},
    [FIELD_VALUES] = {MAP, 0, "a map of names to values"},
    [FIELD_PAYLOAD] = {ANY, 0, "a payload"},
    [FIELD_EXPECT] = {ANY, 0, "a payload, or a map with a framing"},
    [FIELD_EXPECTS] = {LIST, ANY, "a list of expectations"},
    [FIELD_MATCHER] = {ANY, 0, "a matcher"},
    [FIELD_ADDRESS] = {SCALAR | MAP, 0, "an address, or a map with `to`"},
    [FIELD_ARGV] = {LIST, SCALAR, "a list of texts, at least one"},
    [FIELD_STEPS] = {LIST, SCALAR | MAP, "a list of steps"},
    [FIELD_BRANCHES] = {MAP, 0, "a map of outcomes to lists of steps"},
    [FIELD_LANES] = {LIST, LIST, "a list of lists of steps"},
    [FIELD_MAP] = {MAP, 0, "a map"},
    [FIELD_MAPS] = {LIST, MAP, "a list of maps"},
    [FIELD_NOTHING] = {SCALAR, 0, "no value"},
};

bool field_next_word(const char **rest, struct slice *ret)
{
    if (!**rest) return false;
    size_t n = strcspn(*rest, "|");
    *ret = (struct slice){*rest, n};
    *rest += n + ((*rest)[n] == '|');
    return true;
}

const char *field_type_words(const struct field *f, struct arena *a)
{
    if (f->type != FIELD_CHOICE) return types[f->type].words;
    const char *rest = f->choices, *text = types[f->type].words, *separator = " ";
    for (struct slice word; field_next_word(&rest, &word); separator = ", ")
        text = arena_printf(a, "%s%s%.*s", text, separator, (int)word.n, word.p);
    return text;
}

/* What the brackets of the language (section 3) leave alone: `$${` is a literal `${`. */
bool field_dynamic(const struct node *n)
{
    if (!n || n->kind != NODE_SCALAR) return false;
    struct slice s = n->text;
    for (size_t i = 0; i + 1 < s.n; i++) {
        const char *dollar = memchr(s.p + i, '$', s.n - 1 - i);
        if (!dollar) return false;
        i = (size_t)(dollar - s.p);
        if (dollar[1] == '{') return true;
        if (slice_starts(slice_part(s, i, 3), SLICE("$${"))) i += 2;
    }
    return false;
}

static struct diag *wrong(const struct node *value, const struct field *f, struct diags *d, const char *hint)
{
    struct diag *g = diags_add(d, source_place(value->mark), "`%s` takes %s", f->name, field_type_words(f, &d->arena));
    if (hint) diag_hint(d, g, "%s", hint);
    return g;
}

static bool fixed(const struct node *value, const struct field *f, struct diags *d)
{
    wrong(value, f, d, "it is fixed: `${}` cannot stand in it");
    return false;
}

/* The unit readers' phrase, or NULL. */
static const char *number_phrase(const struct node *value, enum field_type type)
{
    int64_t whole;
    uint64_t size;
    double number;
    if (type == FIELD_INT) return units_int(value->text, &whole);
    if (type == FIELD_NUMBER) return units_number(value->text, &number);
    if (type == FIELD_DURATION) return units_duration(value->text, &whole);
    return units_size(value->text, &size);
}

static bool check_number(const struct node *value, const struct field *f, struct diags *d)
{
    if (field_dynamic(value)) return true;
    const char *phrase = number_phrase(value, f->type);
    /* "not a number" is what the message says anyway. */
    if (phrase) wrong(value, f, d, slice_starts(slice_of(phrase), SLICE("not a ")) ? NULL : phrase);
    return !phrase;
}

static bool check_bool(const struct node *value, const struct field *f, struct diags *d)
{
    struct slice s = value->text;
    if (slice_is(s, "true") || slice_is(s, "false")) return true;
    if (field_dynamic(value)) return fixed(value, f, d);
    bool yes = slice_is(s, "yes") || slice_is(s, "on"), no = slice_is(s, "no") || slice_is(s, "off");
    wrong(value, f, d, yes ? "write true" : no ? "write false" : NULL);
    return false;
}

static bool check_choice(const struct node *value, const struct field *f, struct diags *d)
{
    if (field_choice(value, f->choices) >= 0) return true;
    if (field_dynamic(value)) return fixed(value, f, d);
    struct diag *g = wrong(value, f, d, NULL);
    struct suggest s;
    suggest_init(&s, value->text);
    const char *rest = f->choices;
    for (struct slice word; field_next_word(&rest, &word);)
        suggest_offer(&s, word);
    diag_suggest(d, g, &s);
    return false;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool check_name(const struct node *value, const struct field *f, struct diags *d)
{
    struct slice s = value->text;
    size_t good = 0;
    while (good < s.n && (letter(s.p[good]) || (good && ((s.p[good] >= '0' && s.p[good] <= '9') || s.p[good] == '-'))))
        good++;
    if (s.n && good == s.n) return true;
    if (field_dynamic(value))
        wrong(value, f, d, "a name is fixed: `${}` cannot stand in it");
    else
        wrong(value, f, d, "letters, digits, `_` and `-`, a letter or `_` first");
    return false;
}

static bool check_lua(const struct node *value, const struct field *f, struct diags *d)
{
    struct slice s = value->text;
    if (s.n == 0) {
        wrong(value, f, d, NULL);
        return false;
    }
    if (f->type != FIELD_LUA || !slice_starts(s, SLICE("${")) || s.p[s.n - 1] != '}') return true;
    struct diag *g = wrong(value, f, d, "write it without `${}`");
    if (s.n <= NAME_SHOWN) diag_hint(d, g, "write it without `${}`: %.*s", (int)s.n - 3, s.p + 2);
    return false;
}

/* The form of one scalar, of a list's item too. */
static bool check_scalar(const struct node *value, const struct field *f, struct diags *d)
{
    switch (f->type) {
    case FIELD_NAME:
    case FIELD_NAMES: return check_name(value, f, d);
    case FIELD_BOOL: return check_bool(value, f, d);
    case FIELD_INT:
    case FIELD_NUMBER:
    case FIELD_DURATION:
    case FIELD_SIZE: return check_number(value, f, d);
    case FIELD_CHOICE: return check_choice(value, f, d);
    case FIELD_LUA:
    case FIELD_CHUNK: return check_lua(value, f, d);
    case FIELD_NOTHING: wrong(value, f, d, NULL); return false;
    case FIELD_TEXT:
    case FIELD_TEXTS:
    case FIELD_VALUE:
    case FIELD_VALUES:
    case FIELD_PAYLOAD:
    case FIELD_EXPECT:
    case FIELD_EXPECTS:
    case FIELD_MATCHER:
    case FIELD_ADDRESS:
    case FIELD_ARGV:
    case FIELD_STEPS:
    case FIELD_BRANCHES:
    case FIELD_LANES:
    case FIELD_MAP:
    case FIELD_MAPS: return true;
    }
    return true;
}

const struct field *field_find(const struct field *table, struct slice name)
{
    for (; table->name; table++)
        if (slice_is(name, table->name)) return table;
    return NULL;
}

static void unknown_key(const struct node *key, const struct field *table, const char *what, struct diags *d)
{
    int shown = (int)(key->text.n < NAME_SHOWN ? key->text.n : NAME_SHOWN);
    struct diag *g = diags_add(d, source_place(key->mark), "unknown key `%.*s` in %s", shown, key->text.p, what);
    struct suggest s;
    suggest_init(&s, key->text);
    for (; table->name; table++)
        suggest_offer(&s, slice_of(table->name));
    diag_suggest(d, g, &s);
}

static unsigned check_map(const struct node *map, const struct field *table, const char *what, bool open,
                          struct diags *d)
{
    unsigned wrongs = 0;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        const struct field *f = field_find(table, p->key->text);
        if (f) {
            if (!field_check_value(p->value, f, d)) wrongs++;
        } else if (!open) {
            unknown_key(p->key, table, what, d);
            wrongs++;
        }
    }
    for (const struct field *f = table; f->name; f++) {
        if (!(f->flags & FIELD_REQUIRED) || node_pair(map, f->name)) continue;
        diags_add(d, source_place(map->mark), "%s needs `%s`", what, f->name);
        wrongs++;
    }
    return wrongs;
}

unsigned field_check(const struct node *map, const struct field *table, const char *what, struct diags *d)
{
    if (map->kind == NODE_MAP) return check_map(map, table, what, false, d);
    diags_add(d, source_place(map->mark), "%s is a map, not %s", what, node_what(map));
    return 1;
}

static bool check_fields(const struct node *map, const struct field *f, struct diags *d)
{
    if (!f->fields) return true;
    const char *what = arena_printf(&d->arena, "`%s`", f->name);
    return check_map(map, f->fields, what, f->flags & FIELD_OPEN_MAP, d) == 0;
}

static bool check_item(const struct node *item, const struct field *f, struct diags *d)
{
    if (node_empty(item)) {
        diags_add(d, source_place(item->mark), "an item of `%s` is empty", f->name);
        return false;
    }
    if (!(types[f->type].items & 1u << item->kind)) {
        diags_add(d, source_place(item->mark), "`%s` takes %s, and this item is %s", f->name,
                  field_type_words(f, &d->arena), node_what(item));
        return false;
    }
    if (item->kind == NODE_SCALAR) return check_scalar(item, f, d);
    return f->type != FIELD_MAPS || check_fields(item, f, d);
}

static bool check_list(const struct node *list, const struct field *f, struct diags *d)
{
    bool good = true;
    if (f->type == FIELD_ARGV && list->n == 0) {
        wrong(list, f, d, NULL);
        return false;
    }
    for (uint32_t i = 0; types[f->type].items && i < list->n; i++)
        if (!check_item(list->items[i], f, d)) good = false;
    return good;
}

static bool check_empty(const struct node *value, const struct field *f, struct diags *d)
{
    if (f->type == FIELD_NOTHING || f->type == FIELD_VALUE || f->flags & FIELD_OPTIONAL_VALUE) return true;
    struct mark m = value ? value->mark : (struct mark){0};
    struct diag *g = diags_add(d, source_place(m), "`%s` has no value", f->name);
    diag_hint(d, g, "it takes %s", field_type_words(f, &d->arena));
    return false;
}

bool field_check_value(const struct node *value, const struct field *f, struct diags *d)
{
    if (node_empty(value)) return check_empty(value, f, d);
    if (!(types[f->type].kinds & 1u << value->kind)) {
        diags_add(d, source_place(value->mark), "`%s` takes %s, not %s", f->name, field_type_words(f, &d->arena),
                  node_what(value));
        return false;
    }
    if (value->kind == NODE_SCALAR) return check_scalar(value, f, d);
    if (value->kind == NODE_LIST) return check_list(value, f, d);
    return f->type != FIELD_MAP || check_fields(value, f, d);
}

static bool is_written(const struct node *n)
{
    return !node_empty(n) && n->kind == NODE_SCALAR;
}

int64_t field_duration(const struct node *n, int64_t fallback)
{
    int64_t value = fallback;
    if (is_written(n)) units_duration(n->text, &value);
    return value;
}

int64_t field_int(const struct node *n, int64_t fallback)
{
    int64_t value = fallback;
    if (is_written(n)) units_int(n->text, &value);
    return value;
}

uint64_t field_size(const struct node *n, uint64_t fallback)
{
    uint64_t value = fallback;
    if (is_written(n)) units_size(n->text, &value);
    return value;
}

bool field_bool(const struct node *n, bool fallback)
{
    return is_written(n) ? slice_is(n->text, "true") : fallback;
}

int field_choice(const struct node *n, const char *choices)
{
    if (!n || n->kind != NODE_SCALAR) return -1;
    int i = 0;
    for (struct slice word; field_next_word(&choices, &word); i++)
        if (slice_eq(n->text, word)) return i;
    return -1;
}

static bool is_int(struct slice s, int64_t *ret)
{
    char *end, back[NUMBER_MOST];
    int64_t value = strtoll(s.p, &end, 10);
    int n = snprintf(back, sizeof back, "%" PRId64, value);
    if (!slice_eq(s, (struct slice){back, (size_t)n})) return false;
    if (ret) *ret = value;
    return true;
}

/* Prints as Lua does (Lua 5.4 manual 3.4.3): 14 digits, and ".0" where it would look like a whole number. */
static bool is_float(struct slice s, double *ret)
{
    char *end, back[NUMBER_MOST];
    double value = strtod(s.p, &end);
    int n = snprintf(back, sizeof back, "%.14g", value);
    if (back[strspn(back, "-0123456789")] == '\0') n += snprintf(back + n, sizeof back - (size_t)n, ".0");
    if (!slice_eq(s, (struct slice){back, (size_t)n})) return false;
    if (ret) *ret = value;
    return true;
}

enum scalar_type field_scalar(const struct node *n, int64_t *ret_int, double *ret_float)
{
    if (n->kind != NODE_SCALAR || n->quoted || n->text.n == 0) return SCALAR_TEXT;
    struct slice s = n->text;
    if (slice_is(s, "true")) return SCALAR_TRUE;
    if (slice_is(s, "false")) return SCALAR_FALSE;
    if (slice_is(s, "null")) return SCALAR_NULL;
    /* Whatever begins otherwise is text, `inf` and `nan` too, which would print back. */
    char first = s.p[s.n > 1 && s.p[0] == '-'];
    if (first < '0' || first > '9' || s.n >= NUMBER_MOST - 2) return SCALAR_TEXT;
    if (is_int(s, ret_int)) return SCALAR_INT;
    return is_float(s, ret_float) ? SCALAR_FLOAT : SCALAR_TEXT;
}
