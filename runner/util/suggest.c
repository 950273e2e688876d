#include "util/suggest.h"

/* An edit costs EDIT; another case of a letter costs 1, so that a whole word in capitals is still near. */
enum { EDIT = 8, LONGEST = 64 };

void suggest_init(struct suggest *s, struct slice word)
{
    *s = (struct suggest){.word = word};
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned replace_cost(char a, char b)
{
    if (a == b) return 0;
    return lower(a) == lower(b) ? 1 : EDIT;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace, swap two neighbours. */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned rows[3][LONGEST + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.n; j++)
        above[j] = before[j] = (unsigned)j * EDIT;
    for (size_t i = 1; i <= a.n; i++) {
        row[0] = (unsigned)i * EDIT;
        for (size_t j = 1; j <= b.n; j++) {
            row[j] = least(above[j - 1] + replace_cost(a.p[i - 1], b.p[j - 1]), least(above[j], row[j - 1]) + EDIT);
            bool swapped =
                i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) && lower(a.p[i - 2]) == lower(b.p[j - 1]);
            if (swapped) row[j] = least(row[j], before[j - 2] + EDIT);
        }
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.n];
}

void suggest_offer(struct suggest *s, struct slice name)
{
    if (s->word.n == 0 || s->word.n > LONGEST || name.n == 0 || name.n > LONGEST) return;
    unsigned most = s->word.n < 3 ? EDIT : (unsigned)s->word.n / 3 * EDIT;
    unsigned d = distance(s->word, name);
    size_t longer = s->word.n > name.n ? s->word.n : name.n;
    /* A single letter replaced by another one is no misspelling. */
    if (d > most || d >= longer * EDIT) return;
    if (s->best.p && d >= s->distance) return;
    s->best = name;
    s->distance = d;
}

struct slice suggest_best(const struct suggest *s)
{
    return s->best;
}
