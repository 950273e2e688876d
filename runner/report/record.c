#include "report/record.h"

#include <stdbool.h>

enum { HEAD = 5, CHANGE = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23, MAJOR = 3, ALERT_SIZE = 2, MESSAGE_HEAD = 4 };

struct naming {
    struct buf *out;
    bool changed;    /* what comes is sealed (RFC 5246 7.1) */
    unsigned sealed; /* so many that are not told yet */
};

static void add_name(struct naming *g, const char *name)
{
    if (g->out->n) buf_adds(g->out, ", ");
    buf_adds(g->out, name);
}

static void add_sealed(struct naming *g)
{
    if (!g->sealed) return;
    if (g->out->n) buf_adds(g->out, ", ");
    buf_printf(g->out, "%u sealed record%s", g->sealed, g->sealed == 1 ? "" : "s");
    g->sealed = 0;
}

static const char *message_name(unsigned char type)
{
    static const char *const names[] = {
        [1] = "ClientHello",         [2] = "ServerHello",      [4] = "NewSessionTicket",
        [8] = "EncryptedExtensions", [11] = "Certificate",     [12] = "ServerKeyExchange",
        [13] = "CertificateRequest", [14] = "ServerHelloDone", [15] = "CertificateVerify",
        [16] = "ClientKeyExchange",  [20] = "Finished",        [22] = "CertificateStatus",
    };
    return type < sizeof names / sizeof *names ? names[type] : NULL;
}

/* The messages of one record (RFC 8446 4). */
static void name_handshake(struct naming *g, const unsigned char *p, size_t n)
{
    for (size_t at = 0; at + MESSAGE_HEAD <= n;) {
        const char *name = message_name(p[at]);
        add_name(g, name ? name : "a message of the handshake");
        at += MESSAGE_HEAD + ((size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 | p[at + 3]);
    }
}

static void name_record(struct naming *g, const unsigned char *p, size_t n)
{
    const bool sealed = *p == DATA || (g->changed && *p != CHANGE) || (*p == ALERT && n - HEAD != ALERT_SIZE);
    if (sealed) {
        g->sealed++;
        return;
    }
    add_sealed(g);
    if (*p == CHANGE) {
        add_name(g, "change of cipher");
        g->changed = true;
    } else if (*p == ALERT) {
        add_name(g, "alert");
    } else {
        name_handshake(g, p + HEAD, n - HEAD);
    }
}

unsigned record_names(struct slice bytes, struct buf *out)
{
    struct naming g = {.out = out};
    const unsigned char *p = (const unsigned char *)bytes.p;
    const size_t before = out->n;
    size_t at = 0;
    while (bytes.n - at >= HEAD && p[at] >= CHANGE && p[at] <= DATA && p[at + 1] == MAJOR) {
        const size_t n = HEAD + ((size_t)p[at + 3] << 8 | p[at + 4]);
        if (n > bytes.n - at) break;
        name_record(&g, p + at, n);
        at += n;
    }
    const unsigned sealed = at == bytes.n && out->n == before ? g.sealed : 0;
    add_sealed(&g);
    if (at < bytes.n) add_name(&g, "part of a record");
    return sealed;
}
