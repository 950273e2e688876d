#ifndef TESTS_SCENARIO_FOLDER_H
#define TESTS_SCENARIO_FOLDER_H

/* The files of a folder, for tests that go through one. Include after cmocka.h. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/arena.h"
#include "util/buf.h"

struct folder {
    struct arena arena;
    const char *path;
    const char *names[512]; /* of the files whose name ends so, sorted */
    size_t n;
};

__attribute__((unused)) static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

__attribute__((unused)) static void folder_open(struct folder *f, const char *path, const char *ending)
{
    *f = (struct folder){.path = path};
    DIR *dir = opendir(path);
    if (!dir) fail_msg("no folder %s", path);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        const size_t n = strlen(e->d_name), m = strlen(ending);
        if (e->d_name[0] == '.' || n < m || strcmp(e->d_name + n - m, ending) != 0) continue;
        assert_true(f->n < sizeof f->names / sizeof *f->names);
        f->names[f->n++] = arena_dup(&f->arena, slice_of(e->d_name));
    }
    closedir(dir);
    qsort(f->names, f->n, sizeof *f->names, by_name);
}

/* False if the file cannot be read. The text lives in the arena. */
static bool file_read(struct arena *a, const char *path, struct slice *ret)
{
    enum { MOST = 1024 * 1024 };
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    char *text = arena_alloc(a, MOST);
    *ret = (struct slice){text, fread(text, 1, MOST, file)};
    fclose(file);
    return true;
}

#endif
