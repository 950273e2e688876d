#ifndef ENGINE_SEGMENTS_H
#define ENGINE_SEGMENTS_H

/* What a payload is made of once it is compiled, and how that becomes segments to send. For payload.c alone, whose
 * header has the functions that evaluate (they are here). */

#include "engine/datum.h"
#include "engine/payload.h"

enum part_kind {
    PART_BYTES,   /* bytes */
    PART_SEGMENT, /* segment: generated, all known */
    PART_TEXT,
    PART_HEX,    /* of a text */
    PART_BASE64, /* of a text */
    PART_FILE,   /* text is its path */
    PART_PACK,   /* args */
    PART_JSON,
    PART_REPEAT, /* of, count */
    PART_RANDOM, /* count, seed */
    PART_MESSAGE,
};

struct part {
    enum part_kind kind;
    struct mark mark;
    struct slice bytes;
    struct segment segment;
    struct text_plan text;
    struct text_plan *args;
    uint32_t nargs;
    struct datum *json;
    struct payload *of;
    struct message_plan *message;
    struct quantity count, seed;
};

struct payload {
    struct part *parts;
    uint32_t n, size;
    bool lf;
    bool constant;
    const struct segment *segments; /* constant */
    uint32_t nsegments;
};

/* One segment that repeats `unit`, with 0 bytes if there is nothing; false if the size is beyond all bounds. */
bool segments_repeat(struct slice unit, int64_t times, struct segment *ret);
/* n bytes at p, which hold all of the segments. */
void segments_render(const struct segment *list, uint32_t n, char *p);

#endif
