#include "steps/kinds.h"

static enum went enter(struct actor *a, const struct instr *in)
{
    struct channel *ch = actor_channel(a, in);
    if (!ch) return WENT_FAILED;
    /* A server of datagrams has no other socket than its listener's. */
    const bool own = a->listener && a->listener->conn == &ch->conn;
    conn_close(&ch->conn);
    if (own) listener_close(a->listener);
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
