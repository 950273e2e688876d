#include "op/reader.h"

#include <errno.h>

enum reader_found reader_more(const struct reader *r, struct slice *ret)
{
    const int got = conn_fill(r->conn);
    *ret = reader_rest(r);
    if (got > 0) return READER_THERE;
    if (got == -EAGAIN) return READER_WAIT;
    return got == 0 ? READER_END : READER_FULL;
}

enum reader_found reader_need(const struct reader *r, size_t n, struct slice *ret)
{
    *ret = reader_rest(r);
    while (ret->n < n) {
        const enum reader_found found = reader_more(r, ret);
        if (found != READER_THERE) return found;
    }
    return READER_THERE;
}
