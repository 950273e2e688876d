#include "util/path.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/slice.h"

/* Takes the last part of a normal path away. */
static size_t cut(const char *path, size_t n)
{
    while (n > 0 && path[n - 1] != '/')
        n--;
    return n > 0 ? n - 1 : 0;
}

/* Appends the parts of `path` to the n bytes in `to`, which has room for PATH_MAX. */
static int append_parts(char *to, size_t *n, const char *path)
{
    while (*path) {
        size_t length = strcspn(path, "/");
        struct slice part = {path, length};
        path += length + (path[length] == '/');
        if (length == 0 || slice_is(part, ".")) continue;
        if (slice_is(part, "..")) {
            *n = cut(to, *n);
            continue;
        }
        if (*n + 1 + length >= PATH_MAX) return -ENAMETOOLONG;
        to[(*n)++] = '/';
        memcpy(to + *n, part.p, length);
        *n += length;
    }
    return 0;
}

int path_normal(const char *folder, const char *path, char ret_path[PATH_MAX])
{
    char normal[PATH_MAX];
    size_t n = 0;
    int error = 0;
    if (!*path) return -ENOENT;
    if (*path != '/') error = append_parts(normal, &n, folder);
    if (!error) error = append_parts(normal, &n, path);
    if (error) return error;
    if (n == 0) normal[n++] = '/';
    memcpy(ret_path, normal, n);
    ret_path[n] = '\0';
    return 0;
}

const char *path_below(const char *folder, const char *path)
{
    size_t n = strlen(folder);
    if (n == 1) n = 0;
    if (strncmp(folder, path, n) != 0) return NULL;
    path += n;
    if (*path && *path != '/') return NULL;
    path += *path == '/';
    return *path ? path : ".";
}

void path_parent(const char *path, char ret_path[PATH_MAX])
{
    size_t n = cut(path, strlen(path));
    if (n == 0) n = 1;
    memmove(ret_path, path, n);
    ret_path[n] = '\0';
}

int path_real(const char *path, char ret_path[PATH_MAX])
{
    char real[PATH_MAX];
    if (realpath(path, real)) {
        memcpy(ret_path, real, strlen(real) + 1);
        return 0;
    }
    return errno == ENOENT ? path_real_parent(path, ret_path) : -errno;
}

int path_real_parent(const char *path, char ret_path[PATH_MAX])
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    size_t n = (size_t)(last - path);
    if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) return realpath(path, ret_path) ? 0 : -errno;
    if (n >= PATH_MAX) return -ENAMETOOLONG;
    memcpy(folder, path, n);
    folder[n] = '\0';
    if (!realpath(n ? folder : ".", real)) return -errno;
    return path_normal(real, last, ret_path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

void path_remove(const char *path)
{
    enum { OPEN_AT_ONCE = 16 };
    nftw(path, remove_one, OPEN_AT_ONCE, FTW_DEPTH | FTW_PHYS);
}
