#include "lua/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/buf.h"

static struct slice scanned;

static void note(void *ctx, struct slice name, size_t at, bool assigned)
{
    assert_true(slice_eq(slice_part(scanned, at, name.n), name));
    struct buf *b = ctx;
    if (b->n) buf_addc(b, ' ');
    buf_add(b, name);
    if (assigned) buf_addc(b, '=');
}

/* The uses in order, with `=` behind those that are assigned. */
static void check(const char *lua, const char *uses)
{
    struct buf b = BUF_INIT(10000);
    scanned = slice_of(lua);
    names_scan(scanned, note, &b);
    if (strcmp(buf_str(&b), uses) != 0) print_error("%s\n", lua);
    assert_string_equal(buf_str(&b), uses);
    buf_done(&b);
}

static void uses_in_order(void **state)
{
    (void)state;
    check("", "");
    check("mail", "mail");
    check("a + b * a", "a b a");
    check("and or not nil true", "");
    check("_ENV.x", "");
    check("a3 _b", "a3 _b");
    check("3x", "");
    check("0x1p+4e + 1e-5 + .5 + x", "x");
}

static void fields_are_no_uses(void **state)
{
    (void)state;
    check("a.b.c:d(e).f", "a e");
    check("a . b : c()", "a");
    check("a .. b", "a b");
    check("a..b", "a b");
    check("a[b].c[d]", "a b d");
    check("{x=1,[y]=2; z=3}", "y");
    check("{x = a, y, z = {w = b}, f(g)}", "a y b f g");
    check("{x == y}", "x y");
    check("f{x=1}{y=z}", "f z");
    check("{f = function(a) x, y = 1, a; return {z = x} end, q = r}", "x= y= x r");
    check("{if_ = function() if a then b = 1 end; c = 2 end, d = e}", "a b= c= e");
}

static void what_is_assigned(void **state)
{
    (void)state;
    check("x = 1", "x=");
    check("x = x == y", "x= x y");
    check("a, b = b, a", "a= b= b a");
    check("a, b.c, d[e], f = g()", "a= b d e f= g");
    check("a.b, c = 1, 2", "a c=");
    check("f(a, b, c) d = 1", "f a b c d=");
    check("t[f(a, b, c)], u, v = 1", "t f a b c u= v=");
    check("function f() end", "f=");
    check("function f.g() end", "f");
    check("function f:g() return self end", "f");
    check("return function() end, a", "a");
    check("x = 1 y = 2; z = 3", "x= y= z=");
    check("if a then b, c = 1 end", "a b= c=");
    check("f(a, b)", "f a b");
}

static void locals_are_passed_over(void **state)
{
    (void)state;
    check("local a, b = c, d; a = b", "c d");
    check("local a <const>, b <close> = c; x = b", "c x=");
    check("local close <close> = f(); g(close)", "f g");
    check("local x < y", "y");
    check("local function f(a, ...) return f(a), ... end", "");
    check("for i = 1, n do p(i) end", "n p");
    check("for k, v in pairs(t) do k = v end", "pairs t");
    check("map(function(x, y) return x + z end)", "map z");
    check("function obj.sub:m(a) return a, self end", "obj");
    check("goto done; ::done:: x = 1", "x=");
    check("for i = 1, 2 do goto continue ::continue:: end", "");
    check("local goto_ = 1; goto_ = 2", "");
}

static void strings_and_comments(void **state)
{
    (void)state;
    check("a -- b\n c", "a c");
    check("a --[[ b \n c ]] d", "a d");
    check("a --[==[ b ]] c ]==] d", "a d");
    check("a --[ b\n c", "a c");
    check("'b' .. \"c\" .. [[d]] .. [=[e]]]=] .. f", "f");
    check("'b\\'c' .. d", "d");
    check("'b\\\\' .. d", "d");
    check("'b\\z  \n c' .. d", "d");
    check("'b\\\nc' .. d", "d");
    check("f'x' g[[y]]", "f g");
    check("a 'unfinished", "a");
    check("a --[[ unfinished", "a");
    check("a [[ unfinished", "a");
    check("a [=x", "a x");
    check("a @ $ \x80 b", "a b");
}

static void expression_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long end;
    } cases[] = {
        {"}", 0},
        {"x}y", 1},
        {"{a=1}.a}}", 7},
        {"\"}\"}", 3},
        {"'}'}", 3},
        {"'\\'}'}", 5},
        {"[[}]]}", 5},
        {"[=[}]]]=]}", 9},
        {"--[[}]]x}", 8},
        {"--}\nx}", 5},
        {"x --}", -1},
        {"", -1},
        {"x", -1},
        {"{}", -1},
        {"\"}", -1},
        {"[[}", -1},
        {"--[[}", -1},
        {"'\n}'}", -1},
        {"function() return {} end}", 24},
        {"#'\\z\n  }'}", 9},
        {"a[b[[}]]]}", 9},
        {"x\0}", -1},
        {"'\\", -1},
        {"--", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (names_expression_end(slice_of(cases[i].text)) != cases[i].end) print_error("case %zu\n", i);
        assert_int_equal(names_expression_end(slice_of(cases[i].text)), cases[i].end);
    }
    assert_int_equal(names_expression_end(SLICE("x\0}")), 2);
}

static void plain_names(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "_", "a1_B", "ends", "_end"};
    static const char *const others[] = {"", "1a", "a b", "a.b", "end", "nil", "goto", "\xc3\xa4", "a-", " a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(names_is_name(slice_of(names[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(names_is_name(slice_of(others[i])));
}

static void ignore(void *ctx, struct slice name, size_t at, bool assigned)
{
    (void)ctx, (void)name, (void)at, (void)assigned;
}

/* Each of these took quadratic time with a lookahead that knows no bound. */
static void long_texts_take_no_time(void **state)
{
    (void)state;
    static const char *const units[] = {"a[",   "a,", "{", "local a ", "a,b[function() ", "(", "end ",
                                        "--[=", "[=", "'", "${"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct buf b = BUF_INIT(1 << 20);
        while (b.n < 100000)
            buf_adds(&b, units[i]);
        names_scan(buf_slice(&b), ignore, NULL);
        assert_int_equal(names_expression_end(buf_slice(&b)), -1);
        buf_done(&b);
    }
}

static void spelt(const char *written, const char *lua)
{
    struct arena a = {0};
    const struct slice s = names_spell_fields(slice_of(written), &a);
    assert_string_equal(lua, arena_dup(&a, s));
    arena_done(&a);
}

static void fields_named_by_keywords(void **state)
{
    (void)state;
    spelt("conn.local", "conn[\"local\"]");
    spelt("a.end.b .. c . not", "a[\"end\"].b .. c [\"not\"]");
    spelt("'x.local' .. y --.local", "'x.local' .. y --.local");
    spelt("a ..nil", "a ..nil");
    spelt("local x", "local x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uses_in_order),
        cmocka_unit_test(fields_are_no_uses),
        cmocka_unit_test(what_is_assigned),
        cmocka_unit_test(locals_are_passed_over),
        cmocka_unit_test(strings_and_comments),
        cmocka_unit_test(expression_ends),
        cmocka_unit_test(plain_names),
        cmocka_unit_test(fields_named_by_keywords),
        cmocka_unit_test(long_texts_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
