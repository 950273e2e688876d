#ifndef UTIL_SHELL_H
#define UTIL_SHELL_H

/* Words of a command line that somebody pastes into a shell. */

#include "util/buf.h"
#include "util/slice.h"

/* Appends the word so that a shell reads it back as it is: bare, in single quotes, or, where something in it could
 * deceive a terminal or is no UTF-8, as $'...' (bash, zsh, ksh, busybox; POSIX 2024 section 2.2.4). Safe to print. */
void shell_quote(struct slice word, struct buf *out);

#endif
