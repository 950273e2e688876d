#include "engine/recorder.h"

#include <assert.h>
#include <string.h>

#include "util/text.h"
#include "util/units.h"

enum { TEXT_MOST = 16 * 1024 };

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
