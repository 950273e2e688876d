#ifndef TESTS_REPORT_SAMPLE_H
#define TESTS_REPORT_SAMPLE_H

/* A run made by hand, with every verdict in it and fixed times. */

#include "event/event.h"
#include "util/units.h"

#define SAMPLE_MS(n) ((n)*NS_PER_MS)

static const char sample_line[] = "      - expect: \"250-mail.test\\r\\n\"";
static const char sample_tabbed[] = "\t  - expect: {line: \"pong ${instance}\"}";
static const char sample_expected[] = "250-mail.test\r\n";
static const char sample_got[] = "250-mail.test\n250 OK\r\n";

static struct event_note sample_notes[] = {
    {"before", "received \"220 ready\\r\\n\" 1 ms earlier, offset 0"},
    {"connection", "tcp 127.0.0.1:51734 -> 127.0.0.1:39321, established, 22 bytes unread"},
    {"server", "step 2 expect_close, wrong/mismatch.yaml:8:9, waiting for 1 ms"},
};

static struct event_failure sample_mismatch = {
    .kind = "mismatch",
    .actor = "client",
    .step = "step 2 expect",
    .place = {"wrong/mismatch.yaml", 13, 17, 1, {sample_line, sizeof(sample_line) - 1}},
    .message = "first difference at byte 13: expected 0d \"\\r\", got 0a \"\\n\"",
    .after = 1000000,
    .limit = 5000000000,
    .dump = {.present = true,
             .expected_size = 15,
             .got_size = 22,
             .at = 13,
             .expected = {sample_expected, 15},
             .got = {sample_got, 16}},
    .notes = sample_notes,
    .nnotes = 3,
};

static struct event_failure sample_timeout = {
    .kind = "timeout",
    .actor = "client 3",
    .step = "step 2.1 expect",
    .place = {"many.yaml", 7, 6, 6, {sample_tabbed, sizeof(sample_tabbed) - 1}},
    .message =
        "nothing came for 5 s; the peer has not closed, and it waits for a line of its own that this actor would "
        "have to send first, which it does at a later step only",
    .after = 5000000000,
    .limit = 5000000000,
    .dump = {.present = true, .got_size = 3, .got = {"pon", 3}, .expected_unknown = true},
};

static struct event_failure sample_crash = {
    .kind = "crash",
    .message = "the child was killed by signal 11 (SIGSEGV)",
    .after = -1,
    .limit = -1,
};

static struct event_failure sample_two[2];

#define SAMPLE_CASE(k, ms, f, name, i, l)                                                                              \
    .kind = (k), .at = SAMPLE_MS(ms), .file = (f), .case_name = (name), .case_index = (i), .case_line = (l)

static struct event sample_events[] = {
    {.kind = EVENT_RUN, .at = SAMPLE_MS(1), .text = "0.1.0", .number = 8, .case_index = -1},
    {.kind = EVENT_FILE, .at = SAMPLE_MS(2), .file = "many.yaml", .number = 7, .case_index = -1},
    {SAMPLE_CASE(EVENT_CASE, 3, "many.yaml", "all pass", 0, 4)},
    {SAMPLE_CASE(EVENT_STEP, 4, "many.yaml", "all pass", 0, 4), .actor = "server", .step = "step 1 send",
     .place = {.file = "many.yaml", .line = 7, .col = 9}},
    {SAMPLE_CASE(EVENT_TRAFFIC, 4, "many.yaml", "all pass", 0, 4), .actor = "server", .action = EVENT_LISTEN,
     .text = "tcp 127.0.0.1:39321"},
    {SAMPLE_CASE(EVENT_TRAFFIC, 5, "many.yaml", "all pass", 0, 4), .actor = "server", .action = EVENT_SEND,
     .bytes = {"220 ready\r\n\0\x1b[2J", 16}},
    {SAMPLE_CASE(EVENT_TRAFFIC, 6, "many.yaml", "all pass", 0, 4), .actor = "client 3", .action = EVENT_RECEIVE,
     .bytes = {"220 ready\r\n\0\x1b[2J", 16}, .number = 65536},
    {SAMPLE_CASE(EVENT_TRAFFIC, 7, "many.yaml", "all pass", 0, 4), .actor = "app", .action = EVENT_EXIT, .number = -9},
    {SAMPLE_CASE(EVENT_LOG, 8, "many.yaml", "all pass", 0, 4), .actor = "client 3", .text = "two\nlines"},
    {SAMPLE_CASE(EVENT_LOG, 8, "many.yaml", "all pass", 0, 4), .actor = "server", .text = "slow", .number = 1},
    {SAMPLE_CASE(EVENT_LOST, 9, "many.yaml", "all pass", 0, 4), .number = 12},
    {SAMPLE_CASE(EVENT_CASE, 10, "wrong/mismatch.yaml", "", 0, 3)},
    {SAMPLE_CASE(EVENT_VERDICT, 15, "many.yaml", "all pass", 0, 4), .tags = "smtp smoke", .verdict = SR_PASS,
     .duration = SAMPLE_MS(12)},
    {SAMPLE_CASE(EVENT_VERDICT, 20, "wrong/mismatch.yaml", "", 0, 3), .verdict = SR_FAIL, .duration = SAMPLE_MS(2),
     .failures = &sample_mismatch, .nfailures = 1},
    {SAMPLE_CASE(EVENT_VERDICT, 21, "many.yaml", "not here", 1, 10), .verdict = SR_SKIP, .text = "needs root # really"},
    {SAMPLE_CASE(EVENT_VERDICT, 22, "many.yaml", "known", 2, 20), .verdict = SR_XFAIL,
     .text = "nginx keeps the connection", .duration = SAMPLE_MS(4)},
    {SAMPLE_CASE(EVENT_VERDICT, 23, "many.yaml", "mended", 3, 30), .verdict = SR_XPASS, .duration = 850000},
    {SAMPLE_CASE(EVENT_VERDICT, 24, "many.yaml", "slow", 4, 40), .verdict = SR_WARN, .duration = 5001 * NS_PER_MS,
     .failures = &sample_timeout, .nfailures = 1},
    {SAMPLE_CASE(EVENT_VERDICT, 25, "many.yaml", "broken", 5, 50), .verdict = SR_ERROR, .duration = SAMPLE_MS(7),
     .failures = sample_two, .nfailures = 2},
    {SAMPLE_CASE(EVENT_VERDICT, 26, "many.yaml", "all pass", 0, 4), .verdict = SR_PASS, .duration = SAMPLE_MS(11)},
    {.kind = EVENT_FILE_END, .at = SAMPLE_MS(27), .file = "many.yaml", .case_index = -1},
    {.kind = EVENT_RUN_END, .at = SAMPLE_MS(30), .duration = 1234 * NS_PER_MS, .case_index = -1},
};

enum { SAMPLE_EVENTS = sizeof(sample_events) / sizeof(sample_events[0]) };

__attribute__((constructor)) static void sample_fill(void)
{
    sample_two[0] = sample_crash;
    sample_two[1] = sample_timeout;
}

#endif
