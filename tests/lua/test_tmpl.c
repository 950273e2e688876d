#include "lua/support.h"

/* Each part in brackets, expressions as <text@offset>. */
static const char *parts(struct world *w, const char *text)
{
    struct tmpl t;
    size_t at = 0;
    const char *wrong = tmpl_parse(slice_of(text), "f.yaml:1", &w->arena, &t, &at);
    if (wrong) return arena_printf(&w->arena, "%zu: %s", at, wrong);
    char *all = arena_printf(&w->arena, "%s", t.constant ? "constant " : t.whole ? "whole " : "");
    for (size_t i = 0; i < t.n; i++) {
        const struct expr *e = t.parts[i].expr;
        struct slice s = e ? e->text : t.parts[i].text;
        all = arena_printf(&w->arena, "%s%c%.*s", all, e ? '<' : '[', (int)s.n, s.p);
        if (e) assert_true(slice_eq(slice_part(slice_of(text), e->at, s.n), s));
        all = arena_printf(&w->arena, "%s%s", all, e ? ">" : "]");
    }
    return all;
}

static void forms(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *parts;
    } cases[] = {
        {"", "constant []"},
        {"plain", "constant [plain]"},
        {"${x}", "whole <x>"},
        {"${ x }", "whole <x>"},
        {"a${x}", "[a]<x>"},
        {"${x}b", "<x>[b]"},
        {"a${x}${y}b", "[a]<x><y>[b]"},
        {"$${x}", "constant [${x}]"},
        {"a$${x}${y}", "[a${x}]<y>"},
        {"$${$${", "constant [${${]"},
        {"$$${x}", "constant [$${x}]"},
        {"${x}$${y}", "<x>[${y}]"},
        {"$", "constant [$]"},
        {"$x $ {x} $$ 5$", "constant [$x $ {x} $$ 5$]"},
        {"}{", "constant [}{]"},
        {"${ {a=1}.a }", "whole <{a=1}.a>"},
        {"${\"}\"}", "whole <\"}\">"},
        {"${'${x}'}", "whole <'${x}'>"},
        {"${[[}]] --[[}]]}", "whole <[[}]] --[[}]]>"},
        {"${x --}\n}", "whole <x --}>"},
        {"${", "0: `${` has no closing `}`"},
        {"ab ${x", "3: `${` has no closing `}`"},
        {"${x} ${'}", "5: `${` has no closing `}`"},
        {"${}", "0: empty expression"},
        {"a${ \t}", "1: empty expression"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(parts(w, cases[i].text), cases[i].parts);
}

static const char *text_of(struct world *w, struct actor *a, const char *text)
{
    lua_State *L = w->s->L;
    struct tmpl t;
    size_t at;
    assert_null(tmpl_parse(slice_of(text), "f.yaml:1", &w->arena, &t, &at));
    struct buf b = BUF_INIT(1000);
    int top = lua_gettop(L);
    bool well = tmpl_text(w->s, &t, &a->env, &b);
    assert_int_equal(lua_gettop(L), top + !well);
    const char *result = arena_printf(&w->arena, "%s%s", well ? "" : "! ", well ? buf_str(&b) : lua_tostring(L, -1));
    lua_settop(L, top);
    buf_done(&b);
    return result;
}

static void texts(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->s);
    eval_in(w, &a, EXPR_CHUNK,
            "mail = 'a@b' n = 7 t = {1} o = setmetatable({}, {__tostring = function() return 'me' end}) "
            "bad = setmetatable({}, {__tostring = function() error('no', 0) end}) "
            "five = setmetatable({}, {__tostring = function() return 5 end})");
    assert_string_equal(text_of(w, &a, "<${mail}> ${n + 1}${n == 7}"), "<a@b> 8true");
    assert_string_equal(
        text_of(w, &a, "${1.0} ${1e15} ${-0.0} ${1/0} ${2^53} ${0.1} ${1e14} ${math.mininteger}"),
        eval_in(w, &a, EXPR_VALUE, "table.concat({1.0, 1e15, -0.0, 1/0, 2^53, 0.1, 1e14, math.mininteger}, ' ')"));
    assert_string_equal(text_of(w, &a, "${1.0}"), "1.0");
    assert_string_equal(text_of(w, &a, "$${n} ${o} ${five}"), "${n} me 5");
    assert_string_equal(text_of(w, &a, "x ${post}"), "! `post` is nil");
    assert_string_equal(text_of(w, &a, "x ${ n.x }"), "! attempt to index a number value (global 'n')");
    assert_string_equal(text_of(w, &a, "x ${ t[2] }"), "! `t[2]` is nil");
    assert_string_equal(text_of(w, &a, "x ${t}"), "! `t` is a table where text is wanted");
    assert_string_equal(text_of(w, &a, "x ${json.null}"), "! `json.null` is null where text is wanted");
    assert_string_equal(text_of(w, &a, "x ${type}"), "! `type` is a function where text is wanted");
    assert_string_equal(text_of(w, &a, "x ${_ENV and coroutine.running()}"),
                        "! `_ENV and coroutine.running()` is an object where text is wanted");
    assert_string_equal(text_of(w, &a, "x ${bad}"), "! no");
    assert_string_equal(text_of(w, &a, "x ${1 +}"), "! unexpected symbol near <eof>");
    assert_string_equal(text_of(w, &a, "${('x'):rep(2000)}"), "! a text of more than 1000 bytes");
}

static int value_of(struct world *w, struct actor *a, const char *text)
{
    struct tmpl t;
    size_t at;
    assert_null(tmpl_parse(slice_of(text), "f.yaml:1", &w->arena, &t, &at));
    lua_settop(w->s->L, 0);
    bool well = tmpl_value(w->s, &t, &a->env);
    assert_int_equal(lua_gettop(w->s->L), 1);
    return well ? lua_type(w->s->L, 1) : LUA_TNONE;
}

static void values(void **state)
{
    struct world *w = *state;
    struct actor a;
    actor_init(&a, w->s);
    eval_in(w, &a, EXPR_CHUNK, "t = {1}");
    assert_int_equal(value_of(w, &a, "${t}"), LUA_TTABLE);
    assert_int_equal(value_of(w, &a, "${nothing}"), LUA_TNIL);
    assert_int_equal(value_of(w, &a, "${1 + 1}"), LUA_TNUMBER);
    assert_int_equal(value_of(w, &a, " ${1 + 1}"), LUA_TSTRING);
    assert_string_equal(lua_tostring(w->s->L, 1), " 2");
    assert_int_equal(value_of(w, &a, "${'\\0'}"), LUA_TSTRING);
    assert_int_equal(lua_rawlen(w->s->L, 1), 1);
    assert_int_equal(value_of(w, &a, ""), LUA_TSTRING);
    assert_int_equal(value_of(w, &a, "$${"), LUA_TSTRING);
    assert_string_equal(lua_tostring(w->s->L, 1), "${");
    assert_int_equal(value_of(w, &a, "a${t}"), LUA_TNONE);
    lua_settop(w->s->L, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(forms), WORLD_TEST(texts), WORLD_TEST(values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
