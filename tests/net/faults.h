#ifndef TESTS_NET_FAULTS_H
#define TESTS_NET_FAULTS_H

/* System calls that do what they rarely do: link with faults.c and the -Wl,--wrap options of faults.cmake. What is
 * injected is always something that the system might have done. After a short count or an EAGAIN that was not true the
 * descriptor is armed again in its epoll, so that the edge comes that the caller now waits for.
 *
 * A plan is a list of items, separated by commas:
 *
 *     seed=7        begins the sequence of random numbers (1 if absent)
 *     short=30      percent of recv, send, read and write that take or give fewer bytes; of epoll_wait, fewer events
 *     eintr=20      percent of calls that are interrupted
 *     eagain=10     percent of calls on non-blocking descriptors that an epoll watches
 *     emfile=5      percent of accept4 and socket
 *     enobufs=5     percent of send and sendto
 *     accept4@3=emfile   the third call of that kind; one of the faults above, again for as many items as wanted
 *
 * Calls: recv send read write accept4 socket connect epoll_wait recvmsg sendto. The environment variable
 * SOCKRUN_TEST_FAULTS is read as a plan when the program starts; one that cannot be read ends it. */

#include <stdbool.h>
#include <stdint.h>

enum fault_call {
    FAULT_RECV,
    FAULT_SEND,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_ACCEPT4,
    FAULT_SOCKET,
    FAULT_CONNECT,
    FAULT_EPOLL_WAIT,
    FAULT_RECVMSG,
    FAULT_SENDTO,
    FAULT_CALLS,
};

/* Replaces the plan, counters begin again. NULL or "": none. False if the plan cannot be read; there is none then. */
bool faults_plan(const char *plan);
/* How many calls of this kind there were, and how many of all calls got a fault, since faults_plan. */
uint64_t faults_calls(enum fault_call call);
uint64_t faults_injected(void);

#endif
