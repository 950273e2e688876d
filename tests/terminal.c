/* terminal SCRIPT COMMAND [ARGS...]: runs the command on a terminal of its own and talks to it. Lines of the script:
 *   > text   is typed; \n, \e, \\ and ^C stand for keys (and all others with ^)
 *   < text   must come next, whatever stands before it
 *   = code   the command ends with it
 * What must come may be late: nothing here depends on time. */

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MOST = 1000, SEEN_MOST = 1 << 16, PATIENCE_MS = 20000, BROKEN = 100 };

static char seen[SEEN_MOST];
static size_t nseen;

static void die(const char *what)
{
    fprintf(stderr, "terminal: %s: %s\n", what, strerror(errno));
    exit(BROKEN);
}

static size_t decode(const char *text, char *out)
{
    size_t n = 0;
    for (; *text; text++) {
        char c = *text;
        if (c == '\\' && text[1]) {
            c = *++text;
            c = (char)(c == 'n' ? '\n' : c == 'e' ? '\033' : c);
        }
        if (c == '^' && text[1]) c = (char)(*++text & 0x1f);
        out[n++] = c;
    }
    return n;
}

static void type_keys(int fd, const char *text)
{
    char keys[LINE_MOST];
    const size_t n = decode(text, keys);
    if (write(fd, keys, n) != (ssize_t)n) die("write");
}

/* False at the end, or when nothing comes any more. */
static bool read_more(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (nseen == SEEN_MOST || poll(&p, 1, PATIENCE_MS) <= 0) return false;
    const ssize_t n = read(fd, seen + nseen, SEEN_MOST - nseen);
    if (n > 0) nseen += (size_t)n;
    return n > 0;
}

/* What has come up to it is done with. */
static bool wait_for(int fd, const char *text)
{
    const size_t n = strlen(text);
    for (;;) {
        const char *at = memmem(seen, nseen, text, n);
        if (at) {
            const size_t used = (size_t)(at - seen) + n;
            memmove(seen, seen + used, nseen - used);
            nseen -= used;
            return true;
        }
        if (!read_more(fd)) return false;
    }
}

static bool follow(FILE *script, int fd, pid_t pid)
{
    char line[LINE_MOST];
    int status;
    for (unsigned number = 1; fgets(line, sizeof line, script); number++) {
        line[strcspn(line, "\n")] = '\0';
        const char *text = line + 2;
        if (line[0] == '>') type_keys(fd, text);
        if (line[0] == '<' && !wait_for(fd, text)) {
            printf("line %u: `%s` has not come; behind the last one came:\n%.*s\n", number, text, (int)nseen, seen);
            return false;
        }
        if (line[0] != '=') continue;
        while (read_more(fd)) {
        }
        if (waitpid(pid, &status, 0) < 0) die("waitpid");
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (code != strtol(text, NULL, 10)) {
            printf("line %u: it ended with %d\n", number, code);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    int fd;
    const struct winsize size = {.ws_row = 50, .ws_col = 200};
    if (argc < 3) {
        fprintf(stderr, "usage: %s SCRIPT COMMAND [ARGS...]\n", argv[0]);
        return BROKEN;
    }
    FILE *script = fopen(argv[1], "r");
    if (!script) die(argv[1]);
    const pid_t pid = forkpty(&fd, NULL, NULL, &size);
    if (pid < 0) die("forkpty");
    if (pid == 0) {
        setenv("TERM", "xterm", 1);
        execvp(argv[2], argv + 2);
        die(argv[2]);
    }
    const bool ok = follow(script, fd, pid);
    fclose(script);
    close(fd);
    return ok ? 0 : 1;
}
