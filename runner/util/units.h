#ifndef UTIL_UNITS_H
#define UTIL_UNITS_H

/* Durations (`200us 50ms 5s 2m`), sizes (`512`, `64KiB`, `1MiB`, `1GiB`) and numbers as scenario files write them, and
 * back as people read them. */

#include <stdbool.h>
#include <stdint.h>

#include "util/slice.h"

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* A decimal number (a fraction is allowed: `1.5s`) and one of ns us ms s m h, nothing else. Result in ns, below 2^62.
 * Returns NULL, or what is wrong as a phrase ("a duration needs a unit: us, ms, s or m"). */
const char *units_duration(struct slice text, int64_t *ret_ns);
/* Bytes: a whole number, or one with KiB, MiB or GiB. NULL or a phrase. */
const char *units_size(struct slice text, uint64_t *ret_bytes);
/* A whole number, decimal with an optional minus sign or 0x. NULL or a phrase. */
const char *units_int(struct slice text, int64_t *ret);
/* A number with or without a fraction or exponent. NULL or a phrase. */
const char *units_number(struct slice text, double *ret);

enum { UNITS_TEXT = 32 };
/* "850 us", "1 ms", "1.5 s", "2 m": at most three significant digits, written to text; returns text. */
const char *units_show_duration(int64_t ns, char text[UNITS_TEXT]);
/* "17 bytes", "1 byte", "64 KiB", "1.5 MiB". */
const char *units_show_size(uint64_t bytes, char text[UNITS_TEXT]);

#endif
