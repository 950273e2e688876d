#include "tls/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

/* One direction of a pipe in memory, which can end after so many bytes, and gives and takes few of them at once. */
struct pipe {
    struct buf buf;
    size_t passed, cut; /* bytes that were read; the place after which nothing comes, SIZE_MAX: never */
    int end;            /* what comes there: 0 an end, EAGAIN silence, or an errno */
    size_t most;        /* bytes in a call */
    size_t room;        /* bytes that may lie in it */
    bool finished;
};

struct wire {
    struct stream stream; /* first */
    struct pipe *in, *out;
};

static ssize_t wire_recv(struct stream *s, void *p, size_t n, int flags)
{
    struct pipe *in = ((struct wire *)s)->in;
    assert_int_equal(flags, 0);
    if (in->passed >= in->cut) return -in->end;
    if (!in->buf.n) return in->finished ? 0 : -EAGAIN;
    if (n > in->most) n = in->most;
    if (n > in->buf.n) n = in->buf.n;
    if (n > in->cut - in->passed) n = in->cut - in->passed;
    memcpy(p, in->buf.p, n);
    buf_drop(&in->buf, n);
    in->passed += n;
    return (ssize_t)n;
}

static ssize_t wire_send(struct stream *s, const void *p, size_t n, int flags)
{
    struct pipe *out = ((struct wire *)s)->out;
    assert_int_equal(flags, 0);
    if (out->passed >= out->cut && out->end == ECONNRESET) return -EPIPE;
    if (out->buf.n >= out->room) return -EAGAIN;
    if (n > out->most) n = out->most;
    if (n > out->room - out->buf.n) n = out->room - out->buf.n;
    buf_add(&out->buf, (struct slice){p, n});
    return (ssize_t)n;
}

static int wire_finish(struct stream *s)
{
    ((struct wire *)s)->out->finished = true;
    return 0;
}

static bool wire_holds(const struct stream *s)
{
    (void)s;
    return false;
}

static void wire_close(struct stream *s)
{
    wire_finish(s);
}

static const struct stream_ops wire_ops = {"wire", wire_recv, wire_send, wire_finish, wire_holds, wire_close};

/* A client and a server, and what lies between them. */
struct pair {
    struct tls_library lib;
    struct pipe up, down; /* to the server, to the client */
    struct wire client_wire, server_wire;
    struct tls *client, *server;
};

static struct tls *new_end(struct pair *p, struct wire *w, const struct tls_settings *s, struct slice early)
{
    char why[TLS_WHY] = "";
    struct tls_context *c = tls_context_get(&p->lib, s, why);
    assert_string_equal(why, "");
    struct tls *t = tls_new(c, &w->stream, s->server ? NULL : "localhost", early);
    assert_non_null(t);
    tls_context_free(c);
    return t;
}

static void pipe_init(struct pipe *p)
{
    *p = (struct pipe){.buf = BUF_INIT(1 << 24), .cut = SIZE_MAX, .most = SIZE_MAX, .room = SIZE_MAX};
}

/* The library stays, so that certificates are made once. */
static void pair_init(struct pair *p, int version)
{
    const struct tls_settings client = {.max_version = version}, server = {.max_version = version, .server = true};
    pipe_init(&p->up);
    pipe_init(&p->down);
    p->client_wire = (struct wire){{&wire_ops, NULL}, &p->down, &p->up};
    p->server_wire = (struct wire){{&wire_ops, NULL}, &p->up, &p->down};
    p->client = new_end(p, &p->client_wire, &client, (struct slice){0});
    p->server = new_end(p, &p->server_wire, &server, (struct slice){0});
}

static void pair_done(struct pair *p)
{
    tls_free(p->client);
    tls_free(p->server);
    buf_done(&p->up.buf);
    buf_done(&p->down.buf);
}

/* Both sides go on until both are done, one has failed, or nothing moves. */
static void shake(struct pair *p, int *ret_client, int *ret_server)
{
    size_t before;
    do {
        before = p->up.passed + p->down.passed + p->up.buf.n + p->down.buf.n;
        *ret_client = tls_handshake(p->client);
        *ret_server = tls_handshake(p->server);
    } while (before != p->up.passed + p->down.passed + p->up.buf.n + p->down.buf.n);
}

static ssize_t get(struct tls *t, char *p, size_t n)
{
    return t->stream.ops->recv(&t->stream, p, n, 0);
}

static ssize_t put(struct tls *t, const char *p, size_t n)
{
    return t->stream.ops->send(&t->stream, p, n, 0);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void bytes_pass_however_few_come_at_once(void **state)
{
    static const size_t mosts[] = {1, 2, 3, 7, SIZE_MAX};
    struct pair p = {0};
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        char text[16];
        int c, s;
        pair_init(&p, versions[i % 2]);
        p.up.most = p.down.most = mosts[i / 2];
        shake(&p, &c, &s);
        assert_int_equal(c, 0);
        assert_int_equal(s, 0);
        assert_int_equal(get(p.server, text, sizeof text), -EAGAIN);
        assert_int_equal(put(p.client, "question", 8), 8);
        assert_int_equal(tls_flush(p.client), 0);
        assert_int_equal(get(p.server, text, 3), 3);
        assert_true(p.server->stream.ops->holds(&p.server->stream));
        assert_int_equal(get(p.server, text + 3, sizeof text - 3), 5);
        assert_memory_equal(text, "question", 8);
        assert_int_equal(p.server->stream.ops->finish(&p.server->stream), 0);
        assert_int_equal(get(p.client, text, sizeof text), 0);
        assert_true(p.client->notified);
        assert_int_equal(put(p.client, "late", 4), 4);
        assert_int_equal(tls_flush(p.client), 0);
        assert_int_equal(get(p.server, text, sizeof text), 4);
        pair_done(&p);
    }
    tls_library_done(&p.lib);
}

static ssize_t hear(struct tls *t)
{
    char text[8];
    const int r = tls_handshake(t);
    return r == 0 ? get(t, text, sizeof text) : r;
}

/* What a side hears whose peer resets, or ends behind some of what it had to say. */
static void check_end(struct tls *t, int end)
{
    const ssize_t r = hear(t);
    if (end || t->done) {
        assert_int_equal(r, -end);
        assert_false(t->notified);
    } else {
        assert_int_equal(r, -EPROTO);
        assert_string_equal(tls_why(t), "the peer closed the connection during the handshake");
    }
}

/* The bytes to one side are cut off at this place: it waits, and then they end. False: the place is behind all that a
 * handshake and a message take. states: those at which it was met waiting, a line each. */
static bool cut_at(struct pair *p, int version, bool up, size_t cut, struct buf *states)
{
    int c, s;
    pair_init(p, version);
    struct pipe *pipe = up ? &p->up : &p->down;
    struct tls *reader = up ? p->server : p->client, *writer = up ? p->client : p->server;
    pipe->cut = cut;
    pipe->end = EAGAIN;
    shake(p, &c, &s);
    put(writer, "x", 1);
    const ssize_t r = hear(reader);
    if (r != 1) {
        assert_int_equal(r, -EAGAIN);
        const char *name = tls_stands_at(reader);
        if (!strstr(buf_str(states), name)) buf_printf(states, "%s\n", name);
        pipe->end = cut % 2 ? ECONNRESET : 0;
        check_end(reader, pipe->end);
    }
    pair_done(p);
    return r != 1;
}

/* The peer falls silent, and then ends or resets, behind each of the bytes that a handshake and a message take: so in
 * every state of the handshake. */
static void every_place_can_be_the_last(void **state)
{
    static const struct {
        int version;
        bool up;
        const char *states;
    } sides[] = {
        {TLS1_2_VERSION, false,
         "SSLv3/TLS write client hello\nSSLv3/TLS read server hello\nSSLv3/TLS read server certificate\n"
         "SSLv3/TLS read server key exchange\nSSLv3/TLS write finished\nSSLv3/TLS read change cipher spec\n"
         "the handshake is done\n"},
        {TLS1_2_VERSION, true,
         "before SSL initialization\nSSLv3/TLS write server done\nSSLv3/TLS read client key exchange\n"
         "SSLv3/TLS read change cipher spec\nthe handshake is done\n"},
        {TLS1_3_VERSION, false,
         "SSLv3/TLS write client hello\nSSLv3/TLS read server hello\nTLSv1.3 read encrypted extensions\n"
         "SSLv3/TLS read server certificate\nTLSv1.3 read server certificate verify\nthe handshake is done\n"},
        {TLS1_3_VERSION, true, "before SSL initialization\nTLSv1.3 write server finished\nthe handshake is done\n"},
    };
    struct pair p = {0};
    (void)state;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct buf states = BUF_INIT(4096);
        size_t cut = 0;
        while (cut_at(&p, sides[i].version, sides[i].up, cut, &states))
            assert_true(++cut < 10000);
        assert_string_equal(buf_str(&states), sides[i].states);
        buf_done(&states);
    }
    tls_library_done(&p.lib);
}

static void changed_bytes_break_it_off(void **state)
{
    struct pair p = {0};
    char text[8];
    int c, s;
    (void)state;
    pair_init(&p, 0);
    shake(&p, &c, &s);
    assert_int_equal(put(p.client, "hello", 5), 5);
    p.up.buf.p[p.up.buf.n - 1] ^= 1;
    assert_int_equal(get(p.server, text, sizeof text), -EPROTO);
    assert_string_equal(tls_why(p.server), "decryption failed or bad record mac");
    assert_int_equal(get(p.client, text, sizeof text), -EPROTO);
    assert_non_null(strstr(tls_why(p.client), "alert bad record mac"));
    assert_int_equal(put(p.client, "x", 1), -EPROTO);
    pair_done(&p);
    tls_library_done(&p.lib);
}

/* What does not go out is kept, and nothing more is taken until it has gone. */
static void a_full_stream_takes_one_record(void **state)
{
    static char much[40000], came[sizeof much];
    struct pair p = {0};
    int c, s;
    (void)state;
    pair_init(&p, 0);
    shake(&p, &c, &s);
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)(i * 7);
    p.up.room = 1000;
    size_t sent = 0, got = 0;
    while (got < sizeof much) {
        const ssize_t w = sent < sizeof much ? put(p.client, much + sent, sizeof much - sent) : tls_flush(p.client);
        assert_true(w >= 0 || w == -EAGAIN);
        assert_true(w <= 16384);
        if (w > 0) sent += (size_t)w;
        assert_true(p.client->out.n < 20000);
        const ssize_t r = get(p.server, came + got, sizeof came - got);
        assert_true(r > 0 || r == -EAGAIN);
        if (r > 0) got += (size_t)r;
    }
    assert_memory_equal(came, much, sizeof much);
    assert_int_equal(tls_flush(p.client), 0);
    pair_done(&p);
    tls_library_done(&p.lib);
}

static void plain_bytes_are_none_of_the_session(void **state)
{
    struct pair p = {0};
    const struct tls_settings server = {.server = true};
    (void)state;
    pair_init(&p, 0);
    tls_free(p.server);
    p.server = new_end(&p, &p.server_wire, &server, SLICE("EHLO\r\n"));
    assert_true(p.server->stream.ops->holds(&p.server->stream));
    assert_int_equal(tls_handshake(p.server), -EPROTO);
    assert_string_equal(tls_why(p.server), "plain bytes came before the handshake, the first is 0x45");
    pair_done(&p);
    tls_library_done(&p.lib);
}

static void secrets_are_told_to_who_asks(void *ctx, const char *line)
{
    buf_adds(ctx, line);
}

static void a_key_log_is_told(void **state)
{
    struct pair p = {0};
    struct buf log = BUF_INIT(1 << 16);
    int c, s;
    (void)state;
    pair_init(&p, 0);
    p.client->keylog = secrets_are_told_to_who_asks;
    p.client->keylog_ctx = &log;
    shake(&p, &c, &s);
    assert_non_null(strstr(buf_str(&log), "CLIENT_TRAFFIC_SECRET_0 "));
    buf_done(&log);
    pair_done(&p);
    tls_library_done(&p.lib);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_however_few_come_at_once), cmocka_unit_test(every_place_can_be_the_last),
        cmocka_unit_test(changed_bytes_break_it_off),          cmocka_unit_test(a_full_stream_takes_one_record),
        cmocka_unit_test(plain_bytes_are_none_of_the_session), cmocka_unit_test(a_key_log_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
