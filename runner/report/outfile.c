#include "report/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"

enum { CHUNK = 64 * 1024 };

static bool is_stdout(const struct outfile *o)
{
    return strcmp(o->path, "-") == 0;
}

void outfile_fail(struct outfile *o, const char *why)
{
    struct buf text = BUF_INIT(64 * 1024);

    if (o->error) return;
    buf_printf(&text, "cannot write %s: %s", is_stdout(o) ? "standard output" : o->path, why);
    o->error = mem_dup(buf_slice(&text));
    buf_done(&text);
}

static void fail(struct outfile *o)
{
    outfile_fail(o, strerror(errno));
}

static unsigned mode_of_new_file(void)
{
    /* The only way to ask for it sets it. */
    mode_t mask = umask(077);

    umask(mask);
    return 0666 & ~mask;
}

static void open_beside(struct outfile *o)
{
    struct buf name = BUF_INIT(64 * 1024);

    buf_printf(&name, "%s.XXXXXX", o->target);
    char *tmp = mem_dup(buf_slice(&name));
    buf_done(&name);
    o->fd = mkostemp(tmp, O_CLOEXEC);
    if (o->fd < 0) {
        fail(o);
        mem_free(tmp);
        return;
    }
    o->tmp = tmp;
}

static void open_directly(struct outfile *o)
{
    o->fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (o->fd < 0) fail(o);
}

void outfile_open(struct outfile *o, const char *path)
{
    struct stat st;

    *o = (struct outfile){.path = mem_dup(slice_of(path)), .fd = -1, .pending = BUF_INIT(2 * CHUNK)};
    if (is_stdout(o)) {
        o->fd = STDOUT_FILENO;
        return;
    }
    bool exists = stat(path, &st) == 0;
    if (exists && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        open_directly(o);
        return;
    }
    /* A symbolic link keeps pointing to where it did. */
    char *real = exists ? realpath(path, NULL) : NULL;
    o->target = mem_dup(slice_of(real ? real : path));
    free(real);
    o->mode = exists ? st.st_mode & 07777 : mode_of_new_file();
    if (exists && S_ISDIR(st.st_mode))
        outfile_fail(o, strerror(EISDIR));
    else
        open_beside(o);
}

void outfile_open_end(struct outfile *o, const char *path)
{
    *o = (struct outfile){.path = mem_dup(slice_of(path)), .pending = BUF_INIT(2 * CHUNK)};
    o->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (o->fd < 0) fail(o);
}

static bool wait_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

static void write_all(struct outfile *o, struct slice s)
{
    /* What was printed before through stdio stands before it. */
    if (is_stdout(o)) fflush(stdout);
    while (s.n > 0) {
        ssize_t n = write(o->fd, s.p, s.n);
        if (n >= 0) {
            s = slice_part(s, (size_t)n, s.n);
            continue;
        }
        if (errno == EINTR || (errno == EAGAIN && wait_writable(o->fd))) continue;
        fail(o);
        return;
    }
}

static void flush(struct outfile *o)
{
    if (!o->error) write_all(o, buf_slice(&o->pending));
    buf_clear(&o->pending);
}

void outfile_add(struct outfile *o, struct slice s)
{
    while (s.n > 0 && !o->error) {
        struct slice part = slice_part(s, 0, CHUNK);
        buf_add(&o->pending, part);
        s = slice_part(s, part.n, s.n);
        if (o->pending.n >= CHUNK) flush(o);
    }
}

static void close_file(struct outfile *o)
{
    if (o->fd < 0 || is_stdout(o)) return;
    /* NFS and quotas say only here that there is no room. */
    if (close(o->fd) < 0 && errno != EINTR) fail(o);
    o->fd = -1;
}

void outfile_commit(struct outfile *o)
{
    flush(o);
    if (o->tmp && !o->error && fchmod(o->fd, o->mode) < 0) fail(o);
    close_file(o);
    if (!o->tmp || o->error) return;
    if (rename(o->tmp, o->target) < 0) {
        fail(o);
        return;
    }
    mem_free(o->tmp);
    o->tmp = NULL;
}

const char *outfile_error(const struct outfile *o)
{
    return o->error;
}

void outfile_done(struct outfile *o)
{
    close_file(o);
    if (o->tmp) unlink(o->tmp);
    mem_free(o->path);
    mem_free(o->target);
    mem_free(o->tmp);
    mem_free(o->error);
    buf_done(&o->pending);
    *o = (struct outfile){.fd = -1};
}
