#ifndef TLS_AUTHORITY_H
#define TLS_AUTHORITY_H

/* A certificate authority that lives in memory as long as a run, for servers that bring no certificate of their own
 * (X.509 v3, RFC 5280). Its key is never written anywhere. */

#include <openssl/x509.h>
#include <stdbool.h>

#include "util/buf.h"

struct tls_authority {
    EVP_PKEY *key;
    X509 *cert;
};

/* Makes key and certificate; false if OpenSSL cannot. */
bool tls_authority_init(struct tls_authority *a);
/* One that was never made is fine. */
void tls_authority_done(struct tls_authority *a);
/* A certificate for localhost, 127.0.0.1, ::1 and, if not NULL, `name`: a host name (perhaps with a `*` in front) or an
 * address. Both are the caller's. False if the name is no such thing, or OpenSSL cannot. */
bool tls_authority_issue(const struct tls_authority *a, const char *name, X509 **ret_cert, EVP_PKEY **ret_key);
/* Its certificate in PEM (RFC 7468). */
bool tls_authority_pem(const struct tls_authority *a, struct buf *ret);

#endif
