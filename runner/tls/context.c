#include "tls/context.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/sock.h"
#include "tls/dtls.h"
#include "util/mem.h"

enum { KEY_MOST = 64 << 20, CIPHERS_MOST = 2000, PEM_MOST = 64 << 10 };

static bool fail(char why[TLS_WHY], const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(why, TLS_WHY, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return false;
}

int tls_version_of_name(struct slice name)
{
    static const struct {
        const char *name;
        int version;
    } versions[] = {{"TLSv1", TLS1_VERSION},
                    {"TLSv1.1", TLS1_1_VERSION},
                    {"TLSv1.2", TLS1_2_VERSION},
                    {"TLSv1.3", TLS1_3_VERSION},
                    {"DTLSv1.2", DTLS1_2_VERSION}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (slice_is(name, versions[i].name)) return versions[i].version;
    return 0;
}

static bool have_authority(struct tls_library *lib, char why[TLS_WHY])
{
    return lib->authority.cert || tls_authority_init(&lib->authority) ||
           fail(why, "the authority of this run cannot be made");
}

static bool write_all(int fd, struct slice text)
{
    ssize_t n = 0;
    for (; text.n && n >= 0; text = slice_part(text, n > 0 ? (size_t)n : 0, text.n))
        n = sock_write(fd, text.p, text.n);
    return n >= 0;
}

bool tls_library_ca_file(struct tls_library *lib, const struct permit_scope *permit, const char *path)
{
    char why[TLS_WHY];
    struct permit_need need;
    struct buf pem = BUF_INIT(PEM_MOST);
    bool ok = have_authority(lib, why) && tls_authority_pem(&lib->authority, &pem);
    const int fd = ok ? permit_open(permit, path, O_WRONLY | O_CREAT | O_EXCL, 0644, &need) : -EINVAL;
    if (fd >= 0) {
        ok = write_all(fd, buf_slice(&pem));
        close(fd);
    }
    buf_done(&pem);
    return fd >= 0 ? ok : fd == -EEXIST;
}

/* The names of TLS 1.3 go their own way (SSL_CTX_set_ciphersuites(3)); either kind may be absent, and is left as it is.
 */
static bool set_ciphers(SSL_CTX *ctx, const char *list)
{
    struct buf old = BUF_INIT(CIPHERS_MOST), new = BUF_INIT(CIPHERS_MOST);
    for (size_t n; *list; list += n) {
        n = strspn(list, ":, ");
        list += n;
        n = strcspn(list, ":, ");
        struct buf *to = strncmp(list, "TLS_", 4) == 0 ? &new : &old;
        if (n && to->n) buf_addc(to, ':');
        buf_add(to, (struct slice){list, n});
    }
    const bool ok = !old.overflow && !new.overflow && (old.n || new.n) &&
                    (!old.n || SSL_CTX_set_cipher_list(ctx, buf_str(&old)) == 1) &&
                    (!new.n || SSL_CTX_set_ciphersuites(ctx, buf_str(&new)) == 1);
    buf_done(&old);
    buf_done(&new);
    return ok;
}

bool tls_ciphers_known(const char *ciphers)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    const bool ok = ctx && set_ciphers(ctx, ciphers);
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

static bool set_versions(SSL_CTX *ctx, const struct tls_settings *s)
{
    const int least = s->datagram ? DTLS1_2_VERSION : TLS1_2_VERSION;
    const bool old =
        !s->datagram && ((s->max_version && s->max_version < least) || (s->min_version && s->min_version < least));
    /* What nobody should use any more is there for who asks for it by name. */
    if (old) SSL_CTX_set_security_level(ctx, 0);
    return SSL_CTX_set_min_proto_version(ctx, s->min_version ? s->min_version
                                              : old          ? 0
                                                             : least) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, s->max_version) == 1;
}

static bool add_chain(SSL_CTX *ctx, struct slice text, char why[TLS_WHY])
{
    STACK_OF(X509) * more;
    X509 *x = tls_pem_chain(text, &more, why);
    if (!x) return false;
    const bool ok = SSL_CTX_use_cert_and_key(ctx, x, NULL, more, 1) == 1;
    X509_free(x);
    sk_X509_pop_free(more, X509_free);
    return ok || fail(why, "the certificate cannot be used");
}

static bool set_given(SSL_CTX *ctx, const struct tls_pem *pem, char why[TLS_WHY])
{
    if (!add_chain(ctx, pem->cert, why)) return false;
    EVP_PKEY *key = tls_pem_key(pem->key.p ? pem->key : pem->cert, why);
    if (!key) return false;
    const bool ok = SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(key);
    return ok || fail(why, "the key cannot be used");
}

static bool set_made(struct tls_library *lib, SSL_CTX *ctx, const char *name, char why[TLS_WHY])
{
    X509 *x;
    EVP_PKEY *key;
    if (!have_authority(lib, why)) return false;
    if (!tls_authority_issue(&lib->authority, name, &x, &key)) {
        snprintf(why, TLS_WHY, "no certificate can be made for %.200s", name ? name : "localhost");
        return false;
    }
    const bool ok = SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    X509_free(x);
    EVP_PKEY_free(key);
    return ok || fail(why, "the certificate cannot be used");
}

/* A server names the authorities whose certificates it takes (RFC 8446 4.2.4). */
static bool trust(SSL_CTX *ctx, X509 *x, bool server)
{
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1 && (!server || SSL_CTX_add_client_CA(ctx, x) == 1);
}

static bool trust_given(SSL_CTX *ctx, const struct tls_settings *s, char why[TLS_WHY])
{
    STACK_OF(X509) * more;
    X509 *x = tls_pem_chain(s->pem.ca, &more, why);
    if (!x) return false;
    bool ok = trust(ctx, x, s->server);
    for (int i = 0; i < sk_X509_num(more) && ok; i++)
        ok = trust(ctx, sk_X509_value(more, i), s->server);
    X509_free(x);
    sk_X509_pop_free(more, X509_free);
    return ok || fail(why, "the authority cannot be used");
}

static bool set_trust(struct tls_library *lib, SSL_CTX *ctx, const struct tls_settings *s, char why[TLS_WHY])
{
    const bool asks = !s->server || s->client_cert != TLS_CLIENT_NONE;
    int mode = SSL_VERIFY_NONE;
    if (asks && s->pem.ca.p && !trust_given(ctx, s, why)) return false;
    if (asks && !s->pem.ca.p) {
        if (!have_authority(lib, why) || !trust(ctx, lib->authority.cert, s->server)) return false;
        /* What the system trusts is looked up only when it is needed. */
        if (!s->server) SSL_CTX_set_default_verify_dir(ctx);
    }
    if (!s->server && !s->no_verify) mode = SSL_VERIFY_PEER;
    if (s->server && asks) mode = SSL_VERIFY_PEER;
    if (s->client_cert == TLS_CLIENT_REQUIRE) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, mode, NULL);
    return true;
}

/* A server that asks for a certificate and does not verify it takes any. */
static int take_any(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
                           unsigned inlen, void *arg)
{
    const struct tls_context *c = arg;
    unsigned char *chosen;
    (void)ssl;
    const int found = SSL_select_next_proto(&chosen, outlen, (const unsigned char *)c->alpn, c->nalpn, in, inlen);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_alpn(struct tls_context *c, const struct tls_settings *s)
{
    if (!s->alpn.n) return true;
    if (!s->server) return SSL_CTX_set_alpn_protos(c->ctx, (const unsigned char *)s->alpn.p, (unsigned)s->alpn.n) == 0;
    c->alpn = mem_dup(s->alpn);
    c->nalpn = (uint32_t)s->alpn.n;
    SSL_CTX_set_alpn_select_cb(c->ctx, choose_protocol, c);
    return true;
}

static void set_manners(SSL_CTX *ctx)
{
    /* A close without a close_notify is told by the session itself, and leaves our direction open. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
    /* A ticket that a client never reads would turn its close into a reset (RFC 2525 2.17). */
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    /* One receive for a record and not two. */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_dh_auto(ctx, 1);
    SSL_CTX_set_keylog_callback(ctx, tls_session_keylog);
}

static bool fill(struct tls_library *lib, struct tls_context *c, const struct tls_settings *s, char why[TLS_WHY])
{
    SSL_CTX *ctx = c->ctx;
    set_manners(ctx);
    if (!set_versions(ctx, s)) return fail(why, "these versions cannot be used");
    if (s->ciphers && !set_ciphers(ctx, s->ciphers)) return fail(why, "no such cipher");
    if (s->pem.cert.p ? !set_given(ctx, &s->pem, why) : s->server && !set_made(lib, ctx, s->server_name, why))
        return false;
    if (!set_trust(lib, ctx, s, why)) return false;
    if (s->server && s->no_verify) SSL_CTX_set_cert_verify_callback(ctx, take_any, NULL);
    return set_alpn(c, s) || fail(why, "these protocols cannot be offered");
}

static struct tls_context *make(struct tls_library *lib, const struct tls_settings *s, char why[TLS_WHY])
{
    struct tls_context *c = mem_zalloc(sizeof *c);
    *c = (struct tls_context){.refs = 1, .no_verify = s->no_verify, .server = s->server, .datagram = s->datagram};
    c->ctx = SSL_CTX_new(s->datagram ? DTLS_method() : TLS_method());
    c->method = s->datagram ? dtls_session_method() : tls_session_method();
    if (c->ctx && c->method ? fill(lib, c, s, why) : fail(why, "TLS cannot be used")) return c;
    tls_context_free(c);
    return NULL;
}

static void add_part(struct buf *key, struct slice part)
{
    buf_add(key, (struct slice){(const char *)&part.n, sizeof part.n});
    buf_add(key, part);
}

static struct buf key_of(const struct tls_settings *s)
{
    const int numbers[] = {s->min_version, s->max_version, s->no_verify, (int)s->client_cert, s->server, s->datagram};
    struct buf key = BUF_INIT(KEY_MOST);
    buf_add(&key, (struct slice){(const char *)numbers, sizeof numbers});
    add_part(&key, s->pem.cert);
    add_part(&key, s->pem.key);
    add_part(&key, s->pem.ca);
    /* A client asks for its name in each session. */
    add_part(&key, slice_of(s->server ? s->server_name : NULL));
    add_part(&key, s->alpn);
    add_part(&key, slice_of(s->ciphers));
    return key;
}

struct tls_context *tls_context_hold(struct tls_context *c)
{
    c->refs++;
    return c;
}

struct tls_context *tls_context_get(struct tls_library *lib, const struct tls_settings *s, char why[TLS_WHY])
{
    struct buf key = key_of(s);
    for (uint32_t i = 0; i < TLS_CONTEXTS && lib->kept[i]; i++) {
        if (!slice_eq(buf_slice(&lib->kept[i]->key), buf_slice(&key))) continue;
        buf_done(&key);
        return tls_context_hold(lib->kept[i]);
    }
    struct tls_context *c = make(lib, s, why);
    if (!c) {
        buf_done(&key);
        return NULL;
    }
    c->key = key;
    tls_context_free(lib->kept[lib->next]);
    lib->kept[lib->next] = tls_context_hold(c);
    lib->next = (lib->next + 1) % TLS_CONTEXTS;
    return c;
}

void tls_context_free(struct tls_context *c)
{
    if (!c || --c->refs) return;
    SSL_CTX_free(c->ctx);
    BIO_meth_free(c->method);
    buf_done(&c->key);
    mem_free(c->alpn);
    mem_free(c);
}

void tls_library_done(struct tls_library *lib)
{
    for (uint32_t i = 0; i < TLS_CONTEXTS; i++)
        tls_context_free(lib->kept[i]);
    /* Who has spoken no TLS touches none of OpenSSL's pages: each costs a short run a page fault. */
    if (lib->authority.key) tls_authority_done(&lib->authority);
    *lib = (struct tls_library){0};
}
