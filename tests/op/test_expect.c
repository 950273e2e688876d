#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/expect.h"

#include "match/make.h"
#include "op/harness.h"
#include "util/mem.h"

enum { MS = 1000000 };

/* A connection, and one expectation on it. */
struct scene {
    struct harness *h;
    struct arena arena;
    struct conn c;
    struct far_end far;
    struct expectation x;
    struct expect_op op;
    struct performer p;
};

static void scene_begin(struct scene *s, struct harness *h, enum conn_kind kind)
{
    *s = (struct scene){.h = h};
    harness_conn(h, kind, &s->c, &s->far);
}

static void scene_expect(struct scene *s)
{
    expect_begin(&s->op, &s->c, &s->x, &s->arena);
    perform(&s->p, s->h, &s->op.op);
    harness_settle(s->h);
}

static void scene_come(struct scene *s, const char *text)
{
    const int before = harness_unread(&s->c);
    far_write(&s->far, text, strlen(text));
    harness_arrived(&s->c, before + (int)strlen(text));
    harness_settle(s->h);
}

static void scene_end(struct scene *s)
{
    conn_done(&s->c);
    far_close(&s->far);
    arena_done(&s->arena);
}

static struct matcher *eq(struct scene *s, const char *text)
{
    return make_text(&s->arena, MATCHER_BYTES, text);
}

static void fails_at_byte(struct scene *s, const char *good, const char *bad, size_t at)
{
    scene_expect(s);
    scene_come(s, good);
    assert_int_equal(s->p.result, OP_WAIT);
    assert_int_equal(s->op.op.waits, WAITS_READ);
    scene_come(s, bad);
    assert_int_equal(s->p.result, OP_FAILED);
    assert_int_equal(s->op.op.failure, OP_MISMATCH);
    assert_int_equal(s->op.report.at, at);
    assert_int_equal(s->c.base, 0);
    perform_end(&s->p);
    scene_end(s);
}

/* The byte that cannot be right is the last that came: nobody waits for the rest of the frame. */
static void test_fails_at_the_first_wrong_byte(void **state)
{
    struct scene s;
    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_EXACT, .bytes = SLICE("hello world")};
    fails_at_byte(&s, "hel", "X", 3);

    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_LINE, .matcher = eq(&s, "220 ready")};
    fails_at_byte(&s, "22", "1", 2);

    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_LINE, .matcher = eq(&s, "220")};
    fails_at_byte(&s, "220", "-", 3);

    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_UNTIL, .bytes = SLICE("\r\n\r\n"), .matcher = eq(&s, "a: b")};
    fails_at_byte(&s, "a: b\r\n", "c", 4);

    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_UNTIL, .bytes = SLICE("\r\n\r\n"), .matcher = eq(&s, "a: b")};
    fails_at_byte(&s, "a: ", "X", 3);

    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_BYTES, .count = 8, .matcher = eq(&s, "12345678")};
    fails_at_byte(&s, "1234", "X", 4);

    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_PREFIXED, .prefix = PREFIX_U8, .matcher = eq(&s, "abcdefgh")};
    fails_at_byte(&s,
                  "\x08"
                  "abc",
                  "X", 3);

    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_REST, .matcher = eq(&s, "all of it")};
    fails_at_byte(&s, "all", "!", 3);
}

static void test_anchored_pattern_that_cannot_match(void **state)
{
    struct scene s;
    char why[100];
    size_t at;
    scene_begin(&s, *state, CONN_TCP);
    struct regex *r = regex_new(SLICE("^220 "), why, sizeof why, &at);
    s.x = (struct expectation){.framing = FRAMING_PATTERN, .regex = r};
    fails_at_byte(&s, "22", "1", 0);
    regex_free(r);
}

static void test_patient_reads_the_frame(void **state)
{
    struct scene s;
    scene_begin(&s, *state, CONN_UNIX);
    s.x = (struct expectation){.framing = FRAMING_LINE, .matcher = eq(&s, "220")};
    expect_begin(&s.op, &s.c, &s.x, &s.arena);
    s.op.patient = true;
    perform(&s.p, s.h, &s.op.op);
    scene_come(&s, "wrong");
    assert_int_equal(s.p.result, OP_WAIT);
    scene_come(&s, " line\nnext");
    assert_int_equal(s.p.result, OP_FAILED);
    assert_true(s.op.whole);
    assert_int_equal(s.op.report.at, 0);
    /* Whoever may goes on behind it. */
    op_commit(&s.op.op);
    assert_int_equal(s.c.base, 11);
    perform_end(&s.p);
    scene_end(&s);
}

static void test_nothing_is_taken_before_commit(void **state)
{
    struct scene s;
    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_LINE};
    scene_expect(&s);
    assert_true(s.op.op.edge);
    scene_come(&s, "one\r\ntwo\n");
    assert_int_equal(s.p.result, OP_DONE);
    assert_true(slice_is(s.op.value, "one"));
    assert_int_equal(s.op.op.end, 5);
    assert_int_equal(s.c.base, 0);
    op_commit(&s.op.op);
    assert_int_equal(s.c.base, 5);
    perform_end(&s.p);
    /* Passed over, and tried again behind it. */
    scene_expect(&s);
    conn_take(&s.c, 7);
    op_rewind(&s.op.op);
    assert_int_equal(op_poll(&s.op.op, &s.p.task), OP_DONE);
    assert_true(slice_is(s.op.value, "o"));
    assert_int_equal(s.op.op.end, 9);
    perform_end(&s.p);
    scene_end(&s);
}

/* What was compared before counts no more. */
static void test_tried_again_from_the_beginning(void **state)
{
    struct scene s;
    scene_begin(&s, *state, CONN_UNIX);
    s.x = (struct expectation){.framing = FRAMING_EXACT, .bytes = SLICE("ab")};
    scene_expect(&s);
    scene_come(&s, "a");
    scene_come(&s, "XXbab");
    assert_int_equal(s.p.result, OP_FAILED);
    assert_int_equal(s.op.report.at, 1);
    conn_take(&s.c, 2);
    op_rewind(&s.op.op);
    assert_int_equal(op_poll(&s.op.op, &s.p.task), OP_FAILED);
    assert_int_equal(s.op.report.at, 0);
    conn_take(&s.c, 4);
    op_rewind(&s.op.op);
    assert_int_equal(op_poll(&s.op.op, &s.p.task), OP_DONE);
    assert_int_equal(s.op.op.failure, OP_FINE);
    assert_int_equal(s.op.op.end, 6);
    perform_end(&s.p);
    scene_end(&s);
}

/* What is found stands in memory that the next one to read may want. */
static void test_found_again_after_others_have_read(void **state)
{
    for (int good = 0; good < 2; good++) {
        struct scene a, b;
        scene_begin(&a, *state, CONN_UNIX);
        scene_begin(&b, *state, CONN_UNIX);
        a.x = (struct expectation){.framing = FRAMING_LINE, .matcher = eq(&a, good ? "first" : "fist")};
        b.x = (struct expectation){.framing = FRAMING_LINE};
        scene_come(&a, "first\n...");
        scene_come(&b, "other\n...");
        scene_expect(&a);
        assert_int_equal(a.p.result, good ? OP_DONE : OP_FAILED);
        scene_expect(&b);
        assert_int_equal(b.p.result, OP_DONE);
        op_again(&a.op.op, &a.p.task);
        op_again(&b.op.op, &b.p.task);
        assert_int_equal(a.op.op.failure, good ? OP_FINE : OP_MISMATCH);
        assert_true(slice_is(good ? a.op.value : a.op.report.got, "first"));
        assert_true(slice_is(b.op.value, "other"));
        perform_end(&a.p);
        perform_end(&b.p);
        scene_end(&a);
        scene_end(&b);
    }
}

/* Two expectations at one place: the second needs more than the buffer of the first has room for. */
static void test_found_again_after_the_buffer_grew(void **state)
{
    struct scene a;
    struct expect_op longer;
    const struct expectation x = {.framing = FRAMING_BYTES, .count = 20000, .keep = true};
    char *piece = mem_zalloc(20000);
    scene_begin(&a, *state, CONN_UNIX);
    a.x = (struct expectation){.framing = FRAMING_LINE, .matcher = eq(&a, "firsT")};
    scene_come(&a, "fir");
    scene_expect(&a);
    scene_come(&a, "st\n");
    assert_int_equal(a.p.result, OP_FAILED);
    far_write(&a.far, piece, 20000);
    harness_arrived(&a.c, 20000);
    harness_settle(a.h);
    expect_begin(&longer, &a.c, &x, &a.arena);
    assert_int_equal(op_poll(&longer.op, &a.p.task), OP_DONE);
    op_again(&a.op.op, &a.p.task);
    assert_int_equal(a.op.op.failure, OP_MISMATCH);
    assert_int_equal(a.op.report.at, 4);
    assert_true(slice_starts(a.op.report.got, SLICE("first")));
    op_cancel(&longer.op, &a.p.task);
    perform_end(&a.p);
    scene_end(&a);
    mem_free(piece);
}

struct flood {
    struct scene *s;
    char *piece;
    uint64_t left;
    uint32_t kept; /* the most that the connection ever held */
};

static void flood_some(void *ctx)
{
    struct flood *f = ctx;
    struct scene *s = f->s;
    if (s->c.own_size > f->kept) f->kept = s->c.own_size;
    const size_t n = f->left < 50000 ? (size_t)f->left : 50000;
    if (n) {
        far_write(&s->far, f->piece, n);
        f->left -= n;
        if (f->left == 0) assert_int_equal(shutdown(s->far.out, SHUT_WR), 0);
    }
}

static void flood(struct scene *s, uint64_t size, uint32_t *ret_kept)
{
    struct flood f = {.s = s, .piece = mem_zalloc(50000), .left = size};
    s->h->sched.idle = flood_some;
    s->h->sched.idle_ctx = &f;
    expect_begin(&s->op, &s->c, &s->x, &s->arena);
    perform(&s->p, s->h, &s->op.op);
    harness_run(s->h);
    s->h->sched.idle = NULL;
    if (s->p.result == OP_DONE) op_commit(&s->op.op);
    *ret_kept = f.kept;
    mem_free(f.piece);
}

static void test_large_frames_stream(void **state)
{
    enum { SIZE = 2 << 20 };
    for (int keep = 0; keep < 2; keep++) {
        for (int rest = 0; rest < 2; rest++) {
            for (enum conn_kind kind = CONN_TCP; kind <= CONN_UNIX; kind++) {
                struct scene s;
                uint32_t kept;
                scene_begin(&s, *state, kind);
                struct matcher *m = make_int(&s.arena, MATCHER_INT, SIZE);
                s.x = (struct expectation){.framing = rest ? FRAMING_REST : FRAMING_BYTES,
                                           .count = SIZE,
                                           .keep = keep,
                                           .matcher = make_of(&s.arena, MATCHER_LENGTH, 1, m)};
                flood(&s, SIZE, &kept);
                assert_int_equal(s.p.result, OP_DONE);
                assert_int_equal(s.op.value.n, SIZE);
                assert_int_equal(s.op.op.end, SIZE);
                assert_int_equal(s.c.base, SIZE);
                assert_int_equal(kept > 0, keep);
                assert_null(s.c.own);
                perform_end(&s.p);
                scene_end(&s);
            }
        }
    }
}

static void test_large_frame_of_the_wrong_length(void **state)
{
    struct scene s;
    uint32_t kept;
    scene_begin(&s, *state, CONN_TCP);
    s.x =
        (struct expectation){.framing = FRAMING_REST,
                             .matcher = make_of(&s.arena, MATCHER_LENGTH, 1, make_int(&s.arena, MATCHER_INT, 100000))};
    flood(&s, 90000, &kept);
    assert_int_equal(s.p.result, OP_FAILED);
    assert_int_equal(s.op.op.failure, OP_MISMATCH);
    perform_end(&s.p);
    scene_end(&s);
}

static void test_counted_frame_that_ends_early(void **state)
{
    struct scene s;
    uint32_t kept;
    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_BYTES, .count = 100000};
    flood(&s, 90000, &kept);
    assert_int_equal(s.p.result, OP_FAILED);
    assert_int_equal(s.op.op.status, SR_CLOSED);
    assert_int_equal(s.op.seen, 90000);
    perform_end(&s.p);
    scene_end(&s);
}

static void test_urgent(void **state)
{
    struct scene s;
    for (int good = 0; good < 2; good++) {
        scene_begin(&s, *state, CONN_TCP);
        s.x = (struct expectation){.framing = FRAMING_URGENT, .bytes = good ? SLICE("!") : SLICE("?")};
        scene_come(&s, "in band");
        scene_expect(&s);
        assert_int_equal(s.p.result, OP_WAIT);
        assert_int_equal(send(s.far.out, "!", 1, MSG_OOB), 1);
        support_wait(s.c.fd.rfd, POLLPRI);
        harness_settle(s.h);
        assert_int_equal(s.p.result, good ? OP_DONE : OP_FAILED);
        assert_true(slice_is(good ? s.op.value : s.op.report.got, "!"));
        if (good) op_commit(&s.op.op);
        /* It has no place in the stream. */
        assert_int_equal(s.op.op.end, 0);
        assert_int_equal(s.c.base, 0);
        perform_end(&s.p);
        far_write(&s.far, " too", 4);
        s.x = (struct expectation){.framing = FRAMING_EXACT, .bytes = SLICE("in band too")};
        expect_begin(&s.op, &s.c, &s.x, &s.arena);
        assert_int_equal(perform_now(s.h, &s.op.op), OP_DONE);
        scene_end(&s);
    }
}

static void test_urgent_that_never_comes(void **state)
{
    struct scene s;
    scene_begin(&s, *state, CONN_TCP);
    s.x = (struct expectation){.framing = FRAMING_URGENT, .bytes = SLICE("!")};
    scene_expect(&s);
    far_close(&s.far);
    harness_run(s.h);
    assert_int_equal(s.p.result, OP_FAILED);
    assert_int_equal(s.op.op.status, SR_CLOSED);
    perform_end(&s.p);
    scene_end(&s);
}

static void test_one_reads_at_a_time(void **state)
{
    struct scene s;
    scene_begin(&s, *state, CONN_UNIX);
    s.x = (struct expectation){.framing = FRAMING_LINE};
    scene_expect(&s);
    struct expect_op expect;
    struct close_op close;
    struct silence_op silence;
    expect_begin(&expect, &s.c, &s.x, &s.arena);
    expect_close_begin(&close, &s.c, CLOSE_ANY);
    expect_silence_begin(&silence, &s.c, clock_now() + HARNESS_LATE);
    struct op *const others[] = {&expect.op, &close.op, &silence.op};
    for (unsigned i = 0; i < 3; i++) {
        struct performer p;
        perform(&p, s.h, others[i]);
        harness_settle(s.h);
        assert_int_equal(p.result, OP_FAILED);
        assert_int_equal(others[i]->failure, OP_MISUSE);
        perform_end(&p);
        assert_ptr_equal(s.c.reader, &s.p.task);
    }
    perform_end(&s.p);
    assert_null(s.c.reader);
    conn_close(&s.c);
    expect_begin(&expect, &s.c, &s.x, &s.arena);
    expect_close_begin(&close, &s.c, CLOSE_ANY);
    expect_silence_begin(&silence, &s.c, clock_now() + HARNESS_LATE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(perform_now(s.h, others[i]), OP_FAILED);
        assert_int_equal(others[i]->failure, OP_MISUSE);
    }
    scene_end(&s);
}

/* What the peer said comes first, then the reset that the send has met. */
static void test_after_a_failed_send(void **state)
{
    struct scene s;
    scene_begin(&s, *state, CONN_TCP);
    scene_come(&s, "421 bye\r\n");
    assert_int_equal(conn_send(&s.c, "x", 1, 0), 1);
    support_wait(s.far.in, POLLIN);
    far_close(&s.far);
    while (conn_send(&s.c, "x", 1, 0) > 0)
        support_wait(s.c.fd.rfd, POLLHUP);
    s.x = (struct expectation){.framing = FRAMING_LINE, .matcher = eq(&s, "421 bye")};
    expect_begin(&s.op, &s.c, &s.x, &s.arena);
    assert_int_equal(perform_now(s.h, &s.op.op), OP_DONE);
    expect_begin(&s.op, &s.c, &s.x, &s.arena);
    assert_int_equal(perform_now(s.h, &s.op.op), OP_FAILED);
    assert_int_equal(s.op.op.status, SR_RESET);
    scene_end(&s);
}

enum { CLOSE_WHY = 100 };

static enum op_result close_by(struct harness *h, int reset, const char *data, enum close_by by, char why[CLOSE_WHY])
{
    struct scene s;
    struct close_op op;
    struct performer p;
    scene_begin(&s, h, CONN_TCP);
    expect_close_begin(&op, &s.c, by);
    perform(&p, h, &op.op);
    harness_settle(h);
    assert_int_equal(p.result, OP_WAIT);
    scene_come(&s, data);
    if (reset) {
        sock_reset(s.far.out);
        s.far.in = s.far.out = -1;
    } else {
        far_close(&s.far);
    }
    harness_run(h);
    snprintf(why, CLOSE_WHY, "%s", op.op.why ? op.op.why : "");
    const enum op_result result = p.result;
    if (result == OP_FAILED) assert_int_equal(op.op.failure, OP_MISMATCH);
    assert_int_equal(s.c.base, 0);
    perform_end(&p);
    scene_end(&s);
    return result;
}

static void test_close(void **state)
{
    struct harness *h = *state;
    char why[CLOSE_WHY];
    assert_int_equal(close_by(h, 0, "", CLOSE_ANY, why), OP_DONE);
    assert_int_equal(close_by(h, 1, "", CLOSE_ANY, why), OP_DONE);
    assert_int_equal(close_by(h, 0, "", CLOSE_FIN, why), OP_DONE);
    assert_int_equal(close_by(h, 1, "", CLOSE_RESET, why), OP_DONE);
    assert_int_equal(close_by(h, 1, "", CLOSE_FIN, why), OP_FAILED);
    assert_string_equal(why, "expected a FIN, got a reset");
    assert_int_equal(close_by(h, 0, "", CLOSE_RESET, why), OP_FAILED);
    assert_string_equal(why, "expected a reset, got a FIN");
    assert_int_equal(close_by(h, 0, "", CLOSE_NOTIFY, why), OP_FAILED);
    assert_int_equal(close_by(h, 0, "x", CLOSE_ANY, why), OP_FAILED);
    assert_string_equal(why, "data came instead of a close");
    assert_int_equal(close_by(h, 1, "x", CLOSE_ANY, why), OP_FAILED);
    assert_string_equal(why, "data came instead of a close");
}

static void test_silence(void **state)
{
    struct harness *h = *state;
    struct scene s;
    struct silence_op op;
    struct performer p;
    scene_begin(&s, h, CONN_TCP);
    const int64_t until = clock_now() + 2 * MS;
    expect_silence_begin(&op, &s.c, until);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    assert_true(clock_now() >= until);

    expect_silence_begin(&op, &s.c, clock_now() + HARNESS_LATE);
    perform(&p, h, &op.op);
    harness_settle(h);
    assert_int_equal(p.result, OP_WAIT);
    scene_come(&s, "x");
    assert_int_equal(p.result, OP_FAILED);
    assert_string_equal(op.op.why, "data broke the silence");
    perform_end(&p);
    conn_take(&s.c, 1);

    expect_silence_begin(&op, &s.c, clock_now() + HARNESS_LATE);
    perform(&p, h, &op.op);
    far_close(&s.far);
    harness_run(h);
    assert_string_equal(op.op.why, "a FIN broke the silence");
    perform_end(&p);
    scene_end(&s);
}

/* Left from where it stands, it leaves nothing. */
static void test_cancel(void **state)
{
    for (enum framing framing = FRAMING_EXACT; framing <= FRAMING_URGENT; framing++) {
        struct scene s;
        char why[100];
        size_t at;
        if (framing == FRAMING_CUSTOM) continue;
        scene_begin(&s, *state, CONN_TCP);
        struct regex *r = regex_new(SLICE("xyz"), why, sizeof why, &at);
        s.x = (struct expectation){
            .framing = framing, .bytes = SLICE("!"), .count = 100, .prefix = PREFIX_U8, .regex = r};
        expect_begin(&s.op, &s.c, &s.x, &s.arena);
        perform_later(&s.p, s.h, &s.op.op);
        perform_end(&s.p);
        scene_expect(&s);
        if (framing != FRAMING_EXACT && framing != FRAMING_UNTIL) scene_come(&s, "ab");
        assert_int_equal(s.p.result, OP_WAIT);
        assert_ptr_equal(s.c.reader, &s.p.task);
        perform_end(&s.p);
        assert_null(s.c.reader);
        regex_free(r);
        scene_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_fails_at_the_first_wrong_byte),
        HARNESS_TEST(test_anchored_pattern_that_cannot_match),
        HARNESS_TEST(test_patient_reads_the_frame),
        HARNESS_TEST(test_nothing_is_taken_before_commit),
        HARNESS_TEST(test_tried_again_from_the_beginning),
        HARNESS_TEST(test_found_again_after_others_have_read),
        HARNESS_TEST(test_found_again_after_the_buffer_grew),
        HARNESS_TEST(test_large_frames_stream),
        HARNESS_TEST(test_large_frame_of_the_wrong_length),
        HARNESS_TEST(test_counted_frame_that_ends_early),
        HARNESS_TEST(test_urgent),
        HARNESS_TEST(test_urgent_that_never_comes),
        HARNESS_TEST(test_one_reads_at_a_time),
        HARNESS_TEST(test_after_a_failed_send),
        HARNESS_TEST(test_close),
        HARNESS_TEST(test_silence),
        HARNESS_TEST(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
