#ifndef RUN_TEST_PROBE_H
#define RUN_TEST_PROBE_H

/* A process that runs a test script's chunk to learn which tests it has: limited in time and memory, with nothing that
 * the API could open, so that nothing a script does on being loaded reaches the one who asks. */

#include "run/suite.h"

/* The tests as the file's cases, in the suite's arena; or diagnostics, and none. */
void test_probe(struct suite *s, struct suite_file *f, const struct settings *settings);

#endif
