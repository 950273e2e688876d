#include "engine/emit.h"

#include <errno.h>
#include <unistd.h>

#include "event/jsonl.h"
#include "event/masker.h"
#include "util/clock.h"

enum { LINE_MOST = 16 << 20 };

void emit_init(struct emit *e, const char *file, int control, int spool, uint64_t spool_most)
{
    *e = (struct emit){.file = file, .control = control, .spool = spool, .spool_most = spool_most, .case_index = -1};
    buf_init(&e->line, LINE_MOST);
}

void emit_done(struct emit *e)
{
    buf_done(&e->line);
}

/* A pipe whose reader is gone, or a full disk, ends what can be said: the supervisor sees the child end without a
 * verdict. */
static bool write_all(int fd, struct slice s)
{
    while (s.n) {
        const ssize_t r = write(fd, s.p, s.n);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return false;
        s.p += r;
        s.n -= (size_t)r;
    }
    return true;
}

static void tell_lost(struct emit *e)
{
    struct event lost = {
        .kind = EVENT_LOST, .number = (int64_t)e->lost, .seq = ++e->seq, .at = clock_now(), .file = e->file};
    lost.case_index = e->case_index;
    e->lost = 0;
    buf_clear(&e->line);
    if (jsonl_write(&lost, &e->line)) write_all(e->spool, buf_slice(&e->line));
}

void emit_event(struct emit *e, struct event *ev)
{
    const bool control = event_is_control(ev->kind) || ev->kind == EVENT_LOG;
    if (!control && !emit_traffic(e)) return;
    ev->seq = ++e->seq;
    if (!ev->at) ev->at = clock_now();
    ev->file = e->file;
    ev->case_name = e->case_name;
    ev->case_index = e->case_index;
    ev->case_line = e->case_line;
    /* With its keys, a capture would show what is masked in it. */
    if (e->masker && ev->kind == EVENT_SECRETS) return;
    const struct event *told = e->masker ? masker_event(e->masker, ev) : ev;
    if (!control && e->packets) e->packets->take(e->packets, told);
    if (!control && (e->spool < 0 || (ev->wire && !e->sockets) || ev->kind == EVENT_SECRETS)) return;
    if (control && e->lost) tell_lost(e);
    buf_clear(&e->line);
    const bool fits = jsonl_write(told, &e->line);
    if (control) {
        if (fits) write_all(e->control, buf_slice(&e->line));
        return;
    }
    if (!fits || e->spooled + e->line.n > e->spool_most) {
        e->lost++;
        return;
    }
    e->spooled += e->line.n;
    write_all(e->spool, buf_slice(&e->line));
}
