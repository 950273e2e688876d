#ifndef STEPS_KINDS_H
#define STEPS_KINDS_H

/* The kinds of steps, one in each file of this folder. */

#include "engine/step.h"

extern const struct step_kind step_accept, step_connect, step_send, step_expect, step_expect_close, step_expect_silence,
    step_shutdown, step_close, step_reset, step_tls, step_set_option, step_expect_socket;
extern const struct step_kind step_sleep, step_sync, step_put, step_take, step_set, step_check, step_lua, step_repeat,
    step_each, step_any, step_all, step_call, step_steps, step_log, step_warn, step_skip, step_fail;
extern const struct step_kind step_run, step_signal, step_expect_exit, step_start, step_stop, step_set_rules;

#endif
