#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/bus.h"
#include "event/jsonl.h"
#include "report/report.h"
#include "util/mem.h"
#include "util/path.h"

struct fixture {
    char path[512];
    struct bus bus;
    struct event_sink *sink;
};

static int setup(void **state)
{
    const char *tmp = getenv("TMPDIR");
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/artifacts-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->path)) return -1;
    bus_init(&f->bus);
    f->sink = artifacts_new(f->path, NULL);
    bus_add(&f->bus, f->sink);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    reporter_free(f->sink);
    path_remove(f->path);
    free(f);
    return 0;
}

static void send(struct fixture *f, enum event_kind kind, int32_t index, struct event e)
{
    static const char *const names[] = {"a", "b"};
    e.kind = kind;
    e.file = "x.yaml";
    e.case_index = index;
    e.case_name = index >= 0 ? names[index] : NULL;
    bus_send(&f->bus, &e);
}

static void say(struct fixture *f, int32_t index, const char *text)
{
    send(f, EVENT_TRAFFIC, index,
         (struct event){.action = EVENT_SEND, .actor = "client", .connection = 1, .bytes = slice_of(text)});
}

static void end(struct fixture *f, enum event_kind kind, int32_t index, enum sr_verdict v, uint32_t attempts)
{
    struct event_failure failure = {.kind = "mismatch", .message = "it differs", .after = -1, .limit = -1};
    const bool failed = sr_verdict_failed(v);
    send(f, kind, index,
         (struct event){.verdict = v, .attempts = attempts, .failures = failed ? &failure : NULL, .nfailures = failed});
}

/* The text of a file below the folder, to be freed; NULL: there is none. */
static char *text_of(const struct fixture *f, const char *name)
{
    char path[1200];
    struct stat st;
    snprintf(path, sizeof path, "%s/x.yaml/%s", f->path, name);
    const int fd = open(path, O_RDONLY);
    if (fd < 0) return NULL;
    assert_int_equal(fstat(fd, &st), 0);
    char *text = mem_zalloc((size_t)st.st_size + 1);
    assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
    close(fd);
    return text;
}

static void has(const struct fixture *f, const char *name, const char *wanted, bool there)
{
    char *text = text_of(f, name);
    assert_non_null(text);
    assert_int_equal(strstr(text, wanted) != NULL, there);
    mem_free(text);
}

static bool is_there(const struct fixture *f, const char *name)
{
    char *text = text_of(f, name);
    mem_free(text);
    return text != NULL;
}

/* Of cases that run at the same time, each gets its own; one that passed leaves nothing. */
static void test_beside_each_other(void **state)
{
    struct fixture *f = *state;
    send(f, EVENT_CASE, 0, (struct event){0});
    send(f, EVENT_CASE, 1, (struct event){0});
    say(f, 0, "of a");
    say(f, 1, "of b");
    end(f, EVENT_VERDICT, 1, SR_FAIL, 0);
    end(f, EVENT_VERDICT, 0, SR_WARN, 0);
    assert_null(reporter_error(f->sink));
    has(f, "b/events.jsonl", "b2YgYg==", true);
    has(f, "b/events.jsonl", "b2YgYQ==", false);
    has(f, "b/report.txt", "it differs", true);
    assert_false(is_there(f, "a/events.jsonl"));
}

static void test_verdicts(void **state)
{
    struct fixture *f = *state;
    for (int v = 0; v < SR_VERDICTS; v++) {
        send(f, EVENT_CASE, 0, (struct event){0});
        end(f, EVENT_VERDICT, 0, (enum sr_verdict)v, 0);
        assert_int_equal(is_there(f, "a/report.txt"), v == SR_XPASS || v == SR_FAIL || v == SR_ERROR);
        char path[1200];
        snprintf(path, sizeof path, "%s/x.yaml", f->path);
        path_remove(path);
    }
}

static void test_attempts(void **state)
{
    struct fixture *f = *state;
    send(f, EVENT_CASE, 0, (struct event){0});
    say(f, 0, "first");
    end(f, EVENT_ATTEMPT, 0, SR_FAIL, 1);
    say(f, 0, "second");
    end(f, EVENT_ATTEMPT, 0, SR_ERROR, 2);
    say(f, 0, "third");
    end(f, EVENT_VERDICT, 0, SR_PASS, 3);
    has(f, "a/attempt-1/events.jsonl", "Zmlyc3Q=", true);
    has(f, "a/attempt-1/events.jsonl", "c2Vjb25k", false);
    has(f, "a/attempt-2/events.jsonl", "c2Vjb25k", true);
    has(f, "a/attempt-2/events.jsonl", "Zmlyc3Q=", false);
    assert_false(is_there(f, "a/attempt-3/events.jsonl"));
    assert_false(is_there(f, "a/events.jsonl"));
}

/* What lives as long as the file, and has spoken before. */
static void test_of_the_file(void **state)
{
    struct fixture *f = *state;
    send(f, EVENT_TRAFFIC, -1, (struct event){.action = EVENT_OUTPUT, .actor = "sut", .bytes = SLICE("ready\n")});
    send(f, EVENT_CASE, 0, (struct event){0});
    end(f, EVENT_VERDICT, 0, SR_FAIL, 0);
    send(f, EVENT_FILE_END, -1, (struct event){0});
    send(f, EVENT_CASE, 1, (struct event){0});
    end(f, EVENT_VERDICT, 1, SR_FAIL, 0);
    has(f, "a/sut.stderr", "ready\n", true);
    assert_false(is_there(f, "b/sut.stderr"));
}

static void test_programs(void **state)
{
    struct fixture *f = *state;
    const struct event_socket program = {.protocol = "program"}, tcp = {.protocol = "tcp"};
    send(f, EVENT_CASE, 0, (struct event){0});
    const struct event made = {.action = EVENT_CONNECT, .actor = "app", .connection = 7, .socket = &program};
    send(f, EVENT_TRAFFIC, 0, made);
    send(f, EVENT_TRAFFIC, 0,
         (struct event){.action = EVENT_CONNECT, .actor = "peer", .connection = 8, .socket = &tcp});
    for (uint32_t i = 7; i <= 8; i++)
        send(f, EVENT_TRAFFIC, 0,
             (struct event){.action = EVENT_RECEIVE, .actor = "app", .connection = i, .bytes = SLICE("out\n")});
    send(f, EVENT_TRAFFIC, 0,
         (struct event){.action = EVENT_SEND, .actor = "app", .connection = 7, .bytes = SLICE("in\n")});
    send(f, EVENT_TRAFFIC, 0,
         (struct event){.action = EVENT_OUTPUT, .actor = "../x", .number = 1, .bytes = SLICE("ran\n")});
    end(f, EVENT_VERDICT, 0, SR_FAIL, 0);
    char *out = text_of(f, "a/app.stdout");
    assert_string_equal(out, "out\n");
    mem_free(out);
    assert_false(is_there(f, "a/peer.stdout"));
    has(f, "a/_.+x~5c237dda.stdout", "ran\n", true);
}

/* The last events stand there, and it is said how many do not. */
static void test_too_much(void **state)
{
    struct fixture *f = *state;
    static char megabyte[1 << 20];
    memset(megabyte, 'm', sizeof megabyte - 1);
    send(f, EVENT_CASE, 0, (struct event){0});
    say(f, 0, "first");
    for (int i = 0; i < 40; i++)
        say(f, 0, megabyte);
    say(f, 0, "last");
    end(f, EVENT_VERDICT, 0, SR_FAIL, 0);
    has(f, "a/events.jsonl", "\"Zmlyc3Q=\"", false);
    has(f, "a/events.jsonl", "\"bGFzdA==\"", true);
    has(f, "a/events.jsonl", "\"event\":\"lost\"", true);
    has(f, "a/report.txt", "not here:\nevents: the first ", true);
    char path[1200];
    struct stat st;
    snprintf(path, sizeof path, "%s/x.yaml/a/events.jsonl", f->path);
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, 8 << 20, 33 << 20);
}

/* All of it can be read again. */
static void test_stream(void **state)
{
    struct fixture *f = *state;
    send(f, EVENT_CASE, 0, (struct event){0});
    say(f, 0, "x");
    end(f, EVENT_VERDICT, 0, SR_XPASS, 0);
    char *text = text_of(f, "a/events.jsonl");
    static const enum event_kind kinds[] = {EVENT_RUN,     EVENT_FILE,    EVENT_CASE,
                                            EVENT_TRAFFIC, EVENT_VERDICT, EVENT_RUN_END};
    struct slice rest = slice_of(text);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct arena a;
        struct event e;
        arena_init(&a);
        const char *newline = memchr(rest.p, '\n', rest.n);
        assert_non_null(newline);
        assert_null(jsonl_read((struct slice){rest.p, (size_t)(newline - rest.p)}, &a, &e));
        assert_int_equal(e.kind, kinds[i]);
        rest = slice_part(rest, (size_t)(newline + 1 - rest.p), rest.n);
        arena_done(&a);
    }
    assert_int_equal(rest.n, 0);
    mem_free(text);
}

static void test_cannot_write(void **state)
{
    (void)state;
    struct event_sink *s = artifacts_new("/proc/nothing/at/all", NULL);
    assert_non_null(reporter_error(s));
    assert_non_null(strstr(reporter_error(s), "cannot write /proc/nothing"));
    reporter_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_beside_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_verdicts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attempts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_programs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_much, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test(test_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
