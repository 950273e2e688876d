#include "util/diag_json.h"

#include "util/jsonw.h"
#include "util/mem.h"

enum { VERSION = 1 };

static void put_position(struct jsonw *w, const char *key, uint32_t line, uint32_t column)
{
    jsonw_open(w, key, '{');
    jsonw_int(w, "line", line);
    jsonw_int(w, "column", column);
    jsonw_close(w, '}');
}

/* What is about a file as a whole stands before its first character. */
static void put_place(struct jsonw *w, const struct place *p)
{
    const bool whole = p->line == 0;
    const uint32_t line = whole ? 1 : p->line, column = whole || p->col == 0 ? 1 : p->col;
    jsonw_str(w, "file", p->file);
    put_position(w, "start", line, column);
    put_position(w, "end", line, whole ? column : column + p->span);
}

static void put_diag(struct jsonw *w, const struct diag *g)
{
    jsonw_open(w, NULL, '{');
    put_place(w, &g->place);
    jsonw_str(w, "severity", "error");
    jsonw_str(w, "message", g->message);
    jsonw_str(w, "hint", g->hint);
    jsonw_str(w, "suggestion", g->suggestion);
    if (g->also.file) {
        jsonw_open(w, "also", '{');
        put_place(w, &g->also);
        jsonw_str(w, "message", g->also_message);
        jsonw_close(w, '}');
    }
    jsonw_close(w, '}');
}

void diags_json(const struct diags *d, struct buf *out)
{
    struct jsonw w;
    const struct diag **list = diags_sorted(d);
    jsonw_init(&w, out);
    jsonw_open(&w, NULL, '{');
    jsonw_int(&w, "check", VERSION);
    jsonw_open(&w, "diagnostics", '[');
    for (uint32_t i = 0; i < d->n; i++)
        put_diag(&w, list[i]);
    jsonw_close(&w, ']');
    if (d->dropped) jsonw_int(&w, "dropped", d->dropped);
    jsonw_close(&w, '}');
    buf_addc(out, '\n');
    mem_free(list);
}
