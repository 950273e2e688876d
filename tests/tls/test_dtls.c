#include "tls/dtls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "util/clock.h"
#include "util/random.h"

enum { DATAGRAM = 2048, QUEUE = 2048 };

/* The time by which OpenSSL finds that an answer is late: it passes when a test says so. */
static struct timeval today = {.tv_sec = 1700000000};

int gettimeofday(struct timeval *tv, void *zone)
{
    (void)zone;
    *tv = today;
    return 0;
}

struct datagram {
    size_t n;
    char bytes[DATAGRAM];
};

/* One direction of a network that loses, repeats, overtakes and adds. */
struct queue {
    struct datagram list[QUEUE];
    size_t first, last;
    size_t sent;                /* ever */
    size_t lose;                /* the first of those that are lost */
    size_t nlose;               /* how many */
    bool twice;                 /* each comes again */
    bool overtaken;             /* each is overtaken by the next, if that is sent before anybody receives */
    bool cut_before;            /* its first halves and rubbish come before each */
    bool full;                  /* takes nothing now */
    int recv_error, send_error; /* of the next call */
};

struct wire {
    struct stream stream; /* first */
    struct queue *in, *out;
};

static void enqueue(struct queue *q, const void *p, size_t n)
{
    assert_true(n <= DATAGRAM && q->last < QUEUE);
    q->list[q->last].n = n;
    if (n) memcpy(q->list[q->last].bytes, p, n);
    q->last++;
}

static ssize_t wire_recv(struct stream *s, void *p, size_t n, int flags)
{
    struct queue *in = ((struct wire *)s)->in;
    assert_int_equal(flags, 0);
    if (in->recv_error) {
        const int error = in->recv_error;
        in->recv_error = 0;
        return -error;
    }
    if (in->first == in->last) {
        in->first = in->last = 0;
        return -EAGAIN;
    }
    const struct datagram *d = &in->list[in->first++];
    if (n > d->n) n = d->n;
    memcpy(p, d->bytes, n);
    return (ssize_t)n;
}

static ssize_t wire_send(struct stream *s, const void *p, size_t n, int flags)
{
    struct queue *out = ((struct wire *)s)->out;
    assert_int_equal(flags, 0);
    if (out->send_error) {
        const int error = out->send_error;
        out->send_error = 0;
        return -error;
    }
    if (out->full) return -EAGAIN;
    const size_t at = out->sent++;
    if (at >= out->lose && at < out->lose + out->nlose) return (ssize_t)n;
    for (size_t k = 1; out->cut_before && k < n; k += 7)
        enqueue(out, p, k);
    if (out->cut_before) enqueue(out, "\x16\xfe\xff garbage that is no record", 30);
    if (out->cut_before) enqueue(out, "", 0);
    enqueue(out, p, n);
    if (out->twice) enqueue(out, p, n);
    if (out->overtaken && out->last - out->first >= 2) {
        const struct datagram late = out->list[out->last - 2];
        out->list[out->last - 2] = out->list[out->last - 1];
        out->list[out->last - 1] = late;
    }
    return (ssize_t)n;
}

static int wire_finish(struct stream *s)
{
    (void)s;
    return 0;
}

static bool wire_holds(const struct stream *s)
{
    (void)s;
    return false;
}

static void wire_close(struct stream *s)
{
    (void)s;
}

static const struct stream_ops wire_ops = {"wire", wire_recv, wire_send, wire_finish, wire_holds, wire_close};

struct pair {
    struct tls_library lib;
    struct queue up, down; /* to the server, to the client */
    struct wire client_wire, server_wire;
    struct tls *client, *server;
    const char *ciphers;
};

static struct tls *new_end(struct pair *p, struct wire *w, bool server)
{
    const struct tls_settings s = {.server = server, .datagram = true, .ciphers = p->ciphers};
    char why[TLS_WHY] = "";
    struct tls_context *c = tls_context_get(&p->lib, &s, why);
    assert_string_equal(why, "");
    struct tls *t = tls_new(c, &w->stream, server ? NULL : "localhost", (struct slice){0});
    assert_non_null(t);
    tls_context_free(c);
    return t;
}

/* The library stays, so that certificates are made once. */
static void pair_init(struct pair *p)
{
    memset(&p->up, 0, sizeof p->up);
    memset(&p->down, 0, sizeof p->down);
    p->client_wire = (struct wire){{&wire_ops, NULL}, &p->down, &p->up};
    p->server_wire = (struct wire){{&wire_ops, NULL}, &p->up, &p->down};
    p->client = new_end(p, &p->client_wire, false);
    p->server = new_end(p, &p->server_wire, true);
}

static void pair_done(struct pair *p)
{
    tls_free(p->client);
    tls_free(p->server);
}

static int up(void **state)
{
    *state = test_calloc(1, sizeof(struct pair));
    return 0;
}

static int down(void **state)
{
    struct pair *p = *state;
    tls_library_done(&p->lib);
    test_free(p);
    return 0;
}

static ssize_t get(struct tls *t, char *p, size_t n)
{
    return t->stream.ops->recv(&t->stream, p, n, 0);
}

static ssize_t put(struct tls *t, const char *p, size_t n)
{
    return t->stream.ops->send(&t->stream, p, n, 0);
}

/* Both sides take turns; when neither has anything to read, time passes. A server that is done still reads, since its
 * last flight may be asked for again. */
static void shake(struct pair *p, int *ret_client, int *ret_server)
{
    char byte;
    *ret_server = -EAGAIN;
    for (int i = 0; i < 40; i++) {
        *ret_client = tls_handshake(p->client);
        if (*ret_server == -EAGAIN)
            *ret_server = tls_handshake(p->server);
        else if (*ret_server == 0)
            get(p->server, &byte, 1);
        if (*ret_client != -EAGAIN && *ret_server != -EAGAIN) return;
        if (p->up.first == p->up.last && p->down.first == p->down.last) today.tv_sec += 70;
    }
}

static void check_speaks(struct pair *p)
{
    char text[64];
    assert_int_equal(put(p->client, "question", 8), 8);
    assert_int_equal(get(p->server, text, sizeof text), 8);
    assert_memory_equal(text, "question", 8);
    assert_int_equal(put(p->server, "answer", 6), 6);
    assert_int_equal(get(p->client, text, sizeof text), 6);
    assert_memory_equal(text, "answer", 6);
}

static void check_shakes(struct pair *p)
{
    int c, s;
    shake(p, &c, &s);
    assert_int_equal(c, 0);
    assert_int_equal(s, 0);
    check_speaks(p);
}

static void datagrams_keep_their_edges(void **state)
{
    struct pair *p = *state;
    char text[64];
    pair_init(p);
    check_shakes(p);
    put(p->client, "one", 3);
    put(p->client, "three", 5);
    /* Two records in one datagram are two. */
    struct datagram *d = &p->up.list[p->up.first];
    memcpy(d->bytes + d->n, d[1].bytes, d[1].n);
    d->n += d[1].n;
    p->up.last--;
    assert_int_equal(get(p->server, text, sizeof text), 3);
    assert_true(p->server->stream.ops->holds(&p->server->stream));
    assert_int_equal(get(p->server, text, sizeof text), 5);
    assert_int_equal(get(p->server, text, sizeof text), -EAGAIN);
    assert_false(p->server->stream.ops->holds(&p->server->stream));
    pair_done(p);
}

static void what_cannot_be_a_record_is_not_sent(void **state)
{
    struct pair *p = *state;
    static char large[DTLS_MOST + 1];
    pair_init(p);
    check_shakes(p);
    const size_t before = p->up.sent;
    assert_int_equal(put(p->client, "", 0), -EOPNOTSUPP);
    assert_int_equal(put(p->client, large, sizeof large), -EMSGSIZE);
    assert_int_equal(p->up.sent, before);
    check_speaks(p);
    pair_done(p);
}

static void an_end_is_told_by_close_notify_alone(void **state)
{
    struct pair *p = *state;
    char text[64];
    pair_init(p);
    check_shakes(p);
    put(p->client, "last", 4);
    assert_int_equal(p->client->stream.ops->finish(&p->client->stream), 0);
    assert_int_equal(get(p->server, text, sizeof text), 4);
    assert_int_equal(get(p->server, text, sizeof text), -ESHUTDOWN);
    assert_true(p->server->notified);
    assert_int_equal(put(p->server, "answer", 6), 6);
    assert_int_equal(get(p->client, text, sizeof text), 6);
    const size_t before = p->up.sent;
    p->client->stream.ops->close(&p->client->stream);
    assert_int_equal(p->up.sent, before);
    pair_done(p);
}

static void lost_flights_are_sent_again(void **state)
{
    struct pair *p = *state;
    size_t most[2] = {4, 4};
    for (size_t i = 0; i < 2; i++)
        for (size_t lose = 0; lose < most[i]; lose++)
            for (size_t n = 1; n <= 3; n++) {
                pair_init(p);
                struct queue *q = i ? &p->down : &p->up;
                q->lose = lose;
                q->nlose = n;
                int c, s;
                shake(p, &c, &s);
                assert_int_equal(c, 0);
                assert_int_equal(s, 0);
                pair_done(p);
            }
}

static void repeated_and_overtaken_datagrams_do_no_harm(void **state)
{
    struct pair *p = *state;
    char text[64];
    for (unsigned i = 1; i < 4; i++) {
        pair_init(p);
        p->up.twice = p->down.twice = i & 1;
        p->up.overtaken = p->down.overtaken = i & 2;
        int c, s;
        shake(p, &c, &s);
        assert_int_equal(c, 0);
        assert_int_equal(s, 0);
        p->up.first = p->up.last = 0;
        assert_int_equal(put(p->client, "once", 4), 4);
        assert_int_equal(get(p->server, text, sizeof text), 4);
        assert_int_equal(get(p->server, text, sizeof text), -EAGAIN);
        pair_done(p);
    }
}

static void cut_datagrams_and_rubbish_are_passed_over(void **state)
{
    struct pair *p = *state;
    pair_init(p);
    p->up.cut_before = p->down.cut_before = true;
    int c, s;
    shake(p, &c, &s);
    assert_int_equal(c, 0);
    assert_int_equal(s, 0);
    check_speaks(p);
    pair_done(p);
}

static void check_dropped(struct pair *p, const struct datagram *d)
{
    char text[64];
    enqueue(&p->up, d->bytes, d->n);
    assert_int_equal(get(p->server, text, sizeof text), -EAGAIN);
    assert_false(p->server->ended);
}

/* Any bit changed, and shortened with a head that says so. */
static void check_changes(struct pair *p)
{
    enum { HEAD = 13 };
    char text[64];
    pair_init(p);
    check_shakes(p);
    assert_int_equal(put(p->client, "secret", 6), 6);
    const struct datagram sound = p->up.list[p->up.first];
    struct datagram d;
    p->up.first = p->up.last = 0;
    for (size_t i = 0; i < 8 * sound.n; i++) {
        d = sound;
        d.bytes[i / 8] ^= (char)(1 << i % 8);
        check_dropped(p, &d);
    }
    for (size_t n = 0; n < sound.n - HEAD; n++) {
        d = sound;
        d.bytes[HEAD - 1] = (char)n;
        check_dropped(p, &d);
        d.n = HEAD + n;
        check_dropped(p, &d);
    }
    enqueue(&p->up, sound.bytes, sound.n);
    assert_int_equal(get(p->server, text, sizeof text), 6);
    pair_done(p);
}

static void a_changed_record_is_dropped(void **state)
{
    static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
                                          "ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES128-CCM8"};
    struct pair *p = *state;
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        p->ciphers = ciphers[i];
        check_changes(p);
    }
    p->ciphers = NULL;
}

/* Before there are keys, who can change what passes can end the handshake; nothing else may happen. */
static void a_changed_handshake_ends_one_way_or_the_other(void **state)
{
    struct pair *p = *state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        int c = -EAGAIN, s = -EAGAIN;
        pair_init(p);
        for (int i = 0; i < 12 && (c == -EAGAIN || s == -EAGAIN); i++) {
            struct queue *q = i % 2 ? &p->down : &p->up;
            if (c == -EAGAIN) c = tls_handshake(p->client);
            if (q->last > q->first) {
                const uint64_t r = random_word(seed, (uint64_t)i);
                struct datagram *d = &q->list[q->first + r % (q->last - q->first)];
                if (r >> 60 < 8) d->bytes[(r >> 8) % d->n] ^= (char)(1 << (r >> 40) % 8);
            }
            if (s == -EAGAIN) s = tls_handshake(p->server);
        }
        assert_true(c == 0 || c == -EAGAIN || c == -EPROTO);
        assert_true(s == 0 || s == -EAGAIN || s == -EPROTO);
        pair_done(p);
    }
}

static void a_flood_does_not_hold_up_others(void **state)
{
    struct pair *p = *state;
    char text[64];
    pair_init(p);
    check_shakes(p);
    for (int i = 0; i < 1000; i++)
        enqueue(&p->up, "rubbish", i % 2 ? 7 : 0);
    put(p->client, "at last", 7);
    ssize_t r;
    int calls = 0;
    do {
        r = get(p->server, text, sizeof text);
        calls++;
        if (r != -EAGAIN) break;
        /* More is there although the network will not tell so again. */
        assert_true(p->server->flooded);
        assert_false(p->server->dry);
        assert_true(p->server->stream.ops->holds(&p->server->stream));
        assert_true(dtls_due(p->server) != 0 && dtls_due(p->server) <= clock_now());
    } while (calls < 100);
    assert_int_equal(r, 7);
    assert_in_range(calls, 3, 20);
    pair_done(p);
}

static void what_the_network_says_ends_a_handshake_but_no_session(void **state)
{
    struct pair *p = *state;
    char text[64];
    pair_init(p);
    assert_int_equal(tls_handshake(p->client), -EAGAIN);
    p->down.recv_error = ECONNREFUSED;
    assert_int_equal(tls_handshake(p->client), -ECONNREFUSED);
    assert_int_equal(get(p->client, text, sizeof text), -ECONNREFUSED);
    pair_done(p);

    pair_init(p);
    p->up.send_error = EAGAIN;
    p->down.send_error = EAGAIN;
    check_shakes(p);
    p->down.recv_error = ECONNREFUSED;
    assert_int_equal(get(p->client, text, sizeof text), -ECONNREFUSED);
    p->up.send_error = ECONNREFUSED;
    assert_int_equal(put(p->client, "x", 1), -ECONNREFUSED);
    p->up.send_error = EAGAIN;
    assert_int_equal(put(p->client, "x", 1), -EAGAIN);
    check_speaks(p);
    pair_done(p);
}

static void what_finds_no_room_is_kept_and_waited_for(void **state)
{
    struct pair *p = *state;
    char text[64];
    pair_init(p);
    p->up.full = p->down.full = true;
    assert_int_equal(tls_handshake(p->client), -EAGAIN);
    assert_true(tls_crossed(p->client));
    assert_in_range(dtls_due(p->client) - clock_now(), 0, 1000000);
    p->up.full = false;
    assert_int_equal(tls_flush(p->client), 0);
    assert_int_equal(p->up.sent, 1);
    assert_int_equal(tls_handshake(p->server), -EAGAIN);
    p->down.full = false;
    check_shakes(p);
    p->up.full = true;
    assert_int_equal(put(p->client, "x", 1), -EAGAIN);
    assert_int_equal(p->client->out.n, 0);
    p->client->stream.ops->finish(&p->client->stream);
    assert_true(p->client->out.n > 0);
    p->up.full = false;
    assert_int_equal(dtls_flush(p->client), 0);
    assert_int_equal(get(p->server, text, sizeof text), -ESHUTDOWN);
    pair_done(p);
}

static void without_an_answer_the_handshake_fails_in_the_end(void **state)
{
    struct pair *p = *state;
    int r = -EAGAIN;
    pair_init(p);
    p->up.nlose = SIZE_MAX;
    for (int i = 0; i < 40 && r == -EAGAIN; i++) {
        const int64_t now = clock_now(), due = dtls_due(p->client);
        if (i == 0) assert_int_equal(due, 0);
        if (i == 1) assert_in_range(due - now, 200000000, 10000000000);
        if (i >= 11) assert_in_range(due - now, 60000000000, 70000000000);
        if (i) today.tv_sec += 60;
        r = tls_handshake(p->client);
    }
    assert_int_equal(r, -EPROTO);
    assert_string_equal(tls_why(p->client), "read timeout expired");
    assert_int_equal(dtls_due(p->client), 0);
    assert_int_equal(dtls_due(p->server), 0);
    pair_done(p);
}

static void only_a_hello_opens(void **state)
{
    static const char hello[] = "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\xc0\x01";
    char changed[14];
    (void)state;
    assert_true(dtls_opens((struct slice){hello, 14}));
    assert_false(dtls_opens((struct slice){hello, 13}));
    assert_false(dtls_opens((struct slice){hello, 0}));
    static const size_t telling[] = {0, 1, 3, 4, 13};
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
        memcpy(changed, hello, 14);
        changed[telling[i]] ^= 1;
        assert_false(dtls_opens((struct slice){changed, 14}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_keep_their_edges),
        cmocka_unit_test(what_cannot_be_a_record_is_not_sent),
        cmocka_unit_test(an_end_is_told_by_close_notify_alone),
        cmocka_unit_test(lost_flights_are_sent_again),
        cmocka_unit_test(repeated_and_overtaken_datagrams_do_no_harm),
        cmocka_unit_test(cut_datagrams_and_rubbish_are_passed_over),
        cmocka_unit_test(a_changed_record_is_dropped),
        cmocka_unit_test(a_changed_handshake_ends_one_way_or_the_other),
        cmocka_unit_test(a_flood_does_not_hold_up_others),
        cmocka_unit_test(what_the_network_says_ends_a_handshake_but_no_session),
        cmocka_unit_test(what_finds_no_room_is_kept_and_waited_for),
        cmocka_unit_test(without_an_answer_the_handshake_fails_in_the_end),
        cmocka_unit_test(only_a_hello_opens),
    };
    return cmocka_run_group_tests(tests, up, down);
}
