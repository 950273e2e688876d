#ifndef NET_TCPINFO_H
#define NET_TCPINFO_H

/* What the operating system keeps about a TCP connection: state and counters by TCP_INFO while the descriptor is open,
 * and by NETLINK_SOCK_DIAG (sock_diag(7)) once our end is closed. */

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"

/* The kernel's numbers (include/net/tcp_states.h), RFC 9293 3.3.2. */
enum tcp_state {
    TCP_ST_ESTABLISHED = 1,
    TCP_ST_SYN_SENT,
    TCP_ST_SYN_RECV,
    TCP_ST_FIN_WAIT_1,
    TCP_ST_FIN_WAIT_2,
    TCP_ST_TIME_WAIT,
    TCP_ST_CLOSED,
    TCP_ST_CLOSE_WAIT,
    TCP_ST_LAST_ACK,
    TCP_ST_LISTEN,
    TCP_ST_CLOSING,
};

struct tcp_facts {
    enum tcp_state state;
    int64_t rtt; /* ns, smoothed */
    uint32_t mss, retransmits, total_retransmits;
    uint64_t bytes_acked, bytes_received;
    uint32_t unread, unsent;
    char congestion[16];
};

/* "established", "time_wait" ...; NULL for a number that is none. */
const char *tcp_state_name(enum tcp_state s);
int tcp_state_of_name(const char *name); /* 0: none */
/* "established|syn_sent|...": the choices of a field table. */
extern const char tcp_state_choices[];
/* 0 or -errno. */
int tcp_facts_of_fd(int fd, struct tcp_facts *ret);
/* The state of the connection with these two addresses: TCP_ST_CLOSED if the system knows none. One question to the
 * kernel over a socket of its own, answered at once. State in *ret, 0 or -errno. */
int tcp_state_of_pair(const struct addr_inet *local, const struct addr_inet *peer, enum tcp_state *ret);

#endif
