#ifndef REPORT_STORY_SHOW_H
#define REPORT_STORY_SHOW_H

/* How a story is laid out, for the rooms that show it. */

#include "report/story.h"

enum { INDENT = 5, TEXT_MOST = 64 << 10, NAME_MOST = 256 };

enum phase {
    PHASE_NONE,
    PHASE_CREATE,
    PHASE_PIPES,
    PHASE_CONNECT,
    PHASE_ACCEPT,
    PHASE_EXCHANGE,
    PHASE_CLOSE,
    PHASE_AFTER,
    PHASE_TLS
};

struct showing {
    const struct story *story;
    const struct player *player;
    struct story_told *told;
    const struct style *style;
    struct buf *out;
    struct buf line;
    enum phase phase;
    uint32_t connection;
    const struct act *shown; /* whose socket was told of last */
    bool fresh;              /* nothing stands below the title yet */
    bool loopback;           /* what was shown last went over it */
};

/* The line that was collected, wrapped. The style may colour it: it holds no colours itself. */
void story_put_line(struct showing *w, size_t indent, size_t hang, const enum paint *paint);
/* "       TCP       32 bytes  port 1 -> 2, ..."; size -1: without one. */
void story_put_layer(struct showing *w, const char *label, int64_t size, const char *text);
bool story_is_tcp(const struct act *a);
bool story_is_udp(const struct act *a);
/* Between the same two ends. */
bool story_same_addresses(const struct event_socket *a, const struct event_socket *b);

/* What went over the network (story_wires.c): the packets that were captured, else what can be derived. */
/* The handshake of TCP. */
void story_put_handshake(struct showing *w, const struct act *a);
/* Those that end a direction of TCP, and what answers them. */
void story_put_ending(struct showing *w, const struct act *a);
/* The way down of what was sent: each segment that holds some of it; or the datagram. */
void story_put_segments(struct showing *w, const struct act *a);
void story_put_datagram(struct showing *w, const struct act *a);

#endif
