#ifndef CLI_SCRIPTS_H
#define CLI_SCRIPTS_H

#include <limits.h>

/* A file or folder that comes with the program, by its name below share/sockrun: of the build, where the program runs
 * from the folder it was built in; else where it stands as seen from the program, wherever that was moved to; else
 * below the prefix it was made for. It may not exist. */
const char *share_path(const char *name, char path[PATH_MAX]);
/* The folder of the Lua modules: SOCKRUN_SCRIPTS of the environment, else `scripts`. */
const char *scripts_folder(char path[PATH_MAX]);

#endif
