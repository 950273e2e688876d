/* libFuzzer: whatever a scenario says, it is read and compiled to the end: no crash, no leak, and what is wrong leaves
 * a diagnostic. Seeds: corpus/check. */

#include "steps/list.h"

#include "engine/child.h"
#include "lua/state.h"
#include "scenario/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool read_nothing(void *ctx, const char *path, struct slice *ret_text, const char **ret_why)
{
    (void)ctx;
    (void)path;
    *ret_text = SLICE("vars: {v: 1}\nmacros: {m: {with: {a: required}, steps: [{send: \"${a}\"}]}}\n");
    *ret_why = NULL;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice text = {(const char *)data, n};
    struct load_options o = {.steps = step_list, .folder = "/here", .read = read_nothing};
    const struct settings settings = {.timeout_scale = 1};
    struct arena a = {0};
    struct diags d;
    struct buf out = BUF_INIT(16 * 1024 * 1024);
    struct luastate *lua = luastate_new(LUASTATE_CAP);
    diags_init(&d);
    struct scenario *s = plan_check(&o, "fuzz.yaml", text, &settings, lua, &a, &d);
    diags_print(&d, false, &out);
    if (!s && d.n == 0) __builtin_trap();
    scenario_done(s);
    luastate_free(lua);
    buf_done(&out);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
