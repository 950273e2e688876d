#include "steps/kinds.h"

static enum went enter(struct actor *a, const struct instr *in)
{
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    conn_close(&ch->conn);
    return WENT_ON;
}

const struct step_kind step_close = {
    .schema =
        {
            .name = "close",
            .group = "connection",
            .value = {.type = FIELD_NOTHING},
            .flags = STEP_CONNECTION,
            .doc = "Closes the connection: close(2). The system sends a FIN, or a reset if it holds "
                   "data that nobody has read. `expect_socket` can still ask about the connection.",
            .example = "- close\n- close:\n  via: control\n",
        },
    .enter = enter,
};
