#include "run/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* What the merged stream is, a word for each event, and what was complained of. */
struct told {
    struct event_sink sink;
    struct buf words;
    uint64_t seq;
    int64_t planned, duration;
    char end[64], complaints[4096];
    bool interrupted;
};

static void take(struct event_sink *s, const struct event *e)
{
    struct told *t = (struct told *)(void *)s;
    assert_int_equal(e->seq, t->seq + 1);
    t->seq = e->seq;
    buf_printf(&t->words, "%s%s%s ", event_kind_name(e->kind), e->case_name ? ":" : "",
               e->case_name ? e->case_name : "");
    if (e->kind == EVENT_RUN) t->planned = e->number;
    if (e->kind != EVENT_RUN_END) return;
    t->duration = e->duration;
    snprintf(t->end, sizeof t->end, "%s", e->text ? e->text : "");
}

static FILE *stream(const char *text)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    rewind(f);
    return f;
}

/* texts[0] is called "1", and so on. */
static void merge(const char *const *texts, size_t n, struct told *t)
{
    struct merge *m = merge_new();
    struct merge_result result;
    struct bus bus;
    char name[2] = "1";
    *t = (struct told){.sink = {.take = take}, .words = BUF_INIT(4096)};
    bus_init(&bus);
    bus_add(&bus, &t->sink);
    for (size_t i = 0; i < n; i++, name[0]++)
        assert_null(merge_add(m, name, stream(texts[i])));
    merge_send(m, &bus, &result);
    t->interrupted = result.interrupted;
    snprintf(t->complaints, sizeof t->complaints, "%s", buf_str(&result.complaints));
    buf_done(&result.complaints);
    merge_free(m);
}

#define RUN(n) "{\"stream\":1,\"event\":\"run\",\"at\":7,\"number\":" #n ",\"text\":\"0\"}\n"
#define CASE(name) "{\"event\":\"case\",\"at\":8,\"file\":\"f\",\"case\":\"" name "\",\"index\":0}\n"
#define VERDICT(name)                                                                                                  \
    "{\"event\":\"verdict\",\"at\":9,\"file\":\"f\",\"case\":\"" name "\",\"index\":0,\"verdict\":\"pass\"}\n"
#define END(ns) "{\"event\":\"run_end\",\"duration\":" #ns "}\n"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_parts(void **state)
{
    static const char *const texts[] = {
        RUN(2) CASE("a") VERDICT("a") CASE("b") VERDICT("b") END(50),
        RUN(1) "{\"event\":\"unknown\"}\n" CASE("c") VERDICT("c") END(30),
        RUN(0) END(1),
    };
    struct told t;
    (void)state;
    merge(texts, COUNT(texts), &t);
    assert_string_equal(buf_str(&t.words), "run case:a verdict:a case:b verdict:b case:c verdict:c run_end ");
    assert_int_equal(t.planned, 3);
    assert_int_equal(t.duration, 50);
    assert_string_equal(t.end, "");
    assert_string_equal(t.complaints, "");
    assert_false(t.interrupted);
    buf_done(&t.words);
}

static void test_interrupted(void **state)
{
    static const char *const texts[] = {
        RUN(1) END(5),
        RUN(2) CASE("a") "{\"event\":\"run_end\",\"duration\":4,\"text\":\"interrupted\"}\n",
    };
    struct told t;
    (void)state;
    merge(texts, COUNT(texts), &t);
    assert_true(t.interrupted);
    assert_string_equal(t.end, "interrupted");
    assert_string_equal(t.complaints, "");
    buf_done(&t.words);
}

/* What is whole of them counts. */
static void test_cut_short(void **state)
{
    static const char *const texts[] = {
        RUN(2) CASE("a") VERDICT("a") CASE("b") "{\"event\":\"verdict\",\"fi",
        RUN(1) CASE("c") VERDICT("c"),
        "",
        "{\"stream\":1,",
        RUN(1) CASE("d") VERDICT("d") END(5),
    };
    struct told t;
    (void)state;
    merge(texts, COUNT(texts), &t);
    assert_string_equal(buf_str(&t.words), "run case:a verdict:a case:b case:c verdict:c case:d verdict:d run_end ");
    assert_int_equal(t.planned, 4);
    assert_string_equal(t.end, "cut short");
    assert_string_equal(t.complaints, "1: it is cut short in the middle of line 5\n"
                                      "2: it is cut short after line 3: the run that wrote it has not ended\n"
                                      "3: it is cut short after line 0: the run that wrote it has not ended\n"
                                      "4: it is cut short in the middle of line 1\n");
    buf_done(&t.words);
}

static void test_damaged(void **state)
{
    static const char *const texts[] = {
        RUN(1) CASE("a") "{\"event\":\n\n" VERDICT("a") "[]\n" END(5),
        RUN(1) CASE("b") VERDICT("b") END(5) RUN(1) CASE("c") VERDICT("c") END(5),
    };
    struct told t;
    (void)state;
    merge(texts, COUNT(texts), &t);
    assert_string_equal(buf_str(&t.words), "run case:a verdict:a case:b verdict:b case:c verdict:c run_end ");
    assert_non_null(strstr(t.complaints, "1: line 3 is no event: no JSON: "));
    assert_null(strstr(t.complaints, "line 6"));
    assert_non_null(strstr(t.complaints, "2: line 5: another stream begins here"));
    buf_done(&t.words);
}

static void test_twice(void **state)
{
    static const char *const texts[] = {
        RUN(1) CASE("a") VERDICT("a") END(5),
        RUN(2) CASE("b") VERDICT("b") CASE("a") VERDICT("a") END(5),
    };
    struct told t;
    (void)state;
    merge(texts, COUNT(texts), &t);
    assert_string_equal(t.complaints, "2: f > a is in 1 too\n");
    assert_string_equal(buf_str(&t.words), "run case:a verdict:a case:b verdict:b case:a verdict:a run_end ");
    buf_done(&t.words);
}

static void test_many_twice(void **state)
{
    struct buf text = BUF_INIT(64 << 10);
    struct told t;
    (void)state;
    buf_adds(&text, RUN(15));
    for (int i = 0; i < 15; i++)
        buf_adds(&text, VERDICT("same"));
    buf_adds(&text, END(1));
    const char *const texts[] = {buf_str(&text)};
    merge(texts, 1, &t);
    size_t lines = 0;
    for (const char *p = t.complaints; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 11);
    assert_non_null(strstr(t.complaints, "\n4 more cases are there twice\n"));
    buf_done(&t.words);
    buf_done(&text);
}

static void test_no_stream(void **state)
{
    static const char *const texts[] = {
        "\n",      "<?xml version=\"1.0\"?>\n", "{\"report\":1,\"files\":[]}\n", "{\"stream\":2,\"event\":\"run\"}\n",
        CASE("a"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct merge *m = merge_new();
        assert_string_equal(merge_add(m, "x", stream(texts[i])),
                            "it is no stream of events, as --report-jsonl writes them");
        merge_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),     cmocka_unit_test(test_interrupted), cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_damaged),   cmocka_unit_test(test_twice),       cmocka_unit_test(test_many_twice),
        cmocka_unit_test(test_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
