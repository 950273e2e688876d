#include "scenario/rows.h"

#include "util/text.h"

enum {
    VALUE_SHOWN = 32, /* bytes of a row's value in a name */
    NAME_SHOWN = 200,
    NAME_MOST = 512,
    COLUMNS_MOST = 32,
};

static bool check_list(struct loader *l, const struct node *list, const char *what)
{
    if (list->kind != NODE_LIST)
        loader_say(l, list->mark, "%s is a list, not %s", what, node_what(list));
    else if (list->n == 0)
        loader_say(l, list->mark, "%s is empty", what);
    return list->kind == NODE_LIST && list->n > 0;
}

static uint32_t say_too_many(struct loader *l, const struct node *n)
{
    loader_say(l, n->mark, "this makes more than %d cases in the file", LOAD_CASES_MOST);
    return 0;
}

static uint32_t count_matrix(struct loader *l, const struct node *matrix, uint32_t most)
{
    uint64_t product = 1;
    bool good = loader_map(l, matrix, "`matrix`");
    if (good && matrix->n > COLUMNS_MOST) {
        loader_say(l, matrix->mark, "`matrix` has more than %d columns", COLUMNS_MOST);
        return 0;
    }
    for (uint32_t i = 0; good && i < matrix->n; i++)
        good = loader_name(l, matrix->pairs[i].key, "a column of `matrix`");
    for (uint32_t i = 0; good && i < matrix->n; i++) {
        const struct node *list = matrix->pairs[i].value;
        good = check_list(l, list, arena_printf(l->a, "`%.*s`", LOAD_NAME_SHOWN, matrix->pairs[i].key->text.p));
        if (!good) break;
        product *= list->n;
        if (product > most) return say_too_many(l, matrix);
    }
    if (good && matrix->n == 0) loader_say(l, matrix->mark, "`matrix` is empty");
    return good && matrix->n ? (uint32_t)product : 0;
}

uint32_t rows_count(struct loader *l, const struct node *map, uint32_t most)
{
    const struct pair *each = node_pair(map, "each"), *matrix = node_pair(map, "matrix");
    if (each && matrix) {
        const struct pair *later = each->key->mark.off > matrix->key->mark.off ? each : matrix;
        loader_say(l, later->key->mark, "a case has `each` or `matrix`, not both");
        return 0;
    }
    if (matrix) return count_matrix(l, matrix->value, most);
    if (!each) return most ? 1 : say_too_many(l, map);
    if (!check_list(l, each->value, "`each`")) return 0;
    return each->value->n > most ? say_too_many(l, each->value) : each->value->n;
}

/* A scalar on one line, cut where it is long. */
static void put_value(const struct node *n, struct buf *out)
{
    struct slice rest = n->text;
    size_t shown = 0;
    while (rest.n && shown < VALUE_SHOWN) {
        uint32_t c;
        size_t len = text_utf8(rest, &c);
        if (len == 0 || c < ' ' || c == 0x7f) {
            buf_addc(out, '?');
            len = 1;
        } else {
            buf_add(out, slice_part(rest, 0, len));
        }
        shown += len;
        rest = slice_part(rest, len, rest.n);
    }
    if (rest.n) buf_adds(out, "...");
}

static void put_pair(struct slice key, const struct node *value, struct buf *out)
{
    if (value->kind != NODE_SCALAR || out->n > NAME_SHOWN) return;
    if (out->n) buf_adds(out, ", ");
    buf_add(out, key);
    buf_addc(out, '=');
    put_value(value, out);
}

static void put_row(const struct case_model *c, struct buf *out)
{
    for (uint32_t i = 0; i < c->nmatrix; i++)
        put_pair(slice_of(c->matrix_names[i]), c->matrix_values[i], out);
    if (!c->row) return;
    if (c->row->kind == NODE_SCALAR) put_value(c->row, out);
    for (uint32_t i = 0; c->row->kind == NODE_MAP && i < c->row->n; i++)
        put_pair(c->row->pairs[i].key->text, c->row->pairs[i].value, out);
}

/* The row's scalars tell the cases apart; where they do not, the number of the row does. */
static void name_case(struct loader *l, struct case_model *c, uint32_t number, struct index *names)
{
    struct buf text = BUF_INIT(NAME_MOST);
    put_row(c, &text);
    const char *row = arena_dup(l->a, buf_slice(&text));
    buf_done(&text);
    bool own = row[0] && index_add(names, l->a, slice_of(row), number) == number;
    if (!own) row = arena_printf(l->a, "%s%s#%u", row, row[0] ? " " : "", number);
    c->name = arena_printf(l->a, "%s%s[%s]", c->name, c->name[0] ? " " : "", row);
    if (c->id) c->id = arena_printf(l->a, "%s[%s]", c->id, row);
}

/* The columns' values in the n-th combination; the last column changes fastest. */
static void pick(struct loader *l, const struct node *matrix, uint32_t number, struct case_model *c)
{
    c->matrix_values = arena_array(l->a, matrix->n, sizeof(struct node *));
    for (uint32_t i = matrix->n; i-- > 0;) {
        const struct node *list = matrix->pairs[i].value;
        c->matrix_values[i] = list->items[number % list->n];
        number /= list->n;
    }
}

static const char **column_names(struct loader *l, const struct node *matrix)
{
    const char **names = arena_array(l->a, matrix->n, sizeof(char *));
    for (uint32_t i = 0; i < matrix->n; i++)
        names[i] = matrix->pairs[i].key->text.p;
    return names;
}

void rows_expand(struct loader *l, const struct node *map, const struct case_model *one, struct case_model *to,
                 uint32_t n)
{
    const struct node *each = node_get(map, "each"), *matrix = node_get(map, "matrix");
    const char **columns = matrix && n ? column_names(l, matrix) : NULL;
    struct index names = {0};
    for (uint32_t i = 0; i < n; i++) {
        to[i] = *one;
        if (each) to[i].row = each->items[i];
        if (matrix) {
            to[i].matrix_names = columns;
            to[i].nmatrix = matrix->n;
            pick(l, matrix, i, &to[i]);
        }
        if (each || matrix) name_case(l, &to[i], i + 1, &names);
    }
}
