#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/terminal.h"
#include "report/failure.h"
#include "report/line.h"
#include "run/compare.h"
#include "util/jsonw.h"

enum { DIFF = 1 /* the version of the form */, REASON_MOST = 4096, NAME_MOST = 64 * 1024 };
#define TEXT_MOST ((size_t)1 << 31)

struct change_word {
    const char *title, *name;
    enum paint paint;
};

static const struct change_word words[COMPARE_CHANGES] = {
    [COMPARE_FAILS] = {"fail now", "fails", PAINT_BAD},
    [COMPARE_NEW_FAILS] = {"new, and fail", "new_fails", PAINT_BAD},
    [COMPARE_WORSE] = {"worse", "worse", PAINT_BAD},
    [COMPARE_NOT_RUN] = {"not run: the new run was ended before", "not_run", PAINT_BAD},
    [COMPARE_FLAKY] = {"flaky now", "flaky", PAINT_NOTICE},
    [COMPARE_GONE] = {"gone", "gone", PAINT_NOTICE},
    [COMPARE_SKIPPED] = {"skipped now", "skipped", PAINT_NOTICE},
    [COMPARE_NEW] = {"new", "new", PAINT_GOOD},
    [COMPARE_BETTER] = {"better", "better", PAINT_GOOD},
    [COMPARE_SAME] = {"as before", "same", PAINT_FAINT},
};

static uint32_t count_worse(const struct comparison *c)
{
    uint32_t n = 0;
    for (int i = 0; i < COMPARE_CHANGES; i++)
        if (compare_is_worse((enum compare_change)i)) n += c->of[i];
    return n;
}

/* Text */

static void put_verdict(const struct compare_case *c, const struct style *s, struct buf *out)
{
    paint_on(s, failure_paint(c->verdict), out);
    buf_adds(out, sr_verdict_name(c->verdict));
    paint_off(s, out);
    if (c->flaky) buf_adds(out, " (flaky)");
}

static void put_pair(const struct compare_pair *p, const struct style *s, struct buf *out)
{
    const struct compare_case *c = p->is ? p->is : p->was;
    buf_adds(out, "   ");
    line_text(slice_of(c->file), NAME_MOST, out);
    if (c->line) buf_printf(out, ":%" PRIu32, c->line);
    if (*c->name) buf_adds(out, " > ");
    line_text(slice_of(c->name), NAME_MOST, out);
    buf_adds(out, "  ");
    if (p->was) put_verdict(p->was, s, out);
    if (p->was && p->is) buf_adds(out, " -> ");
    if (p->is) put_verdict(p->is, s, out);
    buf_addc(out, '\n');
    if (!p->is || !p->is->reason || p->change == COMPARE_NEW || p->change == COMPARE_BETTER) return;
    buf_adds(out, "      ");
    line_text(slice_of(p->is->reason), REASON_MOST, out);
    buf_addc(out, '\n');
}

static void put_title(enum compare_change change, uint32_t n, const struct style *s, struct buf *out)
{
    paint_on(s, words[change].paint, out);
    buf_adds(out, words[change].title);
    paint_off(s, out);
    buf_printf(out, " (%" PRIu32 ")\n", n);
}

static void put_text(const struct comparison *c, const struct style *s, struct buf *out)
{
    const uint32_t changed = c->n - c->of[COMPARE_SAME], worse = count_worse(c);
    for (uint32_t i = 0; i < changed; i++) {
        const enum compare_change change = c->pairs[i].change;
        const bool first = i == 0 || c->pairs[i - 1].change != change;
        if (first && i > 0) buf_addc(out, '\n');
        if (first) put_title(change, c->of[change], s, out);
        put_pair(&c->pairs[i], s, out);
    }
    if (changed) buf_addc(out, '\n');
    buf_printf(out, "%" PRIu32 " of %" PRIu32 " cases changed", changed, c->n);
    if (changed) buf_printf(out, ", %" PRIu32 " for the worse", worse);
    buf_addc(out, '\n');
}

/* JSON */

static void write_side(struct jsonw *w, const char *key, const struct compare_case *c)
{
    if (!c) return;
    jsonw_open(w, key, '{');
    jsonw_str(w, "file", c->file);
    jsonw_str(w, "case", c->name);
    if (c->line) jsonw_int(w, "line", c->line);
    jsonw_str(w, "id", c->id);
    jsonw_str(w, "verdict", sr_verdict_name(c->verdict));
    if (c->flaky) jsonw_bool(w, "flaky", true);
    jsonw_str(w, "reason", c->reason);
    jsonw_close(w, '}');
}

static void put_json(const struct comparison *c, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "diff", DIFF);
    jsonw_int(&w, "worse", count_worse(c));
    jsonw_open(&w, "counts", '{');
    for (int i = 0; i < COMPARE_CHANGES; i++)
        jsonw_int(&w, words[i].name, c->of[i]);
    jsonw_close(&w, '}');
    jsonw_open(&w, "changes", '[');
    for (uint32_t i = 0; i < c->n - c->of[COMPARE_SAME]; i++) {
        jsonw_open(&w, NULL, '{');
        jsonw_str(&w, "change", words[c->pairs[i].change].name);
        jsonw_bool(&w, "worse", compare_is_worse(c->pairs[i].change));
        write_side(&w, "old", c->pairs[i].was);
        write_side(&w, "new", c->pairs[i].is);
        jsonw_close(&w, '}');
    }
    jsonw_close(&w, ']');
    jsonw_close(&w, '}');
    buf_addc(out, '\n');
}

static bool read_one(const char *path, struct arena *a, struct compare_report *ret)
{
    const char *why = compare_read(path, a, ret);
    if (why) terminal_say("%s: %s", path, why);
    return !why;
}

static enum sr_exit show(const struct comparison *c, const struct options *o)
{
    const struct style style = {.color = terminal_color(o->color, STDOUT_FILENO), .width = LINE_WIDTH};
    struct buf out = BUF_INIT(TEXT_MOST);
    if (o->format == FORMAT_JSON)
        put_json(c, &out);
    else
        put_text(c, &style, &out);
    const bool whole = !out.overflow;
    if (whole) fwrite(buf_str(&out), 1, out.n, stdout);
    buf_done(&out);
    if (!whole) terminal_say("there is too much to tell");
    return !whole ? SR_EXIT_ERROR : count_worse(c) ? SR_EXIT_FAIL : SR_EXIT_OK;
}

enum sr_exit cmd_diff(const struct options *o)
{
    struct arena a;
    struct compare_report was, is;
    struct comparison c;
    enum sr_exit result = SR_EXIT_INVALID;
    if (o->narguments != 2) {
        terminal_say("two JSON reports are compared: sockrun diff OLD.json NEW.json");
        return SR_EXIT_USAGE;
    }
    arena_init(&a);
    const bool old = read_one(o->arguments[0], &a, &was);
    if (read_one(o->arguments[1], &a, &is) && old) {
        compare_reports(&was, &is, &a, &c);
        result = show(&c, o);
    }
    arena_done(&a);
    return result;
}
