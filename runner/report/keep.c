#include "report/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/line.h"
#include "report/outfile.h"
#include "util/arena.h"
#include "util/mem.h"
#include "util/units.h"

enum {
    FILE_MOST = 16 << 20,
    ALL_MOST = 64 << 20,
    ENTRIES_MOST = 1000,
    DEPTH_MOST = 16,
    NAME_MOST = 4096,
    READ_SIZE = 64 << 10,
};

struct keeping {
    const struct mask *mask;
    struct buf *notes;
    char *error; /* the first */
    unsigned entries, left;
    uint64_t size;
};

static void note(struct keeping *k, const char *path, const char *what)
{
    line_text(slice_of(path), NAME_MOST, k->notes);
    buf_printf(k->notes, ": %s\n", what);
}

static void keep_error(struct keeping *k, const char *why)
{
    if (why && !k->error) k->error = mem_dup(slice_of(why));
}

/* As much of it as there may be. */
static void read_file(struct keeping *k, int fd, struct buf *out)
{
    size_t most = ALL_MOST - k->size;
    if (most > FILE_MOST) most = FILE_MOST;
    while (out->n < most) {
        const size_t n = most - out->n < READ_SIZE ? most - out->n : READ_SIZE;
        char *room = buf_room(out, n);
        const ssize_t got = room ? read(fd, room, n) : 0;
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        out->n += (size_t)got;
    }
    k->size += out->n;
}

static void write_file(struct keeping *k, const char *path, struct buf *text)
{
    struct outfile out;
    if (k->mask && text->n) mask_whole(k->mask, buf_slice(text), text->p);
    outfile_open(&out, path);
    outfile_add(&out, buf_slice(text));
    outfile_commit(&out);
    keep_error(k, outfile_error(&out));
    outfile_done(&out);
}

static void keep_file(struct keeping *k, const char *from, const char *to, const char *shown)
{
    struct stat st;
    struct buf text = BUF_INIT(FILE_MOST);
    char what[128], size[UNITS_TEXT], of[UNITS_TEXT];
    const int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        note(k, shown, strerror(errno));
    } else {
        read_file(k, fd, &text);
        write_file(k, to, &text);
        if ((uint64_t)st.st_size > text.n) {
            snprintf(what, sizeof what, "only the first %s of %s are kept", units_show_size(text.n, size),
                     units_show_size((uint64_t)st.st_size, of));
            note(k, shown, what);
        }
    }
    if (fd >= 0) close(fd);
    buf_done(&text);
}

static const char *what_is(mode_t mode)
{
    return S_ISLNK(mode)    ? "a symbolic link, not kept"
           : S_ISSOCK(mode) ? "a socket, not kept"
           : S_ISFIFO(mode) ? "a pipe, not kept"
                            : "a device, not kept";
}

static void keep_entries(struct keeping *k, const char *from, const char *to, const char *shown, unsigned depth);

static void keep_entry(struct keeping *k, const char *from, const char *to, const char *shown, unsigned depth)
{
    struct stat st;
    if (lstat(from, &st) < 0)
        note(k, shown, strerror(errno));
    else if (S_ISREG(st.st_mode))
        keep_file(k, from, to, shown);
    else if (!S_ISDIR(st.st_mode))
        note(k, shown, what_is(st.st_mode));
    else if (depth == DEPTH_MOST)
        note(k, shown, "nested too deep, not kept");
    else
        keep_entries(k, from, to, shown, depth + 1);
}

static bool make_folder(struct keeping *k, const char *path)
{
    struct buf why = BUF_INIT(2 * NAME_MOST);
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    buf_printf(&why, "cannot write %s: %s", path, strerror(errno));
    keep_error(k, buf_str(&why));
    buf_done(&why);
    return false;
}

static void keep_entries(struct keeping *k, const char *from, const char *to, const char *shown, unsigned depth)
{
    const int fd = open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) note(k, shown, strerror(errno));
    DIR *d = fd >= 0 && make_folder(k, to) ? fdopendir(fd) : NULL;
    if (!d && fd >= 0) close(fd);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (k->entries == ENTRIES_MOST || k->size >= ALL_MOST) {
            k->left++;
            continue;
        }
        struct arena a = {0};
        k->entries++;
        keep_entry(k, arena_printf(&a, "%s/%s", from, e->d_name), arena_printf(&a, "%s/%s", to, e->d_name),
                   arena_printf(&a, "%s/%s", shown, e->d_name), depth);
        arena_done(&a);
    }
    if (d) closedir(d);
}

char *keep_folder(const char *from, const char *to, const struct mask *mask, struct buf *notes)
{
    struct keeping k = {.mask = mask, .notes = notes};
    char what[64];
    keep_entries(&k, from, to, "tmp", 1);
    snprintf(what, sizeof what, "%u more files and folders are not kept", k.left);
    if (k.left) note(&k, "tmp", what);
    return k.error;
}
