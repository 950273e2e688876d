#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

/* What happened, as reporters, shards and artifacts see it. Plain data; all text and bytes belong to somebody else (the
 * arena of the decoder, or the maker) and live until the event has been handled. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sockrun/verdict.h"
#include "util/diag.h"
#include "util/slice.h"

enum event_kind {
    /* control: over the pipe, and made by the supervisor */
    EVENT_RUN,      /* first of a stream: text = sockrun's version, number = cases that will run, at = clock */
    EVENT_FILE,     /* a file's child begins: file, number = its cases */
    EVENT_CASE,     /* a case begins */
    EVENT_ATTEMPT,  /* a case has failed and is run again: as a verdict; attempts = how often it was run so far */
    EVENT_VERDICT,  /* a case ended: verdict, duration, reason in text, failures */
    EVENT_FILE_END, /* a file's child ended */
    EVENT_RUN_END,  /* last of a stream: duration; text = "interrupted" or NULL */
    /* messages: only when somebody wants them, through the spool */
    EVENT_STEP,    /* a step begins: actor, step, place */
    EVENT_TRAFFIC, /* action, bytes and offset on a connection */
    EVENT_LOG,     /* text of `log` and `warn` steps; number = 1 for a warning */
    EVENT_LOST,    /* number = events that did not fit the spool */
    EVENT_SECRETS, /* bytes = lines of a TLS key log, before what they decrypt; only for captures */
    EVENT_PACKETS, /* bytes = whole blocks of a capture file: made in the child, from the others */
    EVENT_FRAME,   /* bytes = the headers of a packet that the system has carried, from Ethernet on */
};

enum event_action {
    EVENT_LISTEN,
    EVENT_CONNECT,
    EVENT_ACCEPT,
    EVENT_SEND,
    EVENT_RECEIVE,
    EVENT_SHUTDOWN,
    EVENT_CLOSE,
    EVENT_RESET,
    EVENT_PEER_CLOSE, /* FIN came */
    EVENT_PEER_RESET,
    EVENT_START,  /* a program */
    EVENT_OUTPUT, /* its stderr */
    EVENT_EXIT,   /* number = code, or -signal */
    EVENT_FAULT,  /* a proxy: text */
    EVENT_STATE,  /* what the system still knows of a connection that was closed */
    EVENT_SECURE, /* TLS begins: from now on its bytes are told twice, plain and as they are on the wire */
};

/* A socket, or a program's two pipes, as the system knows it. */
struct event_socket {
    const char *protocol;     /* "tcp", "unix", "program" ... */
    const char *local, *peer; /* "127.0.0.1:80", "[::1]:80", a path; NULL: unknown, or none */
    const char *state;        /* "established" ..., NULL: not asked for, or there is none */
    const char *calls;        /* the system calls that have made it so, or NULL */
    const char *tls;          /* "TLSv1.3, TLS_AES_256_GCM_SHA384"; NULL: not asked for, or not agreed on yet */
    int64_t fd;               /* 0: not open any more */
    bool server;              /* it was accepted */
    bool inside;              /* Unix: the peer is in this process, and tells of the same bytes */
};

/* Two byte strings and where they differ, cut to windows around the difference. */
struct event_dump {
    bool present;
    uint64_t expected_size, got_size; /* in full; got_size counts what has been received of it */
    uint64_t at;                      /* offset of the first difference in both */
    uint64_t from;                    /* offset of the first byte of both windows, a multiple of 16 */
    struct slice expected, got;
    bool expected_unknown; /* only `got` is shown: nothing to compare byte by byte */
};

struct event_note {
    const char *label; /* "before", "connection", the name of another actor, "program" ... */
    const char *text;  /* may have several lines */
};

/* One reason why a case did not pass. */
struct event_failure {
    const char *kind;  /* mismatch, timeout, closed, reset, refused, stalled, deadlock, check, data, exit, fail, lua,
                          permission, killed, crash, system ... (docs/events.md) */
    const char *actor; /* "client", "client 3" for the third instance; NULL when it is the case's */
    const char *step;  /* "step 2 expect", "step 2.1 send" inside a block; NULL */
    struct place place;
    const char *message; /* beside the caret, one line */
    int64_t after;       /* ns since the step began, -1 unknown */
    int64_t limit;       /* ns the step had, -1 none */
    struct event_dump dump;
    struct event_note *notes;
    size_t nnotes;
    bool warning; /* it alone would not have failed the case */
};

struct event {
    enum event_kind kind;
    enum event_action action;
    uint64_t seq;
    int64_t at; /* CLOCK_MONOTONIC, ns */
    const char *file;
    const char *case_name; /* unique within the file */
    uint32_t case_line;
    int32_t case_index; /* -1: none */
    const char *tags;   /* separated by spaces, or NULL */
    /* EVENT_CASE and EVENT_VERDICT: what stands on the case, or NULL each. */
    const char *id, *ref, *quote, *level;
    const char *covers; /* separated by spaces */
    const char *actor;
    const char *step;
    struct place place;
    int64_t number;
    uint32_t connection;               /* EVENT_TRAFFIC: its number in the process, from 1; 0: none */
    bool wire;                         /* EVENT_TRAFFIC: bytes below TLS; only for captures and `explain` */
    const struct event_socket *socket; /* of events that open or end a connection; or NULL */
    uint64_t offset; /* EVENT_TRAFFIC: position of the first byte in its direction since the connection began */
    struct slice bytes;
    const char *text;
    enum sr_verdict verdict;
    uint32_t attempts; /* EVENT_VERDICT: how often the case was run, if more than once */
    /* The same, if the case has failed and somebody wants them: where its temporary files are. Only until the event has
     * been handled. NULL: nowhere. */
    const char *folder;
    int64_t duration; /* ns */
    struct event_failure *failures;
    size_t nfailures;
};

const char *event_kind_name(enum event_kind k);
int event_kind_of_name(const char *name); /* -1: unknown */
const char *event_action_name(enum event_action a);
int event_action_of_name(const char *name);
/* The failure that made the verdict what it is: the first, warnings passed over where something worse has happened.
 * NULL: none. */
const struct event_failure *event_reason(const struct event *e);
static inline bool event_is_control(enum event_kind k)
{
    return k <= EVENT_RUN_END;
}

#endif
