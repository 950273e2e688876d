#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/send.h"

#include <signal.h>

#include "op/harness.h"
#include "util/mem.h"

enum { SEED = 77, MS = 1000000 };

static struct segment text(const char *s)
{
    return (struct segment){.kind = SEGMENT_BYTES, .bytes = slice_of(s), .size = strlen(s)};
}

/* Any part is the same as that part of the whole. */
static void test_fill_anywhere(void **state)
{
    (void)state;
    enum { SIZE = 5000, TRIES = 2000 };
    static const char *const units[] = {"a", "ab", "abc", "0123456789abcdef_", "seven..", NULL};
    uint64_t random = SEED;
    char *whole = mem_alloc(SIZE), *part = mem_alloc(SIZE);
    print_message("seed %d\n", SEED);
    for (unsigned k = 0; k < sizeof units / sizeof *units; k++) {
        struct segment s = {.kind = SEGMENT_RANDOM, .size = SIZE, .seed = 42};
        if (units[k]) s = (struct segment){.kind = SEGMENT_REPEAT, .bytes = slice_of(units[k]), .size = SIZE};
        segment_fill(&s, 0, whole, SIZE);
        for (size_t i = 0; units[k] && i < SIZE; i++)
            assert_int_equal(whole[i], units[k][i % strlen(units[k])]);
        for (unsigned i = 0; i < TRIES; i++) {
            const size_t from = harness_random(&random) % SIZE, n = harness_random(&random) % (SIZE - from + 1);
            segment_fill(&s, from, part, n);
            assert_memory_equal(part, whole + from, n);
        }
        segment_fill(&s, SIZE, part, 0);
    }
    mem_free(whole);
    mem_free(part);
}

/* The same on every machine and in every version. */
static void test_random_is_fixed(void **state)
{
    (void)state;
    static const unsigned char want[16] = {0x95, 0x6e, 0xeb, 0x2f, 0x26, 0x32, 0xd7, 0xbd,
                                           0x03, 0xf1, 0x66, 0xb2, 0x33, 0xe3, 0xef, 0x28};
    unsigned char got[16];
    const struct segment s = {.kind = SEGMENT_RANDOM, .size = 16, .seed = 42},
                         other = {.kind = SEGMENT_RANDOM, .size = 16};
    segment_fill(&s, 0, got, sizeof got);
    assert_memory_equal(got, want, sizeof want);
    segment_fill(&other, 0, got, sizeof got);
    assert_memory_not_equal(got, want, sizeof want);
}

struct drain {
    struct harness *h;
    struct far_end *far;
    struct send_op *op;
    const struct segment *s;
    uint64_t got;
    unsigned waits;
};

static void drain_some(struct drain *d)
{
    char got[20000], want[20000];
    const ssize_t n = read(d->far->in, got, sizeof got);
    if (n <= 0) return;
    segment_fill(d->s, d->got, want, (size_t)n);
    assert_memory_equal(got, want, (size_t)n);
    d->got += (uint64_t)n;
}

/* The sender waits: reads and checks until it need not. */
static void drain_until_there_is_room(void *ctx)
{
    struct drain *d = ctx;
    d->waits += d->op->op.waits == WAITS_WRITE;
    for (;;) {
        struct pollfd p[] = {{.fd = d->op->op.conn->fd.wfd, .events = POLLOUT}, {.fd = d->far->in, .events = POLLIN}};
        assert_true(poll(p, 2, SUPPORT_WAIT_MS) > 0);
        if (p[0].revents) return;
        drain_some(d);
    }
}

static void test_goes_on_when_there_is_room(void **state)
{
    struct harness *h = *state;
    enum { SIZE = 3000001 };
    char *whole = mem_alloc(SIZE);
    for (enum conn_kind kind = CONN_TCP; kind <= CONN_PROGRAM; kind++) {
        for (enum segment_kind made = SEGMENT_BYTES; made <= SEGMENT_RANDOM; made++) {
            struct segment s = {.kind = made, .bytes = SLICE("seven.."), .size = SIZE, .seed = 3};
            struct conn c;
            struct far_end far;
            struct send_op op;
            if (made == SEGMENT_BYTES) {
                const struct segment r = {.kind = SEGMENT_RANDOM, .size = SIZE};
                segment_fill(&r, 0, whole, SIZE);
                s.bytes = (struct slice){whole, SIZE};
            }
            harness_conn(h, kind, &c, &far);
            fcntl(far.in, F_SETFL, O_NONBLOCK);
            const int small = 64 << 10;
            setsockopt(c.fd.wfd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
            setsockopt(far.in, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
            send_begin(&op, &c, &s, 1);
            struct drain d = {.far = &far, .op = &op, .s = &s};
            h->sched.idle = drain_until_there_is_room;
            h->sched.idle_ctx = &d;
            assert_int_equal(perform_now(h, &op.op), OP_DONE);
            h->sched.idle = NULL;
            assert_true(d.waits > 0);
            assert_int_equal(op.total, SIZE);
            assert_int_equal(c.sent, SIZE);
            assert_false(c.torn);
            while (d.got < SIZE) {
                support_wait(far.in, POLLIN);
                drain_some(&d);
            }
            assert_null(c.writer);
            conn_done(&c);
            far_close(&far);
        }
    }
    mem_free(whole);
}

struct writes {
    unsigned n;
    size_t sizes[32];
};

static void note_write(void *ctx, bool sent, struct slice bytes)
{
    struct writes *w = ctx;
    if (sent && w->n < 32) w->sizes[w->n++] = bytes.n;
}

static void test_chunks(void **state)
{
    struct harness *h = *state;
    const struct segment s[] = {text("hello"), text(""), {.kind = SEGMENT_REPEAT, .bytes = SLICE("ab"), .size = 7}};
    struct conn c;
    struct far_end far;
    struct send_op op;
    struct writes w = {0};
    char got[32] = "";
    harness_conn(h, CONN_UNIX, &c, &far);
    conn_observe(&c, note_write, &w, true);
    send_begin(&op, &c, s, 3);
    op.chunk = 3;
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    const size_t want[] = {3, 2, 3, 3, 1};
    assert_int_equal(w.n, 5);
    assert_memory_equal(w.sizes, want, sizeof want);
    assert_int_equal(read(far.in, got, sizeof got), 12);
    assert_string_equal(got, "helloabababa");
    conn_done(&c);
    far_close(&far);
}

static void test_every(void **state)
{
    struct harness *h = *state;
    const struct segment s = text("abcd");
    struct conn c;
    struct far_end far;
    struct send_op op;
    harness_conn(h, CONN_UNIX, &c, &far);
    send_begin(&op, &c, &s, 1);
    op.chunk = 1;
    op.every = 2 * MS;
    const int64_t began = clock_now();
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    /* Between four writes stand three pauses, and none behind the last. */
    assert_true(clock_now() - began >= 3 * 2 * MS);
    send_begin(&op, &c, &s, 1);
    op.every = 2 * HARNESS_LATE;
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    conn_done(&c);
    far_close(&far);
}

static void test_nothing_to_send(void **state)
{
    struct harness *h = *state;
    const struct segment s[] = {text(""), text("")};
    struct conn c;
    struct far_end far;
    struct send_op op;
    harness_conn(h, CONN_TCP, &c, &far);
    send_begin(&op, &c, s, 2);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    send_begin(&op, &c, NULL, 0);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    assert_int_equal(c.sent, 0);
    conn_done(&c);
    far_close(&far);
}

static void test_torn(void **state)
{
    struct harness *h = *state;
    const struct segment s = {.kind = SEGMENT_REPEAT, .bytes = SLICE("x"), .size = 64 << 20};
    struct conn c;
    struct far_end far;
    struct send_op op;
    struct performer p;
    harness_conn(h, CONN_UNIX, &c, &far);
    /* Given up before its first byte, it has done no harm. */
    send_begin(&op, &c, &s, 1);
    perform_later(&p, h, &op.op);
    perform_end(&p);
    assert_false(c.torn);
    send_begin(&op, &c, &s, 1);
    perform(&p, h, &op.op);
    harness_settle(h);
    assert_int_equal(p.result, OP_WAIT);
    assert_int_equal(op.op.waits, WAITS_WRITE);
    assert_true(op.total > 0);
    assert_ptr_equal(c.writer, &p.task);
    perform_end(&p);
    assert_true(c.torn);
    assert_null(c.writer);
    conn_done(&c);
    far_close(&far);
}

static void test_misuse(void **state)
{
    struct harness *h = *state;
    const struct segment s = {.kind = SEGMENT_REPEAT, .bytes = SLICE("x"), .size = 64 << 20};
    struct conn c;
    struct far_end far;
    struct send_op one, two;
    struct performer p;
    harness_conn(h, CONN_TCP, &c, &far);
    send_begin(&one, &c, &s, 1);
    perform(&p, h, &one.op);
    harness_settle(h);
    struct performer q;
    send_begin(&two, &c, &s, 1);
    perform(&q, h, &two.op);
    harness_settle(h);
    assert_int_equal(p.result, OP_WAIT);
    assert_int_equal(q.result, OP_FAILED);
    assert_int_equal(two.op.failure, OP_MISUSE);
    perform_end(&q);
    assert_ptr_equal(c.writer, &p.task);
    perform_end(&p);
    assert_int_equal(conn_finish(&c), 0);
    send_begin(&one, &c, &s, 1);
    assert_int_equal(perform_now(h, &one.op), OP_FAILED);
    assert_int_equal(one.op.failure, OP_MISUSE);
    conn_close(&c);
    send_begin(&one, &c, &s, 1);
    assert_int_equal(perform_now(h, &one.op), OP_FAILED);
    assert_int_equal(one.op.failure, OP_MISUSE);
    conn_done(&c);
    far_close(&far);
}

/* The peer is gone, now or while it waits for room: who reads next will tell. */
static void test_peer_is_gone(void **state)
{
    struct harness *h = *state;
    const struct segment s = {.kind = SEGMENT_REPEAT, .bytes = SLICE("x"), .size = 64 << 20};
    for (enum conn_kind kind = CONN_TCP; kind <= CONN_PROGRAM; kind++) {
        for (int at_once = 0; at_once < 2; at_once++) {
            struct conn c;
            struct far_end far;
            struct send_op op;
            struct performer p;
            harness_conn(h, kind, &c, &far);
            if (at_once) far_close(&far);
            send_begin(&op, &c, &s, 1);
            perform(&p, h, &op.op);
            if (!at_once) harness_settle(h);
            if (!at_once) assert_int_equal(p.result, OP_WAIT);
            far_close(&far);
            harness_run(h);
            assert_int_equal(p.result, OP_DONE);
            assert_true(c.failed_send);
            perform_end(&p);
            assert_false(c.torn);
            conn_done(&c);
        }
    }
}

static void test_urgent(void **state)
{
    struct harness *h = *state;
    const struct segment s = text("!");
    struct conn c;
    struct far_end far;
    struct send_op op;
    char got = 0;
    harness_conn(h, CONN_TCP, &c, &far);
    send_begin(&op, &c, &s, 1);
    op.flags = MSG_OOB;
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    support_wait(far.in, POLLPRI);
    assert_int_equal(recv(far.in, &got, 1, MSG_OOB), 1);
    assert_int_equal(got, '!');
    conn_done(&c);
    far_close(&far);
}

static int ignore_sigpipe(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_anywhere),
        cmocka_unit_test(test_random_is_fixed),
        HARNESS_TEST(test_goes_on_when_there_is_room),
        HARNESS_TEST(test_chunks),
        HARNESS_TEST(test_every),
        HARNESS_TEST(test_nothing_to_send),
        HARNESS_TEST(test_torn),
        HARNESS_TEST(test_misuse),
        HARNESS_TEST(test_peer_is_gone),
        HARNESS_TEST(test_urgent),
    };
    return cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}
