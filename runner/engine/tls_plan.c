#include "engine/tls_plan.h"

#include <stddef.h>

#include "engine/child.h"
#include "engine/compile.h"
#include "engine/file_text.h"
#include "engine/matching.h"
#include "util/suggest.h"

enum { PEM_MOST = 1 << 20, PROTOCOL_MOST = 255 };

/* Compiling */

/* An entry of the map, as a text; NULL: it is not there, or something is wrong with it (*ok is false then). */
static struct text_plan *compile_entry(struct compiler *c, const struct node *map, const char *name, bool *ok)
{
    const struct node *n = node_get(map, name);
    if (!n) return NULL;
    struct text_plan *t = ARENA_NEW(c->arena, struct text_plan);
    /* What is of another kind has a diagnostic already. */
    if (n->kind == NODE_SCALAR && compile_text(c, n, t)) return t;
    *ok = false;
    return NULL;
}

static const struct slice *constant(const struct text_plan *t)
{
    return t && t->tmpl.constant ? &t->tmpl.parts[0].text : NULL;
}

/* NULL, or why this version is not spoken over that. */
static const char *wrong_version(int version, enum tls_over over)
{
    const bool datagrams = version == DTLS1_2_VERSION;
    if (over == TLS_OF_STREAMS && datagrams) return "DTLSv1.2 is for dtls:// addresses";
    return over == TLS_OF_DATAGRAMS && !datagrams ? "over datagrams DTLSv1.2 is spoken" : NULL;
}

static bool check_version(struct compiler *c, const struct text_plan *t, enum tls_over over)
{
    static const char *const names[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "DTLSv1.2"};
    const struct slice *name = constant(t);
    const int version = name ? tls_version_of_name(*name) : 0;
    const char *why = version ? wrong_version(version, over) : NULL;
    if (why) compile_error(c, t->node->mark, "%s", why);
    if (!name || version) return !why;
    struct suggest s;
    suggest_init(&s, *name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        suggest_offer(&s, slice_of(names[i]));
    struct diag *d = compile_error(c, t->node->mark,
                                   "a version is TLSv1.2 or TLSv1.3 (TLSv1, TLSv1.1 and, of datagrams, "
                                   "DTLSv1.2 are known too)");
    diag_suggest(c->diags, d, &s);
    return false;
}

static bool check_ciphers(struct compiler *c, const struct text_plan *t)
{
    const struct slice *list = constant(t);
    /* Once is enough: to ask OpenSSL is slow. */
    if (!list || !c->lua || tls_ciphers_known(arena_dup(c->arena, *list))) return true;
    compile_error(c, t->node->mark, "OpenSSL knows no such cipher");
    return false;
}

static bool check_protocol(struct compiler *c, const struct text_plan *t)
{
    const struct slice *name = constant(t);
    if (!name || (name->n > 0 && name->n <= PROTOCOL_MOST)) return true;
    compile_error(c, t->node->mark, "the name of a protocol has 1 to 255 bytes (RFC 7301 3.1)");
    return false;
}

static bool compile_alpn(struct compiler *c, const struct node *n, struct tls_plan *p)
{
    bool ok = true;
    if (!n) return true;
    const bool list = n->kind == NODE_LIST;
    p->nalpn = list ? n->n : 1;
    p->alpn = arena_array(c->arena, p->nalpn, sizeof *p->alpn);
    for (uint32_t i = 0; i < p->nalpn; i++) {
        const struct node *one = list ? n->items[i] : n;
        ok &= one->kind == NODE_SCALAR && compile_text(c, one, &p->alpn[i]) && check_protocol(c, &p->alpn[i]);
    }
    return ok;
}

/* Reads a file whose name is known; p NULL: there is none, or it is not known yet. */
static bool read_known(struct compiler *c, struct eval *e, const struct text_plan *t, struct slice *ret)
{
    const struct slice *path = constant(t);
    if (!path) return true;
    if (file_text(e, t->node->mark, *path, PEM_MOST, ret)) return true;
    compile_error(c, e->mark, "%s", e->why);
    return false;
}

/* All that is wrong with the files is found before anything runs, if their names are known by then. */
static bool check_files(struct compiler *c, const struct tls_plan *p)
{
    if (!c->settings || (!p->cert && !p->ca)) return true;
    const struct permit_scope scope = {.permit = c->settings->permit, .folder = c->scenario->folder};
    struct eval e = {.arena = c->arena, .permit = &scope};
    struct tls_pem pem = {0};
    char why[TLS_WHY];
    if (!read_known(c, &e, p->cert, &pem.cert) || !read_known(c, &e, p->key, &pem.key) ||
        !read_known(c, &e, p->ca, &pem.ca))
        return false;
    /* Whether a key fits can be said of two files that are known. */
    if (p->key && !pem.key.p) pem.cert = (struct slice){0};
    const struct slice *wrong = tls_pem_wrong(&pem, why);
    if (!wrong) return true;
    const struct text_plan *t = wrong == &pem.cert ? p->cert : wrong == &pem.key ? p->key : p->ca;
    const struct slice path = t->tmpl.parts[0].text;
    compile_error(c, t->node->mark, "%.*s: %s", (int)path.n, path.p, why);
    return false;
}

static bool check_together(struct compiler *c, const struct tls_plan *p, const struct node *map)
{
    if (!p->key || p->cert) return true;
    compile_error(c, node_pair(map, "key")->key->mark, "a `key` goes with a `cert`");
    return false;
}

struct tls_plan *tls_plan_compile(struct compiler *c, const struct node *map, enum tls_over over)
{
    struct tls_plan *p = ARENA_NEW(c->arena, struct tls_plan);
    bool ok = true;
    if (!map || map->kind != NODE_MAP) return map && map->kind == NODE_LIST ? NULL : p;
    p->mark = map->mark;
    p->cert = compile_entry(c, map, "cert", &ok);
    p->key = compile_entry(c, map, "key", &ok);
    p->ca = compile_entry(c, map, "ca", &ok);
    p->server_name = compile_entry(c, map, "server_name", &ok);
    p->ciphers = compile_entry(c, map, "ciphers", &ok);
    p->min_version = compile_entry(c, map, "min_version", &ok);
    p->max_version = compile_entry(c, map, "max_version", &ok);
    p->no_verify = !field_bool(node_get(map, "verify"), true);
    const struct node *asked = node_get(map, "client_cert");
    p->client_cert = asked ? (enum tls_client_cert)(1 + field_choice(asked, "request|require")) : TLS_CLIENT_NONE;
    ok &= compile_alpn(c, node_get(map, "alpn"), p);
    ok &= check_version(c, p->min_version, over);
    ok &= check_version(c, p->max_version, over);
    ok &= check_ciphers(c, p->ciphers);
    return ok && check_together(c, p, map) && check_files(c, p) ? p : NULL;
}

/* Running */

static bool eval_text(const struct text_plan *t, struct eval *e, const char **ret)
{
    struct slice text;
    if (!t) return true;
    if (!text_eval(t, e, &text)) return false;
    *ret = arena_dup(e->arena, text);
    return strlen(*ret) == text.n || eval_fail(e, text_mark(t), "a NUL cannot stand here");
}

static bool eval_file(const struct text_plan *t, struct eval *e, struct slice *ret)
{
    struct slice path;
    return !t || (text_eval(t, e, &path) && file_text(e, text_mark(t), path, PEM_MOST, ret));
}

static bool eval_version(const struct text_plan *t, struct eval *e, bool datagram, int *ret)
{
    struct slice name;
    if (!t) return true;
    if (!text_eval(t, e, &name)) return false;
    *ret = tls_version_of_name(name);
    if (!*ret) return eval_fail(e, text_mark(t), "a version is TLSv1.2, TLSv1.3 or, of datagrams, DTLSv1.2");
    const char *why = wrong_version(*ret, datagram ? TLS_OF_DATAGRAMS : TLS_OF_STREAMS);
    return !why || eval_fail(e, text_mark(t), "%s", why);
}

static bool eval_alpn(const struct tls_plan *p, struct eval *e, struct slice *ret)
{
    char *list = p->nalpn ? arena_alloc(e->arena, (size_t)p->nalpn * (PROTOCOL_MOST + 1)) : NULL;
    size_t n = 0;
    for (uint32_t i = 0; i < p->nalpn; i++) {
        struct slice name;
        if (!text_eval(&p->alpn[i], e, &name)) return false;
        if (!name.n || name.n > PROTOCOL_MOST)
            return eval_fail(e, text_mark(&p->alpn[i]), "the name of a protocol has 1 to 255 bytes (RFC 7301 3.1)");
        list[n++] = (char)name.n;
        memcpy(list + n, name.p, name.n);
        n += name.n;
    }
    *ret = (struct slice){list, n};
    return true;
}

bool tls_plan_eval(const struct tls_plan *p, struct eval *e, bool server, bool datagram, struct tls_settings *ret)
{
    struct tls_settings s = {.server = server, .datagram = datagram};
    char why[TLS_WHY];
    *ret = s;
    if (!p) return true;
    s.no_verify = p->no_verify;
    s.client_cert = p->client_cert;
    if (!eval_file(p->cert, e, &s.pem.cert) || !eval_file(p->key, e, &s.pem.key) || !eval_file(p->ca, e, &s.pem.ca) ||
        !eval_text(p->server_name, e, &s.server_name) || !eval_text(p->ciphers, e, &s.ciphers) ||
        !eval_version(p->min_version, e, datagram, &s.min_version) ||
        !eval_version(p->max_version, e, datagram, &s.max_version) || !eval_alpn(p, e, &s.alpn))
        return false;
    if (tls_pem_wrong(&s.pem, why)) return eval_fail(e, p->mark, "%s", why);
    *ret = s;
    return true;
}

/* Failures that are expected */

bool fails_compile(struct compiler *c, const struct node *n, const struct field *table, struct fails_plan *ret)
{
    static const enum sr_status statuses[] = {SR_TLS, SR_REFUSED, SR_TIMEOUT, SR_UNREACHABLE, SR_RESET};
    const struct field *f = field_find(table, SLICE("fails"));
    const struct field word = {.name = f->name, .type = f->of, .choices = f->choices};
    *ret = (struct fails_plan){0};
    if (!n) return true;
    *ret = (struct fails_plan){.written = true, .status = SR_TLS, .mark = n->mark};
    if (n->kind == NODE_MAP) {
        if (field_check(n, f->fields, "`fails`", c->diags)) return false;
        ret->reason = matching_compile(c, node_get(n, "tls"), false);
        return ret->reason != NULL;
    }
    if (!field_check_value(n, &word, c->diags)) return false;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (node_is(n, sr_status_name(statuses[i]))) ret->status = statuses[i];
    return true;
}

bool fails_as_expected(const struct fails_plan *p, struct eval *e, enum sr_status status, const char *reason,
                       bool *ret_same, const char **ret_why)
{
    const struct matcher *m;
    struct match_report report = {0};
    *ret_why = NULL;
    *ret_same = status == p->status;
    if (!*ret_same || !p->reason) return true;
    const struct view v = view_bytes(slice_of(reason));
    if (!matching_eval(p->reason, e, &m)) return false;
    *ret_same = matcher_check(m, &v, e->arena, &report);
    if (!*ret_same) *ret_why = report.message ? report.message : "the reason is another";
    return true;
}
