#ifndef TESTS_REPORT_HOSTILE_H
#define TESTS_REPORT_HOSTILE_H

/* A run whose every text is made to break reports. */

#include "report/sample.h"

static const char hostile_text[] = "]]><![CDATA[\033[2J\001\xff\xef\xbf\xbf\n::error::\r\n\t\"'&|`%0A\\";

static struct event_note hostile_note = {hostile_text, hostile_text};

static struct event_failure hostile_failure = {
    .kind = hostile_text,
    .actor = hostile_text,
    .step = hostile_text,
    .place = {hostile_text, 1, 1, 1, {hostile_text, sizeof(hostile_text)}},
    .message = hostile_text,
    .after = -1,
    .limit = -1,
    .dump = {.present = true, .got = {hostile_text, sizeof(hostile_text)}, .got_size = sizeof(hostile_text)},
    .notes = &hostile_note,
    .nnotes = 1,
};

static struct event hostile_events[] = {
    {.kind = EVENT_RUN, .at = 1, .text = hostile_text, .number = 3, .case_index = -1},
    {SAMPLE_CASE(EVENT_CASE, 1, hostile_text, hostile_text, 0, 1)},
    {SAMPLE_CASE(EVENT_LOG, 1, hostile_text, hostile_text, 0, 1), .text = hostile_text},
    {SAMPLE_CASE(EVENT_VERDICT, 1, hostile_text, hostile_text, 0, 1), .verdict = SR_FAIL, .tags = hostile_text,
     .failures = &hostile_failure, .nfailures = 1},
    {SAMPLE_CASE(EVENT_VERDICT, 1, hostile_text, hostile_text, 1, 1), .verdict = SR_SKIP, .text = hostile_text},
    {SAMPLE_CASE(EVENT_CASE, 1, "\xff", "\xfe", 1, 1)},
    {.kind = EVENT_RUN_END, .at = 2, .text = hostile_text, .case_index = -1},
};

enum { HOSTILE_EVENTS = sizeof(hostile_events) / sizeof(hostile_events[0]) };

#endif
