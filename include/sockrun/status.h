#ifndef SOCKRUN_STATUS_H
#define SOCKRUN_STATUS_H

/* What the network did. A value, never an error: a scenario may expect any of these. */
enum sr_status {
    SR_OK,
    SR_CLOSED,      /* the peer has ended its direction: FIN, EOF (RFC 9293 3.6) */
    SR_RESET,       /* RST, or EPIPE (RFC 9293 3.5.2) */
    SR_REFUSED,     /* nobody listens there: ECONNREFUSED; a Unix socket that does not exist */
    SR_TIMEOUT,     /* the deadline has passed, or ETIMEDOUT */
    SR_UNREACHABLE, /* EHOSTUNREACH, ENETUNREACH */
    SR_TLS,         /* TLS could not be agreed on, or was broken: the connection knows why */
    SR_DENIED,      /* no permission was granted */
    SR_SYSTEM,      /* the system could not: EMFILE, ENOBUFS, EADDRINUSE ... (the errno stands beside it) */
};

/* "ok", "closed", "reset", "refused", "timeout", "unreachable", "tls", "denied", "system": as scenarios and Lua spell
 * it. */
const char *sr_status_name(enum sr_status s);
/* What a failed system call means. Never SR_OK. */
enum sr_status sr_status_of_errno(int error);

#endif
