/* libFuzzer target for what reads text before Lua does: templates and the scan of names. Any bytes may come in. */

#include <stdint.h>
#include <stdlib.h>

#include "lua/expr.h"
#include "lua/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Also where asserts are compiled out. */
static void must(bool holds)
{
    if (!holds) abort();
}

static void check_use(void *ctx, struct slice name, size_t at, bool assigned)
{
    const struct slice *text = ctx;
    (void)assigned;
    must(at < text->n && text->p + at == name.p && name.n <= text->n - at);
    must(names_is_name(name));
}

static void check_part(struct slice text, const struct tmpl_part *p)
{
    if (!p->expr) return;
    struct slice code = p->expr->text;
    must(code.n > 0 && p->expr->at >= 2 && text.p + p->expr->at == code.p);
    must(p->expr->at + code.n < text.n);
    names_scan(code, check_use, &code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    long end = names_expression_end(text);
    must(end < 0 || ((size_t)end < size && data[end] == '}'));
    names_scan(text, check_use, &text);
    struct arena arena;
    arena_init(&arena);
    struct tmpl t;
    size_t at = 0;
    if (tmpl_parse(text, "fuzz:1", &arena, &t, &at)) {
        must(at + 1 < size && data[at] == '$' && data[at + 1] == '{');
    } else {
        must(t.n > 0 && !(t.constant && t.whole));
        for (size_t i = 0; i < t.n; i++)
            check_part(text, &t.parts[i]);
    }
    arena_done(&arena);
    return 0;
}
