#ifndef UTIL_PERMIT_H
#define UTIL_PERMIT_H

/* Permissions: the only room that opens files for a scenario, connects, binds, sends to an address or executes. What a
 * scenario may do is granted on the command line and nowhere else. Without a grant: loopback addresses, Unix sockets
 * and files below the scenario's folder or the case's temporary folder, reading everywhere below those, writing only
 * below the temporary one. A grant to write is none to read. The very address that was checked is the one that is used.
 *
 * Every function here returns a descriptor or 0, or -errno. A refusal is -PERMIT_DENIED, and fills struct permit_need
 * with what was asked and the flag that would grant it. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "util/slice.h"

enum { PERMIT_DENIED = 100000 }; /* no errno has this value */

enum permit_kind { PERMIT_RUN, PERMIT_NET, PERMIT_READ, PERMIT_WRITE, PERMIT_ENV, PERMIT_ALL };

/* The grants of the command line. Immutable once options are parsed. */
struct permit;

struct permit *permit_new(void);
void permit_free(struct permit *p);
/* Grants one thing: a program name or path, HOST[:PORT] (a literal address, one with a prefix length, or a name
 * compared with the one in the scenario) or @NAME of an abstract Unix socket, a folder or file, a variable's name; NULL
 * grants the kind as a whole. NULL or a phrase that says what is wrong. */
const char *permit_allow(struct permit *p, enum permit_kind kind, const char *what);

/* What one file's child may do: the grants and its two folders. tmp may be NULL until a case has one. */
struct permit_scope {
    const struct permit *permit;
    const char *folder;                /* absolute */
    const char *tmp;                   /* absolute, or NULL */
    const struct permit_scope *shared; /* whose tmp is its own too; NULL: none */
};

struct permit_need {
    char what[160]; /* "connect to 192.0.2.1:80" */
    char flag[160]; /* "--allow-net=192.0.2.1:80" */
};

/* Opens below the granted folders by openat2(2) with RESOLVE_BENEATH, so that no link leads out. path is absolute or
 * relative to the scenario's folder; flags are open(2)'s, O_CLOEXEC is added. */
int permit_open(const struct permit_scope *s, const char *path, int flags, mode_t mode, struct permit_need *ret_need);
/* connect(2), once the address is allowed. host is the name as written, for grants by name, or NULL. */
int permit_connect(const struct permit_scope *s, int fd, const struct sockaddr *sa, socklen_t len, const char *host,
                   struct permit_need *ret_need);
/* bind(2). Wildcard addresses and multicast need a grant of net. */
int permit_bind(const struct permit_scope *s, int fd, const struct sockaddr *sa, socklen_t len,
                struct permit_need *ret_need);
/* sendto(2) with flags; returns the bytes sent. */
ssize_t permit_sendto(const struct permit_scope *s, int fd, struct slice data, int flags, const struct sockaddr *sa,
                      socklen_t len, struct permit_need *ret_need);
/* The same to an address that was allowed before, or that sent us something: an answer needs no grant, as it needs none
 * on a connection that was accepted. */
ssize_t permit_answer(int fd, struct slice data, int flags, const struct sockaddr *sa, socklen_t len);
enum permit_use { PERMIT_TO_CONNECT, PERMIT_TO_LISTEN, PERMIT_TO_SEND };
/* May the address be used at all? 0 or -PERMIT_DENIED, or -errno for what is no address, or a Unix path that leads
 * nowhere. For checks before a socket exists. */
int permit_address(const struct permit_scope *s, const struct sockaddr *sa, socklen_t len, const char *host,
                   enum permit_use use, struct permit_need *ret_need);
/* May this program be run? Compares the name as written, and the path that it resolves to. */
int permit_run(const struct permit_scope *s, const char *program, struct permit_need *ret_need);
/* May the environment variable be read? */
int permit_env(const struct permit_scope *s, const char *name, struct permit_need *ret_need);
/* execve(2) of what permit_run allowed, in a forked child: file is searched in PATH of envp's caller as execvp(3) does.
 * Returns only on failure, -errno. Async-signal-safe apart from the search. */
int permit_exec(const char *path, char *const argv[], char *const envp[]);
/* The path that `program` names: itself if it holds a slash, else the first executable on PATH. 0 or -ENOENT, -EACCES.
 */
int permit_which(const char *program, const char *search, char *ret_path, size_t size);

#endif
