#ifndef RUN_SHARD_H
#define RUN_SHARD_H

/* One part of a suite that several machines run: which part this is, and which cases are in it. Every machine comes to
 * the same parts, if it has the same files, the same selection and the same results of earlier runs. */

#include <stdbool.h>
#include <stdint.h>

#include "run/results.h"
#include "run/suite.h"

enum { SHARD_MOST = 10000 };

struct shard {
    uint32_t index, total; /* index from 1; total 0: everything */
};

/* "2/4", or "auto" and "auto/4", which ask the environment: GitLab, CircleCI, Buildkite, Slurm arrays, Kubernetes
 * indexed Jobs (which do not say how many there are: by the text, or by SOCKRUN_SHARD_TOTAL). NULL, or what is wrong as
 * a phrase. */
const char *shard_parse(const char *text, char *(*env)(const char *name), struct shard *ret);
/* Keeps the cases of this part selected: the longest ones are dealt out first, each to the part that has least to do. A
 * case of which nothing is known counts as an average one. Returns a number that is the same for all parts of the same
 * plan. */
uint32_t shard_keep(struct suite *s, const struct shard *shard, const struct results *r);

#endif
