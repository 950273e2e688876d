/* What can be read can be written, and read again as the same. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "event/jsonl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct event first, second;
    struct buf a = BUF_INIT(64 * 1024 * 1024), b = BUF_INIT(64 * 1024 * 1024);

    arena_init(&arena);
    if (!jsonl_read((struct slice){(const char *)data, size}, &arena, &first)) {
        bool written = jsonl_write(&first, &a);
        assert(written);
        const char *wrong = jsonl_read(buf_slice(&a), &arena, &second);
        assert(!wrong);
        written = jsonl_write(&second, &b);
        assert(written && slice_eq(buf_slice(&a), buf_slice(&b)));
        (void)written;
        (void)wrong;
    }
    buf_done(&a);
    buf_done(&b);
    arena_done(&arena);
    return 0;
}
