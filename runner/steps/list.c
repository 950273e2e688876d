#include "steps/list.h"

#include <stddef.h>

#include "steps/kinds.h"

const struct step_schema *const step_list[] = {
    &step_accept.schema,   &step_connect.schema,      &step_send.schema,
    &step_expect.schema,   &step_expect_close.schema, &step_expect_silence.schema,
    &step_shutdown.schema, &step_close.schema,        &step_reset.schema,
    &step_tls.schema,      &step_set_option.schema,   &step_expect_socket.schema,
    &step_sleep.schema,    &step_sync.schema,         &step_put.schema,
    &step_take.schema,     &step_set.schema,          &step_check.schema,
    &step_lua.schema,      &step_repeat.schema,       &step_each.schema,
    &step_any.schema,      &step_all.schema,          &step_call.schema,
    &step_steps.schema,    &step_log.schema,          &step_warn.schema,
    &step_skip.schema,     &step_fail.schema,         &step_run.schema,
    &step_signal.schema,   &step_expect_exit.schema,  &step_start.schema,
    &step_stop.schema,     &step_set_rules.schema,    NULL,
};
