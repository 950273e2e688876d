#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/text.h"
#include "util/units.h"

enum { TEXT_MOST = 1 << 20, WIDTH_LEAST = 20, WIDTH_MOST = 10000 };

bool terminal_live(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && !(term && strcmp(term, "dumb") == 0);
}

bool terminal_color(enum color_when when, int fd)
{
    const char *no = getenv("NO_COLOR");
    switch (when) {
    case COLOR_ALWAYS: return true;
    case COLOR_NEVER: return false;
    case COLOR_AUTO: break;
    }
    return !(no && *no) && terminal_live(fd);
}

unsigned terminal_width(int fd)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int64_t width = 0;
    if (!columns || units_int(slice_of(columns), &width)) width = ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    return width >= WIDTH_LEAST && width <= WIDTH_MOST ? (unsigned)width : 0;
}

static bool reader_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

bool terminal_finish(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return true;
    if (errno == EPIPE || reader_is_gone()) return true;
    terminal_say("cannot write standard output%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
    return false;
}

void terminal_say(const char *format, ...)
{
    struct buf text = BUF_INIT(TEXT_MOST), safe = BUF_INIT(4 * TEXT_MOST);
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    text_safe(buf_slice(&text), &safe);
    fprintf(stderr, "sockrun: %s\n", buf_str(&safe));
    buf_done(&text);
    buf_done(&safe);
}

void terminal_say_lines(const struct buf *lines)
{
    struct slice rest = buf_slice(lines);
    while (rest.n) {
        const char *end = memchr(rest.p, '\n', rest.n);
        const size_t n = end ? (size_t)(end - rest.p) : rest.n;
        terminal_say("%.*s", (int)n, rest.p);
        rest = slice_part(rest, end ? n + 1 : n, rest.n);
    }
}
