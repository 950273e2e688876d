#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <lua.h>

#include "cli/command.h"
#include "cli/scripts.h"
#include "cli/terminal.h"
#include "sockrun/version.h"

enum { TEXT_MOST = 64 * 1024, KERNEL_MAJOR = 5, KERNEL_MINOR = 10 };

static enum sr_exit (*const commands[COMMANDS])(const struct options *) = {
    [COMMAND_RUN] = cmd_run,
    [COMMAND_CHECK] = cmd_check,
    [COMMAND_LIST] = cmd_list,
    [COMMAND_STEPS] = cmd_steps,
    [COMMAND_MODULES] = cmd_modules,
    [COMMAND_LUA] = cmd_lua,
    [COMMAND_EXPLAIN] = cmd_explain,
    [COMMAND_MERGE] = cmd_merge,
    [COMMAND_DIFF] = cmd_diff,
    [COMMAND_SCHEMA] = cmd_schema,
    [COMMAND_COMPLETION] = cmd_completion,
    [COMMAND_INIT] = cmd_init,
    [COMMAND_WATCH] = cmd_watch,
    [COMMAND_MAN] = cmd_man,
};

static void show_version(void)
{
    char path[PATH_MAX];
    printf("sockrun %s\n", SOCKRUN_VERSION);
    printf("format: %d\nstream: %d\nLua: %s.%s\nscripts: %s\n", SOCKRUN_FORMAT, SOCKRUN_STREAM,
           LUA_VERSION_MAJOR "." LUA_VERSION_MINOR, LUA_VERSION_RELEASE, scripts_folder(path));
}

static void put_usage(enum command c, struct buf *out)
{
    char usage[64];
    bool is_default = c == COMMAND_RUN;
    snprintf(usage, sizeof usage, "sockrun %s%s%s [OPTION...] %s", is_default ? "[" : "", command_specs[c].name,
             is_default ? "]" : "", command_specs[c].arguments);
    buf_printf(out, "  %-44s %s\n", usage, command_specs[c].doc);
}

static void show_help(enum command c)
{
    struct buf out = BUF_INIT(TEXT_MOST);
    bool all = c == COMMAND_RUN;
    buf_adds(&out, all ? "Runs scripted conversations over sockets, and says exactly where one goes wrong.\n\nUsage:\n"
                       : "Usage:\n");
    for (int i = 0; i < COMMANDS; i++) {
        if (all || i == (int)c) put_usage((enum command)i, &out);
    }
    buf_adds(&out, all ? "\nOptions of run:\n" : "\nOptions:\n");
    options_help(c, &out);
    if (all) buf_adds(&out, "\nOptions of another command: sockrun COMMAND --help\n");
    buf_adds(&out, "\nExit codes:\n");
    for (const struct exit_spec *e = exit_specs; e->doc; e++)
        buf_printf(&out, "  %3d  %s\n", (int)e->code, e->doc);
    fputs(buf_str(&out), stdout);
    buf_done(&out);
}

/* A file that is opened later must not become our stdout. */
static bool open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        if (open("/dev/null", O_RDWR) != fd) return false;
    }
    return true;
}

static bool check_kernel(void)
{
    struct utsname name;
    int major = 0, minor = 0;
    if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2) return true;
    if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR)) return true;
    terminal_say("Linux %d.%d or later is needed, this is %s", KERNEL_MAJOR, KERNEL_MINOR, name.release);
    return false;
}

static enum sr_exit command(int argc, char **argv)
{
    struct options o;
    struct buf wrong = BUF_INIT(TEXT_MOST);
    enum sr_exit result = SR_EXIT_OK;
    if (!options_parse(&o, argc, argv, &wrong)) {
        terminal_say("%s", buf_str(&wrong));
        result = SR_EXIT_USAGE;
    } else if (o.help) {
        show_help(o.command);
    } else if (o.version) {
        show_version();
    } else {
        result = commands[o.command](&o);
    }
    buf_done(&wrong);
    options_done(&o);
    return result;
}

int main(int argc, char **argv)
{
    if (!open_standard()) return SR_EXIT_ERROR;
    signal(SIGPIPE, SIG_IGN);
    /* A file that may not grow any more is an error of who writes it, not the end of the run. */
    signal(SIGXFSZ, SIG_IGN);
    if (!check_kernel()) return SR_EXIT_ERROR;
    enum sr_exit result = argc > 0 ? command(argc, argv) : SR_EXIT_USAGE;
    if (!terminal_finish() && result == SR_EXIT_OK) result = SR_EXIT_ERROR;
    return result;
}
