#ifndef NET_STREAM_H
#define NET_STREAM_H

/* Streams are stacked filters: what stands on top sees plain bytes. Each filter is a const table of functions; the
 * lowest one (fd) speaks to the system, every other one to the filter below it. Never blocks, never retries. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/slice.h"

struct stream;

struct stream_ops {
    const char *name; /* "fd", "tap" */
    /* > 0 bytes; 0: the peer has ended its direction; -EAGAIN: none now; another -errno. */
    ssize_t (*recv)(struct stream *s, void *p, size_t n, int flags);
    /* > 0 bytes taken (perhaps fewer); -EAGAIN; another -errno. flags: MSG_OOB or 0. */
    ssize_t (*send)(struct stream *s, const void *p, size_t n, int flags);
    /* Ends our direction. 0 or -errno. */
    int (*finish)(struct stream *s);
    /* True while the filter itself holds bytes that recv would give without asking below. */
    bool (*holds)(const struct stream *s);
    /* Frees what the filter owns, and closes below it. */
    void (*close)(struct stream *s);
};

struct stream {
    const struct stream_ops *ops;
    struct stream *below; /* NULL for the lowest */
};

/* The lowest filter: a socket, or two pipes. Owns its descriptors; finish is shutdown(SHUT_WR) on a socket, and closing
 * the pipe otherwise (take its watch out of the reactor first). Of a terminal (rfd and wfd are both its master side)
 * finish types the character that ends the input (termios(3), VEOF); that the other side has gone counts as its end. */
struct stream_fd {
    struct stream stream;
    int rfd, wfd; /* the same for sockets; -1 when closed */
    bool socket;
    bool terminal; /* set by the maker */
    bool mid_line; /* of a terminal: what was typed last is no end of a line */
};
void stream_fd_init(struct stream_fd *s, int rfd, int wfd, bool socket);

/* Sees all bytes that pass, in either direction, without changing them. */
struct stream_tap {
    struct stream stream;
    void (*saw)(void *ctx, bool sent, struct slice bytes);
    void *ctx;
    bool datagrams; /* the maker's: no bytes are an empty one, not the end */
};
void stream_tap_init(struct stream_tap *s, struct stream *below, void (*saw)(void *, bool, struct slice), void *ctx);

#endif
