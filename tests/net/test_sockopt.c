#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/tcp.h>

#include "net/sockopt.h"
#include "support.h"
#include "util/units.h"

static const struct sockopt *option(const char *name)
{
    const struct sockopt *o = sockopt_find(slice_of(name));
    if (!o) fail_msg("no option %s", name);
    return o;
}

static int64_t value(const char *name, const char *text)
{
    int64_t ret = -99;
    const char *wrong = sockopt_parse(option(name), slice_of(text), &ret);
    if (wrong) fail_msg("%s: %s: %s", name, text, wrong);
    return ret;
}

static void test_table(void **state)
{
    (void)state;
    for (const struct sockopt *o = sockopt_table; o->name; o++) {
        assert_non_null(o->doc);
        if (o[1].name) assert_true(strcmp(o->name, o[1].name) < 0);
        assert_ptr_equal(sockopt_find(slice_of(o->name)), o);
    }
    assert_null(sockopt_find(slice_of("no_delay")));
    assert_null(sockopt_find(slice_of("")));
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(value("nodelay", "true"), 1);
    assert_int_equal(value("nodelay", "false"), 0);
    assert_int_equal(value("ttl", "5"), 5);
    assert_int_equal(value("rcvbuf", "4KiB"), 4096);
    assert_int_equal(value("keepidle", "2m"), 120 * NS_PER_S);
    assert_int_equal(value("user_timeout", "250ms"), 250 * NS_PER_MS);
    assert_int_equal(value("linger", "0"), 0);
    assert_int_equal(value("linger", "false"), -1);
    assert_int_equal(value("congestion", "reno"), 0);
}

static void test_wrong_values(void **state)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"nodelay", "1"},         {"nodelay", "yes"},         {"nodelay", ""},       {"ttl", "five"},
        {"ttl", "3000000000"},    {"rcvbuf", "4KB"},          {"rcvbuf", "2GiB"},    {"rcvbuf", "-1"},
        {"keepidle", "5"},        {"keepidle", "100000000m"}, {"linger", "true"},    {"linger", "-1"},
        {"linger", "2147483648"}, {"congestion", ""},         {"join", "127.0.0.1"}, {"join", "239.1.2.3%none"},
        {"join", "239.1.2"},      {"leave", "ff02::1%"},      {"join", "::1"},       {"multicast_if", "no-such"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ret = 77;
        if (!sockopt_parse(option(rows[i].name), slice_of(rows[i].text), &ret))
            fail_msg("%s: %s was taken", rows[i].name, rows[i].text);
        assert_int_equal(ret, 77);
    }
}

static int64_t round_trip(int fd, int family, const char *name, int64_t wanted)
{
    int64_t got = -99;
    int error = sockopt_set(fd, family, option(name), wanted, (struct slice){NULL, 0});
    if (error) fail_msg("%s: %s", name, strerror(-error));
    assert_int_equal(sockopt_get(fd, family, option(name), &got), 0);
    return got;
}

static void test_what_is_set_is_there(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        int fd = sock_new(family, SOCK_STREAM);
        assert_true(fd >= 0);
        assert_int_equal(round_trip(fd, family, "nodelay", 1), 1);
        assert_int_equal(round_trip(fd, family, "nodelay", 0), 0);
        assert_int_equal(round_trip(fd, family, "keepalive", 1), 1);
        assert_int_equal(round_trip(fd, family, "keepidle", 7 * NS_PER_S), 7 * NS_PER_S);
        assert_int_equal(round_trip(fd, family, "keepidle", 7 * NS_PER_S + 1), 8 * NS_PER_S);
        assert_int_equal(round_trip(fd, family, "user_timeout", 1), NS_PER_MS);
        assert_int_equal(round_trip(fd, family, "ttl", 5), 5);
        assert_int_equal(round_trip(fd, family, "tos", 0x10), 0x10);
        assert_int_equal(round_trip(fd, family, "linger", 3), 3);
        assert_int_equal(round_trip(fd, family, "linger", 0), 0);
        assert_int_equal(round_trip(fd, family, "linger", -1), -1);
        assert_int_equal(round_trip(fd, family, "rcvbuf", 8192), 16384);
        assert_int_equal(round_trip(fd, family, "oobinline", 1), 1);
        close(fd);
    }
}

static void test_text_option(void **state)
{
    char name[16] = "";
    socklen_t n = sizeof name;
    int64_t got;
    int fd = sock_new(AF_INET, SOCK_STREAM);
    (void)state;
    assert_int_equal(sockopt_set(fd, AF_INET, option("congestion"), 0, slice_of("reno")), 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n), 0);
    assert_string_equal(name, "reno");
    assert_int_equal(sockopt_set(fd, AF_INET, option("congestion"), 0, slice_of("no-such")), -ENOENT);
    assert_int_equal(sockopt_get(fd, AF_INET, option("congestion"), &got), -EOPNOTSUPP);
    assert_int_equal(sockopt_get_text(fd, option("congestion"), name, sizeof name), 0);
    assert_string_equal(name, "reno");
    assert_int_equal(sockopt_get_text(fd, option("congestion"), name, 3), 0);
    assert_string_equal(name, "re");
    close(fd);
}

static void test_groups(void **state)
{
    int64_t index = 0, got;
    int four = sock_new(AF_INET, SOCK_DGRAM), six = sock_new(AF_INET6, SOCK_DGRAM);
    (void)state;
    assert_null(sockopt_parse(option("multicast_if"), SLICE("lo"), &index));
    assert_int_equal(sockopt_set(four, AF_INET, option("multicast_if"), index, SLICE("lo")), 0);
    assert_int_equal(sockopt_set(four, AF_INET, option("join"), 0, SLICE("239.1.2.3%lo")), 0);
    assert_int_equal(sockopt_set(four, AF_INET, option("join"), 0, SLICE("239.1.2.3%lo")), -EADDRINUSE);
    assert_int_equal(sockopt_set(four, AF_INET, option("leave"), 0, SLICE("239.1.2.3%lo")), 0);
    assert_int_equal(sockopt_set(four, AF_INET, option("leave"), 0, SLICE("239.1.2.3%lo")), -EADDRNOTAVAIL);
    assert_int_equal(sockopt_set(four, AF_INET, option("join"), 0, SLICE("ff02::7%lo")), -EAFNOSUPPORT);
    assert_int_equal(sockopt_get(four, AF_INET, option("join"), &got), -EOPNOTSUPP);
    assert_int_equal(sockopt_set(six, AF_INET6, option("multicast_if"), index, SLICE("lo")), 0);
    assert_int_equal(sockopt_set(six, AF_INET6, option("join"), 0, SLICE("ff02::7%lo")), 0);
    assert_int_equal(sockopt_set(six, AF_INET6, option("leave"), 0, SLICE("ff02::7%lo")), 0);
    close(four);
    close(six);
}

static void test_failures(void **state)
{
    int ends[2];
    int64_t got;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(sockopt_set(ends[0], AF_INET, option("nodelay"), 1, SLICE("")), -ENOTSOCK);
    assert_int_equal(sockopt_get(ends[0], AF_INET, option("nodelay"), &got), -ENOTSOCK);
    close(ends[0]);
    close(ends[1]);
    int fd = sock_new(AF_INET, SOCK_STREAM);
    assert_int_equal(sockopt_set(fd, AF_INET, option("ttl"), INT64_MAX, SLICE("")), -EINVAL);
    assert_int_equal(sockopt_set(fd, AF_INET, option("ttl"), 256, SLICE("")), -EINVAL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_values), cmocka_unit_test(test_what_is_set_is_there),
        cmocka_unit_test(test_text_option),  cmocka_unit_test(test_failures),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
