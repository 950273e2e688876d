#include "run/order.h"

#include "run/tally.h"

void order_last_failed(struct suite *s, const struct results *r)
{
    s->nselected = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        struct suite_file *f = &s->files[i];
        uint32_t n = 0;
        for (uint32_t k = 0; k < f->nselected; k++) {
            const struct result *had = results_find(r, f->name, f->cases[f->selected[k]].name);
            if (had && sr_verdict_failed(had->verdict)) f->selected[n++] = f->selected[k];
        }
        f->nselected = n;
        s->nselected += n;
    }
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* From 0 to n - 1; of so few the bias of a remainder is nothing. */
static uint32_t pick(uint64_t *state, uint32_t n)
{
    return (uint32_t)(next_random(state) % n);
}

void order_shuffle(struct suite *s, uint64_t seed)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct suite_file *f = &s->files[i];
        for (uint32_t k = f->nselected; k > 1; k--) {
            const uint32_t other = pick(&seed, k), held = f->selected[k - 1];
            f->selected[k - 1] = f->selected[other];
            f->selected[other] = held;
        }
    }
    for (uint32_t i = s->n; i > 1; i--) {
        const uint32_t other = pick(&seed, i);
        const struct suite_file held = s->files[i - 1];
        s->files[i - 1] = s->files[other];
        s->files[other] = held;
    }
}

static void repeat_file(struct suite *s, struct suite_file *f, uint32_t times)
{
    const uint32_t n = f->ncases, m = f->nselected;
    struct suite_case *cases = arena_array(&s->arena, (size_t)n * times, sizeof *cases);
    uint32_t *selected = arena_array(&s->arena, (size_t)m * times, sizeof *selected);
    for (uint32_t t = 0; t < times; t++) {
        for (uint32_t i = 0; i < n; i++) {
            struct suite_case *c = &cases[t * n + i];
            *c = f->cases[i];
            c->name = arena_printf(&s->arena, "%s%s(run %u)", c->name, *c->name ? " " : "", t + 1);
        }
        for (uint32_t i = 0; i < m; i++)
            selected[t * m + i] = f->selected[i] + t * n;
    }
    f->cases = cases;
    f->ncases = n * times;
    f->selected = selected;
    f->nselected = m * times;
}

void order_repeat(struct suite *s, uint32_t times)
{
    if (times < 2) return;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->files[i].nselected) repeat_file(s, &s->files[i], times);
    s->nselected *= times;
}
