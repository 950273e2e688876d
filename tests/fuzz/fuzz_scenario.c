/* libFuzzer: no text whatever may crash the loader, leak, or take long. Seeds: corpus/scenario. What `include` names is
 * a small file, or, by the name `self`, the input again. */

#include "scenario/load.h"
#include "scenario/verbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool read_small(void *ctx, const char *path, struct slice *ret_text, const char **ret_why)
{
    const size_t len = strlen(path);
    if (len % 2) {
        *ret_why = "No such file or directory";
        return false;
    }
    const struct slice *self = ctx;
    bool again = len > 4 && strcmp(path + len - 4, "self") == 0;
    *ret_text = again ? *self : SLICE("vars: {v: 1}\nmacros: {m: {with: {a: required}, steps: [close]}}\n");
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice text = {(const char *)data, n};
    struct load_options o = {.steps = verbs, .folder = "/here", .read = read_small, .ctx = &text};
    struct arena a = {0};
    struct diags d;
    struct buf out = BUF_INIT(16 * 1024 * 1024);
    diags_init(&d);
    struct scenario *s = scenario_load(&o, "fuzz.yaml", text, &a, &d);
    diags_print(&d, false, &out);
    if (!s && d.n == 0) __builtin_trap();
    scenario_done(s);
    buf_done(&out);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
