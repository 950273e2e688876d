#include "engine/file_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/units.h"

static bool read_all(struct eval *e, struct mark mark, const char *path, int fd, size_t most, struct slice *ret)
{
    struct stat st;
    char size[UNITS_TEXT];
    if (fstat(fd, &st) < 0) return eval_fail(e, mark, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return eval_fail(e, mark, "%s: is no regular file", path);
    if ((uint64_t)st.st_size > most)
        return eval_fail(e, mark, "%s: has more than %s", path, units_show_size(most, size));
    char *p = arena_alloc(e->arena, (size_t)st.st_size + 1);
    size_t n = 0;
    while (n < (size_t)st.st_size) {
        const ssize_t r = read(fd, p + n, (size_t)st.st_size - n);
        if (r == 0) break;
        if (r < 0 && errno != EINTR) return eval_fail(e, mark, "%s: %s", path, strerror(errno));
        if (r > 0) n += (size_t)r;
    }
    *ret = (struct slice){p, n};
    return true;
}

bool file_text(struct eval *e, struct mark mark, struct slice path, size_t most, struct slice *ret)
{
    const char *name = arena_dup(e->arena, path);
    if (strlen(name) != path.n || path.n == 0) return eval_fail(e, mark, "this is no path of a file");
    struct permit_need need;
    const int fd = permit_open(e->permit, name, O_RDONLY | O_NONBLOCK, 0, &need);
    if (fd == -PERMIT_DENIED) {
        e->denied = true;
        return eval_fail(e, mark, "not permitted: %s; allow it with %s", need.what, need.flag);
    }
    if (fd < 0) return eval_fail(e, mark, "%s: %s", name, strerror(-fd));
    const bool ok = read_all(e, mark, name, fd, most, ret);
    close(fd);
    return ok;
}
