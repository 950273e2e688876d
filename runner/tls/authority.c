#include "tls/authority.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { SERIAL_BYTES = 16, DAY = 24 * 60 * 60, DAYS_VALID = 30, NAME_MOST = 253, NAMES_TEXT = 400 };

static bool set_serial(X509 *x)
{
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    /* Positive, and not zero (RFC 5280 4.1.2.2). */
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    const bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool set_name(X509_NAME *name, const char *common)
{
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"sockrun", -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0) == 1;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    const bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

/* Valid since yesterday, so that clocks that differ a little do no harm. */
static X509 *begin_certificate(EVP_PKEY *key, const char *common)
{
    X509 *x = X509_new();
    if (x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && X509_set_pubkey(x, key) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), -DAY) && X509_gmtime_adj(X509_getm_notAfter(x), DAYS_VALID * DAY) &&
        set_name(X509_get_subject_name(x), common))
        return x;
    X509_free(x);
    return NULL;
}

static bool sign_authority(X509 *x, EVP_PKEY *key)
{
    return X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
           add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(x, x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()) > 0;
}

bool tls_authority_init(struct tls_authority *a)
{
    a->key = EVP_EC_gen("P-256");
    a->cert = a->key ? begin_certificate(a->key, "the authority of this run") : NULL;
    if (a->cert && sign_authority(a->cert, a->key)) return true;
    tls_authority_done(a);
    return false;
}

void tls_authority_done(struct tls_authority *a)
{
    X509_free(a->cert);
    EVP_PKEY_free(a->key);
    *a = (struct tls_authority){0};
}

/* It becomes part of a text that OpenSSL parses: nothing that has a meaning there may be in it. */
static bool is_host_name(const char *name)
{
    const char *rest = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    const size_t n = strlen(rest);
    return n > 0 && n <= NAME_MOST &&
           strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n;
}

static bool write_names(const char *name, char text[NAMES_TEXT])
{
    int n = snprintf(text, NAMES_TEXT, "DNS:localhost,IP:127.0.0.1,IP:::1");
    if (!name) return true;
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);
    const bool address = ip != NULL;
    ASN1_OCTET_STRING_free(ip);
    if (!address && !is_host_name(name)) return false;
    n += snprintf(text + n, (size_t)(NAMES_TEXT - n), ",%s:%s", address ? "IP" : "DNS", name);
    return n < NAMES_TEXT;
}

static bool sign_leaf(const struct tls_authority *a, X509 *x, const char *names)
{
    return X509_set_issuer_name(x, X509_get_subject_name(a->cert)) == 1 &&
           add_extension(x, a->cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, a->cert, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, a->cert, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(x, a->cert, NID_subject_key_identifier, "hash") &&
           add_extension(x, a->cert, NID_authority_key_identifier, "keyid:always") &&
           add_extension(x, a->cert, NID_subject_alt_name, names) && X509_sign(x, a->key, EVP_sha256()) > 0;
}

bool tls_authority_issue(const struct tls_authority *a, const char *name, X509 **ret_cert, EVP_PKEY **ret_key)
{
    char names[NAMES_TEXT];
    if (!write_names(name, names)) return false;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    /* A common name has at most 64 characters (RFC 5280, ub-common-name); the alternative names are what counts. */
    X509 *x = key ? begin_certificate(key, name && strlen(name) <= 64 ? name : "localhost") : NULL;
    if (x && sign_leaf(a, x, names)) {
        *ret_cert = x;
        *ret_key = key;
        return true;
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return false;
}

bool tls_authority_pem(const struct tls_authority *a, struct buf *ret)
{
    char *text;
    BIO *out = BIO_new(BIO_s_mem());
    bool ok = out && PEM_write_bio_X509(out, a->cert) == 1;
    const long n = ok ? BIO_get_mem_data(out, &text) : 0;
    ok = ok && n > 0 && buf_add(ret, (struct slice){text, (size_t)n});
    BIO_free(out);
    return ok;
}
