#include "net/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 16 << 20 };

int capture_open(struct capture *c)
{
    /* The whole packet is never copied: its headers are enough. */
    struct sock_filter keep = BPF_STMT(BPF_RET | BPF_K, CAPTURE_HEADERS);
    const struct sock_fprog program = {1, &keep};
    const int size = BUFFER;
    c->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
    if (c->fd < 0) return -errno;
    setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return 0;
}

void capture_close(struct capture *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

bool capture_next(struct capture *c, struct slice *ret_headers)
{
    struct sockaddr_ll from = {0};
    for (;;) {
        struct iovec part = {c->bytes, sizeof c->bytes};
        struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
        const ssize_t n = c->fd < 0 ? -1 : recvmsg(c->fd, &message, 0);
        if (n < 0) return false;
        if (from.sll_hatype == ARPHRD_LOOPBACK && from.sll_pkttype == PACKET_OUTGOING) continue;
        *ret_headers = (struct slice){(const char *)c->bytes, (size_t)n};
        return true;
    }
}

uint32_t capture_lost(struct capture *c)
{
    struct tpacket_stats stats = {0};
    socklen_t n = sizeof stats;
    if (c->fd < 0 || getsockopt(c->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &n) < 0) return 0;
    return stats.tp_drops;
}
