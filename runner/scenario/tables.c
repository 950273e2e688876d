#include "scenario/tables.h"

#include "scenario/load.h"

#define LEVELS "must|should|may|setup"

const struct field step_common_fields[] = {
    {.name = "name", .type = FIELD_TEXT, .doc = "What the step is for; reports show it"},
    {.name = "via", .type = FIELD_TEXT, .doc = "The connection it works on, by the name it was captured under"},
    {.name = "timeout", .type = FIELD_DURATION, .doc = "Its deadline; on a block that of the whole block"},
    {.name = "as", .type = FIELD_TEXTS, .doc = "The name, or names, that capture its result"},
    {.name = "if", .type = FIELD_LUA, .doc = "The step is done only if this holds"},
    {.name = "level",
     .type = FIELD_CHOICE,
     .fallback = "must",
     .choices = LEVELS,
     .doc = "What a miss is: `must` a failure, `should` a warning, `may` nothing, `setup` an error"},
    {.name = "ignore", .type = FIELD_EXPECTS, .doc = "Messages that may come first, any number of them"},
    {.name = "meanwhile", .type = FIELD_BRANCHES, .doc = "What is answered beside the steps of this block"},
    {0},
};

const struct field scenario_file_fields[] = {
    {.name = "sockrun", .type = FIELD_INT, .flags = FIELD_REQUIRED, .doc = "The version of the format: 1"},
    {.name = "name", .type = FIELD_TEXT, .doc = "What holds if the scenario passes"},
    {.name = "description", .type = FIELD_TEXT, .doc = "Free text"},
    {.name = "tags", .type = FIELD_NAMES, .doc = "Words for `--tags`"},
    {.name = "timeout", .type = FIELD_DURATION, .fallback = "30s", .doc = "The deadline of a whole case"},
    {.name = "step_timeout", .type = FIELD_DURATION, .fallback = "5s", .doc = "The deadline of each step that waits"},
    {.name = "eol",
     .type = FIELD_CHOICE,
     .fallback = "crlf",
     .choices = "crlf|lf",
     .doc = "What `line` and `lines` add when they send"},
    {.name = "vars", .type = FIELD_VALUES, .doc = "Variables; `--var` and SOCKRUN_VAR_* override them"},
    {.name = "requires",
     .type = FIELD_VALUE,
     .doc =
         "A list of what must be there, or the cases are skipped: ipv6, root, {program: NAME}, {command: [NAME, ..]}"},
    {.name = "use", .type = FIELD_TEXTS, .doc = "Message modules beside the file: paths of Lua files"},
    {.name = "include", .type = FIELD_TEXTS, .doc = "Files that bring vars, macros and actors"},
    {.name = "macros",
     .type = FIELD_VALUE,
     .doc = "Steps under a name, for `call`: a map of name: {with: {argument: default}, steps: [..]}"},
    {.name = "ports", .type = FIELD_NAMES, .doc = "Names for free ports that are reserved, `${ports.NAME}`"},
    {.name = "actors",
     .type = FIELD_VALUE,
     .doc = "A map of actors: those of the one case, or, beside `cases`, of each of them"},
    {.name = "cases", .type = FIELD_VALUE, .doc = "A list of cases"},
    {.name = "connect", .type = FIELD_ADDRESS, .doc = "For one client: where it connects to"},
    {.name = "steps", .type = FIELD_STEPS, .doc = "For one client: what it does"},
    {.name = "each", .type = FIELD_VALUE, .doc = "A list of rows: the one case runs once for each, which is `${row}`"},
    {.name = "matrix",
     .type = FIELD_VALUE,
     .doc = "A map of name: [values]; a case for each combination, `${name}` or `${row.name}`"},
    {.name = "skip", .type = FIELD_TEXT, .doc = "Why the one case is not run"},
    {0},
};

const struct field scenario_include_fields[] = {
    {.name = "sockrun", .type = FIELD_INT, .doc = "The version of the format: 1"},
    {.name = "vars", .type = FIELD_VALUES, .doc = "Variables; those of the including file win"},
    {.name = "use", .type = FIELD_TEXTS, .doc = "Message modules beside the file: paths of Lua files"},
    {.name = "include", .type = FIELD_TEXTS, .doc = "Files that bring vars, macros and actors"},
    {.name = "macros", .type = FIELD_VALUE, .doc = "Macros; those of the including file win"},
    {.name = "actors", .type = FIELD_VALUE, .doc = "Actors of every case that has none of the same name"},
    {0},
};

const struct field scenario_case_fields[] = {
    {.name = "name", .type = FIELD_TEXT, .doc = "What holds if the case passes; unique in the file"},
    {.name = "tags", .type = FIELD_NAMES, .doc = "Words for `--tags`, beside those of the file"},
    {.name = "timeout", .type = FIELD_DURATION, .doc = "The deadline of the case; default: the file's"},
    {.name = "step_timeout", .type = FIELD_DURATION, .doc = "The deadline of each step; default: the file's"},
    {.name = "vars", .type = FIELD_VALUES, .doc = "Variables of this case"},
    {.name = "ports", .type = FIELD_NAMES, .doc = "Names for free ports that are reserved, `${ports.NAME}`"},
    {.name = "actors", .type = FIELD_VALUE, .doc = "A map of the actors that take part"},
    {.name = "connect", .type = FIELD_ADDRESS, .doc = "For one client: where it connects to"},
    {.name = "steps", .type = FIELD_STEPS, .doc = "For one client: what it does"},
    {.name = "each", .type = FIELD_VALUE, .doc = "A list of rows: the case runs once for each, which is `${row}`"},
    {.name = "matrix",
     .type = FIELD_VALUE,
     .doc = "A map of name: [values]; a case for each combination, `${name}` or `${row.name}`"},
    {.name = "skip", .type = FIELD_TEXT, .doc = "Why the case is not run"},
    {0},
};

const struct field scenario_tls_fields[] = {
    {.name = "cert", .type = FIELD_TEXT, .doc = "PEM file of the certificate chain"},
    {.name = "key", .type = FIELD_TEXT, .doc = "PEM file of its key"},
    {.name = "ca", .type = FIELD_TEXT, .doc = "PEM file of the authorities that are trusted"},
    {.name = "server_name", .type = FIELD_TEXT, .doc = "The name that is asked for and verified (SNI)"},
    {.name = "alpn", .type = FIELD_TEXTS, .doc = "Protocols that are offered, best first"},
    {.name = "min_version", .type = FIELD_TEXT, .doc = "The oldest version allowed"},
    {.name = "max_version", .type = FIELD_TEXT, .doc = "The newest version allowed"},
    {.name = "ciphers", .type = FIELD_TEXT, .doc = "An OpenSSL list of ciphers"},
    {.name = "verify", .type = FIELD_BOOL, .doc = "Whether the peer's certificate is verified"},
    {.name = "client_cert",
     .type = FIELD_CHOICE,
     .choices = "request|require",
     .doc = "Whether a server asks its client for a certificate"},
    {0},
};

static const struct field retry_fields[] = {
    {.name = "every", .type = FIELD_DURATION, .fallback = "100ms", .doc = "The pause between two attempts"},
    {.name = "times", .type = FIELD_INT, .fallback = "20", .doc = "How many attempts there are"},
    {0},
};

const struct field scenario_address_fields[] = {
    {.name = "to", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .doc = "The address"},
    {.name = "bind", .type = FIELD_TEXT, .doc = "The local address"},
    {.name = "options", .type = FIELD_VALUES, .doc = "Socket options, as `set_option` takes them"},
    {.name = "tls", .type = FIELD_MAP, .flags = FIELD_LATER, .fields = scenario_tls_fields, .doc = "How TLS is spoken"},
    {.name = "retry", .type = FIELD_MAP, .fields = retry_fields, .doc = "Tries again while it is refused"},
    {.name = "fails",
     .type = FIELD_CHOICE,
     .choices = "refused|timeout|unreachable|reset|tls",
     .doc = "This failure is what is expected; `tls` is not part of this version"},
    {0},
};

const struct field scenario_ready_fields[] = {
    {.name = "output", .type = FIELD_MATCHER, .doc = "A whole line of stdout or stderr that fits; steps still read it"},
    {.name = "connect", .type = FIELD_ADDRESS, .doc = "An address that accepts a connection by now"},
    {.name = "file", .type = FIELD_TEXT, .doc = "A file that exists by now"},
    {0},
};

const struct field scenario_actor_fields[] = {
    {.name = "listen", .type = FIELD_ADDRESS, .doc = "Waits for connections there; port 0 is any free port"},
    {.name = "connect", .type = FIELD_ADDRESS, .doc = "Connects there as its first step"},
    {.name = "run", .type = FIELD_ARGV, .doc = "Starts a program, whose stdin and stdout are the connection"},
    {.name = "steps", .type = FIELD_STEPS, .doc = "What it does, in order"},
    {.name = "serve", .type = FIELD_STEPS, .doc = "What a copy does with each connection that is accepted"},
    {.name = "instances",
     .type = FIELD_INT,
     .fallback = "1",
     .doc = "How many copies run; `${instance}` counts from 1"},
    {.name = "meanwhile", .type = FIELD_BRANCHES, .doc = "What is answered beside the steps, whatever they wait for"},
    {.name = "eol", .type = FIELD_CHOICE, .choices = "crlf|lf", .doc = "What `line` and `lines` add when they send"},
    {.name = "step_timeout", .type = FIELD_DURATION, .doc = "The deadline of each step that waits"},
    {.name = "files",
     .type = FIELD_VALUE,
     .doc = "Files that are written below `${case.tmp}` before it starts: a map of path: text"},
    {.name = "pass",
     .type = FIELD_VALUE,
     .doc = "Listeners that are opened for it and handed over: a map of name: address"},
    {.name = "env", .type = FIELD_VALUES, .doc = "Variables of its environment, beside those that sockrun has"},
    {.name = "cwd", .type = FIELD_TEXT, .doc = "The folder that it runs in; default: the scenario's"},
    {.name = "ready",
     .type = FIELD_MAP,
     .fields = scenario_ready_fields,
     .doc = "What shows that it is up; the other actors start after it"},
    {.name = "stop", .type = FIELD_TEXT, .fallback = "TERM", .doc = "The signal that ends it"},
    {.name = "grace",
     .type = FIELD_DURATION,
     .fallback = "2s",
     .doc = "How long it may take to end; then it is killed, with everything that it has started"},
    {.name = "exit", .type = FIELD_TEXT, .doc = "The end that is required: a code or a signal; absent: any"},
    {0},
};

const struct field scenario_macro_fields[] = {
    {.name = "with", .type = FIELD_VALUES, .doc = "Its arguments: a map of name: default, or `required`"},
    {.name = "steps", .type = FIELD_STEPS, .flags = FIELD_REQUIRED, .doc = "What it stands for"},
    {0},
};

const struct field scenario_requires_fields[] = {
    {.name = "program", .type = FIELD_TEXT, .doc = "A program on PATH"},
    {.name = "command", .type = FIELD_ARGV, .doc = "A command that ends with code 0"},
    {0},
};

const struct refused_key scenario_refused[] = {
    {"target", NULL},      {"before", NULL},
    {"concurrency", NULL}, {"serial", NULL},
    {"only", NULL},        {"setup", NULL},
    {"always", NULL},      {"xfail", NULL},
    {"id", NULL},          {"ref", NULL},
    {"quote", NULL},       {"level", NULL},
    {"covers", NULL},      {0},
};

const struct refused_key scenario_actor_refused[] = {
    {"proxy", NULL}, {"rules", NULL}, {"pty", NULL}, {"session", NULL}, {0},
};
