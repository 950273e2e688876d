#ifndef UTIL_PATH_H
#define UTIL_PATH_H

/* Paths as text, and what the links in them lead to. Functions return 0 or -errno. */

#include <limits.h>
#include <stdbool.h>

/* path, or folder/path if it is relative, without `.`, `..` and empty parts. `..` takes the part before it away,
 * whether that is a link or not. folder must be absolute. -ENOENT for an empty path, -ENAMETOOLONG. */
int path_normal(const char *folder, const char *path, char ret_path[PATH_MAX]);
/* What of a normal path stands below a normal folder, "." if it is the folder; NULL if it is outside. */
const char *path_below(const char *folder, const char *path);
/* The folder that a normal path stands in. */
void path_parent(const char *path, char ret_path[PATH_MAX]);
/* Without links; its last part need not exist (realpath(3)). A relative path counts from the current folder. */
int path_real(const char *path, char ret_path[PATH_MAX]);
/* The same, but the last part is kept even if it is a link. */
int path_real_parent(const char *path, char ret_path[PATH_MAX]);
/* A file, or a folder with everything in it; links are not followed. What cannot be removed stays. */
void path_remove(const char *path);

#endif
