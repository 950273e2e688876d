#include "net/tcpinfo.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include "net/sock.h"
#include "util/units.h"

enum { ANSWER_BYTES = 8192, ALL_STATES = 0xfff };

#define LATER_STATES(X)                                                                                                \
    X(TCP_ST_SYN_SENT, "syn_sent")                                                                                     \
    X(TCP_ST_SYN_RECV, "syn_recv")                                                                                     \
    X(TCP_ST_FIN_WAIT_1, "fin_wait_1")                                                                                 \
    X(TCP_ST_FIN_WAIT_2, "fin_wait_2")                                                                                 \
    X(TCP_ST_TIME_WAIT, "time_wait")                                                                                   \
    X(TCP_ST_CLOSED, "closed")                                                                                         \
    X(TCP_ST_CLOSE_WAIT, "close_wait")                                                                                 \
    X(TCP_ST_LAST_ACK, "last_ack")                                                                                     \
    X(TCP_ST_LISTEN, "listen")                                                                                         \
    X(TCP_ST_CLOSING, "closing")

#define NAME(state, name) [state] = name,
static const char *const names[] = {[TCP_ST_ESTABLISHED] = "established", LATER_STATES(NAME)};
enum { NAMES = sizeof names / sizeof *names };

#define CHOICE(state, name) "|" name
const char tcp_state_choices[] = "established" LATER_STATES(CHOICE);

const char *tcp_state_name(enum tcp_state s)
{
    return (unsigned)s < NAMES ? names[s] : NULL;
}

int tcp_state_of_name(const char *name)
{
    for (int i = 1; i < NAMES; i++)
        if (strcmp(names[i], name) == 0) return i;
    return 0;
}

int tcp_facts_of_fd(int fd, struct tcp_facts *ret)
{
    struct tcp_info info = {0};
    struct tcp_facts facts = {0};
    socklen_t n = sizeof info, name = sizeof facts.congestion;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0) return -errno;
    getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, facts.congestion, &name);
    int unread = sock_unread(fd), unsent = sock_unsent(fd);
    facts.state = (enum tcp_state)info.tcpi_state;
    facts.rtt = info.tcpi_rtt * NS_PER_US;
    facts.mss = info.tcpi_snd_mss;
    facts.retransmits = info.tcpi_retransmits;
    facts.total_retransmits = info.tcpi_total_retrans;
    facts.bytes_acked = info.tcpi_bytes_acked;
    facts.bytes_received = info.tcpi_bytes_received;
    facts.unread = unread > 0 ? (uint32_t)unread : 0;
    facts.unsent = unsent > 0 ? (uint32_t)unsent : 0;
    *ret = facts;
    return 0;
}

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static void put_end(const struct addr_inet *a, __be16 *ret_port, __be32 ret_ip[4])
{
    memset(ret_ip, 0, 4 * sizeof *ret_ip);
    if (a->sa.sa_family == AF_INET6) {
        *ret_port = a->in6.sin6_port;
        memcpy(ret_ip, &a->in6.sin6_addr, sizeof a->in6.sin6_addr);
    } else {
        *ret_port = a->in.sin_port;
        memcpy(ret_ip, &a->in.sin_addr, sizeof a->in.sin_addr);
    }
}

static struct question make_question(const struct addr_inet *local, const struct addr_inet *peer)
{
    struct question q = {
        .head = {.nlmsg_len = sizeof q, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = (__u8)local->sa.sa_family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ALL_STATES},
    };
    struct inet_diag_sockid *id = &q.body.id;
    put_end(local, &id->idiag_sport, id->idiag_src);
    put_end(peer, &id->idiag_dport, id->idiag_dst);
    if (local->sa.sa_family == AF_INET6) id->idiag_if = local->in6.sin6_scope_id;
    id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return q;
}

/* Sends the question and reads one datagram of answer. */
static ssize_t ask(const struct question *q, void *answer, size_t size)
{
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return -errno;
    struct timeval most = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    ssize_t n = sock_send(fd, q, sizeof *q, 0);
    if (n >= 0) n = sock_recv(fd, answer, size, 0);
    close(fd);
    return n == -EAGAIN ? -ETIMEDOUT : n;
}

static int read_answer(const struct nlmsghdr *head, size_t n, enum tcp_state *ret)
{
    if (n < sizeof *head || head->nlmsg_len > n) return -EPROTO;
    if (head->nlmsg_type == NLMSG_ERROR && head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
        const struct nlmsgerr *error = (const void *)(head + 1);
        if (error->error != -ENOENT) return error->error ? error->error : -EPROTO;
        *ret = TCP_ST_CLOSED;
        return 0;
    }
    if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || head->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return -EPROTO;
    const struct inet_diag_msg *found = (const void *)(head + 1);
    /* Where there is no such connection, the kernel answers with the listener of the local address. */
    *ret = found->idiag_state == TCP_ST_LISTEN ? TCP_ST_CLOSED : (enum tcp_state)found->idiag_state;
    return 0;
}

int tcp_state_of_pair(const struct addr_inet *local, const struct addr_inet *peer, enum tcp_state *ret)
{
    struct question q = make_question(local, peer);
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_BYTES];
    } answer = {0};
    ssize_t n = ask(&q, &answer, sizeof answer);
    return n < 0 ? (int)n : read_answer(&answer.head, (size_t)n, ret);
}
