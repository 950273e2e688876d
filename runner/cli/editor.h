#ifndef CLI_EDITOR_H
#define CLI_EDITOR_H

/* Lines from a terminal, with editing and a history (libedit, editline(3)), while others may go on waiting. */

#include <stdbool.h>

#include "util/slice.h"

struct editor;

enum editor_end { EDITOR_LINE, EDITOR_CLOSED, EDITOR_INTERRUPTED };

/* wait returns once standard input can be read; false: something else has interrupted it. NULL: the terminal is none.
 */
struct editor *editor_new(bool (*wait)(void *ctx), void *ctx);
void editor_free(struct editor *e);
/* The line without its end, until the next one. */
enum editor_end editor_read(struct editor *e, const char *prompt, struct slice *ret);
/* Shows the prompt and the line again, behind something else that was written. Nothing outside of editor_read. */
void editor_again(struct editor *e);
/* Is somebody in editor_read? */
bool editor_busy(const struct editor *e);

#endif
