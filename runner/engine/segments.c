#include "engine/segments.h"

#include <inttypes.h>

#include "engine/file_text.h"
#include "engine/message.h"
#include "engine/packing.h"
#include "engine/written.h"
#include "util/text.h"
#include "util/units.h"

/* Segments as they are found, in eval's arena. */
struct gather {
    struct eval *eval;
    struct segment *list;
    uint32_t n, size;
};

static void add_segment(struct gather *g, const struct segment *s)
{
    if (s->size == 0) return;
    if (g->n == g->size) {
        const uint32_t size = g->size ? g->size * 2 : 8;
        struct segment *more = arena_array(g->eval->arena, size, sizeof *more);
        for (uint32_t i = 0; i < g->n; i++)
            more[i] = g->list[i];
        g->list = more;
        g->size = size;
    }
    g->list[g->n++] = *s;
}

static bool add_bytes(struct gather *g, struct slice bytes)
{
    const struct segment s = {.kind = SEGMENT_BYTES, .bytes = bytes, .size = bytes.n};
    add_segment(g, &s);
    return true;
}

bool segments_repeat(struct slice unit, int64_t times, struct segment *ret)
{
    int64_t size;
    if (times < 0 || __builtin_mul_overflow((int64_t)unit.n, times, &size)) return false;
    *ret = (struct segment){.kind = SEGMENT_REPEAT, .bytes = unit, .size = (uint64_t)size};
    return true;
}

void segments_render(const struct segment *list, uint32_t n, char *p)
{
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].size) segment_fill(&list[i], 0, p, (size_t)list[i].size);
        p += list[i].size;
    }
}

static bool gather_payload(struct gather *g, const struct payload *p);

static bool gather_written(struct gather *g, const struct payload *p, const struct part *part, const struct view *v)
{
    struct eval *e = g->eval;
    struct written w;
    written_begin(&w, e, p->lf);
    const struct payload *inner = payload_compile(&w.compiler, written_node(v, part->text.node, e->arena));
    return written_end(&w, e, text_mark(&part->text)) && gather_payload(g, inner);
}

static bool gather_text(struct gather *g, const struct payload *p, const struct part *part)
{
    struct eval *e = g->eval;
    struct slice bytes;
    if (!part->text.tmpl.whole) return text_eval(&part->text, e, &bytes) && add_bytes(g, bytes);
    struct view v;
    if (!text_view(&part->text, e, &v)) return false;
    if (v.type == VIEW_LIST || v.type == VIEW_MAP) return gather_written(g, p, part, &v);
    bytes = text_of_view(&v, e->arena);
    return bytes.p ? add_bytes(g, bytes) : eval_fail(e, text_mark(&part->text), "null where text is wanted");
}

static bool gather_coded(struct gather *g, const struct part *part)
{
    struct eval *e = g->eval;
    struct slice text;
    size_t at;
    if (!text_eval(&part->text, e, &text)) return false;
    struct buf out = BUF_INIT(PAYLOAD_MOST);
    const bool hex = part->kind == PART_HEX;
    const char *why = hex ? text_unhex(text, &out, &at) : text_unbase64(text, &out, &at);
    if (why)
        eval_fail(e, text_mark(&part->text), "%s: %s, at byte %zu", hex ? "hex" : "base64", why, at);
    else
        add_bytes(g, (struct slice){arena_dup(e->arena, buf_slice(&out)), out.n});
    buf_done(&out);
    return !why;
}

static bool gather_json(struct gather *g, const struct part *part)
{
    struct buf out = BUF_INIT(PAYLOAD_MOST);
    const bool ok = datum_json(part->json, g->eval, &out);
    if (ok) add_bytes(g, (struct slice){arena_dup(g->eval->arena, buf_slice(&out)), out.n});
    buf_done(&out);
    return ok;
}

static bool gather_file(struct gather *g, const struct part *part)
{
    struct slice path, bytes;
    return text_eval(&part->text, g->eval, &path) && file_text(g->eval, part->mark, path, PAYLOAD_MOST, &bytes) &&
           add_bytes(g, bytes);
}

static bool gather_pack(struct gather *g, const struct part *part)
{
    struct slice bytes;
    return packing_pack(part->args, part->nargs, g->eval, &bytes) && add_bytes(g, bytes);
}

static bool gather_repeat(struct gather *g, const struct part *part)
{
    struct eval *e = g->eval;
    struct slice unit = {0};
    int64_t times;
    struct segment s;
    if (!payload_bytes(part->of, e, &unit) || !quantity_eval(&part->count, e, &times)) return false;
    if (!segments_repeat(unit, times, &s)) return eval_fail(e, part->mark, "%" PRId64 " times is out of bounds", times);
    add_segment(g, &s);
    return true;
}

static bool gather_random(struct gather *g, const struct part *part)
{
    int64_t size, seed;
    if (!quantity_eval(&part->count, g->eval, &size) || !quantity_eval(&part->seed, g->eval, &seed)) return false;
    const struct segment s = {.kind = SEGMENT_RANDOM, .size = (uint64_t)size, .seed = (uint64_t)seed};
    add_segment(g, &s);
    return true;
}

static bool gather_part(struct gather *g, const struct payload *p, const struct part *part)
{
    struct slice bytes;
    switch (part->kind) {
    case PART_BYTES: return add_bytes(g, part->bytes);
    case PART_SEGMENT: add_segment(g, &part->segment); return true;
    case PART_TEXT: return gather_text(g, p, part);
    case PART_HEX:
    case PART_BASE64: return gather_coded(g, part);
    case PART_FILE: return gather_file(g, part);
    case PART_PACK: return gather_pack(g, part);
    case PART_JSON: return gather_json(g, part);
    case PART_REPEAT: return gather_repeat(g, part);
    case PART_RANDOM: return gather_random(g, part);
    case PART_MESSAGE: return message_bytes(part->message, g->eval, &bytes) && add_bytes(g, bytes);
    }
    return false;
}

static bool gather_payload(struct gather *g, const struct payload *p)
{
    for (uint32_t i = 0; i < p->nsegments; i++)
        add_segment(g, &p->segments[i]);
    for (uint32_t i = 0; i < p->n && !p->constant; i++)
        if (!gather_part(g, p, &p->parts[i])) return false;
    return true;
}

/* Bytes from place `from` on that stand next to each other become one segment. */
static uint32_t join_run(struct gather *g, uint32_t from, struct segment *ret)
{
    uint32_t end = from + 1;
    uint64_t size = g->list[from].size;
    *ret = g->list[from];
    if (ret->kind != SEGMENT_BYTES) return end;
    for (; end < g->n && g->list[end].kind == SEGMENT_BYTES; end++)
        size += g->list[end].size;
    if (end == from + 1) return end;
    char *p = arena_alloc(g->eval->arena, (size_t)size);
    segments_render(g->list + from, end - from, p);
    *ret = (struct segment){.kind = SEGMENT_BYTES, .bytes = {p, (size_t)size}, .size = size};
    return end;
}

bool payload_segments(const struct payload *p, struct eval *e, const struct segment **ret, uint32_t *ret_n)
{
    if (p->constant) {
        *ret = p->segments;
        *ret_n = p->nsegments;
        return true;
    }
    struct gather g = {.eval = e};
    if (!gather_payload(&g, p)) return false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < g.n;) {
        struct segment joined;
        i = join_run(&g, i, &joined);
        g.list[n++] = joined;
    }
    *ret = g.list;
    *ret_n = n;
    return true;
}

static bool sum_sizes(const struct segment *list, uint32_t n, uint64_t *ret)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].size > PAYLOAD_MOST) return false;
        size += list[i].size;
        if (size > PAYLOAD_MOST) return false;
    }
    *ret = size;
    return true;
}

bool payload_bytes(const struct payload *p, struct eval *e, struct slice *ret)
{
    const struct segment *list;
    uint32_t n;
    uint64_t size;
    if (!payload_segments(p, e, &list, &n)) return false;
    if (n == 1 && list[0].kind == SEGMENT_BYTES) {
        *ret = list[0].bytes;
        return true;
    }
    if (!sum_sizes(list, n, &size))
        return eval_fail(e, (struct mark){0}, "a payload of more than 64 MiB cannot be kept whole");
    char *bytes = arena_alloc(e->arena, (size_t)size + 1);
    segments_render(list, n, bytes);
    *ret = (struct slice){bytes, (size_t)size};
    return true;
}

struct slice payload_constant(const struct payload *p)
{
    const struct slice unknown = {NULL, 0};
    if (!p->constant || p->nsegments > 1) return unknown;
    if (p->nsegments == 0) return SLICE("");
    return p->segments[0].kind == SEGMENT_BYTES ? p->segments[0].bytes : unknown;
}
