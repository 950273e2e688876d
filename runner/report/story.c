#include "report/story.h"

#include <string.h>

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

void story_add(struct story *s, const struct event *e)
{
    struct player *p = player_of(s, e->actor ? e->actor : "");
    if (!s->began) s->began = e->at;
    if (p->n == STORY_ACTS_MOST && (e->action == EVENT_SEND || e->action == EVENT_RECEIVE)) {
        p->left_out++;
        return;
    }
    struct act *a = ARENA_NEW(s->arena, struct act);
    const struct slice bytes = slice_part(e->bytes, 0, STORY_BYTES);
    *a = (struct act){.action = e->action,
                      .at = e->at,
                      .connection = e->connection,
                      .offset = e->offset,
                      .size = e->bytes.n,
                      .bytes = {arena_dup(s->arena, bytes), bytes.n},
                      .step = keep(s, e->step),
                      .place = e->place,
                      .socket = *e->socket};
    a->place.file = keep(s, e->place.file);
    a->place.text = (struct slice){0};
    a->socket.protocol = keep(s, e->socket->protocol);
    a->socket.local = keep(s, e->socket->local);
    a->socket.peer = keep(s, e->socket->peer);
    a->socket.state = keep(s, e->socket->state);
    a->socket.calls = keep(s, e->socket->calls);
    *p->last = a;
    p->last = &a->next;
    p->n++;
}
