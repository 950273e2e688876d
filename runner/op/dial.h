#ifndef OP_DIAL_H
#define OP_DIAL_H

/* Listening, accepting and connecting. */

#include "net/resolver.h"
#include "net/sock.h"
#include "op/conn.h"
#include "op/op.h"

enum { LISTENER_BACKLOG = 4096 }; /* that is asked for; the system may cap it (listen(2)) */

struct listener {
    struct sched *sched;
    struct watch watch;
    struct task *waiting; /* the task that accepts, or NULL */
    int fd;               /* -1: closed */
    int held;             /* instead of fd, while it refuses; -1 */
    enum addr_scheme scheme;
    struct addr addr;        /* the one it got */
    struct conn *conn;       /* of datagrams: who works on the socket, or NULL */
    struct tls_context *tls; /* of what it accepts, or NULL. The maker's, who frees it */
};

/* Opens it: 0, -errno or -PERMIT_DENIED. backlog 0: LISTENER_BACKLOG. setup may be NULL. */
int listener_open(struct listener *l, struct sched *s, const struct permit_scope *permit, const struct addr_spec *spec,
                  int backlog, const struct sock_setup *setup, struct permit_need *need);
/* Takes a listening descriptor. */
int listener_adopt(struct listener *l, struct sched *s, int fd, enum addr_scheme scheme);
/* Opens one again that is closed, on the very address that it had: others have read its port. Who waited for a
 * connection goes on to do so, and so does who worked on the socket. */
int listener_again(struct listener *l, const struct permit_scope *permit, int backlog, const struct sock_setup *setup,
                   struct permit_need *need);
void listener_close(struct listener *l);
/* It takes no connections but datagrams: whoever wants them works on its socket. */
static inline bool listener_is_datagrams(const struct listener *l)
{
    return addr_socktype(l->scheme) == SOCK_DGRAM;
}
/* Makes a connection of datagrams that works on its socket from now on, and reads what anybody sends there. */
void listener_lend(struct listener *l, struct conn *c);
/* Refuses connections, and keeps the address, so that nobody else answers there: 0, -errno or -PERMIT_DENIED (it is
 * closed then). */
int listener_refuse(struct listener *l, const struct permit_scope *permit, const struct sock_setup *setup,
                    struct permit_need *need);
/* Accepts again. 0, -errno or -PERMIT_DENIED. */
int listener_accept_again(struct listener *l, const struct permit_scope *permit, int backlog,
                          const struct sock_setup *setup, struct permit_need *need);

struct accept_op {
    struct op op;
    int fd; /* OP_DONE: the connection, owned by the op until accept_take */
};
void accept_begin(struct accept_op *o, struct listener *l);
/* The descriptor is the caller's now. */
int accept_take(struct accept_op *o);

struct connect_op {
    struct op op;
    struct sched *sched;
    const struct permit_scope *permit;
    const struct addr_spec *spec;
    const struct addr *bind;  /* or NULL */
    struct permit_need *need; /* filled in with SR_DENIED */
    struct resolver resolver;
    struct watch watch;
    struct task *task;
    struct addr one;
    struct addr *resolved; /* of a name: owned */
    int nto, tried;
    int fd; /* OP_DONE: owned by the op until connect_take */
    int state;
    bool reset;              /* OP_DONE: it was established, and the peer has reset it since */
    uint32_t retries;        /* left; set after connect_begin */
    int64_t retry_every;     /* ns */
    int64_t again;           /* when the next of them may be */
    struct sock_setup setup; /* set after connect_begin; set NULL: none */
    /* Set after connect_begin: what follows once it is established, such as a handshake; it takes the descriptor. The
     * connect is done when that op is; it has its own memory, and is cancelled with the connect. NULL, as the function
     * or what it returns: nothing follows. */
    struct op *(*follow)(struct connect_op *o);
    struct op *following;
    /* Ends that op, and what it has begun: over datagrams it is what follows that is refused, and a retry begins anew.
     * NULL: then it is not tried again. */
    void (*unfollow)(struct connect_op *o);
};
/* spec, bind and need outlive it. */
void connect_begin(struct connect_op *o, struct sched *s, const struct permit_scope *permit,
                   const struct addr_spec *spec, const struct addr *bind, struct permit_need *need);
/* The address that it has connected to. */
const struct addr *connect_peer(const struct connect_op *o);
int connect_take(struct connect_op *o);

#endif
