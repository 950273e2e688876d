#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/permit.h"

/* base/scenario  what the scenario stands in; links: out -> ../other, inside -> base/scenario/sub, etc -> /etc
 * base/tmp       links: etc -> /etc, new -> base/other/new, secret -> ../other/secret
 * base/other     secret
 * base/alias     -> other */
static char base[PATH_MAX], scenario[PATH_MAX + 16], tmp[PATH_MAX + 16];
static struct permit *permit;
static struct permit_scope scope;
static struct permit_need need;

static const char *in_base(const char *name)
{
    static char paths[4][2 * PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static void put_file(const char *name, mode_t mode, const char *text)
{
    int fd = open(in_base(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int make(void **state)
{
    (void)state;
    const char *folder = getenv("TMPDIR");
    char given[PATH_MAX];
    snprintf(given, sizeof given, "%s/sockrun-XXXXXX", folder ? folder : "/tmp");
    if (!mkdtemp(given) || !realpath(given, base)) return -1;
    mkdir(in_base("scenario"), 0700);
    mkdir(in_base("scenario/sub"), 0700);
    mkdir(in_base("scenario-2"), 0700);
    mkdir(in_base("tmp"), 0700);
    mkdir(in_base("other"), 0700);
    put_file("scenario/data", 0600, "data");
    put_file("scenario/sub/data", 0600, "sub");
    put_file("scenario-2/data", 0600, "2");
    put_file("other/secret", 0600, "secret");
    put_file("scenario/program", 0700, "#!/bin/sh\n");
    put_file("other/program", 0700, "#!/bin/sh\n");
    int wrong = symlink("../other", in_base("scenario/out")) | symlink("/etc", in_base("scenario/etc")) |
                symlink(in_base("scenario/sub"), in_base("scenario/inside")) | symlink("/etc", in_base("tmp/etc")) |
                symlink(in_base("other/new"), in_base("tmp/new")) | symlink("../other/secret", in_base("tmp/secret")) |
                symlink("other", in_base("alias")) | symlink("loop", in_base("scenario/loop"));
    snprintf(scenario, sizeof scenario, "%s/scenario", base);
    snprintf(tmp, sizeof tmp, "%s/tmp", base);
    permit = permit_new();
    scope = (struct permit_scope){.permit = permit, .folder = scenario, .tmp = tmp};
    need = (struct permit_need){0};
    return wrong;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int clean(void **state)
{
    (void)state;
    permit_free(permit);
    return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int try_open(const char *path, int flags)
{
    need = (struct permit_need){0};
    int fd = permit_open(&scope, path, flags, 0644, &need);
    if (fd < 0) return fd;
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
    return 0;
}

static void assert_opens(const char *path, int flags)
{
    assert_int_equal(try_open(path, flags), 0);
}

static void assert_refused(const char *path, int flags)
{
    assert_int_equal(try_open(path, flags), -PERMIT_DENIED);
    assert_true(need.what[0] && need.flag[0]);
}

static void assert_needs(const char *verb, const char *what, const char *flag, const char *value)
{
    char text[2 * PATH_MAX];
    snprintf(text, sizeof text, "%s %s", verb, what);
    assert_string_equal(need.what, text);
    snprintf(text, sizeof text, "%s=%s", flag, value);
    assert_string_equal(need.flag, text);
}

static void allow(enum permit_kind kind, const char *what)
{
    assert_null(permit_allow(permit, kind, what));
}

static void reading_without_a_grant(void **state)
{
    (void)state;
    assert_opens("data", O_RDONLY);
    assert_opens("./sub/../sub//data", O_RDONLY);
    assert_opens(in_base("scenario/data"), O_RDONLY);
    assert_opens("inside/data", O_RDONLY);
    assert_opens(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(try_open("none", O_RDONLY), -ENOENT);
    assert_int_equal(try_open("", O_RDONLY), -ENOENT);
    assert_int_equal(try_open("loop", O_RDONLY), -ELOOP);
    assert_int_equal(try_open("data/x", O_RDONLY), -ENOTDIR);
}

static void escapes_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"/etc/hosts",
                                        "../other/secret",
                                        "../../../../../../../../../../etc/hosts",
                                        "sub/../../other/secret",
                                        "out/secret",
                                        "etc/hosts",
                                        "etc/none",
                                        "out/none",
                                        "out",
                                        "../scenario-2/data",
                                        "..",
                                        "/",
                                        "/proc/self/root/etc/hosts",
                                        "/dev/fd/0",
                                        "../tmp/etc/hosts",
                                        "../tmp/secret",
                                        "/etc/none/none"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_refused(paths[i], O_RDONLY);
    assert_refused(in_base("tmp/../other/secret"), O_RDONLY);
}

static void needs_name_the_flag(void **state)
{
    (void)state;
    assert_refused("/etc/hosts", O_RDONLY);
    assert_needs("read", "/etc/hosts", "--allow-read", "/etc");
    assert_refused("etc/hosts", O_RDONLY);
    assert_needs("read", "/etc/hosts", "--allow-read", "/etc");
    assert_refused("../other/secret", O_RDONLY);
    assert_needs("read", in_base("other/secret"), "--allow-read", in_base("other"));
    assert_refused("data", O_WRONLY);
    assert_needs("write", in_base("scenario/data"), "--allow-write", scenario);
    assert_refused("/hosts", O_RDONLY);
    assert_needs("read", "/hosts", "--allow-read", "/hosts");
    char path[1000];
    memset(path, 'x', sizeof path - 1);
    memcpy(path, "/xx/", 4);
    path[300] = '/';
    path[sizeof path - 1] = '\0';
    assert_refused(path, O_RDONLY);
    assert_string_equal(need.flag, "--allow-read");
    assert_refused("/a,b/c", O_RDONLY);
    assert_string_equal(need.flag, "--allow-read");
    assert_int_equal(permit_open(&scope, "/etc/hosts", O_RDONLY, 0, NULL), -PERMIT_DENIED);
    assert_int_equal(permit_open(&scope, "etc/hosts", O_RDONLY, 0, NULL), -PERMIT_DENIED);
}

static void writing_without_a_grant(void **state)
{
    (void)state;
    assert_opens(in_base("tmp/a"), O_WRONLY | O_CREAT | O_EXCL);
    assert_opens(in_base("tmp/a"), O_RDWR | O_APPEND);
    assert_opens("../tmp/b", O_RDONLY | O_CREAT);
    assert_opens(tmp, O_RDWR | O_TMPFILE);
    assert_refused("data", O_WRONLY);
    assert_refused("data", O_RDWR);
    assert_refused("data", O_RDONLY | O_TRUNC);
    assert_refused("fresh", O_RDONLY | O_CREAT);
    assert_refused(scenario, O_RDWR | O_TMPFILE);
    assert_int_equal(access(in_base("scenario/fresh"), F_OK), -1);
    scope.tmp = NULL;
    assert_refused(in_base("tmp/c"), O_WRONLY | O_CREAT);
}

static void links_do_not_write_outside(void **state)
{
    (void)state;
    assert_refused(in_base("tmp/etc/sockrun-test"), O_WRONLY | O_CREAT);
    assert_refused(in_base("tmp/new"), O_WRONLY | O_CREAT);
    assert_int_equal(access(in_base("other/new"), F_OK), -1);
    assert_refused(in_base("tmp/secret"), O_WRONLY | O_TRUNC);
    assert_needs("write", in_base("other/secret"), "--allow-write", in_base("other"));
    struct stat st;
    assert_int_equal(stat(in_base("other/secret"), &st), 0);
    assert_int_equal(st.st_size, 6);
    assert_int_equal(try_open(in_base("tmp/new"), O_WRONLY | O_CREAT | O_NOFOLLOW), -ELOOP);
}

static void modes_have_no_special_bits(void **state)
{
    (void)state;
    struct stat st;
    int fd = permit_open(&scope, in_base("tmp/x"), O_WRONLY | O_CREAT, 07755, &need);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07000, 0);
    close(fd);
}

static void granted_folders(void **state)
{
    (void)state;
    allow(PERMIT_READ, in_base("other"));
    assert_opens("../other/secret", O_RDONLY);
    assert_opens("out/secret", O_RDONLY);
    assert_opens(in_base("alias/secret"), O_RDONLY);
    assert_refused("out/secret", O_WRONLY);
    assert_refused("out/secret", O_RDWR);
    assert_string_equal(strchr(need.flag, '-'), need.flag);
    assert_int_equal(strncmp(need.flag, "--allow-write=", 14), 0);
    allow(PERMIT_WRITE, in_base("other"));
    assert_opens("out/secret", O_RDWR);
    assert_opens(in_base("tmp/secret"), O_WRONLY);
    assert_refused("../scenario-2/data", O_RDONLY);
    assert_refused("data", O_WRONLY);
}

static void a_grant_to_write_is_none_to_read(void **state)
{
    (void)state;
    allow(PERMIT_WRITE, in_base("other"));
    assert_opens("../other/fresh", O_WRONLY | O_CREAT);
    assert_refused("../other/fresh", O_RDONLY);
    assert_refused("../other/fresh", O_RDWR);
    allow(PERMIT_WRITE, scenario);
    assert_opens("data", O_RDWR);
    /* The link stays within what may be written and leaves what may be read. */
    allow(PERMIT_WRITE, base);
    assert_refused("out/secret", O_RDWR);
    assert_opens("out/secret", O_WRONLY);
}

static void grants_by_link_and_of_files(void **state)
{
    (void)state;
    allow(PERMIT_READ, in_base("alias"));
    assert_opens("../other/secret", O_RDONLY);
    assert_opens("../alias/secret", O_RDONLY);
    assert_refused("../scenario-2/data", O_RDONLY);
    allow(PERMIT_READ, in_base("scenario-2/data"));
    assert_opens("../scenario-2/data", O_RDONLY);
    assert_refused("../scenario-2", O_RDONLY);
    assert_refused("../scenario-2/other", O_RDONLY);
}

static void no_magic_links(void **state)
{
    (void)state;
    int fd = open(in_base("other/secret"), O_RDONLY);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    allow(PERMIT_READ, "/proc");
    assert_true(try_open(path, O_RDONLY) < 0);
    assert_true(try_open("/proc/self/root/etc/hosts", O_RDONLY) < 0);
    assert_true(try_open("/proc/self/cwd/x", O_RDONLY) < 0);
    close(fd);
}

static void everything(void **state)
{
    (void)state;
    allow(PERMIT_READ, NULL);
    assert_opens("etc/passwd", O_RDONLY);
    assert_opens("/", O_RDONLY);
    assert_opens("out/secret", O_RDONLY);
    assert_refused("out/secret", O_RDWR);
    assert_opens(in_base("tmp/x"), O_RDWR | O_CREAT);
    assert_refused(in_base("tmp/secret"), O_RDWR);
    allow(PERMIT_ALL, NULL);
    assert_opens(in_base("tmp/secret"), O_RDWR);
    assert_opens(in_base("tmp/new"), O_RDWR | O_CREAT);
}

/* Addresses */

static struct sockaddr_storage address;

static socklen_t inet_address(const char *host, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(&address, &in, sizeof in);
        return sizeof in;
    }
    assert_int_equal(inet_pton(AF_INET6, host, &in6.sin6_addr), 1);
    memcpy(&address, &in6, sizeof in6);
    return sizeof in6;
}

static int try_address(const char *host, uint16_t port, const char *name, bool listening)
{
    socklen_t len = inet_address(host, port);
    need = (struct permit_need){0};
    return permit_address(&scope, (struct sockaddr *)&address, len, name,
                          listening ? PERMIT_TO_LISTEN : PERMIT_TO_CONNECT, &need);
}

static void only_loopback_without_a_grant(void **state)
{
    (void)state;
    static const char *const yes[] = {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"};
    static const char *const no[] = {"0.0.0.0",        "::",          "192.0.2.1", "255.255.255.255",
                                     "224.0.0.1",      "ff02::1",     "ff01::1",   "::ffff:192.0.2.1",
                                     "::ffff:0.0.0.0", "::127.0.0.1", "fe80::1",   "64:ff9b::7f00:1"};
    for (int listening = 0; listening < 2; listening++) {
        for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
            assert_int_equal(try_address(yes[i], 80, NULL, listening), 0);
        for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
            assert_int_equal(try_address(no[i], 80, "localhost", listening), -PERMIT_DENIED);
    }
}

static void network_needs(void **state)
{
    (void)state;
    try_address("192.0.2.1", 80, NULL, false);
    assert_needs("connect to", "192.0.2.1:80", "--allow-net", "192.0.2.1:80");
    try_address("192.0.2.1", 80, "192.0.2.1", false);
    assert_needs("connect to", "192.0.2.1:80", "--allow-net", "192.0.2.1:80");
    try_address("2001:db8::1", 80, "2001:db8::1", false);
    assert_needs("connect to", "[2001:db8::1]:80", "--allow-net", "[2001:db8::1]:80");
    try_address("192.0.2.1", 443, "example.test", false);
    assert_needs("connect to", "example.test:443 (192.0.2.1:443)", "--allow-net", "example.test:443");
    try_address("0.0.0.0", 0, NULL, true);
    assert_needs("listen on", "0.0.0.0", "--allow-net", "0.0.0.0");
    try_address("192.0.2.1", 80, "x\x1b[31m --allow-all", false);
    assert_needs("connect to", "192.0.2.1:80", "--allow-net", "192.0.2.1:80");
    char name[300];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    try_address("192.0.2.1", 80, name, false);
    assert_needs("connect to", "192.0.2.1:80", "--allow-net", "192.0.2.1:80");
    name[250] = '\0';
    try_address("192.0.2.1", 80, name, false);
    assert_string_equal(need.flag, "--allow-net");
}

static void network_grants(void **state)
{
    (void)state;
    allow(PERMIT_NET, "192.0.2.1:80");
    allow(PERMIT_NET, "10.0.0.0/8");
    allow(PERMIT_NET, "example.test:443");
    allow(PERMIT_NET, "[2001:db8::1]:80");
    allow(PERMIT_NET, "0.0.0.0:8080");
    assert_int_equal(try_address("192.0.2.1", 80, NULL, false), 0);
    assert_int_equal(try_address("::ffff:192.0.2.1", 80, NULL, false), 0);
    assert_int_equal(try_address("192.0.2.1", 81, NULL, false), -PERMIT_DENIED);
    assert_int_equal(try_address("10.9.8.7", 1, NULL, true), 0);
    assert_int_equal(try_address("198.51.100.1", 443, "example.test", false), 0);
    assert_int_equal(try_address("198.51.100.1", 443, NULL, false), -PERMIT_DENIED);
    assert_int_equal(try_address("198.51.100.1", 443, "other.test", false), -PERMIT_DENIED);
    assert_int_equal(try_address("2001:db8::1", 80, NULL, false), 0);
    assert_int_equal(try_address("0.0.0.0", 8080, NULL, true), 0);
    assert_int_equal(try_address("0.0.0.0", 8081, NULL, true), -PERMIT_DENIED);
    assert_int_equal(try_address("::", 8080, NULL, true), -PERMIT_DENIED);
    allow(PERMIT_NET, NULL);
    assert_int_equal(try_address("::", 8080, NULL, true), 0);
    assert_int_equal(try_address("224.0.0.1", 1, NULL, false), 0);
}

static void families_and_lengths(void **state)
{
    (void)state;
    struct sockaddr *sa = (struct sockaddr *)&address;
    socklen_t len = inet_address("127.0.0.1", 80);
    allow(PERMIT_ALL, NULL);
    assert_int_equal(permit_address(&scope, sa, 0, NULL, PERMIT_TO_CONNECT, &need), -EINVAL);
    assert_int_equal(permit_address(&scope, sa, 1, NULL, PERMIT_TO_CONNECT, &need), -EINVAL);
    assert_int_equal(permit_address(&scope, sa, len - 1, NULL, PERMIT_TO_CONNECT, &need), -EINVAL);
    sa->sa_family = AF_UNSPEC;
    assert_int_equal(permit_address(&scope, sa, len, NULL, PERMIT_TO_CONNECT, &need), -EAFNOSUPPORT);
    sa->sa_family = AF_NETLINK;
    assert_int_equal(permit_address(&scope, sa, sizeof address, NULL, PERMIT_TO_LISTEN, &need), -EAFNOSUPPORT);
}

static void sockets_are_used_or_not(void **state)
{
    (void)state;
    struct sockaddr *sa = (struct sockaddr *)&address;
    int a = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), b = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(a >= 0 && b >= 0);
    socklen_t len = inet_address("0.0.0.0", 0);
    assert_int_equal(permit_bind(&scope, a, sa, len, &need), -PERMIT_DENIED);
    len = inet_address("127.0.0.1", 0);
    assert_int_equal(permit_bind(&scope, a, sa, len, &need), 0);
    assert_int_equal(getsockname(a, sa, &len), 0);
    assert_int_equal(permit_sendto(&scope, b, SLICE("hello"), 0, sa, len, &need), 5);
    assert_int_equal(permit_connect(&scope, b, sa, len, NULL, &need), 0);
    char got[8];
    assert_int_equal(recv(a, got, sizeof got, 0), 5);
    assert_int_equal(permit_bind(&scope, a, sa, len, &need), -EINVAL);
    len = inet_address("192.0.2.1", 9);
    assert_int_equal(permit_sendto(&scope, b, SLICE("hello"), 0, sa, len, &need), -PERMIT_DENIED);
    assert_needs("send to", "192.0.2.1:9", "--allow-net", "192.0.2.1:9");
    assert_int_equal(permit_connect(&scope, b, sa, len, NULL, &need), -PERMIT_DENIED);
    sa->sa_family = AF_UNSPEC;
    assert_int_equal(permit_sendto(&scope, b, SLICE("hello"), 0, sa, len, &need), -EAFNOSUPPORT);
    close(a);
    close(b);
}

static socklen_t unix_address(struct slice path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    assert_true(path.n <= sizeof un.sun_path);
    memcpy(un.sun_path, path.p, path.n);
    memcpy(&address, &un, sizeof un);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
}

static int try_unix(struct slice path, bool listening)
{
    socklen_t len = unix_address(path);
    need = (struct permit_need){0};
    return permit_address(&scope, (struct sockaddr *)&address, len, NULL, listening, &need);
}

static int try_unix_in_base(const char *name, bool listening)
{
    return try_unix(slice_of(in_base(name)), listening);
}

static void unix_paths(void **state)
{
    (void)state;
    for (int listening = 0; listening < 2; listening++) {
        assert_int_equal(try_unix_in_base("tmp/s", listening), 0);
        assert_int_equal(try_unix_in_base("scenario/s", listening), 0);
        assert_int_equal(try_unix_in_base("scenario/inside/s", listening), 0);
        assert_int_equal(try_unix_in_base("scenario/none/s", listening), -ENOENT);
        assert_int_equal(try_unix_in_base("other/s", listening), -PERMIT_DENIED);
        assert_int_equal(try_unix_in_base("scenario-2/s", listening), -PERMIT_DENIED);
        assert_int_equal(try_unix_in_base("scenario/../other/s", listening), -PERMIT_DENIED);
        assert_int_equal(try_unix_in_base("scenario/out/s", listening), -PERMIT_DENIED);
        assert_int_equal(try_unix_in_base("tmp/etc/s", listening), -PERMIT_DENIED);
        assert_int_equal(try_unix_in_base("tmp/etc/../s", listening), -PERMIT_DENIED);
        assert_int_equal(try_unix_in_base("other/none/s", listening), -PERMIT_DENIED);
        assert_int_equal(try_unix(SLICE("s"), listening), -PERMIT_DENIED);
        assert_int_equal(try_unix(SLICE("/run/x\0/../y"), listening), -PERMIT_DENIED);
    }
    /* connect(2) follows a link in the last part, bind(2) does not. */
    assert_int_equal(try_unix_in_base("tmp/secret", false), -PERMIT_DENIED);
    assert_int_equal(try_unix_in_base("tmp/secret", true), 0);
    try_unix(SLICE("/run/x"), false);
    assert_needs("connect to", "unix:///run/x", "--allow-write", "/run");
    allow(PERMIT_NET, NULL);
    assert_int_equal(try_unix_in_base("other/s", true), -PERMIT_DENIED);
    allow(PERMIT_WRITE, in_base("alias"));
    assert_int_equal(try_unix_in_base("other/s", true), 0);
    assert_int_equal(try_unix_in_base("scenario/out/s", false), 0);
    allow(PERMIT_ALL, NULL);
    assert_int_equal(try_unix(SLICE("/run/x"), false), 0);
}

static void unix_paths_without_an_end(void **state)
{
    (void)state;
    char path[108];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    assert_int_equal(try_unix((struct slice){path, sizeof path}, true), -PERMIT_DENIED);
    assert_int_equal(try_unix((struct slice){"", 0}, true), 0);
    assert_int_equal(try_unix((struct slice){"", 0}, false), -EINVAL);
    unix_address(SLICE("/x"));
    assert_int_equal(permit_address(&scope, (struct sockaddr *)&address, sizeof address, NULL, true, &need), -EINVAL);
}

static void abstract_names(void **state)
{
    (void)state;
    assert_int_equal(try_unix(SLICE("\0name"), true), -PERMIT_DENIED);
    assert_needs("listen on", "unix://@name", "--allow-net", "@name");
    char name[108] = {0};
    memset(name + 1, 'n', sizeof name - 1);
    assert_int_equal(try_unix((struct slice){name, sizeof name}, false), -PERMIT_DENIED);
    allow(PERMIT_NET, "@name");
    assert_int_equal(try_unix(SLICE("\0name"), true), 0);
    assert_int_equal(try_unix(SLICE("\0name\0"), true), -PERMIT_DENIED);
    assert_int_equal(try_unix(SLICE("\0nam"), false), -PERMIT_DENIED);
    assert_int_equal(try_address("0.0.0.0", 1, NULL, false), -PERMIT_DENIED);
    allow(PERMIT_NET, NULL);
    assert_int_equal(try_unix(SLICE("\0other"), true), 0);
}

/* Programs and variables */

static void programs(void **state)
{
    (void)state;
    assert_int_equal(permit_run(&scope, "redis-server", &need), -PERMIT_DENIED);
    assert_needs("run", "redis-server", "--allow-run", "redis-server");
    allow(PERMIT_RUN, "redis-server");
    assert_int_equal(permit_run(&scope, "redis-server", &need), 0);
    assert_int_equal(permit_run(&scope, "./redis-server", &need), -PERMIT_DENIED);
    assert_int_equal(permit_run(&scope, "redis-server-2", &need), -PERMIT_DENIED);
    assert_int_equal(permit_run(&scope, "", &need), -PERMIT_DENIED);
    allow(PERMIT_RUN, NULL);
    assert_int_equal(permit_run(&scope, "anything", &need), 0);
}

static void programs_by_their_file(void **state)
{
    (void)state;
    char sh[PATH_MAX];
    assert_int_equal(permit_which("sh", getenv("PATH"), sh, sizeof sh), 0);
    allow(PERMIT_RUN, "sh");
    allow(PERMIT_RUN, in_base("scenario/program"));
    assert_int_equal(permit_run(&scope, sh, &need), 0);
    assert_int_equal(permit_run(&scope, "./program", &need), 0);
    assert_int_equal(permit_run(&scope, "sub/../program", &need), 0);
    assert_int_equal(permit_run(&scope, "out/program", &need), -PERMIT_DENIED);
    assert_int_equal(permit_run(&scope, "program", &need), -PERMIT_DENIED);
    assert_int_equal(symlink(sh, in_base("tmp/evil")), 0);
    assert_int_equal(permit_run(&scope, in_base("tmp/evil"), &need), -PERMIT_DENIED);
    assert_int_equal(permit_run(&scope, in_base("tmp/sh"), &need), -PERMIT_DENIED);
}

static void variables(void **state)
{
    (void)state;
    assert_int_equal(permit_env(&scope, "HOME", &need), -PERMIT_DENIED);
    assert_needs("read the environment variable", "HOME", "--allow-env", "HOME");
    allow(PERMIT_ENV, "HOME");
    assert_int_equal(permit_env(&scope, "HOME", &need), 0);
    assert_int_equal(permit_env(&scope, "HOM", &need), -PERMIT_DENIED);
    allow(PERMIT_ENV, NULL);
    assert_int_equal(permit_env(&scope, "PATH", &need), 0);
}

static void wrong_grants(void **state)
{
    (void)state;
    assert_non_null(permit_allow(permit, PERMIT_RUN, ""));
    assert_non_null(permit_allow(permit, PERMIT_NET, ""));
    assert_non_null(permit_allow(permit, PERMIT_NET, "a b"));
    assert_non_null(permit_allow(permit, PERMIT_READ, ""));
    assert_non_null(permit_allow(permit, PERMIT_WRITE, ""));
    assert_non_null(permit_allow(permit, PERMIT_ENV, ""));
    assert_non_null(permit_allow(permit, PERMIT_ENV, "A=B"));
    assert_non_null(permit_allow(permit, PERMIT_ALL, "x"));
    assert_refused("/etc/hosts", O_RDONLY);
    assert_int_equal(permit_run(&scope, "", &need), -PERMIT_DENIED);
    assert_int_equal(permit_env(&scope, "", &need), -PERMIT_DENIED);
    assert_int_equal(try_address("192.0.2.1", 1, NULL, false), -PERMIT_DENIED);
}

static void which(void **state)
{
    (void)state;
    char search[5 * PATH_MAX], got[PATH_MAX] = "kept";
    put_file("other/plain", 0600, "x");
    snprintf(search, sizeof search, ":.:%s:%s:", in_base("none"), in_base("other"));
    assert_int_equal(permit_which("plain", search, got, sizeof got), -EACCES);
    assert_int_equal(permit_which("absent", search, got, sizeof got), -ENOENT);
    assert_int_equal(permit_which("", search, got, sizeof got), -ENOENT);
    assert_int_equal(permit_which("program", search, got, 5), -ENOENT);
    assert_int_equal(permit_which(in_base("other"), search, got, sizeof got), -EACCES);
    assert_string_equal(got, "kept");
    assert_int_equal(permit_which("program", search, got, sizeof got), 0);
    assert_string_equal(got, in_base("other/program"));
    assert_int_equal(permit_which(in_base("scenario/program"), "", got, sizeof got), 0);
    assert_string_equal(got, in_base("scenario/program"));
    assert_int_equal(permit_which("sh", NULL, got, sizeof got), 0);
}

static void which_passes_over_relative_folders(void **state)
{
    (void)state;
    char got[PATH_MAX];
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(scenario), 0);
    int empty = permit_which("program", "::", got, sizeof got);
    int dot = permit_which("program", ".:./:../other", got, sizeof got);
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_int_equal(empty, -ENOENT);
    assert_int_equal(dot, -ENOENT);
}

static int exec_in_child(const char *program)
{
    char name[] = "sh", option[] = "-c", script[] = "exit 7";
    char *argv[] = {name, option, script, NULL}, *envp[] = {NULL};
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(permit_exec(program, argv, envp) == -ENOENT ? 8 : 9);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void exec(void **state)
{
    (void)state;
    assert_int_equal(exec_in_child("sh"), 7);
    assert_int_equal(exec_in_child("/bin/sh"), 7);
    assert_int_equal(exec_in_child("/none/sh"), 8);
    assert_int_equal(exec_in_child("sockrun-no-such-program"), 8);
    assert_int_equal(exec_in_child(in_base("other/secret")), 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reading_without_a_grant),
        TEST(escapes_are_refused),
        TEST(needs_name_the_flag),
        TEST(writing_without_a_grant),
        TEST(links_do_not_write_outside),
        TEST(modes_have_no_special_bits),
        TEST(granted_folders),
        TEST(a_grant_to_write_is_none_to_read),
        TEST(grants_by_link_and_of_files),
        TEST(no_magic_links),
        TEST(everything),
        TEST(only_loopback_without_a_grant),
        TEST(network_needs),
        TEST(network_grants),
        TEST(families_and_lengths),
        TEST(sockets_are_used_or_not),
        TEST(unix_paths),
        TEST(unix_paths_without_an_end),
        TEST(abstract_names),
        TEST(programs),
        TEST(programs_by_their_file),
        TEST(variables),
        TEST(wrong_grants),
        TEST(which),
        TEST(which_passes_over_relative_folders),
        TEST(exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
