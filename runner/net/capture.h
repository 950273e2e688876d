#ifndef NET_CAPTURE_H
#define NET_CAPTURE_H

/* The headers of every packet that this machine sends and receives, as the system carries them (packet(7)). Needs root
 * or CAP_NET_RAW. */

#include <stdbool.h>
#include <stdint.h>

#include "util/slice.h"

enum { CAPTURE_HEADERS = 128 }; /* bytes that are kept of each */

struct capture {
    int fd; /* -1: none */
    unsigned char bytes[CAPTURE_HEADERS];
};

/* 0, or -EPERM and other -errno; then nothing is to be closed. */
int capture_open(struct capture *c);
void capture_close(struct capture *c);
/* The beginning of the next packet that has come, its Ethernet header first; valid until the next call. What passes
 * over loopback is given once. False: none now. */
bool capture_next(struct capture *c, struct slice *ret_headers);
/* How many did not fit into the system's buffer since the last call. */
uint32_t capture_lost(struct capture *c);

#endif
