#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lua.h>

#include "cli/command.h"
#include "cli/editor.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "engine/prompt.h"
#include "report/failure.h"
#include "util/text.h"

enum { READ_SIZE = 64 << 10, ENTRY_MOST = 16 << 20, TEXT_MOST = 32 << 20 };

struct shell {
    struct prompt *prompt;
    struct editor *editor; /* NULL: standard input is no terminal */
    struct style style;
    struct buf input; /* read and not taken, where there is no editor */
    struct buf entry; /* the lines of one that goes on */
};

/* What is said while somebody edits a line stands above it. */
static void write_text(struct shell *s, FILE *to, struct slice text)
{
    if (editor_busy(s->editor)) fputc('\n', to);
    fwrite(text.p, 1, text.n, to);
    fflush(to);
    editor_again(s->editor);
}

static void print(void *ctx, struct slice text)
{
    write_text(ctx, stdout, text);
}

static void show_event(void *ctx, const struct event *e)
{
    struct shell *s = ctx;
    struct buf out = BUF_INIT(TEXT_MOST);
    if (e->kind == EVENT_VERDICT) {
        failure_render(e, &s->style, &out);
        write_text(s, stderr, buf_slice(&out));
    } else {
        if (e->actor) buf_printf(&out, "%s: ", e->actor);
        text_safe(slice_of(e->text), &out);
        buf_addc(&out, '\n');
        write_text(s, stdout, buf_slice(&out));
    }
    buf_done(&out);
}

static bool wait_input(void *ctx)
{
    const struct shell *s = ctx;
    return prompt_wait(s->prompt, STDIN_FILENO);
}

/* A line of what is no terminal. */
static enum editor_end read_line(struct shell *s, struct slice *ret)
{
    struct buf *b = &s->input;
    for (;;) {
        const char *end = b->n ? memchr(b->p, '\n', b->n) : NULL;
        if (end) {
            *ret = (struct slice){b->p, (size_t)(end - b->p)};
            return EDITOR_LINE;
        }
        char *room = buf_room(b, READ_SIZE);
        if (!room) return EDITOR_CLOSED;
        if (!wait_input(s)) return EDITOR_INTERRUPTED;
        const ssize_t n = read(STDIN_FILENO, room, READ_SIZE);
        if (n < 0 && errno == EINTR) continue;
        if (n > 0) {
            b->n += (size_t)n;
            continue;
        }
        *ret = buf_slice(b);
        return b->n ? EDITOR_LINE : EDITOR_CLOSED;
    }
}

static enum editor_end next_line(struct shell *s)
{
    struct slice line;
    const enum editor_end end =
        s->editor ? editor_read(s->editor, s->entry.n ? ">> " : "> ", &line) : read_line(s, &line);
    if (end != EDITOR_LINE) return end;
    if (s->entry.n) buf_addc(&s->entry, '\n');
    buf_add(&s->entry, line);
    if (!s->editor) buf_drop(&s->input, line.n < s->input.n ? line.n + 1 : line.n);
    return EDITOR_LINE;
}

static void run_entry(struct shell *s, bool whole)
{
    const enum prompt_result result = prompt_run(s->prompt, buf_slice(&s->entry), whole || s->entry.overflow);
    if (result == PROMPT_INTERRUPTED) terminal_say("interrupted");
    if (result != PROMPT_INCOMPLETE) buf_clear(&s->entry);
}

/* True: it was interrupted where nobody is there to go on. */
static bool read_all(struct shell *s)
{
    for (;;) {
        switch (next_line(s)) {
        case EDITOR_LINE: run_entry(s, false); break;
        case EDITOR_INTERRUPTED:
            if (!s->editor) return true;
            buf_clear(&s->entry);
            break;
        case EDITOR_CLOSED:
            if (s->entry.n) run_entry(s, true);
            return false;
        }
    }
}

static bool run_chunks(struct shell *s, const struct options *o)
{
    for (uint32_t i = 0; i < o->nchunks; i++)
        if (prompt_run(s->prompt, slice_of(o->chunks[i]), true) == PROMPT_INTERRUPTED) return true;
    return false;
}

static enum sr_exit code_of(const struct shell *s, bool interrupted)
{
    if (interrupted) return SR_EXIT_INTERRUPTED;
    /* Somebody who tries things has seen what went wrong. */
    if (s->editor || prompt_verdict(s->prompt) == SR_PASS) return SR_EXIT_OK;
    return prompt_verdict(s->prompt) == SR_ERROR ? SR_EXIT_ERROR : SR_EXIT_FAIL;
}

static enum sr_exit run(struct shell *s, const struct session *session, const struct options *o, const char *folder)
{
    const struct prompt_ears ears = {print, show_event, s};
    const char *why = NULL;
    s->prompt = prompt_new(&session->settings, o->nchunks ? "-e" : "stdin", folder, &ears, &why);
    if (!s->prompt) {
        terminal_say("%s", why);
        return SR_EXIT_ERROR;
    }
    if (!o->nchunks && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) s->editor = editor_new(wait_input, s);
    if (s->editor) puts(LUA_RELEASE ", with `sock`, the sockets; Ctrl-C interrupts, Ctrl-D ends");
    const bool interrupted = o->nchunks ? run_chunks(s, o) : read_all(s);
    const enum sr_exit code = code_of(s, interrupted);
    editor_free(s->editor);
    s->editor = NULL;
    prompt_free(s->prompt);
    return code;
}

enum sr_exit cmd_lua(const struct options *o)
{
    struct session session;
    struct shell s = {.input = BUF_INIT(ENTRY_MOST), .entry = BUF_INIT(ENTRY_MOST)};
    s.style = (struct style){.color = terminal_color(o->color, STDERR_FILENO), .width = LINE_WIDTH};
    char *folder = realpath(".", NULL);
    enum sr_exit result = session_begin(&session, o);
    if (result == SR_EXIT_OK && o->narguments) {
        terminal_say("`sockrun lua` takes no `%s`: a file is run by `sockrun %s`", o->arguments[0], o->arguments[0]);
        result = SR_EXIT_USAGE;
    }
    if (result == SR_EXIT_OK) result = run(&s, &session, o, folder);
    session_done(&session);
    buf_done(&s.input);
    buf_done(&s.entry);
    free(folder);
    return result;
}
