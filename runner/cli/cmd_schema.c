#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/module_list.h"
#include "cli/schema.h"
#include "engine/framing.h"
#include "engine/matching.h"
#include "engine/payload.h"
#include "scenario/load.h"
#include "scenario/tables.h"
#include "steps/list.h"

enum { TEXT_MOST = 16 << 20 };

/* A message of a module, or a module: what is in it is the module's affair. */
#define MESSAGE "^[A-Za-z_][A-Za-z0-9_]*\\.[A-Za-z0-9_.]+$"

static bool in_table(const struct field *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0) return true;
    return false;
}

/* The names of a message's fields, to be proposed; a file's own module of the same name may have others. */
static json_t *message(const struct module_message *m)
{
    json_t *properties = json_object();
    for (uint32_t i = 0; i < m->n && !m->is_value; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)m->fields[i].name.n, m->fields[i].name.p);
        json_object_set_new(properties, name, schema_describe(json_object(), m->fields[i].words));
    }
    return json_pack("{s:o}", "properties", properties);
}

static void add_messages(json_t *properties, struct modules *modules)
{
    uint32_t n;
    const char **list = module_list(modules, &n);
    for (uint32_t i = 0; i < n; i++) {
        const struct module_spec *m = modules_find(modules, slice_of(list[i]));
        for (uint32_t k = 0; m && !m->wrong && k < m->n; k++) {
            json_t *key = json_sprintf("%s.%.*s", m->name, (int)m->messages[k].name.n, m->messages[k].name.p);
            json_object_set_new(properties, json_string_value(key), message(&m->messages[k]));
            json_decref(key);
        }
    }
}

static json_t *one_of(json_t *properties)
{
    return json_pack("{s:s, s:o, s:b, s:i, s:i}", "type", "object", "properties", properties, "additionalProperties", 0,
                     "minProperties", 1, "maxProperties", 1);
}

static json_t *messages(struct modules *modules)
{
    json_t *properties = json_object();
    add_messages(properties, modules);
    json_t *map = one_of(properties);
    json_object_set_new(map, "patternProperties", json_pack("{s:{}}", MESSAGE));
    return map;
}

/* Where it is expected, a module alone stands for any of its messages. */
static json_t *any_message(struct modules *modules)
{
    uint32_t n;
    const char **list = module_list(modules, &n);
    json_t *properties = json_object();
    for (uint32_t i = 0; i < n; i++) {
        const struct module_spec *m = modules_find(modules, slice_of(list[i]));
        if (m && !m->wrong && m->has_decode) json_object_set_new(properties, m->name, json_object());
    }
    return schema_any(json_pack("[o, o]", schema_ref("message"), one_of(properties)));
}

/* {hex: ..}: one form, and with lines their end. */
static json_t *payload_map(bool expected)
{
    json_t *list = json_array();
    for (const struct field *f = payload_forms; f->name; f++) {
        if (expected && in_table(framing_forms, f->name)) continue;
        json_t *properties = json_object();
        json_object_set_new(properties, f->name, schema_field(f));
        if (strncmp(f->name, "line", 4) == 0)
            json_object_set_new(properties, payload_eol.name, schema_field(&payload_eol));
        json_array_append_new(list, json_pack("{s:s, s:o, s:[s], s:b}", "type", "object", "properties", properties,
                                              "required", f->name, "additionalProperties", 0));
    }
    return schema_any(list);
}

static json_t *payload(void)
{
    return schema_any(json_pack("[o, {s:s, s:o}, o, o]", schema_ref("text"), "type", "array", "items",
                                schema_ref("payload"), payload_map(false), schema_ref("message")));
}

static json_t *matcher(void)
{
    json_t *keys = schema_map(matching_forms, false);
    json_object_set_new(keys, "minProperties", json_integer(1));
    return schema_any(json_pack("[o, o]", schema_ref("payload"), keys));
}

/* A framing, and what may stand beside it. */
static json_t *framing_map(void)
{
    json_t *map = schema_map(framing_forms, false), *beside = schema_map(framing_beside, false), *one = json_array();
    json_object_update(json_object_get(map, "properties"), json_object_get(beside, "properties"));
    json_object_update(json_object_get(map, "dependencies"), json_object_get(beside, "dependencies"));
    json_decref(beside);
    for (const struct field *f = framing_forms; f->name; f++)
        json_array_append_new(one, json_pack("{s:[s]}", "required", f->name));
    json_object_set_new(map, "oneOf", one);
    return map;
}

static json_t *expect(void)
{
    return schema_any(json_pack("[o, {s:s, s:o}, o, o, o]", schema_ref("text"), "type", "array", "items",
                                schema_ref("payload"), framing_map(), payload_map(true), schema_ref("expected")));
}

static json_t *address(void)
{
    return schema_any(json_pack("[o, o]", schema_ref("text"), schema_table(scenario_address_fields, false)));
}

static bool may_be_bare(const struct step_schema *s)
{
    return s->value.type == FIELD_NOTHING || s->value.flags & FIELD_OPTIONAL_VALUE;
}

/* A step as a map: its verb, its own modifiers, and those of every step that it has no meaning of its own for. */
static json_t *step(const struct step_schema *s)
{
    static const struct field none[] = {{0}};
    json_t *map = schema_map(s->fields ? s->fields : none, false), *properties = json_object_get(map, "properties");
    json_t *required = json_pack("[s]", s->name), *more = json_object_get(map, "required");
    if (more) json_array_extend(required, more);
    json_object_set_new(map, "required", required);
    for (const struct field *f = step_common_fields; f->name; f++)
        if (!json_object_get(properties, f->name) && step_takes(s, f->name))
            json_object_set_new(properties, f->name, schema_field(f));
    json_object_set_new(properties, s->name, schema_describe(schema_field(&s->value), s->doc));
    return map;
}

static void define_steps(json_t *definitions)
{
    json_t *bare = json_array(), *all = json_array(),
           *steps = json_pack("{s:s, s:o}", "type", "array", "items", schema_ref("step"));
    for (const struct step_schema *const *s = step_list; *s; s++) {
        json_t *name = json_sprintf("step_%s", (*s)->name);
        if (may_be_bare(*s)) json_array_append_new(bare, json_string((*s)->name));
        json_array_append_new(all, schema_ref(json_string_value(name)));
        json_object_set_new(definitions, json_string_value(name), step(*s));
        json_decref(name);
    }
    json_array_insert_new(all, 0, json_pack("{s:o}", "enum", bare));
    json_object_set_new(definitions, "step", schema_any(all));
    json_object_set_new(definitions, "branches",
                        json_pack("{s:s, s:{s:s, s:i, s:o}}", "type", "object", "additionalProperties", "type", "array",
                                  "minItems", 1, "items", schema_ref("step")));
    json_object_set_new(definitions, "steps", steps);
}

static json_t *definitions(struct modules *modules)
{
    json_t *all = json_object();
    schema_define(all);
    json_object_set_new(all, "message", messages(modules));
    json_object_set_new(all, "expected", any_message(modules));
    json_object_set_new(all, "payload", payload());
    json_object_set_new(all, "matcher", matcher());
    json_object_set_new(all, "expect", expect());
    json_object_set_new(all, "address", address());
    define_steps(all);
    return all;
}

/* What has no version is a file that others include, and holds only what those may. */
static json_t *included(void)
{
    json_t *names = json_array();
    for (const struct field *f = scenario_include_fields; f->name; f++)
        json_array_append_new(names, json_string(f->name));
    return json_pack("[{s:[s]}, {s:{s:o}}]", "required", "sockrun", "propertyNames", "enum", names);
}

void schema_text(const struct options *o, struct buf *out)
{
    struct modules modules;
    modules_begin(&modules, o);
    json_t *file = schema_map(scenario_file_fields, false);
    json_t *all = json_pack("{s:s, s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title",
                            "A scenario of sockrun, format 1", "description", "The output of `sockrun schema`.");
    json_object_update(all, file);
    json_object_del(all, "required");
    json_object_set_new(all, "anyOf", included());
    json_object_set_new(all, "definitions", definitions(&modules));
    char *text = json_dumps(all, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    buf_printf(out, "%s\n", text);
    free(text);
    json_decref(file);
    json_decref(all);
    modules_done(&modules);
}

enum sr_exit cmd_schema(const struct options *o)
{
    struct buf out = BUF_INIT(TEXT_MOST);
    schema_text(o, &out);
    fputs(buf_str(&out), stdout);
    buf_done(&out);
    return SR_EXIT_OK;
}
