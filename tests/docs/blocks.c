/* blocks SOCKRUN PARTS WORK FILE.md: holds what stands between ```yaml or ```lua and ``` in a text against the program.
 * The word behind says what the block is:
 *   (nothing)  a whole file, which passes
 *   check      a whole file that `sockrun check` finds nothing wrong with
 *   actors     what may stand behind PARTS/head.yaml
 *   steps      what may stand behind PARTS/head.yaml and PARTS/actors.yaml, indented
 *   fragment   something that is no YAML by itself: passed over
 * and of Lua:
 *   (nothing)  a test script, which passes
 *   example    one line of a test that begins as PARTS/example.lua, or one that names a test; behind `-->` stands what
 *              the line gives
 *   NAME.lua   a file that others use: it is written under that name, and what comes later is beside it
 * Each one is written to WORK under the name of the text and its line, and stays there. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MOST = 1000, PATH_SIZE = 4096, BROKEN = 100 };

struct job {
    const char *sockrun, *parts, *work, *text;
    unsigned line, blocks, wrong;
};

struct mode {
    const char *word;
    const char *argument; /* of sockrun; NULL: passed over */
    bool head, actors;
    const char *indent;
};

static const struct mode modes[] = {
    {"", "--allow-run", false, false, ""}, {"check", "check", false, false, ""},
    {"actors", "check", true, false, ""},  {"steps", "check", true, true, "      "},
    {"fragment", NULL, false, false, ""},
};
static const struct mode lua_script = {.argument = "--allow-run"}, lua_file = {.argument = NULL},
                         lua_example = {.argument = "--allow-run"};

static void die(const char *what)
{
    fprintf(stderr, "blocks: %s: %s\n", what, errno ? strerror(errno) : "wrong");
    exit(BROKEN);
}

static FILE *open_or_die(const char *path, const char *how)
{
    FILE *f = fopen(path, how);
    if (!f) die(path);
    return f;
}

static const struct mode *yaml_mode(const char *word)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(word, modes[i].word) == 0) return &modes[i];
    return NULL;
}

static const struct mode *lua_mode(const char *word)
{
    if (!*word) return &lua_script;
    if (strcmp(word, "example") == 0) return &lua_example;
    return strstr(word, ".lua") && !strchr(word, '/') ? &lua_file : NULL;
}

/* True if the line opens a block of YAML or Lua; its mode, and the word behind. */
static bool opens(const char *line, const struct mode **ret, char word[LINE_MOST])
{
    const bool lua = strncmp(line, "```lua", 6) == 0;
    const size_t n = lua ? 6 : 7;
    if (!lua && strncmp(line, "```yaml", n) != 0) return false;
    if (sscanf(line + n, "%999s", word) != 1) word[0] = '\0';
    *ret = lua ? lua_mode(word) : yaml_mode(word);
    errno = 0;
    if (!*ret) die(line);
    return true;
}

static void copy_part(const struct job *j, const char *name, FILE *to)
{
    char path[PATH_SIZE], line[LINE_MOST];
    snprintf(path, sizeof path, "%s/%s", j->parts, name);
    FILE *from = open_or_die(path, "r");
    while (fgets(line, sizeof line, from))
        fputs(line, to);
    fclose(from);
}

/* Only calls that stand for themselves are held against what they give. */
static void write_example(const struct job *j, char *line, FILE *to)
{
    static const char *const whole[] = {"test(", "before(", "after(", "each("};
    char *gives = strstr(line, " --> ");
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if (strncmp(line, whole[i], strlen(whole[i])) != 0) continue;
        fprintf(to, "local sock = require \"sockrun\"\n%stest(\"another\", function() end)\n", line);
        return;
    }
    copy_part(j, "example.lua", to);
    if (gives && strncmp(line, "local ", 6) != 0) {
        *gives = '\0';
        fprintf(to, "t:same({%s}, {%s})\n", line, gives + 5);
    } else {
        fputs(line, to);
    }
    fputs("end)\n", to);
}

static void write_block(struct job *j, const struct mode *m, FILE *from, const char *path)
{
    char line[LINE_MOST];
    bool closed = false;
    FILE *to = open_or_die(path, "w");
    if (m->head) copy_part(j, "head.yaml", to);
    if (m->actors) copy_part(j, "actors.yaml", to);
    while (!closed && fgets(line, sizeof line, from)) {
        j->line++;
        closed = strncmp(line, "```", 3) == 0;
        if (closed) continue;
        if (m == &lua_example)
            write_example(j, line, to);
        else
            fprintf(to, "%s%s", line[0] == '\n' || !m->indent ? "" : m->indent, line);
    }
    errno = 0;
    if (!closed || fclose(to) != 0) die(path);
}

static bool passes(const struct job *j, const struct mode *m, const char *path)
{
    int status;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        dup2(STDOUT_FILENO, STDERR_FILENO);
        execl(j->sockrun, j->sockrun, m->argument, "-q", path, (char *)NULL);
        die(j->sockrun);
    }
    if (waitpid(pid, &status, 0) < 0) die("waitpid");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void try_block(struct job *j, const struct mode *m, const char *word, FILE *from)
{
    const char *slash = strrchr(j->text, '/'), *name = slash ? slash + 1 : j->text;
    const unsigned line = j->line;
    char path[PATH_SIZE];
    if (m == &lua_file)
        snprintf(path, sizeof path, "%s/%s", j->work, word);
    else
        snprintf(path, sizeof path, "%s/%s.%u.%s", j->work, name, line,
                 m == &lua_script || m == &lua_example ? "lua" : "yaml");
    write_block(j, m, from, path);
    j->blocks++;
    if (!m->argument || passes(j, m, path)) return;
    printf("%s:%u: this block is wrong\n\n", j->text, line);
    j->wrong++;
}

int main(int argc, char **argv)
{
    char line[LINE_MOST], word[LINE_MOST];
    const struct mode *m;
    if (argc != 5) {
        fprintf(stderr, "usage: %s SOCKRUN PARTS WORK FILE.md\n", argv[0]);
        return BROKEN;
    }
    struct job j = {.sockrun = argv[1], .parts = argv[2], .work = argv[3], .text = argv[4]};
    if (mkdir(j.work, 0777) < 0 && errno != EEXIST) die(j.work);
    FILE *text = open_or_die(j.text, "r");
    while (fgets(line, sizeof line, text)) {
        j.line++;
        if (opens(line, &m, word)) try_block(&j, m, word, text);
    }
    fclose(text);
    printf("%s: %u blocks, %u wrong\n", j.text, j.blocks, j.wrong);
    return j.wrong || !j.blocks ? 1 : 0;
}
