#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/addr.h"

static struct addr_spec parsed(const char *text)
{
    struct addr_spec spec;
    size_t at = 0;
    const char *wrong = addr_parse(slice_of(text), &spec, &at);
    if (wrong) fail_msg("%s: %s at %zu", text, wrong, at);
    return spec;
}

static void test_what_is_written_is_shown(void **state)
{
    static const struct {
        const char *text, *shown, *host;
        int family, type;
    } rows[] = {
        {"tcp://127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", AF_INET, SOCK_STREAM},
        {"tls://localhost:0", "127.0.0.1:0", "127.0.0.1", AF_INET, SOCK_STREAM},
        {"udp://LocalHost:65535", "127.0.0.1:65535", "127.0.0.1", AF_INET, SOCK_DGRAM},
        {"tcp://[::1]:0", "[::1]:0", "::1", AF_INET6, SOCK_STREAM},
        {"dtls://[2001:db8::1%1]:443", "[2001:db8::1%1]:443", "2001:db8::1%1", AF_INET6, SOCK_DGRAM},
        {"tcp://[::ffff:127.0.0.1]:7", "[::ffff:127.0.0.1]:7", "::ffff:127.0.0.1", AF_INET6, SOCK_STREAM},
        {"unix:///run/x", "/run/x", "/run/x", AF_UNIX, SOCK_STREAM},
        {"unix://@a b", "@a b", "@a b", AF_UNIX, SOCK_STREAM},
        {"unixgram:///tmp/g", "/tmp/g", "/tmp/g", AF_UNIX, SOCK_DGRAM},
        {"seqpacket://@s", "@s", "@s", AF_UNIX, SOCK_SEQPACKET},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr_spec spec = parsed(rows[i].text);
        struct addr a;
        char text[ADDR_TEXT];
        assert_false(spec.named);
        assert_int_equal(addr_family(&spec), rows[i].family);
        assert_int_equal(addr_socktype(spec.scheme), rows[i].type);
        assert_memory_equal(addr_scheme_name(spec.scheme), rows[i].text, strlen(addr_scheme_name(spec.scheme)));
        addr_of_spec(&spec, &a);
        assert_int_equal(a.sa.sa_family, rows[i].family);
        assert_string_equal(addr_show(&a.sa, a.len, text, sizeof text), rows[i].shown);
        assert_string_equal(addr_show_host(&a.sa, a.len, text, sizeof text), rows[i].host);
    }
}

static void test_names(void **state)
{
    (void)state;
    struct addr_spec spec = parsed("tcp://mail-1.example_x.org:25");
    assert_true(spec.named);
    assert_string_equal(spec.host, "mail-1.example_x.org");
    assert_int_equal(spec.port, 25);
    assert_int_equal(addr_family(&spec), AF_UNSPEC);
    assert_false(parsed("tcp://localhost:1").named);
    assert_string_equal(parsed("tcp://localhost:1").host, "localhost");
}

static void test_errors(void **state)
{
    static const struct {
        const char *text, *wrong;
        size_t at;
    } rows[] = {
        {"", "an address begins with", 0},
        {"127.0.0.1:80", "an address begins with", 0},
        {"http://x:80", "an address begins with", 0},
        {"tcp:/127.0.0.1:80", "an address begins with", 0},
        {"tcp://", "a tcp address needs a host", 6},
        {"tcp://:80", "a tcp address needs a host", 6},
        {"udp://[]:80", "a udp address needs a host", 6},
        {"tcp://127.0.0.1", "a tcp address needs a port", 15},
        {"tls://127.0.0.1:", "a tls address needs a port", 15},
        {"tcp://[::1]", "a tcp address needs a port", 11},
        {"tcp://[::1]80", "a tcp address needs a port", 11},
        {"tcp://[::1", "the bracket is not closed", 10},
        {"tcp://::1:80", "an IPv6 address stands in brackets", 6},
        {"tcp://fe80::1:80", "an IPv6 address stands in brackets", 6},
        {"tcp://[::g]:80", "not an IPv6 address", 6},
        {"tcp://[127.0.0.1]:80", "not an IPv6 address", 6},
        {"tcp://[::1%no-such-interface]:80", "not an IPv6 address", 6},
        {"tcp://256.1.1.1:80", "not an IPv4 address", 6},
        {"tcp://127.1:80", "not an IPv4 address", 6},
        {"tcp://a b:80", "not the name of a host", 6},
        {"tcp://h:65536", "a port is a number", 8},
        {"tcp://h:-1", "a port is a number", 8},
        {"tcp://h:80/", "a port is a number", 8},
        {"tcp://h:000080", "a port is a number", 8},
        {"unix://", "a Unix address needs", 7},
        {"unix://@", "a Unix address needs", 7},
        {"unix://run/x", "a Unix address needs", 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct addr_spec spec;
        size_t at = 99;
        const char *wrong = addr_parse(slice_of(rows[i].text), &spec, &at);
        if (!wrong || strncmp(wrong, rows[i].wrong, strlen(rows[i].wrong)) != 0 || at != rows[i].at)
            fail_msg("%s: %s at %zu", rows[i].text, wrong ? wrong : "nothing wrong", at);
    }
}

static void test_unix_path_lengths(void **state)
{
    char text[400] = "unix:///";
    struct addr_spec spec;
    struct addr a;
    size_t at = 0;
    (void)state;
    memset(text + 8, 'x', 106);
    assert_null(addr_parse((struct slice){text, 7 + 107}, &spec, &at));
    addr_of_spec(&spec, &a);
    assert_int_equal(a.len, sizeof a.un);
    memset(text + 8, 'x', 300);
    const char *wrong = addr_parse((struct slice){text, 7 + 108}, &spec, &at);
    assert_string_equal(wrong, "a Unix path of 108 bytes is too long, the system takes 107");
    assert_int_equal(at, 7 + 107);
    assert_non_null(strstr(addr_parse((struct slice){text, 7 + 300}, &spec, &at), "300 bytes"));
    assert_non_null(addr_parse((struct slice){"unix:///a\0b", 11}, &spec, &at));
    assert_int_equal(at, 9);
}

static void test_long_host_is_refused(void **state)
{
    char text[700] = "tcp://";
    struct addr_spec spec;
    size_t at;
    (void)state;
    for (size_t n = 254; n < 600; n += 115) {
        memset(text + 6, 'a', n);
        memcpy(text + 6 + n, ":80", 4);
        assert_non_null(addr_parse(slice_of(text), &spec, &at));
    }
}

static struct addr address(const char *text)
{
    struct addr_spec spec = parsed(text);
    struct addr a;
    addr_of_spec(&spec, &a);
    return a;
}

static bool same(const char *a, const char *b)
{
    struct addr x = address(a), y = address(b);
    bool equal = addr_equal(&x.sa, x.len, &y.sa, y.len);
    if (equal) assert_int_equal(addr_hash(&x.sa, x.len), addr_hash(&y.sa, y.len));
    return equal;
}

static void test_equality(void **state)
{
    (void)state;
    assert_true(same("tcp://127.0.0.1:80", "udp://localhost:80"));
    assert_false(same("tcp://127.0.0.1:80", "tcp://127.0.0.1:81"));
    assert_false(same("tcp://127.0.0.1:80", "tcp://127.0.0.2:80"));
    assert_false(same("tcp://127.0.0.1:80", "tcp://[::ffff:127.0.0.1]:80"));
    assert_true(same("tcp://[::1]:80", "tcp://[0:0:0:0:0:0:0:1]:80"));
    assert_false(same("tcp://[fe80::1%1]:80", "tcp://[fe80::1%2147483000]:80"));
    assert_true(same("unix:///a", "unix:///a"));
    assert_false(same("unix:///a", "unix:///ab"));
    assert_false(same("unix://@/a", "unix:///a"));
    struct addr x = address("unix:///a"), y = x;
    y.len--; /* the system may or may not count the NUL */
    assert_true(addr_equal(&x.sa, x.len, &y.sa, y.len));
}

static void test_showing_what_is_short_or_nameless(void **state)
{
    char text[8];
    struct addr a = address("tcp://127.0.0.1:80");
    (void)state;
    assert_string_equal(addr_show(&a.sa, a.len, text, sizeof text), "127.0.0");
    assert_string_equal(addr_show(&a.sa, 0, text, sizeof text), "");
    a = address("unix:///longer/than/that");
    assert_string_equal(addr_show(&a.sa, a.len, text, sizeof text), "/longer");
    assert_string_equal(addr_show(&a.sa, sizeof a.un.sun_family, text, sizeof text), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_shown),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_unix_path_lengths),
        cmocka_unit_test(test_long_host_is_refused),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_showing_what_is_short_or_nameless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
