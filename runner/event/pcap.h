#ifndef EVENT_PCAP_H
#define EVENT_PCAP_H

/* Packets made from events: what a capture of the run would have shown. The addresses, the bytes, their order and their
 * times are true. What no socket tells is made up as the system would have done it: handshakes, sequence numbers, the
 * acknowledgement of all that was sent, segments, checksums.
 *
 * A connection with both ends in this process is one conversation; each end tells what it sends. Of other ones, the end
 * that is here tells both directions. Datagrams are told of by who sends them, and by who receives
 * them from elsewhere. What has no IP address gets one of 2001:db8::/32 (RFC 3849), on an interface of
 * its own: 2001:db8:<process, 32 bits>::<connection>:1 for who connects, :2 for who accepts, or for the program. */

#include "event/bus.h"
#include "util/buf.h"

/* Takes whole blocks; false: there is no room, they are lost (which the next packet's comment says). */
typedef bool (*pcap_write)(void *ctx, struct slice blocks);

/* wall: what makes ns since 1970 of an event's time. process: its number, so that several may write one file. */
struct event_sink *pcap_new(pcap_write write, void *ctx, int64_t wall, uint32_t process);
void pcap_free(struct event_sink *s);
/* What a file begins with. */
bool pcap_head(struct buf *out);

#endif
