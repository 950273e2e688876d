#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/module_list.h"
#include "cli/terminal.h"
#include "event/mask.h"
#include "run/order.h"
#include "util/diag_json.h"
#include "util/mem.h"
#include "util/suggest.h"

enum { PRINT_MOST = 64 << 20 };

/* An editor gets one document, people a text. */
static void print_diags(const struct session *s, struct diags *d, const struct options *o)
{
    struct buf out = BUF_INIT(PRINT_MOST), masked = BUF_INIT(3 * (size_t)PRINT_MOST);
    if (o->format == FORMAT_JSON)
        diags_json(d, &out);
    else
        diags_print(d, terminal_color(o->color, STDERR_FILENO), &out);
    const bool secrets = s->mask && mask_text(s->mask, buf_slice(&out), &masked);
    const struct buf *told = secrets ? &masked : &out;
    fwrite(buf_str(told), 1, told->n, o->format == FORMAT_JSON ? stdout : stderr);
    buf_done(&out);
    buf_done(&masked);
}

static enum sr_exit take_vars(struct session *s, const struct options *o)
{
    struct diags d;
    const char *why = NULL;
    enum sr_exit result = SR_EXIT_OK;
    diags_init(&d);
    if (!vars_collect(&s->vars, o, environ, &d, &why)) {
        terminal_say("--vars-file: %s", why);
        result = SR_EXIT_USAGE;
    } else if (d.n) {
        print_diags(s, &d, o);
        result = SR_EXIT_INVALID;
    }
    diags_done(&d);
    return result;
}

static enum sr_exit say_wrong(const struct paths *p)
{
    terminal_say_lines(&p->wrong);
    return SR_EXIT_USAGE;
}

/* A path that is not there may be a command that was misspelt. */
static void suggest_command(const struct options *o)
{
    struct suggest near;
    const char *word = o->arguments[0];
    if (o->command != COMMAND_RUN || strpbrk(word, "./") || access(word, F_OK) == 0) return;
    suggest_init(&near, slice_of(word));
    for (int i = 0; i < COMMANDS; i++)
        suggest_offer(&near, slice_of(command_specs[i].name));
    struct slice best = suggest_best(&near);
    if (best.p) terminal_say("did you mean `sockrun %.*s`?", (int)best.n, best.p);
}

static enum sr_exit take_paths(struct session *s, const struct options *o)
{
    bool ok = true;
    if (o->narguments == 0) {
        terminal_say("no file or folder is named; see `sockrun --help`");
        return SR_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < o->narguments; i++)
        ok = paths_add(&s->paths, o->arguments[i]) && ok;
    if (ok) return SR_EXIT_OK;
    say_wrong(&s->paths);
    suggest_command(o);
    return SR_EXIT_USAGE;
}

static enum sr_exit take_selection(struct session *s, const struct options *o)
{
    struct buf wrong = BUF_INIT(64 * 1024);
    bool ok = selection_init(&s->selection, o->match, o->tags, &wrong);
    s->selection.globs = o->globs;
    s->selection.nglobs = o->nglobs;
    if (!ok) terminal_say("%s", buf_str(&wrong));
    buf_done(&wrong);
    return ok ? SR_EXIT_OK : SR_EXIT_USAGE;
}

static enum sr_exit load(struct session *s, const struct options *o)
{
    uint32_t errors, files;
    bool readable = suite_load(&s->suite, &s->paths, &s->settings, &s->selection);
    if (s->suite.diags.n || o->format == FORMAT_JSON) print_diags(s, &s->suite.diags, o);
    if (s->suite.diags.n && o->format != FORMAT_JSON) {
        suite_errors(&s->suite, &errors, &files);
        fprintf(stderr, "%u error%s in %u file%s\n", errors, errors == 1 ? "" : "s", files, files == 1 ? "" : "s");
    }
    if (!readable) return say_wrong(&s->paths);
    if (s->suite.diags.n) return SR_EXIT_INVALID;
    if (s->suite.n) return SR_EXIT_OK;
    terminal_say("there is no scenario: no file ends in .yaml or .yml");
    return SR_EXIT_NONE;
}

/* As CI systems say so. */
static bool in_ci(void)
{
    const char *ci = getenv("CI");
    return ci && *ci && strcmp(ci, "false") != 0 && strcmp(ci, "0") != 0;
}

/* Which of the selected cases run, and in which order. */
static enum sr_exit arrange(struct session *s, const struct options *o)
{
    const char *why;
    s->results = results_new(o->results, &why);
    if (why) terminal_say("--results: %s", why);
    if (why) return SR_EXIT_USAGE;
    suite_keep_only(&s->suite);
    if (o->last_failed) order_last_failed(&s->suite, s->results);
    if (o->shard.total) {
        const uint32_t of = s->suite.nselected;
        const uint32_t plan = shard_keep(&s->suite, &o->shard, s->results);
        terminal_say("shard %u of %u: %u of %u cases, plan %08x", o->shard.index, o->shard.total, s->suite.nselected,
                     of, plan);
    }
    if (o->shuffle) {
        terminal_say("shuffled: --shuffle=%llu gives the same order", (unsigned long long)o->seed);
        order_shuffle(&s->suite, o->seed);
    }
    order_repeat(&s->suite, o->repeat);
    suite_note_serials(&s->suite);
    return SR_EXIT_OK;
}

static struct mask *make_mask(const struct options *o)
{
    struct slice *secrets = mem_alloc((o->nsecrets + 1) * sizeof *secrets);
    for (uint32_t i = 0; i < o->nsecrets; i++)
        secrets[i] = slice_of(o->secrets[i].value);
    struct mask *mask = o->nsecrets ? mask_new(secrets, o->nsecrets) : NULL;
    mem_free(secrets);
    return mask;
}

enum sr_exit session_begin(struct session *s, const struct options *o)
{
    *s = (struct session){0};
    modules_begin(&s->modules, o);
    s->mask = make_mask(o);
    paths_init(&s->paths);
    const enum sr_exit result = take_vars(s, o);
    s->settings = (struct settings){.permit = o->permit,
                                    .vars = s->vars.list,
                                    .nvars = s->vars.n,
                                    .timeout_scale = o->timeout_scale,
                                    .lua_memory = o->lua_memory,
                                    .modules = &s->modules,
                                    .target = o->target,
                                    .ci = in_ci(),
                                    .messages = o->verbosity > 0 || o->jsonl || o->html || o->artifacts,
                                    .keep = o->artifacts != NULL,
                                    .packets = o->pcap != NULL,
                                    .mask = s->mask,
                                    .check_only = o->command == COMMAND_CHECK};
    return result;
}

enum sr_exit session_open(struct session *s, const struct options *o)
{
    enum sr_exit result = session_begin(s, o);
    if (result == SR_EXIT_OK) result = take_selection(s, o);
    if (result == SR_EXIT_OK) result = take_paths(s, o);
    if (result == SR_EXIT_OK) result = load(s, o);
    return result == SR_EXIT_OK && o->command != COMMAND_CHECK ? arrange(s, o) : result;
}

void session_done(struct session *s)
{
    results_free(s->results);
    suite_done(&s->suite);
    selection_done(&s->selection);
    paths_done(&s->paths);
    vars_done(&s->vars);
    mask_free(s->mask);
    modules_done(&s->modules);
}
