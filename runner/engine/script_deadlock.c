#include "engine/script_deadlock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "net/sock.h"

static bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* First nothing may be on its way, then nothing may be there. */
static bool read_is_hopeless(const struct conn *c)
{
    char byte;
    if (!c->in.peer || c->closed || c->end != CONN_OPEN) return false;
    const struct conn *peer = (const struct conn *)(const void *)((const char *)c->in.peer - offsetof(struct conn, in));
    if (peer->closed || peer->finished || c->top->ops->holds(c->top)) return false;
    return sock_unsent(peer->fd.wfd) == 0 && sock_recv(c->fd.rfd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -EAGAIN;
}

static bool is_hopeless(const struct luatask *t)
{
    const struct op *op = t->inner;
    if (!op || t->until != TASK_NEVER || op->wake) return false;
    switch (op->waits) {
    case WAITS_READ: return read_is_hopeless(op->conn);
    case WAITS_ACCEPT:
    case WAITS_RENDEZVOUS: return true;
    case WAITS_NOTHING:
    case WAITS_TIME:
    case WAITS_WRITE:
    case WAITS_OUTSIDE: break;
    }
    return false;
}

bool script_deadlock(const struct luahost *h)
{
    if (!h->tasks || h->sched->head || has_children()) return false;
    for (const struct luatask *t = (const struct luatask *)h->tasks; t; t = luatask_next(t))
        if (!is_hopeless(t)) return false;
    return true;
}
