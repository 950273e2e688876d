#ifndef NET_SOCKOPT_H
#define NET_SOCKOPT_H

/* Socket options by the names that scenarios use: one table of name, level, option, type (socket(7), tcp(7), ip(7)). */

#include <stdbool.h>
#include <stdint.h>

#include "util/slice.h"

enum sockopt_type {
    SOCKOPT_BOOL,
    SOCKOPT_INT,
    SOCKOPT_SIZE,
    SOCKOPT_SECONDS,
    SOCKOPT_MS,
    SOCKOPT_LINGER,
    SOCKOPT_TEXT,
    SOCKOPT_GROUP,     /* 239.1.2.3, ff02::1%eth0: can only be set */
    SOCKOPT_INTERFACE, /* the name of one: can only be set */
};

struct sockopt {
    const char *name;
    int level, option;
    int level6, option6; /* for IPv6 sockets where they differ, else 0 */
    enum sockopt_type type;
    const char *doc;
};

/* Ends with a zeroed entry. */
extern const struct sockopt sockopt_table[];

const struct sockopt *sockopt_find(struct slice name);
/* Parses text as the option's type wants it (true/false, number, size, duration in ns, linger: seconds, or false as
 * -1). NULL or a phrase. */
const char *sockopt_parse(const struct sockopt *o, struct slice text, int64_t *ret);
/* 0 or -errno. SOCKOPT_TEXT and SOCKOPT_GROUP use text, all others value. A duration is rounded up to what the system
 * counts in. */
int sockopt_set(int fd, int family, const struct sockopt *o, int64_t value, struct slice text);
/* What the system has. -EOPNOTSUPP for SOCKOPT_TEXT, and for what can only be set. */
int sockopt_get(int fd, int family, const struct sockopt *o, int64_t *ret);
/* The same for SOCKOPT_TEXT: ends with a NUL, cut to fit. */
int sockopt_get_text(int fd, const struct sockopt *o, char *text, size_t size);

#endif
