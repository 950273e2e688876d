/* What an expectation comes to must not depend on how the bytes were cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/expect.h"

#include "match/make.h"
#include "op/harness.h"
#include "util/mem.h"

enum { STEPS_MOST = 8, PARTS_MOST = 64, VALUE_MOST = 64, KITS_MOST = 96 };

enum ending { STAYS, FIN, RST, ENDINGS };

/* A stream and what is expected of it, one after the other. */
struct kit {
    struct slice stream;
    struct expectation steps[STEPS_MOST];
    unsigned nsteps;
};

struct kits {
    struct arena arena;
    struct regex *regexes[KITS_MOST];
    unsigned nregexes;
    struct kit list[KITS_MOST];
    unsigned n;
};

struct outcome {
    unsigned steps; /* done */
    enum op_result result;
    enum op_failure failure;
    enum sr_status status;
    int error;
    const char *why;
    bool bytes, whole;
    size_t at;
    uint64_t end;
    struct {
        uint64_t end;
        size_t n;
        char value[VALUE_MOST];
    } done[STEPS_MOST];
};

/* Feeds a part whenever no task can run; the end comes right behind the last one. */
struct feed {
    struct harness *h;
    struct conn *conn;
    struct far_end *far;
    struct slice stream;
    size_t cuts[PARTS_MOST]; /* ascending; every part ends at one, the last at the end */
    unsigned n, at;
    size_t fed;
    enum ending ending;
    bool ended;
};

static void end_stream(struct feed *f)
{
    f->ended = true;
    if (f->ending == STAYS) return;
    if (f->ending == RST && f->conn->kind == CONN_TCP) {
        sock_reset(f->far->out);
        f->far->in = f->far->out = -1;
        return;
    }
    /* A Unix socket that is closed with unread bytes resets. */
    if (f->ending == RST) assert_int_equal(write(f->conn->fd.wfd, "x", 1), 1);
    far_close(f->far);
}

static void feed_more(void *ctx)
{
    struct feed *f = ctx;
    size_t to = f->fed;
    while (f->at < f->n && to == f->fed)
        to = f->cuts[f->at++];
    if (to > f->fed) far_write(f->far, f->stream.p + f->fed, to - f->fed);
    f->fed = to;
    if (f->at < f->n) return;
    if (!f->ended) end_stream(f);
    if (f->ending == STAYS && harness_unread(f->conn) == 0) f->h->sched.stop = true;
}

static void note_outcome(struct outcome *o, const struct performer *p, const struct expect_op *op)
{
    o->result = p->result;
    if (p->result == OP_DONE) {
        const struct slice value = op->streamed ? (struct slice){"", 0} : slice_part(op->value, 0, VALUE_MOST);
        o->done[o->steps].end = op->op.end;
        o->done[o->steps].n = op->value.n;
        memcpy(o->done[o->steps].value, value.p ? value.p : "", value.n);
        o->steps++;
    }
    if (p->result != OP_FAILED) return;
    o->failure = op->op.failure;
    o->status = op->op.status;
    o->error = op->op.error;
    o->why = op->op.why;
    o->bytes = op->report.bytes;
    o->whole = op->whole;
    o->at = op->report.at;
}

static void take_steps(struct harness *h, const struct kit *k, struct conn *c, bool patient, struct outcome *ret)
{
    struct arena arena = {0};
    memset(ret, 0, sizeof *ret);
    ret->result = OP_DONE;
    for (unsigned i = 0; i < k->nsteps && ret->result == OP_DONE; i++) {
        struct expect_op op;
        struct performer p;
        expect_begin(&op, c, &k->steps[i], &arena);
        op.patient = patient;
        perform(&p, h, &op.op);
        harness_go(h);
        note_outcome(ret, &p, &op);
        if (p.result == OP_DONE) op_commit(&op.op);
        perform_end(&p);
    }
    ret->end = c->base;
    arena_done(&arena);
}

static void run_kit(struct harness *h, const struct kit *k, enum conn_kind kind, bool patient, struct feed *f,
                    struct outcome *ret)
{
    struct conn c;
    struct far_end far;
    harness_conn(h, kind, &c, &far);
    f->h = h;
    f->conn = &c;
    f->far = &far;
    f->stream = k->stream;
    f->fed = 0;
    f->at = 0;
    f->ended = false;
    h->sched.idle = feed_more;
    h->sched.idle_ctx = f;
    take_steps(h, k, &c, patient, ret);
    h->sched.idle = NULL;
    if (kind == CONN_TCP && !c.closed) conn_reset(&c); /* no TIME_WAIT is left of so many */
    conn_done(&c);
    far_close(&far);
}

static void compare(const struct outcome *a, const struct outcome *b, bool patient)
{
    assert_int_equal(a->steps, b->steps);
    assert_int_equal(a->result, b->result);
    assert_int_equal(a->failure, b->failure);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->error, b->error);
    assert_ptr_equal(a->why, b->why);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->at, b->at);
    if (patient) assert_int_equal(a->whole, b->whole);
    for (unsigned i = 0; i < a->steps; i++) {
        assert_int_equal(a->done[i].end, b->done[i].end);
        assert_int_equal(a->done[i].n, b->done[i].n);
        assert_memory_equal(a->done[i].value, b->done[i].value, VALUE_MOST);
    }
}

static void check_cut(struct harness *h, const struct kit *k, enum conn_kind kind, bool patient, struct feed *f,
                      const struct outcome *whole)
{
    struct outcome got;
    run_kit(h, k, kind, patient, f, &got);
    if (got.steps != whole->steps || got.result != whole->result || got.failure != whole->failure ||
        got.at != whole->at) {
        print_error("stream \"%.*s\"..., ending %d, kind %d, parts end at", (int)(k->stream.n < 80 ? k->stream.n : 80),
                    k->stream.p, (int)f->ending, (int)kind);
        for (unsigned i = 0; i < f->n; i++)
            print_error(" %zu", f->cuts[i]);
        print_error("\n");
    }
    compare(&got, whole, patient);
}

static void whole_stream(struct harness *h, const struct kit *k, enum conn_kind kind, bool patient, enum ending ending,
                         struct outcome *ret)
{
    struct feed f = {.cuts = {k->stream.n}, .n = 1, .ending = ending};
    run_kit(h, k, kind, patient, &f, ret);
}

static void cut_into_bytes(struct harness *h, const struct kit *k, enum conn_kind kind, bool patient,
                           enum ending ending, const struct outcome *whole)
{
    struct feed f = {.ending = ending};
    assert_true(k->stream.n <= PARTS_MOST);
    for (size_t i = 0; i < k->stream.n; i++)
        f.cuts[f.n++] = i + 1;
    check_cut(h, k, kind, patient, &f, whole);
}

static void cut_in_three(struct harness *h, const struct kit *k, enum conn_kind kind, bool patient, enum ending ending)
{
    struct outcome whole;
    const size_t n = k->stream.n;
    whole_stream(h, k, kind, patient, ending, &whole);
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = i; j <= n; j++) {
            struct feed f = {.cuts = {i, j, n}, .n = 3, .ending = ending};
            check_cut(h, k, kind, patient, &f, &whole);
        }
    }
    cut_into_bytes(h, k, kind, patient, ending, &whole);
}

static void cut_in_two(struct harness *h, const struct kit *k, enum conn_kind kind, bool patient, enum ending ending)
{
    struct outcome whole;
    whole_stream(h, k, kind, patient, ending, &whole);
    for (size_t i = 1; i < k->stream.n; i++) {
        struct feed f = {.cuts = {i, k->stream.n}, .n = 2, .ending = ending};
        check_cut(h, k, kind, patient, &f, &whole);
    }
    cut_into_bytes(h, k, kind, patient, ending, &whole);
}

/* The kits. */

static struct kit *kit(struct kits *all, struct slice stream)
{
    assert_true(all->n < KITS_MOST);
    struct kit *k = &all->list[all->n++];
    k->stream = stream;
    return k;
}

static struct expectation *step(struct kit *k, enum framing framing, const struct matcher *m)
{
    assert_true(k->nsteps < STEPS_MOST);
    struct expectation *x = &k->steps[k->nsteps++];
    x->framing = framing;
    x->matcher = m;
    return x;
}

static void exact(struct kit *k, const char *text)
{
    step(k, FRAMING_EXACT, NULL)->bytes = slice_of(text);
}

static void line(struct kit *k, const struct matcher *m)
{
    step(k, FRAMING_LINE, m);
}

static void until(struct kit *k, const char *mark, const struct matcher *m)
{
    step(k, FRAMING_UNTIL, m)->bytes = slice_of(mark);
}

static struct regex *regex(struct kits *all, const char *pattern)
{
    char why[200];
    size_t at;
    struct regex *r = regex_new(slice_of(pattern), why, sizeof why, &at);
    assert_non_null(r);
    return all->regexes[all->nregexes++] = r;
}

static void pattern(struct kits *all, struct kit *k, const char *text, const struct matcher *m)
{
    step(k, FRAMING_PATTERN, m)->regex = regex(all, text);
}

static void bytes(struct kit *k, uint64_t count, const struct matcher *m)
{
    step(k, FRAMING_BYTES, m)->count = count;
}

static void prefixed(struct kit *k, enum prefix_kind kind, const struct matcher *m)
{
    step(k, FRAMING_PREFIXED, m)->prefix = kind;
}

static struct matcher *eq(struct kits *all, const char *text)
{
    return make_text(&all->arena, MATCHER_BYTES, text);
}

static void add_exact(struct kits *all)
{
    struct kit *k = kit(all, SLICE("hello world!"));
    exact(k, "hello");
    exact(k, "");
    exact(k, " world!");
    exact(kit(all, SLICE("hellO world")), "hello");
    exact(kit(all, SLICE("x")), "hello");
    exact(kit(all, SLICE("hel")), "hello");
    exact(kit(all, SLICE("")), "hello");
}

static void add_lines(struct kits *all)
{
    struct kit *k = kit(all, SLICE("220 ok\r\nab\n\r\nx\ry\n\r\r\n"));
    line(k, eq(all, "220 ok"));
    line(k, eq(all, "ab"));
    line(k, eq(all, ""));
    line(k, eq(all, "x\ry"));
    line(k, eq(all, "\r"));
    line(kit(all, SLICE("abX\n")), eq(all, "abc"));
    line(kit(all, SLICE("ab\n")), eq(all, "abc"));
    line(kit(all, SLICE("abcd\r\n")), eq(all, "abc"));
    line(kit(all, SLICE("abc\r")), eq(all, "abc"));
    line(kit(all, SLICE("abc\rd\n")), eq(all, "abc"));
    k = kit(all, SLICE("no\nyes\n"));
    line(k, NULL);
    line(k, make_regex(&all->arena, regex(all, "^y(?<rest>.*)$")));
    line(kit(all, SLICE("maybe\n")), make_regex(&all->arena, regex(all, "^y")));
}

static void add_until(struct kits *all)
{
    struct kit *k = kit(all, SLICE("A: b\r\r\n\r\n\r\nrest"));
    until(k, "\r\n\r\n", eq(all, "A: b\r"));
    exact(k, "\r\nrest");
    k = kit(all, SLICE("aaaab.aab"));
    until(k, "aab", eq(all, "aa"));
    until(k, "aab", eq(all, "."));
    until(kit(all, SLICE("xyzzEND")), "END", eq(all, "xyz"));
    until(kit(all, SLICE("xyEND")), "END", eq(all, "xyz"));
    until(kit(all, SLICE("xyEN.")), "END", eq(all, "xyz"));
    until(kit(all, SLICE("xyEN")), "END", eq(all, "xyz"));
    until(kit(all, SLICE("headers: X")), "\r\n\r\n", make_text(&all->arena, MATCHER_STARTS_WITH, "head"));
    until(kit(all, SLICE("header: X")), "\r\n\r\n", make_text(&all->arena, MATCHER_STARTS_WITH, "heads"));
}

static void add_patterns(struct kits *all)
{
    struct kit *k = kit(all, SLICE("you@host$ ls\nnext# "));
    pattern(all, k, "\\w+[$#] ", eq(all, "you@"));
    line(k, eq(all, "ls"));
    pattern(all, k, "\\w+[$#] ", eq(all, ""));
    k = kit(all, SLICE("ab12345xy"));
    pattern(all, k, "[0-9]+", eq(all, "ab"));
    exact(k, "xy");
    k = kit(all, SLICE("aXbXXc"));
    pattern(all, k, "(?<=b)X*", eq(all, "aXb"));
    exact(k, "c");
    k = kit(all, SLICE(".xxyxx"));
    exact(k, ".");
    pattern(all, k, "x*", eq(all, ""));
    exact(k, "yxx");
    k = kit(all, SLICE("one two"));
    pattern(all, k, "e\\b", eq(all, "on"));
    pattern(all, k, "o$", eq(all, " tw"));
    k = kit(all, SLICE("foobarfoobaz"));
    pattern(all, k, "foo(?!bar)", eq(all, "foobar"));
    pattern(all, kit(all, SLICE("xyz 220")), "^220", NULL);
    pattern(all, kit(all, SLICE("22x")), "^220", NULL);
    pattern(all, kit(all, SLICE("a\nb\nc")), "(?m)^b$", eq(all, "a\n"));
    pattern(all, kit(all, SLICE("none of it")), "[0-9]", NULL);
    pattern(all, kit(all, SLICE("hello 7")), "[0-9]", eq(all, "help "));
    pattern(all, kit(all, SLICE("d\xc3\xa9j\xc3\xa0 vu")), "(*UTF)j.", eq(all, "d\xc3\xa9"));
    pattern(all, kit(all, SLICE("ab")), "^$|b", eq(all, "a"));
}

static void add_counted(struct kits *all)
{
    struct kit *k = kit(all, SLICE("abcdXY"));
    bytes(k, 4, eq(all, "abcd"));
    bytes(k, 0, eq(all, ""));
    bytes(k, 2, NULL);
    bytes(kit(all, SLICE("abXd")), 4, eq(all, "abcd"));
    bytes(kit(all, SLICE("abcd")), 4, eq(all, "abcde"));
    bytes(kit(all, SLICE("abcd")), 4, eq(all, "ab"));
    k = kit(all, SLICE("\x01"
                       "a\0\x02"
                       "bc\x03\0def\0\0\0\x01g\x01\0\0\0h\x83\x80\x80\0ijk"));
    prefixed(k, PREFIX_U8, eq(all, "a"));
    prefixed(k, PREFIX_U16BE, eq(all, "bc"));
    prefixed(k, PREFIX_U16LE, eq(all, "def"));
    prefixed(k, PREFIX_U32BE, eq(all, "g"));
    prefixed(k, PREFIX_U32LE, eq(all, "h"));
    prefixed(k, PREFIX_VARINT, eq(all, "ijk"));
    prefixed(kit(all, SLICE("\0")), PREFIX_U8, eq(all, ""));
    prefixed(kit(all, SLICE("\0\x05"
                            "abX")),
             PREFIX_U16BE, eq(all, "abc"));
    prefixed(kit(all, SLICE("\x04\0\0\x01")), PREFIX_U32BE, NULL);
    prefixed(kit(all, SLICE("\x04\0\0\0")), PREFIX_U32BE, NULL);
    prefixed(kit(all, SLICE("\x80\x80\x80\x80\x80\x01")), PREFIX_VARINT, NULL);
}

static void add_rest(struct kits *all)
{
    struct arena *a = &all->arena;
    struct kit *k = kit(all, SLICE("line\nrest of it"));
    line(k, NULL);
    step(k, FRAMING_REST, eq(all, "rest of it"));
    step(kit(all, SLICE("rest of IT")), FRAMING_REST, eq(all, "rest of it"));
    step(kit(all, SLICE("rest")), FRAMING_REST, eq(all, "rest of it"));
    step(kit(all, SLICE("")), FRAMING_REST, eq(all, ""));
    step(kit(all, SLICE("any")), FRAMING_REST, NULL);
    step(kit(all, SLICE("kept")), FRAMING_REST, NULL)->keep = true;
    step(kit(all, SLICE("12345")), FRAMING_REST, make_of(a, MATCHER_LENGTH, 1, make_int(a, MATCHER_INT, 5)));
    step(kit(all, SLICE("1234")), FRAMING_REST, make_of(a, MATCHER_LENGTH, 1, make_int(a, MATCHER_INT, 5)));
    step(kit(all, SLICE("123456")), FRAMING_REST, make_of(a, MATCHER_LENGTH, 1, make_int(a, MATCHER_INT, 5)));
    step(kit(all, SLICE("123456")), FRAMING_REST, make_of(a, MATCHER_LENGTH, 1, make_int(a, MATCHER_INT, 5)))->keep =
        true;
}

static void add_matchers(struct kits *all)
{
    struct arena *a = &all->arena;
    struct matcher *length = make_of(a, MATCHER_LENGTH, 1, make_int(a, MATCHER_LE, 3));
    struct matcher *both = make_of(a, MATCHER_ALL_OF, 2, make_text(a, MATCHER_STARTS_WITH, "ab"), length);
    struct matcher *either = make_of(a, MATCHER_ANY_OF, 2, eq(all, "abcd"), eq(all, "abxy"));
    line(kit(all, SLICE("abc\n")), both);
    line(kit(all, SLICE("aXc\n")), both);
    line(kit(all, SLICE("abcd\n")), both);
    line(kit(all, SLICE("abxy\n")), either);
    line(kit(all, SLICE("abxz\n")), either);
    line(kit(all, SLICE("abz\n")), either);
    line(kit(all, SLICE("abc\n")), make_of(a, MATCHER_NOT, 1, eq(all, "abd")));
    line(kit(all, SLICE("abc\n")), make_of(a, MATCHER_NOT, 1, eq(all, "abc")));
    line(kit(all, SLICE("200\n")), make_int(a, MATCHER_INT, 200));
    line(kit(all, SLICE("404\n")), make_int(a, MATCHER_INT, 200));
    until(kit(all, SLICE("{\"a\": 1};")), ";",
          make_of(a, MATCHER_JSON, 1, make_map(a, 1, "a", make_int(a, MATCHER_INT, 2))));
}

/* A netstring: a decimal count, a colon, the bytes and a comma. */
static enum reader_found netstring(void *ctx, const struct reader *at, struct slice have, bool complete,
                                   struct arena *a, struct custom_frame *ret)
{
    (void)ctx;
    (void)at;
    (void)a;
    (void)complete;
    size_t n = 0, i = 0;
    for (; i < have.n && have.p[i] != ':'; i++) {
        ret->why = "no count";
        if (have.p[i] < '0' || have.p[i] > '9' || i == 3) return READER_END;
        n = n * 10 + (size_t)(have.p[i] - '0');
    }
    ret->why = NULL;
    if (i == have.n || have.n < i + n + 2) return READER_WAIT;
    ret->len = i + n + 2;
    if (have.p[i + n + 1] == ',') return READER_THERE;
    ret->why = "no comma";
    return READER_END;
}

static void add_custom(struct kits *all)
{
    struct kit *k = kit(all, SLICE("3:abc,0:,12"));
    for (unsigned i = 0; i < 3; i++)
        step(k, FRAMING_CUSTOM, NULL)->frame = netstring;
    step(kit(all, SLICE("3:abcd,")), FRAMING_CUSTOM, NULL)->frame = netstring;
    step(kit(all, SLICE("3x")), FRAMING_CUSTOM, NULL)->frame = netstring;
    step(kit(all, SLICE("3:abc,")), FRAMING_CUSTOM, eq(all, "3:abd,"))->frame = netstring;
}

static void kits_make(struct kits *all)
{
    memset(all, 0, sizeof *all);
    add_exact(all);
    add_lines(all);
    add_until(all);
    add_patterns(all);
    add_counted(all);
    add_rest(all);
    add_matchers(all);
    add_custom(all);
}

static void kits_done(struct kits *all)
{
    for (unsigned i = 0; i < all->nregexes; i++)
        regex_free(all->regexes[i]);
    arena_done(&all->arena);
}

static void every_cut(struct harness *h, enum conn_kind kind, bool patient,
                      void (*cut)(struct harness *, const struct kit *, enum conn_kind, bool, enum ending))
{
    struct kits all;
    kits_make(&all);
    for (unsigned i = 0; i < all.n; i++) {
        for (enum ending ending = STAYS; ending < ENDINGS; ending++)
            if (kind != CONN_PROGRAM || ending != RST) cut(h, &all.list[i], kind, patient, ending);
    }
    kits_done(&all);
}

static void test_three_parts_unix(void **state)
{
    every_cut(*state, CONN_UNIX, false, cut_in_three);
}

static void test_two_parts_tcp(void **state)
{
    every_cut(*state, CONN_TCP, false, cut_in_two);
}

static void test_two_parts_program(void **state)
{
    every_cut(*state, CONN_PROGRAM, false, cut_in_two);
}

/* One that reads on to the end of the frame says as well whether there was one. */
static void test_two_parts_patient(void **state)
{
    every_cut(*state, CONN_UNIX, true, cut_in_two);
}

/* Random frames, some of them spoilt, in random parts. */
enum { SEED = 4711, SEQUENCES = 400, STREAM_MOST = 1 << 18 };

static struct slice add_bytes(char *stream, size_t *n, const char *p, size_t size)
{
    memcpy(stream + *n, p, size);
    *n += size;
    return (struct slice){stream + *n - size, size};
}

static void add_random_step(struct kits *all, struct kit *k, uint64_t *random, char *stream, size_t *n)
{
    static const enum framing framings[] = {FRAMING_EXACT, FRAMING_LINE, FRAMING_UNTIL, FRAMING_BYTES,
                                            FRAMING_PREFIXED};
    const enum framing framing = framings[harness_random(random) % 5];
    const size_t most = harness_random(random) % 10 ? 40 : 30000, size = harness_random(random) % most;
    char *value = arena_alloc(&all->arena, size + 1);
    for (size_t i = 0; i < size; i++)
        value[i] = (char)('a' + harness_random(random) % 4);
    const struct slice text = {value, size};
    struct expectation *x = step(k, framing, make_bytes(&all->arena, MATCHER_BYTES, text));
    const char head[2] = {(char)(size >> 8), (char)size};
    x->prefix = PREFIX_U16BE;
    x->count = size;
    x->bytes = framing == FRAMING_UNTIL ? SLICE("--") : text;
    if (framing == FRAMING_PREFIXED) add_bytes(stream, n, head, 2);
    add_bytes(stream, n, value, size);
    if (framing == FRAMING_LINE) add_bytes(stream, n, "\r\n", 2);
    if (framing == FRAMING_UNTIL) add_bytes(stream, n, "--", 2);
}

static void random_cuts(struct feed *f, uint64_t *random, size_t size)
{
    f->n = 0;
    for (size_t at = 0; at < size && f->n < PARTS_MOST - 1; f->n++) {
        at += 1 + harness_random(random) % (harness_random(random) % 2 ? 5 : size);
        f->cuts[f->n] = at < size ? at : size;
    }
    f->cuts[f->n++] = size;
}

static void test_random_sequences(void **state)
{
    struct harness *h = *state;
    uint64_t random = SEED;
    char *stream = mem_alloc(STREAM_MOST);
    print_message("seed %d\n", SEED);
    for (unsigned i = 0; i < SEQUENCES; i++) {
        struct kits *all = mem_zalloc(sizeof *all);
        struct kit *k = kit(all, SLICE(""));
        struct outcome whole;
        size_t n = 0;
        for (unsigned steps = 1 + harness_random(&random) % STEPS_MOST; steps; steps--)
            add_random_step(all, k, &random, stream, &n);
        if (n && harness_random(&random) % 2) stream[harness_random(&random) % n] ^= 1;
        if (harness_random(&random) % 4 == 0) n -= harness_random(&random) % (n + 1);
        k->stream = (struct slice){stream, n};
        const enum ending ending = harness_random(&random) % ENDINGS;
        const enum conn_kind kind = harness_random(&random) % 2 ? CONN_TCP : CONN_UNIX;
        whole_stream(h, k, kind, false, ending, &whole);
        for (unsigned tries = 0; tries < 3; tries++) {
            struct feed f = {.ending = ending};
            random_cuts(&f, &random, n);
            check_cut(h, k, kind, false, &f, &whole);
        }
        kits_done(all);
        mem_free(all);
    }
    mem_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_three_parts_unix),  HARNESS_TEST(test_two_parts_tcp),    HARNESS_TEST(test_two_parts_program),
        HARNESS_TEST(test_two_parts_patient), HARNESS_TEST(test_random_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
