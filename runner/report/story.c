#include "report/story.h"

#include <stddef.h>
#include <string.h>

#include "report/record.h"

enum { NAMES_MOST = 512 };

static const char *keep(struct story *s, const char *text)
{
    return text ? arena_dup(s->arena, slice_of(text)) : NULL;
}

static struct player *player_of(struct story *s, const char *name)
{
    struct player **at = &s->players;
    for (; *at; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0) return *at;
    struct player *p = ARENA_NEW(s->arena, struct player);
    p->name = keep(s, name);
    p->last = &p->first;
    *at = p;
    return p;
}

static struct act *last_act(const struct player *p)
{
    return p->first ? (struct act *)(void *)((char *)p->last - offsetof(struct act, next)) : NULL;
}

/* What stands below TLS is told of before what it carries: data, or an end. The handshake carries nothing. */
static bool carries(const struct act *a, const struct event *e)
{
    const bool sent = a->action == EVENT_SEND;
    if (!a->wire || !a->socket.tls || a->connection != e->connection) return false;
    if (e->action == EVENT_SEND || e->action == EVENT_SHUTDOWN || e->action == EVENT_CLOSE) return sent;
    return !sent && (e->action == EVENT_RECEIVE || e->action == EVENT_PEER_CLOSE || e->action == EVENT_PEER_RESET);
}

static const char *join(struct story *s, const char *a, const char *gap, const char *b)
{
    return !a || !*a ? keep(s, b) : !b || !*b ? a : arena_printf(s->arena, "%s%s%s", a, gap, b);
}

static void fill(struct story *s, struct act *a, const struct event *e)
{
    const struct slice bytes = slice_part(e->bytes, 0, STORY_BYTES);
    a->action = e->action;
    a->wire = e->wire;
    a->offset = e->offset;
    a->size = e->bytes.n;
    a->bytes = (struct slice){arena_dup(s->arena, bytes), bytes.n};
    a->socket = *e->socket;
    a->socket.protocol = keep(s, e->socket->protocol);
    a->socket.local = keep(s, e->socket->local);
    a->socket.peer = keep(s, e->socket->peer);
    a->socket.state = keep(s, e->socket->state);
    a->socket.tls = keep(s, e->socket->tls);
}

static void add_records(struct story *s, struct act *a, const struct event *e)
{
    struct buf names = BUF_INIT(NAMES_MOST);
    const bool sealed = !a->records || a->sealed;
    const unsigned more = record_names(e->bytes, &names);
    a->sealed = sealed && more ? a->sealed + more : 0;
    a->records = a->sealed > more ? arena_printf(s->arena, "%u sealed records", a->sealed)
                                  : join(s, a->records, ", ", buf_str(&names));
    buf_done(&names);
}

/* It becomes part of the act before it. */
static void carry_on(struct story *s, struct act *a, const struct event *e)
{
    const char *calls = a->socket.calls;
    const uint64_t offset = a->offset, size = a->size;
    fill(s, a, e);
    if (!e->wire || ++a->ncalls <= STORY_CALLS) calls = join(s, calls, "\n", e->socket->calls);
    a->socket.calls = calls;
    if (!e->wire) return;
    a->offset = offset;
    a->size = size + e->bytes.n;
    a->wire_offset = a->offset;
    a->wire_size = a->size;
    add_records(s, a, e);
}

void story_add(struct story *s, const struct event *e)
{
    struct player *p = player_of(s, e->actor ? e->actor : "");
    if (!s->began) s->began = e->at;
    if (p->n == STORY_ACTS_MOST && (e->action == EVENT_SEND || e->action == EVENT_RECEIVE)) {
        p->left_out++;
        return;
    }
    struct act *last = last_act(p);
    if (last && carries(last, e)) {
        carry_on(s, last, e);
        return;
    }
    struct act *a = ARENA_NEW(s->arena, struct act);
    *a = (struct act){
        .at = e->at, .connection = e->connection, .step = keep(s, e->step), .place = e->place, .ncalls = e->wire};
    fill(s, a, e);
    if (e->wire) {
        a->wire_offset = e->offset;
        a->wire_size = e->bytes.n;
        add_records(s, a, e);
    }
    a->place.file = keep(s, e->place.file);
    a->place.text = (struct slice){0};
    a->socket.calls = keep(s, e->socket->calls);
    *p->last = a;
    p->last = &a->next;
    p->n++;
}
