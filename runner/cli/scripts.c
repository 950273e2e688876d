#include "cli/scripts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder that the program is in; "" if the system does not say. */
static void program_folder(char folder[PATH_MAX])
{
    const ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(folder, '/');
    *(slash ? slash : folder) = '\0';
}

static bool is_built_in(const char *folder)
{
    char built[PATH_MAX];
    return realpath(SOCKRUN_BINARY_FOLDER, built) && strcmp(folder, built) == 0;
}

/* False if it is too long. */
static bool put(char path[PATH_MAX], const char *folder, const char *between, const char *name)
{
    const int n = snprintf(path, PATH_MAX, "%s%s%s", folder, between, name);
    return n > 0 && n < PATH_MAX;
}

const char *share_path(const char *name, char path[PATH_MAX])
{
    char folder[PATH_MAX], beside[PATH_MAX];
    program_folder(folder);
    if (is_built_in(folder)) {
        /* Scripts are those of the source: they are not made. */
        if (strcmp(name, "scripts") == 0) return SOCKRUN_SOURCE_SCRIPTS;
        return put(path, folder, "/share/", name) ? path : "";
    }
    if (put(beside, folder, "/" SOCKRUN_SHARE_FROM_PROGRAM "/", name) && realpath(beside, path)) return path;
    return put(path, SOCKRUN_SHARE_INSTALLED, "/", name) ? path : "";
}

const char *scripts_folder(char path[PATH_MAX])
{
    const char *given = getenv("SOCKRUN_SCRIPTS");
    return given && *given ? given : share_path("scripts", path);
}
