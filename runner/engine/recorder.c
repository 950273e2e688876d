#include "engine/recorder.h"

#include <assert.h>
#include <string.h>

#include "util/text.h"
#include "util/units.h"

enum { TEXT_MOST = 16 * 1024, SHOWN = 10 };

static void show_record(const struct board *b, const struct board_record *r, struct buf *out)
{
    char at[UNITS_TEXT], size[UNITS_TEXT];
    size_t kept = r->size < BOARD_BYTES ? r->size : BOARD_BYTES;
    if (out->n) buf_addc(out, '\n');
    buf_printf(out, "%s: %.*s %s %s ", units_show_duration(r->at > b->started ? r->at - b->started : 0, at), BOARD_NAME,
               r->actor, r->sent ? "sent" : "received", units_show_size(r->size, size));
    text_quote((struct slice){(const char *)r->bytes, kept}, BOARD_BYTES, out);
    if (r->size > kept) buf_adds(out, " ...");
}

const char *recorder_show(const struct board *b, uint32_t most, struct arena *a)
{
    struct buf out = BUF_INIT(TEXT_MOST);
    assert(most <= BOARD_RECORDS);
    uint32_t n = b->nrecords < most ? b->nrecords : most;
    for (uint32_t i = b->nrecords - n; i != b->nrecords; i++)
        show_record(b, &b->records[i % BOARD_RECORDS], &out);
    const char *text = arena_dup(a, buf_slice(&out));
    buf_done(&out);
    return text;
}

const char *recorder_last(const struct board *b, enum sr_verdict verdict, struct arena *a)
{
    return sr_verdict_failed(verdict) && b->nrecords > 1 ? recorder_show(b, SHOWN, a) : "";
}

void recorder_note(const char *last, enum sr_verdict verdict, struct event_failure *failures, size_t n, struct arena *a)
{
    const struct event e = {.verdict = verdict, .failures = failures, .nfailures = n};
    const struct event_failure *reason = event_reason(&e);
    if (!*last || !reason || !sr_verdict_failed(verdict)) return;
    struct event_failure *f = &failures[reason - failures];
    struct event_note *notes = arena_array(a, f->nnotes + 1, sizeof *notes);
    if (f->nnotes) memcpy(notes, f->notes, f->nnotes * sizeof *notes);
    notes[f->nnotes++] = (struct event_note){"last messages", last};
    f->notes = notes;
}

const char *recorder_mask(const struct mask *mask, struct conn *c, bool sent, struct slice bytes, uint64_t size,
                          char *room)
{
    if (!mask) return bytes.p;
    mask_bytes(mask, bytes, &c->masked[sent], room, BOARD_BYTES);
    /* Of a large one the rest is not there to be looked at. */
    if (bytes.n < size) c->masked[sent] = 0;
    return room;
}

void recorder_keep(struct board *b, int64_t at, const char *actor, const struct mask *mask, struct conn *c, bool sent,
                   uint64_t from, struct slice bytes)
{
    char room[BOARD_BYTES];
    const char *told = recorder_mask(mask, c, sent, bytes, bytes.n, room);
    board_record_of(b, at, actor, sent, from, told, (uint32_t)bytes.n);
}
