#include "engine/resend.h"

#include <errno.h>
#include <string.h>

#include "util/clock.h"
#include "util/mem.h"

enum { PAUSE_MOST_S = 3600, SOON_NS = 1000000 };

struct resend {
    struct task task; /* first */
    struct channel *channel;
    int64_t pause; /* ns */
    double factor;
    uint32_t left;
    size_t n;
    char bytes[];
};

static void again(struct task *t)
{
    struct resend *r = (struct resend *)(void *)t;
    struct conn *c = &r->channel->conn;
    if (!t->expired || !r->left || c->closed) return;
    if (conn_send(c, r->bytes, r->n, 0) == -EAGAIN) {
        task_deadline(t, clock_now() + SOON_NS);
        return;
    }
    c->datagrams->patient = --r->left > 0;
    const double pause = (double)r->pause * r->factor;
    r->pause = pause < PAUSE_MOST_S * 1e9 ? (int64_t)pause : PAUSE_MOST_S * INT64_C(1000000000);
    task_deadline(t, r->left ? clock_now() + r->pause : TASK_NEVER);
}

void resend_start(struct channel *c, struct slice bytes, int64_t every, double factor, uint32_t times)
{
    resend_stop(c);
    if (!times) return;
    struct resend *r = mem_alloc(sizeof *r + bytes.n);
    *r = (struct resend){.channel = c, .pause = every, .factor = factor, .left = times, .n = bytes.n};
    if (bytes.n) memcpy(r->bytes, bytes.p, bytes.n);
    task_init(&r->task, c->conn.sched, again);
    c->resend = r;
    c->conn.datagrams->patient = true;
    task_deadline(&r->task, clock_now() + every);
}

void resend_stop(struct channel *c)
{
    if (!c->resend) return;
    task_done(&c->resend->task);
    mem_free(c->resend);
    c->resend = NULL;
    c->conn.datagrams->patient = false;
}
