#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "util/netrule.h"

static struct net_place place(const char *host, uint16_t port)
{
    struct net_place p;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        assert_int_equal(net_place_of((struct sockaddr *)&in, sizeof in, &p), 0);
    } else {
        assert_int_equal(inet_pton(AF_INET6, host, &in6.sin6_addr), 1);
        assert_int_equal(net_place_of((struct sockaddr *)&in6, sizeof in6, &p), 0);
    }
    return p;
}

static bool allows(const char *rule, const char *host, uint16_t port, const char *name)
{
    struct netrule r;
    struct net_place p = place(host, port);
    assert_null(netrule_parse(rule, &r));
    return netrule_allows(&r, &p, name);
}

static void loopback(void **state)
{
    (void)state;
    static const char *const yes[] = {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"};
    static const char *const no[] = {"128.0.0.1", "126.255.255.255",  "0.0.0.0",     "::",   "::2",
                                     "fe80::1",   "::ffff:192.0.2.1", "::127.0.0.1", "1::1", "::ffff:0.0.0.0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        struct net_place p = place(yes[i], 0);
        assert_true(net_place_is_loopback(&p));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        struct net_place p = place(no[i], 0);
        assert_false(net_place_is_loopback(&p));
    }
}

static void other_families(void **state)
{
    (void)state;
    struct net_place p;
    struct sockaddr_in in = {.sin_family = AF_UNSPEC};
    assert_int_equal(net_place_of((struct sockaddr *)&in, sizeof in, &p), -EAFNOSUPPORT);
    in.sin_family = AF_INET;
    assert_int_equal(net_place_of((struct sockaddr *)&in, 1, &p), -EINVAL);
    assert_int_equal(net_place_of((struct sockaddr *)&in, sizeof in - 1, &p), -EINVAL);
    in.sin_family = AF_INET6;
    assert_int_equal(net_place_of((struct sockaddr *)&in, sizeof in, &p), -EINVAL);
}

static void literal_rules(void **state)
{
    (void)state;
    assert_true(allows("192.0.2.1", "192.0.2.1", 80, NULL));
    assert_true(allows("192.0.2.1:80", "192.0.2.1", 80, NULL));
    assert_false(allows("192.0.2.1:80", "192.0.2.1", 81, NULL));
    assert_false(allows("192.0.2.1", "192.0.2.2", 80, NULL));
    assert_true(allows("192.0.2.1:80", "::ffff:192.0.2.1", 80, NULL));
    assert_true(allows("::ffff:192.0.2.1", "192.0.2.1", 80, NULL));
    assert_true(allows("[2001:db8::1]:80", "2001:db8::1", 80, NULL));
    assert_false(allows("[2001:db8::1]:80", "2001:db8::1", 81, NULL));
    assert_true(allows("2001:db8::1", "2001:db8::1", 81, NULL));
    assert_true(allows("0.0.0.0", "0.0.0.0", 80, NULL));
    assert_false(allows("192.0.2.1", "192.0.2.2", 80, "192.0.2.1"));
}

static void prefixes(void **state)
{
    (void)state;
    assert_true(allows("10.0.0.0/8", "10.255.1.2", 1, NULL));
    assert_false(allows("10.0.0.0/8", "11.0.0.0", 1, NULL));
    assert_true(allows("10.0.0.0/8:25", "10.1.1.1", 25, NULL));
    assert_false(allows("10.0.0.0/8:25", "10.1.1.1", 26, NULL));
    assert_true(allows("10.0.0.128/25", "10.0.0.200", 1, NULL));
    assert_false(allows("10.0.0.128/25", "10.0.0.100", 1, NULL));
    assert_true(allows("0.0.0.0/0", "8.8.8.8", 1, NULL));
    assert_false(allows("0.0.0.0/0", "2001:db8::1", 1, NULL));
    assert_false(allows("::/0", "8.8.8.8", 1, NULL));
    assert_false(allows("::/0", "::ffff:8.8.8.8", 1, NULL));
    assert_true(allows("2001:db8::/33", "2001:db8:7fff::1", 1, NULL));
    assert_false(allows("2001:db8::/33", "2001:db8:8000::1", 1, NULL));
    assert_true(allows("[2001:db8::]/32:80", "2001:db8::1", 80, NULL));
    assert_true(allows("::ffff:10.0.0.0/104", "10.1.2.3", 80, NULL));
    assert_true(allows("10.0.0.1/32", "10.0.0.1", 80, NULL));
}

static void names(void **state)
{
    (void)state;
    assert_true(allows("example.test:443", "192.0.2.1", 443, "example.test"));
    assert_true(allows("Example.TEST", "192.0.2.1", 443, "exAmple.test."));
    assert_true(allows("example.test.", "192.0.2.1", 443, "example.test"));
    assert_false(allows("example.test:443", "192.0.2.1", 80, "example.test"));
    assert_false(allows("example.test", "192.0.2.1", 443, NULL));
    assert_false(allows("example.test", "192.0.2.1", 443, ""));
    assert_false(allows("example.test", "192.0.2.1", 443, "a.example.test"));
    assert_false(allows("example.test", "192.0.2.1", 443, "example.test.evil"));
}

static void wrong_rules(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        ":80",
                                        "192.0.2.1:",
                                        "192.0.2.1:0",
                                        "192.0.2.1:65536",
                                        "192.0.2.1:-1",
                                        "192.0.2.1:80x",
                                        "[::1",
                                        "[::1]80",
                                        "[]:80",
                                        "::1]:80",
                                        "10.0.0.0/33",
                                        "10.0.0.0/",
                                        "10.0.0.0/-1",
                                        "::/129",
                                        "a b",
                                        "exa\x1b[31mmple",
                                        "*",
                                        "name/8",
                                        "http://x",
                                        "-name",
                                        ".",
                                        "a,b",
                                        "::ffff:10.0.0.0/8",
                                        "[name with blanks]:80",
                                        "[::1]]:80",
                                        "1:2:3",
                                        "x\n"};
    struct netrule r = {.bits = 77};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_non_null(netrule_parse(wrong[i], &r));
    char huge[5000];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_non_null(netrule_parse(huge, &r));
    assert_int_equal(r.bits, 77);
}

static void shown(void **state)
{
    (void)state;
    char text[NETRULE_TEXT];
    struct net_place p = place("192.0.2.1", 80);
    assert_string_equal(net_place_show(&p, text), "192.0.2.1:80");
    p = place("::1", 65535);
    assert_string_equal(net_place_show(&p, text), "[::1]:65535");
    p = place("::1", 0);
    assert_string_equal(net_place_show(&p, text), "::1");
    p = place("::ffff:192.0.2.1", 0);
    assert_string_equal(net_place_show(&p, text), "192.0.2.1");
    p = place("1111:2222:3333:4444:5555:6666:7777:8888", 65535);
    assert_string_equal(net_place_show(&p, text), "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback), cmocka_unit_test(other_families), cmocka_unit_test(literal_rules),
        cmocka_unit_test(prefixes), cmocka_unit_test(names),          cmocka_unit_test(wrong_rules),
        cmocka_unit_test(shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
