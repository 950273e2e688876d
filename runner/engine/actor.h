#ifndef ENGINE_ACTOR_H
#define ENGINE_ACTOR_H

/* An actor: one copy of a list of steps, and the ends of pipes that it owns. A state machine over its program with an
 * explicit stack of frames; a frame is a list node, so that the openings of an `any` can be tried with stacks of their
 * own that become the actor's when they are chosen. */

#include <stdbool.h>
#include <stdint.h>

#include "engine/program.h"
#include "engine/went.h"
#include "event/event.h"
#include "op/conn.h"
#include "op/dial.h"
#include "op/expect.h"
#include "op/handshake.h"
#include "op/meet.h"
#include "op/send.h"
#include "op/task.h"

struct run;
struct step_kind;
struct process_op;
struct told;

/* One end of a pipe that an actor owns. */
struct channel {
    struct conn conn;     /* first */
    struct channel *next; /* older */
    const char *name;     /* `as`, or NULL for the actor's own */
    const char *host;     /* the name that was connected to, or NULL: the run's */
    struct actor *actor;
    struct told *told;      /* who tells of it; NULL: nobody wants to know */
    struct resend *resend;  /* what is sent again, or NULL */
    struct luaconn *object; /* that Lua code sees, or NULL; object_ref is a registry reference */
    int object_ref;
    int64_t took_at; /* when bytes were last taken, 0: never */
    uint64_t took_from;
    uint32_t took_size;
    unsigned char took[32]; /* their first ones */
};

enum actor_state {
    ACTOR_NEW,
    ACTOR_RUNNING,
    ACTOR_DONE,    /* did its steps; its connections are closed */
    ACTOR_RESTING, /* has no steps: there until the case ends */
    ACTOR_FAILED,
    ACTOR_CANCELLED,
};

enum frame_kind {
    FRAME_BLOCK, /* the actor's own steps, `steps`, `if` ... */
    FRAME_LOOP,  /* repeat, each */
    FRAME_CALL,
    FRAME_BRANCH, /* of any */
    FRAME_LANES,  /* all: no steps of its own */
    FRAME_LANE,   /* of all */
    FRAME_MEANWHILE,
};

/* A name that a frame defines. ref is a registry reference that the binding owns. */
struct binding {
    struct binding *next;
    const char *name;
    int ref;
};

struct loop {
    uint64_t round, rounds; /* rounds UINT64_MAX: forever */
    int64_t until;          /* ns, 0: no time */
    int rows;               /* each: registry reference of the list, 0: none */
};

struct lanes;
struct wait;

struct frame {
    struct frame *below;
    const struct block *block;
    const struct instr *in; /* that pushed it; NULL for an actor's own steps */
    struct binding *bindings;
    int64_t deadline; /* of this block and those around it; TASK_NEVER */
    int64_t entered;
    uint32_t pc;
    uint16_t refs; /* frames that stand on it, and who holds it */
    uint8_t kind;  /* enum frame_kind */
    uint8_t level; /* in force */
    union {
        struct loop *loop;
        struct lanes *lanes;
        struct wait *resumed; /* meanwhile: what the actor was waiting for */
    };
};

/* Room for any op. */
union op_room {
    struct op op;
    struct send_op send;
    struct expect_op expect;
    struct close_op close;
    struct silence_op silence;
    struct accept_op accept;
    struct connect_op connect;
    struct handshake_op handshake;
    struct sync_op sync;
    struct take_op take;
    struct sleep_op sleep;
    struct ask_op ask;
    struct {
        struct op op;
        void *own; /* of ops that keep their state elsewhere */
    } other;
};

struct actor {
    struct task task; /* first */
    struct run *run;
    const struct actor_plan *plan;
    struct actor *next;        /* in the run's list */
    struct actor *server;      /* of a `serve` copy: whose listener accepted it */
    struct listener *listener; /* of a listening actor; copies have none */
    struct sessions *sessions; /* of one that serves datagrams */
    struct program *program;   /* of a program actor */
    struct proxy *proxy;       /* of a proxy */
    struct channel *channels;  /* newest first */
    struct frame *top;
    struct wait *wait;
    struct env env;
    struct arena arena;     /* of the step that runs */
    int vars;               /* registry reference of the table of its variables, 0: none yet */
    uint32_t instance;      /* from 1; 0: the only one */
    uint32_t board;         /* its entry there */
    int64_t began;          /* when the step that runs began */
    const struct instr *at; /* the step that runs, or ran last */
    uint16_t lanes;         /* frames of `all` on its stack */
    uint8_t state;
    bool opening;  /* what runs now stands before the opening of a branch */
    bool accepted; /* a listening actor's first connection was taken */
};

/* For steps. */

/* The connection that a step works on: that of `via`, or the actor's own, which is the latest without a name. NULL
 * after actor_fail. */
struct channel *actor_channel(struct actor *a, const struct instr *in);
/* Takes over a connected descriptor. NULL after actor_fail. name may be NULL; peer NULL: it was accepted. */
struct channel *actor_attach(struct actor *a, int fd, enum addr_scheme scheme, const char *name,
                             const struct addr *peer);
/* The same on the listener's own socket, which takes datagrams from anybody. */
struct channel *actor_attach_listener(struct actor *a);
/* A share of another actor's listener, which puts in what belongs to it: a copy's of `serve`. */
struct channel *actor_attach_share(struct actor *a, struct listener *l, const struct addr *peer);
/* The same for what a listener has accepted. */
struct channel *actor_attach_accepted(struct actor *a, int fd, const struct listener *l, const char *name);
/* Closes a connection and forgets it. Nobody waits on it any more. */
void actor_drop(struct actor *a, struct channel *ch);
/* The same for the two pipes of a program, or twice its terminal. */
struct channel *actor_attach_pipes(struct actor *a, int rfd, int wfd, bool terminal);
/* An eval for the step that runs. */
struct eval actor_eval(struct actor *a);

/* A variable of the actor, from the top of the Lua stack (popped). Protected by the caller. */
void actor_set(struct actor *a, const char *name);

/* What went wrong, with nothing more to show than its message. Returns WENT_FAILED. mark.source NULL: at the step's
 * verb. */
enum went actor_fail(struct actor *a, const char *kind, struct mark mark, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a failed evaluation. */
enum went actor_fail_eval(struct actor *a, const struct eval *e);

/* A line of the report. */
void actor_log(struct actor *a, const char *text, bool warning);
/* Pushes a frame for a block; the caller fills in what its kind needs. NULL after actor_fail (its `timeout` could not
 * be evaluated). */
struct frame *actor_push(struct actor *a, enum frame_kind kind, const struct block *block, const struct instr *in);
/* Takes the top frame away. */
void actor_pop(struct actor *a);
/* Takes all of them away. */
void actor_unwind(struct actor *a);
/* Binds a name in a frame to the value on top of the Lua stack (popped); replaces an earlier value. */
void frame_bind(struct actor *a, struct frame *f, const char *name);
/* Gives up one hold on a frame, and on those below it that only it held. */
void frame_drop(struct actor *a, struct frame *f);

/* For the run. */

/* Starts a new actor: it connects if it is one that does, and goes on with its steps. */
void actor_start(struct actor *a);
/* Its `always` steps, once it has ended in whatever way. */
void actor_always(struct actor *a);
/* Cancels it where it stands; its connections stay as they are until actor_free. */
void actor_cancel(struct actor *a);
/* Closes and frees everything of it, and it. */
void actor_free(struct actor *a);
/* "client", "client 3". */
const char *actor_name(const struct actor *a, char *text, size_t size);
/* Its steps are going on. */
bool actor_unfinished(const struct actor *a);
/* The level that holds for what it does now. */
enum level actor_level(const struct actor *a);
/* "2.1": the place of the step that runs, in the stack of frames. */
const char *actor_path(const struct actor *a, char *text, size_t size);
/* A wait is over and its bytes are taken: remembered for reports and in the flight recorder. */
void actor_took(struct actor *a, struct channel *ch, uint64_t from, struct slice bytes, uint64_t size);
void actor_sent(struct actor *a, struct channel *ch, struct slice bytes, uint64_t size);

#endif
