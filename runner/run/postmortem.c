#include "run/postmortem.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "engine/recorder.h"
#include "net/process.h"
#include "util/text.h"
#include "util/units.h"

enum {
    MESSAGES_SHOWN = 10,
    VERB_MOST = 32,
    NOTES_MOST = BOARD_ACTORS + 8,
};

/* Between these the linker has put all constant data of the program. */
extern const char __executable_start, edata;

/* The verb of a board whose writer may have gone mad: only what points into the program is followed. */
static const char *safe_verb(const struct board_actor *actor, char text[VERB_MOST])
{
    uintptr_t verb = (uintptr_t)actor->verb, last = (uintptr_t)&edata;
    if (verb < (uintptr_t)&__executable_start || verb >= last) return NULL;
    size_t room = last - verb < VERB_MOST - 1 ? last - verb : VERB_MOST - 1;
    snprintf(text, VERB_MOST, "%.*s", (int)room, actor->verb);
    return text;
}

static const char *safe_text(const char *text, size_t size, struct arena *a)
{
    return arena_dup(a, (struct slice){text, strnlen(text, size)});
}

/* "2.1" */
static const char *show_path(const struct board_actor *actor, struct arena *a)
{
    const char *path = "";
    for (int i = 0; i < BOARD_PATH && actor->path[i]; i++)
        path = arena_printf(a, "%s%s%u", path, i ? "." : "", actor->path[i]);
    return path;
}

static const char *show_step(const struct board_actor *actor, const char *verb, struct arena *a)
{
    const char *path = show_path(actor, a);
    return *path ? arena_printf(a, "step %s %s", path, verb) : arena_printf(a, "%s", verb);
}

static const char *show_actor(const struct postmortem *p, const struct board_actor *actor, struct arena *a)
{
    char text[VERB_MOST], since[UNITS_TEXT];
    const char *verb = safe_verb(actor, text);
    if (!verb) return "was at no step";
    units_show_duration(p->now > actor->since ? p->now - actor->since : 0, since);
    return arena_printf(a, "was at %s, %s:%u:%u, for %s", show_step(actor, verb, a), p->worker->file->name, actor->line,
                        actor->col, since);
}

static const char *show_status(const struct postmortem *p, struct arena *a)
{
    char text[UNITS_TEXT];
    if (WIFEXITED(p->status) && WEXITSTATUS(p->status) == SR_EXIT_ERROR) {
        if (p->memory == 0) return "its process ran out of memory";
        return arena_printf(a, "its process ran out of memory: it may have %s (--memory)",
                            units_show_size(p->memory, text));
    }
    if (WIFEXITED(p->status))
        return arena_printf(a, "its process ended with code %d and without a verdict", WEXITSTATUS(p->status));
    if (WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGKILL)
        return "its process was killed from outside (signal KILL): the system does so when memory is short";
    return arena_printf(a, "its process crashed (%s)", process_show_status(p->status, text));
}

static const char *show_deadline(const struct postmortem *p, struct arena *a)
{
    char deadline[UNITS_TEXT], grace[UNITS_TEXT];
    if (p->beside) return "let no other case go on until one ran past its deadline, and was killed with their process";
    units_show_duration(p->limit > 0 ? p->limit : 0, deadline);
    units_show_duration(p->grace, grace);
    return arena_printf(a, "ran past its deadline of %s and %s of grace, and was killed", deadline, grace);
}

const char *postmortem_reason(const struct postmortem *p, struct arena *a)
{
    char text[UNITS_TEXT];
    switch (p->worker->fault) {
    case FAULT_NONE: return show_status(p, a);
    case FAULT_DEADLINE: return show_deadline(p, a);
    case FAULT_LOADING:
        return arena_printf(a, "its process did nothing for %s and was killed", units_show_duration(p->load, text));
    case FAULT_WORDS: return arena_printf(a, "its process reported what cannot be read: %s", p->worker->words);
    }
    return "";
}

static const char *kind_of(const struct postmortem *p)
{
    bool killed = p->worker->fault == FAULT_DEADLINE || p->worker->fault == FAULT_LOADING ||
                  (WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGKILL && p->worker->fault == FAULT_NONE);
    return killed ? "killed" : "crash";
}

static void add_note(struct event_failure *f, const char *label, const char *text)
{
    if (f->nnotes < NOTES_MOST && *text) f->notes[f->nnotes++] = (struct event_note){.label = label, .text = text};
}

/* The one actor that is at a step, where there is just one. */
static const struct board_actor *only_actor(const struct board *b)
{
    const struct board_actor *only = NULL;
    char text[VERB_MOST];
    if (b->nactors > BOARD_ACTORS) return NULL;
    for (uint32_t i = 0; i < b->nactors; i++) {
        if (!b->actors[i].name[0] || !safe_verb(&b->actors[i], text)) continue;
        if (only) return NULL;
        only = &b->actors[i];
    }
    return only;
}

static void set_place(const struct postmortem *p, uint32_t line, uint32_t col, struct event_failure *f)
{
    const struct suite_file *file = p->worker->file;
    f->place = (struct place){.file = file->name, .line = line, .col = col, .span = 1, .text = suite_line(file, line)};
}

/* Where the case begins. */
static void set_case_place(const struct postmortem *p, uint32_t line, struct event_failure *f)
{
    set_place(p, line, 1, f);
    while (f->place.col <= f->place.text.n && f->place.text.p[f->place.col - 1] == ' ')
        f->place.col++;
}

static void blame_actor(const struct postmortem *p, const struct board_actor *actor, struct arena *a,
                        struct event_failure *f)
{
    char text[VERB_MOST];
    f->actor = safe_text(actor->name, BOARD_NAME, a);
    f->step = show_step(actor, safe_verb(actor, text), a);
    f->after = p->now > actor->since ? p->now - actor->since : 0;
    set_place(p, actor->line, actor->col, f);
}

static void read_board(const struct postmortem *p, const struct board *b, struct arena *a, struct event_failure *f)
{
    const struct board *first = p->worker->board;
    const struct board_actor *only = only_actor(b);
    if (only) blame_actor(p, only, a, f);
    add_note(f, "phase", safe_text(b->phase, sizeof b->phase, a));
    add_note(f, "Lua", safe_text(first->lua, sizeof first->lua, a));
    for (uint32_t i = 0; i < b->nactors && i < BOARD_ACTORS; i++) {
        const struct board_actor *actor = &b->actors[i];
        if (!actor->name[0] || actor == only) continue;
        add_note(f, safe_text(actor->name, BOARD_NAME, a), show_actor(p, actor, a));
    }
    if (b->nactors > BOARD_ACTORS) add_note(f, "more actors", arena_printf(a, "%u", b->nactors - BOARD_ACTORS));
    add_note(f, "last messages", recorder_show(b, MESSAGES_SHOWN, a));
}

void postmortem_verdict(const struct postmortem *given, uint32_t index, const char *before, struct arena *a,
                        struct event *ret)
{
    struct postmortem own = *given, *p = &own;
    const struct board *b = board_of_case(p->worker->board, (int32_t)index);
    const struct worker_case *c = worker_running(p->worker, index);
    p->limit = c ? c->limit : b ? b->deadline - b->started : 0;
    p->beside = c && p->worker->nrunning > 1 && p->now < c->deadline;
    struct event_failure *f = ARENA_NEW(a, struct event_failure);
    *f = (struct event_failure){.kind = kind_of(p), .after = -1, .limit = -1};
    f->notes = arena_array(a, NOTES_MOST, sizeof *f->notes);
    set_case_place(p, p->worker->file->cases[index].line, f);
    const char *reason = postmortem_reason(p, a);
    f->message = before ? arena_printf(a, "%s: %s", before, reason) : reason;
    *ret = (struct event){.kind = EVENT_VERDICT, .verdict = SR_ERROR, .failures = f, .nfailures = 1};
    ret->case_index = (int32_t)index;
    if (before || !b) return;
    ret->duration = p->now > b->started ? p->now - b->started : 0;
    read_board(p, b, a, f);
    if (b->folder[0]) ret->folder = safe_text(b->folder, sizeof b->folder, a);
}
