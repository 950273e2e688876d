#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "net/process.h"
#include "support.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/units.h"

static char *const no_env[] = {NULL};

/* Starts `sh -c script` with what o says besides. */
static int start_shell(struct process *p, const char *script, struct process_options o)
{
    char shell[] = "/bin/sh", c[] = "-c", text[1000];
    const char *where = NULL;
    snprintf(text, sizeof text, "%s", script);
    char *argv[] = {shell, c, text, NULL};
    o.path = shell;
    o.argv = argv;
    if (!o.envp) o.envp = no_env;
    int error = process_start(p, &o, &where);
    if (error) assert_non_null(where);
    return error;
}

static void start(struct process *p, const char *script)
{
    assert_int_equal(start_shell(p, script, (struct process_options){0}), 0);
}

/* Everything until its end. */
static void read_all(int fd, struct buf *b)
{
    char block[512];
    ssize_t n;
    b->n = 0;
    for (;;) {
        support_wait(fd, POLLIN);
        n = sock_read(fd, block, sizeof block);
        if (n <= 0) break;
        assert_true(buf_add(b, (struct slice){block, (size_t)n}));
    }
    assert_int_equal(n, 0);
}

static void assert_prints(int fd, const char *text)
{
    struct buf b = BUF_INIT(100000);
    read_all(fd, &b);
    assert_string_equal(buf_str(&b), text);
    buf_done(&b);
}

static void assert_ends(struct process *p, const char *how)
{
    char text[32];
    support_wait(p->pidfd, POLLIN);
    assert_true(process_ended(p));
    assert_string_equal(process_show_status(p->status, text), how);
    assert_true(process_ended(p));
    assert_int_equal(process_signal(p, SIGTERM), -ESRCH);
    process_done(p);
    assert_int_equal(p->pid, 0);
    process_done(p);
}

static void test_pipes(void **state)
{
    struct process p;
    char c;
    (void)state;
    start(&p, "read x; echo got $x; echo oops >&2; exit 3");
    assert_false(process_ended(&p));
    assert_int_equal(sock_read(p.out, &c, 1), -EAGAIN);
    assert_int_equal(sock_write(p.in, "hello\n", 6), 6);
    assert_prints(p.out, "got hello\n");
    assert_prints(p.err, "oops\n");
    assert_ends(&p, "code 3");
}

static void test_end_by_signal(void **state)
{
    struct process p;
    (void)state;
    start(&p, "echo; cat");
    support_wait(p.out, POLLIN);
    assert_int_equal(process_signal(&p, SIGTERM), 0);
    assert_ends(&p, "signal TERM");
}

static void test_the_whole_group_gets_the_signal(void **state)
{
    struct process p;
    (void)state;
    start(&p, "exec 3<&0; cat <&3 & cat <&3 & echo; wait");
    support_wait(p.out, POLLIN);
    assert_int_equal(process_signal(&p, SIGKILL), 0);
    assert_prints(p.err, ""); /* nobody holds it open any more */
    assert_ends(&p, "signal KILL");
}

static void test_environment_and_folder(void **state)
{
    struct process p;
    char one[] = "ONE=1", folder[100], expected[120];
    char *const env[] = {one, NULL};
    (void)state;
    support_folder(folder, sizeof folder);
    assert_int_equal(start_shell(&p, "echo $ONE$HOME; pwd -P", (struct process_options){.envp = env, .cwd = folder}),
                     0);
    snprintf(expected, sizeof expected, "1\n%s\n", folder);
    assert_prints(p.out, expected);
    assert_ends(&p, "code 0");
    rmdir(folder);
}

static int count_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_what_cannot_start(void **state)
{
    struct process p = {0};
    const char *where = NULL;
    char path[] = "/nonexistent/program", file[] = "/etc/passwd";
    char *argv[] = {path, NULL};
    struct process_options o = {.path = path, .argv = argv, .envp = no_env};
    int before = count_descriptors();
    (void)state;
    assert_int_equal(process_start(&p, &o, &where), -ENOENT);
    assert_string_equal(where, "run");
    o.path = file;
    assert_int_equal(process_start(&p, &o, &where), -EACCES);
    o.cwd = "/nonexistent";
    assert_int_equal(process_start(&p, &o, &where), -ENOENT);
    assert_string_equal(where, "change to folder");
    struct process_pass pass = {.from = 0, .to = 2};
    o.pass = &pass;
    o.npass = 1;
    assert_int_equal(process_start(&p, &o, &where), -EINVAL);
    o.cwd = NULL;
    pass = (struct process_pass){.from = 9999, .to = 5};
    assert_int_equal(process_start(&p, &o, &where), -EBADF);
    assert_string_equal(where, "run");
    assert_int_equal(p.pid, 0);
    process_done(&p);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(count_descriptors(), before);
}

/* A file that holds one letter, at no particular number. */
static int letter(char c)
{
    int fd = memfd_create("letter", 0);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, &c, 1), 1);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void test_passing_descriptors_that_change_places(void **state)
{
    struct process p;
    int a = letter('a'), b = letter('b'), c = letter('c');
    /* Each goes to where another one stands, and one goes to two places. */
    struct process_pass pass[] = {{a, b}, {b, c}, {c, a}, {a, 9}};
    char script[200];
    (void)state;
    assert_true(a < 9 && b < 9 && c < 9 && a > 2);
    snprintf(script, sizeof script, "cat <&%d; cat <&%d; cat <&%d; : <&9 && echo", b, c, a);
    assert_int_equal(start_shell(&p, script, (struct process_options){.pass = pass, .npass = 4}), 0);
    assert_prints(p.out, "abc\n");
    assert_ends(&p, "code 0");
    close(a);
    close(b);
    close(c);
}

static void test_nothing_else_is_inherited(void **state)
{
    struct process p;
    int open = letter('x'), high = fcntl(open, F_DUPFD, 200);
    struct process_pass pass = {open, 17};
    (void)state;
    assert_int_equal(start_shell(&p, "cd /proc/self/fd && echo *", (struct process_options){.pass = &pass, .npass = 1}),
                     0);
    struct buf b = BUF_INIT(1000);
    read_all(p.out, &b);
    /* The shell itself opens the folder. */
    assert_true(strncmp(buf_str(&b), "0 1 17 2", 8) == 0);
    assert_null(strstr(buf_str(&b), "200"));
    assert_true(b.n <= strlen("0 1 17 2 3 \n"));
    buf_done(&b);
    assert_ends(&p, "code 0");
    close(open);
    close(high);
}

static void test_signals_are_as_usual(void **state)
{
    struct process p;
    sigset_t usr1, before;
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &before);
    start(&p, "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'");
    assert_prints(p.out, "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
    assert_ends(&p, "code 0");
    sigset_t now;
    sigprocmask(SIG_SETMASK, &before, &now);
    assert_true(sigismember(&now, SIGUSR1)); /* ours is as it was */
    assert_false(sigismember(&now, SIGTERM));
}

static void test_done_ends_it(void **state)
{
    struct process p;
    (void)state;
    start(&p, "trap '' TERM HUP; echo; cat; while :; do read x; done");
    support_wait(p.out, POLLIN);
    pid_t pid = p.pid;
    process_done(&p);
    assert_int_equal(kill(pid, 0), -1);
}

/* A process between us and the program ends: so must the program. */
static void test_it_dies_with_its_parent(void **state)
{
    int out[2];
    (void)state;
    assert_int_equal(pipe(out), 0);
    pid_t middle = fork();
    if (middle == 0) {
        struct process p;
        start(&p, "echo; cat");
        support_wait(p.out, POLLIN);
        int32_t pid = p.pid;
        if (write(out[1], &pid, sizeof pid) != sizeof pid) _exit(1);
        raise(SIGKILL);
    }
    int32_t pid = 0;
    assert_int_equal(read(out[0], &pid, sizeof pid), sizeof pid);
    process_subreaper();
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    close(out[0]);
    close(out[1]);
    /* It has fallen to us or to init; either way it goes. */
    int64_t end = clock_now() + 20 * NS_PER_S;
    while (kill(pid, 0) == 0 && clock_now() < end)
        waitpid(pid, NULL, WNOHANG);
    assert_int_equal(kill(pid, 0), -1);
}

static void test_names_of_signals(void **state)
{
    char text[32];
    (void)state;
    assert_int_equal(signal_of_name("TERM"), SIGTERM);
    assert_int_equal(signal_of_name("SIGHUP"), SIGHUP);
    assert_int_equal(signal_of_name("USR1"), SIGUSR1);
    assert_int_equal(signal_of_name("term"), 0);
    assert_int_equal(signal_of_name("SIG"), 0);
    assert_int_equal(signal_of_name(""), 0);
    assert_string_equal(signal_name(SIGKILL), "KILL");
    assert_null(signal_name(1000));
    assert_string_equal(process_show_status(SIGRTMIN + 1, text), "signal 35");
}

static void test_end_all_of_nothing(void **state)
{
    (void)state;
    process_subreaper();
    assert_int_equal(process_end_all(NULL, clock_now() + 20 * NS_PER_S), 0); /* other tests' orphans */
    assert_int_equal(process_end_all(NULL, 0), 0);
}

/* Programs that left their parent and their group, twice. */
static void test_daemons_are_ended(void **state)
{
    struct process p;
    struct buf b = BUF_INIT(100);
    char line[64];
    size_t n = 0;
    (void)state;
    process_subreaper();
    start(&p, "for i in 1 2 3; do (setsid sh -c '(setsid sh -c \"echo \\$\\$; exec cat <&3\" &) ' &) 3<&0; done; wait");
    while (n < 3) {
        support_wait(p.out, POLLIN);
        ssize_t got = sock_read(p.out, line, sizeof line);
        assert_true(got > 0);
        for (ssize_t i = 0; i < got; i++)
            n += line[i] == '\n';
        assert_true(buf_add(&b, (struct slice){line, (size_t)got}));
    }
    assert_int_equal(process_end_all(NULL, clock_now() + 20 * NS_PER_S), 0);
    for (const char *at = buf_str(&b); *at; at = strchr(at, '\n') + 1)
        assert_int_equal(kill((pid_t)strtol(at, NULL, 10), 0), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    buf_done(&b);
    assert_true(process_ended(&p)); /* reaped behind its back */
    process_done(&p);
}

static void test_kept_ones_stay(void **state)
{
    struct process kept, gone;
    (void)state;
    process_subreaper();
    start(&kept, "cat & echo; wait; read x");
    start(&gone, "cat & echo; wait; read x");
    support_wait(kept.out, POLLIN);
    support_wait(gone.out, POLLIN);
    const pid_t keep[] = {kept.pid, 0};
    assert_int_equal(process_end_all(keep, clock_now() + 20 * NS_PER_S), 0);
    assert_int_equal(kill(gone.pid, 0), -1);
    assert_false(process_ended(&kept));
    assert_int_equal(process_signal(&kept, 0), 0);
    process_done(&gone);
    process_done(&kept);
    assert_int_equal(process_end_all(NULL, clock_now() + 20 * NS_PER_S), 0);
}

/* Each generation leaves a child behind and ends. */
static void test_a_chain_that_runs_away(void **state)
{
    struct process p;
    (void)state;
    process_subreaper();
    start(&p, "f='(sh -c \"$f\") & exit'; export f; echo; sh -c \"$f\"");
    support_wait(p.out, POLLIN);
    assert_int_equal(process_end_all(NULL, clock_now() + 30 * NS_PER_S), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    process_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_end_by_signal),
        cmocka_unit_test(test_the_whole_group_gets_the_signal),
        cmocka_unit_test(test_environment_and_folder),
        cmocka_unit_test(test_what_cannot_start),
        cmocka_unit_test(test_passing_descriptors_that_change_places),
        cmocka_unit_test(test_nothing_else_is_inherited),
        cmocka_unit_test(test_signals_are_as_usual),
        cmocka_unit_test(test_done_ends_it),
        cmocka_unit_test(test_it_dies_with_its_parent),
        cmocka_unit_test(test_names_of_signals),
        cmocka_unit_test(test_end_all_of_nothing),
        cmocka_unit_test(test_daemons_are_ended),
        cmocka_unit_test(test_kept_ones_stay),
        cmocka_unit_test(test_a_chain_that_runs_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
