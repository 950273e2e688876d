#include "run/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/script.h"
#include "lua/expr.h"
#include "lua/state.h"
#include "run/test_probe.h"
#include "scenario/index.h"
#include "steps/list.h"
#include "util/mem.h"
#include "util/permit.h"

/* Made once for all files. */
struct loading {
    struct suite *suite;
    struct paths *paths;
    const struct settings *settings;
    struct luastate *lua;
    struct buf text;         /* what is being read */
    const char *folder_name; /* of the last file, and its absolute form: files of one folder come together */
    const char *folder;
};

/* One file and the ones it includes. */
struct reading {
    struct loading *loading;
    struct suite_file *file;
    uint32_t size; /* of file->texts */
};

/* NULL, or why not as a phrase. The text lives as long as the suite. */
static const char *read_text(struct loading *l, int fd, struct slice *ret)
{
    ssize_t n;
    buf_clear(&l->text);
    do {
        char *room = buf_room(&l->text, 64 * 1024);
        if (!room) return "it has more than 16 MiB";
        n = read(fd, room, 64 * 1024);
        if (n < 0 && errno != EINTR) return strerror(errno);
        if (n > 0) l->text.n += (size_t)n;
    } while (n != 0);
    ret->n = l->text.n;
    ret->p = arena_dup(&l->suite->arena, buf_slice(&l->text));
    return NULL;
}

static const char *open_text(struct loading *l, const char *name, struct slice *ret)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return strerror(errno);
    const char *why = read_text(l, fd, ret);
    close(fd);
    return why;
}

static void add_text(struct reading *r, const char *name, struct slice text)
{
    struct suite_file *f = r->file;
    if (f->ntexts == r->size) {
        struct child_text *old = f->texts;
        r->size = r->size ? 4 * r->size : 1;
        f->texts = arena_array(&r->loading->suite->arena, r->size, sizeof *f->texts);
        if (old) memcpy(f->texts, old, f->ntexts * sizeof *old);
    }
    f->texts[f->ntexts++] = (struct child_text){.name = name, .text = text};
}

static bool read_included(void *ctx, const char *path, struct slice *ret_text, const char **ret_why)
{
    struct reading *r = ctx;
    struct loading *l = r->loading;
    struct permit_scope scope = {.permit = l->settings->permit, .folder = r->file->folder};
    struct permit_need need;
    struct slice text;
    for (uint32_t i = 1; i < r->file->ntexts; i++) {
        if (strcmp(r->file->texts[i].name, path) != 0) continue;
        *ret_text = r->file->texts[i].text;
        return true;
    }
    int fd = permit_open(&scope, path, O_RDONLY | O_NOCTTY, 0, &need);
    if (fd < 0) {
        *ret_why = fd == -PERMIT_DENIED ? arena_printf(&l->suite->arena, "not permitted without %s", need.flag)
                                        : strerror(-fd);
        return false;
    }
    const char *why = read_text(l, fd, &text);
    close(fd);
    if (why) {
        *ret_why = why;
        return false;
    }
    add_text(r, arena_dup(&l->suite->arena, slice_of(path)), text);
    *ret_text = text;
    return true;
}

/* The absolute folder of a file; NULL and errno. */
static const char *folder_of(struct loading *l, const char *name)
{
    char absolute[PATH_MAX];
    const char *slash = strrchr(name, '/');
    size_t n = slash ? (size_t)(slash - name) : 0;
    struct slice part = n ? (struct slice){name, n} : slash ? SLICE("/") : SLICE(".");
    if (l->folder_name && slice_is(part, l->folder_name)) return l->folder;
    const char *folder_name = arena_dup(&l->suite->arena, part);
    if (!realpath(folder_name, absolute)) return NULL;
    l->folder_name = folder_name;
    l->folder = arena_dup(&l->suite->arena, slice_of(absolute));
    return l->folder;
}

static const char *keep(struct arena *a, const char *text)
{
    return text && *text ? arena_dup(a, slice_of(text)) : "";
}

static const char *keep_mark(struct arena *a, const char *text)
{
    return text && *text ? arena_dup(a, slice_of(text)) : NULL;
}

/* The text of the file lives as long as the suite; that of an included one does too. */
static struct place keep_place(struct suite_file *f, struct mark mark)
{
    if (!mark.source) return (struct place){0};
    struct place p = source_place(mark);
    p.file = f->name;
    p.text = suite_line(f, p.line);
    return p;
}

static void keep_case(struct arena *a, struct suite_file *f, const struct case_model *c, struct suite_case *ret)
{
    const bool leveled = c->level && c->level->kind == NODE_SCALAR;
    *ret = (struct suite_case){.name = keep(a, c->name),
                               .tags = keep(a, c->tags),
                               .line = source_line(c->mark),
                               .timeout = c->timeout,
                               .id = keep_mark(a, c->id),
                               .ref = keep_mark(a, c->ref),
                               .quote = keep_mark(a, c->quote),
                               .level = leveled ? keep_mark(a, c->level->text.p) : NULL,
                               .covers = keep_mark(a, c->covers),
                               .serial = keep_mark(a, c->serial)};
    if (c->id) ret->id_place = keep_place(f, c->id_mark);
    if (c->only) ret->only = keep_place(f, c->only->mark);
}

static void keep_cases(struct suite *s, struct suite_file *f, const struct scenario *scenario)
{
    f->title = keep(&s->arena, scenario->name);
    f->serial = keep_mark(&s->arena, scenario->serial);
    f->ncases = scenario->ncases;
    f->cases = arena_array(&s->arena, f->ncases, sizeof *f->cases);
    for (uint32_t i = 0; i < f->ncases; i++)
        keep_case(&s->arena, f, &scenario->cases[i], &f->cases[i]);
}

/* The line at which the case begins that holds `line`; 0 if there is none. */
static uint32_t case_start(const struct suite_file *f, uint32_t line)
{
    uint32_t start = 0;
    bool several = false;
    if (suite_line(f, line).p == NULL) return 0;
    for (uint32_t i = 0; i < f->ncases; i++) {
        uint32_t at = f->cases[i].line;
        several = several || at != f->cases[0].line;
        if (at <= line && at > start) start = at;
    }
    if (!several && f->ncases) return f->cases[0].line;
    return start;
}

static bool names_case(const struct path_file *p, const struct suite_file *f, const struct suite_case *c)
{
    if (p->whole) return true;
    for (uint32_t i = 0; i < p->nlines; i++) {
        if (case_start(f, p->lines[i]) == c->line) return true;
    }
    return false;
}

static void check_lines(struct loading *l, const struct path_file *p, const struct suite_file *f)
{
    for (uint32_t i = 0; i < p->nlines; i++) {
        if (case_start(f, p->lines[i]) == 0)
            paths_complain(l->paths, "%s:%u: there is no case at this line", f->name, p->lines[i]);
    }
}

static bool is_wanted(struct selection *s, const struct suite_file *f, const struct suite_case *c)
{
    const char *name = c->id ? c->id : *c->name ? c->name : f->title;
    return selection_wants(s, f->name, c->name, c->tags) && selection_names(s, name);
}

static void select_cases(struct loading *l, const struct path_file *p, struct suite_file *f,
                         struct selection *selection)
{
    f->selected = arena_array(&l->suite->arena, f->ncases, sizeof *f->selected);
    for (uint32_t i = 0; i < f->ncases; i++) {
        const struct suite_case *c = &f->cases[i];
        if (!names_case(p, f, c)) continue;
        if (selection && !is_wanted(selection, f, c)) continue;
        f->selected[f->nselected++] = i;
    }
    l->suite->ncases += f->ncases;
    l->suite->nselected += f->nselected;
}

/* Compiled here; what it has to be run for is done elsewhere. */
static void check_script(struct loading *l, struct suite_file *f)
{
    struct suite *s = l->suite;
    struct arena arena;
    struct source source;
    size_t at = 0;
    arena_init(&arena);
    source_init(&source, f->name, f->texts[0].text);
    const char *end =
        slice_starts(source.text, SLICE("#")) ? memchr(source.text.p, '\n', source.text.n) : source.text.p;
    const size_t head = end ? (size_t)(end - source.text.p) : source.text.n;
    struct expr *e = expr_new(&arena, EXPR_CHUNK, slice_part(source.text, head, source.text.n), head, f->name, 1);
    const char *why = expr_check(l->lua, e, &arena, &at);
    if (why)
        diags_add(&s->diags, source_place((struct mark){&source, (uint32_t)(head + at), 1}), "%s", why);
    else if (!l->settings->check_only)
        test_probe(s, f, l->settings);
    source_done(&source);
    arena_done(&arena);
}

static void check_file(struct loading *l, struct suite_file *f, struct reading *r)
{
    if (script_named(f->name)) {
        f->script = true;
        check_script(l, f);
        return;
    }
    struct suite *s = l->suite;
    struct arena arena;
    struct load_options o = {
        .steps = step_list, .folder = f->folder, .target = l->settings->target, .read = read_included, .ctx = r};
    arena_init(&arena);
    struct scenario *scenario = plan_check(&o, f->name, f->texts[0].text, l->settings, l->lua, &arena, &s->diags);
    if (scenario) keep_cases(s, f, scenario);
    scenario_done(scenario);
    arena_done(&arena);
}

static void load_file(struct loading *l, const struct path_file *p, struct selection *selection)
{
    struct suite *s = l->suite;
    struct suite_file *f = &s->files[s->n];
    struct reading r = {.loading = l, .file = f};
    struct slice text;
    *f = (struct suite_file){
        .name = arena_dup(&s->arena, slice_of(p->name)), .title = "", .folder = folder_of(l, p->name)};
    const char *why = f->folder ? open_text(l, p->name, &text) : strerror(errno);
    if (why) {
        paths_complain(l->paths, "%s: %s", p->name, why);
        return;
    }
    s->n++;
    add_text(&r, f->name, text);
    check_file(l, f, &r);
    /* A file that is wrong has no cases one could name. */
    if (s->diags.n == 0 && !(f->script && l->settings->check_only)) check_lines(l, p, f);
    select_cases(l, p, f, selection);
}

static void say_id(struct suite *s, const struct suite_case *c, const struct suite_case *other)
{
    struct diag *g = diags_add(&s->diags, c->id_place, "two cases have the id `%s`", c->id);
    diag_also(&s->diags, g, other->id_place, "the other one");
}

/* Of one file it has been said when it was loaded. */
static void check_ids(struct suite *s)
{
    struct index ids = {0};
    struct arena arena;
    arena_init(&arena);
    const struct suite_case **seen = arena_array(&arena, s->ncases, sizeof *seen);
    const struct suite_file **files = arena_array(&arena, s->ncases, sizeof *files);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct suite_file *f = &s->files[i];
        for (uint32_t k = 0; k < f->ncases; k++) {
            if (!f->cases[k].id) continue;
            const uint32_t at = index_add(&ids, &arena, slice_of(f->cases[k].id), n);
            seen[n] = &f->cases[k];
            files[n++] = f;
            if (at == n - 1 || files[at] == f) continue;
            say_id(s, seen[at], seen[n - 1]);
            say_id(s, seen[n - 1], seen[at]);
        }
    }
    arena_done(&arena);
}

static void refuse_only(struct suite *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t k = 0; k < s->files[i].ncases; k++) {
            const struct suite_case *c = &s->files[i].cases[k];
            if (!c->only.line) continue;
            struct diag *g = diags_add(&s->diags, c->only, "`only` leaves out all other cases, and CI is set");
            diag_hint(&s->diags, g, "it is for the time of writing: take it away");
        }
}

bool suite_load(struct suite *s, struct paths *paths, const struct settings *settings, struct selection *selection)
{
    struct loading l = {
        .suite = s, .paths = paths, .settings = settings, .text = BUF_INIT(SUITE_FILE_MOST + 64 * 1024)};
    *s = (struct suite){0};
    arena_init(&s->arena);
    diags_init(&s->diags);
    s->files = arena_array(&s->arena, paths->n, sizeof *s->files);
    l.lua = luastate_new(settings->lua_memory);
    if (!l.lua) paths_complain(paths, "--lua-memory: Lua cannot start within so little");
    for (uint32_t i = 0; l.lua && i < paths->n; i++)
        load_file(&l, &paths->files[i], selection);
    check_ids(s);
    if (settings->ci) refuse_only(s);
    luastate_free(l.lua);
    buf_done(&l.text);
    return paths->wrong.n == 0;
}

void suite_done(struct suite *s)
{
    diags_done(&s->diags);
    arena_done(&s->arena);
    *s = (struct suite){0};
}

void suite_keep_only(struct suite *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t k = 0; k < s->files[i].nselected; k++)
            any = any || s->files[i].cases[s->files[i].selected[k]].only.line;
    if (!any) return;
    s->nselected = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        struct suite_file *f = &s->files[i];
        uint32_t n = 0;
        for (uint32_t k = 0; k < f->nselected; k++)
            if (f->cases[f->selected[k]].only.line) f->selected[n++] = f->selected[k];
        f->nselected = n;
        s->nselected += n;
    }
}

static void note_serial(struct suite_file *f, const char *name)
{
    if (!name) return;
    for (uint32_t i = 0; i < f->nserials; i++)
        if (strcmp(f->serials[i], name) == 0) return;
    f->serials[f->nserials++] = name;
}

void suite_note_serials(struct suite *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct suite_file *f = &s->files[i];
        f->serials = arena_array(&s->arena, f->nselected + 1, sizeof *f->serials);
        note_serial(f, f->serial);
        for (uint32_t k = 0; k < f->nselected; k++)
            note_serial(f, f->cases[f->selected[k]].serial);
    }
}

struct slice suite_line(const struct suite_file *f, uint32_t line)
{
    struct slice rest = f->texts[0].text;
    for (uint32_t i = 1; rest.n; i++) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (i == line) return slice_part(rest, 0, n && rest.p[n - 1] == '\r' ? n - 1 : n);
        rest = slice_part(rest, end ? n + 1 : n, rest.n);
    }
    return (struct slice){NULL, 0};
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_error(const struct diag *a, const struct diag *b)
{
    return a->place.line == b->place.line && a->place.col == b->place.col && same(a->message, b->message) &&
           same(a->hint, b->hint) && same(a->place.file, b->place.file);
}

void suite_errors(const struct suite *s, uint32_t *ret_errors, uint32_t *ret_files)
{
    const struct diags *d = &s->diags;
    uint32_t errors = d->dropped, files = 0;
    for (uint32_t i = 0; i < d->n; i++) {
        bool new_error = true, new_file = true;
        for (uint32_t k = 0; k < i; k++) {
            if (same(d->list[k].place.file, d->list[i].place.file)) new_file = false;
            if (same_error(&d->list[k], &d->list[i])) new_error = false;
        }
        errors += new_error;
        files += new_file;
    }
    *ret_errors = errors;
    *ret_files = files;
}
