#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

/* What our output goes to. */

#include <stdbool.h>

#include "cli/options.h"

/* Are there colours on this descriptor? */
bool terminal_color(enum color_when when, int fd);
/* Is it a terminal where a line can be rewritten? */
bool terminal_live(int fd);
/* COLUMNS, or what the terminal says; 0 unknown. */
unsigned terminal_width(int fd);
/* Writes what stdout still holds. False if that failed otherwise than by a reader that went away: said on stderr. */
bool terminal_finish(void);
/* "sockrun: ", the text made safe, and a newline, to stderr. */
void terminal_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Each line of it so. */
void terminal_say_lines(const struct buf *lines);

#endif
