#include "event/jsonl.h"

#include "event/jsonr.h"
#include "sockrun/version.h"
#include "util/text.h"

static bool has_verdict(const struct event *e)
{
    return e->kind == EVENT_VERDICT || e->kind == EVENT_ATTEMPT;
}

/* Writing */

static void write_number(struct jsonw *w, const char *key, int64_t value, int64_t nothing)
{
    if (value != nothing) jsonw_int(w, key, value);
}

static void write_bytes(struct jsonw *w, const char *key, struct slice bytes)
{
    if (bytes.n > 0) jsonw_bytes(w, key, bytes);
}

static void write_place(struct jsonw *w, const struct place *p)
{
    if (!p->file && p->line == 0 && p->text.n == 0) return;
    jsonw_open(w, "place", '{');
    jsonw_str(w, "file", p->file);
    write_number(w, "line", p->line, 0);
    write_number(w, "col", p->col, 0);
    write_number(w, "span", p->span, 0);
    if (p->text.n > 0) jsonw_text(w, "text", p->text);
    jsonw_close(w, '}');
}

static void write_socket(struct jsonw *w, const struct event_socket *s)
{
    if (!s) return;
    jsonw_open(w, "socket", '{');
    jsonw_str(w, "protocol", s->protocol);
    jsonw_str(w, "local", s->local);
    jsonw_str(w, "peer", s->peer);
    jsonw_str(w, "state", s->state);
    jsonw_str(w, "calls", s->calls);
    jsonw_str(w, "tls", s->tls);
    write_number(w, "fd", s->fd, 0);
    if (s->server) jsonw_bool(w, "server", true);
    if (s->inside) jsonw_bool(w, "inside", true);
    jsonw_close(w, '}');
}

static void write_dump(struct jsonw *w, const struct event_dump *d)
{
    if (!d->present) return;
    jsonw_open(w, "dump", '{');
    write_number(w, "expected_size", (int64_t)d->expected_size, 0);
    write_number(w, "got_size", (int64_t)d->got_size, 0);
    write_number(w, "at", (int64_t)d->at, 0);
    write_number(w, "from", (int64_t)d->from, 0);
    write_bytes(w, "expected", d->expected);
    write_bytes(w, "got", d->got);
    if (d->expected_unknown) jsonw_bool(w, "expected_unknown", true);
    jsonw_close(w, '}');
}

static void write_notes(struct jsonw *w, const struct event_failure *f)
{
    if (f->nnotes == 0) return;
    jsonw_open(w, "notes", '[');
    for (size_t i = 0; i < f->nnotes; i++) {
        jsonw_open(w, NULL, '{');
        jsonw_str(w, "label", f->notes[i].label);
        jsonw_str(w, "text", f->notes[i].text);
        jsonw_close(w, '}');
    }
    jsonw_close(w, ']');
}

static void write_failure(struct jsonw *w, const struct event_failure *f)
{
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "kind", f->kind);
    jsonw_str(w, "actor", f->actor);
    jsonw_str(w, "step", f->step);
    write_place(w, &f->place);
    jsonw_str(w, "message", f->message);
    write_number(w, "after", f->after, -1);
    write_number(w, "limit", f->limit, -1);
    if (f->warning) jsonw_bool(w, "warning", true);
    write_dump(w, &f->dump);
    write_notes(w, f);
    jsonw_close(w, '}');
}

void jsonl_failures(const struct event *e, struct jsonw *w)
{
    if (e->nfailures == 0) return;
    jsonw_open(w, "failures", '[');
    for (size_t i = 0; i < e->nfailures; i++)
        write_failure(w, &e->failures[i]);
    jsonw_close(w, ']');
}

static void write_event(struct jsonw *w, const struct event *e)
{
    jsonw_open(w, NULL, '{');
    if (e->kind == EVENT_RUN) jsonw_int(w, "stream", SOCKRUN_STREAM);
    jsonw_str(w, "event", event_kind_name(e->kind));
    write_number(w, "seq", (int64_t)e->seq, 0);
    write_number(w, "at", e->at, 0);
    jsonw_str(w, "file", e->file);
    jsonw_str(w, "case", e->case_name);
    write_number(w, "line", e->case_line, 0);
    write_number(w, "index", e->case_index, -1);
    jsonw_str(w, "tags", e->tags);
    jsonw_str(w, "id", e->id);
    jsonw_str(w, "ref", e->ref);
    jsonw_str(w, "quote", e->quote);
    jsonw_str(w, "level", e->level);
    jsonw_str(w, "covers", e->covers);
    jsonw_str(w, "actor", e->actor);
    jsonw_str(w, "step", e->step);
    write_place(w, &e->place);
    if (e->kind == EVENT_TRAFFIC) jsonw_str(w, "action", event_action_name(e->action));
    write_number(w, "connection", e->connection, 0);
    if (e->wire) jsonw_bool(w, "wire", true);
    write_socket(w, e->socket);
    write_number(w, "number", e->number, 0);
    write_number(w, "offset", (int64_t)e->offset, 0);
    write_bytes(w, "bytes", e->bytes);
    jsonw_str(w, "text", e->text);
    if (has_verdict(e)) jsonw_str(w, "verdict", sr_verdict_name(e->verdict));
    jsonw_str(w, "folder", e->folder);
    write_number(w, "attempts", e->attempts, 0);
    write_number(w, "duration", e->duration, 0);
    jsonl_failures(e, w);
    jsonw_close(w, '}');
}

bool jsonl_write(const struct event *e, struct buf *out)
{
    size_t before = out->n;
    bool overflow = out->overflow;
    struct jsonw w;

    /* An earlier event that was too big says nothing about this one. */
    out->overflow = false;
    jsonw_init(&w, out);
    write_event(&w, e);
    buf_addc(out, '\n');
    if (!out->overflow) {
        out->overflow = overflow;
        return true;
    }
    out->n = before;
    if (out->p) out->p[before] = '\0';
    return false;
}

/* Reading: the first thing that is wrong is kept, and everything after it is read for nothing. */

struct reading {
    struct arena *arena;
    const char *wrong;
};

static void complain(struct reading *r, const char *key, const char *what)
{
    if (!r->wrong) r->wrong = arena_printf(r->arena, "`%s` is %s", key, what);
}

static const struct jsonr *get(struct reading *r, const struct jsonr *object, const char *key, enum jsonr_kind kind,
                               const char *what)
{
    const struct jsonr *value = jsonr_get(object, key);

    if (!value || value->kind == JSONR_NULL) return NULL;
    if (value->kind == kind) return value;
    complain(r, key, what);
    return NULL;
}

static struct slice read_text(struct reading *r, const struct jsonr *object, const char *key)
{
    const struct jsonr *value = get(r, object, key, JSONR_STRING, "no text");

    if (!value) return (struct slice){0};
    return (struct slice){arena_dup(r->arena, value->text), value->text.n};
}

static const char *read_str(struct reading *r, const struct jsonr *object, const char *key)
{
    return read_text(r, object, key).p;
}

static int64_t read_int(struct reading *r, const struct jsonr *object, const char *key, int64_t nothing)
{
    const struct jsonr *value = get(r, object, key, JSONR_INTEGER, "no whole number");

    return value ? value->integer : nothing;
}

static int64_t read_range(struct reading *r, const struct jsonr *object, const char *key, int64_t nothing, int64_t low,
                          int64_t high)
{
    int64_t value = read_int(r, object, key, nothing);

    if (value >= low && value <= high) return value;
    complain(r, key, "out of range");
    return nothing;
}

static uint32_t read_u32(struct reading *r, const struct jsonr *object, const char *key)
{
    return (uint32_t)read_range(r, object, key, 0, 0, UINT32_MAX);
}

static uint64_t read_u64(struct reading *r, const struct jsonr *object, const char *key)
{
    return (uint64_t)read_range(r, object, key, 0, 0, INT64_MAX);
}

static bool read_bool(struct reading *r, const struct jsonr *object, const char *key)
{
    const struct jsonr *value = jsonr_get(object, key);

    if (value && value->kind > JSONR_TRUE) complain(r, key, "neither true nor false");
    return value && value->kind == JSONR_TRUE;
}

static struct slice read_bytes(struct reading *r, const struct jsonr *object, const char *key)
{
    const struct jsonr *value = get(r, object, key, JSONR_STRING, "no text");
    struct slice bytes = {0};
    size_t at;

    if (!value) return bytes;
    struct buf out = BUF_INIT(value->text.n);
    const char *wrong = text_unbase64(value->text, &out, &at);
    if (wrong)
        complain(r, key, arena_printf(r->arena, "no base64: %s", wrong));
    else if (out.n > 0)
        bytes = (struct slice){arena_dup(r->arena, buf_slice(&out)), out.n};
    buf_done(&out);
    return bytes;
}

static void read_place(struct reading *r, const struct jsonr *object, struct place *ret)
{
    const struct jsonr *place = get(r, object, "place", JSONR_OBJECT, "no object");

    if (!place) return;
    ret->file = read_str(r, place, "file");
    ret->line = read_u32(r, place, "line");
    ret->col = read_u32(r, place, "col");
    ret->span = read_u32(r, place, "span");
    ret->text = read_text(r, place, "text");
}

static const struct event_socket *read_socket(struct reading *r, const struct jsonr *object)
{
    const struct jsonr *socket = get(r, object, "socket", JSONR_OBJECT, "no object");

    if (!socket) return NULL;
    struct event_socket *ret = ARENA_NEW(r->arena, struct event_socket);
    ret->protocol = read_str(r, socket, "protocol");
    ret->local = read_str(r, socket, "local");
    ret->peer = read_str(r, socket, "peer");
    ret->state = read_str(r, socket, "state");
    ret->calls = read_str(r, socket, "calls");
    ret->tls = read_str(r, socket, "tls");
    ret->fd = read_int(r, socket, "fd", 0);
    ret->server = read_bool(r, socket, "server");
    ret->inside = read_bool(r, socket, "inside");
    return ret;
}

static void read_dump(struct reading *r, const struct jsonr *object, struct event_dump *ret)
{
    const struct jsonr *dump = get(r, object, "dump", JSONR_OBJECT, "no object");

    if (!dump) return;
    ret->present = true;
    ret->expected_size = read_u64(r, dump, "expected_size");
    ret->got_size = read_u64(r, dump, "got_size");
    ret->at = read_u64(r, dump, "at");
    ret->from = read_u64(r, dump, "from");
    ret->expected = read_bytes(r, dump, "expected");
    ret->got = read_bytes(r, dump, "got");
    ret->expected_unknown = read_bool(r, dump, "expected_unknown");
}

/* The first of a list of objects under that key, or NULL; an element that is none is wrong. */
static const struct jsonr *read_list(struct reading *r, const struct jsonr *object, const char *key, size_t *ret_n)
{
    const struct jsonr *list = get(r, object, key, JSONR_ARRAY, "no list");

    *ret_n = 0;
    if (!list) return NULL;
    for (const struct jsonr *one = list->inside; one; one = one->next)
        if (one->kind != JSONR_OBJECT) {
            complain(r, key, "no list of objects");
            return NULL;
        }
    *ret_n = list->n;
    return list->inside;
}

static void read_notes(struct reading *r, const struct jsonr *object, struct event_failure *ret)
{
    const struct jsonr *note = read_list(r, object, "notes", &ret->nnotes);

    if (ret->nnotes > 0) ret->notes = arena_array(r->arena, ret->nnotes, sizeof(*ret->notes));
    for (size_t i = 0; i < ret->nnotes; i++, note = note->next) {
        ret->notes[i].label = read_str(r, note, "label");
        ret->notes[i].text = read_str(r, note, "text");
    }
}

static void read_failure(struct reading *r, const struct jsonr *object, struct event_failure *ret)
{
    ret->kind = read_str(r, object, "kind");
    ret->actor = read_str(r, object, "actor");
    ret->step = read_str(r, object, "step");
    read_place(r, object, &ret->place);
    ret->message = read_str(r, object, "message");
    ret->after = read_int(r, object, "after", -1);
    ret->limit = read_int(r, object, "limit", -1);
    ret->warning = read_bool(r, object, "warning");
    read_dump(r, object, &ret->dump);
    read_notes(r, object, ret);
}

static void read_failures(struct reading *r, const struct jsonr *object, struct event *ret)
{
    const struct jsonr *failure = read_list(r, object, "failures", &ret->nfailures);

    if (ret->nfailures > 0) ret->failures = arena_array(r->arena, ret->nfailures, sizeof(*ret->failures));
    for (size_t i = 0; i < ret->nfailures; i++, failure = failure->next)
        read_failure(r, failure, &ret->failures[i]);
}

/* The value behind a name, 0 if it is not there. */
static int read_name(struct reading *r, const struct jsonr *object, const char *key, int (*of_name)(const char *))
{
    const char *name = read_str(r, object, key);
    int value = name ? of_name(name) : 0;

    if (value >= 0) return value;
    complain(r, key, "unknown");
    return 0;
}

static void read_event(struct reading *r, const struct jsonr *object, struct event *ret)
{
    ret->seq = read_u64(r, object, "seq");
    ret->at = read_int(r, object, "at", 0);
    ret->file = read_str(r, object, "file");
    ret->case_name = read_str(r, object, "case");
    ret->case_line = read_u32(r, object, "line");
    ret->case_index = (int32_t)read_range(r, object, "index", -1, -1, INT32_MAX);
    ret->tags = read_str(r, object, "tags");
    ret->id = read_str(r, object, "id");
    ret->ref = read_str(r, object, "ref");
    ret->quote = read_str(r, object, "quote");
    ret->level = read_str(r, object, "level");
    ret->covers = read_str(r, object, "covers");
    ret->actor = read_str(r, object, "actor");
    ret->step = read_str(r, object, "step");
    read_place(r, object, &ret->place);
    if (ret->kind == EVENT_TRAFFIC)
        ret->action = (enum event_action)read_name(r, object, "action", event_action_of_name);
    ret->connection = read_u32(r, object, "connection");
    ret->wire = read_bool(r, object, "wire");
    ret->socket = read_socket(r, object);
    ret->number = read_int(r, object, "number", 0);
    ret->offset = read_u64(r, object, "offset");
    ret->bytes = read_bytes(r, object, "bytes");
    ret->text = read_str(r, object, "text");
    ret->folder = read_str(r, object, "folder");
    if (has_verdict(ret)) ret->verdict = (enum sr_verdict)read_name(r, object, "verdict", sr_verdict_of_name);
    ret->attempts = read_u32(r, object, "attempts");
    ret->duration = read_int(r, object, "duration", 0);
    read_failures(r, object, ret);
}

static void read_object(struct reading *r, const struct jsonr *object, struct event *ret)
{
    const char *name = read_str(r, object, "event");
    struct event e = {.case_index = -1};

    if (read_range(r, object, "stream", SOCKRUN_STREAM, 0, INT32_MAX) != SOCKRUN_STREAM)
        complain(r, "stream", "a version that is not known");
    if (!name) complain(r, "event", "missing");
    if (r->wrong) return;
    int kind = event_kind_of_name(name);
    if (kind < 0) {
        r->wrong = "unknown kind";
        return;
    }
    e.kind = (enum event_kind)kind;
    read_event(r, object, &e);
    if (!r->wrong) *ret = e;
}

const char *jsonl_read(struct slice line, struct arena *a, struct event *ret)
{
    struct reading r = {.arena = a};
    const char *wrong = NULL;
    /* A NUL is written as \u0000; what is a C string here then ends at it. */
    const struct jsonr *root = jsonr_read(line, a, &wrong);

    if (!root) return arena_printf(a, "no JSON: %s", wrong);
    if (root->kind == JSONR_OBJECT)
        read_object(&r, root, ret);
    else
        r.wrong = "no JSON object";
    return r.wrong;
}
