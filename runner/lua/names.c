#include "lua/names.h"

#include <stdlib.h>

#include "util/mem.h"

enum kind { END, BAD, NAME, WORD, STRING, NUMBER, OPERATOR };

struct token {
    enum kind kind;
    size_t at, n;
};

struct lexer {
    struct slice text;
    size_t at;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *const names_keywords[] = {"and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
                                      "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
                                      "repeat",   "return", "then", "true", "until",  "while", NULL};

static bool is_keyword(struct slice word)
{
    for (const char *const *k = names_keywords; *k; k++)
        if (slice_is(word, *k)) return true;
    return false;
}

bool names_is_name(struct slice text)
{
    if (text.n == 0 || !is_letter(text.p[0])) return false;
    for (size_t i = 1; i < text.n; i++)
        if (!is_letter(text.p[i]) && !is_digit(text.p[i])) return false;
    return !is_keyword(text);
}

/* The byte `ahead` places on, NUL at the end: no token has a NUL where this is asked. */
static char look(const struct lexer *x, size_t ahead)
{
    return ahead < x->text.n - x->at ? x->text.p[x->at + ahead] : '\0';
}

/* How many `=` an opening long bracket has, -1 if there is none. */
static long long_bracket(const struct lexer *x)
{
    if (look(x, 0) != '[') return -1;
    size_t level = 0;
    while (look(x, 1 + level) == '=')
        level++;
    return look(x, 1 + level) == '[' ? (long)level : -1;
}

/* Goes behind the closing long bracket; false if there is none. */
static bool skip_long(struct lexer *x, size_t level)
{
    x->at += level + 2;
    while (x->at < x->text.n) {
        if (x->text.p[x->at++] != ']') continue;
        size_t n = 0;
        while (look(x, n) == '=')
            n++;
        x->at += n;
        if (n == level && look(x, 0) == ']') {
            x->at++;
            return true;
        }
    }
    return false;
}

/* White space and comments. False if a long comment has no end. */
static bool skip_blank(struct lexer *x)
{
    while (x->at < x->text.n) {
        if (is_space(look(x, 0))) {
            x->at++;
            continue;
        }
        if (look(x, 0) != '-' || look(x, 1) != '-') break;
        x->at += 2;
        long level = long_bracket(x);
        if (level >= 0) {
            if (!skip_long(x, (size_t)level)) return false;
        } else {
            while (x->at < x->text.n && look(x, 0) != '\n' && look(x, 0) != '\r')
                x->at++;
        }
    }
    return true;
}

static void skip_escape(struct lexer *x)
{
    char c = look(x, 0);
    x->at++;
    if ((c == '\r' && look(x, 0) == '\n') || (c == '\n' && look(x, 0) == '\r')) x->at++;
    while (c == 'z' && is_space(look(x, 0)))
        x->at++;
}

static bool skip_string(struct lexer *x)
{
    char quote = x->text.p[x->at++];
    while (x->at < x->text.n) {
        char c = x->text.p[x->at++];
        if (c == quote) return true;
        if (c == '\n' || c == '\r') return false;
        if (c == '\\' && x->at < x->text.n) skip_escape(x);
    }
    return false;
}

/* As Lua's own lexer: too much, rather than two tokens of `3x`. */
static void skip_number(struct lexer *x)
{
    bool hex = look(x, 0) == '0' && (look(x, 1) | 0x20) == 'x';
    char exponent = hex ? 'p' : 'e';
    while (is_digit(look(x, 0)) || is_letter(look(x, 0)) || look(x, 0) == '.') {
        bool sign = (look(x, 0) | 0x20) == exponent && (look(x, 1) == '+' || look(x, 1) == '-');
        x->at += sign ? 2 : 1;
    }
}

static size_t operator_length(const struct lexer *x)
{
    static const char *const longs[] = {"...", "..", "::", "==", "~=", "<=", ">=", "<<", ">>", "//"};
    struct slice rest = {x->text.p + x->at, x->text.n - x->at};
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++)
        if (slice_starts(rest, slice_of(longs[i]))) return strlen(longs[i]);
    return 1;
}

static struct token next(struct lexer *x)
{
    bool well = skip_blank(x);
    struct token t = {END, x->at, 0};
    if (!well) t.kind = BAD;
    if (!well || x->at == x->text.n) return t;
    char c = look(x, 0);
    long level = long_bracket(x);
    if (is_letter(c)) {
        while (is_letter(look(x, 0)) || is_digit(look(x, 0)))
            x->at++;
        t.kind = is_keyword(slice_part(x->text, t.at, x->at - t.at)) ? WORD : NAME;
    } else if (is_digit(c) || (c == '.' && is_digit(look(x, 1)))) {
        skip_number(x);
        t.kind = NUMBER;
    } else if (c == '"' || c == '\'') {
        t.kind = skip_string(x) ? STRING : BAD;
    } else if (level >= 0) {
        t.kind = skip_long(x, (size_t)level) ? STRING : BAD;
    } else {
        x->at += operator_length(x);
        t.kind = OPERATOR;
    }
    t.n = x->at - t.at;
    return t;
}

long names_expression_end(struct slice text)
{
    struct lexer x = {text, 0};
    size_t depth = 0;
    for (;;) {
        struct token t = next(&x);
        if (t.kind == END || t.kind == BAD) return -1;
        if (t.kind != OPERATOR) continue;
        if (text.p[t.at] == '{') depth++;
        if (text.p[t.at] == '}' && depth-- == 0) return (long)t.at;
    }
}

struct slice names_spell_fields(struct slice lua, struct arena *a)
{
    struct lexer x = {lua, 0};
    struct slice spelt = {NULL, 0};
    size_t copied = 0, dot = SIZE_MAX;
    for (struct token t = next(&x); t.kind != END && t.kind != BAD; t = next(&x)) {
        const bool field = t.kind == WORD && dot != SIZE_MAX;
        if (field) {
            spelt = slice_of(arena_printf(a, "%.*s%.*s[\"%.*s\"]", (int)spelt.n, spelt.p ? spelt.p : "",
                                          (int)(dot - copied), lua.p + copied, (int)t.n, lua.p + t.at));
            copied = t.at + t.n;
        }
        dot = t.kind == OPERATOR && t.n == 1 && lua.p[t.at] == '.' ? t.at : SIZE_MAX;
    }
    if (!spelt.p) return lua;
    return slice_of(arena_printf(a, "%.*s%.*s", (int)spelt.n, spelt.p, (int)(lua.n - copied), lua.p + copied));
}

struct scan {
    struct slice text;
    struct token *tokens; /* one END behind them */
    size_t n;
    struct slice *locals; /* sorted */
    size_t locals_n, locals_size;
};

static void split(struct scan *s)
{
    struct lexer x = {s->text, 0};
    size_t size = 0;
    struct token t;
    do {
        t = next(&x);
        if (s->n == size) {
            size = size ? size * 2 : 64;
            s->tokens = mem_resize(s->tokens, size, sizeof *s->tokens);
        }
        if (t.kind == BAD) t.kind = END;
        s->tokens[s->n++] = t;
    } while (t.kind != END);
    s->n--;
}

static struct slice text_of(const struct scan *s, size_t i)
{
    return slice_part(s->text, s->tokens[i].at, s->tokens[i].n);
}

/* Is token i this operator or keyword? The place before the first one is none. */
static bool is(const struct scan *s, size_t i, const char *what)
{
    return i < s->n && (s->tokens[i].kind == OPERATOR || s->tokens[i].kind == WORD) && slice_is(text_of(s, i), what);
}

static bool is_ident(const struct scan *s, size_t i)
{
    return i < s->n && s->tokens[i].kind == NAME;
}

static void add_local(struct scan *s, struct slice name)
{
    if (s->locals_n == s->locals_size) {
        s->locals_size = s->locals_size ? s->locals_size * 2 : 16;
        s->locals = mem_resize(s->locals, s->locals_size, sizeof *s->locals);
    }
    s->locals[s->locals_n++] = name;
}

/* A list of names from token i: `a, b`, for `local` also `a <const>, b`. The attributes are no names from here on. */
static void declare_list(struct scan *s, size_t i)
{
    for (; is_ident(s, i); i++) {
        add_local(s, text_of(s, i));
        if (is(s, i + 1, "<") && is_ident(s, i + 2) && is(s, i + 3, ">")) {
            s->tokens[i + 2].kind = WORD;
            i += 3;
        }
        if (!is(s, ++i, ",")) break;
    }
}

static void declare_parameters(struct scan *s, size_t i)
{
    while (is_ident(s, i) || is(s, i, ".") || is(s, i, ":")) {
        if (is(s, i, ":")) add_local(s, SLICE("self"));
        i++;
    }
    if (is(s, i, "(")) declare_list(s, i + 1);
}

static int compare(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

static void declare(struct scan *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (is(s, i, "local")) {
            declare_list(s, is(s, i + 1, "function") ? i + 2 : i + 1);
        } else if (is(s, i, "for")) {
            declare_list(s, i + 1);
        } else if (is(s, i, "function")) {
            declare_parameters(s, i + 1);
        } else if ((is(s, i, "goto") && is_ident(s, i + 1)) ||
                   (is(s, i, "::") && is_ident(s, i + 1) && is(s, i + 2, "::"))) {
            s->tokens[i + 1].kind = WORD;
        }
    }
    if (s->locals_n) qsort(s->locals, s->locals_n, sizeof *s->locals, compare);
}

static bool is_local(const struct scan *s, struct slice name)
{
    return s->locals_n && bsearch(&name, s->locals, s->locals_n, sizeof *s->locals, compare);
}

/* What is open around a token: brackets, and the blocks of functions in them. Lua itself gives up at 200 levels. */
struct nest {
    char open[256];
    size_t depth;
};

static void follow(struct nest *e, const struct scan *s, size_t i)
{
    static const char *const opening[] = {"{", "(", "[", "function", "do", "if", "repeat"};
    static const char *const closing[] = {"}", ")", "]", "end", "until"};
    for (size_t k = 0; k < sizeof opening / sizeof *opening; k++)
        if (is(s, i, opening[k]) && e->depth++ < sizeof e->open) e->open[e->depth - 1] = opening[k][0];
    for (size_t k = 0; k < sizeof closing / sizeof *closing; k++)
        if (is(s, i, closing[k]) && e->depth > 0) e->depth--;
}

static bool in_table(const struct nest *e)
{
    return e->depth > 0 && e->depth <= sizeof e->open && e->open[e->depth - 1] == '{';
}

/* In an expression two operands never follow one another: a name behind one starts a statement. */
static bool starts_statement(const struct scan *s, size_t i)
{
    static const char *const before[] = {";",     ")",   "]",  "}",    "...",  "::",     "nil",  "true",
                                         "false", "end", "do", "then", "else", "repeat", "break"};
    if (i == 0 || s->tokens[i - 1].kind == NAME || s->tokens[i - 1].kind == STRING || s->tokens[i - 1].kind == NUMBER)
        return true;
    for (size_t k = 0; k < sizeof before / sizeof *before; k++)
        if (is(s, i - 1, before[k])) return true;
    return false;
}

/* The `=` of the assignment to several variables that starts at token i, 0 if none does. */
static size_t list_end(const struct scan *s, size_t i)
{
    enum { MOST = 200 };
    size_t depth = 0;
    for (size_t last = i + MOST; i < s->n && i < last; i++) {
        if (is(s, i, "[") || is(s, i, "(")) {
            depth++;
        } else if (is(s, i, "]") || is(s, i, ")")) {
            if (depth-- == 0) return 0;
        } else if (depth == 0) {
            if (is(s, i, "=")) return i;
            if (!is_ident(s, i) && !is(s, i, ",") && !is(s, i, ".")) return 0;
            if (is_ident(s, i) && is_ident(s, i + 1)) return 0;
        }
    }
    return 0;
}

struct list {
    size_t end, depth;
};

static bool is_assigned(const struct scan *s, size_t i, struct list list, size_t depth)
{
    if (is(s, i + 1, "=")) return true;
    if (is(s, i - 1, "function") && is(s, i + 1, "(")) return true;
    return i < list.end && depth == list.depth && is(s, i + 1, ",");
}

void names_scan(struct slice lua, void (*see)(void *ctx, struct slice name, size_t at, bool assigned), void *ctx)
{
    struct scan s = {.text = lua};
    split(&s);
    declare(&s);
    struct nest nest = {.depth = 0};
    struct list list = {0, 0};
    for (size_t i = 0; i < s.n; i++) {
        follow(&nest, &s, i);
        if (!is_ident(&s, i)) continue;
        if (is(&s, i - 1, ".") || is(&s, i - 1, ":")) continue;
        bool opens = is(&s, i - 1, "{") || is(&s, i - 1, ",") || is(&s, i - 1, ";");
        if (in_table(&nest) && opens && is(&s, i + 1, "=")) continue;
        bool goes_on = is(&s, i + 1, ",") || is(&s, i + 1, ".") || is(&s, i + 1, "[");
        if (i >= list.end && goes_on && starts_statement(&s, i)) list = (struct list){list_end(&s, i), nest.depth};
        struct slice name = text_of(&s, i);
        if (slice_is(name, "_ENV") || is_local(&s, name)) continue;
        see(ctx, name, s.tokens[i].at, is_assigned(&s, i, list, nest.depth));
    }
    mem_free(s.tokens);
    mem_free(s.locals);
}
