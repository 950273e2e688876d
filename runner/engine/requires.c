#include "engine/requires.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/process.h"
#include "net/sock.h"
#include "util/clock.h"
#include "util/units.h"

enum { COMMAND_MS = 10000, PATH_SIZE = 4096, OUTPUT = 4096 };

static bool has_ipv6(const struct permit_scope *permit)
{
    struct addr a = {.len = sizeof a.in6, .in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
    struct permit_need need;
    const int fd = sock_listen(permit, &a, SOCK_STREAM, 1, NULL, &need);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

/* What the command prints is of no interest, but a full pipe must not stop it. */
static bool ends_well(struct process *p)
{
    const int64_t until = clock_now() + COMMAND_MS * NS_PER_MS;
    char ignored[OUTPUT];
    while (!process_ended(p)) {
        const int64_t left = (until - clock_now()) / NS_PER_MS;
        struct pollfd fds[] = {{p->pidfd, POLLIN, 0}, {p->out, POLLIN, 0}, {p->err, POLLIN, 0}};
        if (left <= 0 || poll(fds, 3, (int)left) < 0) return false;
        for (int i = 1; i < 3; i++) {
            int *fd = i == 1 ? &p->out : &p->err;
            if (!fds[i].revents || sock_read(*fd, ignored, sizeof ignored) != 0) continue;
            close(*fd);
            *fd = -1;
        }
    }
    return WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0;
}

static const char *command_fails(const struct node *list, const struct permit_scope *permit, struct arena *a)
{
    struct permit_need need;
    char path[PATH_SIZE];
    if (list->kind != NODE_LIST || !list->n) return NULL;
    const char *program = list->items[0]->text.p;
    if (permit_run(permit, program, &need) < 0)
        return arena_printf(a, "needs to run `%s`; allow it with %s", program, need.flag);
    if (permit_which(program, getenv("PATH"), path, sizeof path) < 0)
        return arena_printf(a, "needs program %s", program);
    char **argv = arena_array(a, list->n + 1, sizeof *argv);
    for (uint32_t i = 0; i < list->n; i++)
        argv[i] = arena_dup(a, list->items[i]->text);
    const struct process_options o = {.path = path, .argv = argv, .envp = environ, .cwd = permit->folder};
    struct process p = {0};
    const char *where;
    bool good = false;
    if (process_start(&p, &o, &where) == 0) {
        good = ends_well(&p);
        process_done(&p);
    }
    return good ? NULL : arena_printf(a, "needs that `%s` ends with code 0", program);
}

static const char *one_missing(const struct node *n, const struct permit_scope *permit, struct arena *a)
{
    char path[PATH_SIZE];
    if (node_is(n, "ipv6")) return has_ipv6(permit) ? NULL : "needs IPv6";
    if (node_is(n, "root")) return geteuid() == 0 ? NULL : "needs root";
    if (n->kind != NODE_MAP) return NULL;
    const struct node *program = node_get(n, "program");
    if (program && permit_which(program->text.p, getenv("PATH"), path, sizeof path) < 0)
        return arena_printf(a, "needs program %s", program->text.p);
    const struct node *command = node_get(n, "command");
    return command ? command_fails(command, permit, a) : NULL;
}

const char *requires_missing(const struct node *list, const struct permit_scope *permit, struct arena *a)
{
    for (uint32_t i = 0; list && i < list->n; i++) {
        const char *why = one_missing(list->items[i], permit, a);
        if (why) return why;
    }
    return NULL;
}
