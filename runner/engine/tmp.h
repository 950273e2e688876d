#ifndef ENGINE_TMP_H
#define ENGINE_TMP_H

/* A case's temporary folder: below TMPDIR, readable by the user alone, removed with everything in it. */

#include <stdbool.h>

/* Its absolute path, to be freed with mem_free, or NULL and errno. */
char *tmp_make(void);
void tmp_remove(const char *path);
/* Is that a folder as tmp_make makes them? For a path that another process has told. */
bool tmp_is_one(const char *path);

#endif
