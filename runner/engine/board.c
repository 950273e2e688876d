#include "engine/board.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct board *board_new(void)
{
    struct board *b = mmap(NULL, BOARD_SLOTS * sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b == MAP_FAILED) return NULL;
    board_clear(b);
    return b;
}

void board_free(struct board *b)
{
    if (b) munmap(b, BOARD_SLOTS * sizeof *b);
}

void board_clear(struct board *b)
{
    memset(b, 0, sizeof *b);
    b->slots = 1;
    b->case_index = -1;
}

void board_clear_case(struct board *b)
{
    const size_t head = offsetof(struct board, case_index);
    memset((char *)b + head, 0, sizeof *b - head);
    b->case_index = -1;
}

const struct board *board_of_case(const struct board *b, int32_t case_index)
{
    const uint32_t n = b->slots < BOARD_SLOTS ? b->slots : BOARD_SLOTS;
    for (uint32_t i = 0; i < n; i++)
        if (b[i].case_index == case_index) return &b[i];
    return NULL;
}

static void copy_name(char *to, const char *name)
{
    size_t n = strnlen(name, BOARD_NAME - 1);
    memcpy(to, name, n);
    to[n] = '\0';
}

void board_folder(struct board *b, const char *path)
{
    const size_t n = path ? strlen(path) : 0;
    if (n >= BOARD_FOLDER) return;
    if (n) memcpy(b->folder, path, n);
    b->folder[n] = '\0';
}

/* An entry that was given back, else the next one that was never used. */
static uint32_t free_entry(const struct board *b)
{
    uint32_t i = 0;
    while (i < b->nactors && i < BOARD_ACTORS && b->actors[i].name[0])
        i++;
    return i;
}

struct board_actor *board_actor(struct board *b, const char *name)
{
    uint32_t index = free_entry(b);
    if (index >= b->nactors || index >= BOARD_ACTORS) b->nactors++;
    if (index >= BOARD_ACTORS) return NULL;
    struct board_actor *a = &b->actors[index];
    memset(a, 0, sizeof *a);
    copy_name(a->name, name);
    return a;
}

void board_record(struct board *b, int64_t at, uint16_t actor, bool sent, uint64_t offset, const void *bytes,
                  uint32_t size)
{
    char name[BOARD_NAME];
    snprintf(name, sizeof name, "actor %u", actor + 1U);
    board_record_of(b, at, actor < BOARD_ACTORS ? b->actors[actor].name : name, sent, offset, bytes, size);
}

void board_record_of(struct board *b, int64_t at, const char *actor, bool sent, uint64_t offset, const void *bytes,
                     uint32_t size)
{
    struct board_record *r = &b->records[b->nrecords % BOARD_RECORDS];
    size_t kept = size < BOARD_BYTES ? size : BOARD_BYTES;
    r->at = at;
    copy_name(r->actor, actor);
    r->sent = sent;
    r->offset = offset;
    r->size = size;
    if (kept) memcpy(r->bytes, bytes, kept);
    /* Only now is it told, so that a child killed half-way leaves the record before it as the newest. */
    __atomic_store_n(&b->nrecords, b->nrecords + 1, __ATOMIC_RELEASE);
}
