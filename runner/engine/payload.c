#include "engine/payload.h"

#include <inttypes.h>

#include "engine/compile.h"
#include "engine/message.h"
#include "engine/packing.h"
#include "engine/segments.h"
#include "util/suggest.h"
#include "util/text.h"

enum {
    RENDERED_MOST = 1 << 20, /* a constant payload up to this size is rendered at load */
    GENERATED_LEAST = 4096,  /* what is generated and shorter is rendered with the bytes around it */
    SHOWN = 60,
};

static const struct field repeat_fields[] = {
    {.name = "of", .type = FIELD_PAYLOAD, .flags = FIELD_REQUIRED, .doc = "What is repeated"},
    {.name = "times", .type = FIELD_INT, .flags = FIELD_REQUIRED, .doc = "How often"},
    {0},
};

static const struct field random_fields[] = {
    {.name = "bytes", .type = FIELD_SIZE, .flags = FIELD_REQUIRED, .doc = "How many"},
    {.name = "seed", .type = FIELD_INT, .fallback = "1", .doc = "Another seed gives other bytes"},
    {0},
};

const struct field payload_forms[] = {
    {.name = "line", .type = FIELD_PAYLOAD, .flags = FIELD_OPTIONAL_VALUE, .doc = "A line; its end, `eol`, is added"},
    {.name = "lines",
     .type = FIELD_VALUE,
     .form = FORM_LIST,
     .of = FIELD_PAYLOAD,
     .doc = "Lines; the end of each, `eol`, is added"},
    {.name = "hex", .type = FIELD_TEXT, .doc = "Bytes in hexadecimal digits; blanks between them mean nothing"},
    {.name = "base64", .type = FIELD_TEXT, .doc = "Bytes in base64"},
    {.name = "file", .type = FIELD_TEXT, .doc = "The bytes of this file"},
    {.name = "pack",
     .type = FIELD_VALUE,
     .flags = FIELD_FILLED,
     .form = FORM_LIST,
     .of = FIELD_TEXT,
     .doc = "A format and values, as Lua's `string.pack` takes them"},
    {.name = "json", .type = FIELD_VALUE, .doc = "A value as compact JSON"},
    {.name = "repeat", .type = FIELD_MAP, .fields = repeat_fields, .doc = "The same bytes again and again"},
    {.name = "random", .type = FIELD_MAP, .fields = random_fields, .doc = "Bytes at random, the same in each run"},
    {0},
};

const struct field payload_eol = {.name = "eol",
                                  .type = FIELD_CHOICE,
                                  .choices = "crlf|lf",
                                  .doc = "What a line ends in; default: the actor's `eol`"};

bool payload_is_key(struct slice key)
{
    for (const struct field *f = payload_forms; f->name; f++)
        if (slice_is(key, f->name)) return true;
    return false;
}

/* A payload being put together. */
struct build {
    struct compiler *c;
    struct payload *p;
    struct buf run; /* constant bytes not yet made a part */
};

static bool wrong(struct build *b, struct mark mark, const char *why)
{
    compile_error(b->c, mark, "%s", why);
    return false;
}

static bool too_long(struct build *b, struct mark mark)
{
    return wrong(b, mark, "a payload of more than 64 MiB");
}

static struct part *new_part(struct build *b, enum part_kind kind, struct mark mark)
{
    struct payload *p = b->p;
    if (p->n == p->size) {
        const uint32_t size = p->size ? p->size * 2 : 1;
        struct part *more = arena_array(b->c->arena, size, sizeof *more);
        for (uint32_t i = 0; i < p->n; i++)
            more[i] = p->parts[i];
        p->parts = more;
        p->size = size;
    }
    struct part *part = &p->parts[p->n++];
    *part = (struct part){.kind = kind, .mark = mark};
    return part;
}

static void flush(struct build *b)
{
    if (b->run.n) {
        struct part *part = new_part(b, PART_BYTES, (struct mark){0});
        part->bytes = (struct slice){arena_dup(b->c->arena, buf_slice(&b->run)), b->run.n};
    }
    buf_clear(&b->run);
}

/* A part whose bytes are not known, or too many. */
static struct part *add_part(struct build *b, enum part_kind kind, struct mark mark)
{
    flush(b);
    return new_part(b, kind, mark);
}

static bool add_bytes(struct build *b, struct slice bytes, struct mark mark)
{
    return buf_add(&b->run, bytes) || too_long(b, mark);
}

static bool add_segment(struct build *b, const struct segment *s, struct mark mark)
{
    if (s->size == 0) return true;
    if (s->size > GENERATED_LEAST) {
        add_part(b, PART_SEGMENT, mark)->segment = *s;
        return true;
    }
    char bytes[GENERATED_LEAST];
    segment_fill(s, 0, bytes, (size_t)s->size);
    return add_bytes(b, (struct slice){bytes, (size_t)s->size}, mark);
}

static bool want_scalar(struct build *b, const struct node *n, const char *key)
{
    if (n->kind == NODE_SCALAR) return true;
    compile_error(b->c, n->mark, "`%s` takes a text, not %s", key, node_what(n));
    return false;
}

static bool add(struct build *b, const struct node *n);

static bool add_scalar(struct build *b, const struct node *n)
{
    struct text_plan text;
    if (!compile_text(b->c, n, &text)) return false;
    if (text.tmpl.constant) return add_bytes(b, text.tmpl.parts[0].text, n->mark);
    add_part(b, PART_TEXT, n->mark)->text = text;
    return true;
}

static bool add_list(struct build *b, const struct node *list)
{
    bool ok = true;
    for (uint32_t i = 0; i < list->n; i++)
        ok &= add(b, list->items[i]);
    return ok;
}

static bool add_coded(struct build *b, const struct node *n, enum part_kind kind)
{
    struct text_plan text;
    const bool hex = kind == PART_HEX;
    if (!want_scalar(b, n, hex ? "hex" : "base64") || !compile_text(b->c, n, &text)) return false;
    if (!text.tmpl.constant) {
        add_part(b, kind, n->mark)->text = text;
        return true;
    }
    size_t at = 0;
    const struct slice digits = text.tmpl.parts[0].text;
    const char *why = hex ? text_unhex(digits, &b->run, &at) : text_unbase64(digits, &b->run, &at);
    if (why) compile_error(b->c, node_mark_at(n, (uint32_t)at, 1), "%s", why);
    return !why && (!b->run.overflow || too_long(b, n->mark));
}

static bool add_file(struct build *b, const struct node *n)
{
    struct text_plan text;
    if (!want_scalar(b, n, "file") || !compile_text(b->c, n, &text)) return false;
    if (n->text.n == 0) return wrong(b, n->mark, "`file` takes the path of a file");
    add_part(b, PART_FILE, n->mark)->text = text;
    return true;
}

static bool add_pack(struct build *b, const struct node *n)
{
    struct compiler *c = b->c;
    bool ok = true, constant = true;
    if (n->kind != NODE_LIST || n->n == 0) {
        struct diag *g = compile_error(c, n->mark, "`pack` takes a list: a format and the values");
        diag_hint(c->diags, g, "such as [\">I2 s1\", 7, abc]");
        return false;
    }
    struct text_plan *args = arena_array(c->arena, n->n, sizeof *args);
    for (uint32_t i = 0; i < n->n; i++) {
        ok &= want_scalar(b, n->items[i], "pack") && compile_text(c, n->items[i], &args[i]);
        constant &= args[i].tmpl.constant;
    }
    if (!ok) return false;
    uint32_t arg = 0;
    const char *why = c->lua && constant ? packing_check(c->lua, args, n->n, c->arena, &arg) : NULL;
    if (why) {
        compile_error(c, n->items[arg < n->n ? arg : 0]->mark, "pack: %s", why);
        return false;
    }
    struct part *part = add_part(b, PART_PACK, n->mark);
    part->args = args;
    part->nargs = n->n;
    return true;
}

static bool add_json(struct build *b, const struct node *n)
{
    struct datum *d = datum_compile(b->c, n);
    if (!d) return false;
    struct eval e = {.arena = b->c->arena};
    if (datum_constant(d)) return datum_json(d, &e, &b->run) || too_long(b, n->mark);
    add_part(b, PART_JSON, n->mark)->json = d;
    return true;
}

static bool add_repeat(struct build *b, const struct node *n)
{
    struct compiler *c = b->c;
    struct quantity times;
    struct segment s;
    if (field_check(n, repeat_fields, "`repeat`", c->diags)) return false;
    struct payload *of = payload_compile(c, node_get(n, "of"));
    if (!compile_quantity(c, node_get(n, "times"), QUANTITY_INT, 1, &times)) return false;
    if (!times.dynamic && times.value < 0) return wrong(b, node_get(n, "times")->mark, "`times` is not negative");
    if (!of) return false;
    const struct slice unit = payload_constant(of);
    if (times.dynamic || !unit.p) {
        struct part *part = add_part(b, PART_REPEAT, n->mark);
        part->of = of;
        part->count = times;
        return true;
    }
    return segments_repeat(unit, times.value, &s) ? add_segment(b, &s, n->mark)
                                                  : wrong(b, n->mark, "more bytes than can be counted");
}

static bool add_random(struct build *b, const struct node *n)
{
    struct compiler *c = b->c;
    struct quantity size, seed;
    if (field_check(n, random_fields, "`random`", c->diags)) return false;
    if (!compile_quantity(c, node_get(n, "bytes"), QUANTITY_SIZE, 0, &size)) return false;
    if (!compile_quantity(c, node_get(n, "seed"), QUANTITY_INT, 1, &seed)) return false;
    if (size.dynamic || seed.dynamic) {
        struct part *part = add_part(b, PART_RANDOM, n->mark);
        part->count = size;
        part->seed = seed;
        return true;
    }
    if (size.value < 0) return wrong(b, n->mark, "more bytes than can be counted");
    const struct segment s = {.kind = SEGMENT_RANDOM, .size = (uint64_t)size.value, .seed = (uint64_t)seed.value};
    return add_segment(b, &s, n->mark);
}

static bool line_end(struct build *b, const struct node *eol, bool *ret_lf)
{
    *ret_lf = b->p->lf;
    if (!eol) return true;
    const int choice = field_choice(eol, payload_eol.choices);
    if (choice < 0) return wrong(b, eol->mark, "`eol` is crlf or lf");
    *ret_lf = choice == 1;
    return true;
}

static bool add_lines(struct build *b, const struct node *n, const struct node *eol, bool several)
{
    bool lf;
    if (!line_end(b, eol, &lf)) return false;
    const struct slice end = lf ? SLICE("\n") : SLICE("\r\n");
    if (!several) return add(b, n) && add_bytes(b, end, n->mark);
    if (n->kind != NODE_LIST) {
        struct diag *g = compile_error(b->c, n->mark, "`lines` takes a list, not %s", node_what(n));
        diag_hint(b->c->diags, g, "`line` takes one");
        return false;
    }
    bool ok = true;
    for (uint32_t i = 0; i < n->n; i++)
        ok &= add(b, n->items[i]) && add_bytes(b, end, n->mark);
    return ok;
}

static bool add_form(struct build *b, const struct pair *form, const struct node *eol)
{
    const struct slice key = form->key->text;
    const struct node *n = form->value;
    if (slice_is(key, "line")) return add_lines(b, n, eol, false);
    if (slice_is(key, "lines")) return add_lines(b, n, eol, true);
    if (slice_is(key, "hex")) return add_coded(b, n, PART_HEX);
    if (slice_is(key, "base64")) return add_coded(b, n, PART_BASE64);
    if (slice_is(key, "file")) return add_file(b, n);
    if (slice_is(key, "pack")) return add_pack(b, n);
    if (slice_is(key, "json")) return add_json(b, n);
    return slice_is(key, "repeat") ? add_repeat(b, n) : add_random(b, n);
}

static bool unknown_key(struct build *b, const struct node *key, const struct pair *form)
{
    static const char *const step[] = {"chunk", "every", "urgent", "to", "resend", "via", "as", "timeout", NULL};
    struct compiler *c = b->c;
    const struct slice name = slice_part(key->text, 0, SHOWN);
    if (form && slice_is(key->text, "eol")) return wrong(b, key->mark, "`eol` goes with `line` and `lines` only");
    struct diag *g =
        form ? compile_error(c, key->mark, "unknown key `%.*s` beside `%s`", (int)name.n, name.p, form->key->text.p)
             : compile_error(c, key->mark, "unknown payload `%.*s`", (int)name.n, name.p);
    struct suggest s;
    suggest_init(&s, key->text);
    for (const struct field *f = payload_forms; f->name && !form; f++)
        suggest_offer(&s, slice_of(f->name));
    if (form) suggest_offer(&s, SLICE("eol"));
    diag_suggest(c->diags, g, &s);
    for (const char *const *k = step; *k; k++)
        if (slice_is(key->text, *k)) diag_hint(c->diags, g, "it stands beside the verb: {send: {..}, %s: ..}", *k);
    return false;
}

static bool add_message(struct build *b, const struct module_key *key, const struct pair *p)
{
    if (!key->module || key->wrong) return false;
    struct message_plan *m = message_compile(b->c, key, p->key, p->value);
    if (m) add_part(b, PART_MESSAGE, p->key->mark)->message = m;
    return m != NULL;
}

static bool add_map(struct build *b, const struct node *map)
{
    const struct pair *form = NULL;
    bool ok = true;
    struct module_key message;
    if (map->n == 1 && !payload_is_key(map->pairs[0].key->text) && message_key(b->c, map->pairs[0].key, &message))
        return add_message(b, &message, &map->pairs[0]);
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        if (!payload_is_key(p->key->text)) continue;
        if (form) {
            struct diag *g =
                compile_error(b->c, p->key->mark, "`%s` and `%s` are two payloads", form->key->text.p, p->key->text.p);
            diag_hint(b->c->diags, g, "one after the other in a list: [{%s: ..}, {%s: ..}]", form->key->text.p,
                      p->key->text.p);
            return false;
        }
        form = p;
    }
    const struct node *eol = NULL;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct pair *p = &map->pairs[i];
        if (p == form) continue;
        if (form && slice_starts(form->key->text, SLICE("line")) && slice_is(p->key->text, "eol"))
            eol = p->value;
        else
            ok = unknown_key(b, p->key, form);
    }
    if (map->n == 0) return wrong(b, map->mark, "an empty map is no payload");
    return form && add_form(b, form, eol) && ok;
}

static bool add(struct build *b, const struct node *n)
{
    switch (n->kind) {
    case NODE_SCALAR: return add_scalar(b, n);
    case NODE_LIST: return add_list(b, n);
    case NODE_MAP: return add_map(b, n);
    }
    return false;
}

static bool all_known(const struct payload *p, uint64_t *ret_size)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct part *part = &p->parts[i];
        if (part->kind != PART_BYTES && part->kind != PART_SEGMENT) return false;
        const uint64_t more = part->kind == PART_BYTES ? part->bytes.n : part->segment.size;
        size = size > UINT64_MAX - more ? UINT64_MAX : size + more;
    }
    *ret_size = size;
    return true;
}

/* What is known at load is made ready to be sent. */
static void settle(struct build *b)
{
    struct payload *p = b->p;
    uint64_t size;
    flush(b);
    if (!all_known(p, &size)) return;
    struct segment *list = arena_array(b->c->arena, p->n, sizeof *list);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct part *part = &p->parts[i];
        list[i] = part->segment;
        if (part->kind == PART_BYTES)
            list[i] = (struct segment){.kind = SEGMENT_BYTES, .bytes = part->bytes, .size = part->bytes.n};
    }
    p->constant = true;
    p->segments = list;
    p->nsegments = p->n;
    if (size > RENDERED_MOST || p->n == 0 || (p->n == 1 && list[0].kind == SEGMENT_BYTES)) return;
    char *bytes = arena_alloc(b->c->arena, (size_t)size);
    segments_render(list, p->n, bytes);
    list[0] = (struct segment){.kind = SEGMENT_BYTES, .bytes = {bytes, (size_t)size}, .size = size};
    p->nsegments = 1;
}

static struct build begin(struct compiler *c)
{
    struct payload *p = ARENA_NEW(c->arena, struct payload);
    p->lf = c->actor && c->actor->lf;
    return (struct build){.c = c, .p = p, .run = BUF_INIT(PAYLOAD_MOST)};
}

static struct payload *end(struct build *b, bool ok)
{
    if (ok) settle(b);
    buf_done(&b->run);
    return ok ? b->p : NULL;
}

struct payload *payload_compile(struct compiler *c, const struct node *n)
{
    struct build b = begin(c);
    return end(&b, add(&b, n));
}

struct payload *payload_compile_form(struct compiler *c, const struct pair *form)
{
    struct build b = begin(c);
    return end(&b, add_form(&b, form, NULL));
}
