#include "steps/kinds.h"

static enum went enter(struct actor *a, const struct instr *in)
{
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    if (ch->conn.kind != CONN_TCP)
        return actor_fail(a, "misuse", (struct mark){0}, "only TCP connections can be reset");
    conn_reset(&ch->conn);
    return WENT_ON;
}

const struct step_kind step_reset = {
    .schema =
        {
            .name = "reset",
            .group = "connection",
            .value = {.type = FIELD_NOTHING},
            .flags = STEP_CONNECTION,
            .doc = "Closes the connection with a reset: an RST instead of a FIN (SO_LINGER with a time "
                   "of 0, then close(2)).",
            .example = "- reset\n",
        },
    .enter = enter,
};
