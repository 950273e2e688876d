#ifndef ENGINE_SCRIPT_H
#define ENGINE_SCRIPT_H

/* Test scripts in Lua: a file whose tests are its cases (lua/testscript.h). */

#include <stdbool.h>

#include "engine/child.h"
#include "engine/emit.h"
#include "engine/eval.h"

struct tls_library;

/* Is the file one? By its name. */
bool script_named(const char *file);
/* Runs the tests that the job names, one after the other, and sends their events. False if one got no verdict. */
bool script_run(const struct child_job *job, struct lazy_lua *lua, struct emit *emit, struct tls_library *tls,
                int signals);

#endif
