#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/diag_json.h"
#include "util/suggest.h"

static void assert_json(struct diags *d, const char *wanted)
{
    struct buf out = BUF_INIT(4 << 20);
    diags_json(d, &out);
    assert_string_equal(buf_str(&out), wanted);
    buf_done(&out);
    diags_done(d);
}

static struct place at(uint32_t line, uint32_t col, uint32_t span)
{
    return (struct place){"a.yaml", line, col, span, SLICE("some text")};
}

static void nothing_is_wrong(void **state)
{
    (void)state;
    struct diags d;
    diags_init(&d);
    assert_json(&d, "{\"check\":1,\"diagnostics\":[]}\n");
}

static void a_range_ends_behind_its_last_character(void **state)
{
    (void)state;
    struct diags d;
    diags_init(&d);
    diag_hint(&d, diags_add(&d, at(7, 9, 6), "no `%s`", "x"), "write y");
    assert_json(&d, "{\"check\":1,\"diagnostics\":[{\"file\":\"a.yaml\",\"start\":{\"line\":7,\"column\":9},"
                    "\"end\":{\"line\":7,\"column\":15},\"severity\":\"error\",\"message\":\"no `x`\","
                    "\"hint\":\"write y\"}]}\n");
}

static void a_suggestion_is_the_bare_name(void **state)
{
    (void)state;
    struct diags d;
    struct suggest s;
    diags_init(&d);
    suggest_init(&s, SLICE("sedn"));
    suggest_offer(&s, SLICE("send"));
    diag_suggest(&d, diags_add(&d, at(1, 1, 4), "m"), &s);
    assert_json(&d, "{\"check\":1,\"diagnostics\":[{\"file\":\"a.yaml\",\"start\":{\"line\":1,\"column\":1},"
                    "\"end\":{\"line\":1,\"column\":5},\"severity\":\"error\",\"message\":\"m\","
                    "\"hint\":\"did you mean `send`?\",\"suggestion\":\"send\"}]}\n");
}

static void a_file_as_a_whole_has_an_empty_range(void **state)
{
    (void)state;
    struct diags d;
    diags_init(&d);
    diags_add(&d, (struct place){.file = "b.yaml"}, "too large");
    assert_json(&d, "{\"check\":1,\"diagnostics\":[{\"file\":\"b.yaml\",\"start\":{\"line\":1,\"column\":1},"
                    "\"end\":{\"line\":1,\"column\":1},\"severity\":\"error\",\"message\":\"too large\"}]}\n");
}

static void they_are_sorted_and_name_the_other_place(void **state)
{
    (void)state;
    struct diags d;
    diags_init(&d);
    diag_also(&d, diags_add(&d, at(9, 1, 1), "later"), at(2, 3, 2), "the first");
    diags_add(&d, at(4, 1, 1), "earlier");
    assert_json(&d, "{\"check\":1,\"diagnostics\":[{\"file\":\"a.yaml\",\"start\":{\"line\":4,\"column\":1},"
                    "\"end\":{\"line\":4,\"column\":2},\"severity\":\"error\",\"message\":\"earlier\"},"
                    "{\"file\":\"a.yaml\",\"start\":{\"line\":9,\"column\":1},\"end\":{\"line\":9,\"column\":2},"
                    "\"severity\":\"error\",\"message\":\"later\",\"also\":{\"file\":\"a.yaml\",\"start\":{\"line\":2,"
                    "\"column\":3},\"end\":{\"line\":2,\"column\":5},\"message\":\"the first\"}}]}\n");
}

static void what_is_left_out_is_counted(void **state)
{
    (void)state;
    struct diags d;
    struct buf out = BUF_INIT(4 << 20);
    diags_init(&d);
    for (uint32_t i = 1; i <= DIAGS_MOST + 3; i++)
        diags_add(&d, at(i, 1, 1), "m");
    diags_json(&d, &out);
    const char *end = "],\"dropped\":3}\n";
    assert_true(out.n > strlen(end));
    assert_string_equal(buf_str(&out) + out.n - strlen(end), end);
    buf_done(&out);
    diags_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_wrong),
        cmocka_unit_test(a_range_ends_behind_its_last_character),
        cmocka_unit_test(a_suggestion_is_the_bare_name),
        cmocka_unit_test(a_file_as_a_whole_has_an_empty_range),
        cmocka_unit_test(they_are_sorted_and_name_the_other_place),
        cmocka_unit_test(what_is_left_out_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
