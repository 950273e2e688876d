#include "cli/again.h"

#include <string.h>

#include "util/shell.h"

/* Of a secret the name: its value is to be in the environment. */
static struct slice shown(const struct option_var *one)
{
    const bool secret = strcmp(one->name, "secret") == 0;
    return (struct slice){one->value, secret ? strcspn(one->value, "=") : strlen(one->value)};
}

void again_command(const struct options *o, struct buf *out)
{
    shell_quote(slice_of(o->program), out);
    for (uint32_t i = 0; i < o->ngiven; i++) {
        const struct option_var *one = &o->given[i];
        buf_printf(out, " --%s", one->name);
        if (!one->value) continue;
        buf_addc(out, '=');
        shell_quote(shown(one), out);
    }
}
