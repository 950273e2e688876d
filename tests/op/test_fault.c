#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/fault.h"

#include <string.h>

#include "util/units.h"

enum { NOW = 1000, BIG = 100000 };

/* A direction under test, and what came out of it. */
struct bench {
    struct fault_set set;
    struct fault_flow flow;
    struct outbox out;
    struct buf came;
    char ends[16]; /* "F" FIN, "R" reset, "|" between datagrams, in order */
    size_t nends;
};

static struct fault_rule rule(enum fault fault)
{
    return (struct fault_rule){.has = 1U << fault, .to_server = true, .to_client = true, .left = UINT64_MAX};
}

static void begin(struct bench *b, struct fault_rule *rules, uint32_t n, bool datagrams)
{
    *b = (struct bench){.set = {.rules = rules, .n = n}, .flow = {.connection = 1, .datagrams = datagrams}};
    buf_init(&b->came, 4 << 20);
    fault_begin(&b->flow, &b->set, NOW);
}

/* All that may go out at this time. */
static int64_t drain(struct bench *b, int64_t now)
{
    struct parcel p;
    struct slice bytes;
    int64_t wake = INT64_MAX;
    while (outbox_next(&b->out, now, &p, &bytes, &wake) == OUTBOX_NOW) {
        buf_add(&b->came, bytes);
        if (p.kind != PARCEL_BYTES && b->nends + 1 < sizeof b->ends)
            b->ends[b->nends++] = p.kind == PARCEL_FIN ? 'F' : p.kind == PARCEL_RESET ? 'R' : '|';
        outbox_taken(&b->out, bytes.n, now);
        wake = INT64_MAX;
    }
    return wake;
}

static void take(struct bench *b, const char *text, int64_t now)
{
    fault_take(&b->flow, slice_of(text), now, &b->out);
}

static void end(struct bench *b)
{
    fault_done(&b->flow);
    outbox_done(&b->out);
    buf_done(&b->came);
}

static void expect(struct bench *b, const char *came, const char *ends)
{
    drain(b, NOW);
    assert_string_equal(buf_str(&b->came), came);
    assert_string_equal(b->ends, ends);
    end(b);
}

/* The same bytes in pieces of every size give the same. */
static void test_cuts_make_no_difference(void **state)
{
    (void)state;
    static const char text[] = "0123456789 QUIT 0123456789 0123456789";
    char *first = NULL;
    size_t n = 0;
    for (size_t piece = 1; piece <= sizeof text; piece++) {
        struct fault_rule rules[] = {rule(FAULT_DROP), rule(FAULT_CORRUPT), rule(FAULT_DUPLICATE), rule(FAULT_RESET)};
        struct bench b;
        rules[0].drop = rules[1].corrupt = rules[2].duplicate = 0.3;
        for (unsigned i = 0; i < 3; i++)
            rules[i].seed = i + 7;
        rules[1].after = AFTER_BYTES;
        rules[1].after_bytes = 5;
        rules[3].after = AFTER_TEXT;
        rules[3].after_text = SLICE("QUIT");
        rules[3].reset_after = 12;
        begin(&b, rules, 4, false);
        for (size_t at = 0; at < sizeof text - 1; at += piece)
            fault_take(&b.flow, slice_part(slice_of(text), at, piece), NOW, &b.out);
        drain(&b, NOW);
        assert_string_equal(b.ends, "R");
        if (!first) {
            n = b.came.n;
            first = test_malloc(n);
            memcpy(first, b.came.p, n);
        }
        assert_true(rules[0].done[FAULT_DROP] && rules[1].done[FAULT_CORRUPT] && rules[2].done[FAULT_DUPLICATE]);
        assert_int_equal(b.came.n, n);
        assert_memory_equal(b.came.p, first, n);
        end(&b);
    }
    test_free(first);
}

static void test_patterns(void **state)
{
    (void)state;
    static const char *const texts[] = {"xaab 12 tail", "xaab 12", NULL};
    for (const char *const *t = texts; *t; t++) {
        for (size_t piece = 1; piece < 13; piece++) {
            struct fault_rule r = rule(FAULT_DROP);
            struct bench b;
            char why[100];
            size_t at;
            r.drop = 1;
            r.after = AFTER_PATTERN;
            r.after_pattern = regex_new(SLICE("a+b \\d+"), why, sizeof why, &at);
            assert_non_null(r.after_pattern);
            begin(&b, &r, 1, false);
            for (size_t from = 0; from < strlen(*t); from += piece)
                fault_take(&b.flow, slice_part(slice_of(*t), from, piece), NOW, &b.out);
            regex_free(r.after_pattern);
            expect(&b, "xaab 12", "");
        }
    }
}

static void test_ends(void **state)
{
    (void)state;
    struct fault_rule r = rule(FAULT_RESET);
    struct bench b;
    r.reset_after = 4;
    begin(&b, &r, 1, false);
    take(&b, "0123456789", NOW);
    expect(&b, "0123", "R");

    r = rule(FAULT_RESET); /* of nothing: at once, without a byte */
    begin(&b, &r, 1, false);
    fault_tick(&b.flow, NOW, &b.out);
    expect(&b, "", "R");

    r = rule(FAULT_HALF_CLOSE);
    r.after = AFTER_TIME;
    r.after_time = 50;
    begin(&b, &r, 1, false);
    assert_int_equal(fault_tick(&b.flow, NOW, &b.out), NOW + 50);
    take(&b, "ab", NOW);
    assert_int_equal(fault_tick(&b.flow, NOW + 50, &b.out), INT64_MAX);
    take(&b, "cd", NOW + 51);
    fault_end(&b.flow, false, NOW + 52, &b.out); /* it was told already */
    expect(&b, "ab", "F");

    r = rule(FAULT_TRUNCATE);
    r.truncate = 3;
    r.left = 1;
    begin(&b, &r, 1, false);
    take(&b, "01234", NOW);
    fault_end(&b.flow, false, NOW, &b.out);
    expect(&b, "012", "F");
    assert_int_equal(r.left, 0);
}

static void test_times(void **state)
{
    (void)state;
    struct fault_rule r = rule(FAULT_DELAY);
    struct bench b;
    r.delay = 100;
    begin(&b, &r, 1, false);
    take(&b, "ab", NOW);
    take(&b, "cd", NOW + 10);
    fault_end(&b.flow, false, NOW + 20, &b.out);
    assert_int_equal(drain(&b, NOW + 99), NOW + 100);
    assert_int_equal(drain(&b, NOW + 100), NOW + 110);
    assert_string_equal(buf_str(&b.came), "ab");
    assert_int_equal(drain(&b, NOW + 120), INT64_MAX);
    expect(&b, "abcd", "F");

    r = rule(FAULT_STALL);
    r.stall = INT64_MAX;
    r.after = AFTER_BYTES;
    r.after_bytes = 1;
    begin(&b, &r, 1, false);
    take(&b, "xyz", NOW);
    assert_int_equal(drain(&b, NOW), INT64_MAX);
    assert_string_equal(buf_str(&b.came), "x");
    outbox_release(&b.out);
    expect(&b, "xyz", "");

    r = rule(FAULT_COALESCE);
    r.coalesce = 100;
    begin(&b, &r, 1, false);
    take(&b, "a", NOW);
    take(&b, "b", NOW + 60);
    take(&b, "c", NOW + 99);
    assert_int_equal(b.out.parcels, 1);
    take(&b, "d", NOW + 101);
    assert_int_equal(b.out.parcels, 2);
    assert_int_equal(drain(&b, NOW + 100), NOW + 201);
    assert_string_equal(buf_str(&b.came), "abc");
    end(&b);
}

/* Never more than the rate allows, and all of it in the end. */
static void test_rate(void **state)
{
    (void)state;
    struct fault_rule r = rule(FAULT_RATE);
    struct bench b;
    r.rate = 10000;
    begin(&b, &r, 1, false);
    for (int i = 0; i < 100; i++)
        take(&b, "0123456789", NOW);
    int64_t now = NOW, wake = drain(&b, now);
    for (; wake != INT64_MAX; wake = drain(&b, now)) {
        assert_true(wake > now);
        now = wake;
        assert_true((double)b.came.n <= 10000.0 * (double)(now - NOW) / (double)NS_PER_S + 101);
    }
    assert_int_equal(b.came.n, 1000);
    assert_true(now - NOW >= 80 * NS_PER_MS);
    end(&b);
}

static void test_direction(void **state)
{
    (void)state;
    struct fault_rule r = rule(FAULT_DROP);
    struct bench b;
    r.drop = 1;
    r.to_client = false;
    begin(&b, &r, 1, false);
    take(&b, "passes", NOW);
    expect(&b, "passes", "");
    begin(&b, &r, 1, false);
    b.flow.to_server = true;
    take(&b, "does not", NOW);
    expect(&b, "", "");
    assert_int_equal(r.done[FAULT_DROP], 8);
}

static void test_datagrams(void **state)
{
    (void)state;
    struct fault_rule r = rule(FAULT_DROP);
    struct bench b;
    r.drop = r.left = 1;
    begin(&b, &r, 1, true);
    take(&b, "lost", NOW);
    take(&b, "ab", NOW);
    take(&b, "", NOW);
    take(&b, "cd", NOW);
    expect(&b, "abcd", "|||");

    r = rule(FAULT_REORDER);
    r.reorder = r.left = 1;
    begin(&b, &r, 1, true);
    take(&b, "ab", NOW);
    take(&b, "cd", NOW);
    take(&b, "ef", NOW);
    expect(&b, "cdabef", "|||");

    r = rule(FAULT_REORDER); /* nobody overtakes it: it comes all the same */
    r.reorder = 1;
    begin(&b, &r, 1, true);
    take(&b, "ab", NOW);
    const int64_t wake = fault_tick(&b.flow, NOW, &b.out);
    assert_true(wake > NOW && wake < INT64_MAX);
    drain(&b, NOW);
    assert_int_equal(b.came.n, 0);
    fault_tick(&b.flow, wake, &b.out);
    drain(&b, wake);
    assert_string_equal(buf_str(&b.came), "ab");
    end(&b);

    r = rule(FAULT_TRUNCATE);
    r.truncate = 3;
    begin(&b, &r, 1, true);
    take(&b, "abcd", NOW);
    take(&b, "xy", NOW);
    expect(&b, "abcxy", "||");

    r = rule(FAULT_DROP); /* counted from where the rule began */
    r.drop = 1;
    r.after = AFTER_DATAGRAMS;
    r.after_bytes = 2;
    begin(&b, &r, 1, true);
    take(&b, "", NOW);
    fault_begin(&b.flow, &b.set, NOW);
    take(&b, "", NOW);
    take(&b, "ab", NOW);
    take(&b, "cd", NOW);
    expect(&b, "ab", "|||");
}

/* A text is looked for in each datagram, and the rule begins with the next one. */
static void test_datagram_texts(void **state)
{
    (void)state;
    char why[100];
    size_t at;
    struct fault_rule r = rule(FAULT_DROP);
    struct bench b;
    r.drop = 1;
    r.after = AFTER_TEXT;
    r.after_text = SLICE("ab");
    begin(&b, &r, 1, true);
    take(&b, "xa", NOW);
    take(&b, "bx", NOW);
    take(&b, "xabx", NOW);
    take(&b, "lost", NOW);
    expect(&b, "xabxxabx", "|||");
    r.after = AFTER_PATTERN;
    r.after_pattern = regex_new(SLICE("^a+b+"), why, sizeof why, &at);
    assert_non_null(r.after_pattern);
    begin(&b, &r, 1, true);
    take(&b, "a", NOW);
    take(&b, "b", NOW);
    take(&b, "ab", NOW);
    take(&b, "lost", NOW);
    expect(&b, "abab", "|||");
    regex_free(r.after_pattern);
}

/* Other rules on a stream that is under way count from there. */
static void test_other_rules(void **state)
{
    (void)state;
    struct fault_rule first = rule(FAULT_TRUNCATE), second = rule(FAULT_RESET);
    struct fault_set other = {.rules = &second, .n = 1};
    struct bench b;
    begin(&b, &first, 1, false);
    take(&b, "lost", NOW);
    second.reset_after = 3;
    fault_begin(&b.flow, &other, NOW);
    take(&b, "0123", NOW);
    expect(&b, "012", "R");
}

/* What waits is in order whatever its size, and costs no more than it is. */
static void test_outbox(void **state)
{
    (void)state;
    struct outbox o = {0};
    struct parcel p = {.kind = PARCEL_BYTES, .due = NOW, .cut = 7}, got;
    struct slice bytes;
    int64_t wake;
    uint32_t put = 0, taken = 0;
    while (taken < BIG) {
        for (unsigned i = 0; i < 11 && put < BIG; i++, put++) {
            const char c = (char)(put % 251);
            p.due = NOW + put / 100;
            outbox_add(&o, &p, (struct slice){&c, 1});
        }
        assert_int_equal(outbox_next(&o, NOW + BIG, &got, &bytes, &wake), OUTBOX_NOW);
        assert_in_range(bytes.n, 1, 7);
        const size_t n = 1 + (taken % bytes.n);
        for (size_t i = 0; i < n; i++, taken++)
            assert_int_equal((unsigned char)bytes.p[i], taken % 251);
        outbox_taken(&o, n, NOW + BIG);
    }
    assert_int_equal(outbox_next(&o, NOW, &got, &bytes, &wake), OUTBOX_EMPTY);
    assert_null(o.data);
    outbox_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_make_no_difference),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_direction),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_datagram_texts),
        cmocka_unit_test(test_other_rules),
        cmocka_unit_test(test_outbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
