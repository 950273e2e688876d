#include "cli/reference.h"

#include <string.h>

#include "engine/framing.h"
#include "engine/matching.h"
#include "engine/payload.h"
#include "scenario/load.h"
#include "steps/list.h"

enum { DEPTH_MOST = 3 };

const struct reference_table reference_tables[] = {
    {"Modifiers of every step", step_common_fields},
    {"Keys of a file", scenario_file_fields},
    {"Keys of a case", scenario_case_fields},
    {"Keys of an actor", scenario_actor_fields},
    {"Keys of an address", scenario_address_fields},
    {"Keys of a proxy", scenario_proxy_fields},
    {"Keys of a proxy's rule", scenario_rule_fields},
    {"Forms of a payload", payload_forms},
    {"Framings of an expectation", framing_forms},
    {"Keys beside a framing", framing_beside},
    {"Keys of a matcher", matching_forms},
    {0},
};

static bool has_table(const struct field *fields)
{
    for (const struct reference_table *t = reference_tables; t->fields; t++)
        if (t->fields == fields) return true;
    return false;
}

/* How what stands within is reached. */
static const char *within(enum field_form form)
{
    return form == FORM_LIST ? "[]" : form == FORM_NAMED ? ".NAME" : "";
}

struct walk {
    struct arena *arena;
    void (*put)(void *ctx, const char *name, const struct field *f);
    void *ctx;
};

static void walk(const struct walk *w, const char *prefix, const struct field *table, unsigned depth)
{
    for (const struct field *f = table; f && f->name; f++) {
        if (f->flags & FIELD_LATER) continue;
        const char *name = arena_printf(w->arena, "%s%s", prefix, f->name);
        w->put(w->ctx, name, f);
        if (f->fields && !has_table(f->fields) && depth < DEPTH_MOST)
            walk(w, arena_printf(w->arena, "%s%s.", name, within(f->form)), f->fields, depth + 1);
    }
}

void reference_fields(const struct field *table, struct arena *a,
                      void (*put)(void *ctx, const char *name, const struct field *f), void *ctx)
{
    const struct walk w = {a, put, ctx};
    walk(&w, "", table, 1);
}

const char *reference_type(const struct field *f, struct arena *a)
{
    return f->type == FIELD_VALUE ? "" : field_type_words(f, a);
}

const char *reference_value(const struct step_schema *s, struct arena *a)
{
    const char *words;
    if (s->value.type == FIELD_NOTHING) return "no value";
    if (s->value.doc) return s->value.doc;
    words = field_type_words(&s->value, a);
    return s->value.flags & FIELD_OPTIONAL_VALUE ? arena_printf(a, "%s, or no value", words) : words;
}

const char *reference_option_type(enum sockopt_type type)
{
    static const char *const words[] = {
        [SOCKOPT_BOOL] = "true or false",
        [SOCKOPT_INT] = "a whole number",
        [SOCKOPT_SIZE] = "a size such as 64KiB",
        [SOCKOPT_SECONDS] = "a duration such as 5s",
        [SOCKOPT_MS] = "a duration such as 50ms",
        [SOCKOPT_LINGER] = "whole seconds, or false",
        [SOCKOPT_TEXT] = "a text",
        [SOCKOPT_GROUP] = "a group: 239.1.2.3, ff02::1%lo",
        [SOCKOPT_INTERFACE] = "a network interface",
    };
    return words[type];
}

bool reference_first_of_group(const struct step_schema *const *at)
{
    for (const struct step_schema *const *s = step_list; s < at; s++)
        if (strcmp((*s)->group, (*at)->group) == 0) return false;
    return true;
}
