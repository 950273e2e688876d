/* bench_measure SOCKRUN FOLDER [NAME...]: measures sockrun against plain C programs that do the same (they are in
 * FOLDER), both in this run, so that the ratios mean something on any machine. Says what was aimed at, and judges
 * nothing: a machine that is busy is no failure. */

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

static const char *sockrun;  /* the program */
static const char *programs; /* the folder of the plain ones */
static char tmp[] = "/tmp/sockrun-bench-XXXXXX";

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void write_file(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void write_file(const char *name, const char *format, ...)
{
    char path[4096];
    va_list ap;
    snprintf(path, sizeof path, "%s/%s", tmp, name);
    FILE *f = fopen(path, "w");
    if (!f) die(path);
    va_start(ap, format);
    vfprintf(f, format, ap);
    va_end(ap);
    if (fclose(f) != 0) die(path);
}

static struct measured run_scenario(const char *name, int runs)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", tmp, name);
    const char *const argv[] = {sockrun, "-q", "-j", "2", "--allow-run", path, NULL};
    return process_best(argv, runs);
}

static void write_hello(const char *name)
{
    write_file(name, "sockrun: 1\n"
                     "name: an echo server answers with what it was sent\n"
                     "actors:\n"
                     "  server:\n"
                     "    listen: tcp://127.0.0.1:0\n"
                     "    steps:\n"
                     "      - expect: \"hello\\r\\n\"\n"
                     "      - expect_socket: {state: established}\n"
                     "      - send: \"HELLO\\r\\n\"\n"
                     "      - expect_close\n"
                     "  client:\n"
                     "    connect: ${server}\n"
                     "    steps:\n"
                     "      - send: \"hello\\r\\n\"\n"
                     "      - expect: \"HELLO\\r\\n\"\n"
                     "      - close\n");
}

/* Ping-pong */

enum { FEW = 5000, MANY = 105000, TRIES = 5 };

static void write_pingpong(const char *name, const char *scheme, int rounds)
{
    const char *message = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    write_file(name,
               "sockrun: 1\n"
               "name: ping-pong\n"
               "timeout: 5m\n"
               "actors:\n"
               "  server:\n"
               "    listen: %s://127.0.0.1:0\n"
               "    steps:\n"
               "      - repeat: %d\n"
               "        steps:\n"
               "          - expect: \"%s\"\n"
               "          - send: \"%s\"\n"
               "  client:\n"
               "    connect: ${server}\n"
               "    steps:\n"
               "      - repeat: %d\n"
               "        steps:\n"
               "          - send: \"%s\"\n"
               "          - expect: \"%s\"\n",
               scheme, rounds, message, message, rounds, message, message);
}

static double bare_pingpong(const char *name, int rounds)
{
    char program[4096], n[16];
    snprintf(program, sizeof program, "%s/%s", programs, name);
    snprintf(n, sizeof n, "%d", rounds);
    const char *const argv[] = {program, n, NULL};
    return process_measure(argv).seconds;
}

struct ratio {
    double bare, ours; /* round trips in a second, the best of TRIES */
};

/* The start of the process does not count: what more rounds cost does. */
static struct ratio compare_pingpong(const char *bare, const char *few, const char *many)
{
    struct ratio best = {0, 0};
    for (int i = 0; i < TRIES; i++) {
        double b = (MANY - FEW) / (bare_pingpong(bare, MANY) - bare_pingpong(bare, FEW));
        double o = (MANY - FEW) / (run_scenario(many, 1).seconds - run_scenario(few, 1).seconds);
        if (b > best.bare) best.bare = b;
        if (o > best.ours) best.ours = o;
    }
    return best;
}

static void tell_pingpong(const char *what, struct ratio r, const char *aim)
{
    printf("64-byte ping-pong %s, best of %d\n", what, TRIES);
    printf("  plain epoll program  %8.0f round trips/s\n", r.bare);
    printf("  sockrun              %8.0f round trips/s\n", r.ours);
    printf("  ratio                %8.2f            (aim: at least %s)\n", r.ours / r.bare, aim);
}

static void measure_pingpong(void)
{
    write_pingpong("few.yaml", "tcp", FEW);
    write_pingpong("many.yaml", "tcp", MANY);
    const struct ratio r = compare_pingpong("bench_pingpong", "few.yaml", "many.yaml");
    tell_pingpong("on one TCP connection, both ends in one process", r, "1.05");
}

static void measure_udp(void)
{
    write_pingpong("few.yaml", "udp", FEW);
    write_pingpong("many.yaml", "udp", MANY);
    const struct ratio r = compare_pingpong("bench_pingpong_udp", "few.yaml", "many.yaml");
    tell_pingpong("of UDP datagrams, both ends in one process", r, "0.9");
}

static void measure_tls(void)
{
    write_pingpong("few.yaml", "tls", FEW);
    write_pingpong("many.yaml", "tls", MANY);
    const struct ratio r = compare_pingpong("bench_pingpong_tls", "few.yaml", "many.yaml");
    tell_pingpong("over TLS 1.3 with OpenSSL, both ends in one process", r, "0.9");
}

/* What a capture costs */

static double captured_rate(bool pcap)
{
    char few[64], many[64], capture[64];
    snprintf(few, sizeof few, "%s/few.yaml", tmp);
    snprintf(many, sizeof many, "%s/many.yaml", tmp);
    snprintf(capture, sizeof capture, "--pcap=%s/capture.pcapng", tmp);
    const char *const with_few[] = {sockrun, "-q", few, pcap ? capture : NULL, NULL};
    const char *const with_many[] = {sockrun, "-q", many, pcap ? capture : NULL, NULL};
    return (MANY - FEW) / (process_measure(with_many).seconds - process_measure(with_few).seconds);
}

static void measure_pcap(void)
{
    double without = 0, with = 0;
    write_pingpong("few.yaml", "tcp", FEW);
    write_pingpong("many.yaml", "tcp", MANY);
    for (int i = 0; i < TRIES; i++) {
        const double a = captured_rate(false), b = captured_rate(true);
        if (a > without) without = a;
        if (b > with) with = b;
    }
    printf("64-byte ping-pong with --pcap, best of %d\n", TRIES);
    printf("  without              %8.0f round trips/s\n", without);
    printf("  with                 %8.0f round trips/s\n", with);
    printf("  cost                 %8.1f %%          (aim: at most 20)\n", (1 - with / without) * 100);
}

/* The same between two Lua tasks, each receive under a deadline */

static void write_lua_pingpong(const char *name, int rounds)
{
    write_file(name,
               "local message = string.rep('0123456789abcdef', 4)\n"
               "test('ping-pong', {timeout = 300}, function(t)\n"
               "  local l = t:listen('tcp://127.0.0.1:0')\n"
               "  local server = t:spawn('server', function()\n"
               "    local c <close> = l:accept()\n"
               "    for _ = 1, %d do\n"
               "      c:receive(64)\n"
               "      c:send(message)\n"
               "    end\n"
               "  end)\n"
               "  local c <close> = t:connect(l.address)\n"
               "  for _ = 1, %d do\n"
               "    c:send(message)\n"
               "    c:receive(64)\n"
               "  end\n"
               "  server:join()\n"
               "end)\n",
               rounds, rounds);
}

static void measure_lua_pingpong(void)
{
    write_lua_pingpong("few.lua", FEW);
    write_lua_pingpong("many.lua", MANY);
    tell_pingpong("between two Lua tasks", compare_pingpong("bench_pingpong", "few.lua", "many.lua"), "1.0");
}

/* An HTTP exchange on a connection that stays, each message built and checked on its side */

static void write_http(const char *name, int rounds)
{
    write_file(name,
               "sockrun: 1\n"
               "name: exchanges\n"
               "timeout: 5m\n"
               "actors:\n"
               "  server:\n"
               "    listen: tcp://127.0.0.1:0\n"
               "    steps:\n"
               "      - repeat: %d\n"
               "        steps:\n"
               "          - expect: {http.request: {method: GET, target: /hello, headers: {host: example.test}}}\n"
               "          - send: {http.response: {status: 200, headers: {server: bench}, body: hello}}\n"
               "  client:\n"
               "    connect: ${server}\n"
               "    steps:\n"
               "      - repeat: %d\n"
               "        steps:\n"
               "          - send: {http.request: {target: /hello, headers: {host: example.test}}}\n"
               "          - expect: {http.response: {status: 200, headers: {server: bench}, body: hello}}\n",
               rounds, rounds);
}

static struct measured varnish_http(int rounds)
{
    char path[4096];
    write_file("http.vtc",
               "vtest \"exchanges\"\n"
               "server s1 {\n"
               "  loop %d {\n"
               "    rxreq\n"
               "    expect req.method == GET\n"
               "    expect req.url == /hello\n"
               "    expect req.http.host == example.test\n"
               "    txresp -status 200 -hdr \"Server: bench\" -body hello\n"
               "  }\n"
               "} -start\n"
               "client c1 -connect ${s1_sock} {\n"
               "  loop %d {\n"
               "    txreq -url /hello -hdr \"Host: example.test\"\n"
               "    rxresp\n"
               "    expect resp.status == 200\n"
               "    expect resp.http.server == bench\n"
               "    expect resp.body == hello\n"
               "  }\n"
               "} -run\n",
               rounds, rounds);
    snprintf(path, sizeof path, "%s/http.vtc", tmp);
    const char *const argv[] = {"varnishtest", "-q", "-b", "100M", path, NULL};
    return process_measure(argv);
}

/* What more rounds cost, in time that passes and in time of processors: the best so far. */
static void note_rate(double rounds, struct measured few, struct measured many, struct measured *best)
{
    const double rate = rounds / (many.seconds - few.seconds), cpu = rounds / (many.cpu - few.cpu);
    if (rate > best->seconds) best->seconds = rate;
    if (cpu > best->cpu) best->cpu = cpu;
}

static void measure_http(void)
{
    enum { FIRST = 5000, LAST = 50000, THEIRS = 2000 };
    struct measured ours = {0}, theirs = {0};
    write_http("few.yaml", FIRST);
    write_http("many.yaml", LAST);
    for (int i = 0; i < TRIES; i++) {
        note_rate(LAST - FIRST, run_scenario("few.yaml", 1), run_scenario("many.yaml", 1), &ours);
        note_rate(THEIRS, varnish_http(THEIRS), varnish_http(2 * THEIRS), &theirs);
    }
    printf("HTTP exchanges on one connection, built and checked on both sides, best of %d\n", TRIES);
    printf("  varnishtest          %8.0f exchanges/s, %8.0f for a second of processor\n", theirs.seconds, theirs.cpu);
    printf("  sockrun              %8.0f exchanges/s, %8.0f for a second of processor (aim: at least 25000)\n",
           ours.seconds, ours.cpu);
    printf("  ratio                %8.2f %20.2f            (aim: at least 6)\n", ours.seconds / theirs.seconds,
           ours.cpu / theirs.cpu);
}

static void write_lua_crowd(const char *name, int n)
{
    write_file(name,
               "local sock = require 'sockrun'\n"
               "test('a crowd', {timeout = 300}, function(t)\n"
               "  local l = t:listen('tcp://127.0.0.1:0')\n"
               "  local function wait(c) c:settimeout(-1); c:receive(1) end\n"
               "  for i = 1, %d do\n"
               "    t:spawn('client', wait, t:check(sock.connect(l.address)))\n"
               "    t:spawn('server', wait, t:check(l:accept()))\n"
               "    if i %% 100 == 0 then sock.sleep(0.001) end\n"
               "  end\n"
               "  sock.sleep(0.1)\n"
               "end)\n",
               n);
}

static void measure_lua_crowd(void)
{
    enum { FIRST = 1000, LAST = 9000 };
    write_lua_crowd("crowd.lua", FIRST);
    struct measured first = run_scenario("crowd.lua", 3);
    write_lua_crowd("crowd.lua", LAST);
    struct measured last = run_scenario("crowd.lua", 3);
    printf("idle Lua tasks, each with a connection\n");
    printf("  memory for one       %8.2f KiB        (aim: at most 2)\n",
           (double)(last.peak_kib - first.peak_kib) / (2.0 * (LAST - FIRST)));
}

/* A small scenario */

static void measure_start(void)
{
    static const char *const nothing[] = {"/bin/true", NULL};
    struct measured empty = {.seconds = 1e9}, hello = {.seconds = 1e9};
    write_hello("hello.yaml");
    for (int i = 0; i < 50; i++) {
        struct measured e = process_measure(nothing), h = run_scenario("hello.yaml", 1);
        if (e.seconds < empty.seconds) empty = e;
        if (h.seconds < hello.seconds) hello.seconds = h.seconds;
        if (h.peak_kib > hello.peak_kib) hello.peak_kib = h.peak_kib;
    }
    printf("hello.yaml as a whole process, best of 50\n");
    printf("  /bin/true            %8.2f ms\n", empty.seconds * 1e3);
    printf("  sockrun              %8.2f ms\n", hello.seconds * 1e3);
    printf("  more                 %8.2f ms         (aim: at most 3)\n", (hello.seconds - empty.seconds) * 1e3);
    printf("  peak memory          %8.1f MiB        (aim: at most 8)\n", (double)hello.peak_kib / 1024);
}

/* Many files */

enum { FILES = 1000 };

static void write_files(void)
{
    char path[4096], name[64];
    snprintf(path, sizeof path, "%s/files", tmp);
    if (mkdir(path, 0700) < 0 && errno != EEXIST) die(path);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "files/hello%04d.yaml", i);
        write_hello(name);
    }
}

static void measure_files(void)
{
    write_files();
    struct measured m = run_scenario("files", 5);
    printf("%d files of hello.yaml at -j 2, best of 5\n", FILES);
    printf("  sockrun              %8.0f files/s    (aim: at least 2000)\n", FILES / m.seconds);
    printf("  peak memory          %8.1f MiB\n", (double)m.peak_kib / 1024);
}

/* What reports cost */

enum { REPORTS_MOST = 2 };

static const struct {
    const char *what, *options[REPORTS_MOST + 1], *aim;
} reports[] = {
    {"nothing else", {NULL}, NULL},
    {"JUnit and TAP", {"--report-junit=%s/report.junit", "--report-tap=%s/report.tap", NULL}, "10"},
    {"HTML", {"--report-html=%s/report.html", NULL}, "30"},
};

enum { REPORTS = sizeof reports / sizeof reports[0] };

static struct measured run_reported(unsigned which)
{
    char files[64], options[REPORTS_MOST][128];
    snprintf(files, sizeof files, "%s/files", tmp);
    const char *argv[5 + REPORTS_MOST] = {sockrun, "-q", "-j2", files};
    for (unsigned i = 0; reports[which].options[i]; i++) {
        const char *format = reports[which].options[i], *hole = strstr(format, "%s");
        snprintf(options[i], sizeof options[i], "%.*s%s%s", (int)(hole - format), format, tmp, hole + 2);
        argv[4 + i] = options[i];
    }
    return process_measure(argv);
}

/* A page of 5,000 cases with 100,000 messages, in a browser without a window. */
static void open_page(void)
{
    char page[4096];
    snprintf(page, sizeof page, "%s/opened.html", tmp);
    const char *const argv[] = {"python3", "-B", OPENING, sockrun, page, NULL};
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (waitpid(child, NULL, 0) < 0) die("waitpid");
}

/* In turns, so that what else the machine does hits all of them. */
static void measure_reports(void)
{
    struct measured best[REPORTS];
    write_files();
    for (int i = 0; i < 2 * TRIES; i++) {
        for (unsigned k = 0; k < REPORTS; k++) {
            const struct measured m = run_reported(k);
            if (i == 0 || m.seconds < best[k].seconds) best[k].seconds = m.seconds;
            if (i == 0 || m.cpu < best[k].cpu) best[k].cpu = m.cpu;
        }
    }
    printf("%d files of hello.yaml at -j 2 with reports, best of %d\n", FILES, 2 * TRIES);
    for (unsigned k = 0; k < REPORTS; k++) {
        printf("  %-20s %8.3f s, %.3f s of processor", reports[k].what, best[k].seconds, best[k].cpu);
        if (reports[k].aim)
            printf(": cost %.1f %%, %.1f %% (aim: at most %s)", (best[k].seconds / best[0].seconds - 1) * 100,
                   (best[k].cpu / best[0].cpu - 1) * 100, reports[k].aim);
        putchar('\n');
    }
    open_page();
}

/* Many connections */

static void write_crowd(const char *name, int n)
{
    write_file(name,
               "sockrun: 1\n"
               "name: a crowd\n"
               "timeout: 5m\n"
               "step_timeout: 1m\n"
               "actors:\n"
               "  server:\n"
               "    listen: tcp://127.0.0.1:0\n"
               "    serve:\n"
               "      - expect: \"ping\\n\"\n"
               "      - send: \"pong\\n\"\n"
               "      - expect_close\n"
               "  client:\n"
               "    connect: ${server}\n"
               "    instances: %d\n"
               "    steps:\n"
               "      - send: \"ping\\n\"\n"
               "      - expect: \"pong\\n\"\n"
               "      - sync: open\n"
               "      - close\n",
               n);
}

static void measure_crowd(void)
{
    struct measured first = {0}, last = {0};
    enum { FIRST = 1000, LAST = 9000, STEP = 2000 };
    printf("connections that are open at the same time, both ends in one file, best of 3\n");
    for (int n = FIRST; n <= LAST; n += STEP) {
        write_crowd("crowd.yaml", n);
        struct measured m = run_scenario("crowd.yaml", 3);
        if (n == FIRST) first = m;
        last = m;
        printf("  %4d                 %8.1f ms %7.1f us each, %6.1f MiB\n", n, m.seconds * 1e3, m.seconds * 1e6 / n,
               (double)m.peak_kib / 1024);
    }
    printf("  time, 9000 to 1000   %8.1f times      (linear: 9)\n", last.seconds / first.seconds);
    printf("  memory for an actor  %8.2f KiB        (aim: at most 2; there are two for a connection)\n",
           (double)(last.peak_kib - first.peak_kib) / (2.0 * (LAST - FIRST)));
}

/* Much data */

#define MUCH "1073741824"

static void write_rest(const char *name, const char *sender)
{
    write_file(name,
               "sockrun: 1\n"
               "name: one GiB\n"
               "timeout: 5m\n"
               "step_timeout: 5m\n"
               "actors:\n"
               "  receiver:\n"
               "    listen: tcp://127.0.0.1:0\n"
               "    steps:\n"
               "      - expect: {rest: {length: " MUCH "}}\n"
               "  sender:\n"
               "%s",
               sender);
}

static void say_rest(const char *who, struct measured m)
{
    printf("  %-28s %6.2f GiB/s, peak memory %6.1f MiB\n", who, 1 / m.seconds, (double)m.peak_kib / 1024);
}

static void measure_rest(void)
{
    char program[4000], sender[8192];
    snprintf(program, sizeof program, "%s/bench_move", programs);
    const char *const both[] = {program, "both", MUCH, NULL};
    snprintf(sender, sizeof sender, "    run: [\"%s\", send, \"${receiver.port}\", \"" MUCH "\"]\n    exit: 0\n",
             program);
    write_rest("rest.yaml", sender);
    write_rest("rest_repeat.yaml", "    connect: ${receiver}\n"
                                   "    steps:\n"
                                   "      - send: {repeat: {of: \"0123456789abcdef\", times: 67108864}}\n");
    write_rest("rest_random.yaml", "    connect: ${receiver}\n"
                                   "    steps:\n"
                                   "      - send: {random: {bytes: 1024MiB, seed: 1}}\n");
    struct measured bare = process_best(both, 3), ours = run_scenario("rest.yaml", 3);
    printf("1 GiB over loopback, best of 3\n");
    say_rest("plain program to plain program", bare);
    say_rest("plain program to `rest`", ours);
    say_rest("`repeat` to `rest`, one process", run_scenario("rest_repeat.yaml", 3));
    say_rest("`random` to `rest`, one process", run_scenario("rest_random.yaml", 3));
    printf("  ratio of the first two %6.2f            (aim: at least 1)\n", bare.seconds / ours.seconds);
}

/* The same between two plain programs, with something in between */

static void write_middle(const char *name, const char *middle, const char *port)
{
    write_file(name,
               "sockrun: 1\n"
               "name: one GiB\n"
               "timeout: 5m\n"
               "step_timeout: 5m\n"
               "ports: [m]\n"
               "actors:\n"
               "  receiver:\n"
               "    run: [\"%s/bench_move\", receive, \"" MUCH "\"]\n"
               "    pass: {l: \"tcp://127.0.0.1:0\"}\n"
               "    steps: [{expect_exit: 0}]\n"
               "  middle:\n"
               "    %s\n"
               "  sender:\n"
               "    run: [\"%s/bench_move\", send, \"${%s}\", \"" MUCH "\"]\n",
               programs, middle, programs, port);
}

static void measure_proxy(void)
{
    write_middle("proxy.yaml", "proxy: {listen: \"tcp://127.0.0.1:0\", to: \"${receiver.l.address}\"}", "middle.port");
    write_middle("socat.yaml",
                 "run: [socat, -d, -d, \"TCP-LISTEN:${ports.m},reuseaddr\", \"TCP:127.0.0.1:${receiver.l.port}\"]\n"
                 "    ready: {output: {contains: listening on}}",
                 "ports.m");
    struct measured socat = run_scenario("socat.yaml", 5), ours = run_scenario("proxy.yaml", 5);
    printf("1 GiB over loopback from a plain program to a plain program through a third, best of 5\n");
    say_rest("socat", socat);
    say_rest("a proxy without rules", ours);
    printf("  ratio                  %6.2f            (aim: at least 0.7)\n", socat.seconds / ours.seconds);
}

static const struct {
    const char *name;
    void (*measure)(void);
} benchmarks[] = {
    {"pingpong", measure_pingpong}, {"udp", measure_udp},          {"tls", measure_tls},
    {"pcap", measure_pcap},         {"start", measure_start},      {"files", measure_files},
    {"reports", measure_reports},   {"lua", measure_lua_pingpong}, {"luacrowd", measure_lua_crowd},
    {"http", measure_http},         {"crowd", measure_crowd},      {"rest", measure_rest},
    {"proxy", measure_proxy},
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static void clean_up(void)
{
    nftw(tmp, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s SOCKRUN FOLDER [NAME...]\n", argv[0]);
        return 1;
    }
    sockrun = argv[1];
    programs = realpath(argv[2], NULL);
    if (!programs) die(argv[2]);
    if (!mkdtemp(tmp)) die(tmp);
    atexit(clean_up);
    /* What is remembered of runs grows with the files that ever ran. */
    setenv("XDG_STATE_HOME", tmp, 1);
    for (size_t i = 0; i < sizeof benchmarks / sizeof benchmarks[0]; i++) {
        int wanted = argc == 3;
        for (int at = 3; at < argc; at++)
            wanted |= strcmp(argv[at], benchmarks[i].name) == 0;
        if (wanted) benchmarks[i].measure();
    }
    return 0;
}
