#include "cli/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Cuts off the last part; an empty text where nothing is left. */
static void cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    *(slash ? slash : path) = '\0';
}

const char *scripts_folder(char path[PATH_MAX])
{
    char folder[PATH_MAX], built[PATH_MAX];
    const char *given = getenv("SOCKRUN_SCRIPTS");
    if (given && *given) return given;
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[n > 0 ? n : 0] = '\0';
    cut_last(folder);
    if (realpath(SOCKRUN_BINARY_FOLDER, built) && strcmp(folder, built) == 0) return SOCKRUN_SOURCE_SCRIPTS;
    cut_last(folder);
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, SOCKRUN_SHARE);
    return length < PATH_MAX ? path : "";
}
