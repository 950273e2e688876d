#include "cli/module_list.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/scripts.h"
#include "run/probe.h"

enum { MODULES_MOST = 1000 };

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **module_list(struct modules *m, uint32_t *ret_n)
{
    const char **list = arena_array(&m->arena, MODULES_MOST, sizeof *list);
    DIR *d = m->scripts ? opendir(m->scripts) : NULL;
    uint32_t n = 0;
    for (const struct dirent *e; d && n < MODULES_MOST && (e = readdir(d));) {
        const struct slice file = slice_of(e->d_name);
        if (file.n > 4 && slice_is(slice_part(file, file.n - 4, 4), ".lua"))
            list[n++] = arena_dup(&m->arena, slice_part(file, 0, file.n - 4));
    }
    if (d) closedir(d);
    qsort(list, n, sizeof *list, compare);
    *ret_n = n;
    return list;
}

static void offer(struct modules *m, struct suggest *s)
{
    uint32_t n;
    const char **list = module_list(m, &n);
    for (uint32_t i = 0; i < n; i++)
        suggest_offer(s, slice_of(list[i]));
}

void modules_begin(struct modules *m, const struct options *o)
{
    char path[PATH_MAX], folder[PATH_MAX];
    modules_init(m, NULL, o->permit);
    if (realpath(scripts_folder(path), folder)) m->scripts = arena_dup(&m->arena, slice_of(folder));
    m->probe = probe_module;
    m->ctx = m;
    m->offer = offer;
}
