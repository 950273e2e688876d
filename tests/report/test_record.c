/* Names of the records of TLS. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "report/record.h"
#include "util/mem.h"

/* The names of n bytes, of which none behind may be looked at. */
static const char *names(const char *bytes, size_t n, struct buf *out)
{
    char *exact = mem_alloc(n ? n : 1);
    memcpy(exact, bytes, n);
    buf_clear(out);
    record_names((struct slice){exact, n}, out);
    mem_free(exact);
    return buf_str(out);
}

#define HELLO "\x16\x03\x01\x00\x04\x01\x00\x00\x00"
#define FLIGHT "\x16\x03\x03\x00\x08\x02\x00\x00\x00\x0b\x00\x00\x00"
#define CHANGE "\x14\x03\x03\x00\x01\x01"
#define SEALED "\x17\x03\x03\x00\x03xyz"
#define ALERT "\x15\x03\x03\x00\x02\x02\x28"
#define LONG_ALERT "\x15\x03\x03\x00\x04zzzz"

static void test_names(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *names;
    } all[] = {
#define CASE(bytes, names) {bytes, sizeof(bytes) - 1, names}
        CASE("", ""),
        CASE(HELLO, "ClientHello"),
        CASE(FLIGHT CHANGE SEALED SEALED, "ServerHello, Certificate, change of cipher, 2 sealed records"),
        CASE(SEALED, "1 sealed record"),
        CASE(CHANGE "\x16\x03\x03\x00\x04\x14\x00\x00\x00" ALERT, "change of cipher, 2 sealed records"),
        CASE(SEALED ALERT SEALED, "1 sealed record, alert, 1 sealed record"),
        CASE(LONG_ALERT, "1 sealed record"),
        CASE("\x16\x03\x03\x00\x04\x63\x00\x00\x00", "a message of the handshake"),
        CASE("EHLO\r\n", "part of a record"),
        CASE(SEALED "\x17\x03", "1 sealed record, part of a record"),
        CASE("\x16\x03\x03\xff\xff\x01", "part of a record"),
        CASE("\x16\x03\x03\x00\x04\x01\xff\xff\xff", "ClientHello"),
        CASE("\x16\x03\x03\x00\x00", ""),
        CASE("\x15\x03\x03\x00\x00", "1 sealed record"),
    };
    struct buf out = BUF_INIT(4096);
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_string_equal(names(all[i].bytes, all[i].n, &out), all[i].names);
    buf_done(&out);
}

/* However they are cut, nothing behind them is read. */
static void test_cuts(void **state)
{
    static const char all[] = HELLO FLIGHT CHANGE SEALED ALERT;
    struct buf out = BUF_INIT(4096);
    (void)state;
    for (size_t from = 0; from < sizeof all; from++)
        for (size_t n = 0; n < sizeof all - from; n++)
            names(all + from, n, &out);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_cuts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
