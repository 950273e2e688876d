#include "util/permit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/mem.h"
#include "util/netrule.h"
#include "util/path.h"

/* A program, a folder, a variable or an abstract Unix name, and the next one of its kind. */
struct grant {
    struct grant *next;
    struct netrule rule; /* PERMIT_NET; its name is empty for an abstract one, whose text starts with '@' */
    const char *text;
};

struct permit {
    struct arena arena;
    bool whole[PERMIT_ALL + 1];
    struct grant *grants[PERMIT_ALL];
};

struct permit *permit_new(void)
{
    return mem_zalloc(sizeof(struct permit));
}

void permit_free(struct permit *p)
{
    if (!p) return;
    arena_done(&p->arena);
    mem_free(p);
}

/* Makes a folder of the command line absolute. */
static const char *absolute(struct permit *p, const char *what, const char **ret_text)
{
    char here[PATH_MAX], path[PATH_MAX];
    if (!getcwd(here, sizeof here)) return "the current folder cannot be found";
    int error = path_normal(here, what, path);
    if (error) return error == -ENOENT ? "a folder is missing" : "the path is too long";
    *ret_text = arena_dup(&p->arena, slice_of(path));
    return NULL;
}

static const char *parse_grant(struct permit *p, enum permit_kind kind, const char *what, struct grant *g)
{
    g->text = arena_dup(&p->arena, slice_of(what));
    switch (kind) {
    case PERMIT_RUN: return *what ? NULL : "a program is missing";
    case PERMIT_NET: return *what == '@' ? NULL : netrule_parse(what, &g->rule);
    case PERMIT_READ:
    case PERMIT_WRITE: return absolute(p, what, &g->text);
    case PERMIT_ENV: return *what && !strchr(what, '=') ? NULL : "this is no name of an environment variable";
    case PERMIT_ALL: return "everything cannot be granted in part";
    }
    return NULL;
}

const char *permit_allow(struct permit *p, enum permit_kind kind, const char *what)
{
    if (!what) {
        p->whole[kind] = true;
        return NULL;
    }
    struct grant *g = ARENA_NEW(&p->arena, struct grant);
    const char *wrong = parse_grant(p, kind, what, g);
    if (wrong) return wrong;
    g->next = p->grants[kind];
    p->grants[kind] = g;
    return NULL;
}

static bool is_whole(const struct permit_scope *s, enum permit_kind kind)
{
    return s->permit->whole[kind] || s->permit->whole[PERMIT_ALL];
}

static const char *flag_of(enum permit_kind kind)
{
    switch (kind) {
    case PERMIT_RUN: return "--allow-run";
    case PERMIT_NET: return "--allow-net";
    case PERMIT_READ: return "--allow-read";
    case PERMIT_WRITE: return "--allow-write";
    case PERMIT_ENV: return "--allow-env";
    case PERMIT_ALL: break;
    }
    return "--allow-all";
}

enum { WHAT_SHOWN = 128 }; /* of what was asked for; fits into struct permit_need beside its verb or flag */

/* A value that does not fit, or that the command line would cut at a comma, is left out: half of one would grant
 * something else. */
static int refuse(struct permit_need *need, enum permit_kind kind, const char *verb, const char *what,
                  const char *value)
{
    const char *flag = flag_of(kind);
    if (!need) return -PERMIT_DENIED;
    snprintf(need->what, sizeof need->what, "%s %.*s", verb, WHAT_SHOWN, what);
    const bool fits = strlen(value) <= WHAT_SHOWN && !strchr(value, ',');
    snprintf(need->flag, sizeof need->flag, "%s%s%.*s", flag, fits ? "=" : "", fits ? WHAT_SHOWN : 0, value);
    return -PERMIT_DENIED;
}

/* Files */

/* A folder that something was granted below. */
struct root {
    char folder[PATH_MAX];
    bool anywhere;
};

static bool root_holds(struct root *r, const char *folder, const char *path, bool real)
{
    if (!folder) return false;
    int error = real ? path_real(folder, r->folder) : path_normal("/", folder, r->folder);
    return error == 0 && path_below(r->folder, path);
}

/* Finds what was granted above a path. `real`: the path holds no links, and the folders are compared without theirs. */
static bool find_root(const struct permit_scope *s, enum permit_kind kind, const char *path, bool real,
                      struct root *ret_root)
{
    ret_root->anywhere = is_whole(s, kind);
    if (ret_root->anywhere) {
        memcpy(ret_root->folder, "/", 2);
        return true;
    }
    for (const struct permit_scope *scope = s; scope; scope = scope->shared)
        if (root_holds(ret_root, scope->tmp, path, real)) return true;
    if (kind == PERMIT_READ && root_holds(ret_root, s->folder, path, real)) return true;
    for (const struct grant *g = s->permit->grants[kind]; g; g = g->next)
        if (root_holds(ret_root, g->text, path, real)) return true;
    return false;
}

static int open_beneath(const struct root *r, const char *path, int flags, mode_t mode)
{
    char folder[PATH_MAX];
    const char *below = path_below(r->folder, path);
    memcpy(folder, r->folder, strlen(r->folder) + 1);
    /* What was granted may be a file. */
    if (strcmp(below, ".") == 0 && strcmp(folder, "/") != 0) {
        path_parent(path, folder);
        below = strrchr(path, '/') + 1;
    }
    struct open_how how = {.flags = (uint64_t)(unsigned)flags};
    if (!r->anywhere) how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) how.mode = mode & 0777;
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return -errno;
    long fd;
    int error, tries = 0;
    do {
        fd = syscall(SYS_openat2, at, below, &how, sizeof how);
        error = fd < 0 ? errno : 0;
        /* A rename at the same moment: openat2(2). */
    } while (error == EAGAIN && ++tries < 8);
    close(at);
    return error ? -error : (int)fd;
}

static int refuse_file(struct permit_need *need, enum permit_kind kind, const char *path)
{
    char folder[PATH_MAX];
    path_parent(path, folder);
    const char *value = strcmp(folder, "/") == 0 ? path : folder;
    return refuse(need, kind, kind == PERMIT_READ ? "read" : "write", path, value);
}

static bool is_writing(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
}

static int open_granted(const struct permit_scope *s, const char *path, bool real, int flags, mode_t mode,
                        struct permit_need *ret_need)
{
    struct root reads, writes;
    bool reading = (flags & O_ACCMODE) != O_WRONLY;
    bool writing = is_writing(flags);
    if (reading && !find_root(s, PERMIT_READ, path, real, &reads)) return refuse_file(ret_need, PERMIT_READ, path);
    if (writing && !find_root(s, PERMIT_WRITE, path, real, &writes)) return refuse_file(ret_need, PERMIT_WRITE, path);
    const struct root *root = writing ? &writes : &reads;
    /* Both hold the path, so the longer one is inside the other. */
    if (reading && writing && strlen(reads.folder) > strlen(writes.folder)) root = &reads;
    return open_beneath(root, path, flags, mode);
}

int permit_open(const struct permit_scope *s, const char *path, int flags, mode_t mode, struct permit_need *ret_need)
{
    char normal[PATH_MAX], real[PATH_MAX];
    /* openat2(2) takes little beside O_PATH. */
    flags |= flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY;
    int error = path_normal(s->folder, path, normal);
    if (error) return error;
    int fd = open_granted(s, normal, false, flags, mode, ret_need);
    bool follow = !(flags & O_NOFOLLOW);
    enum permit_kind kind = is_writing(flags) ? PERMIT_WRITE : PERMIT_READ;
    if (fd != -PERMIT_DENIED && fd != -EXDEV) return fd;
    /* A link leads out of the one folder, perhaps into another granted one; or a granted folder was named by a link. */
    struct permit_need need = {0};
    error = follow ? path_real(normal, real) : path_real_parent(normal, real);
    int again = error ? error : open_granted(s, real, true, flags, mode, &need);
    if (again == -EXDEV) again = refuse_file(&need, kind, real);
    if (again == -PERMIT_DENIED && fd != -PERMIT_DENIED && ret_need) *ret_need = need;
    if (error && fd == -EXDEV) return refuse_file(ret_need, kind, normal);
    return error ? fd : again;
}

/* Addresses */

static const char *verb_of(enum permit_use use)
{
    switch (use) {
    case PERMIT_TO_CONNECT: return "connect to";
    case PERMIT_TO_LISTEN: return "listen on";
    case PERMIT_TO_SEND: return "send to";
    }
    return "use";
}

static int check_abstract(const struct permit_scope *s, struct slice name, enum permit_use use,
                          struct permit_need *ret_need)
{
    char text[sizeof(struct sockaddr_un) + 1] = "@", shown[sizeof text + 8];
    if (is_whole(s, PERMIT_NET)) return 0;
    for (const struct grant *g = s->permit->grants[PERMIT_NET]; g; g = g->next)
        if (g->text[0] == '@' && slice_is(name, g->text + 1)) return 0;
    memcpy(text + 1, name.p, name.n);
    snprintf(shown, sizeof shown, "unix://%s", text);
    return refuse(ret_need, PERMIT_NET, verb_of(use), shown, text);
}

/* A socket's path may stand below the scenario's folder, and wherever files may be written. bind(2) does not follow a
 * link in the last part, the others do. */
static int check_socket_path(const struct permit_scope *s, const char *path, enum permit_use use,
                             struct permit_need *ret_need)
{
    char real[PATH_MAX], here[PATH_MAX], folder[PATH_MAX], shown[sizeof(struct sockaddr_un) + 8];
    struct root root;
    int error = use == PERMIT_TO_LISTEN ? path_real_parent(path, real) : path_real(path, real);
    if (error && (!getcwd(here, sizeof here) || path_normal(here, path, real))) return -EINVAL;
    bool allowed = find_root(s, PERMIT_WRITE, real, !error, &root) || root_holds(&root, s->folder, real, !error);
    if (allowed) return error;
    path_parent(real, folder);
    snprintf(shown, sizeof shown, "unix://%s", path);
    return refuse(ret_need, PERMIT_WRITE, verb_of(use), shown, folder);
}

static int check_unix(const struct permit_scope *s, const struct sockaddr *sa, socklen_t len, enum permit_use use,
                      struct permit_need *ret_need)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    char path[sizeof(struct sockaddr_un) + 1] = "";
    if (len < head || len > sizeof(struct sockaddr_un)) return -EINVAL;
    size_t n = len - head;
    /* bind(2) without a name lets the system choose one. */
    if (n == 0) return use == PERMIT_TO_LISTEN ? 0 : -EINVAL;
    memcpy(path, (const char *)sa + head, n);
    if (path[0] == '\0') return check_abstract(s, (struct slice){path + 1, n - 1}, use, ret_need);
    return check_socket_path(s, path, use, ret_need);
}

static int refuse_place(const struct net_place *p, const char *host, enum permit_use use, struct permit_need *ret_need)
{
    char address[NETRULE_TEXT], value[NETRULE_NAME + 8], shown[sizeof value + sizeof address + 4];
    struct netrule literal;
    net_place_show(p, address);
    bool named = host && netrule_is_name(host) && netrule_parse(host, &literal) == NULL && literal.name[0];
    if (!named) return refuse(ret_need, PERMIT_NET, verb_of(use), address, address);
    snprintf(value, sizeof value, p->port ? "%s:%u" : "%s", host, p->port);
    snprintf(shown, sizeof shown, "%s (%s)", value, address);
    return refuse(ret_need, PERMIT_NET, verb_of(use), shown, value);
}

static int check_address(const struct permit_scope *s, const struct sockaddr *sa, socklen_t len, const char *host,
                         enum permit_use use, struct permit_need *ret_need)
{
    struct net_place place;
    if (len >= sizeof sa->sa_family && sa->sa_family == AF_UNIX) return check_unix(s, sa, len, use, ret_need);
    int error = net_place_of(sa, len, &place);
    if (error) return error;
    if (net_place_is_loopback(&place) || is_whole(s, PERMIT_NET)) return 0;
    for (const struct grant *g = s->permit->grants[PERMIT_NET]; g; g = g->next)
        if (g->text[0] != '@' && netrule_allows(&g->rule, &place, host)) return 0;
    return refuse_place(&place, host, use, ret_need);
}

int permit_address(const struct permit_scope *s, const struct sockaddr *sa, socklen_t len, const char *host,
                   enum permit_use use, struct permit_need *ret_need)
{
    return check_address(s, sa, len, host, use, ret_need);
}

int permit_connect(const struct permit_scope *s, int fd, const struct sockaddr *sa, socklen_t len, const char *host,
                   struct permit_need *ret_need)
{
    int error = check_address(s, sa, len, host, PERMIT_TO_CONNECT, ret_need);
    if (error) return error;
    return connect(fd, sa, len) == 0 ? 0 : -errno;
}

int permit_bind(const struct permit_scope *s, int fd, const struct sockaddr *sa, socklen_t len,
                struct permit_need *ret_need)
{
    int error = check_address(s, sa, len, NULL, PERMIT_TO_LISTEN, ret_need);
    if (error) return error;
    return bind(fd, sa, len) == 0 ? 0 : -errno;
}

ssize_t permit_sendto(const struct permit_scope *s, int fd, struct slice data, int flags, const struct sockaddr *sa,
                      socklen_t len, struct permit_need *ret_need)
{
    int error = check_address(s, sa, len, NULL, PERMIT_TO_SEND, ret_need);
    if (error) return error;
    return permit_answer(fd, data, flags, sa, len);
}

ssize_t permit_answer(int fd, struct slice data, int flags, const struct sockaddr *sa, socklen_t len)
{
    ssize_t n = sendto(fd, data.p, data.n, flags | MSG_NOSIGNAL, sa, len);
    return n >= 0 ? n : -errno;
}

/* Programs and variables */

/* 0 if it can be executed. */
static int check_program(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return errno == EACCES ? -EACCES : -ENOENT;
    if (!S_ISREG(st.st_mode)) return -EACCES;
    return access(path, X_OK) == 0 ? 0 : -EACCES;
}

static int keep_path(struct slice folder, const char *program, char *ret_path, size_t size)
{
    char path[PATH_MAX];
    const char *between = folder.n ? "/" : "";
    int n = snprintf(path, sizeof path, "%.*s%s%s", (int)folder.n, folder.p ? folder.p : "", between, program);
    if (n < 0 || (size_t)n >= sizeof path || (size_t)n >= size) return -ENOENT;
    int error = check_program(path);
    if (!error) memcpy(ret_path, path, (size_t)n + 1);
    return error;
}

int permit_which(const char *program, const char *search, char *ret_path, size_t size)
{
    int worst = -ENOENT;
    if (!*program) return -ENOENT;
    if (strchr(program, '/')) return keep_path((struct slice){0}, program, ret_path, size);
    if (!search) search = "/usr/local/bin:/usr/bin:/bin";
    while (*search) {
        struct slice folder = {search, strcspn(search, ":")};
        search += folder.n + (search[folder.n] == ':');
        /* A relative one would mean another program after a change of folder. */
        if (folder.n == 0 || folder.p[0] != '/' || folder.n >= PATH_MAX) continue;
        int error = keep_path(folder, program, ret_path, size);
        if (!error) return 0;
        if (error == -EACCES) worst = error;
    }
    return worst;
}

/* The file that a program is, with links in its folder resolved and its own name kept: a name can be a link to a
 * program that does different things under different names. */
static bool program_file(const char *folder, const char *program, char ret_path[PATH_MAX])
{
    char path[PATH_MAX];
    int error = strchr(program, '/') ? path_normal(folder, program, path)
                                     : permit_which(program, getenv("PATH"), path, sizeof path);
    return error == 0 && path_real_parent(path, ret_path) == 0;
}

int permit_run(const struct permit_scope *s, const char *program, struct permit_need *ret_need)
{
    char here[PATH_MAX], asked[PATH_MAX], granted[PATH_MAX];
    if (is_whole(s, PERMIT_RUN)) return 0;
    for (const struct grant *g = s->permit->grants[PERMIT_RUN]; g; g = g->next)
        if (strcmp(g->text, program) == 0) return 0;
    bool known = getcwd(here, sizeof here) && program_file(s->folder, program, asked);
    for (const struct grant *g = s->permit->grants[PERMIT_RUN]; known && g; g = g->next)
        if (program_file(here, g->text, granted) && strcmp(asked, granted) == 0) return 0;
    return refuse(ret_need, PERMIT_RUN, "run", program, program);
}

int permit_env(const struct permit_scope *s, const char *name, struct permit_need *ret_need)
{
    if (is_whole(s, PERMIT_ENV)) return 0;
    for (const struct grant *g = s->permit->grants[PERMIT_ENV]; g; g = g->next)
        if (strcmp(g->text, name) == 0) return 0;
    return refuse(ret_need, PERMIT_ENV, "read the environment variable", name, name);
}

int permit_exec(const char *path, char *const argv[], char *const envp[])
{
    char found[PATH_MAX];
    if (!strchr(path, '/')) {
        int error = permit_which(path, getenv("PATH"), found, sizeof found);
        if (error) return error;
        path = found;
    }
    execve(path, argv, envp);
    return -errno;
}
