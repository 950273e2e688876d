#include "event/pcapng.h"

#include <string.h>

enum block { SECTION = 0x0a0d0d0a, INTERFACE = 1, PACKET = 6, SECRETS = 10 };

/* Options: of every block, of a section, of an interface, of a packet. */
enum {
    END = 0,
    COMMENT = 1,
    SECTION_APPLICATION = 4,
    INTERFACE_NAME = 2,
    INTERFACE_DESCRIPTION = 3,
    INTERFACE_RESOLUTION = 9,
    PACKET_FLAGS = 2,
};

enum { BYTE_ORDER_MAGIC = 0x1a2b3c4d, INBOUND = 1, OUTBOUND = 2, NANOSECONDS = 9 };
/* A block's type and its length, twice; the head of an option. */
enum { FRAME_SIZE = 12, OPTION_HEAD = 4 };

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static size_t option_size(size_t n)
{
    return OPTION_HEAD + padded(n);
}

static char *put(char *at, const void *p, size_t n)
{
    if (n) memcpy(at, p, n);
    return at + n;
}

static char *put32(char *at, uint32_t value)
{
    return put(at, &value, sizeof value);
}

static char *put16(char *at, uint16_t value)
{
    return put(at, &value, sizeof value);
}

static char *put_padding(char *at, size_t n)
{
    static const char zeros[4];
    return put(at, zeros, padded(n) - n);
}

static char *put_option(char *at, uint16_t code, struct slice value)
{
    at = put16(at, code);
    at = put16(at, (uint16_t)value.n);
    at = put(at, value.p, value.n);
    return put_padding(at, value.n);
}

static char *put_end(char *at)
{
    return put32(at, END);
}

/* Room for a block whose body has `body` bytes: its head is written. */
static char *begin(struct buf *out, enum block type, size_t body, uint32_t *ret_total)
{
    const size_t total = FRAME_SIZE + body;
    char *at = total <= UINT32_MAX ? buf_room(out, total) : NULL;
    if (!at) return NULL;
    *ret_total = (uint32_t)total;
    return put32(put32(at, type), (uint32_t)total);
}

static bool end(struct buf *out, char *at, uint32_t total)
{
    put32(at, total);
    out->n += total;
    return true;
}

bool pcapng_section(struct buf *out, const char *application)
{
    const struct slice name = slice_of(application);
    const uint64_t length = UINT64_MAX; /* of the section: not known */
    uint32_t total;
    char *at = begin(out, SECTION, 16 + option_size(name.n) + OPTION_HEAD, &total);
    if (!at) return false;
    at = put32(at, BYTE_ORDER_MAGIC);
    at = put16(put16(at, 1), 0);
    at = put(at, &length, sizeof length);
    at = put_end(put_option(at, SECTION_APPLICATION, name));
    return end(out, at, total);
}

bool pcapng_interface(struct buf *out, uint16_t link, const char *name, const char *description)
{
    static const char resolution = NANOSECONDS;
    const struct slice n = slice_of(name), d = slice_of(description);
    uint32_t total;
    char *at = begin(out, INTERFACE, 8 + option_size(n.n) + option_size(d.n) + option_size(1) + OPTION_HEAD, &total);
    if (!at) return false;
    at = put16(put16(at, link), 0);
    at = put32(at, 0);
    at = put_option(at, INTERFACE_NAME, n);
    at = put_option(at, INTERFACE_DESCRIPTION, d);
    at = put_option(at, INTERFACE_RESOLUTION, (struct slice){&resolution, 1});
    return end(out, put_end(at), total);
}

bool pcapng_secrets(struct buf *out, uint32_t type, struct slice secrets)
{
    uint32_t total;
    char *at = begin(out, SECRETS, 8 + padded(secrets.n), &total);
    if (!at) return false;
    at = put32(put32(at, type), (uint32_t)secrets.n);
    at = put(at, secrets.p, secrets.n);
    return end(out, put_padding(at, secrets.n), total);
}

bool pcapng_packet(struct buf *out, const struct pcapng_packet *p)
{
    const size_t size = p->head.n + p->payload.n;
    const uint32_t flags = p->inbound ? INBOUND : OUTBOUND;
    const size_t comment = p->comment.n ? option_size(p->comment.n) : 0;
    uint32_t total;
    char *at = begin(out, PACKET, 20 + padded(size) + option_size(sizeof flags) + comment + OPTION_HEAD, &total);
    if (!at) return false;
    at = put32(at, p->interface);
    at = put32(put32(at, (uint32_t)((uint64_t)p->at >> 32)), (uint32_t)p->at);
    at = put32(put32(at, (uint32_t)size), (uint32_t)size);
    at = put(put(at, p->head.p, p->head.n), p->payload.p, p->payload.n);
    at = put_padding(at, size);
    at = put_option(at, PACKET_FLAGS, (struct slice){(const char *)&flags, sizeof flags});
    if (comment) at = put_option(at, COMMENT, p->comment);
    return end(out, put_end(at), total);
}
