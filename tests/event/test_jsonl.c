#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>

#include "event/jsonl.h"
#include "fuzz/fuzz_jsonl.c"

enum { MOST = 64 * 1024 * 1024 };

struct fixture {
    struct arena arena;
    struct buf out;
};

static int setup(void **state)
{
    static struct fixture f;

    arena_init(&f.arena);
    f.out = BUF_INIT(MOST);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    buf_done(&f->out);
    return 0;
}

static void same_str(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a) assert_string_equal(a, b);
}

static void same_slice(struct slice a, struct slice b)
{
    assert_int_equal(a.n, b.n);
    if (a.n > 0) assert_memory_equal(a.p, b.p, a.n);
}

static void same_place(const struct place *a, const struct place *b)
{
    same_str(a->file, b->file);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->col, b->col);
    assert_int_equal(a->span, b->span);
    same_slice(a->text, b->text);
}

static void same_dump(const struct event_dump *a, const struct event_dump *b)
{
    assert_int_equal(a->present, b->present);
    assert_int_equal(a->expected_size, b->expected_size);
    assert_int_equal(a->got_size, b->got_size);
    assert_int_equal(a->at, b->at);
    assert_int_equal(a->from, b->from);
    same_slice(a->expected, b->expected);
    same_slice(a->got, b->got);
    assert_int_equal(a->expected_unknown, b->expected_unknown);
}

static void same_failure(const struct event_failure *a, const struct event_failure *b)
{
    same_str(a->kind, b->kind);
    same_str(a->actor, b->actor);
    same_str(a->step, b->step);
    same_place(&a->place, &b->place);
    same_str(a->message, b->message);
    assert_int_equal(a->after, b->after);
    assert_int_equal(a->limit, b->limit);
    assert_int_equal(a->warning, b->warning);
    same_dump(&a->dump, &b->dump);
    assert_int_equal(a->nnotes, b->nnotes);
    for (size_t i = 0; i < a->nnotes; i++) {
        same_str(a->notes[i].label, b->notes[i].label);
        same_str(a->notes[i].text, b->notes[i].text);
    }
}

static void same_socket(const struct event_socket *a, const struct event_socket *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (!a) return;
    same_str(a->protocol, b->protocol);
    same_str(a->local, b->local);
    same_str(a->peer, b->peer);
    same_str(a->state, b->state);
    same_str(a->calls, b->calls);
    same_str(a->tls, b->tls);
    assert_int_equal(a->fd, b->fd);
    assert_int_equal(a->server, b->server);
    assert_int_equal(a->inside, b->inside);
}

static void same_event(const struct event *a, const struct event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->action, b->action);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->at, b->at);
    same_str(a->file, b->file);
    same_str(a->case_name, b->case_name);
    assert_int_equal(a->case_line, b->case_line);
    assert_int_equal(a->case_index, b->case_index);
    same_str(a->tags, b->tags);
    same_str(a->id, b->id);
    same_str(a->ref, b->ref);
    same_str(a->quote, b->quote);
    same_str(a->level, b->level);
    same_str(a->covers, b->covers);
    assert_int_equal(a->attempts, b->attempts);
    same_str(a->folder, b->folder);
    same_str(a->actor, b->actor);
    same_str(a->step, b->step);
    same_place(&a->place, &b->place);
    assert_int_equal(a->connection, b->connection);
    assert_int_equal(a->wire, b->wire);
    same_socket(a->socket, b->socket);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->offset, b->offset);
    same_slice(a->bytes, b->bytes);
    same_str(a->text, b->text);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->duration, b->duration);
    assert_int_equal(a->nfailures, b->nfailures);
    for (size_t i = 0; i < a->nfailures; i++)
        same_failure(&a->failures[i], &b->failures[i]);
}

static void there_and_back(struct fixture *f, const struct event *e)
{
    struct event back;

    buf_clear(&f->out);
    assert_true(jsonl_write(e, &f->out));
    assert_ptr_equal(memchr(f->out.p, '\n', f->out.n), f->out.p + f->out.n - 1);
    const char *wrong = jsonl_read(buf_slice(&f->out), &f->arena, &back);
    if (wrong) fail_msg("%s: %s", wrong, f->out.p);
    same_event(e, &back);
}

static const char hostile[] = "\"\\\b\f\n\r\t\x01\x1b[2J\x7f]]>\xe2\x80\xae\xe2\x80\xa8\xf0\x9f\x92\xa9";

/* Every field with something to say. */
static struct event full_event(struct event_failure *failure, struct event_note *note)
{
    static const struct event_socket socket = {"tcp", hostile, "", NULL, "close(3)", hostile, INT64_MAX, true, true};
    static const char all[256] = {0, 1, 2, '\n', '"', (char)0xff, (char)0x80};

    *note = (struct event_note){hostile, hostile};
    *failure = (struct event_failure){
        hostile, "client", "step 1",  {"a.yaml", UINT32_MAX, 2, 3, SLICE("te\0xt\n")},
        hostile, 0,        INT64_MAX, {true, 1, INT64_MAX, 3, 16, {all, 256}, {all, 1}, true},
        note,    1,        true,
    };
    return (struct event){.kind = EVENT_TRAFFIC,
                          .action = EVENT_EXIT,
                          .seq = INT64_MAX,
                          .at = INT64_MIN,
                          .file = hostile,
                          .case_name = "",
                          .case_line = UINT32_MAX,
                          .case_index = INT32_MAX,
                          .tags = "a b",
                          .id = hostile,
                          .ref = "RFC 1",
                          .quote = hostile,
                          .level = "must",
                          .covers = "A-1 A-2",
                          .actor = hostile,
                          .step = "",
                          .place = {hostile, 1, 2, 3, SLICE("x")},
                          .number = INT64_MIN,
                          .connection = UINT32_MAX,
                          .wire = true,
                          .socket = &socket,
                          .offset = INT64_MAX,
                          .bytes = {all, 256},
                          .text = hostile,
                          .verdict = SR_SKIP,
                          .attempts = UINT32_MAX,
                          .folder = "/tmp/sockrun-abcdef",
                          .duration = INT64_MAX,
                          .failures = failure,
                          .nfailures = 1};
}

static void every_kind_comes_back(void **state)
{
    struct fixture *f = *state;
    struct event_failure failure;
    struct event_note note;

    for (int i = 0; i <= EVENT_LOST; i++) {
        struct event e = full_event(&failure, &note);
        e.kind = (enum event_kind)i;
        e.action = i == EVENT_TRAFFIC ? EVENT_EXIT : EVENT_LISTEN;
        e.verdict = i == EVENT_VERDICT || i == EVENT_ATTEMPT ? SR_ERROR : SR_SKIP;
        there_and_back(f, &e);
        e = (struct event){.kind = (enum event_kind)i, .case_index = -1};
        there_and_back(f, &e);
    }
}

static void every_action_and_verdict_comes_back(void **state)
{
    struct event e = {.kind = EVENT_TRAFFIC};

    for (int i = 0; i <= EVENT_EXIT; i++) {
        e.action = (enum event_action)i;
        there_and_back(*state, &e);
    }
    e = (struct event){.kind = EVENT_VERDICT};
    for (int i = 0; i < SR_VERDICTS; i++) {
        e.verdict = (enum sr_verdict)i;
        there_and_back(*state, &e);
    }
}

static void keys_that_say_nothing_are_not_written(void **state)
{
    struct fixture *f = *state;
    struct event e = {.kind = EVENT_FILE_END, .seq = 9, .file = "a", .case_index = -1};

    assert_true(jsonl_write(&e, &f->out));
    assert_string_equal(f->out.p, "{\"event\":\"file_end\",\"seq\":9,\"file\":\"a\"}\n");
    buf_clear(&f->out);
    e = (struct event){.kind = EVENT_RUN, .text = "0.1.0", .number = 2, .case_index = -1};
    assert_true(jsonl_write(&e, &f->out));
    assert_string_equal(f->out.p, "{\"stream\":1,\"event\":\"run\",\"number\":2,\"text\":\"0.1.0\"}\n");
}

static void text_that_is_no_utf8_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct event e = {.kind = EVENT_LOG, .text = "a\xff\xc3"}, back;

    assert_true(jsonl_write(&e, &f->out));
    assert_null(jsonl_read(buf_slice(&f->out), &f->arena, &back));
    assert_string_equal(back.text, "a\xef\xbf\xbd\xef\xbf\xbd");
}

static void what_does_not_fit_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct event_failure failure;
    struct event_note note;
    struct event big = full_event(&failure, &note), small = {.kind = EVENT_FILE_END, .case_index = -1};
    struct buf out = BUF_INIT(64);

    (void)f;
    assert_false(jsonl_write(&big, &out));
    assert_int_equal(out.n, 0);
    assert_true(jsonl_write(&small, &out));
    assert_false(jsonl_write(&big, &out));
    assert_true(jsonl_write(&small, &out));
    assert_string_equal(out.p, "{\"event\":\"file_end\"}\n{\"event\":\"file_end\"}\n");
    assert_false(jsonl_write(&small, &out) && jsonl_write(&small, &out));
    buf_done(&out);
}

static const char *reads(struct fixture *f, const char *line, struct event *ret)
{
    return jsonl_read(slice_of(line), &f->arena, ret);
}

static void unknown_keys_are_ignored(void **state)
{
    struct event e;

    assert_null(reads(*state, "{\"new\":[{\"a\":1.5e9}],\"event\":\"case\",\"case\":\"x\",\"file\":null}\r\n", &e));
    assert_int_equal(e.kind, EVENT_CASE);
    assert_string_equal(e.case_name, "x");
    assert_null(e.file);
    assert_int_equal(e.case_index, -1);
}

static void what_is_wrong_is_said(void **state)
{
    static const char *const lines[][2] = {
        {"{\"event\":\"later\"}", "unknown kind"},
        {"{}", "`event` is missing"},
        {"[]", "no JSON object"},
        {"{\"stream\":2,\"event\":\"run\"}", "`stream` is a version that is not known"},
        {"{\"event\":1}", "`event` is no text"},
        {"{\"event\":\"case\",\"seq\":1.5}", "`seq` is no whole number"},
        {"{\"event\":\"case\",\"line\":-1}", "`line` is out of range"},
        {"{\"event\":\"case\",\"line\":4294967296}", "`line` is out of range"},
        {"{\"event\":\"case\",\"index\":2147483648}", "`index` is out of range"},
        {"{\"event\":\"traffic\",\"action\":\"fly\"}", "`action` is unknown"},
        {"{\"event\":\"verdict\",\"verdict\":\"good\"}", "`verdict` is unknown"},
        {"{\"event\":\"traffic\",\"bytes\":\"A\"}", NULL},
        {"{\"event\":\"case\",\"failures\":[1]}", "`failures` is no list of objects"},
        {"{\"event\":\"case\",\"failures\":{}}", "`failures` is no list"},
        {"{\"event\":\"case\",\"at\":99999999999999999999}", NULL},
        {"{\"event\":\"case\"} {}", NULL},
        {"{\"event\":\"c\xff\"}", NULL},
        {"", NULL},
        {"\n", NULL},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct event e = {.seq = 77};
        const char *wrong = reads(*state, lines[i][0], &e);
        if (!wrong) fail_msg("nothing wrong with %s", lines[i][0]);
        if (lines[i][1]) assert_string_equal(wrong, lines[i][1]);
        assert_int_equal(e.seq, 77);
    }
}

static void a_truncated_line_is_never_an_event(void **state)
{
    struct fixture *f = *state;
    struct event_failure failure;
    struct event_note note;
    struct event e = full_event(&failure, &note), back;

    assert_true(jsonl_write(&e, &f->out));
    for (size_t n = 0; n < f->out.n - 1; n++) {
        /* A copy of that very size, so that a byte read too far is found. */
        char *cut = test_malloc(n + 1);
        memcpy(cut, f->out.p, n);
        assert_non_null(jsonl_read((struct slice){cut, n}, &f->arena, &back));
        test_free(cut);
    }
    assert_null(jsonl_read((struct slice){f->out.p, f->out.n - 1}, &f->arena, &back));
}

static void deep_nesting_is_refused(void **state)
{
    struct fixture *f = *state;
    struct event e;

    buf_adds(&f->out, "{\"event\":\"case\",\"x\":");
    for (int i = 0; i < 1000000; i++)
        buf_addc(&f->out, '[');
    assert_non_null(jsonl_read(buf_slice(&f->out), &f->arena, &e));
}

static void replay(const char *path)
{
    struct buf seed = BUF_INIT(MOST);
    char part[4096];
    size_t n;
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_add(&seed, (struct slice){part, n});
    fclose(f);
    assert_int_equal(LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&seed), seed.n), 0);
    buf_done(&seed);
}

static void the_corpus_does_no_harm(void **state)
{
    const char *folder = TEST_FOLDER "/fuzz/corpus/jsonl";
    DIR *d = opendir(folder);
    int count = 0;

    (void)state;
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        replay(path);
        count++;
    }
    closedir(d);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(every_action_and_verdict_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_that_say_nothing_are_not_written, setup, teardown),
        cmocka_unit_test_setup_teardown(text_that_is_no_utf8_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_keys_are_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_truncated_line_is_never_an_event, setup, teardown),
        cmocka_unit_test_setup_teardown(deep_nesting_is_refused, setup, teardown),
        cmocka_unit_test(the_corpus_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
