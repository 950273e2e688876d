#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/matching.h"
#include "engine/run.h"
#include "engine/wait.h"
#include "net/sock.h"
#include "net/sockopt.h"
#include "net/tcpinfo.h"
#include "steps/kinds.h"
#include "steps/whom.h"
#include "util/suggest.h"
#include "util/units.h"

static const struct field tls_fields[] = {
    {.name = "version", .type = FIELD_MATCHER, .doc = "The version, such as `TLSv1.3`"},
    {.name = "cipher", .type = FIELD_MATCHER, .doc = "The cipher, as OpenSSL names it"},
    {.name = "alpn", .type = FIELD_MATCHER, .doc = "The protocol that was chosen (RFC 7301); absent: none"},
    {.name = "server_name", .type = FIELD_MATCHER, .doc = "The name that the client asked for (SNI); absent: none"},
    {.name = "peer_subject",
     .type = FIELD_MATCHER,
     .doc = "The subject of the peer's certificate, such as `CN=mail.test,O=Example`; absent: it has none"},
    {.name = NULL},
};

/* In the order of the enumeration; options come behind them. */
static const struct field facts[] = {
    {.name = "state",
     .type = FIELD_CHOICE,
     .choices = tcp_state_choices,
     .doc = "The state of TCP, as the system names it (RFC 9293 3.3.2)"},
    {.name = "peer", .type = FIELD_MATCHER, .doc = "The peer's address, such as `tcp://127.0.0.1:80`"},
    {.name = "local", .type = FIELD_MATCHER, .doc = "Our address"},
    {.name = "unread",
     .type = FIELD_MATCHER,
     .doc = "Bytes received that no step has taken; of datagrams the next one's"},
    {.name = "unsent", .type = FIELD_MATCHER, .doc = "Bytes sent that the peer has not acknowledged"},
    {.name = "rtt", .type = FIELD_MATCHER, .doc = "TCP: the smoothed round-trip time, compared with durations"},
    {.name = "mss", .type = FIELD_MATCHER, .doc = "TCP: the maximum segment size in bytes"},
    {.name = "retransmits", .type = FIELD_MATCHER, .doc = "TCP: segments that were sent again, in all"},
    {.name = "bytes_acked", .type = FIELD_MATCHER, .doc = "TCP: bytes that the peer has acknowledged"},
    {.name = "bytes_received", .type = FIELD_MATCHER, .doc = "TCP: bytes received"},
    {.name = "congestion", .type = FIELD_MATCHER, .doc = "TCP: the name of the congestion control"},
    {.name = "tls", .type = FIELD_MAP, .fields = tls_fields, .doc = "What the two sides have agreed on"},
    {.name = NULL},
};

enum fact {
    FACT_STATE,
    FACT_PEER,
    FACT_LOCAL,
    FACT_UNREAD,
    FACT_UNSENT,
    FACT_RTT,
    FACT_MSS,
    FACT_RETRANSMITS,
    FACT_ACKED,
    FACT_RECEIVED,
    FACT_CONGESTION,
    FACT_TLS, /* the handshake is done */
    FACT_OPTION,
    FACT_TLS_FIRST, /* in the order of its table */
    FACT_VERSION = FACT_TLS_FIRST,
    FACT_CIPHER,
    FACT_ALPN,
    FACT_SERVER_NAME,
    FACT_PEER_SUBJECT,
};

enum { TEXT = 64, WHY = 160 };

/* One key of the map, or of `tls` within it. */
struct wanted {
    const char *name;
    struct mark mark;
    unsigned fact;
    const struct sockopt *option; /* of FACT_OPTION */
    bool exact;                   /* an option that is `value` */
    int64_t value;
    struct matching *matching; /* or NULL */
};

struct operand {
    enum tcp_state state; /* 0: not asked for */
    struct wanted *list;
    uint32_t n;
    const struct actor_plan *whom; /* NULL: the actor's own */
};

/* What is asked again and again until it holds. */
struct asked {
    const struct operand *operand;
    struct channel *channel; /* the actor's own, or NULL */
    struct actor *whom;      /* whose socket it is otherwise */
    struct ask_op *op;
    struct arena *arena;
    const struct matcher **matchers;
    struct mark mark; /* of what does not hold */
    char why[WHY];
};

/* A socket as the system is asked about it. */
struct seen {
    const struct conn *conn; /* or NULL */
    int fd;                  /* -1: closed */
    int family;
    bool tcp;
    struct tls_facts tls; /* version NULL: not asked for */
    char local[ADDR_TEXT + 16], peer[ADDR_TEXT + 16];
};

static const struct sockopt *find_option(struct compiler *c, const struct node *key)
{
    const struct sockopt *o = sockopt_find(key->text);
    if (o && o->type != SOCKOPT_GROUP && o->type != SOCKOPT_INTERFACE) return o;
    if (o) {
        compile_error(c, key->mark, "`%s` can only be set", o->name);
        return NULL;
    }
    struct suggest s;
    const struct slice name = slice_part(key->text, 0, TEXT);
    struct diag *g = compile_error(c, key->mark, "unknown key `%.*s` in `expect_socket`", (int)name.n, name.p);
    suggest_init(&s, key->text);
    for (const struct field *f = facts; f->name; f++)
        suggest_offer(&s, slice_of(f->name));
    for (o = sockopt_table; o->name; o++)
        suggest_offer(&s, slice_of(o->name));
    diag_suggest(c->diags, g, &s);
    return NULL;
}

static bool compile_option(struct compiler *c, const struct pair *p, struct wanted *w)
{
    w->fact = FACT_OPTION;
    w->option = find_option(c, p->key);
    if (!w->option) return false;
    if (p->value->kind == NODE_SCALAR && !field_dynamic(p->value) && w->option->type != SOCKOPT_TEXT) {
        const char *why = sockopt_parse(w->option, p->value->text, &w->value);
        if (why) compile_error(c, p->value->mark, "`%s`: %s", w->name, why);
        w->exact = !why;
        return w->exact;
    }
    w->matching = matching_compile(c, p->value, w->option->type != SOCKOPT_TEXT);
    return w->matching != NULL;
}

static bool compile_wanted(struct compiler *c, const struct pair *p, struct operand *o, struct wanted *w)
{
    *w = (struct wanted){.name = p->key->text.p, .mark = p->value->mark};
    while (w->fact < FACT_OPTION && !slice_is(p->key->text, facts[w->fact].name))
        w->fact++;
    if (w->fact == FACT_OPTION) return compile_option(c, p, w);
    if (w->fact == FACT_TLS) return p->value->kind == NODE_MAP;
    if (w->fact == FACT_STATE) {
        if (p->value->kind == NODE_SCALAR) o->state = (enum tcp_state)tcp_state_of_name(p->value->text.p);
        return true;
    }
    w->matching = matching_compile(c, p->value, w->fact >= FACT_UNREAD && w->fact < FACT_CONGESTION);
    return w->matching != NULL;
}

/* What stands within `tls`, behind it in the list. */
static bool compile_agreed(struct compiler *c, const struct node *tls, struct operand *o)
{
    bool ok = true;
    for (uint32_t i = 0; i < tls->n; i++) {
        const struct pair *p = &tls->pairs[i];
        struct wanted *w = &o->list[o->n++];
        *w = (struct wanted){.name = p->key->text.p, .mark = p->value->mark, .fact = FACT_TLS_FIRST};
        for (const struct field *f = tls_fields; f->name && !slice_is(p->key->text, f->name); f++)
            w->fact++;
        w->matching = matching_compile(c, p->value, false);
        ok &= w->matching != NULL;
    }
    return ok;
}

static bool compile_whom(struct compiler *c, const struct step_model *m, struct operand *o)
{
    const struct node *name = step_field(m, "actor");
    if (!name) return true;
    o->whom = whom_any(c, name);
    if (o->whom && m->via) {
        compile_error(c, name->mark, "`via` names a connection of this actor: it has no place beside `actor`");
        return false;
    }
    return o->whom != NULL;
}

static bool compile(struct compiler *c, const struct step_model *m, struct instr *in)
{
    struct operand *o = ARENA_NEW(c->arena, struct operand);
    bool ok = compile_whom(c, m, o);
    in->operand = o;
    if (m->value->kind != NODE_MAP) return false;
    o->list = arena_array(c->arena, m->value->n + sizeof tls_fields / sizeof *tls_fields, sizeof *o->list);
    for (uint32_t i = 0; i < m->value->n; i++) {
        struct wanted *w = &o->list[o->n++];
        const bool good = compile_wanted(c, &m->value->pairs[i], o, w);
        ok &= good && (w->fact != FACT_TLS || compile_agreed(c, m->value->pairs[i].value, o));
    }
    return ok;
}

static bool fails(struct asked *k, struct mark mark, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fails(struct asked *k, struct mark mark, const char *format, ...)
{
    va_list ap;
    k->mark = mark;
    va_start(ap, format);
    vsnprintf(k->why, sizeof k->why, format, ap);
    va_end(ap);
    return false;
}

static void see_conn(const struct conn *c, struct seen *s)
{
    *s = (struct seen){
        .conn = c, .fd = c->closed ? -1 : conn_fd(c), .family = conn_family(c), .tcp = c->kind == CONN_TCP};
    conn_show_local(c, s->local, sizeof s->local);
    conn_show_peer(c, s->peer, sizeof s->peer);
}

static void see_socket(int fd, enum addr_scheme scheme, const struct addr *peer, struct seen *s)
{
    char text[ADDR_TEXT];
    struct addr local;
    const char *name = addr_scheme_name(scheme);
    *s = (struct seen){.fd = fd, .family = AF_UNIX, .tcp = scheme == ADDR_TCP || scheme == ADDR_TLS};
    if (fd < 0 || sock_name(fd, &local) < 0) return;
    s->family = local.sa.sa_family;
    snprintf(s->local, sizeof s->local, "%s://%s", name, addr_show(&local.sa, local.len, text, sizeof text));
    if (peer) snprintf(s->peer, sizeof s->peer, "%s://%s", name, addr_show(&peer->sa, peer->len, text, sizeof text));
}

static const struct channel *own_channel(const struct actor *a)
{
    const struct channel *c = a->channels;
    while (c && c->name)
        c = c->next;
    return c;
}

/* An actor's connect that is under way, or NULL. */
static const struct connect_op *connecting(const struct actor *a)
{
    const struct op *op = a->wait && a->wait->main.n == 1 ? &a->wait->main.list[0].room->op : NULL;
    const bool it_is = op && op->type && strcmp(op->type->name, "connect") == 0;
    return it_is ? &a->wait->main.list[0].room->connect : NULL;
}

/* Its connection, the one that it is opening, or where it listens. */
static bool find_socket(struct asked *k, struct seen *s)
{
    const struct actor *a = k->whom;
    const struct channel *c = k->channel ? k->channel : own_channel(a);
    const struct connect_op *o = c ? NULL : connecting(a);
    if (a->listener && !k->channel && (!c || k->operand->state == TCP_ST_LISTEN))
        see_socket(a->listener->fd, a->listener->scheme, NULL, s);
    else if (c)
        see_conn(&c->conn, s);
    else if (o && o->fd >= 0)
        see_socket(o->fd, o->spec->scheme, connect_peer(o), s);
    else
        return fails(k, (struct mark){0}, "`%s` has no socket", a->plan->name);
    return true;
}

static int ask_by_addresses(const struct seen *s, struct tcp_facts *ret)
{
    return s->tcp && s->conn ? tcp_state_of_pair(&s->conn->local, &s->conn->peer, &ret->state) : 0;
}

/* Of what is closed only the state is left, which the descriptor does not know: TIME_WAIT has none. 0 or -errno. */
static int ask_system(const struct seen *s, struct tcp_facts *ret)
{
    *ret = (struct tcp_facts){.state = TCP_ST_CLOSED};
    if (s->fd < 0) return ask_by_addresses(s, ret);
    const int unread = sock_unread(s->fd), unsent = sock_unsent(s->fd);
    if (s->tcp) {
        const int r = tcp_facts_of_fd(s->fd, ret);
        return r == 0 && ret->state == TCP_ST_CLOSED ? ask_by_addresses(s, ret) : r;
    }
    ret->unread = unread > 0 ? (uint32_t)unread : 0;
    ret->unsent = unsent > 0 ? (uint32_t)unsent : 0;
    return 0;
}

static struct view text_view_of(struct arena *a, const char *text)
{
    return view_bytes((struct slice){arena_dup(a, slice_of(text)), strlen(text)});
}

static struct view integer_view(int64_t n)
{
    return (struct view){.type = VIEW_INT, .integer = n};
}

static struct view text_or_absent(struct arena *a, const char *text)
{
    return text && *text ? text_view_of(a, text) : (struct view){.type = VIEW_ABSENT};
}

static struct view fact_view(const struct asked *k, const struct seen *s, const struct tcp_facts *f, enum fact fact)
{
    switch (fact) {
    case FACT_PEER: return text_view_of(k->arena, s->peer);
    case FACT_LOCAL: return text_view_of(k->arena, s->local);
    case FACT_UNREAD: return integer_view((int64_t)f->unread + (s->conn ? s->conn->n : 0));
    case FACT_UNSENT: return integer_view(f->unsent);
    case FACT_RTT: return integer_view(f->rtt);
    case FACT_MSS: return integer_view(f->mss);
    case FACT_RETRANSMITS: return integer_view(f->total_retransmits);
    case FACT_ACKED: return integer_view((int64_t)f->bytes_acked);
    case FACT_RECEIVED: return integer_view((int64_t)f->bytes_received);
    case FACT_CONGESTION: return text_view_of(k->arena, f->congestion);
    case FACT_VERSION: return text_or_absent(k->arena, s->tls.version);
    case FACT_CIPHER: return text_or_absent(k->arena, s->tls.cipher);
    case FACT_ALPN: return s->tls.alpn.n ? view_bytes(s->tls.alpn) : (struct view){.type = VIEW_ABSENT};
    case FACT_SERVER_NAME: return text_or_absent(k->arena, s->tls.server_name);
    case FACT_PEER_SUBJECT: return text_or_absent(k->arena, s->tls.peer_subject);
    case FACT_STATE:
    case FACT_TLS:
    case FACT_OPTION: break;
    }
    return (struct view){.type = VIEW_ABSENT};
}

static bool matches(struct asked *k, uint32_t i, const struct view *v)
{
    struct match_report report = {0};
    if (matcher_check(k->matchers[i], v, k->arena, &report)) return true;
    return fails(k, k->operand->list[i].mark, "`%s`: %s", k->operand->list[i].name, report.message);
}

/* A duration or size as it is written. */
static const char *show_option(const struct sockopt *o, int64_t value, char *text, size_t size)
{
    char units[UNITS_TEXT];
    if (o->type == SOCKOPT_BOOL || (o->type == SOCKOPT_LINGER && value < 0))
        snprintf(text, size, "%s", value > 0 ? "true" : "false");
    else if (o->type == SOCKOPT_SECONDS || o->type == SOCKOPT_MS)
        snprintf(text, size, "%s", units_show_duration(value, units));
    else
        snprintf(text, size, "%" PRId64, value);
    return text;
}

static bool option_holds(struct asked *k, uint32_t i, const struct seen *s)
{
    const struct wanted *w = &k->operand->list[i];
    char text[TEXT] = "", wanted[TEXT];
    int64_t value = 0;
    if (s->fd < 0) return fails(k, w->mark, "`%s`: the socket is closed", w->name);
    const int r = w->option->type == SOCKOPT_TEXT ? sockopt_get_text(s->fd, w->option, text, sizeof text)
                                                  : sockopt_get(s->fd, s->family, w->option, &value);
    if (r < 0) return fails(k, w->mark, "`%s`: the system does not tell: %s", w->name, strerror(-r));
    if (w->exact) {
        if (value == w->value) return true;
        show_option(w->option, w->value, wanted, sizeof wanted);
        return fails(k, w->mark, "`%s`: expected %s, got %s", w->name, wanted,
                     show_option(w->option, value, text, sizeof text));
    }
    const bool is_bool = w->option->type == SOCKOPT_BOOL || (w->option->type == SOCKOPT_LINGER && value < 0);
    struct view v = integer_view(value);
    if (is_bool) v = (struct view){.type = VIEW_BOOL, .boolean = value > 0};
    if (w->option->type == SOCKOPT_TEXT) v = text_view_of(k->arena, text);
    return matches(k, i, &v);
}

static bool state_holds(struct asked *k, const struct wanted *w, enum tcp_state state)
{
    const char *name = tcp_state_name(state);
    if (state == k->operand->state) return true;
    return fails(k, w->mark, "the connection is in state %s, not %s", name ? name : "unknown",
                 tcp_state_name(k->operand->state));
}

/* It will not hold later either. */
static bool never(struct asked *k)
{
    k->op->gone = arena_dup(k->arena, slice_of(k->why));
    return false;
}

/* While this step waits nobody else begins TLS on its actor's own connection, or drives the handshake. */
static bool agreed(struct asked *k, const struct wanted *w, struct seen *s)
{
    const struct conn *c = s->conn;
    if (!c || !c->tls) {
        fails(k, w->mark, "`tls`: no TLS is spoken on this connection");
        return k->channel ? never(k) : false;
    }
    const int r = !k->channel || c->closed ? 0 : conn_handshake(&k->channel->conn);
    if (r < 0 && r != -EAGAIN) {
        fails(k, w->mark, "`tls`: the handshake has failed: %s", r == -EPROTO ? tls_why(c->tls) : strerror(-r));
        return never(k);
    }
    return tls_facts(c->tls, &s->tls) || fails(k, w->mark, "`tls`: the handshake is not done");
}

static bool wanted_holds(struct asked *k, uint32_t i, struct seen *s, const struct tcp_facts *f)
{
    const struct wanted *w = &k->operand->list[i];
    const bool of_tcp = w->fact == FACT_STATE || (w->fact >= FACT_RTT && w->fact <= FACT_CONGESTION);
    if (of_tcp && !s->tcp) return fails(k, w->mark, "`%s`: this is no TCP socket", w->name);
    if (w->fact == FACT_STATE) return state_holds(k, w, f->state);
    if (w->fact == FACT_OPTION) return option_holds(k, i, s);
    if (w->fact == FACT_TLS) return agreed(k, w, s);
    const struct view v = fact_view(k, s, f, (enum fact)w->fact);
    return matches(k, i, &v) || (w->fact >= FACT_TLS_FIRST && never(k));
}

static bool holds(void *ctx)
{
    struct asked *k = ctx;
    struct seen s = {.fd = -1};
    struct tcp_facts f;
    if (!find_socket(k, &s)) return false;
    const int r = ask_system(&s, &f);
    if (r < 0) return fails(k, (struct mark){0}, "the system does not tell: %s", strerror(-r));
    for (uint32_t i = 0; i < k->operand->n; i++)
        if (!wanted_holds(k, i, &s, &f)) return false;
    return true;
}

static enum went begin(struct actor *a, const struct instr *in, union op_room *room)
{
    const struct operand *o = in->operand;
    struct asked *k = ARENA_NEW(&a->arena, struct asked);
    *k = (struct asked){.operand = o, .arena = &a->arena, .whom = o->whom ? whom_find(a, o->whom) : a};
    const bool listens = a->listener && !in->via && !own_channel(a);
    if (!o->whom && !listens) {
        k->channel = o->state == TCP_ST_LISTEN && a->listener ? NULL : actor_channel(a, in);
        if (!k->channel && !(o->state == TCP_ST_LISTEN && a->listener)) return WENT_FAILED;
    }
    if (k->channel && k->channel->conn.kind == CONN_PROGRAM)
        return actor_fail(a, "misuse", (struct mark){0}, "a program's pipes are no sockets");
    k->matchers = arena_array(&a->arena, o->n, sizeof *k->matchers);
    struct eval e = actor_eval(a);
    for (uint32_t i = 0; i < o->n; i++)
        if (o->list[i].matching && !matching_eval(o->list[i].matching, &e, &k->matchers[i]))
            return actor_fail_eval(a, &e);
    k->op = &room->ask;
    ask_begin(&room->ask, holds, k);
    return WENT_ON;
}

static struct mark mark(const struct instr *in, const union op_room *room)
{
    (void)in;
    return ((const struct asked *)room->ask.ctx)->mark;
}

static void explain(const struct instr *in, const union op_room *room, struct buf *out)
{
    (void)in;
    buf_adds(out, ((const struct asked *)room->ask.ctx)->why);
}

static const struct field fields[] = {
    {.name = "actor",
     .type = FIELD_NAME,
     .doc = "Another actor whose socket is meant: its connection, the one that it is opening, or where it listens"},
    {0},
};

const struct step_kind step_expect_socket = {
    .schema =
        {
            .name = "expect_socket",
            .group = "connection",
            .value = {.type = FIELD_MAP, .flags = FIELD_OPEN_MAP, .fields = facts, .form = FORM_OPTIONS},
            .fields = fields,
            .doc = "Waits until the operating system, or TLS, says this about a socket, up to the step's "
                   "deadline. It also works after our end is closed, for `state: time_wait`, and on an actor that "
                   "listens and has no connection yet, for `state: listen`.\n\nBeside the keys below it takes every "
                   "option of the table \"Socket options\" that can be read.",
            .example = "- expect_socket: {state: established, rtt: {lt: 50ms}, nodelay: false}\n- close\n- "
                       "expect_socket: {state: time_wait}\n",
        },
    .compile = compile,
    .begin = begin,
    .mark = mark,
    .explain = explain,
};
