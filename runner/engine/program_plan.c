#include "engine/program_plan.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "engine/compile.h"
#include "engine/matching.h"
#include "lua/names.h"
#include "net/process.h"
#include "util/suggest.h"
#include "util/units.h"

enum { COLUMNS = 80, ROWS = 24 };
enum { PASS_MOST = 64, SIGNALS = 32, NAME_MOST = 32 };

static const int64_t grace_default = 2 * NS_PER_S;

/* The name of a signal is short: what is longer is none. */
static int signal_of(struct slice text)
{
    char name[NAME_MOST];
    if (text.n >= sizeof name || memchr(text.p, 0, text.n)) return 0;
    memcpy(name, text.p, text.n);
    name[text.n] = 0;
    return signal_of_name(name);
}

static void offer_signals(struct suggest *s)
{
    for (int i = 1; i < SIGNALS; i++)
        if (signal_name(i)) suggest_offer(s, slice_of(signal_name(i)));
}

int signal_compile(struct compiler *c, const struct node *n)
{
    if (n->kind != NODE_SCALAR) return 0;
    const int signal = signal_of(n->text);
    if (signal) return signal;
    struct suggest s;
    suggest_init(&s, n->text);
    offer_signals(&s);
    diag_suggest(c->diags, compile_error(c, n->mark, "there is no signal `%s`", n->text.p), &s);
    return 0;
}

const char *exit_want_parse(struct slice text, bool any, struct exit_want *ret)
{
    int64_t code = 0;
    if (any && slice_is(text, "any")) {
        *ret = (struct exit_want){.any = true};
        return NULL;
    }
    if (!units_int(text, &code)) {
        *ret = (struct exit_want){.code = (int)code};
        return code >= 0 && code <= 255 ? NULL : "an exit code is between 0 and 255";
    }
    const int signal = signal_of(text);
    *ret = (struct exit_want){.code = -1, .signal = signal};
    return signal ? NULL : "a program ends with a code, such as 0, or by a signal, such as TERM";
}

bool exit_want_compile(struct compiler *c, const struct node *n, bool any, struct exit_want *ret)
{
    if (n->kind != NODE_SCALAR) return false;
    const char *why = exit_want_parse(n->text, any, ret);
    if (!why) return true;
    struct suggest s;
    suggest_init(&s, n->text);
    offer_signals(&s);
    if (any) suggest_offer(&s, SLICE("any"));
    diag_suggest(c->diags, compile_error(c, n->mark, "%s", why), &s);
    return false;
}

bool exit_want_met(const struct exit_want *w, int status)
{
    if (w->any) return true;
    if (w->code >= 0) return WIFEXITED(status) && WEXITSTATUS(status) == w->code;
    return WIFSIGNALED(status) && WTERMSIG(status) == w->signal;
}

const char *exit_want_show(const struct exit_want *w, char text[32])
{
    if (w->any)
        snprintf(text, 32, "any end");
    else if (w->code >= 0)
        snprintf(text, 32, "code %d", w->code);
    else
        snprintf(text, 32, "signal %s", signal_name(w->signal));
    return text;
}

/* The value below a key whose map has keys of the user's own. */
static bool take_text(struct compiler *c, const struct node *n, const char *what, struct text_plan *ret)
{
    if (n->kind == NODE_SCALAR) return compile_text(c, n, ret);
    compile_error(c, n->mark, "%s is a text, not %s", what, node_what(n));
    return false;
}

static bool is_env_name(struct slice name)
{
    return name.n && !memchr(name.p, '=', name.n) && !memchr(name.p, 0, name.n);
}

static bool compile_env(struct compiler *c, const struct node *env, struct program_plan *p)
{
    bool ok = true;
    if (!env || env->kind != NODE_MAP) return true;
    p->env = arena_array(c->arena, env->n, sizeof *p->env);
    for (uint32_t i = 0; i < env->n; i++) {
        const struct pair *pair = &env->pairs[i];
        struct env_plan *e = &p->env[p->nenv++];
        e->name = pair->key->text.p;
        if (!is_env_name(pair->key->text)) {
            compile_error(c, pair->key->mark, "this is no name of an environment variable");
            ok = false;
        }
        ok &= take_text(c, pair->value, "a variable of the environment", &e->value);
    }
    return ok;
}

static struct text_plan *compile_optional(struct compiler *c, const struct node *n, bool *ok)
{
    if (!n) return NULL;
    struct text_plan *t = ARENA_NEW(c->arena, struct text_plan);
    if (n->kind != NODE_SCALAR || !compile_text(c, n, t)) *ok = false;
    return t;
}

bool program_plan_command(struct compiler *c, const struct node *argv, const struct node *env, const struct node *cwd,
                          struct program_plan *ret)
{
    bool ok = true;
    /* What is not of the right kind has a diagnostic already, here as below. */
    if (!argv || argv->kind != NODE_LIST || !argv->n) return false;
    ret->argv = arena_array(c->arena, argv->n, sizeof *ret->argv);
    ret->nargv = argv->n;
    for (uint32_t i = 0; i < argv->n; i++)
        ok &= argv->items[i]->kind == NODE_SCALAR && compile_text(c, argv->items[i], &ret->argv[i]);
    ok &= compile_env(c, env, ret);
    ret->cwd = compile_optional(c, cwd, &ok);
    return ok;
}

/* A relative path that stays below where it begins. */
static const char *check_path(struct slice path)
{
    if (!path.n) return "a file needs a name";
    if (memchr(path.p, 0, path.n)) return "a path holds no NUL";
    if (path.p[0] == '/') return "files are written below the case's folder: the path cannot be absolute";
    if (path.p[path.n - 1] == '/') return "a file needs a name: this is a folder";
    for (size_t at = 0; at < path.n;) {
        const char *end = memchr(path.p + at, '/', path.n - at);
        const struct slice part = {path.p + at, end ? (size_t)(end - path.p) - at : path.n - at};
        if (slice_is(part, "..")) return "files are written below the case's folder: the path cannot lead out by `..`";
        at += part.n + 1;
    }
    return NULL;
}

static bool compile_files(struct compiler *c, const struct node *files, struct program_plan *p)
{
    bool ok = true;
    if (!files || files->kind != NODE_MAP) return true;
    p->files = arena_array(c->arena, files->n, sizeof *p->files);
    for (uint32_t i = 0; i < files->n; i++) {
        const struct pair *pair = &files->pairs[i];
        struct file_plan *f = &p->files[p->nfiles++];
        f->name = pair->key->text.p;
        const char *why = check_path(pair->key->text);
        if (why) {
            compile_error(c, pair->key->mark, "%s", why);
            ok = false;
        }
        ok &= take_text(c, pair->value, "what a file holds", &f->text);
    }
    return ok;
}

static bool compile_pass(struct compiler *c, const struct node *pass, struct program_plan *p)
{
    bool ok = true;
    if (!pass || pass->kind != NODE_MAP) return true;
    if (pass->n > PASS_MOST) {
        compile_error(c, pass->mark, "at most %d listeners can be passed", PASS_MOST);
        return false;
    }
    p->pass = arena_array(c->arena, pass->n, sizeof *p->pass);
    for (uint32_t i = 0; i < pass->n; i++) {
        const struct pair *pair = &pass->pairs[i];
        struct pass_plan *l = &p->pass[p->npass++];
        l->name = pair->key->text.p;
        if (!names_is_name(pair->key->text)) {
            compile_error(c, pair->key->mark, "a name is letters, digits and `_`, and no word of Lua");
            ok = false;
        }
        ok &= address_compile(c, pair->value, true, &l->address);
    }
    return ok;
}

static bool compile_ready_connect(struct compiler *c, const struct node *n, struct program_plan *p)
{
    p->ready = READY_CONNECT;
    if (!address_compile(c, n, false, &p->connect)) return false;
    if (!p->connect.fails.written && !p->connect.retry) return true;
    compile_error(c, n->mark, "`ready` tries to connect until it can: neither `retry` nor `fails` has a meaning here");
    return false;
}

static bool compile_ready(struct compiler *c, const struct node *ready, struct program_plan *p)
{
    bool ok = true;
    p->ready = READY_AT_ONCE;
    if (!ready) return true;
    if (ready->kind != NODE_MAP || ready->n != 1) return false;
    const struct node *key = ready->pairs[0].key, *value = ready->pairs[0].value;
    p->ready_mark = key->mark;
    if (slice_is(key->text, "connect")) return compile_ready_connect(c, value, p);
    if (slice_is(key->text, "output")) {
        p->ready = READY_OUTPUT;
        return (p->output = matching_compile(c, value, false)) != NULL;
    }
    p->ready = READY_FILE;
    p->file = compile_optional(c, value, &ok);
    return ok;
}

static bool compile_terminal(struct compiler *c, const struct node *pty, struct program_plan *p)
{
    unsigned columns = COLUMNS, rows = ROWS;
    char rest;
    if (!pty || node_is(pty, "false")) return true;
    if (pty->kind != NODE_SCALAR) return false;
    if (!node_is(pty, "true") && (sscanf(pty->text.p, "%5ux%5u%c", &columns, &rows, &rest) != 2 || !columns || !rows ||
                                  columns > UINT16_MAX || rows > UINT16_MAX)) {
        compile_error(c, pty->mark, "`pty` takes true, false, or a size in columns and rows, such as 132x43");
        return false;
    }
    p->columns = (uint16_t)columns;
    p->rows = (uint16_t)rows;
    return true;
}

static bool compile_end(struct compiler *c, const struct node *map, struct program_plan *p)
{
    const struct node *stop = node_get(map, "stop"), *grace = node_get(map, "grace"), *end = node_get(map, "exit");
    struct exit_want want = {.any = true};
    bool ok = true;
    p->stop = SIGTERM;
    if (stop) ok &= (p->stop = signal_compile(c, stop)) != 0;
    p->grace = grace_default;
    if (field_dynamic(grace)) {
        compile_error(c, grace->mark, "`grace` is a duration such as 2s, without `${}`");
        ok = false;
    } else if (grace && grace->kind == NODE_SCALAR) {
        units_duration(grace->text, &p->grace);
    }
    if (!end) return ok;
    p->exits = true;
    p->exit_mark = end->mark;
    ok &= exit_want_compile(c, end, false, &want);
    p->exit_code = want.code;
    p->exit_signal = want.signal;
    return ok;
}

struct program_plan *program_plan_compile(struct compiler *c, const struct actor_model *m)
{
    struct program_plan *p = ARENA_NEW(c->arena, struct program_plan);
    bool ok = program_plan_command(c, m->endpoint, node_get(m->map, "env"), node_get(m->map, "cwd"), p);
    ok &= compile_files(c, node_get(m->map, "files"), p);
    ok &= compile_pass(c, node_get(m->map, "pass"), p);
    ok &= compile_terminal(c, node_get(m->map, "pty"), p);
    ok &= compile_ready(c, node_get(m->map, "ready"), p);
    ok &= compile_end(c, m->map, p);
    return ok ? p : NULL;
}
