#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "op/dial.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "op/harness.h"
#include "op/meet.h"

enum { MS = 1000000, STATE_RESOLVING = 1, STATE_CONNECTING, STATE_AGAIN, STATE_PAUSE };

static unsigned descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static struct addr_spec spec_of(const char *text)
{
    struct addr_spec spec;
    size_t at;
    assert_null(addr_parse(slice_of(text), &spec, &at));
    return spec;
}

static struct addr_spec spec_of_port(uint16_t port)
{
    char text[64];
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", port);
    return spec_of(text);
}

static struct addr_spec spec_of_path(const char *folder, const char *name)
{
    char text[200];
    snprintf(text, sizeof text, "unix://%s/%s", folder, name);
    return spec_of(text);
}

static void start_listening(struct harness *h, struct listener *l, const struct addr_spec *spec, int backlog)
{
    assert_int_equal(listener_open(l, &h->sched, h->permit, spec, backlog, NULL, &h->need), 0);
}

/* What a connect comes to; *ret_error its errno. */
static enum sr_status try_connect(struct harness *h, const struct addr_spec *spec, int *ret_error)
{
    struct connect_op op;
    struct performer p;
    connect_begin(&op, &h->sched, h->permit, spec, NULL, &h->need);
    perform(&p, h, &op.op);
    harness_run(h);
    const enum sr_status status = p.result == OP_DONE ? SR_OK : op.op.status;
    if (p.result == OP_FAILED) assert_int_equal(op.op.failure, OP_STATUS);
    *ret_error = op.op.error;
    const struct addr *peer = connect_peer(&op);
    assert_true(peer->len <= sizeof peer->any);
    perform_end(&p);
    return status;
}

static void test_connect_and_accept(void **state)
{
    struct harness *h = *state;
    struct listener l;
    struct accept_op accept;
    struct connect_op connect;
    struct performer a, c;
    struct conn near, far;
    const struct addr_spec any = spec_of("tcp://127.0.0.1:0");
    start_listening(h, &l, &any, 0);
    const struct addr_spec to = spec_of_port(addr_port(&l.addr.sa));
    accept_begin(&accept, &l);
    perform(&a, h, &accept.op);
    harness_settle(h);
    assert_int_equal(a.result, OP_WAIT);
    assert_int_equal(accept.op.waits, WAITS_ACCEPT);
    connect_begin(&connect, &h->sched, h->permit, &to, NULL, &h->need);
    perform(&c, h, &connect.op);
    harness_run(h);
    assert_int_equal(a.result, OP_DONE);
    assert_int_equal(c.result, OP_DONE);
    const struct addr peer = *connect_peer(&connect);
    assert_true(addr_equal(&peer.sa, peer.len, &l.addr.sa, l.addr.len));
    assert_int_equal(conn_init_socket(&near, &h->sched, connect_take(&connect), CONN_TCP, &peer), 0);
    assert_int_equal(conn_init_socket(&far, &h->sched, accept_take(&accept), CONN_TCP, NULL), 0);
    assert_ptr_equal(near.in.peer, &far.in);
    perform_end(&a);
    perform_end(&c);
    assert_null(l.waiting);
    conn_done(&near);
    conn_done(&far);
    listener_close(&l);
}

static void test_refused(void **state)
{
    struct harness *h = *state;
    char folder[100];
    uint16_t port;
    int error;
    const int reserved = sock_reserve_port(&port);
    assert_true(reserved >= 0);
    const struct addr_spec tcp = spec_of_port(port);
    assert_int_equal(try_connect(h, &tcp, &error), SR_REFUSED);
    assert_int_equal(error, ECONNREFUSED);
    close(reserved);

    support_folder(folder, sizeof folder);
    h->permit->tmp = folder;
    const struct addr_spec missing = spec_of_path(folder, "none"), nowhere = spec_of_path(folder, "no/such");
    assert_int_equal(try_connect(h, &missing, &error), SR_REFUSED);
    assert_int_equal(error, ENOENT);
    assert_int_equal(try_connect(h, &nowhere, &error), SR_REFUSED);
    /* A socket file that nobody listens on any more. */
    struct listener l;
    start_listening(h, &l, &missing, 0);
    close(l.fd);
    assert_int_equal(try_connect(h, &missing, &error), SR_REFUSED);
    assert_int_equal(error, ECONNREFUSED);
    l.fd = dup(reserved >= 0 ? STDERR_FILENO : 0);
    listener_close(&l);
    rmdir(folder);
}

static void test_denied(void **state)
{
    struct harness *h = *state;
    struct connect_op op;
    const struct addr_spec spec = spec_of("tcp://192.0.2.1:80");
    connect_begin(&op, &h->sched, h->permit, &spec, NULL, &h->need);
    op.retries = 1000;
    op.retry_every = HARNESS_LATE;
    assert_int_equal(perform_now(h, &op.op), OP_FAILED);
    assert_int_equal(op.op.status, SR_DENIED);
    assert_string_equal(h->need.flag, "--allow-net=192.0.2.1:80");
}

static void test_unix_listener_and_its_file(void **state)
{
    struct harness *h = *state;
    struct listener l, second;
    struct connect_op op;
    char folder[100];
    support_folder(folder, sizeof folder);
    h->permit->tmp = folder;
    const struct addr_spec spec = spec_of_path(folder, "s");
    start_listening(h, &l, &spec, 0);
    assert_int_equal(listener_open(&second, &h->sched, h->permit, &spec, 0, NULL, &h->need), -EADDRINUSE);
    listener_close(&second);
    connect_begin(&op, &h->sched, h->permit, &spec, NULL, &h->need);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    assert_int_equal(access(spec.host, F_OK), 0);
    listener_close(&l);
    assert_int_equal(access(spec.host, F_OK), -1);
    listener_close(&l);
    assert_int_equal(rmdir(folder), 0);
}

/* A full backlog makes a connect wait, and the system tells nobody when there is room again. */
static void test_unix_backlog_full(void **state)
{
    struct harness *h = *state;
    enum { MANY = 6 };
    struct listener l;
    struct connect_op op[MANY];
    struct performer p[MANY];
    struct addr peer;
    char folder[100];
    support_folder(folder, sizeof folder);
    h->permit->tmp = folder;
    const struct addr_spec spec = spec_of_path(folder, "s");
    start_listening(h, &l, &spec, 1);
    for (unsigned i = 0; i < MANY; i++) {
        connect_begin(&op[i], &h->sched, h->permit, &spec, NULL, &h->need);
        perform(&p[i], h, &op[i].op);
    }
    harness_settle(h);
    assert_int_equal(p[0].result, OP_DONE);
    assert_int_equal(p[MANY - 1].result, OP_WAIT);
    assert_int_equal(op[MANY - 1].state, STATE_AGAIN);
    assert_true(op[MANY - 1].op.wake > 0);
    /* One gives up while it waits; the others get in as those before them are accepted. */
    perform_end(&p[MANY - 2]);
    unsigned accepted = 0;
    for (const int64_t late = clock_now() + HARNESS_LATE; h->left && clock_now() < late;) {
        const int fd = sock_accept(l.fd, &peer);
        if (fd >= 0) close(fd);
        accepted += fd >= 0;
        reactor_poll(h->sched.reactor, false);
        harness_settle(h);
    }
    assert_int_equal(h->left, 0);
    assert_true(accepted > 0);
    for (unsigned i = 0; i < MANY; i++) {
        if (i == MANY - 2) continue;
        assert_int_equal(p[i].result, OP_DONE);
        perform_end(&p[i]);
    }
    listener_close(&l);
    rmdir(folder);
}

static void test_retry_until_it_listens(void **state)
{
    struct harness *h = *state;
    struct listener l;
    struct connect_op op;
    struct performer p, pause;
    struct sleep_op nap;
    uint16_t port;
    const int reserved = sock_reserve_port(&port);
    const struct addr_spec spec = spec_of_port(port);
    connect_begin(&op, &h->sched, h->permit, &spec, NULL, &h->need);
    op.retries = UINT32_MAX;
    op.retry_every = MS;
    perform(&p, h, &op.op);
    sleep_begin(&nap, clock_now() + 5 * MS);
    perform(&pause, h, &nap.op);
    while (pause.result == OP_WAIT) {
        harness_settle(h);
        reactor_poll(h->sched.reactor, h->sched.head == NULL);
    }
    assert_int_equal(p.result, OP_WAIT);
    assert_true(op.retries < UINT32_MAX);
    start_listening(h, &l, &spec, 0);
    harness_run(h);
    assert_int_equal(p.result, OP_DONE);
    perform_end(&p);
    perform_end(&pause);
    listener_close(&l);
    close(reserved);
}

static void test_retries_are_counted(void **state)
{
    struct harness *h = *state;
    struct connect_op op;
    uint16_t port;
    const int reserved = sock_reserve_port(&port);
    const struct addr_spec spec = spec_of_port(port);
    const int64_t began = clock_now();
    connect_begin(&op, &h->sched, h->permit, &spec, NULL, &h->need);
    op.retries = 3;
    op.retry_every = 2 * MS;
    assert_int_equal(perform_now(h, &op.op), OP_FAILED);
    assert_int_equal(op.op.status, SR_REFUSED);
    assert_int_equal(op.retries, 0);
    assert_true(clock_now() - began >= 3 * 2 * MS);
    close(reserved);
}

static void test_names(void **state)
{
    struct harness *h = *state;
    struct listener l;
    struct connect_op op;
    uint16_t port;
    int error;
    const struct addr_spec any = spec_of("tcp://127.0.0.1:0");
    start_listening(h, &l, &any, 0);
    struct addr_spec named = spec_of_port(addr_port(&l.addr.sa));
    snprintf(named.host, sizeof named.host, "127.0.0.1");
    named.named = true;
    connect_begin(&op, &h->sched, h->permit, &named, NULL, &h->need);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    listener_close(&l);

    const int reserved = sock_reserve_port(&port);
    named.port = port;
    assert_int_equal(try_connect(h, &named, &error), SR_REFUSED);
    assert_int_equal(error, ECONNREFUSED);
    close(reserved);
    /* No name at all: nobody needs to be asked. */
    snprintf(named.host, sizeof named.host, "no..name");
    assert_int_equal(try_connect(h, &named, &error), SR_UNREACHABLE);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void step(struct harness *h, struct performer *p, struct connect_op *op, const struct addr_spec *spec)
{
    connect_begin(op, &h->sched, h->permit, spec, NULL, &h->need);
    perform(p, h, &op->op);
}

/* Whatever it was at, nothing is left of it. */
static void test_cancel_from_every_state(void **state)
{
    struct harness *h = *state;
    enum { FULL = 8 };
    struct listener l;
    struct connect_op op, fill[FULL];
    struct performer p, filling[FULL];
    uint16_t port;
    const unsigned before = descriptors();
    const struct addr_spec any = spec_of("tcp://127.0.0.1:0");
    start_listening(h, &l, &any, 1);
    const struct addr_spec to = spec_of_port(addr_port(&l.addr.sa));

    step(h, &p, &op, &to);
    perform_end(&p); /* not polled yet */

    for (unsigned i = 0; i < FULL; i++)
        step(h, &filling[i], &fill[i], &to);
    harness_settle(h);
    assert_int_equal(filling[0].result, OP_DONE); /* and not taken */
    assert_int_equal(filling[FULL - 1].result, OP_WAIT);
    assert_int_equal(fill[FULL - 1].state, STATE_CONNECTING);
    for (unsigned i = 0; i < FULL; i++)
        perform_end(&filling[i]);
    listener_close(&l);

    const int reserved = sock_reserve_port(&port);
    const struct addr_spec closed = spec_of_port(port);
    step(h, &p, &op, &closed);
    op.retries = 1;
    op.retry_every = HARNESS_LATE;
    harness_settle(h);
    assert_int_equal(op.state, STATE_PAUSE);
    assert_int_equal(op.op.waits, WAITS_TIME);
    perform_end(&p);

    struct addr_spec named = closed;
    named.named = true;
    snprintf(named.host, sizeof named.host, "127.0.0.1");
    step(h, &p, &op, &named);
    task_wake(&p.task);
    h->left++; /* one poll, and no event is seen */
    op_poll(&op.op, &p.task);
    h->left--;
    assert_int_equal(op.state, STATE_RESOLVING);
    perform_end(&p);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    close(reserved);
    assert_int_equal(descriptors(), before);
}

static void test_accept_untaken_is_closed(void **state)
{
    struct harness *h = *state;
    struct listener l;
    struct accept_op op;
    struct addr at;
    struct permit_need need;
    int client = -1;
    const unsigned before = descriptors();
    const struct addr_spec any = spec_of("tcp://127.0.0.1:0");
    start_listening(h, &l, &any, 0);
    at = l.addr;
    support_connect(h->permit, &at, NULL, SOCK_STREAM, NULL, &client, &need);
    accept_begin(&op, &l);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    assert_int_equal(op.fd, -1);
    close(client);
    listener_close(&l);
    accept_begin(&op, &l);
    assert_int_equal(perform_now(h, &op.op), OP_FAILED);
    assert_int_equal(op.op.failure, OP_GONE);
    assert_int_equal(descriptors(), before);
}

static void test_one_accepts_at_a_time(void **state)
{
    struct harness *h = *state;
    struct listener l;
    struct accept_op one, two;
    struct performer p, q;
    const struct addr_spec any = spec_of("tcp://127.0.0.1:0");
    start_listening(h, &l, &any, 0);
    accept_begin(&one, &l);
    perform(&p, h, &one.op);
    harness_settle(h);
    accept_begin(&two, &l);
    perform(&q, h, &two.op);
    harness_settle(h);
    assert_int_equal(q.result, OP_FAILED);
    assert_int_equal(two.op.failure, OP_MISUSE);
    perform_end(&q);
    assert_ptr_equal(l.waiting, &p.task);
    perform_end(&p);
    assert_null(l.waiting);
    listener_close(&l);
}

/* Many come between two looks at the listener: one event, and all of them are there. */
static void test_accepts_all_who_came(void **state)
{
    struct harness *h = *state;
    enum { MANY = 50 };
    struct listener l;
    int clients[MANY];
    struct permit_need need;
    const struct addr_spec any = spec_of("tcp://127.0.0.1:0");
    start_listening(h, &l, &any, 0);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(support_connect(h->permit, &l.addr, NULL, SOCK_STREAM, NULL, &clients[i], &need) <= 0);
    for (unsigned i = 0; i < MANY; i++) {
        struct accept_op op;
        accept_begin(&op, &l);
        assert_int_equal(perform_now(h, &op.op), OP_DONE);
    }
    for (unsigned i = 0; i < MANY; i++)
        close(clients[i]);
    listener_close(&l);
}

static void test_no_descriptors_left(void **state)
{
    struct harness *h = *state;
    struct listener l;
    struct accept_op op;
    struct connect_op connect;
    struct rlimit was, none;
    struct permit_need need;
    int client = -1;
    const struct addr_spec any = spec_of("tcp://127.0.0.1:0");
    start_listening(h, &l, &any, 0);
    const struct addr_spec to = spec_of_port(addr_port(&l.addr.sa));
    support_connect(h->permit, &l.addr, NULL, SOCK_STREAM, NULL, &client, &need);
    support_wait(l.fd, POLLIN);
    const int next = dup(client);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    accept_begin(&op, &l);
    const enum op_result accepted = perform_now(h, &op.op);
    connect_begin(&connect, &h->sched, h->permit, &to, NULL, &h->need);
    const enum op_result connected = perform_now(h, &connect.op);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(accepted, OP_FAILED);
    assert_int_equal(op.op.status, SR_SYSTEM);
    assert_int_equal(op.op.error, EMFILE);
    assert_int_equal(connected, OP_FAILED);
    assert_int_equal(connect.op.status, SR_SYSTEM);
    assert_int_equal(connect.op.error, EMFILE);
    /* Who comes for it later still finds the connection. */
    accept_begin(&op, &l);
    assert_int_equal(perform_now(h, &op.op), OP_DONE);
    close(client);
    listener_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_connect_and_accept),
        HARNESS_TEST(test_refused),
        HARNESS_TEST(test_denied),
        HARNESS_TEST(test_unix_listener_and_its_file),
        HARNESS_TEST(test_unix_backlog_full),
        HARNESS_TEST(test_retry_until_it_listens),
        HARNESS_TEST(test_retries_are_counted),
        HARNESS_TEST(test_names),
        HARNESS_TEST(test_cancel_from_every_state),
        HARNESS_TEST(test_accept_untaken_is_closed),
        HARNESS_TEST(test_one_accepts_at_a_time),
        HARNESS_TEST(test_accepts_all_who_came),
        HARNESS_TEST(test_no_descriptors_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
