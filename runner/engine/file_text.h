#ifndef ENGINE_FILE_TEXT_H
#define ENGINE_FILE_TEXT_H

/* Files that a scenario names, read whole. */

#include "engine/eval.h"

/* The contents of a regular file of at most `most` bytes, in eval's arena. False with e->why, at mark. */
bool file_text(struct eval *e, struct mark mark, struct slice path, size_t most, struct slice *ret);

#endif
