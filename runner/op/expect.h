#ifndef OP_EXPECT_H
#define OP_EXPECT_H

/* Expects a frame of a stream: a framing says how far it goes, a matcher what it must be. Of datagrams each is one
 * whole message: a frame must end where it ends. Fails at the first byte that
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
    FRAMING_DATAGRAM, /* a whole datagram */
};

enum prefix_kind { PREFIX_U8, PREFIX_U16BE, PREFIX_U16LE, PREFIX_U32BE, PREFIX_U32LE, PREFIX_VARINT };
/* The count in front of a frame: its own length in *ret_n, 0 if more bytes are needed. Varint: 7 bits a byte, the
 * lowest first, at most 5 bytes (Protocol Buffers encoding; MQTT 5.0 1.5.5 with 4). */
uint64_t prefix_count(enum prefix_kind kind, struct slice have, size_t *ret_n);

/* What the maker of a framing of its own says of the bytes from a place on. */
struct custom_frame {
    size_t len;      /* of the frame, once it is whole */
    const char *why; /* it cannot be one, or it is another than was wanted; in the task's arena, or longer lived */
    size_t at;       /* the byte where that arose */
    bool broken;     /* and that is the maker's own fault, not that of the bytes */
    bool decoded;    /* the matcher judges `value`, not the bytes */
    struct view value;
};

/* What to expect, with every operand known. */
struct expectation {
    enum framing framing;
    enum prefix_kind prefix;
    struct slice bytes;
    uint64_t count;
    struct regex *regex;
    const struct matcher *matcher; /* NULL: anything */
    /* READER_THERE with a frame, which is not what was wanted if it says why; READER_WAIT when more bytes are needed,
     * READER_END when these bytes cannot be one. `complete`: no more will come. */
    enum reader_found (*frame)(void *ctx, const struct reader *at, struct slice have, bool complete, struct arena *a,
                               struct custom_frame *ret);
    /* The frame at this place is taken now; or the op is over. May be NULL. */
    void (*took)(void *ctx, struct conn *c, uint64_t pos);
    void (*left)(void *ctx, struct conn *c);
    /* The decoded value at this place in words, for a report; in the arena. */
    const char *(*show)(void *ctx, struct conn *c, struct arena *a);
    const void *module; /* whose framing it is, as conn_messages has it; NULL: nobody's */
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
    const char *shown; /* of a decoded frame that does not match: what it was */
    bool whole;        /* a whole frame was read, also if it does not match */
    bool streamed;     /* bytes were taken as they came */
    bool patient; /* set after begin: a frame that cannot match is still read to its end, since the actor goes on behind
                     it */
};

/* While it waits: true, with where it would end, if it has its frame unless more bytes lengthen it (FRAMING_PATTERN).
 */
bool expect_would_end(const struct expect_op *o, uint64_t *ret);
/* x and arena outlive it. */
void expect_begin(struct expect_op *o, struct conn *c, const struct expectation *x, struct arena *arena);

enum close_by { CLOSE_ANY, CLOSE_FIN, CLOSE_RESET, CLOSE_REFUSED, CLOSE_NOTIFY, CLOSE_TLS };

struct close_op {
    struct op op;
    enum close_by by;
    uint64_t pos;
    char text[200]; /* what is wrong */
};
/* Done when the peer has closed in that way; data instead, or another way, is a mismatch. Of datagrams REFUSED is what
 * the system has heard (ICMP port unreachable, RFC 792); they go on afterwards. */
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
