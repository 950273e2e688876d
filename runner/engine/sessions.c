#include "engine/sessions.h"

#include <stddef.h>

#include "engine/run.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/mem.h"

#include <utlist.h>

struct session {
    UT_hash_handle hh;
    struct session *prev, *next;
    struct sessions *all; /* NULL: the server has gone */
    struct conn *share;
    struct timer timer;
    int64_t last; /* when a datagram came */
    bool listed;
    size_t n;
    char key[];
};

struct sessions {
    struct session *list, *by_key;
    struct reactor *reactor;
    int64_t timeout; /* ns, 0: none */
};

static void forget(struct session *s)
{
    if (s->listed) HASH_DEL(s->all->by_key, s);
    s->listed = false;
}

static void share_closed(struct stream_datagram *end)
{
    struct session *s = end->ctx;
    if (s->all) {
        reactor_unset(s->all->reactor, &s->timer);
        forget(s);
        DL_DELETE(s->all->list, s);
    }
    mem_free(s);
}

/* Its peer counts as gone, as one that has closed. Another datagram of it begins anew. */
static void timed_out(struct timer *t)
{
    struct session *s = (struct session *)(void *)((char *)t - offsetof(struct session, timer));
    const int64_t until = s->last + s->all->timeout;
    struct conn *c = s->share;
    if (until > clock_now() || conn_has(c, c->base) || c->datagrams->end.first) {
        reactor_set(s->all->reactor, t, until > clock_now() ? until : clock_now() + s->all->timeout);
        return;
    }
    forget(s);
    c->end = CONN_FIN;
    conn_news(c, READY_HUP);
}

struct conn *sessions_find(const struct actor *server, struct slice key)
{
    struct session *s = NULL;
    if (server->sessions) HASH_FIND(hh, server->sessions->by_key, key.p, key.n, s);
    return s ? s->share : NULL;
}

void sessions_add(struct actor *server, struct slice key, struct conn *share)
{
    if (!server->sessions) {
        server->sessions = mem_zalloc(sizeof *server->sessions);
        server->sessions->reactor = server->run->sched.reactor;
        server->sessions->timeout =
            (int64_t)((double)server->plan->session_timeout * server->run->base->settings->timeout_scale);
    }
    struct sessions *all = server->sessions;
    struct session *s = mem_zalloc(sizeof *s + key.n);
    s->all = all;
    s->share = share;
    s->n = key.n;
    s->timer.fire = timed_out;
    s->last = clock_now();
    memcpy(s->key, key.p, key.n);
    DL_APPEND(all->list, s);
    HASH_ADD(hh, all->by_key, key, s->n, s);
    s->listed = true;
    share->datagrams->end.closed = share_closed;
    share->datagrams->end.ctx = s;
    if (all->timeout) reactor_set(all->reactor, &s->timer, s->last + all->timeout);
}

void sessions_put(struct conn *share, struct slice bytes, const struct addr *from, size_t cut)
{
    struct session *s = share->datagrams->end.ctx;
    s->last = share->sched->now;
    stream_datagram_put(&share->datagrams->end, bytes, from, cut);
    conn_news(share, READY_READ);
}

void sessions_free(struct actor *server)
{
    struct sessions *all = server->sessions;
    if (!all) return;
    struct session *s, *next;
    DL_FOREACH_SAFE(all->list, s, next)
    {
        conn_lose_socket(s->share);
        reactor_unset(all->reactor, &s->timer);
        forget(s);
        s->all = NULL;
    }
    mem_free(all);
    server->sessions = NULL;
}
