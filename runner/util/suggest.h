#ifndef UTIL_SUGGEST_H
#define UTIL_SUGGEST_H

/* "Did you mean ...?": the nearest of some names to what was written. */

#include "util/slice.h"

/* The best of the names so far. Start with a zeroed one and the word. */
struct suggest {
    struct slice word;
    struct slice best;
    unsigned distance; /* valid if best.p is set */
};

void suggest_init(struct suggest *s, struct slice word);
void suggest_offer(struct suggest *s, struct slice name);
/* The name that is near enough to be meant (edit distance with transpositions, at most a third of the word, at least
 * one; the case of letters costs little), or an empty slice with p == NULL. */
struct slice suggest_best(const struct suggest *s);

#endif
