#ifndef ENGINE_TMP_H
#define ENGINE_TMP_H

/* A case's temporary folder: below TMPDIR, readable by the user alone, removed with everything in it. */

/* Its absolute path, to be freed with mem_free, or NULL and errno. */
char *tmp_make(void);
void tmp_remove(const char *path);

#endif
