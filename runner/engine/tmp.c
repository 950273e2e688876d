#include "engine/tmp.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/mem.h"

enum { OPEN_AT_ONCE = 16 };

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

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

void tmp_remove(const char *path)
{
    nftw(path, remove_one, OPEN_AT_ONCE, FTW_DEPTH | FTW_PHYS);
}
