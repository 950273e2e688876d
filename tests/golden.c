/* golden [--exact] [--without REGEX] [--input FILE] EXPECTED CODE COMMAND [ARGS...]: runs the command (its standard
 * input is the file) and compares all it prints, and its exit code, with what is expected. What differs from run to run
 * (times, ports, processes, temporary folders) is written as <time> and so on, and how a case is run again, which
 * depends on how the command was called, counts as not there, unless --exact; so do lines that match REGEX. With
 * UPDATE=1 in the environment EXPECTED is written anew. */

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MOST = 16 << 20, BROKEN = 100 };

struct text {
    char *p;
    size_t n;
};

static const struct {
    const char *pattern, *put; /* a first group in parentheses stays */
} changing[] = {
    /* A limit stands in the scenario: `of 5 s` stays. */
    {"(^|[^f] |[(])[0-9]+(\\.[0-9]+)? (ns|us|ms|s|min|h)\\>", "<time>"},
    {"( ) +after <time>", "after <time>"},
    {"(127\\.0\\.0\\.1:|\\[::1\\]:)[0-9]+", "<port>"},
    {"((pid|process) )[0-9]+", "<pid>"},
    {"()(/[A-Za-z0-9_.-]+)*/sockrun-[A-Za-z0-9]{6}", "<tmp>"},
};

static void die(const char *what)
{
    fprintf(stderr, "golden: %s: %s\n", what, strerror(errno));
    exit(BROKEN);
}

static void add(struct text *t, const char *p, size_t n)
{
    if (n > TEXT_MOST - t->n) {
        errno = EFBIG;
        die("output");
    }
    t->p = realloc(t->p, t->n + n + 1);
    if (!t->p) die("memory");
    memcpy(t->p + t->n, p, n);
    t->n += n;
    t->p[t->n] = '\0';
}

static void read_all(FILE *f, struct text *t)
{
    char part[4096];
    size_t n;
    add(t, "", 0);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        add(t, part, n);
    fclose(f);
}

/* Replaces each match but its first group. */
static void replace(struct text *t, const char *pattern, const char *put)
{
    regex_t re;
    regmatch_t m[2];
    struct text out = {0};
    const char *at = t->p;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE) != 0) die(pattern);
    add(&out, "", 0);
    while (regexec(&re, at, 2, m, at == t->p ? 0 : REG_NOTBOL) == 0 && m[0].rm_eo > m[0].rm_so) {
        add(&out, at, (size_t)m[1].rm_eo);
        add(&out, put, strlen(put));
        at += m[0].rm_eo;
    }
    add(&out, at, strlen(at));
    regfree(&re);
    free(t->p);
    *t = out;
}

/* Output may hold no NUL: a terminal would not want it either. */
static void normalise(struct text *t)
{
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
        replace(t, changing[i].pattern, changing[i].put);
}

static void drop_lines(struct text *t, const char *pattern)
{
    regex_t re;
    struct text out = {0};
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0) die(pattern);
    add(&out, "", 0);
    for (char *line = t->p, *end; *line; line = end) {
        size_t n = strcspn(line, "\n");
        char ended = line[n];
        line[n] = '\0';
        bool drop = regexec(&re, line, 0, NULL, 0) == 0;
        line[n] = ended;
        end = line + n + (ended ? 1 : 0);
        if (!drop) add(&out, line, (size_t)(end - line));
    }
    regfree(&re);
    free(t->p);
    *t = out;
}

static int run(char **argv, const char *input, struct text *ret_output)
{
    int ends[2], status;
    const int in = input ? open(input, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (in < 0) die(input);
    if (pipe(ends) < 0) die("pipe");
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        if (input) dup2(in, STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[0], argv);
        die(argv[0]);
    }
    close(ends[1]);
    if (input) close(in);
    FILE *f = fdopen(ends[0], "r");
    if (!f) die("fdopen");
    read_all(f, ret_output);
    if (waitpid(pid, &status, 0) < 0) die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void update(const char *path, const struct text *t)
{
    FILE *f = fopen(path, "w");
    if (!f || fwrite(t->p, 1, t->n, f) != t->n || fclose(f) != 0) die(path);
}

static bool same(const char *path, const struct text *got)
{
    struct text wanted = {0};
    FILE *f = fopen(path, "r");
    if (!f) die(path);
    read_all(f, &wanted);
    bool equal = wanted.n == got->n && memcmp(wanted.p, got->p, got->n) == 0;
    free(wanted.p);
    return equal;
}

static void show_difference(const char *path, const struct text *got)
{
    int ends[2];
    if (pipe(ends) < 0) die("pipe");
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp("diff", "diff", "-u", "--label", "expected", "--label", "got", path, "-", (char *)NULL);
        die("diff");
    }
    close(ends[0]);
    FILE *f = fdopen(ends[1], "w");
    if (!f) die("fdopen");
    fwrite(got->p, 1, got->n, f);
    fclose(f);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    const char *without = NULL, *input = NULL, *wish = getenv("UPDATE");
    struct text got = {0};
    bool exact = false, ok = true;
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--exact") == 0) exact = true;
        if (strcmp(argv[at], "--without") == 0 && at + 1 < argc) without = argv[++at];
        if (strcmp(argv[at], "--input") == 0 && at + 1 < argc) input = argv[++at];
    }
    if (argc - at < 3) {
        fprintf(stderr, "usage: %s [--exact] [--without REGEX] [--input FILE] EXPECTED CODE COMMAND [ARGS...]\n",
                argv[0]);
        return BROKEN;
    }
    const char *expected = argv[at];
    long wanted_code = strtol(argv[at + 1], NULL, 10);
    int code = run(argv + at + 2, input, &got);
    if (!exact) normalise(&got);
    if (!exact) drop_lines(&got, "^   again          ");
    if (without) drop_lines(&got, without);
    if (wish && strcmp(wish, "1") == 0) {
        update(expected, &got);
    } else if (!same(expected, &got)) {
        show_difference(expected, &got);
        ok = false;
    }
    if (code != wanted_code) {
        printf("%s: exit code %d, expected %ld\n", expected, code, wanted_code);
        ok = false;
    }
    free(got.p);
    return ok ? 0 : 1;
}
