#ifndef CLI_SCRIPTS_H
#define CLI_SCRIPTS_H

#include <limits.h>

/* The folder of the Lua modules that come with the program: SOCKRUN_SCRIPTS of the environment; of the source tree,
 * where the program runs from the folder it was built in; else below the prefix it was installed to. */
const char *scripts_folder(char path[PATH_MAX]);

#endif
