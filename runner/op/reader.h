#ifndef OP_READER_H
#define OP_READER_H

/* A place in a connection's stream: two words, freely copied; dropping it is rolling back. It asks for more bytes from
 * the system when it needs them, and never takes any. */

#include "op/conn.h"

enum reader_found { READER_THERE, READER_WAIT, READER_END, READER_FULL };

struct reader {
    struct conn *conn;
    uint64_t pos;
};

static inline struct reader reader_at_base(struct conn *c)
{
    return (struct reader){c, c->base};
}
/* What is there from the place on. */
static inline struct slice reader_rest(const struct reader *r)
{
    return conn_from(r->conn, r->pos);
}
/* At least n bytes from the place on, all that is there in *ret. Written in any case. */
enum reader_found reader_need(const struct reader *r, size_t n, struct slice *ret);
/* One more receive. THERE: bytes were added. */
enum reader_found reader_more(const struct reader *r, struct slice *ret);

#endif
