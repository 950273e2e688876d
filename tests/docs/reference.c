/* reference FILE.md FOLDER: prints FILE.md up to the line that marks where the reference begins, and behind it the
 * reference of the Lua API, made of the comments that stand beside each binding in FOLDER:
 *   a colon behind the beginning of the comment, the call; on the next lines what it does, `example:` and an example
 * and of those in reader.c, which are the call, `->` and what it gives. */

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 1 << 20, BROKEN = 100 };

static const char mark[] = "<!-- made from the comments in runner/lua -->\n";
static const char begin[] = "/*: ", reader_begin[] = "\n/* r:";

static const struct {
    const char *title, *about, *files[5];
} parts[] = {
    {"Test scripts", "Globals of a test script, and what a test is given.", {"testscript.c", "asserts.c"}},
    {"Connecting", "Functions of `require \"sockrun\"`, and listeners.", {"api_net.c"}},
    {"Connections", NULL, {"api_conn.c", "api_conn_info.c", "api_expect.c"}},
    {"Programs", "A program is a connection to its stdin and stdout, too.", {"api_program.c"}},
    {"Tasks and time", NULL, {"api_tasks.c", "api_meet.c", "api_select.c"}},
    {"The case", NULL, {"api.c"}},
    {"Helpers", "Known everywhere, also in `${}`; and as functions of `sock`.", {"funcs.c", "digest.c", "zip.c"}},
};

static void die(const char *what)
{
    fprintf(stderr, "reference: %s: %s\n", what, strerror(errno));
    exit(BROKEN);
}

static char *read_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
    FILE *f = fopen(path, "r");
    char *text = calloc(1, TEXT_MOST);
    if (!f || !text || fread(text, 1, TEXT_MOST - 1, f) == 0) die(path);
    fclose(f);
    return text;
}

/* Prints words with one blank between two, without the stars at the beginnings of lines. */
static void put_words(const char *from, const char *to)
{
    bool blank = false, any = false;
    for (; from < to; from++) {
        const bool star = *from == '*' && from[-1] == ' ' && from[-2] == '\n';
        if (isspace((unsigned char)*from) || star) {
            blank = any;
            continue;
        }
        if (blank) putchar(' ');
        blank = false;
        any = true;
        putchar(*from);
    }
}

/* A binding: `from` is its call, `to` the end of the comment. */
static void put_binding(const char *from, const char *to)
{
    static const char word[] = "example:";
    const char *line = memchr(from, '\n', (size_t)(to - from));
    if (!line) line = to;
    const char *example = memmem(line, (size_t)(to - line), word, sizeof word - 1);
    printf("### `%.*s`\n\n", (int)(line - from), from);
    put_words(line, example ? example : to);
    printf("\n\n");
    if (!example) return;
    printf("```lua example\n");
    put_words(example + sizeof word - 1, to);
    printf("\n```\n\n");
}

static void put_bindings(const char *text)
{
    for (const char *at = text; (at = strstr(at, begin));) {
        const char *end = strstr(at, "*/");
        if (!end) return;
        put_binding(at + sizeof begin - 1, end);
        at = end;
    }
}

static void put_reader(const char *text)
{
    printf("## Readers\n\nWhat `decode` of a message module reads with; each waits for the bytes that it needs.\n\n"
           "| call | |\n|---|---|\n");
    for (const char *at = text; (at = strstr(at, reader_begin));) {
        const char *end = strstr(at, " */"), *call = at + sizeof reader_begin - 3;
        const char *close = end ? memchr(call, ')', (size_t)(end - call)) : NULL;
        if (!close) return;
        printf("| `%.*s` | ", (int)(close + 1 - call), call);
        put_words(close + 1 + strspn(close + 1, ": ->"), end);
        printf(" |\n");
        at = end;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s FILE.md FOLDER\n", argv[0]);
        return BROKEN;
    }
    char *guide = read_file("", argv[1]);
    const char *end = strstr(guide, mark);
    errno = 0;
    if (!end) die("there is no mark");
    printf("%.*s%s\n", (int)(end - guide), guide, mark);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        printf("## %s\n\n", parts[i].title);
        if (parts[i].about) printf("%s\n\n", parts[i].about);
        for (size_t k = 0; k < sizeof parts[i].files / sizeof *parts[i].files && parts[i].files[k]; k++) {
            char *text = read_file(argv[2], parts[i].files[k]);
            put_bindings(text);
            free(text);
        }
    }
    char *reader = read_file(argv[2], "reader.c");
    put_reader(reader);
    free(reader);
    free(guide);
    return 0;
}
