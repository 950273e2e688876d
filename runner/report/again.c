#include "report/again.h"

#include <string.h>

#include "util/shell.h"

static struct slice own_name(const struct again *a, const char *name)
{
    const struct slice all = slice_of(name);
    const char *from = a->repeated && all.n ? memrchr(all.p, '(', all.n) : NULL;
    size_t n = from ? (size_t)(from - all.p) : all.n;

    while (from && n > 0 && all.p[n - 1] == ' ')
        n--;
    return slice_part(all, 0, n);
}

static bool has_id(const struct event *e)
{
    return e->id && *e->id;
}

void again_show(const struct again *a, const struct event *e, struct buf *out)
{
    const struct slice name = has_id(e) ? slice_of(e->id) : own_name(a, e->case_name);

    if (!a->command || !e->file) return;
    buf_adds(out, a->command);
    /* What begins with a dash would be an option. */
    buf_adds(out, *e->file == '-' ? " ./" : " ");
    shell_quote(slice_of(e->file), out);
    if (name.n == 0) return;
    buf_adds(out, " --case ");
    shell_quote(name, out);
}
