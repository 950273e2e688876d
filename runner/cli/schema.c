#include "cli/schema.h"

#include <string.h>

#include "lua/names.h"
#include "net/sockopt.h"
#include "scenario/load.h"
#include "scenario/tables.h"
#include "util/arena.h"
#include "util/units.h"

/* What makes a scalar dynamic (field_dynamic): `${` that is not written `$${`. */
#define DYNAMIC "(^|[^$])\\$\\{"
#define INT "^(-?[0-9]+|0[xX][0-9a-fA-F]+)$"
#define NUMBER "^(-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?|0[xX][0-9a-fA-F]+)$"
#define DURATION "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)$"
#define SIZE "^[0-9]+(KiB|MiB|GiB)?$"
#define NAME "^[A-Za-z_][A-Za-z0-9_-]*$"
#define WORD "^[A-Za-z_][A-Za-z0-9_]*$"
#define NOT_WRAPPED "^(?!\\$\\{[^]*\\}$)[^]"

/* The forms of scalars. YAML gives what has no quotes a type of its own: `1` is a number, `no` a text, `true` a
 * boolean; the language takes the characters. */
static const struct scalar {
    const char *name;
    const char *types[4];
    const char *pattern; /* of strings, or NULL */
    enum field_type type;
    bool positive;
} scalars[] = {
    {"text", {"string", "number", "boolean"}, NULL, FIELD_TEXT, false},
    {"name", {"string", "boolean"}, NAME, FIELD_NAME, false},
    {"bool", {"boolean", "string"}, "^(true|false)$", FIELD_BOOL, false},
    {"int", {"integer", "string"}, INT "|" DYNAMIC, FIELD_INT, false},
    {"number", {"number", "string"}, NUMBER "|" DYNAMIC, FIELD_NUMBER, false},
    {"duration", {"string"}, DURATION "|" DYNAMIC, FIELD_DURATION, false},
    {"size", {"integer", "string"}, SIZE "|" DYNAMIC, FIELD_SIZE, true},
    {"lua", {"string", "number", "boolean"}, NOT_WRAPPED, FIELD_LUA, false},
    {"chunk", {"string", "number", "boolean"}, "[^]", FIELD_CHUNK, false},
};

/* Tables that several keys share. */
static const struct {
    const char *name;
    const struct field *fields;
} tables[] = {
    {"actor", scenario_actor_fields}, {"case", scenario_case_fields},       {"macro", scenario_macro_fields},
    {"rule", scenario_rule_fields},   {"target", scenario_target_fields},   {"ready", scenario_ready_fields},
    {"to", scenario_address_fields},  {"tls", scenario_tls_fields},         {"proxy", scenario_proxy_fields},
    {"xfail", scenario_xfail_fields}, {"session", scenario_session_fields}, {"requirement", scenario_requires_fields},
};

json_t *schema_ref(const char *name)
{
    json_t *o = json_object();
    json_object_set_new(o, "$ref", json_sprintf("#/definitions/%s", name));
    return o;
}

json_t *schema_any(json_t *list)
{
    json_t *o = json_object();
    json_object_set_new(o, "anyOf", list);
    return o;
}

/* What stands beside a reference counts for nothing in draft-07. */
json_t *schema_describe(json_t *schema, const char *doc)
{
    if (!doc) return schema;
    if (json_object_get(schema, "$ref")) schema = json_pack("{s:[o]}", "allOf", schema);
    json_object_set_new(schema, "description", json_string(doc));
    return schema;
}

static json_t *list_of(json_t *items, bool filled)
{
    json_t *o = json_pack("{s:s, s:o}", "type", "array", "items", items);
    if (filled) json_object_set_new(o, "minItems", json_integer(1));
    return o;
}

static json_t *map_of(json_t *values, bool filled)
{
    json_t *o = json_pack("{s:s, s:o}", "type", "object", "additionalProperties", values);
    if (filled) json_object_set_new(o, "minProperties", json_integer(1));
    return o;
}

/* A map whose names can be used in `${}`. */
static json_t *with_words(json_t *map)
{
    json_object_set_new(map, "propertyNames", schema_ref("word"));
    return map;
}

static json_t *one_or_list(const char *name)
{
    return schema_any(json_pack("[o, o]", schema_ref(name), list_of(schema_ref(name), false)));
}

static json_t *words_of(const char *words)
{
    json_t *list = json_array();
    for (struct slice word; field_next_word(&words, &word);)
        json_array_append_new(list, json_stringn(word.p, word.n));
    return json_pack("{s:o}", "enum", list);
}

static json_t *known_int(const char *words)
{
    int64_t n;
    json_t *list = json_array();
    for (struct slice word; field_next_word(&words, &word);)
        if (!units_int(word, &n)) json_array_append_new(list, json_integer(n));
    return json_pack("{s:o}", "enum", list);
}

/* What a value of this type may be; `f` has the words of a choice and the fields of a map. */
static json_t *of_type(enum field_type type, const struct field *f)
{
    switch (type) {
    case FIELD_TEXT: return schema_ref("text");
    case FIELD_NAME: return schema_ref("name");
    case FIELD_BOOL: return schema_ref("bool");
    case FIELD_INT: return f->choices ? known_int(f->choices) : schema_ref("int");
    case FIELD_NUMBER: return schema_ref("number");
    case FIELD_DURATION: return schema_ref("duration");
    case FIELD_SIZE: return schema_ref("size");
    case FIELD_LUA: return schema_ref("lua");
    case FIELD_CHUNK: return schema_ref("chunk");
    case FIELD_PAYLOAD: return schema_ref("payload");
    case FIELD_EXPECT: return schema_ref("expect");
    case FIELD_MATCHER: return schema_ref("matcher");
    case FIELD_ADDRESS: return schema_ref("address");
    case FIELD_STEPS: return schema_ref("steps");
    case FIELD_BRANCHES: return schema_ref("branches");
    case FIELD_NAMES: return one_or_list("name");
    case FIELD_TEXTS: return one_or_list(f->flags & FIELD_WORDS ? "word" : "text");
    case FIELD_CHOICE: return words_of(f->choices);
    case FIELD_VALUE: return json_object();
    case FIELD_VALUES: return json_pack("{s:s}", "type", "object");
    case FIELD_EXPECTS: return list_of(schema_ref("expect"), false);
    case FIELD_ARGV: return list_of(schema_ref("text"), true);
    case FIELD_LANES: return list_of(list_of(schema_ref("step"), true), false);
    case FIELD_MAP: return schema_table(f->fields, f->flags & FIELD_OPEN_MAP);
    case FIELD_MAPS: return list_of(schema_table(f->fields, false), false);
    case FIELD_NOTHING: return json_pack("{s:s}", "type", "null");
    }
    return json_object();
}

static json_t *element(const struct field *f)
{
    json_t *of = of_type(f->of, f);
    if (!f->fields || f->of == FIELD_MAP) return of;
    return schema_any(json_pack("[o, o]", of, schema_table(f->fields, false)));
}

/* Also the names of socket options, whose words say what they take. */
static json_t *with_options(const struct field *fields)
{
    static const struct field none[] = {{0}};
    json_t *map = schema_map(fields ? fields : none, false), *properties = json_object_get(map, "properties");
    for (const struct sockopt *o = sockopt_table; o->name; o++)
        if (!json_object_get(properties, o->name))
            json_object_set_new(properties, o->name, schema_describe(json_object(), o->doc));
    return map;
}

static json_t *of_form(const struct field *f)
{
    const bool filled = f->flags & FIELD_FILLED, words = f->flags & FIELD_WORDS;
    switch (f->form) {
    case FORM_ANY: return words && f->type == FIELD_VALUES ? with_words(of_type(f->type, f)) : of_type(f->type, f);
    case FORM_ELEMENT: return element(f);
    case FORM_LIST: return list_of(element(f), filled);
    case FORM_NAMED: return words ? with_words(map_of(element(f), filled)) : map_of(element(f), filled);
    case FORM_COLUMNS: return with_words(map_of(list_of(element(f), filled), filled));
    case FORM_OPTIONS: return with_options(f->fields);
    }
    return json_object();
}

/* A default as the field's type has it. */
static json_t *fallback(const struct field *f)
{
    int64_t n;
    if (f->type == FIELD_INT && !units_int(slice_of(f->fallback), &n)) return json_integer(n);
    if (f->type == FIELD_BOOL) return json_boolean(strcmp(f->fallback, "true") == 0);
    return json_string(f->fallback);
}

json_t *schema_field(const struct field *f)
{
    json_t *schema = of_form(f);
    if (f->flags & FIELD_OPTIONAL_VALUE && f->type != FIELD_NOTHING)
        schema = schema_any(json_pack("[o, {s:s}]", schema, "type", "null"));
    schema = schema_describe(schema, f->doc);
    if (f->fallback) json_object_set_new(schema, "default", fallback(f));
    return schema;
}

static json_t *required_of(const char *keys)
{
    json_t *list = json_array();
    for (struct slice key; field_next_word(&keys, &key);)
        json_array_append_new(list, json_pack("{s:[s%]}", "required", key.p, key.n));
    return list;
}

/* Which keys cannot be there without others, and beside others. */
static json_t *dependency(const struct field *f)
{
    json_t *o = json_object();
    if (f->needs) json_object_set_new(o, "anyOf", required_of(f->needs));
    if (f->excludes) json_object_set_new(o, "not", schema_any(required_of(f->excludes)));
    return o;
}

/* Takes over the value. */
static void set_filled(json_t *o, const char *key, json_t *value)
{
    if (json_array_size(value) || json_object_size(value)) json_object_set(o, key, value);
    json_decref(value);
}

json_t *schema_map(const struct field *table, bool open)
{
    json_t *properties = json_object(), *required = json_array(), *dependencies = json_object(), *enough = json_array();
    for (const struct field *f = table; f->name; f++) {
        if (f->flags & FIELD_LATER) continue;
        json_object_set_new(properties, f->name, schema_field(f));
        if (f->flags & FIELD_REQUIRED) json_array_append_new(required, json_string(f->name));
        if (f->flags & FIELD_ENOUGH) json_array_append_new(enough, json_pack("{s:[s]}", "required", f->name));
        if (f->needs || f->excludes) json_object_set_new(dependencies, f->name, dependency(f));
    }
    json_t *o = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    if (!open) json_object_set_new(o, "additionalProperties", json_false());
    set_filled(o, "required", required);
    set_filled(o, "dependencies", dependencies);
    set_filled(o, "anyOf", enough);
    return o;
}

json_t *schema_table(const struct field *table, bool open)
{
    static const struct field none[] = {{0}};
    for (size_t i = 0; !open && i < sizeof tables / sizeof *tables; i++)
        if (tables[i].fields == table) return schema_ref(tables[i].name);
    return schema_map(table ? table : none, open || !table);
}

/* What `${}` can use: no word of Lua. */
static json_t *word(void)
{
    json_t *words = json_array();
    for (const char *const *k = names_keywords; *k; k++)
        json_array_append_new(words, json_string(*k));
    return json_pack("{s:s, s:s, s:s, s:{s:o}}", "type", "string", "pattern", WORD, "patternErrorMessage",
                     "letters, digits and `_`, and no word of Lua", "not", "enum", words);
}

static json_t *scalar(const struct scalar *s)
{
    struct arena arena = {0};
    const struct field f = {.type = s->type};
    json_t *o = json_object(), *types = json_array();
    for (size_t i = 0; s->types[i]; i++)
        json_array_append_new(types, json_string(s->types[i]));
    json_object_set_new(o, "type", types);
    if (s->positive) json_object_set_new(o, "minimum", json_integer(0));
    if (s->pattern) {
        json_object_set_new(o, "pattern", json_string(s->pattern));
        /* What editors show instead of the pattern. */
        json_object_set_new(o, "patternErrorMessage", json_sprintf("it takes %s", field_type_words(&f, &arena)));
    }
    arena_done(&arena);
    return o;
}

void schema_define(json_t *definitions)
{
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        json_object_set_new(definitions, scalars[i].name, scalar(&scalars[i]));
    json_object_set_new(definitions, "word", word());
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        json_object_set_new(definitions, tables[i].name, schema_map(tables[i].fields, false));
}
