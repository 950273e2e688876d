#include "cli/options.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/mask.h"
#include "lua/names.h"
#include "lua/state.h"
#include "net/addr.h"
#include "util/clock.h"
#include "util/suggest.h"
#include "util/units.h"

enum {
    JOBS_MOST = 256,
    REPEAT_MOST = 1000,
    RETRY_MOST = 100,
    DURATIONS_MOST = 1000,
    IN_RUN = 1 << COMMAND_RUN | 1 << COMMAND_WATCH,
    IN_CHECK = 1 << COMMAND_CHECK,
    IN_LIST = 1 << COMMAND_LIST,
    IN_STEPS = 1 << COMMAND_STEPS,
    IN_MODULES = 1 << COMMAND_MODULES,
    IN_LUA = 1 << COMMAND_LUA,
    IN_EXPLAIN = 1 << COMMAND_EXPLAIN,
    IN_DIFF = 1 << COMMAND_DIFF,
    IN_MERGE = 1 << COMMAND_MERGE,
    IN_SCHEMA = 1 << COMMAND_SCHEMA,
    IN_COMPLETION = 1 << COMMAND_COMPLETION,
    IN_MAN = 1 << COMMAND_MAN,
    IN_REPORTS = IN_RUN | IN_MERGE,
    IN_RUNNING = IN_RUN | IN_EXPLAIN,
    IN_FILES = IN_RUN | IN_CHECK | IN_LIST | IN_EXPLAIN,
    IN_CASES = IN_FILES | IN_LUA,
    IN_ALL = (1 << COMMANDS) - 1,
    AGAIN = OPTION_AGAIN,
};

static const uint64_t memory_default = UINT64_C(4) << 30;

const struct command_spec command_specs[COMMANDS] = {
    [COMMAND_RUN] = {"run", "PATH...", "run scenarios: files, folders, or `file.yaml:42` for the case at that line"},
    [COMMAND_CHECK] = {"check", "PATH...", "say everything that is wrong in scenarios, and run nothing"},
    [COMMAND_LIST] = {"list", "PATH...", "one line for each case: place, name and tags"},
    [COMMAND_STEPS] = {"steps", "[NAME...]", "the reference of every step, or of those named"},
    [COMMAND_MODULES] = {"modules", "[NAME...]", "the message modules, or the messages of those named"},
    [COMMAND_LUA] = {"lua", "", "a prompt for Lua with sockets, to try a peer by hand; or what -e says"},
    [COMMAND_EXPLAIN] = {"explain", "PATH...", "run scenarios and tell what their sockets did, call by call"},
    [COMMAND_MERGE] = {"merge", "PATH...",
                       "make one run of the streams that --report-jsonl wrote, with all its reports"},
    [COMMAND_DIFF] = {"diff", "OLD.json NEW.json",
                      "which cases changed their verdict between two runs, by their reports"},
    [COMMAND_INIT] = {"init", "[FILE]", "write a first scenario, first.yaml if no other name is given"},
    [COMMAND_WATCH] = {"watch", "PATH...", "run scenarios, and run again what changes, until Ctrl-C"},
    [COMMAND_SCHEMA] = {"schema", "", "the JSON Schema of scenario files, for editors"},
    [COMMAND_COMPLETION] = {"completion", "bash|zsh|fish", "what a shell needs to complete the command line"},
    [COMMAND_MAN] = {"man", "1|5", "the manual pages: 1 of the program, 5 of scenarios"},
};

const struct exit_spec exit_specs[] = {
    {SR_EXIT_OK, "all passed (warnings and skips too)"},
    {SR_EXIT_USAGE, "bad command line"},
    {SR_EXIT_INVALID, "a file is invalid"},
    {SR_EXIT_ERROR, "the run broke"},
    {SR_EXIT_FAIL, "a check failed"},
    {SR_EXIT_NONE, "no case selected"},
    {SR_EXIT_INTERRUPTED, "interrupted"},
    {0},
};

/* Of the language's design, and not in this version: said so, rather than taken for a file or a misspelling. */
static const char *const later_commands[] = {"bench", "torture", "record", "import", NULL};

/* Setting */

static const char *set_jobs(struct options *o, const char *value)
{
    int64_t n;
    const char *why = units_int(slice_of(value), &n);
    if (why) return why;
    if (n < 1 || n > JOBS_MOST) return "it is a number from 1 to 256";
    o->jobs = (unsigned)n;
    return NULL;
}

bool options_is_name(const char *name, size_t n)
{
    return names_is_name((struct slice){name, n});
}

static const char *set_var(struct options *o, const char *value)
{
    const char *equals = strchr(value, '=');
    if (!equals) return "it is NAME=VALUE";
    if (!options_is_name(value, (size_t)(equals - value))) return "that is no name of a variable";
    o->vars[o->nvars].name = arena_dup(&o->arena, (struct slice){value, (size_t)(equals - value)});
    o->vars[o->nvars++].value = equals + 1;
    return NULL;
}

/* On the command line everybody who may list processes can read it: better in the environment. */
static const char *set_secret(struct options *o, const char *value)
{
    const char *equals = strchr(value, '=');
    const size_t n = equals ? (size_t)(equals - value) : strlen(value);
    if (!options_is_name(value, n)) return "it is NAME=VALUE, or the NAME of a variable of the environment";
    const char *secret = equals ? equals + 1 : getenv(value);
    if (!secret) return "it is not in the environment";
    const size_t size = strlen(secret);
    if (size < MASK_SHORTEST) return "a secret has at least 4 bytes: fewer would be found everywhere";
    if (size > MASK_LONGEST) return "a secret has at most 8KiB";
    o->secrets[o->nsecrets].name = arena_dup(&o->arena, (struct slice){value, n});
    o->secrets[o->nsecrets++].value = secret;
    return NULL;
}

static const char *set_vars_file(struct options *o, const char *value)
{
    o->vars_files[o->nvars_files++] = value;
    return NULL;
}

static const char *set_chunk(struct options *o, const char *value)
{
    o->chunks[o->nchunks++] = value;
    return NULL;
}

static const char *set_match(struct options *o, const char *value)
{
    o->match = value;
    return NULL;
}

static const char *set_tags(struct options *o, const char *value)
{
    o->tags = value;
    return NULL;
}

static const char *set_case(struct options *o, const char *value)
{
    o->globs[o->nglobs++] = value;
    return NULL;
}

static const char *set_last_failed(struct options *o, const char *value)
{
    (void)value;
    o->last_failed = true;
    return NULL;
}

static const char *set_shuffle(struct options *o, const char *value)
{
    int64_t seed = (clock_now() / NS_PER_US ^ getpid()) & INT32_MAX;
    const char *why = value ? units_int(slice_of(value), &seed) : NULL;
    if (why) return why;
    if (seed < 0) return "a seed is not negative";
    o->shuffle = true;
    o->seed = (uint64_t)seed;
    return NULL;
}

static const char *set_repeat(struct options *o, const char *value)
{
    int64_t n;
    const char *why = units_int(slice_of(value), &n);
    if (why) return why;
    if (n < 1 || n > REPEAT_MOST) return "it is a number from 1 to 1000";
    o->repeat = (uint32_t)n;
    return NULL;
}

static const char *set_retry(struct options *o, const char *value)
{
    int64_t n;
    const char *why = units_int(slice_of(value), &n);
    if (why) return why;
    if (n < 0 || n > RETRY_MOST) return "it is a number from 0 to 100";
    o->retry = (uint32_t)n;
    return NULL;
}

static const char *set_shard(struct options *o, const char *value)
{
    return shard_parse(value, getenv, &o->shard);
}

static const char *set_results(struct options *o, const char *value)
{
    o->results = value;
    return NULL;
}

static const char *set_target(struct options *o, const char *value)
{
    struct addr_spec spec;
    size_t at;
    const char *why = addr_parse(slice_of(value), &spec, &at);
    if (why) return why;
    o->target = value;
    return NULL;
}

static const char *set_strict(struct options *o, const char *value)
{
    (void)value;
    o->strict = true;
    return NULL;
}

static const char *set_fail_fast(struct options *o, const char *value)
{
    int64_t n = 1;
    const char *why = value ? units_int(slice_of(value), &n) : NULL;
    if (why) return why;
    if (n < 1 || n > INT32_MAX) return "it is a number of failures, at least 1";
    o->fail_fast = (uint32_t)n;
    return NULL;
}

static const char *set_scale(struct options *o, const char *value)
{
    double scale;
    const char *why = units_number(slice_of(value), &scale);
    if (why) return why;
    if (!(scale >= 0.01 && scale <= 1000)) return "it is a factor from 0.01 to 1000";
    o->timeout_scale = scale;
    return NULL;
}

static const char *set_memory(struct options *o, const char *value)
{
    uint64_t size;
    const char *why = units_size(slice_of(value), &size);
    if (why) return why;
    if (size < 16 << 20) return "a process needs at least 16MiB";
    o->memory = size;
    return NULL;
}

static const char *set_lua_memory(struct options *o, const char *value)
{
    uint64_t size;
    const char *why = units_size(slice_of(value), &size);
    if (why) return why;
    if (size < 64 << 10) return "Lua needs at least 64KiB";
    o->lua_memory = size;
    return NULL;
}

static const char *set_junit(struct options *o, const char *value)
{
    o->junit = value;
    return NULL;
}

static const char *set_tap(struct options *o, const char *value)
{
    o->tap = value;
    return NULL;
}

static const char *set_pcap(struct options *o, const char *value)
{
    o->pcap = value;
    return NULL;
}

static const char *set_json(struct options *o, const char *value)
{
    o->json = value;
    return NULL;
}

static const char *set_jsonl(struct options *o, const char *value)
{
    o->jsonl = value;
    return NULL;
}

static const char *set_artifacts(struct options *o, const char *value)
{
    if (!*value) return "it is a folder";
    o->artifacts = value;
    return NULL;
}

static const char *set_html(struct options *o, const char *value)
{
    o->html = value;
    return NULL;
}

static const char *set_durations(struct options *o, const char *value)
{
    int64_t n;
    const char *why = units_int(slice_of(value), &n);
    if (why) return why;
    if (n < 0 || n > DURATIONS_MOST) return "it is a number from 0 to 1000";
    o->durations = (unsigned)n;
    return NULL;
}

static const char *set_github(struct options *o, const char *value)
{
    (void)value;
    o->github = true;
    return NULL;
}

/* A comma separates, but not in the names of folders. */
static const char *allow_each(struct options *o, enum permit_kind kind, const char *value)
{
    if (!value) return permit_allow(o->permit, kind, NULL);
    for (const char *at = value;; at++) {
        size_t n = strcspn(at, ",");
        if (n == 0) return "there is nothing between the commas";
        const char *why = permit_allow(o->permit, kind, arena_dup(&o->arena, (struct slice){at, n}));
        if (why) return why;
        at += n;
        if (!*at) return NULL;
    }
}

static const char *set_allow_run(struct options *o, const char *value)
{
    return allow_each(o, PERMIT_RUN, value);
}

static const char *set_allow_net(struct options *o, const char *value)
{
    return allow_each(o, PERMIT_NET, value);
}

static const char *set_allow_env(struct options *o, const char *value)
{
    return allow_each(o, PERMIT_ENV, value);
}

static const char *set_allow_read(struct options *o, const char *value)
{
    return permit_allow(o->permit, PERMIT_READ, value);
}

static const char *set_allow_write(struct options *o, const char *value)
{
    return permit_allow(o->permit, PERMIT_WRITE, value);
}

static const char *set_allow_all(struct options *o, const char *value)
{
    (void)value;
    return permit_allow(o->permit, PERMIT_ALL, NULL);
}

static const char *set_verbose(struct options *o, const char *value)
{
    (void)value;
    o->verbosity = o->verbosity < 0 ? 1 : o->verbosity + 1;
    return NULL;
}

static const char *set_quiet(struct options *o, const char *value)
{
    (void)value;
    o->verbosity = -1;
    return NULL;
}

static const char *set_color(struct options *o, const char *value)
{
    static const char *const words[] = {[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};
    if (!value) value = "always";
    for (int i = COLOR_AUTO; i <= COLOR_NEVER; i++) {
        if (strcmp(value, words[i]) != 0) continue;
        o->color = (enum color_when)i;
        return NULL;
    }
    return "it is auto, always or never";
}

static const char *set_format(struct options *o, const char *value)
{
    o->format = strcmp(value, "json") == 0 ? FORMAT_JSON : FORMAT_TEXT;
    return o->format == FORMAT_JSON || strcmp(value, "text") == 0 ? NULL : "it is text or json";
}

static const char *set_markdown(struct options *o, const char *value)
{
    (void)value;
    o->markdown = true;
    return NULL;
}

static const char *set_help(struct options *o, const char *value)
{
    (void)value;
    o->help = true;
    return NULL;
}

static const char *set_version(struct options *o, const char *value)
{
    (void)value;
    o->version = true;
    return NULL;
}

const struct option_spec option_specs[] = {
    {"jobs", 'j', ARGUMENT_REQUIRED, "N", IN_RUN, "files to run at once; default: the number of processors", set_jobs},
    {"match", 'k', ARGUMENT_REQUIRED, "REGEX", IN_RUNNING | IN_LIST, "only cases whose `file > case` matches",
     set_match},
    {"tags", 0, ARGUMENT_REQUIRED, "EXPR", IN_RUNNING | IN_LIST,
     "only cases whose tags fit, such as `smtp and not slow`", set_tags},
    {"case", 0, ARGUMENT_REQUIRED, "GLOB", IN_RUNNING | IN_LIST,
     "only cases whose id fits, such as `http1.*`; may be given several times", set_case},
    {"last-failed", 0, ARGUMENT_NONE, NULL, IN_RUN | IN_LIST, "only cases that failed when they last ran",
     set_last_failed},
    {"shard", 0, ARGUMENT_REQUIRED, "I/N", IN_RUN | IN_LIST,
     "only the I-th of N parts; `auto` asks the CI system which one, `auto/N` if it does not say of how many",
     set_shard},
    {"shuffle", 0, ARGUMENT_OPTIONAL, "SEED", IN_RUN | IN_LIST, "run files and cases in another order", set_shuffle},
    {"repeat", 0, ARGUMENT_REQUIRED, "N", IN_RUN | AGAIN, "run every case N times", set_repeat},
    {"retry", 0, ARGUMENT_REQUIRED, "N", IN_RUN,
     "run a case that fails up to N times again; one that passes then is told as flaky", set_retry},
    {"results", 0, ARGUMENT_REQUIRED, "FILE", IN_RUN | IN_LIST,
     "where verdicts and durations are remembered; default: a file in $XDG_STATE_HOME/sockrun", set_results},
    {"fail-fast", 0, ARGUMENT_OPTIONAL, "N", IN_RUN, "stop after N failed cases; 1 if N is not given", set_fail_fast},
    {"strict", 0, ARGUMENT_NONE, NULL, IN_REPORTS, "a warning fails the run, as a failed check does", set_strict},
    {"target", 0, ARGUMENT_REQUIRED, "ADDRESS", IN_FILES | AGAIN,
     "where the system under test is, instead of what the files say", set_target},
    {"execute", 'e', ARGUMENT_REQUIRED, "CHUNK", IN_LUA, "run this and end, instead of a prompt; may be given again",
     set_chunk},
    {"var", 0, ARGUMENT_REQUIRED, "NAME=VALUE", IN_CASES | AGAIN,
     "set a variable; wins over the scenario, --vars-file and the environment", set_var},
    {"vars-file", 0, ARGUMENT_REQUIRED, "FILE", IN_CASES | AGAIN,
     "set variables from a YAML map; wins over SOCKRUN_VAR_NAME in the environment", set_vars_file},
    {"secret", 0, ARGUMENT_REQUIRED, "NAME[=VALUE]", IN_FILES | AGAIN,
     "set a variable, from the environment if there is no VALUE, that shows as *** in all that is told", set_secret},
    {"timeout-scale", 0, ARGUMENT_REQUIRED, "X", IN_RUNNING | IN_LUA | AGAIN,
     "multiply every timeout by X, from 0.01 to 1000", set_scale},
    {"report-junit", 0, ARGUMENT_REQUIRED, "FILE", IN_REPORTS, "write a JUnit XML report", set_junit},
    {"report-tap", 0, ARGUMENT_REQUIRED, "FILE", IN_REPORTS, "write a TAP report; `-` is standard output", set_tap},
    {"report-json", 0, ARGUMENT_REQUIRED, "FILE", IN_REPORTS, "write a JSON report: one document", set_json},
    {"report-jsonl", 0, ARGUMENT_REQUIRED, "FILE", IN_REPORTS, "write every event, with all bytes, as JSON Lines",
     set_jsonl},
    {"report-html", 0, ARGUMENT_REQUIRED, "FILE", IN_REPORTS, "write an HTML report: one page, with every message",
     set_html},
    {"report-github", 0, ARGUMENT_NONE, NULL, IN_REPORTS,
     "print annotations for GitHub Actions, and add a table to $GITHUB_STEP_SUMMARY", set_github},
    {"pcap", 0, ARGUMENT_REQUIRED, "FILE|DIR", IN_RUN,
     "write what passed as a capture (pcapng); in a folder, one for each scenario file", set_pcap},
    {"artifacts", 0, ARGUMENT_REQUIRED, "DIR", IN_RUN,
     "keep the events, packets, output of programs and temporary files of each case that fails", set_artifacts},
    {"durations", 0, ARGUMENT_REQUIRED, "N", IN_REPORTS, "name the N slowest cases at the end", set_durations},
    {"allow-run", 0, ARGUMENT_OPTIONAL, "PROG,...", IN_CASES | AGAIN,
     "programs that scenarios may run, with all your rights; without names: any", set_allow_run},
    {"allow-net", 0, ARGUMENT_OPTIONAL, "HOST[:PORT],...", IN_CASES | AGAIN,
     "addresses beyond loopback that scenarios may use; without names: any", set_allow_net},
    {"allow-read", 0, ARGUMENT_REQUIRED, "DIR", IN_CASES | AGAIN,
     "a folder below which scenarios may read files, beside their own", set_allow_read},
    {"allow-write", 0, ARGUMENT_REQUIRED, "DIR", IN_CASES | AGAIN, "a folder below which scenarios may write files",
     set_allow_write},
    {"allow-env", 0, ARGUMENT_REQUIRED, "NAME,...", IN_CASES | AGAIN, "environment variables that scenarios may read",
     set_allow_env},
    {"allow-all", 0, ARGUMENT_NONE, NULL, IN_CASES | AGAIN, "all of these permissions", set_allow_all},
    {"lua-memory", 0, ARGUMENT_REQUIRED, "SIZE", IN_CASES | AGAIN,
     "memory that Lua may use in each process; default 256MiB", set_lua_memory},
    {"memory", 0, ARGUMENT_REQUIRED, "SIZE", IN_RUNNING | AGAIN, "memory that each process may use; default 4GiB",
     set_memory},
    {"verbose", 'v', ARGUMENT_NONE, NULL, IN_FILES | IN_MERGE, "show every step and its bytes, live", set_verbose},
    {"quiet", 'q', ARGUMENT_NONE, NULL, IN_FILES | IN_MERGE, "show only what did not pass, and the totals", set_quiet},
    {"color", 0, ARGUMENT_OPTIONAL, "auto|always|never", IN_ALL, "whether to use colors; auto respects NO_COLOR",
     set_color},
    {"format", 0, ARGUMENT_REQUIRED, "text|json", IN_CHECK | IN_DIFF, "for people, or for editors and programs",
     set_format},
    {"markdown", 0, ARGUMENT_NONE, NULL, IN_STEPS | IN_MODULES, "print the reference as Markdown", set_markdown},
    {"help", 'h', ARGUMENT_NONE, NULL, IN_ALL, "show this text", set_help},
    {"version", 'V', ARGUMENT_NONE, NULL, IN_ALL, "show the version, and where scripts are looked for", set_version},
    {0},
};

enum { SPECS = sizeof option_specs / sizeof option_specs[0] - 1 };

/* Parsing */

struct parsing {
    struct options *o;
    struct buf *wrong;
    char *const *argv;
    int argc, at;
    const struct option_spec *used[SPECS]; /* to be held against the command, once that is known */
    unsigned nused;
};

static bool wrong(struct parsing *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct parsing *p, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    buf_vprintf(p->wrong, format, ap);
    va_end(ap);
    return false;
}

static bool is_one_of(const char *const *list, struct slice word)
{
    for (; *list; list++) {
        if (slice_is(word, *list)) return true;
    }
    return false;
}

static const struct option_spec *find_letter(char letter)
{
    for (unsigned i = 0; i < SPECS; i++) {
        if (option_specs[i].letter && option_specs[i].letter == letter) return &option_specs[i];
    }
    return NULL;
}

static const struct option_spec *find_name(struct slice name)
{
    for (unsigned i = 0; i < SPECS; i++) {
        if (slice_is(name, option_specs[i].name)) return &option_specs[i];
    }
    return NULL;
}

static bool unknown_name(struct parsing *p, struct slice name)
{
    struct suggest s;
    int n = (int)name.n;
    suggest_init(&s, name);
    for (unsigned i = 0; i < SPECS; i++)
        suggest_offer(&s, slice_of(option_specs[i].name));
    struct slice best = suggest_best(&s);
    if (!best.p) return wrong(p, "unknown option `--%.*s`", n, name.p);
    return wrong(p, "unknown option `--%.*s`: did you mean `--%.*s`?", n, name.p, (int)best.n, best.p);
}

static bool apply(struct parsing *p, const struct option_spec *spec, const char *value)
{
    bool known = false;
    const char *why = spec->set(p->o, value);
    /* What was meant to be a secret is not repeated. */
    const int shown = !value ? 0 : spec->set == set_secret ? (int)strcspn(value, "=") : (int)strlen(value);
    if (why && value) return wrong(p, "--%s: '%.*s': %s", spec->name, shown, value, why);
    if (why) return wrong(p, "--%s: %s", spec->name, why);
    for (unsigned i = 0; i < p->nused; i++)
        known = known || p->used[i] == spec;
    if (!known) p->used[p->nused++] = spec;
    if (spec->commands & AGAIN) p->o->given[p->o->ngiven++] = (struct option_var){spec->name, value};
    return true;
}

/* value: what stands behind `=` or the letter, or NULL. */
static bool take_option(struct parsing *p, const struct option_spec *spec, const char *value)
{
    if (value && spec->argument == ARGUMENT_NONE) return wrong(p, "--%s takes no value", spec->name);
    if (!value && spec->argument == ARGUMENT_REQUIRED) {
        if (p->at == p->argc) return wrong(p, "--%s needs a value: %s", spec->name, spec->argument_name);
        value = p->argv[p->at++];
    }
    return apply(p, spec, value);
}

static bool take_long(struct parsing *p, const char *text)
{
    const char *equals = strchr(text, '=');
    struct slice name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    const struct option_spec *spec = find_name(name);
    if (!spec) return unknown_name(p, name);
    return take_option(p, spec, equals ? equals + 1 : NULL);
}

static bool take_letters(struct parsing *p, const char *letters)
{
    for (; *letters; letters++) {
        const struct option_spec *spec = find_letter(*letters);
        if (!spec) return wrong(p, "unknown option `-%c`", *letters);
        if (spec->argument != ARGUMENT_NONE) {
            const char *value = letters[1] == '=' ? letters + 2 : letters + 1;
            return take_option(p, spec, letters[1] ? value : NULL);
        }
        if (!take_option(p, spec, NULL)) return false;
    }
    return true;
}

/* The first word may be a command; a path that looks like one is written with a slash. */
static bool take_argument(struct parsing *p, const char *text, bool first)
{
    struct options *o = p->o;
    for (int i = 0; first && i < COMMANDS; i++) {
        if (strcmp(text, command_specs[i].name) != 0) continue;
        o->command = (enum command)i;
        return true;
    }
    if (first && is_one_of(later_commands, slice_of(text))) return wrong(p, "`%s` is not part of this version", text);
    o->arguments[o->narguments++] = text;
    return true;
}

static bool check_commands(struct parsing *p)
{
    for (unsigned i = 0; i < p->nused; i++) {
        if (!(p->used[i]->commands & 1U << p->o->command))
            return wrong(p, "--%s is no option of `sockrun %s`", p->used[i]->name, command_specs[p->o->command].name);
    }
    return true;
}

static bool parse_all(struct parsing *p)
{
    bool first = true, options = true;
    while (p->at < p->argc) {
        const char *text = p->argv[p->at++];
        bool ok = true;
        if (options && strcmp(text, "--") == 0) {
            options = first = false;
        } else if (options && strncmp(text, "--", 2) == 0) {
            ok = take_long(p, text + 2);
        } else if (options && text[0] == '-' && text[1]) {
            ok = take_letters(p, text + 1);
        } else {
            ok = take_argument(p, text, first);
            first = false;
        }
        if (!ok) return false;
    }
    return check_commands(p);
}

static unsigned processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > JOBS_MOST ? JOBS_MOST : (unsigned)n;
}

bool options_parse(struct options *o, int argc, char *const argv[], struct buf *wrong_out)
{
    size_t most = (size_t)argc;
    struct parsing p = {.o = o, .wrong = wrong_out, .argv = argv, .argc = argc, .at = 1};
    *o = (struct options){.timeout_scale = 1, .memory = memory_default, .lua_memory = LUASTATE_CAP};
    o->program = argc > 0 ? argv[0] : "sockrun";
    o->given = arena_array(&o->arena, most, sizeof *o->given);
    o->jobs = processors();
    o->permit = permit_new();
    o->arguments = arena_array(&o->arena, most, sizeof *o->arguments);
    o->vars = arena_array(&o->arena, most, sizeof *o->vars);
    o->secrets = arena_array(&o->arena, most, sizeof *o->secrets);
    o->globs = arena_array(&o->arena, most, sizeof *o->globs);
    o->repeat = 1;
    o->chunks = arena_array(&o->arena, most, sizeof *o->chunks);
    o->vars_files = arena_array(&o->arena, most, sizeof *o->vars_files);
    return parse_all(&p);
}

void options_done(struct options *o)
{
    permit_free(o->permit);
    arena_done(&o->arena);
}

/* Help */

static void put_option(const struct option_spec *spec, struct buf *out)
{
    char name[64], letter[8] = "";
    const char *open = spec->argument == ARGUMENT_OPTIONAL ? "[=" : " ";
    const char *close = spec->argument == ARGUMENT_OPTIONAL ? "]" : "";
    if (spec->letter) snprintf(letter, sizeof letter, "-%c, ", spec->letter);
    if (spec->argument == ARGUMENT_NONE)
        snprintf(name, sizeof name, "--%s", spec->name);
    else
        snprintf(name, sizeof name, "--%s%s%s%s", spec->name, open, spec->argument_name, close);
    buf_printf(out, "  %4s%-30s %s\n", letter, name, spec->doc);
}

void options_help(enum command c, struct buf *out)
{
    for (unsigned i = 0; i < SPECS; i++) {
        if (option_specs[i].commands & 1U << c) put_option(&option_specs[i], out);
    }
}

enum argument_kind options_argument_kind(const char *argument_name)
{
    if (strspn(argument_name, "abcdefghijklmnopqrstuvwxyz0123456789-|") == strlen(argument_name)) return ARGUMENT_WORDS;
    if (strncmp(argument_name, "FILE", 4) == 0 || strncmp(argument_name, "PATH", 4) == 0) return ARGUMENT_FILE;
    return strncmp(argument_name, "DIR", 3) == 0 ? ARGUMENT_FOLDER : ARGUMENT_ANY;
}
