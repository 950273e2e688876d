#include "engine/tmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/path.h"

char *tmp_make(void)
{
    const char *base = getenv("TMPDIR");
    char path[4000];
    snprintf(path, sizeof path, "%s/sockrun-XXXXXX", base && base[0] == '/' ? base : "/tmp");
    if (!mkdtemp(path)) return NULL;
    char *real = realpath(path, NULL);
    if (!real) return NULL;
    char *copy = mem_dup(slice_of(real));
    free(real);
    return copy;
}

void tmp_remove(const char *path)
{
    path_remove(path);
}

bool tmp_is_one(const char *path)
{
    static const char name[] = "/sockrun-";
    enum { RANDOM = 6 };
    struct stat st;
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || !slash || strncmp(slash, name, sizeof name - 1) != 0) return false;
    if (strlen(slash) != sizeof name - 1 + RANDOM) return false;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}
