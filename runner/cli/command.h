#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/* One function for each command: does its work, prints, and gives the exit code. */

#include "cli/options.h"
#include "cli/session.h"
#include "sockrun/verdict.h"

enum sr_exit cmd_run(const struct options *o);
enum sr_exit cmd_check(const struct options *o);
enum sr_exit cmd_list(const struct options *o);
enum sr_exit cmd_steps(const struct options *o);
enum sr_exit cmd_explain(const struct options *o);
enum sr_exit cmd_diff(const struct options *o);
enum sr_exit cmd_merge(const struct options *o);
enum sr_exit cmd_modules(const struct options *o);
enum sr_exit cmd_schema(const struct options *o);
enum sr_exit cmd_completion(const struct options *o);
enum sr_exit cmd_man(const struct options *o);
enum sr_exit cmd_init(const struct options *o);
enum sr_exit cmd_watch(const struct options *o);
enum sr_exit cmd_lua(const struct options *o);

/* What `run` does with a session that is open. */
enum sr_exit run_session(struct session *s, const struct options *o);

#endif
