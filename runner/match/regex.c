#include "match/regex.h"

#include <assert.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "util/mem.h"

/* Translating to machine code costs as much as matching some hundred lines, and most patterns of a scenario are tried
 * once or twice, so that it is done for those that come back and for subjects that are worth it. */
enum { JIT_AFTER_USES = 4, JIT_FROM_BYTES = 512 };
/* Reached in some 15 ms with machine code and in some 90 ms without. */
enum { MATCH_LIMIT = 5 * 1000 * 1000, HEAP_LIMIT_KIB = 64 * 1024 };

/* Entries of PCRE2's name table that share a name, as (?J) allows. */
struct group {
    const char *name;
    uint32_t first, n;
};

struct regex {
    struct slice pattern;
    char *text;
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_match_data *match;
    bool anchored, utf;
    bool translated;
    unsigned uses;
    PCRE2_SPTR table;
    uint32_t width; /* of an entry of table */
    struct group *groups;
    size_t ngroups;
};

static void *take(size_t n, void *ctx)
{
    (void)ctx;
    return mem_alloc(n);
}

static void give(void *p, void *ctx)
{
    (void)ctx;
    mem_free(p);
}

static uint32_t options_of(const pcre2_code *code)
{
    uint32_t options = 0;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    return options;
}

/* \G is where a search began, and that depends on how the bytes were cut into segments. */
static const char *find_start_anchor(struct slice pattern)
{
    for (size_t i = 0; i + 1 < pattern.n; i++) {
        if (pattern.p[i] != '\\') continue;
        i++;
        if (pattern.p[i] == 'G') return pattern.p + i - 1;
    }
    return NULL;
}

static pcre2_code *compile(struct slice pattern, pcre2_general_context *memory, int *ret_error, size_t *ret_at)
{
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    PCRE2_SPTR text = (PCRE2_SPTR)(pattern.p ? pattern.p : "");
    pcre2_code *code = pcre2_compile(text, pattern.n, PCRE2_DOLLAR_ENDONLY, ret_error, ret_at, context);
    if (code && (options_of(code) & PCRE2_UTF)) {
        /* The pattern asks for it with (*UTF). Subjects are what a peer sent, and need not be valid. */
        pcre2_code_free(code);
        code =
            pcre2_compile(text, pattern.n, PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_INVALID_UTF, ret_error, ret_at, context);
    }
    pcre2_compile_context_free(context);
    return code;
}

static void read_names(struct regex *r)
{
    uint32_t entries = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &entries);
    if (entries == 0) return;
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &r->table);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &r->width);
    r->groups = mem_resize(NULL, entries, sizeof *r->groups);
    for (uint32_t i = 0; i < entries; i++) {
        const char *name = (const char *)r->table + (size_t)i * r->width + 2;
        struct group *last = r->ngroups ? &r->groups[r->ngroups - 1] : NULL;
        if (last && strcmp(last->name, name) == 0) {
            last->n++;
        } else {
            r->groups[r->ngroups++] = (struct group){name, i, 1};
        }
    }
}

static struct regex *wrap(struct slice pattern, pcre2_code *code, pcre2_general_context *memory)
{
    struct regex *r = mem_zalloc(sizeof *r);
    r->text = mem_dup(pattern);
    r->pattern = (struct slice){r->text, pattern.n};
    r->code = code;
    r->context = pcre2_match_context_create(memory);
    pcre2_set_match_limit(r->context, MATCH_LIMIT);
    pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
    r->match = pcre2_match_data_create_from_pattern(code, memory);
    uint32_t options = options_of(code);
    r->anchored = (options & PCRE2_ANCHORED) != 0;
    r->utf = (options & PCRE2_UTF) != 0;
    read_names(r);
    return r;
}

struct regex *regex_new(struct slice pattern, char *ret_why, size_t size, size_t *ret_at)
{
    const char *anchor = find_start_anchor(pattern);
    if (anchor) {
        snprintf(ret_why, size, "\\G is not supported: where a search begins depends on how the bytes came");
        *ret_at = (size_t)(anchor - pattern.p);
        return NULL;
    }
    pcre2_general_context *memory = pcre2_general_context_create(take, give, NULL);
    int error = 0;
    size_t at = 0;
    struct regex *r = NULL;
    pcre2_code *code = compile(pattern, memory, &error, &at);
    if (code) {
        r = wrap(pattern, code, memory);
    } else {
        pcre2_get_error_message(error, (PCRE2_UCHAR *)ret_why, size);
        *ret_at = at;
    }
    pcre2_general_context_free(memory);
    return r;
}

void regex_free(struct regex *r)
{
    if (!r) return;
    pcre2_match_data_free(r->match);
    pcre2_match_context_free(r->context);
    pcre2_code_free(r->code);
    mem_free(r->groups);
    mem_free(r->text);
    mem_free(r);
}

struct slice regex_pattern(const struct regex *r)
{
    return r->pattern;
}

size_t regex_names(const struct regex *r)
{
    return r->ngroups;
}

const char *regex_name(const struct regex *r, size_t i)
{
    return r->groups[i].name;
}

static void translate_if_worth(struct regex *r, size_t bytes)
{
    if (r->translated || (++r->uses < JIT_AFTER_USES && bytes < JIT_FROM_BYTES)) return;
    r->translated = true;
    /* Where it cannot be done, pcre2_match interprets. */
    pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
}

/* PCRE2's answer: a count of pairs, or one of its errors. */
static int search(struct regex *r, struct slice subject, size_t start, uint32_t options)
{
    translate_if_worth(r, subject.n);
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.p ? subject.p : "");
    int rc = pcre2_match(r->code, text, subject.n, start, options, r->match, r->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        /* The interpreter goes deeper: it keeps its stack on the heap. */
        rc = pcre2_match(r->code, text, subject.n, start, options | PCRE2_NO_JIT, r->match, r->context);
    }
    return rc;
}

/* Without the beginning of a UTF-8 character at the end, of which the rest may still come: PCRE2 would take it for
 * invalid bytes. */
static struct slice whole_characters(struct slice s, size_t start)
{
    for (size_t back = 1; back <= 3 && back <= s.n - start; back++) {
        unsigned char c = (unsigned char)s.p[s.n - back];
        if ((c & 0xc0) == 0x80) continue;
        size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        return slice_part(s, 0, length > back ? s.n - back : s.n);
    }
    return s;
}

static struct regex_match position(const struct regex *r)
{
    const size_t *pairs = pcre2_get_ovector_pointer(r->match);
    return (struct regex_match){pairs[0], pairs[1], pairs};
}

enum regex_found regex_find(struct regex *r, struct slice subject, struct regex_match *ret)
{
    return regex_scan(r, subject, 0, true, ret);
}

enum regex_found regex_scan(struct regex *r, struct slice subject, size_t start, bool complete, struct regex_match *ret)
{
    assert(start <= subject.n);
    if (r->utf && !complete) subject = whole_characters(subject, start);
    int rc = search(r, subject, start, complete ? 0 : PCRE2_PARTIAL_HARD);
    if (rc >= 0) {
        *ret = position(r);
        return REGEX_YES;
    }
    if (rc == PCRE2_ERROR_PARTIAL) {
        *ret = position(r);
        return REGEX_MORE;
    }
    if (rc != PCRE2_ERROR_NOMATCH) return REGEX_LIMIT;
    if (complete || (r->anchored && start < subject.n)) return REGEX_NO;
    *ret = (struct regex_match){.from = subject.n, .to = subject.n};
    return REGEX_MORE;
}

struct slice regex_group(const struct regex *r, size_t i, const struct regex_match *m, struct slice subject)
{
    const struct group *g = &r->groups[i];
    for (uint32_t k = g->first; k < g->first + g->n; k++) {
        PCRE2_SPTR entry = r->table + (size_t)k * r->width;
        size_t number = (size_t)entry[0] << 8 | entry[1];
        size_t from = m->ovector[2 * number], to = m->ovector[2 * number + 1];
        if (from == PCRE2_UNSET) continue;
        return (struct slice){subject.p ? subject.p + from : "", to - from};
    }
    return (struct slice){NULL, 0};
}
