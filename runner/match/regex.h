#ifndef MATCH_REGEX_H
#define MATCH_REGEX_H

/* PCRE2 on bytes, with JIT, bounded work, and searches that can go on when more bytes come. */

#include <stdbool.h>
#include <stddef.h>

#include "util/slice.h"

struct regex;

/* PCRE2's own syntax on bytes (characters with (*UTF) at its beginning); `$` means the very end, \G is refused. NULL
 * and a phrase, with the offset in the pattern. */
struct regex *regex_new(struct slice pattern, char *ret_why, size_t size, size_t *ret_at);
void regex_free(struct regex *r);
struct slice regex_pattern(const struct regex *r);
/* Named groups: how many, and the name of each. */
size_t regex_names(const struct regex *r);
const char *regex_name(const struct regex *r, size_t i);

enum regex_found {
    REGEX_NO,
    REGEX_YES,
    REGEX_MORE, /* more bytes could make or lengthen a match */
    REGEX_LIMIT /* took too much work: the report says so */
};

struct regex_match {
    size_t from, to;
    /* valid until the next match with this regex */
    const size_t *ovector;
};

/* Anywhere in subject, which is complete. ret is written for REGEX_YES. */
enum regex_found regex_find(struct regex *r, struct slice subject, struct regex_match *ret);
/* Anywhere from byte `start`, when more may follow unless `complete`: REGEX_MORE also when a match reaches the end and
 * more bytes could lengthen it (PCRE2_PARTIAL_HARD); ret->from then is where a later search must begin. */
enum regex_found regex_scan(struct regex *r, struct slice subject, size_t start, bool complete,
                            struct regex_match *ret);
/* The bytes of named group i in the subject of the last match; p NULL if it took no part. */
struct slice regex_group(const struct regex *r, size_t i, const struct regex_match *m, struct slice subject);

#endif
