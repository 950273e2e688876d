#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/conn.h"

#include <signal.h>

#include "op/expect.h"
#include "op/harness.h"
#include "util/mem.h"

enum { SEED = 20240117, CONNS = 3, ROUNDS = 4000, PIECE_MOST = 40000 };

static void come(struct harness *h, struct conn *c, const struct far_end *far, const char *text)
{
    const int before = harness_unread(c);
    far_write(far, text, strlen(text));
    harness_arrived(c, before + (int)strlen(text));
    harness_settle(h);
}

/* Waits until there is more to receive, and receives it. */
static int fill(struct harness *h, struct conn *c)
{
    for (;;) {
        const int r = conn_fill(c);
        if (r != -EAGAIN) return r;
        support_wait(c->fd.rfd, POLLIN);
        harness_settle(h);
    }
}

static void test_positions(void **state)
{
    struct harness *h = *state;
    for (enum conn_kind kind = CONN_TCP; kind <= CONN_PROGRAM; kind++) {
        struct conn c;
        struct far_end far;
        harness_conn(h, kind, &c, &far);
        assert_int_equal(conn_fill(&c), -EAGAIN);
        come(h, &c, &far, "hello");
        assert_int_equal(conn_fill(&c), 5);
        assert_true(slice_is(conn_from(&c, 0), "hello"));
        assert_true(slice_is(conn_from(&c, 3), "lo"));
        assert_int_equal(conn_from(&c, 5).n, 0);
        conn_take(&c, 2);
        come(h, &c, &far, "ween");
        assert_int_equal(conn_fill(&c), 4);
        assert_true(slice_is(conn_from(&c, 2), "lloween"));
        conn_take(&c, 9);
        assert_int_equal(c.base, 9);
        assert_int_equal(c.n, 0);
        conn_done(&c);
        far_close(&far);
    }
}

static void test_idle_keeps_nothing(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    harness_conn(h, CONN_UNIX, &c, &far);
    come(h, &c, &far, "ab");
    assert_int_equal(conn_fill(&c), 2);
    assert_null(c.own);
    assert_ptr_equal(h->sched.hub->scratch_user, &c);
    /* More behind what is unread: now it needs a buffer of its own. */
    come(h, &c, &far, "cd");
    assert_int_equal(conn_fill(&c), 2);
    assert_non_null(c.own);
    assert_null(h->sched.hub->scratch_user);
    assert_true(slice_is(conn_from(&c, 0), "abcd"));
    conn_take(&c, 3);
    assert_non_null(c.own);
    conn_take(&c, 4);
    assert_null(c.own);
    assert_int_equal(c.own_size, 0);
    conn_done(&c);
    far_close(&far);
}

static void test_scratch_is_shared(void **state)
{
    struct harness *h = *state;
    struct conn a, b;
    struct far_end far_a, far_b;
    harness_conn(h, CONN_UNIX, &a, &far_a);
    harness_conn(h, CONN_UNIX, &b, &far_b);
    come(h, &a, &far_a, "from a");
    come(h, &b, &far_b, "from b");
    assert_int_equal(conn_fill(&a), 6);
    assert_int_equal(conn_fill(&b), 6);
    assert_true(slice_is(conn_from(&a, 0), "from a"));
    assert_true(slice_is(conn_from(&b, 0), "from b"));
    conn_take(&b, 6);
    conn_take(&a, 6);
    assert_null(a.own);
    assert_null(b.own);
    conn_done(&a);
    /* One that is gone while its bytes are in the scratch leaves it. */
    come(h, &b, &far_b, "left");
    assert_int_equal(conn_fill(&b), 4);
    conn_done(&b);
    assert_null(h->sched.hub->scratch_user);
    far_close(&far_a);
    far_close(&far_b);
}

static char byte_at(unsigned conn, uint64_t pos)
{
    return (char)(pos * 131 + pos / 251 + conn * 77);
}

/* Connections that are read in turns, with and without leftovers: each sees its own bytes, all of them, in order. */
static void test_random_turns(void **state)
{
    struct harness *h = *state;
    struct conn c[CONNS];
    struct far_end far[CONNS];
    uint64_t random = SEED, written[CONNS] = {0};
    char *piece = mem_alloc(PIECE_MOST);
    print_message("seed %d\n", SEED);
    for (unsigned i = 0; i < CONNS; i++)
        harness_conn(h, i == 1 ? CONN_TCP : CONN_UNIX, &c[i], &far[i]);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const unsigned i = harness_random(&random) % CONNS;
        struct conn *k = &c[i];
        const uint64_t in_flight = written[i] - k->base - k->n;
        const unsigned what = harness_random(&random) % 4;
        if (what == 0 && in_flight < PIECE_MOST / 10) {
            const size_t most = harness_random(&random) % 4 ? 300 : PIECE_MOST, n = 1 + harness_random(&random) % most;
            for (size_t j = 0; j < n; j++)
                piece[j] = byte_at(i, written[i] + j);
            far_write(&far[i], piece, n);
            written[i] += n;
        } else if (what <= 1 && in_flight) {
            assert_true(fill(h, k) > 0);
        } else if (what == 2 && k->n) {
            conn_take(k, k->base + harness_random(&random) % (k->n + 1));
        } else if (what == 3 && k->n) {
            conn_take(k, k->base + k->n);
        }
        const struct slice have = conn_from(k, k->base);
        assert_int_equal(have.n, k->n);
        for (size_t j = 0; j < have.n; j++)
            if (have.p[j] != byte_at(i, k->base + j)) fail_msg("round %u: byte %zu of %zu", round, j, have.n);
        assert_true(k->n > 0 || !k->own);
    }
    for (unsigned i = 0; i < CONNS; i++) {
        conn_done(&c[i]);
        far_close(&far[i]);
    }
    mem_free(piece);
}

static void test_cap(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    enum { PIECE = 1 << 16 };
    char *piece = mem_zalloc(PIECE);
    harness_conn(h, CONN_UNIX, &c, &far);
    int r = 1;
    /* No piece ends where the buffer does. */
    for (uint64_t n = 1000; r > 0; n += PIECE) {
        far_write(&far, piece, c.n ? PIECE : 1000);
        while (c.n < n && (r = fill(h, &c)) > 0)
            ;
    }
    assert_int_equal(r, -ENOBUFS);
    assert_int_equal(c.n, CONN_BUFFER_MOST);
    conn_take(&c, 1);
    assert_int_equal(conn_fill(&c), 1);
    conn_done(&c);
    far_close(&far);
    mem_free(piece);
}

struct seen {
    uint64_t sent, received;
    unsigned without_bytes;
};

static void see(void *ctx, bool sent, struct slice bytes)
{
    struct seen *s = ctx;
    *(sent ? &s->sent : &s->received) += bytes.n;
    s->without_bytes += bytes.p == NULL;
}

static void test_skip(void **state)
{
    struct harness *h = *state;
    enum { SIZE = 3 << 20, PIECE = 1 << 16 };
    for (int whole = 0; whole < 2; whole++) {
        struct conn c;
        struct far_end far;
        struct seen seen = {0};
        char *piece = mem_zalloc(PIECE);
        harness_conn(h, CONN_TCP, &c, &far);
        conn_observe(&c, see, &seen, whole);
        come(h, &c, &far, "leftover");
        assert_int_equal(conn_fill(&c), 8);
        conn_take(&c, 4);
        uint64_t skipped = 0;
        int64_t r = conn_skip(&c, 3);
        assert_int_equal(r, 3);
        assert_int_equal(conn_skip(&c, 100), 1);
        assert_int_equal(conn_skip(&c, 100), -EAGAIN);
        for (uint64_t written = 0; skipped < SIZE; skipped += (uint64_t)r) {
            if (written == skipped && written < SIZE) {
                far_write(&far, piece, PIECE);
                written += PIECE;
            }
            while ((r = conn_skip(&c, SIZE - skipped)) == -EAGAIN) {
                support_wait(c.fd.rfd, POLLIN);
                harness_settle(h);
            }
            assert_true(r > 0);
            assert_null(c.own);
        }
        assert_int_equal(c.base, 8 + SIZE);
        assert_int_equal(seen.received, 8 + SIZE);
        assert_int_equal(seen.without_bytes > 0, !whole);
        /* What is not skipped is there. */
        come(h, &c, &far, "xyz");
        assert_int_equal(conn_skip(&c, 1), 1);
        while (c.n < 2)
            assert_true(fill(h, &c) > 0);
        assert_true(slice_is(conn_from(&c, c.base), "yz"));
        conn_take(&c, c.base + 2);
        far_close(&far);
        harness_settle(h);
        assert_int_equal(conn_skip(&c, 1), 0);
        assert_int_equal(c.end, CONN_FIN);
        conn_done(&c);
        mem_free(piece);
    }
}

static void test_fin_behind_data(void **state)
{
    struct harness *h = *state;
    for (enum conn_kind kind = CONN_TCP; kind <= CONN_PROGRAM; kind++) {
        struct conn c;
        struct far_end far;
        harness_conn(h, kind, &c, &far);
        far_write(&far, "bye", 3);
        far_close(&far);
        assert_int_equal(fill(h, &c), 3);
        assert_int_equal(c.end, CONN_OPEN);
        assert_int_equal(fill(h, &c), 0);
        assert_int_equal(c.end, CONN_FIN);
        assert_int_equal(c.error, 0);
        assert_true(slice_is(conn_from(&c, 0), "bye"));
        assert_int_equal(conn_fill(&c), 0);
        conn_done(&c);
    }
}

static void test_reset_behind_data(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    harness_conn(h, CONN_TCP, &c, &far);
    far_write(&far, "bye", 3);
    harness_arrived(&c, 3);
    sock_reset(far.out);
    assert_int_equal(fill(h, &c), 3);
    assert_int_equal(fill(h, &c), 0);
    assert_int_equal(c.end, CONN_RESET);
    assert_int_equal(c.error, ECONNRESET);
    conn_done(&c);
}

/* The send takes the error away from the system, which would call what follows an orderly end. */
static void test_failed_send_then_what_was_said(void **state)
{
    struct harness *h = *state;
    for (int unread = 0; unread < 2; unread++) {
        struct conn c;
        struct far_end far;
        harness_conn(h, CONN_TCP, &c, &far);
        far_write(&far, "bye", 3);
        harness_arrived(&c, 3);
        if (unread) assert_int_equal(conn_send(&c, "x", 1, 0), 1);
        if (unread) support_wait(far.in, POLLIN);
        far_close(&far);
        ssize_t r;
        while ((r = conn_send(&c, "x", 1, 0)) > 0)
            support_wait(c.fd.rfd, POLLHUP);
        assert_true(r == -EPIPE || r == -ECONNRESET);
        assert_true(c.failed_send);
        assert_int_equal(conn_fill(&c), 3);
        assert_true(slice_is(conn_from(&c, 0), "bye"));
        assert_int_equal(fill(h, &c), 0);
        assert_int_equal(c.end, CONN_RESET);
        assert_int_equal(c.error, ECONNRESET);
        conn_done(&c);
    }
}

static void test_failed_send_to_a_program(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    signal(SIGPIPE, SIG_IGN);
    harness_conn(h, CONN_PROGRAM, &c, &far);
    far_write(&far, "bye", 3);
    far_close(&far);
    assert_int_equal(conn_send(&c, "x", 1, 0), -EPIPE);
    assert_int_equal(conn_fill(&c), 3);
    assert_int_equal(fill(h, &c), 0);
    assert_int_equal(c.end, CONN_FIN);
    conn_done(&c);
}

static void test_finish(void **state)
{
    struct harness *h = *state;
    for (enum conn_kind kind = CONN_TCP; kind <= CONN_PROGRAM; kind++) {
        struct conn c;
        struct far_end far;
        char got[8];
        harness_conn(h, kind, &c, &far);
        assert_int_equal(conn_send(&c, "abc", 3, 0), 3);
        assert_int_equal(c.sent, 3);
        assert_int_equal(conn_finish(&c), 0);
        assert_int_equal(conn_finish(&c), 0);
        assert_int_equal(conn_send(&c, "d", 1, 0), -EPIPE);
        assert_false(c.failed_send);
        support_wait(far.in, POLLIN);
        assert_int_equal(read(far.in, got, sizeof got), 3);
        support_wait(far.in, POLLIN);
        assert_int_equal(read(far.in, got, sizeof got), 0);
        come(h, &c, &far, "answer");
        assert_int_equal(conn_fill(&c), 6);
        assert_int_equal(conn_stop_reading(&c), kind == CONN_PROGRAM ? -ENOTSOCK : 0);
        conn_done(&c);
        far_close(&far);
    }
}

static void test_close_and_reset(void **state)
{
    struct harness *h = *state;
    char got[8];
    struct conn c;
    struct far_end far;
    for (int reset = 0; reset < 2; reset++) {
        harness_conn(h, CONN_TCP, &c, &far);
        (reset ? conn_reset : conn_close)(&c);
        assert_int_equal(reactor_count(h->sched.reactor), 0);
        (reset ? conn_close : conn_reset)(&c);
        support_wait(far.in, POLLIN);
        errno = 0;
        assert_int_equal(read(far.in, got, sizeof got), reset ? -1 : 0);
        assert_int_equal(errno, reset ? ECONNRESET : 0);
        assert_int_equal(conn_send(&c, "x", 1, 0), -EPIPE);
        assert_int_equal(conn_fill(&c), 0);
        assert_int_equal(conn_finish(&c), 0);
        conn_done(&c);
        conn_done(&c);
        far_close(&far);
    }
}

/* Data before, at and behind the urgent mark: a short read must not count as "nothing is left". */
static void test_urgent_mark_in_the_stream(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    harness_conn(h, CONN_TCP, &c, &far);
    far_write(&far, "before", 6);
    assert_int_equal(send(far.out, "!", 1, MSG_OOB), 1);
    far_write(&far, "behind", 6);
    while (c.n < 12)
        assert_true(fill(h, &c) > 0);
    assert_true(slice_is(conn_from(&c, 0), "beforebehind"));
    assert_int_equal(conn_fill(&c), -EAGAIN);
    conn_done(&c);
    far_close(&far);
}

struct player {
    struct performer performer; /* the first */
    struct conn conn;
    struct expectation ball;
    struct expect_op expect;
    struct arena arena;
    unsigned rounds;
};

static void play(struct task *t)
{
    struct player *p = (struct player *)(void *)t;
    for (;;) {
        const enum op_result r = op_poll(&p->expect.op, t);
        if (r == OP_WAIT) return;
        assert_int_equal(r, OP_DONE);
        op_commit(&p->expect.op);
        op_cancel(&p->expect.op, t);
        p->rounds++;
        assert_int_equal(conn_send(&p->conn, "ball", 4, 0), 4);
        if (p->rounds == 1000) t->sched->stop = true;
        expect_begin(&p->expect, &p->conn, &p->ball, &p->arena);
    }
}

/* Both ends live here: a send makes the other end readable without asking epoll. */
static void test_handoff(void **state)
{
    struct harness *h = *state;
    struct player p[2] = {0};
    harness_pair(h, &p[0].conn, &p[1].conn);
    assert_int_equal(conn_send(&p[0].conn, "x", 1, 0), 1);
    assert_true(p[1].conn.in.ready & READY_READ);
    harness_arrived(&p[1].conn, 1);
    assert_int_equal(conn_fill(&p[1].conn), 1);
    conn_take(&p[1].conn, 1);
    /* A guess that was wrong costs one call. */
    p[1].conn.in.ready |= READY_READ;
    assert_int_equal(conn_fill(&p[1].conn), -EAGAIN);
    for (unsigned i = 0; i < 2; i++) {
        p[i].ball = (struct expectation){.framing = FRAMING_EXACT, .bytes = SLICE("ball")};
        expect_begin(&p[i].expect, &p[i].conn, &p[i].ball, &p[i].arena);
        task_init(&p[i].performer.task, &h->sched, play);
        task_wake(&p[i].performer.task);
    }
    assert_int_equal(conn_send(&p[0].conn, "ball", 4, 0), 4);
    harness_go(h);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(p[i].rounds >= 999);
        assert_null(p[i].conn.own);
        op_cancel(&p[i].expect.op, &p[i].performer.task);
        task_done(&p[i].performer.task);
        conn_done(&p[i].conn);
        arena_done(&p[i].arena);
    }
}

static void test_show(void **state)
{
    struct harness *h = *state;
    struct conn c;
    struct far_end far;
    char text[700], want[700];
    harness_conn(h, CONN_TCP, &c, &far);
    snprintf(want, sizeof want, "tcp 127.0.0.1:%u -> 127.0.0.1:%u", addr_port(&c.local.sa), addr_port(&c.peer.sa));
    assert_string_equal(conn_show(&c, text, sizeof text), want);
    assert_int_equal(strlen(conn_show(&c, text, 10)), 9);
    conn_done(&c);
    far_close(&far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_positions),
        HARNESS_TEST(test_idle_keeps_nothing),
        HARNESS_TEST(test_scratch_is_shared),
        HARNESS_TEST(test_random_turns),
        HARNESS_TEST(test_cap),
        HARNESS_TEST(test_skip),
        HARNESS_TEST(test_fin_behind_data),
        HARNESS_TEST(test_reset_behind_data),
        HARNESS_TEST(test_failed_send_then_what_was_said),
        HARNESS_TEST(test_failed_send_to_a_program),
        HARNESS_TEST(test_finish),
        HARNESS_TEST(test_close_and_reset),
        HARNESS_TEST(test_urgent_mark_in_the_stream),
        HARNESS_TEST(test_handoff),
        HARNESS_TEST(test_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
