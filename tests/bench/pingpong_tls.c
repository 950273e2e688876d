/* bench_pingpong_tls ROUNDS: what a simple event loop makes of a 64-byte ping-pong over TLS 1.3 between both ends of
 * one TCP connection, with OpenSSL as its manual has it: SSL_set_fd(3), and a read is tried before it is waited for. */

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64, DAY = 24 * 60 * 60 };

struct end {
    SSL *ssl;
    int fd;
    int have;
    long left; /* rounds */
    bool starts;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Signed by itself: nobody verifies it. */
static SSL_CTX *server_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), DAY);
    X509_set_pubkey(x, key);
    if (!X509_sign(x, key, EVP_sha256()) || SSL_CTX_use_certificate(ctx, x) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1)
        die("certificate");
    X509_free(x);
    EVP_PKEY_free(key);
    return ctx;
}

static void send_message(const struct end *e)
{
    static const char message[MESSAGE] = "ping";
    if (SSL_write(e->ssl, message, MESSAGE) != MESSAGE) die("SSL_write");
}

/* Until nothing is there to read. */
static void serve(struct end *e)
{
    char message[MESSAGE];
    while (e->left > 0) {
        const int n = SSL_read(e->ssl, message + e->have, MESSAGE - e->have);
        if (n <= 0 && SSL_get_error(e->ssl, n) == SSL_ERROR_WANT_READ) return;
        if (n <= 0) die("SSL_read");
        e->have += n;
        if (e->have < MESSAGE) continue;
        e->have = 0;
        e->left--;
        if (e->left > 0 || !e->starts) send_message(e);
    }
}

static void make_pair(struct end ends[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&a, n) < 0 || listen(listener, 1) < 0) die("listen");
    if (getsockname(listener, (struct sockaddr *)&a, &n) < 0) die("getsockname");
    ends[0].fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ends[0].fd, (struct sockaddr *)&a, n) < 0) die("connect");
    ends[1].fd = accept(listener, NULL, NULL);
    if (ends[1].fd < 0) die("accept");
    for (int i = 0; i < 2; i++) {
        SSL_CTX *ctx = i ? server_context() : SSL_CTX_new(TLS_client_method());
        ends[i].ssl = SSL_new(ctx);
        SSL_CTX_free(ctx);
        SSL_set_fd(ends[i].ssl, ends[i].fd);
        if (i)
            SSL_set_accept_state(ends[i].ssl);
        else
            SSL_set_connect_state(ends[i].ssl);
        setsockopt(ends[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (fcntl(ends[i].fd, F_SETFL, O_NONBLOCK) < 0) die("fcntl");
    }
    close(listener);
}

int main(int argc, char **argv)
{
    long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    struct end ends[2] = {{.left = rounds, .starts = true}, {.left = rounds}};
    struct epoll_event events[2];
    if (rounds < 1) {
        fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
        return 1;
    }
    make_pair(ends);
    while (SSL_do_handshake(ends[0].ssl) != 1 || SSL_do_handshake(ends[1].ssl) != 1)
        SSL_do_handshake(ends[1].ssl);
    int epoll = epoll_create1(0);
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &ends[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i].fd, &event) < 0) die("epoll_ctl");
    }
    send_message(&ends[0]);
    while (ends[0].left > 0) {
        int n = epoll_wait(epoll, events, 2, -1);
        for (int i = 0; i < n; i++)
            serve(events[i].data.ptr);
    }
    return 0;
}
