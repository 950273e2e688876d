#ifndef EVENT_PCAPNG_H
#define EVENT_PCAPNG_H

/* Blocks of a capture file (draft-ietf-opsawg-pcapng), in this machine's byte order, as the format allows. Each
 * function appends one whole block, or nothing if the buffer's cap does not allow it. */

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

enum {
    PCAPNG_RAW = 101,                /* LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header */
    PCAPNG_TLS_KEY_LOG = 0x544c534b, /* secrets as lines of NSS's key log (section 4.7) */
};

/* The first block: what follows is of this section. */
bool pcapng_section(struct buf *out, const char *application);
/* Interfaces are numbered from 0 in the order in which they come; times of their packets are nanoseconds. */
bool pcapng_interface(struct buf *out, uint16_t link, const char *name, const char *description);
/* Stands before the packets that it decrypts. */
bool pcapng_secrets(struct buf *out, uint32_t type, struct slice secrets);

struct pcapng_packet {
    uint32_t interface;
    int64_t at; /* ns since 1970 */
    bool inbound;
    struct slice head, payload; /* the packet is one behind the other */
    struct slice comment;       /* UTF-8; at most 64 KiB - 1 */
};
bool pcapng_packet(struct buf *out, const struct pcapng_packet *p);

#endif
