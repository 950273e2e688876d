#ifndef TESTS_SCENARIO_VERBS_H
#define TESTS_SCENARIO_VERBS_H

/* Verbs to load with: the language's own names and forms, of each type of field at least one. */

#include "scenario/load.h"

static const struct field send_fields[] = {
    {.name = "chunk", .type = FIELD_INT},   {.name = "every", .type = FIELD_DURATION},
    {.name = "urgent", .type = FIELD_BOOL}, {.name = "to", .type = FIELD_ADDRESS},
    {.name = "resend", .type = FIELD_MAP},  {0},
};
static const struct field close_kinds[] = {
    {.name = "by", .type = FIELD_CHOICE, .choices = "fin|reset|close_notify|any"},
    {0},
};
static const struct field sync_fields[] = {{.name = "parties", .type = FIELD_INT}, {0}};
static const struct field repeat_fields[] = {
    {.name = "steps", .type = FIELD_STEPS, .flags = FIELD_REQUIRED},
    {.name = "until", .type = FIELD_LUA},
    {0},
};
static const struct field each_fields[] = {{.name = "steps", .type = FIELD_STEPS, .flags = FIELD_REQUIRED}, {0}};
static const struct field call_fields[] = {{.name = "with", .type = FIELD_VALUES}, {0}};
static const struct field run_fields[] = {
    {.name = "env", .type = FIELD_VALUES}, {.name = "stdin", .type = FIELD_PAYLOAD}, {0}};

#define VERB(id, kind, ...)                                                                                            \
    static const struct step_schema verb_##id = {.name = #id, .value = {.type = kind}, __VA_ARGS__}
#define MAYBE(id, kind, ...)                                                                                           \
    static const struct step_schema verb_##id = {                                                                      \
        .name = #id, .value = {.type = kind, .flags = FIELD_OPTIONAL_VALUE}, __VA_ARGS__}

VERB(accept, FIELD_NOTHING, .flags = STEP_CONNECTION | STEP_OPENING);
VERB(connect, FIELD_ADDRESS, .flags = 0);
VERB(send, FIELD_PAYLOAD, .fields = send_fields, .flags = STEP_CONNECTION);
VERB(expect, FIELD_EXPECT, .flags = STEP_CONNECTION | STEP_OPENING);
static const struct step_schema verb_expect_close = {
    .name = "expect_close",
    .value = {.type = FIELD_MAP, .flags = FIELD_OPTIONAL_VALUE, .fields = close_kinds},
    .flags = STEP_CONNECTION | STEP_OPENING,
};
VERB(expect_silence, FIELD_DURATION, .flags = STEP_CONNECTION | STEP_OPENING);
static const struct step_schema verb_shutdown = {
    .name = "shutdown",
    .value = {.type = FIELD_CHOICE, .choices = "write|read|both"},
    .flags = STEP_CONNECTION,
};
VERB(close, FIELD_NOTHING, .flags = STEP_CONNECTION);
VERB(reset, FIELD_NOTHING, .flags = STEP_CONNECTION);
MAYBE(tls, FIELD_MAP, .flags = STEP_CONNECTION);
VERB(set_option, FIELD_VALUES, .flags = STEP_CONNECTION);
VERB(expect_socket, FIELD_VALUES, .flags = 0);
VERB(sleep, FIELD_DURATION, .flags = 0);
VERB(sync, FIELD_TEXT, .fields = sync_fields);
VERB(put, FIELD_VALUES, .flags = 0);
VERB(take, FIELD_TEXT, .flags = STEP_OPENING);
VERB(set, FIELD_VALUES, .flags = 0);
VERB(check, FIELD_LUA, .flags = 0);
VERB(lua, FIELD_CHUNK, .flags = 0);
VERB(repeat, FIELD_TEXT, .fields = repeat_fields, .flags = STEP_BLOCK);
VERB(each, FIELD_VALUE, .fields = each_fields, .flags = STEP_BLOCK);
VERB(any, FIELD_BRANCHES, .flags = STEP_BLOCK);
VERB(all, FIELD_LANES, .flags = STEP_BLOCK);
VERB(call, FIELD_TEXT, .fields = call_fields, .flags = STEP_BLOCK);
VERB(steps, FIELD_STEPS, .flags = STEP_BLOCK);
VERB(log, FIELD_TEXT, .flags = 0);
VERB(warn, FIELD_TEXT, .flags = 0);
VERB(skip, FIELD_TEXT, .flags = 0);
VERB(fail, FIELD_TEXT, .flags = 0);
VERB(run, FIELD_ARGV, .fields = run_fields);
VERB(signal, FIELD_TEXT, .flags = 0);
MAYBE(expect_exit, FIELD_TEXT, .flags = STEP_OPENING);
VERB(start, FIELD_NOTHING, .flags = 0);
VERB(stop, FIELD_NOTHING, .flags = 0);

static const struct step_schema *const verbs[] = {
    &verb_accept,
    &verb_connect,
    &verb_send,
    &verb_expect,
    &verb_expect_close,
    &verb_expect_silence,
    &verb_shutdown,
    &verb_close,
    &verb_reset,
    &verb_tls,
    &verb_set_option,
    &verb_expect_socket,
    &verb_sleep,
    &verb_sync,
    &verb_put,
    &verb_take,
    &verb_set,
    &verb_check,
    &verb_lua,
    &verb_repeat,
    &verb_each,
    &verb_any,
    &verb_all,
    &verb_call,
    &verb_steps,
    &verb_log,
    &verb_warn,
    &verb_skip,
    &verb_fail,
    &verb_run,
    &verb_signal,
    &verb_expect_exit,
    &verb_start,
    &verb_stop,
    NULL,
};

#undef VERB
#undef MAYBE

#endif
