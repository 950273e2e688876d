/* The page about events says what is so: its lines can be read, and every name is in it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "event/jsonl.h"

enum { TEXT_MOST = 1 << 20, LINE_MOST = 16384 };

static const char page[] = TEST_FOLDER "/../docs/events.md";

static void test_lines(void **state)
{
    (void)state;
    static char line[LINE_MOST];
    unsigned lines = 0;
    bool json = false;
    struct arena a;
    FILE *f = fopen(page, "r");
    assert_non_null(f);
    arena_init(&a);
    while (fgets(line, sizeof line, f)) {
        struct event e;
        if (strncmp(line, "```", 3) == 0) {
            json = strcmp(line, "```json\n") == 0;
        } else if (json) {
            const char *wrong = jsonl_read(slice_of(line), &a, &e);
            if (wrong) fail_msg("%s: %s", wrong, line);
            lines++;
        }
    }
    assert_true(lines > 0);
    arena_done(&a);
    fclose(f);
}

static void has(const char *text, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "`%s`", name);
    if (!strstr(text, quoted)) fail_msg("%s is not in docs/events.md", quoted);
}

static void test_names(void **state)
{
    (void)state;
    static char text[TEXT_MOST];
    FILE *f = fopen(page, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (int k = EVENT_RUN; k <= EVENT_FRAME; k++)
        has(text, event_kind_name((enum event_kind)k));
    for (int k = EVENT_LISTEN; k <= EVENT_SECURE; k++)
        has(text, event_action_name((enum event_action)k));
    for (int k = SR_SKIP; k < SR_VERDICTS; k++)
        has(text, sr_verdict_name((enum sr_verdict)k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
