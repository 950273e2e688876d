#ifndef RUN_ORDER_H
#define RUN_ORDER_H

/* What is done with the cases that are selected before they run: only those that failed, in which order, how often. */

#include "run/results.h"
#include "run/suite.h"

/* Keeps those selected whose last verdict was a failure. */
void order_last_failed(struct suite *s, const struct results *r);
/* Files in another order, and the cases of each. The same seed and the same cases give the same order. */
void order_shuffle(struct suite *s, uint64_t seed);
/* Each case `times` times, all of a file before any comes again; names end in " (run 2)". */
void order_repeat(struct suite *s, uint32_t times);

#endif
