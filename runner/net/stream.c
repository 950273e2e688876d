#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "net/sock.h"

enum { EOF_TRIES = 16 };

static ssize_t fd_recv(struct stream *stream, void *p, size_t n, int flags)
{
    struct stream_fd *s = (struct stream_fd *)stream;
    if (s->rfd < 0) return -EBADF;
    if (s->socket) return sock_recv(s->rfd, p, n, flags);
    if (flags) return -ENOTSOCK;
    const ssize_t got = sock_read(s->rfd, p, n);
    return got == -EIO && s->terminal ? 0 : got;
}

static ssize_t fd_send(struct stream *stream, const void *p, size_t n, int flags)
{
    struct stream_fd *s = (struct stream_fd *)stream;
    if (s->wfd < 0) return -EPIPE;
    if (s->socket) return sock_send(s->wfd, p, n, flags);
    if (flags) return -ENOTSOCK;
    const ssize_t sent = sock_write(s->wfd, p, n);
    if (sent > 0) s->mid_line = ((const char *)p)[sent - 1] != '\n' && ((const char *)p)[sent - 1] != '\r';
    return sent == -EIO && s->terminal ? -EPIPE : sent;
}

/* Within a line the first one only hands on what was typed so far. If there is no room for it, the hang-up comes with
 * the close. */
static void end_input(const struct stream_fd *s)
{
    struct termios t;
    if (tcgetattr(s->wfd, &t) < 0) return;
    int left = s->mid_line ? 2 : 1;
    for (int tries = 0; left && tries < EOF_TRIES; tries++)
        if (sock_write(s->wfd, &t.c_cc[VEOF], 1) == 1) left--;
}

static int fd_finish(struct stream *stream)
{
    struct stream_fd *s = (struct stream_fd *)stream;
    if (s->wfd < 0) return 0;
    if (s->socket) return sock_shutdown(s->wfd, SHUT_WR);
    if (s->wfd == s->rfd) return -ENOTSOCK;
    if (s->terminal) end_input(s);
    close(s->wfd);
    s->wfd = -1;
    return 0;
}

static bool fd_holds(const struct stream *stream)
{
    (void)stream;
    return false;
}

static void fd_close(struct stream *stream)
{
    struct stream_fd *s = (struct stream_fd *)stream;
    if (s->wfd >= 0 && s->wfd != s->rfd) close(s->wfd);
    if (s->rfd >= 0) close(s->rfd);
    s->rfd = s->wfd = -1;
}

static const struct stream_ops fd_ops = {"fd", fd_recv, fd_send, fd_finish, fd_holds, fd_close};

void stream_fd_init(struct stream_fd *s, int rfd, int wfd, bool socket)
{
    assert(!socket || rfd == wfd);
    *s = (struct stream_fd){.stream = {.ops = &fd_ops}, .rfd = rfd, .wfd = wfd, .socket = socket};
}

static ssize_t tap_recv(struct stream *stream, void *p, size_t n, int flags)
{
    struct stream_tap *s = (struct stream_tap *)stream;
    ssize_t got = stream->below->ops->recv(stream->below, p, n, flags);
    if ((got > 0 || (got == 0 && s->datagrams)) && !(flags & MSG_PEEK))
        s->saw(s->ctx, false, (struct slice){p, (size_t)got});
    return got;
}

static ssize_t tap_send(struct stream *stream, const void *p, size_t n, int flags)
{
    struct stream_tap *s = (struct stream_tap *)stream;
    ssize_t sent = stream->below->ops->send(stream->below, p, n, flags);
    if (sent > 0 || (sent == 0 && s->datagrams)) s->saw(s->ctx, true, (struct slice){p, (size_t)sent});
    return sent;
}

static int tap_finish(struct stream *stream)
{
    return stream->below->ops->finish(stream->below);
}

static bool tap_holds(const struct stream *stream)
{
    return stream->below->ops->holds(stream->below);
}

static void tap_close(struct stream *stream)
{
    stream->below->ops->close(stream->below);
}

static const struct stream_ops tap_ops = {"tap", tap_recv, tap_send, tap_finish, tap_holds, tap_close};

void stream_tap_init(struct stream_tap *s, struct stream *below, void (*saw)(void *, bool, struct slice), void *ctx)
{
    *s = (struct stream_tap){.stream = {.ops = &tap_ops, .below = below}, .saw = saw, .ctx = ctx};
}
