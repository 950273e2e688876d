#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

/* How TLS is spoken on one side of a connection: settings become a context (SSL_CTX_new(3)). To make one costs more
 * than a handshake, so the library keeps them, and who asks with the same settings gets the same one. */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "tls/authority.h"
#include "tls/pem.h"
#include "util/permit.h"
#include "util/slice.h"

enum { TLS_CONTEXTS = 32 };

enum tls_client_cert { TLS_CLIENT_NONE, TLS_CLIENT_REQUEST, TLS_CLIENT_REQUIRE };

/* Everything is the caller's. What is NULL or 0 was not said. */
struct tls_settings {
    struct tls_pem pem;
    const char *server_name; /* of a server: what a certificate that is made for it bears, too */
    struct slice alpn;       /* best first, each with its length in the byte before it (RFC 7301 3.1) */
    int min_version, max_version;
    const char *ciphers; /* of an OpenSSL list; names that begin with TLS_ are those of TLS 1.3 */
    bool no_verify;
    enum tls_client_cert client_cert;
    bool server;
    bool datagram; /* DTLS (RFC 6347) */
};

struct tls_context {
    SSL_CTX *ctx;
    BIO_METHOD *method; /* of its sessions */
    struct buf key;     /* what it was made from */
    char *alpn;
    uint32_t nalpn;
    uint32_t refs;
    bool no_verify, server, datagram;
};

/* What TLS needs in a process, made on first use. Zeroed: nothing yet. */
struct tls_library {
    struct tls_authority authority;
    struct tls_context *kept[TLS_CONTEXTS]; /* the oldest makes room */
    uint32_t next;
};

void tls_library_done(struct tls_library *lib);
#define TLS_CA_FILE "sockrun-ca.pem"
/* Writes the certificate of the authority that stands behind servers without one (PEM), unless the file is there. */
bool tls_library_ca_file(struct tls_library *lib, const struct permit_scope *permit, const char *path);

/* A context, which the caller gives up by tls_context_free; NULL with a phrase. */
struct tls_context *tls_context_get(struct tls_library *lib, const struct tls_settings *s, char why[TLS_WHY]);
struct tls_context *tls_context_hold(struct tls_context *c);
void tls_context_free(struct tls_context *c);

/* A version by its name: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, DTLSv1.2. 0: there is none. */
int tls_version_of_name(struct slice name);
/* Whether OpenSSL knows any of this list of ciphers. */
bool tls_ciphers_known(const char *ciphers);

#endif
