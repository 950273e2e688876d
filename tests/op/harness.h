#ifndef TESTS_OP_HARNESS_H
#define TESTS_OP_HARNESS_H

/* A scheduler, and performers: tasks that poll one op until it is done. Include behind cmocka.h. */

#include <fcntl.h>
#include <sys/ioctl.h>

#include "net/support.h"
#include "op/conn.h"
#include "op/op.h"
#include "util/clock.h"
#include "util/units.h"

/* What never comes on a sound machine, however slow. */
#define HARNESS_LATE (20 * (int64_t)NS_PER_S)

struct harness {
    struct sched sched;
    struct permit_scope *permit;
    struct permit_need need;
    struct task guard;
    unsigned left; /* performers that are not done */
    bool late;
};

struct performer {
    struct task task; /* the first */
    struct harness *h;
    struct op *op;
    enum op_result result; /* OP_WAIT: at it */
    unsigned polls;
};

static inline void harness_guard(struct task *t)
{
    struct harness *h = (struct harness *)(void *)((char *)t - offsetof(struct harness, guard));
    h->late = h->sched.stop = true;
}

static inline int harness_up(void **state)
{
    struct harness *h = test_calloc(1, sizeof *h);
    void *permit;
    support_up(&permit);
    h->permit = permit;
    *state = h;
    return sched_init(&h->sched);
}

static inline int harness_down(void **state)
{
    struct harness *h = *state;
    void *permit = h->permit;
    assert_int_equal(reactor_count(h->sched.reactor), 0);
    assert_null(h->sched.head);
    sched_done(&h->sched);
    support_down(&permit);
    test_free(h);
    return 0;
}

static inline void performer_resume(struct task *t)
{
    struct performer *p = (struct performer *)(void *)t;
    if (p->result != OP_WAIT) return;
    p->polls++;
    p->result = op_poll(p->op, t);
    if (p->result == OP_WAIT)
        task_deadline(t, p->op->wake ? p->op->wake : TASK_NEVER);
    else if (--p->h->left == 0)
        p->h->sched.stop = true;
}

static inline void perform_later(struct performer *p, struct harness *h, struct op *op)
{
    *p = (struct performer){.h = h, .op = op, .result = OP_WAIT};
    task_init(&p->task, &h->sched, performer_resume);
    h->left++;
}

static inline void perform(struct performer *p, struct harness *h, struct op *op)
{
    perform_later(p, h, op);
    task_wake(&p->task);
}

/* Ends the op, whatever it has come to. */
static inline void perform_end(struct performer *p)
{
    if (p->result == OP_WAIT) p->h->left--;
    op_cancel(p->op, &p->task);
    task_done(&p->task);
}

static inline void harness_go(struct harness *h)
{
    h->late = h->sched.stop = false;
    task_init(&h->guard, &h->sched, harness_guard);
    task_deadline(&h->guard, clock_now() + HARNESS_LATE);
    sched_run(&h->sched);
    task_done(&h->guard);
    assert_false(h->late);
}

/* Runs until every performer is done. */
static inline void harness_run(struct harness *h)
{
    if (h->left) harness_go(h);
    assert_int_equal(h->left, 0);
}

static inline void harness_settled(void *ctx)
{
    struct harness *h = ctx;
    while (!h->sched.head && reactor_poll(h->sched.reactor, false) > 0)
        ;
    if (!h->sched.head) h->sched.stop = true;
}

/* Runs until nothing happens any more. */
static inline void harness_settle(struct harness *h)
{
    h->sched.idle = harness_settled;
    h->sched.idle_ctx = h;
    harness_go(h);
    h->sched.idle = NULL;
}

/* Polls it until it is done, ends it, and says what it came to. */
static inline enum op_result perform_now(struct harness *h, struct op *op)
{
    struct performer p;
    perform(&p, h, op);
    harness_run(h);
    const enum op_result result = p.result;
    if (result == OP_DONE) op_commit(op);
    perform_end(&p);
    return result;
}

/* A connection of ours, and the descriptors of its peer: the same for both ways but for a program. */
struct far_end {
    int in, out; /* what we write comes in, what goes out we read */
};

static inline void far_close(struct far_end *e)
{
    if (e->in >= 0 && e->in != e->out) close(e->in);
    if (e->out >= 0) close(e->out);
    e->in = e->out = -1;
}

static inline void harness_conn(struct harness *h, enum conn_kind kind, struct conn *c, struct far_end *e)
{
    int ours[2], theirs[2];
    if (kind == CONN_PROGRAM) {
        assert_int_equal(pipe2(ours, O_CLOEXEC), 0);
        assert_int_equal(pipe2(theirs, O_CLOEXEC), 0);
        fcntl(theirs[0], F_SETFL, O_NONBLOCK);
        fcntl(ours[1], F_SETFL, O_NONBLOCK);
        *e = (struct far_end){.in = ours[0], .out = theirs[1]};
        assert_int_equal(conn_init_pipes(c, &h->sched, theirs[0], ours[1]), 0);
        return;
    }
    if (kind == CONN_UNIX)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ours), 0);
    else
        support_pair(h->permit, AF_INET, ours);
    *e = (struct far_end){ours[1], ours[1]};
    assert_int_equal(conn_init_socket(c, &h->sched, ours[0], kind, NULL), 0);
}

/* Two connections that are each other's ends. */
static inline void harness_pair(struct harness *h, struct conn *a, struct conn *b)
{
    int fds[2];
    support_pair(h->permit, AF_INET, fds);
    assert_int_equal(conn_init_socket(a, &h->sched, fds[0], CONN_TCP, NULL), 0);
    assert_int_equal(conn_init_socket(b, &h->sched, fds[1], CONN_TCP, NULL), 0);
    assert_ptr_equal(a->in.peer, &b->in);
}

static inline void far_write(const struct far_end *e, const void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        support_wait(e->out, POLLOUT);
        const ssize_t r = write(e->out, (const char *)p + done, n - done);
        assert_true(r > 0);
        done += (size_t)r;
    }
}

/* How many bytes have come and were not received. */
static inline int harness_unread(const struct conn *c)
{
    int n = 0;
    assert_int_equal(ioctl(c->fd.rfd, FIONREAD, &n), 0);
    return n;
}

static inline void harness_arrived(const struct conn *c, int n)
{
    const int64_t late = clock_now() + HARNESS_LATE;
    while (harness_unread(c) < n) {
        support_wait(c->fd.rfd, POLLIN);
        assert_true(clock_now() < late);
    }
}

/* splitmix64. */
static inline uint64_t harness_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#define HARNESS_TEST(f) cmocka_unit_test_setup_teardown(f, harness_up, harness_down)

#endif
