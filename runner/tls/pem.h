#ifndef TLS_PEM_H
#define TLS_PEM_H

/* Certificates and keys as files hold them (PEM, RFC 7468). */

#include <openssl/x509.h>
#include <stdbool.h>

#include "util/slice.h"

enum { TLS_WHY = 240 };

/* The text of the files; p NULL: not given. Without `key` the key stands beside the certificate. */
struct tls_pem {
    struct slice cert, key, ca;
};

/* The first certificate, and those that follow it up to a root. NULL after a phrase in why. */
X509 *tls_pem_chain(struct slice text, STACK_OF(X509) * *ret_more, char why[TLS_WHY]);
/* A key without a passphrase. */
EVP_PKEY *tls_pem_key(struct slice text, char why[TLS_WHY]);
/* NULL, or the member of `pem` that is wrong, and how: what is no certificate, no key, or a key of another certificate.
 */
const struct slice *tls_pem_wrong(const struct tls_pem *pem, char why[TLS_WHY]);

#endif
