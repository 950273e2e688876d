#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/schema.h"
#include "cli/scripts.h"
#include "cli/terminal.h"
#include "util/buf.h"

#define SCHEMA "scenario.schema.json"

enum { TEXT_MOST = 16 << 20 };

static const char usual_name[] = "first.yaml";

static const char scenario[] = "sockrun: 1\n"
                               "name: a server greets and answers by name\n"
                               "vars: {user: alice}                    # sockrun --var user=bob sets another one\n"
                               "actors:                                # all of them run at the same time\n"
                               "  server:\n"
                               "    listen: tcp://127.0.0.1:0          # any free port; others say ${server}\n"
                               "    steps:\n"
                               "      - send: {line: 220 ready}        # a line that ends in CRLF\n"
                               "      - expect: {line: {matches: '^HELLO (?<who>\\w+)$'}}\n"
                               "      - send: {line: \"250 hello ${who}\"}\n"
                               "      - expect_close\n"
                               "  client:\n"
                               "    connect: ${server}                 # or a server of yours: tcp://127.0.0.1:8080\n"
                               "    steps:\n"
                               "      - expect: {line: {starts_with: \"220\"}}\n"
                               "      - send: {line: \"HELLO ${user}\"}\n"
                               "      - expect: {line: \"250 hello ${user}\"}\n"
                               "      - close\n";

static bool is_scenario(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* A new file: what is there stays. */
static bool write_new(const char *path, struct slice text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool ok = fd >= 0;
    while (ok && text.n) {
        const ssize_t n = write(fd, text.p, text.n);
        ok = n > 0;
        if (ok) text = slice_part(text, (size_t)n, text.n);
    }
    const int why = errno;
    if (fd >= 0 && close(fd) < 0) ok = false;
    if (!ok) terminal_say("%s: %s", path, why == EEXIST ? "it is there already, and stays as it is" : strerror(why));
    return ok;
}

/* Where the schema is, as seen from the scenario: the one that is installed, else one that is written beside it. NULL:
 * it could not be written. */
static const char *find_schema(const struct options *o, const char *scenario_path, char path[PATH_MAX])
{
    char beside[PATH_MAX];
    const char *slash = strrchr(scenario_path, '/'), *installed = share_path(SCHEMA, path);
    if (access(installed, R_OK) == 0) return installed;
    snprintf(beside, sizeof beside, "%.*s%s", slash ? (int)(slash + 1 - scenario_path) : 0, scenario_path, SCHEMA);
    if (access(beside, R_OK) == 0) return "./" SCHEMA;
    struct buf text = BUF_INIT(TEXT_MOST);
    schema_text(o, &text);
    const bool ok = write_new(beside, buf_slice(&text));
    buf_done(&text);
    return ok ? "./" SCHEMA : NULL;
}

static void say_next(const char *path)
{
    const int width = (int)strlen(path), room = width + (int)strlen("watch ");
    printf("%s is written. What to do next:\n\n"
           "  sockrun %-*s  run it\n"
           "  sockrun -v %-*s  see every step and its bytes\n"
           "  sockrun watch %s  run it again whenever it changes\n"
           "  sockrun %-*s  what a step can be\n",
           path, room, path, room - 3, path, path, room, "steps");
}

enum sr_exit cmd_init(const struct options *o)
{
    char place[PATH_MAX];
    const char *path = o->narguments ? o->arguments[0] : usual_name;
    if (o->narguments > 1 || !is_scenario(path)) {
        terminal_say("init writes one scenario, a file that ends in .yaml or .yml");
        return SR_EXIT_USAGE;
    }
    if (access(path, F_OK) == 0) {
        terminal_say("%s: it is there already, and stays as it is", path);
        return SR_EXIT_USAGE;
    }
    const char *schema = find_schema(o, path, place);
    if (!schema) return SR_EXIT_USAGE;
    struct buf text = BUF_INIT(TEXT_MOST);
    buf_printf(&text, "# yaml-language-server: $schema=%s\n%s", schema, scenario);
    const bool ok = write_new(path, buf_slice(&text));
    buf_done(&text);
    if (ok) say_next(path);
    return ok ? SR_EXIT_OK : SR_EXIT_USAGE;
}
