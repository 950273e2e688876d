#include <stdio.h>

#include "cli/command.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "util/text.h"

enum { LINE_MOST = 1 << 20 };

/* The one case of a file is called what the file is. */
static bool is_only_name(const struct suite_file *f, const struct suite_case *c)
{
    return *f->title && (!*c->name || *c->name == '[');
}

static void put_case(const struct suite_file *f, const struct suite_case *c, struct buf *line)
{
    buf_clear(line);
    text_safe(slice_of(f->name), line);
    buf_printf(line, ":%u", c->line);
    if (*c->name || *f->title) buf_addc(line, ' ');
    if (is_only_name(f, c)) {
        buf_addc(line, ' ');
        text_safe(slice_of(f->title), line);
    }
    if (*c->name) {
        buf_addc(line, ' ');
        text_safe(slice_of(c->name), line);
    }
    if (*c->tags) {
        buf_adds(line, "  [");
        text_safe(slice_of(c->tags), line);
        buf_addc(line, ']');
    }
    puts(buf_str(line));
}

enum sr_exit cmd_list(const struct options *o)
{
    struct session s;
    struct buf line = BUF_INIT(LINE_MOST);
    enum sr_exit result = session_open(&s, o);
    for (uint32_t i = 0; result == SR_EXIT_OK && i < s.suite.n; i++) {
        const struct suite_file *f = &s.suite.files[i];
        for (uint32_t k = 0; k < f->nselected; k++)
            put_case(f, &f->cases[f->selected[k]], &line);
    }
    if (result == SR_EXIT_OK && s.suite.nselected == 0) {
        terminal_say("no case is selected");
        result = SR_EXIT_NONE;
    }
    buf_done(&line);
    session_done(&s);
    return result;
}
