#include "report/trace.h"

#include <inttypes.h>

#include "util/text.h"
#include "util/units.h"

enum { QUOTE_MOST = 100, NAME_MOST = 256, TEXT_MOST = 1024, SCRATCH = 8 * 1024 };

static void add_time(int64_t at, int64_t began, const struct style *s, struct buf *out)
{
    /* Clocks of a merged stream may differ; a time before the begin is none. */
    int64_t us = at > began ? (at - began) / NS_PER_US : 0;

    paint_on(s, PAINT_FAINT, out);
    buf_printf(out, "%5" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
    paint_off(s, out);
}

static void add_padded(const char *text, int width, struct buf *out)
{
    struct buf name = BUF_INIT(SCRATCH);

    line_text(slice_of(text), NAME_MOST, &name);
    buf_add(out, buf_slice(&name));
    int wide = (int)text_width(buf_slice(&name));
    if (wide < width) buf_printf(out, "%*s", width - wide, "");
    buf_done(&name);
}

static void add_step(const struct event *e, struct buf *out)
{
    add_padded(e->step, 24, out);
    if (!e->place.file) return;
    buf_adds(out, "  ");
    line_text(slice_of(e->place.file), NAME_MOST, out);
    if (e->place.line > 0) buf_printf(out, ":%u", e->place.line);
}

/* Bytes that may be only the first of `number`. */
static void add_bytes(const char *arrow, enum paint p, const struct event *e, const struct style *s, struct buf *out)
{
    uint64_t size = e->number > 0 && (uint64_t)e->number > e->bytes.n ? (uint64_t)e->number : e->bytes.n;

    paint_on(s, p, out);
    buf_adds(out, arrow);
    paint_off(s, out);
    buf_printf(out, " %7" PRIu64 "  ", size);
    text_quote(e->bytes, QUOTE_MOST, out);
}

static void add_exit(const struct event *e, struct buf *out)
{
    if (e->number < 0)
        buf_printf(out, "by signal %" PRId64, -e->number);
    else
        buf_printf(out, "%" PRId64, e->number);
}

static void add_action(const struct event *e, const struct style *s, struct buf *out)
{
    static const char *const words[] = {
        [EVENT_LISTEN] = "listens at",
        [EVENT_CONNECT] = "connects to",
        [EVENT_ACCEPT] = "accepts",
        [EVENT_SEND] = "",
        [EVENT_RECEIVE] = "",
        [EVENT_SHUTDOWN] = "shuts down",
        [EVENT_CLOSE] = "closes",
        [EVENT_RESET] = "resets",
        [EVENT_PEER_CLOSE] = "peer closed",
        [EVENT_PEER_RESET] = "peer reset",
        [EVENT_START] = "starts",
        [EVENT_OUTPUT] = "stderr",
        [EVENT_EXIT] = "exits",
        [EVENT_FAULT] = "proxy",
        [EVENT_STATE] = "is now",
        [EVENT_SECURE] = "begins TLS",
    };

    if (e->action == EVENT_SEND) {
        add_bytes("->", PAINT_PLACE, e, s, out);
        return;
    }
    if (e->action == EVENT_RECEIVE) {
        add_bytes("<-", PAINT_GOOD, e, s, out);
        return;
    }
    const bool is_stdout = e->action == EVENT_OUTPUT && e->number == 1;
    buf_printf(out, "-- %-11s ", is_stdout ? "stdout" : words[e->action]);
    if (e->action == EVENT_EXIT) add_exit(e, out);
    if (e->bytes.n > 0) text_quote(e->bytes, QUOTE_MOST, out);
    if (e->text && (e->action == EVENT_EXIT || e->bytes.n > 0)) buf_addc(out, ' ');
    line_text(slice_of(e->text), TEXT_MOST, out);
}

void trace_render(const struct event *e, int64_t began, const struct style *s, struct buf *out)
{
    add_time(e->at, began, s, out);
    buf_adds(out, "  ");
    add_padded(e->actor, 12, out);
    buf_addc(out, ' ');
    if (e->kind == EVENT_STEP)
        add_step(e, out);
    else
        add_action(e, s, out);
    while (out->n > 0 && out->p[out->n - 1] == ' ')
        out->p[--out->n] = '\0';
    buf_addc(out, '\n');
}
