#include "report/html_case.h"

#include <assert.h>
#include <string.h>

#include "event/jsonl.h"
#include "report/failure.h"
#include "util/mem.h"

enum {
    PART = 64 * 1024,    /* of the data, in memory */
    DATA_MOST = 4 << 20, /* more than a part and what may come at once: a message, or failures */
    FAILURES = 20,
    FAILURES_BYTES = 1 << 20,
    TEXT_MOST = 4096,
    LINE_MOST = 512,
};

/* A text that is too long is cut, with its size. */
static void put_text(struct jsonw *w, const char *key, struct slice text, size_t most)
{
    struct buf cut = BUF_INIT(most + 64);
    if (text.n <= most) {
        jsonw_text(w, key, text);
        return;
    }
    while (most && ((unsigned char)text.p[most] & 0xc0) == 0x80)
        most--;
    buf_add(&cut, slice_part(text, 0, most));
    buf_printf(&cut, "... (%zu bytes)", text.n);
    jsonw_text(w, key, buf_slice(&cut));
    buf_done(&cut);
}

static void put(struct jsonw *w, const char *key, const char *text)
{
    if (text && *text) put_text(w, key, slice_of(text), TEXT_MOST);
}

static void put_number(struct jsonw *w, const char *key, int64_t n)
{
    if (n) jsonw_int(w, key, n);
}

struct html_case *html_case_new(uint32_t number, const struct event *e)
{
    struct html_case *c = mem_zalloc(sizeof *c);
    c->number = number;
    c->line = e->case_line;
    c->began = e->at;
    c->file = mem_dup(slice_of(e->file));
    c->data = BUF_INIT(DATA_MOST);
    return c;
}

void html_case_free(struct html_case *c)
{
    if (!c) return;
    mem_free(c->file);
    buf_done(&c->data);
    mem_free(c);
}

static void open_part(struct html_case *c)
{
    if (c->data.n) return;
    jsonw_init(&c->writer, &c->data);
    jsonw_open(&c->writer, NULL, '[');
}

static void close_part(struct html_case *c, struct html_page *page)
{
    if (!c->data.n) return;
    jsonw_close(&c->writer, ']');
    assert(!c->data.overflow);
    page->detail += c->data.n;
    html_page_add(page, "data-case", c->number, buf_slice(&c->data));
    buf_clear(&c->data);
}

/* True the first time. A line that another one has taken the place of is told of once more. */
static bool is_news(struct html_case *c, const struct place *p)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *s = p->file ? p->file : ""; *s; s++)
        hash = (hash ^ (unsigned char)*s) * UINT64_C(1099511628211);
    hash = (hash ^ p->line) * UINT64_C(1099511628211);
    uint64_t *at = &c->told[hash % HTML_LINES];
    if (*at == hash) return false;
    *at = hash;
    return true;
}

static void put_place(struct html_case *c, const struct place *p)
{
    struct jsonw *w = &c->writer;
    if (!p->line) return;
    if (p->file && strcmp(p->file, c->file) != 0) put(w, "f", p->file);
    jsonw_int(w, "l", p->line);
    if (p->text.n && is_news(c, p)) put_text(w, "x", p->text, LINE_MOST);
}

static void put_socket(struct jsonw *w, const struct event_socket *s)
{
    if (!s) return;
    jsonw_open(w, "p", '{');
    put(w, "protocol", s->protocol);
    put(w, "local", s->local);
    put(w, "peer", s->peer);
    if (s->server) jsonw_bool(w, "server", true);
    jsonw_close(w, '}');
}

static void put_bytes(struct html_case *c, const struct event *e)
{
    struct jsonw *w = &c->writer;
    const size_t most = c->bytes < HTML_CASE_BYTES ? HTML_MESSAGE_BYTES : HTML_MESSAGE_FEW;
    const struct slice kept = slice_part(e->bytes, 0, most);
    put_number(w, "o", (int64_t)e->offset);
    if (!e->bytes.n) return;
    c->bytes += kept.n;
    jsonw_int(w, "z", (int64_t)e->bytes.n);
    jsonw_bytes(w, "b", kept);
}

static const char *kind_of(const struct event *e)
{
    if (e->kind == EVENT_TRAFFIC) return event_action_name(e->action);
    return e->kind == EVENT_LOG && e->number == 1 ? "warn" : event_kind_name(e->kind);
}

/* docs/html.md tells the keys. */
static void write_message(struct html_case *c, const struct event *e)
{
    struct jsonw *w = &c->writer;
    jsonw_open(w, NULL, '{');
    jsonw_str(w, "k", kind_of(e));
    jsonw_int(w, "t", e->at - c->began);
    put(w, "a", e->actor);
    put(w, "s", e->step);
    put_place(c, &e->place);
    put_number(w, "c", e->connection);
    put_socket(w, e->socket);
    put_bytes(c, e);
    if (e->kind != EVENT_LOG) put_number(w, "n", e->kind == EVENT_ATTEMPT ? e->attempts : e->number);
    put(w, "m", e->text);
    jsonw_close(w, '}');
}

static bool is_shown(const struct event *e)
{
    if (e->kind == EVENT_TRAFFIC) return !e->wire && e->action != EVENT_STATE;
    return e->kind == EVENT_STEP || e->kind == EVENT_LOG || e->kind == EVENT_LOST || e->kind == EVENT_ATTEMPT;
}

void html_case_add(struct html_case *c, const struct event *e, struct html_page *page)
{
    if (!is_shown(e)) return;
    if (e->kind == EVENT_TRAFFIC && (e->action == EVENT_SEND || e->action == EVENT_RECEIVE)) c->messages++;
    if (html_page_full(page)) {
        c->left_out++;
        return;
    }
    open_part(c);
    write_message(c, e);
    if (c->data.n >= PART) close_part(c, page);
}

static void write_failures(const struct event *e, size_t more, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_open(&w, NULL, '{');
    jsonw_str(&w, "k", "failures");
    jsonl_failures(e, &w);
    put_number(&w, "more", (int64_t)more);
    jsonw_close(&w, '}');
}

static void add_failures(struct html_case *c, const struct event *e)
{
    struct buf text = BUF_INIT(FAILURES_BYTES);
    struct event_failure too_long = {
        .kind = "limit", .message = "what there is to say is longer than 1 MiB", .after = -1, .limit = -1};
    struct event few = *e;
    if (few.nfailures > FAILURES) few.nfailures = FAILURES;
    write_failures(&few, e->nfailures - few.nfailures, &text);
    if (text.overflow) {
        few.failures = &too_long;
        few.nfailures = 1;
        buf_clear(&text);
        write_failures(&few, e->nfailures - 1, &text);
    }
    open_part(c);
    if (c->writer.comma) buf_addc(&c->data, ',');
    buf_add(&c->data, buf_slice(&text));
    c->writer.comma = true;
    buf_done(&text);
}

/* What the list, the table and the search need: it is read when the page opens. */
static void write_entry(const struct html_case *c, const struct event *e, bool detail, struct buf *out)
{
    struct buf why = BUF_INIT(64 * 1024);
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_open(&w, NULL, '{');
    put(&w, "file", e->file);
    put(&w, "name", e->case_name);
    put_number(&w, "line", c->line);
    jsonw_int(&w, "index", e->case_index);
    put(&w, "tags", e->tags);
    put(&w, "id", e->id);
    put(&w, "ref", e->ref);
    put(&w, "quote", e->quote);
    put(&w, "level", e->level);
    put(&w, "covers", e->covers);
    if (e->kind == EVENT_VERDICT) {
        jsonw_str(&w, "verdict", sr_verdict_name(e->verdict));
        jsonw_int(&w, "took", e->duration);
        put_number(&w, "attempts", e->attempts);
        if (e->nfailures) failure_summary(e, &why);
        put(&w, "why", e->nfailures ? buf_str(&why) : e->text);
        if (e->nfailures) put(&w, "text", e->text);
    }
    put_number(&w, "messages", (int64_t)c->messages);
    put_number(&w, "left", (int64_t)c->left_out);
    if (!detail) jsonw_bool(&w, "bare", true);
    jsonw_close(&w, '}');
    buf_done(&why);
}

void html_case_end(struct html_case *c, const struct event *e, struct html_page *page)
{
    struct buf entry = BUF_INIT(DATA_MOST);
    const bool detail = !html_page_full(page);
    if (e->nfailures && detail) add_failures(c, e);
    close_part(c, page);
    write_entry(c, e, detail || !e->nfailures, &entry);
    assert(!entry.overflow);
    html_page_add(page, "data-entry", c->number, buf_slice(&entry));
    buf_done(&entry);
}
