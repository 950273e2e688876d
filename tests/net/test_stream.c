#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>

#include "net/stream.h"
#include "support.h"
#include "util/buf.h"

struct seen {
    struct buf sent, got;
};

static void see(void *ctx, bool sent, struct slice bytes)
{
    struct seen *seen = ctx;
    assert_true(buf_add(sent ? &seen->sent : &seen->got, bytes));
}

static void test_socket_with_tap(void **state)
{
    int ends[2];
    char c[8] = "";
    struct stream_fd fd;
    struct stream_tap tap;
    struct seen seen = {BUF_INIT(100), BUF_INIT(100)};
    support_pair(*state, AF_INET, ends);
    stream_fd_init(&fd, ends[0], ends[0], true);
    stream_tap_init(&tap, &fd.stream, see, &seen);
    struct stream *s = &tap.stream;
    assert_int_equal(s->ops->recv(s, c, sizeof c, 0), -EAGAIN);
    assert_false(s->ops->holds(s));
    assert_int_equal(s->ops->send(s, "hello", 5, 0), 5);
    assert_int_equal(s->ops->send(s, "!", 1, MSG_OOB), 1);
    assert_int_equal(sock_send(ends[1], "abc", 3, 0), 3);
    assert_int_equal(sock_shutdown(ends[1], SHUT_WR), 0);
    support_wait(ends[0], POLLRDHUP);
    assert_int_equal(s->ops->recv(s, c, 2, MSG_PEEK), 2);
    assert_int_equal(s->ops->recv(s, c, 2, 0), 2);
    assert_int_equal(s->ops->recv(s, c, sizeof c, 0), 1);
    assert_int_equal(s->ops->recv(s, c, sizeof c, 0), 0);
    assert_string_equal(buf_str(&seen.sent), "hello!");
    assert_string_equal(buf_str(&seen.got), "abc");
    assert_int_equal(s->ops->finish(s), 0);
    assert_int_equal(s->ops->send(s, "x", 1, 0), -EPIPE);
    assert_string_equal(buf_str(&seen.sent), "hello!");
    s->ops->close(s);
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
    close(ends[1]);
    buf_done(&seen.sent);
    buf_done(&seen.got);
}

static void test_pipes(void **state)
{
    int in[2], out[2];
    char c[8];
    struct stream_fd fd;
    struct stream *s = &fd.stream;
    (void)state;
    assert_int_equal(pipe2(in, O_NONBLOCK), 0);
    assert_int_equal(pipe2(out, O_NONBLOCK), 0);
    stream_fd_init(&fd, in[0], out[1], false);
    assert_int_equal(s->ops->recv(s, c, sizeof c, 0), -EAGAIN);
    assert_int_equal(s->ops->recv(s, c, sizeof c, MSG_OOB), -ENOTSOCK);
    assert_int_equal(s->ops->send(s, "x", 1, MSG_OOB), -ENOTSOCK);
    assert_int_equal(s->ops->send(s, "hello", 5, 0), 5);
    assert_int_equal(s->ops->finish(s), 0);
    assert_int_equal(s->ops->finish(s), 0);
    assert_int_equal(fd.wfd, -1);
    assert_int_equal(s->ops->send(s, "x", 1, 0), -EPIPE);
    assert_int_equal(sock_read(out[0], c, sizeof c), 5);
    assert_int_equal(sock_read(out[0], c, sizeof c), 0);
    assert_int_equal(sock_write(in[1], "abc", 3), 3);
    close(in[1]);
    assert_int_equal(s->ops->recv(s, c, sizeof c, 0), 3);
    assert_int_equal(s->ops->recv(s, c, sizeof c, 0), 0);
    s->ops->close(s);
    assert_int_equal(s->ops->recv(s, c, sizeof c, 0), -EBADF);
    s->ops->close(s);
    close(out[0]);
}

static void test_reader_of_a_pipe_has_gone(void **state)
{
    int in[2], out[2];
    struct stream_fd fd;
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(in, O_NONBLOCK), 0);
    assert_int_equal(pipe2(out, O_NONBLOCK), 0);
    stream_fd_init(&fd, in[0], out[1], false);
    close(out[0]);
    assert_int_equal(fd.stream.ops->send(&fd.stream, "x", 1, 0), -EPIPE);
    fd.stream.ops->close(&fd.stream);
    close(in[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SUPPORT_TEST(test_socket_with_tap),
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_reader_of_a_pipe_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
