#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/terminal.h"
#include "steps/list.h"

enum { TEXT_MOST = 1 << 20 };

/* The words of an argument, each behind a blank. */
static void put_words(struct buf *out, const char *words)
{
    for (; *words; words += *words == '|') {
        const size_t n = strcspn(words, "|");
        buf_addc(out, ' ');
        buf_add(out, (struct slice){words, n});
        words += n;
    }
}

/* What a command takes, if that is known. */
static void put_arguments(struct buf *out, enum command c)
{
    const char *name = command_specs[c].arguments;
    for (const struct step_schema *const *s = step_list; c == COMMAND_STEPS && *s; s++)
        buf_printf(out, " %s", (*s)->name);
    if (options_argument_kind(name) == ARGUMENT_WORDS) put_words(out, name);
}

static bool takes_files(enum command c)
{
    const char *name = command_specs[c].arguments;
    return options_argument_kind(name + (*name == '[')) == ARGUMENT_FILE || strstr(name, ".json");
}

/* What stands in single quotes; `meant` are the characters that the shell, or its completion, would take for something
 * else. */
static void put_quoted(struct buf *out, const char *text, const char *meant)
{
    for (; *text; text++) {
        if (*text == '\'') buf_adds(out, "'\\'");
        if (strchr(meant, *text)) buf_addc(out, '\\');
        buf_addc(out, *text);
    }
}

static void put_command_names(struct buf *out, const char *separator)
{
    for (int i = 0; i < COMMANDS; i++)
        buf_printf(out, "%s%s", i ? separator : "", command_specs[i].name);
}

/* bash: options that take a value, one line for each; `--option=value` comes as three words. */

static void put_bash_values(struct buf *out)
{
    static const char *const ways[] = {
        [ARGUMENT_ANY] = NULL,
        [ARGUMENT_FILE] = "_sockrun_take -f",
        [ARGUMENT_FOLDER] = "_sockrun_take -d",
        [ARGUMENT_WORDS] = "_sockrun_take -W '",
    };
    for (const struct option_spec *s = option_specs; s->name; s++) {
        if (s->argument == ARGUMENT_NONE) continue;
        const char *way = ways[options_argument_kind(s->argument_name)];
        buf_printf(out, "        --%s%s", s->name, s->letter ? "|" : ")");
        if (s->letter) buf_printf(out, "-%c)", s->letter);
        if (way) buf_printf(out, " %s", way);
        if (way && way[strlen(way) - 1] == '\'') {
            put_words(out, s->argument_name);
            buf_addc(out, '\'');
        }
        buf_adds(out, " ;;\n");
    }
}

static void put_bash_options(struct buf *out, enum command c)
{
    for (const struct option_spec *s = option_specs; s->name; s++) {
        if (!(s->commands & 1U << c)) continue;
        buf_printf(out, " --%s", s->name);
        if (s->letter) buf_printf(out, " -%c", s->letter);
    }
}

/* Options whose value is the next word. */
static void put_bash_required(struct buf *out)
{
    const char *separator = "";
    for (const struct option_spec *s = option_specs; s->name; s++) {
        if (s->argument != ARGUMENT_REQUIRED) continue;
        buf_printf(out, "%s--%s", separator, s->name);
        if (s->letter) buf_printf(out, "|-%c", s->letter);
        separator = "|";
    }
}

static void put_bash(struct buf *out)
{
    buf_adds(out, "# bash: the output of `sockrun completion bash`\n\n"
                  "_sockrun_take() {\n"
                  "    [[ $1 == -W ]] || compopt -o filenames 2>/dev/null\n"
                  "    local found\n"
                  "    mapfile -t found < <(compgen \"$@\" -- \"$cur\")\n"
                  "    COMPREPLY+=(\"${found[@]}\")\n"
                  "}\n\n"
                  "_sockrun() {\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= option= word\n"
                  "    COMPREPLY=()\n"
                  "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                  "        case $word in ");
    put_command_names(out, "|");
    buf_adds(out, ") command=$word; break ;; esac\n"
                  "    done\n"
                  "    case $before in\n"
                  "        =) option=${COMP_WORDS[COMP_CWORD-2]} ;;\n        ");
    put_bash_required(out);
    buf_adds(out, ") option=$before ;;\n"
                  "    esac\n"
                  "    if [[ $cur == = ]]; then option=$before cur=; fi\n"
                  "    case $option in\n"
                  "        '') ;;\n");
    put_bash_values(out);
    buf_adds(out, "    esac\n"
                  "    [[ $option ]] && return\n"
                  "    case ${command:-run}:$cur in\n");
    for (int i = 0; i < COMMANDS; i++) {
        buf_printf(out, "        %s:-*) _sockrun_take -W '", command_specs[i].name);
        put_bash_options(out, (enum command)i);
        buf_printf(out, "' ;;\n        %s:*)", command_specs[i].name);
        buf_adds(out, " _sockrun_take -W '");
        put_arguments(out, (enum command)i);
        buf_printf(out, "'%s ;;\n", takes_files((enum command)i) ? "; _sockrun_take -f" : "");
    }
    buf_adds(out, "    esac\n"
                  "    [[ -z $command && $cur != -* ]] && _sockrun_take -W '");
    put_command_names(out, " ");
    buf_adds(out, "'\n    return 0\n}\n\ncomplete -F _sockrun sockrun\n");
}

/* zsh: what _arguments takes (zshcompsys(1)). */

static void put_zsh_option(struct buf *out, const struct option_spec *s)
{
    static const char *const actions[] = {
        [ARGUMENT_ANY] = " ", [ARGUMENT_FILE] = "_files", [ARGUMENT_FOLDER] = "_files -/", [ARGUMENT_WORDS] = "("};
    buf_adds(out, "            ");
    if (s->letter)
        buf_printf(out, "'*'{-%c%s,--%s%s}'", s->letter, s->argument == ARGUMENT_NONE ? "" : "+", s->name,
                   s->argument == ARGUMENT_REQUIRED ? "=" : "");
    else
        buf_printf(out, "'*--%s%s", s->name,
                   s->argument == ARGUMENT_NONE       ? ""
                   : s->argument == ARGUMENT_OPTIONAL ? "=-"
                                                      : "=");
    buf_addc(out, '[');
    put_quoted(out, s->doc, "[]\\");
    buf_addc(out, ']');
    if (s->argument != ARGUMENT_NONE) {
        const enum argument_kind kind = options_argument_kind(s->argument_name);
        buf_adds(out, s->argument == ARGUMENT_OPTIONAL ? "::" : ":");
        put_quoted(out, kind == ARGUMENT_WORDS ? s->name : s->argument_name, ":[]\\");
        buf_printf(out, ":%s", actions[kind]);
        if (kind == ARGUMENT_WORDS) {
            put_words(out, s->argument_name);
            buf_addc(out, ')');
        }
    }
    buf_adds(out, "'\n");
}

static void put_zsh_command(struct buf *out, enum command c)
{
    buf_printf(out, "    %s)\n        options=(\n", command_specs[c].name);
    for (const struct option_spec *s = option_specs; s->name; s++)
        if (s->commands & 1U << c) put_zsh_option(out, s);
    buf_adds(out, "        )\n        arguments=(");
    put_arguments(out, c);
    buf_printf(out, " )\n        files=%d ;;\n", takes_files(c));
}

static void put_zsh(struct buf *out)
{
    buf_adds(out, "#compdef sockrun\n# zsh: the output of `sockrun completion zsh`\n\n"
                  "_sockrun() {\n"
                  "    local -a commands options arguments\n"
                  "    local command word files state\n"
                  "    commands=(\n");
    for (int i = 0; i < COMMANDS; i++) {
        buf_printf(out, "        '%s:", command_specs[i].name);
        put_quoted(out, command_specs[i].doc, ":\\");
        buf_adds(out, "'\n");
    }
    buf_adds(out, "    )\n"
                  "    for word in ${words[2,CURRENT-1]}; do\n"
                  "        case $word in\n        ");
    put_command_names(out, "|");
    buf_adds(out, ") command=$word; break ;;\n        esac\n    done\n    case ${command:-run} in\n");
    for (int i = 0; i < COMMANDS; i++)
        put_zsh_command(out, (enum command)i);
    buf_adds(out, "    esac\n"
                  "    _arguments -s -S $options '*: :->argument' && return\n"
                  "    [[ $state == argument ]] || return 1\n"
                  "    [[ -z $command ]] && _describe command commands\n"
                  "    (( $#arguments )) && compadd -a arguments\n"
                  "    (( files )) && _files\n"
                  "}\n\n"
                  "if [[ $funcstack[1] == _sockrun ]]; then _sockrun \"$@\"; else compdef _sockrun sockrun; fi\n");
}

/* fish: a line for each, with the condition under which it holds. */

static void put_fish_option(struct buf *out, const struct option_spec *s)
{
    static const char *const takes[] = {[ARGUMENT_ANY] = "-x",
                                        [ARGUMENT_FILE] = "-r -F",
                                        [ARGUMENT_FOLDER] = "-x -a '(__fish_complete_directories)'",
                                        [ARGUMENT_WORDS] = "-x -a '"};
    const enum argument_kind kind =
        s->argument == ARGUMENT_NONE ? ARGUMENT_ANY : options_argument_kind(s->argument_name);
    buf_adds(out, "complete -c sockrun -n '__sockrun_command");
    for (int i = 0; i < COMMANDS; i++)
        if (s->commands & 1U << i) buf_printf(out, " %s", command_specs[i].name);
    buf_printf(out, "' -l %s", s->name);
    if (s->letter) buf_printf(out, " -s %c", s->letter);
    if (s->argument == ARGUMENT_REQUIRED) buf_printf(out, " %s", takes[kind]);
    if (s->argument == ARGUMENT_OPTIONAL && kind == ARGUMENT_WORDS) buf_adds(out, " -f -a '");
    if (s->argument != ARGUMENT_NONE && kind == ARGUMENT_WORDS) {
        put_words(out, s->argument_name);
        buf_addc(out, '\'');
    }
    buf_adds(out, " -d '");
    put_quoted(out, s->doc, "\\");
    buf_adds(out, "'\n");
}

static void put_fish(struct buf *out)
{
    buf_adds(out, "# fish: the output of `sockrun completion fish`\n\n"
                  "function __sockrun_command\n"
                  "    set -l command run\n"
                  "    for word in (commandline -opc)[2..-1]\n"
                  "        if contains -- $word ");
    put_command_names(out, " ");
    buf_adds(out, "\n            set command $word\n            break\n        end\n    end\n"
                  "    contains -- $command $argv\nend\n\n"
                  "function __sockrun_argument\n"
                  "    not string match -q -- '-*' (commandline -ct); and __sockrun_command $argv\nend\n\n"
                  "function __sockrun_first\n"
                  "    not contains -- (commandline -opc)[2..-1] ");
    put_command_names(out, " ");
    buf_adds(out, "\nend\n\ncomplete -c sockrun -f\n");
    for (int i = 0; i < COMMANDS; i++) {
        buf_printf(out, "complete -c sockrun -n __sockrun_first -a %s -d '", command_specs[i].name);
        put_quoted(out, command_specs[i].doc, "\\");
        buf_adds(out, "'\n");
    }
    for (int i = 0; i < COMMANDS; i++) {
        buf_printf(out, "complete -c sockrun -n '__sockrun_argument %s'%s -a '", command_specs[i].name,
                   takes_files((enum command)i) ? " -F" : "");
        put_arguments(out, (enum command)i);
        buf_adds(out, "'\n");
    }
    for (const struct option_spec *s = option_specs; s->name; s++)
        put_fish_option(out, s);
}

enum sr_exit cmd_completion(const struct options *o)
{
    static const struct {
        const char *name;
        void (*put)(struct buf *out);
    } shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    struct buf out = BUF_INIT(TEXT_MOST);
    for (size_t i = 0; o->narguments == 1 && i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(o->arguments[0], shells[i].name) != 0) continue;
        shells[i].put(&out);
        fputs(buf_str(&out), stdout);
        buf_done(&out);
        return SR_EXIT_OK;
    }
    terminal_say("for which shell? `sockrun completion bash`, `zsh` or `fish`");
    return SR_EXIT_USAGE;
}
