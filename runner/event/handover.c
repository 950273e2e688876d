#include "event/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WINDOW = 1 << 20, READ_MOST = 256 << 10, FREE_STEP = 1 << 20 };

struct handover_head {
    _Atomic uint64_t written, taken;
};

int handover_init(struct handover *r)
{
    *r = (struct handover){.fd = -1, .read = BUF_INIT(READ_MOST)};
    void *head = mmap(NULL, sizeof *r->head, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (head == MAP_FAILED) return -errno;
    r->head = head;
    r->fd = memfd_create("sockrun-packets", MFD_CLOEXEC);
    return r->fd < 0 ? -errno : 0;
}

static void drop_window(struct handover *r)
{
    if (r->window) munmap(r->window, WINDOW);
    r->window = NULL;
}

void handover_done(struct handover *r)
{
    drop_window(r);
    if (r->head) munmap(r->head, sizeof *r->head);
    if (r->fd >= 0) close(r->fd);
    r->head = NULL;
    r->fd = -1;
    buf_done(&r->read);
}

void handover_reset(struct handover *r)
{
    if (r->fd < 0) return;
    /* Where this fails, the old bytes are written over. */
    (void)!ftruncate(r->fd, 0);
    r->freed = 0;
    atomic_store(&r->head->written, 0);
    atomic_store(&r->head->taken, 0);
}

/* The part of the file that holds this place. */
static bool look_at(struct handover *r, uint64_t at)
{
    const uint64_t from = at / WINDOW * WINDOW;
    if (r->window && r->window_at == from) return true;
    drop_window(r);
    /* Space is taken now: to find none when it is written to would be fatal. */
    if (fallocate(r->fd, 0, (off_t)from, WINDOW) < 0) return false;
    void *p = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)from);
    if (p == MAP_FAILED) return false;
    r->window = p;
    r->window_at = from;
    return true;
}

bool handover_add(struct handover *r, struct slice block, uint64_t most)
{
    struct slice bytes = block;
    uint64_t at = atomic_load_explicit(&r->head->written, memory_order_relaxed);
    const uint64_t taken = atomic_load_explicit(&r->head->taken, memory_order_relaxed);
    if (at + bytes.n - taken > most) return false;
    while (bytes.n) {
        if (!look_at(r, at)) return false;
        const struct slice part = slice_part(bytes, 0, (size_t)(r->window_at + WINDOW - at));
        memcpy(r->window + (at - r->window_at), part.p, part.n);
        at += part.n;
        bytes = slice_part(bytes, part.n, bytes.n);
    }
    atomic_store_explicit(&r->head->written, at, memory_order_release);
    return true;
}

/* What was read need not stay in memory. */
static void free_read(struct handover *r, uint64_t taken)
{
    const off_t from = (off_t)r->freed, size = (off_t)((taken - r->freed) / FREE_STEP * FREE_STEP);
    if (!size) return;
    fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, size);
    r->freed += (uint64_t)size;
}

/* How many of these bytes are whole blocks: the second word of each is its length. */
static size_t whole_blocks(struct slice s)
{
    size_t at = 0;
    while (s.n - at >= 2 * sizeof(uint32_t)) {
        uint32_t size;
        memcpy(&size, s.p + at + sizeof size, sizeof size);
        if (size < 2 * sizeof size || size > s.n - at) break;
        at += size;
    }
    return at;
}

bool handover_read(struct handover *r, struct slice *ret)
{
    if (r->fd < 0) return false;
    const uint64_t written = atomic_load_explicit(&r->head->written, memory_order_acquire);
    const uint64_t taken = atomic_load_explicit(&r->head->taken, memory_order_relaxed);
    if (written == taken) return false;
    buf_clear(&r->read);
    const size_t n = written - taken < READ_MOST ? (size_t)(written - taken) : READ_MOST;
    char *room = buf_room(&r->read, n);
    const ssize_t got = pread(r->fd, room, n, (off_t)taken);
    if (got <= 0) return false;
    r->read.n = whole_blocks((struct slice){room, (size_t)got});
    if (!r->read.n) return false;
    atomic_store_explicit(&r->head->taken, taken + r->read.n, memory_order_relaxed);
    free_read(r, taken + r->read.n);
    *ret = buf_slice(&r->read);
    return true;
}
