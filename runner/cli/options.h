#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

/* The command line: one table of options drives parsing, did-you-mean and the help. */

#include <stdbool.h>
#include <stdint.h>

#include "run/shard.h"
#include "sockrun/verdict.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/permit.h"

enum command {
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_LIST,
    COMMAND_STEPS,
    COMMAND_MODULES,
    COMMAND_LUA,
    COMMAND_EXPLAIN,
    COMMAND_DIFF,
    COMMAND_MERGE,
    COMMAND_INIT,
    COMMAND_WATCH,
    COMMAND_SCHEMA,
    COMMAND_COMPLETION,
    COMMAND_MAN,
    COMMANDS
};

struct command_spec {
    const char *name, *arguments, *doc;
};

extern const struct command_spec command_specs[COMMANDS];

enum argument { ARGUMENT_NONE, ARGUMENT_REQUIRED, ARGUMENT_OPTIONAL };

/* What the exit codes mean; ends with a zeroed one. */
struct exit_spec {
    enum sr_exit code;
    const char *doc;
};

extern const struct exit_spec exit_specs[];

struct options;

/* A case that is run again needs the option too. */
enum { OPTION_AGAIN = 1 << COMMANDS };

struct option_spec {
    const char *name;
    char letter; /* 0: none */
    enum argument argument;
    const char *argument_name; /* a word in capitals, or the words themselves: "text|json" */
    unsigned commands;         /* 1 << COMMAND_RUN, .., and OPTION_AGAIN */
    const char *doc;
    /* NULL, or what is wrong with the value as a phrase. value is NULL where there is none. */
    const char *(*set)(struct options *o, const char *value);
};

/* Ends with a zeroed one. */
extern const struct option_spec option_specs[];

enum output_format { FORMAT_TEXT, FORMAT_JSON };

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct option_var {
    const char *name, *value;
};

struct options {
    struct arena arena;
    enum command command;
    const char *program;    /* argv[0] */
    const char **arguments; /* paths, or names of steps */
    uint32_t narguments, ngiven;
    struct option_var *given; /* what a case that is run again needs too (cli/again.h), in order; value may be NULL */
    struct option_var *vars;  /* --var, in order */
    uint32_t nvars;
    struct option_var *secrets; /* --secret, in order */
    uint32_t nsecrets;
    const char **vars_files;
    uint32_t nvars_files;
    const char **chunks; /* -e, in order */
    uint32_t nchunks;
    struct permit *permit;
    unsigned jobs;
    uint32_t fail_fast; /* 0: never */
    const char *match, *tags;
    const char **globs; /* --case */
    uint32_t nglobs;
    bool last_failed, shuffle;
    uint64_t seed; /* of shuffle */
    uint32_t repeat, retry;
    struct shard shard;
    const char *results; /* --results, or NULL */
    const char *target;
    double timeout_scale;
    uint64_t memory, lua_memory;
    const char *junit, *tap, *pcap, *json, *jsonl, *html, *artifacts;
    bool github, strict;
    unsigned durations;
    int verbosity;
    enum color_when color;
    enum output_format format;
    bool markdown, help, version;
};

/* False with one line in wrong ("unknown option `--jnuit`: did you mean `--junit`?"). Strings of argv are kept. */
bool options_parse(struct options *o, int argc, char *const argv[], struct buf *wrong);
void options_done(struct options *o);
/* The options of a command, each with its line. */
void options_help(enum command c, struct buf *out);
/* What stands for an argument, in an option's or a command's spec. */
enum argument_kind {
    ARGUMENT_ANY,
    ARGUMENT_FILE,
    ARGUMENT_FOLDER,
    ARGUMENT_WORDS, /* separated by '|' */
};
enum argument_kind options_argument_kind(const char *argument_name);
/* [A-Za-z_][A-Za-z0-9_]*, as variables are named. */
bool options_is_name(const char *name, size_t n);

#endif
