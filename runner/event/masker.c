#include "event/masker.h"

#include "util/arena.h"
#include "util/hash.h"
#include "util/mem.h"

/* One direction of a connection, or what a program says. */
struct piece {
    uint64_t key;
    uint32_t state;
    UT_hash_handle hh;
};

struct masker {
    const struct mask *mask;
    struct piece *pieces;
    struct arena arena; /* of the event that was told last */
    struct event event;
    struct event_socket socket;
};

struct masker *masker_new(const struct mask *m)
{
    struct masker *own = mem_zalloc(sizeof *own);
    own->mask = m;
    return own;
}

static void drop_piece(struct masker *m, struct piece *p)
{
    HASH_DEL(m->pieces, p);
    mem_free(p);
}

void masker_free(struct masker *m)
{
    if (!m) return;
    struct piece *p, *next;
    HASH_ITER(hh, m->pieces, p, next) drop_piece(m, p);
    arena_done(&m->arena);
    mem_free(m);
}

static const char *text(struct masker *m, const char *s)
{
    const struct slice in = slice_of(s);
    struct buf out = BUF_INIT(3 * in.n);
    if (in.n >= MASK_SHORTEST && mask_text(m->mask, in, &out)) s = arena_dup(&m->arena, buf_slice(&out));
    buf_done(&out);
    return s;
}

/* What the caret stands below: the same length. */
static struct place place(struct masker *m, struct place p)
{
    char *to = arena_alloc(&m->arena, p.text.n + 1);
    mask_whole(m->mask, p.text, to);
    p.text.p = to;
    return p;
}

static struct slice window(struct masker *m, struct slice s)
{
    char *to = arena_alloc(&m->arena, s.n + 1);
    mask_window(m->mask, s, to);
    return (struct slice){to, s.n};
}

static uint64_t key_of(const struct event *e)
{
    uint64_t h = 14695981039346656037u;
    if (e->connection) return (uint64_t)e->connection << 2 | (uint64_t)e->wire << 1 | (e->action == EVENT_SEND);
    for (const char *p = e->actor ? e->actor : ""; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    return h | UINT64_C(1) << 63;
}

static uint32_t *state_of(struct masker *m, const struct event *e)
{
    const uint64_t key = key_of(e);
    struct piece *p;
    HASH_FIND(hh, m->pieces, &key, sizeof key, p);
    if (!p) {
        p = mem_zalloc(sizeof *p);
        p->key = key;
        HASH_ADD(hh, m->pieces, key, sizeof p->key, p);
    }
    return &p->state;
}

static void forget(struct masker *m, const struct event *e)
{
    struct event one = *e;
    for (int i = 0; i < 4; i++) {
        struct piece *p;
        one.wire = i & 1;
        one.action = i & 2 ? EVENT_SEND : EVENT_RECEIVE;
        const uint64_t key = key_of(&one);
        HASH_FIND(hh, m->pieces, &key, sizeof key, p);
        if (p) drop_piece(m, p);
    }
}

static struct slice bytes(struct masker *m, const struct event *e)
{
    if (e->kind != EVENT_TRAFFIC || !e->bytes.n) return e->bytes;
    char *to = arena_alloc(&m->arena, e->bytes.n);
    mask_bytes(m->mask, e->bytes, state_of(m, e), to, e->bytes.n);
    return (struct slice){to, e->bytes.n};
}

static const struct event_socket *socket(struct masker *m, const struct event_socket *s)
{
    if (!s) return NULL;
    m->socket = *s;
    m->socket.local = text(m, s->local);
    m->socket.peer = text(m, s->peer);
    m->socket.calls = text(m, s->calls);
    return &m->socket;
}

static struct event_failure failure(struct masker *m, const struct event_failure *f)
{
    struct event_failure own = *f;
    own.actor = text(m, f->actor);
    own.step = text(m, f->step);
    own.place = place(m, f->place);
    own.message = text(m, f->message);
    if (f->dump.present) {
        own.dump.expected = window(m, f->dump.expected);
        own.dump.got = window(m, f->dump.got);
    }
    own.notes = arena_array(&m->arena, f->nnotes, sizeof *own.notes);
    for (size_t i = 0; i < f->nnotes; i++)
        own.notes[i] = (struct event_note){text(m, f->notes[i].label), text(m, f->notes[i].text)};
    return own;
}

const struct event *masker_event(struct masker *m, const struct event *e)
{
    struct event *own = &m->event;
    arena_done(&m->arena);
    *own = *e;
    own->case_name = text(m, e->case_name);
    own->tags = text(m, e->tags);
    own->id = text(m, e->id);
    own->ref = text(m, e->ref);
    own->quote = text(m, e->quote);
    own->covers = text(m, e->covers);
    own->actor = text(m, e->actor);
    own->step = text(m, e->step);
    own->place = place(m, e->place);
    own->socket = socket(m, e->socket);
    own->bytes = bytes(m, e);
    own->text = text(m, e->text);
    if (e->nfailures) own->failures = arena_array(&m->arena, e->nfailures, sizeof *own->failures);
    for (size_t i = 0; i < e->nfailures; i++)
        own->failures[i] = failure(m, &e->failures[i]);
    if (e->kind == EVENT_TRAFFIC && e->connection && (e->action == EVENT_CLOSE || e->action == EVENT_RESET))
        forget(m, e);
    return own;
}
