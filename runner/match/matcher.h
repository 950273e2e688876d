#ifndef MATCH_MATCHER_H
#define MATCH_MATCHER_H

/* Matchers: what a value must be. A tree with every operand known (the engine fills in `${}` first), compared with a
 * view. A failure says where in the value, what was wanted, what was there, and at which byte they differ. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/regex.h"
#include "match/view.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/slice.h"

enum { MATCHER_DIGEST = 32 };

enum matcher_kind {
    MATCHER_ANY,   /* everything, also what is absent */
    MATCHER_BYTES, /* `eq` with text, hex, base64, file: these bytes. A number is compared by the text it prints as */
    MATCHER_NULL,
    MATCHER_BOOL, /* integer: 0 or 1 */
    MATCHER_INT,  /* `eq` with a number; bytes that read as this number count as equal */
    MATCHER_FLOAT,
    MATCHER_REGEX,    /* `matches` */
    MATCHER_CONTAINS, /* bytes: a part; a list: an element that equals the bytes */
    MATCHER_STARTS_WITH,
    MATCHER_ENDS_WITH,
    MATCHER_LT,
    MATCHER_LE,
    MATCHER_GT,
    MATCHER_GE,     /* number; of bytes, the number they read as */
    MATCHER_NOT,    /* of[0] */
    MATCHER_LENGTH, /* of[0] against the count of bytes or elements */
    MATCHER_SHA256, /* the SHA-256 (FIPS 180-4) of the bytes is `bytes`, MATCHER_DIGEST of them */
    MATCHER_JSON,   /* bytes parsed as JSON, then of[0] */
    MATCHER_PRESENT,
    MATCHER_ABSENT,
    MATCHER_ANY_OF,
    MATCHER_ALL_OF, /* also several keys in one map */
    MATCHER_MAP,    /* template: names[i] must match of[i]; other entries are free */
    MATCHER_LIST,   /* template: element by element, the same count */
    MATCHER_WHERE,  /* where(ctx, view) */
};

struct matcher {
    enum matcher_kind kind;
    unsigned id;         /* the maker's: which place in the scenario it came from */
    struct slice bytes;  /* BYTES, CONTAINS, STARTS_WITH, ENDS_WITH, SHA256; WHERE: its text */
    int64_t integer;     /* BOOL, INT */
    double number;       /* FLOAT, LT ... GE */
    bool whole;          /* LT ... GE: the operand is integer, which a double might not hold */
    struct regex *regex; /* not owned */
    /* WHERE: true, false, or false with *ret_why set when it could not be evaluated; the text lives in the arena. */
    bool (*where)(void *ctx, const struct matcher *m, const struct view *v, struct arena *a, const char **ret_why);
    /* WHERE: appends the values that it did not hold for, `id = 7, len = 6`. NULL: the value itself says it. */
    void (*show_values)(void *ctx, const struct view *v, struct buf *out);
    void *ctx;
    size_t n;
    struct matcher **of;
    struct slice *names; /* MAP */
};

/* What regexes with named groups caught. */
struct match_capture {
    const char *name;
    struct slice bytes; /* within the value */
};

/* What a comparison found. Strings live in the arena given to matcher_check. */
struct match_report {
    unsigned id;         /* of the matcher that failed */
    const char *path;    /* "headers.content-type", "[2].name"; "" for the value itself */
    const char *message; /* "expected 200, got 404"; "does not contain \"ok\""; one line */
    bool bytes;          /* expected and got can be compared byte by byte, and differ first at `at` */
    size_t at;
    struct slice expected;
    struct slice got;               /* the value that failed, if it is of bytes; whether or not `bytes` is set */
    struct match_capture *captures; /* on success; groups that took no part are left out */
    size_t ncaptures;
};

/* True if v is what m wants. What could not be judged (too much work for a regex, an error in WHERE) is false, below
 * NOT too. Bytes of which only the count is known (p NULL) will do where matcher_streams says so. ret may be NULL when
 * only the answer counts; captures are collected only with ret. */
bool matcher_check(const struct matcher *m, const struct view *v, struct arena *a, struct match_report *ret);

/* "`headers.content-type`: expected 200, got 404": path, if there is one, and message. */
void matcher_explain(const struct match_report *r, struct buf *out);

/* What is known from the first bytes of a value that goes on: false once no continuation can match, *ret_at the first
 * byte that cannot be right. Looks at BYTES, STARTS_WITH, LENGTH, ALL_OF and ANY_OF; says true for what it cannot know.
 */
bool matcher_possible(const struct matcher *m, struct slice so_far, size_t *ret_at);
/* Why matcher_possible said no at this byte, for the report; the same whether the rest of the value has come or not. */
void matcher_refuse(const struct matcher *m, struct slice so_far, size_t at, struct arena *a, struct match_report *ret);
/* The bytes that a value must begin with, if the matcher says so outright (BYTES, STARTS_WITH, the first such of
 * ALL_OF); p NULL otherwise. For dumps and timeouts. */
struct slice matcher_prefix(const struct matcher *m);
/* True if it can be judged from the length and the running bytes alone without keeping the value: ANY, LENGTH, PRESENT
 * and ALL_OF these. For `rest` and `bytes` of any size. */
bool matcher_streams(const struct matcher *m);
/* The matcher in words, for "waiting for ..." lines: `"220 ready"`, `a match of /^220 /`, at most `most` bytes. */
void matcher_show(const struct matcher *m, size_t most, struct buf *out);

#endif
