#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

enum { CERTIFICATES_MOST = 1000, TEXT_MOST = 16 << 20 };

static BIO *open_text(struct slice text)
{
    return BIO_new_mem_buf(text.n ? text.p : "", text.n < TEXT_MOST ? (int)text.n : TEXT_MOST);
}

static int no_passphrase(char *p, int size, int writing, void *asked)
{
    (void)p;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

X509 *tls_pem_chain(struct slice text, STACK_OF(X509) * *ret_more, char why[TLS_WHY])
{
    BIO *in = open_text(text);
    X509 *first = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL, *x;
    STACK_OF(X509) *more = sk_X509_new_null();
    while (first && more && sk_X509_num(more) < CERTIFICATES_MOST && (x = PEM_read_bio_X509(in, NULL, NULL, NULL)))
        if (!sk_X509_push(more, x)) X509_free(x);
    BIO_free(in);
    ERR_clear_error();
    if (first && more) {
        *ret_more = more;
        return first;
    }
    X509_free(first);
    sk_X509_pop_free(more, X509_free);
    snprintf(why, TLS_WHY, "no certificate in PEM");
    return NULL;
}

EVP_PKEY *tls_pem_key(struct slice text, char why[TLS_WHY])
{
    bool asked = false;
    BIO *in = open_text(text);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &asked) : NULL;
    BIO_free(in);
    ERR_clear_error();
    if (!key) snprintf(why, TLS_WHY, "%s", asked ? "the key has a passphrase, which nobody can give" : "no key in PEM");
    return key;
}

static bool is_chain(struct slice text, char why[TLS_WHY])
{
    STACK_OF(X509) * more;
    X509 *x = tls_pem_chain(text, &more, why);
    if (!x) return false;
    X509_free(x);
    sk_X509_pop_free(more, X509_free);
    return true;
}

static const struct slice *pair_wrong(const struct tls_pem *pem, char why[TLS_WHY])
{
    STACK_OF(X509) * more;
    const struct slice *of = pem->key.p ? &pem->key : &pem->cert;
    X509 *x = tls_pem_chain(pem->cert, &more, why);
    if (!x) return &pem->cert;
    EVP_PKEY *key = tls_pem_key(*of, why);
    const bool fits = key && X509_check_private_key(x, key) == 1;
    if (key && !fits) snprintf(why, TLS_WHY, "the key does not fit the certificate");
    EVP_PKEY_free(key);
    X509_free(x);
    sk_X509_pop_free(more, X509_free);
    ERR_clear_error();
    return fits ? NULL : of;
}

const struct slice *tls_pem_wrong(const struct tls_pem *pem, char why[TLS_WHY])
{
    if (pem->ca.p && !is_chain(pem->ca, why)) return &pem->ca;
    return pem->cert.p ? pair_wrong(pem, why) : NULL;
}
