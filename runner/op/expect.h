#ifndef OP_EXPECT_H
#define OP_EXPECT_H

/* Expects a frame of a stream: a framing says how far it goes, a matcher what it must be. Fails at the first byte that
 * cannot be right, never by waiting. Also the expectations of an end and of silence, since all three read without
 * taking. */

#include "match/matcher.h"
#include "op/op.h"
#include "op/reader.h"

enum framing {
    FRAMING_EXACT,    /* `bytes` */
    FRAMING_LINE,     /* to LF; a CR before it belongs to the end */
    FRAMING_UNTIL,    /* to `bytes` */
    FRAMING_PATTERN,  /* to where `regex` matches, the match included */
    FRAMING_BYTES,    /* `count` bytes */
    FRAMING_PREFIXED, /* a count, then as many bytes */
    FRAMING_REST,     /* to FIN */
    FRAMING_CUSTOM,   /* as `frame` says */
    FRAMING_URGENT,   /* one byte of TCP urgent data (tcp(7), MSG_OOB) */
};

enum prefix_kind { PREFIX_U8, PREFIX_U16BE, PREFIX_U16LE, PREFIX_U32BE, PREFIX_U32LE, PREFIX_VARINT };

/* What to expect, with every operand known. */
struct expectation {
    enum framing framing;
    enum prefix_kind prefix;
    struct slice bytes;
    uint64_t count;
    struct regex *regex;
    const struct matcher *matcher; /* NULL: anything */
    /* How long the frame is: READER_THERE with its length and its value, READER_WAIT when more bytes are needed,
     * READER_END with *ret_why when these bytes cannot be one. `complete`: no more will come. */
    enum reader_found (*frame)(void *ctx, struct slice have, bool complete, size_t *ret_len, const char **ret_why);
    void *ctx;
    bool keep; /* the value is wanted afterwards: it must not be streamed */
};

struct expect_op {
    struct op op;
    const struct expectation *x;
    struct arena *arena; /* for what the matcher reports */
    uint64_t pos;        /* where it begins */
    uint64_t seen;       /* bytes looked at, or streamed and taken */
    size_t scan;         /* no delimiter begins before this offset */
    uintptr_t looked;    /* where the bytes from pos on stood in memory then */
    size_t want;         /* how long the frame will be, 0: not known yet */
    struct slice
        value; /* OP_DONE, and a mismatch of a whole frame: the frame without delimiter or count; until commit */
    struct match_report report;
    bool whole;    /* a whole frame was read, also if it does not match */
    bool streamed; /* bytes were taken as they came */
    bool patient; /* set after begin: a frame that cannot match is still read to its end, since the actor goes on behind
                     it */
};

/* While it waits: true, with where it would end, if it has its frame unless more bytes lengthen it (FRAMING_PATTERN).
 */
bool expect_would_end(const struct expect_op *o, uint64_t *ret);
/* x and arena outlive it. */
void expect_begin(struct expect_op *o, struct conn *c, const struct expectation *x, struct arena *arena);

enum close_by { CLOSE_ANY, CLOSE_FIN, CLOSE_RESET, CLOSE_NOTIFY };

struct close_op {
    struct op op;
    enum close_by by;
    uint64_t pos;
};
/* Done when the peer has closed in that way; data instead, or the other way, is a mismatch. */
void expect_close_begin(struct close_op *o, struct conn *c, enum close_by by);

struct silence_op {
    struct op op;
    uint64_t pos;
    int64_t until;
};
/* Done when the time (CLOCK_MONOTONIC ns) comes and nothing did; data or a close is a mismatch. The task is woken then.
 */
void expect_silence_begin(struct silence_op *o, struct conn *c, int64_t until);

#endif
