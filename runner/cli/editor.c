#include "cli/editor.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "util/mem.h"

enum { HISTORY_MOST = 1000, CTRL_D = 4 };

struct editor {
    EditLine *el;
    History *history;
    const char *prompt;
    bool (*wait)(void *ctx);
    void *ctx;
    locale_t locale, before;
    bool busy, interrupted;
};

static struct editor *editor_of(EditLine *el)
{
    void *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e;
}

/* libedit's own would block, and with it everything that still runs. */
static int get_character(EditLine *el, wchar_t *ret)
{
    struct editor *e = editor_of(el);
    mbstate_t state = {0};
    for (;;) {
        char byte;
        if (!e->wait(e->ctx)) {
            e->interrupted = true;
            return -1;
        }
        const ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return (int)n;
        /* What a Ctrl-D becomes that was typed before libedit had set up the terminal. */
        if (byte == 0) byte = CTRL_D;
        const size_t taken = mbrtowc(ret, &byte, 1, &state);
        if (taken == (size_t)-2) continue;
        if (taken == (size_t)-1) *ret = L'?';
        return 1;
    }
}

/* libedit asks for a char *, and does not change it. */
static char *show_prompt(EditLine *el)
{
    return (char *)(uintptr_t)editor_of(el)->prompt;
}

struct editor *editor_new(bool (*wait)(void *ctx), void *ctx)
{
    HistEvent event;
    struct editor *e = mem_zalloc(sizeof *e);
    *e = (struct editor){.wait = wait, .ctx = ctx, .prompt = ""};
    /* libedit shows what is typed as characters of the user's; the rest of the program knows bytes. */
    e->locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    e->before = e->locale ? uselocale(e->locale) : (locale_t)0;
    e->el = el_init("sockrun", stdin, stdout, stderr);
    e->history = history_init();
    if (!e->el || !e->history) {
        editor_free(e);
        return NULL;
    }
    history(e->history, &event, H_SETSIZE, HISTORY_MOST);
    history(e->history, &event, H_SETUNIQUE, 1);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_SIGNAL, 0);
    /* Ctrl-C must not take away what poll(2) has seen: the read would block. */
    el_set(e->el, EL_SETTY, "-d", "+noflsh", NULL);
    el_set(e->el, EL_PROMPT, show_prompt);
    el_set(e->el, EL_GETCFN, get_character);
    el_set(e->el, EL_HIST, history, e->history);
    return e;
}

void editor_free(struct editor *e)
{
    if (!e) return;
    if (e->el) el_end(e->el);
    if (e->history) history_end(e->history);
    if (e->locale) {
        uselocale(e->before);
        freelocale(e->locale);
    }
    mem_free(e);
}

enum editor_end editor_read(struct editor *e, const char *prompt, struct slice *ret)
{
    HistEvent event;
    int n = 0;
    e->prompt = prompt;
    e->busy = true;
    e->interrupted = false;
    const char *line = el_gets(e->el, &n);
    e->busy = false;
    if (!line || n <= 0) {
        if (e->interrupted) tcflush(STDIN_FILENO, TCIFLUSH);
        el_reset(e->el);
        fputc('\n', stdout);
        return e->interrupted ? EDITOR_INTERRUPTED : EDITOR_CLOSED;
    }
    *ret = (struct slice){line, strcspn(line, "\r\n")};
    if (ret->n) history(e->history, &event, H_ENTER, line);
    return EDITOR_LINE;
}

void editor_again(struct editor *e)
{
    if (e && e->busy) el_set(e->el, EL_REFRESH);
}

bool editor_busy(const struct editor *e)
{
    return e && e->busy;
}
