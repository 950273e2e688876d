#include "util/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(struct slice s)
{
    size_t n = 0;
    while (n < s.n && digit(s.p[n]))
        n++;
    return n;
}

static struct slice behind(struct slice s, size_t n)
{
    return slice_part(s, n, s.n);
}

/* False if the value is above `most`. */
static bool whole(struct slice text, unsigned base, uint64_t most, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        unsigned d = digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)d, &value)) return false;
        if (value > most) return false;
    }
    *ret = value;
    return true;
}

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit times[] = {
    {"ns", 1}, {"us", NS_PER_US}, {"ms", NS_PER_MS}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
};
static const struct unit sizes[] = {
    {"", 1}, {"KiB", UINT64_C(1) << 10}, {"MiB", UINT64_C(1) << 20}, {"GiB", UINT64_C(1) << 30}};

enum { TIMES = sizeof times / sizeof times[0], SIZES = sizeof sizes / sizeof sizes[0] };

/* 0 if there is no such unit. */
static uint64_t unit_size(const struct unit *units, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(name, units[i].name)) return units[i].size;
    return 0;
}

/* The fraction of a unit that `.digits` is, rounded down. From right to left the divisions lose nothing. */
static uint64_t part_of(uint64_t unit, struct slice fraction)
{
    uint64_t sum = 0;
    for (size_t i = fraction.n; i-- > 0;)
        sum = ((uint64_t)(fraction.p[i] - '0') * unit + sum) / 10;
    return sum;
}

const char *units_duration(struct slice text, int64_t *ret_ns)
{
    const uint64_t most = (UINT64_C(1) << 62) - 1;
    if (text.n && text.p[0] == '-') return "a duration cannot be negative";
    struct slice head = slice_part(text, 0, digits(text));
    if (head.n == 0) return "a duration is a number with a unit, like 50ms or 5s";
    struct slice rest = behind(text, head.n);
    struct slice fraction = {0};
    if (rest.n && rest.p[0] == '.') {
        rest = behind(rest, 1);
        fraction = slice_part(rest, 0, digits(rest));
        if (fraction.n == 0) return "a duration needs digits behind its point";
        rest = behind(rest, fraction.n);
    }
    if (rest.n == 0) return "a duration needs a unit: us, ms, s or m";
    uint64_t unit = unit_size(times, TIMES, rest);
    if (unit == 0) return "the unit of a duration is us, ms, s or m";
    uint64_t value;
    if (!whole(head, 10, most / unit, &value)) return "the duration is too long";
    value = value * unit + part_of(unit, fraction);
    if (value > most) return "the duration is too long";
    *ret_ns = (int64_t)value;
    return NULL;
}

const char *units_size(struct slice text, uint64_t *ret_bytes)
{
    if (text.n && text.p[0] == '-') return "a size cannot be negative";
    struct slice head = slice_part(text, 0, digits(text));
    if (head.n == 0) return "a size is a whole number of bytes, or one with KiB, MiB or GiB";
    struct slice rest = behind(text, head.n);
    if (rest.n && rest.p[0] == '.') return "a size is a whole number, without a fraction";
    uint64_t unit = unit_size(sizes, SIZES, rest);
    if (unit == 0) return "the unit of a size is KiB, MiB or GiB";
    uint64_t value;
    if (!whole(head, 10, UINT64_MAX / unit, &value)) return "the size is too large";
    *ret_bytes = value * unit;
    return NULL;
}

static bool is_hex(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return false;
    }
    return s.n > 0;
}

static bool starts_0x(struct slice s)
{
    return s.n > 1 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X');
}

const char *units_int(struct slice text, int64_t *ret)
{
    uint64_t value;
    if (starts_0x(text)) {
        struct slice hex = behind(text, 2);
        if (!is_hex(hex)) return "0x needs hexadecimal digits";
        if (!whole(hex, 16, INT64_MAX, &value)) return "the number is too large";
        *ret = (int64_t)value;
        return NULL;
    }
    bool negative = text.n && text.p[0] == '-';
    if (negative) text = behind(text, 1);
    if (text.n == 0 || digits(text) != text.n) return "not a whole number";
    if (!whole(text, 10, (uint64_t)INT64_MAX + negative, &value)) return "the number is too large";
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return NULL;
}

/* -digits[.digits][e[+-]digits], so that strtod cannot see "inf", "nan", blanks or its own hexadecimal. */
static bool is_number(struct slice s)
{
    if (s.n && s.p[0] == '-') s = behind(s, 1);
    size_t n = digits(s);
    if (n == 0) return false;
    s = behind(s, n);
    if (s.n && s.p[0] == '.') {
        s = behind(s, 1);
        n = digits(s);
        if (n == 0) return false;
        s = behind(s, n);
    }
    if (s.n && (s.p[0] == 'e' || s.p[0] == 'E')) {
        s = behind(s, 1);
        if (s.n && (s.p[0] == '+' || s.p[0] == '-')) s = behind(s, 1);
        n = digits(s);
        if (n == 0) return false;
        s = behind(s, n);
    }
    return s.n == 0;
}

const char *units_number(struct slice text, double *ret)
{
    char copy[400];
    if (starts_0x(text)) {
        int64_t value;
        const char *wrong = units_int(text, &value);
        if (!wrong) *ret = (double)value;
        return wrong;
    }
    if (!is_number(text)) return "not a number";
    if (text.n >= sizeof copy) return "the number has too many digits";
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    double value = strtod(copy, NULL);
    if (!isfinite(value)) return "the number is too large";
    *ret = value;
    return NULL;
}

/* Three significant digits of value / unit, as a whole number and how many of its digits stand behind the point. */
static uint64_t three_digits(uint64_t value, uint64_t unit, int *ret_decimals)
{
    uint64_t count = value / unit;
    uint64_t scale = 1;
    int decimals = 0;
    if (count < 100 && unit > 1) {
        decimals = count < 10 ? 2 : 1;
        scale = count < 10 ? 100 : 10;
    }
    uint64_t shown = value / unit * scale + (value % unit * scale + unit / 2) / unit;
    *ret_decimals = decimals;
    return shown;
}

static void show(char text[UNITS_TEXT], const char *sign, uint64_t shown, int decimals, const char *unit)
{
    while (decimals > 0 && shown % 10 == 0) {
        shown /= 10;
        decimals--;
    }
    uint64_t scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    if (decimals == 0)
        snprintf(text, UNITS_TEXT, "%s%" PRIu64 " %s", sign, shown, unit);
    else
        snprintf(text, UNITS_TEXT, "%s%" PRIu64 ".%0*" PRIu64 " %s", sign, shown / scale, decimals, shown % scale,
                 unit);
}

/* The largest unit that the value, rounded as it will be shown, reaches. */
static void show_scaled(char text[UNITS_TEXT], const char *sign, uint64_t value, const struct unit *units, size_t n)
{
    size_t i = n - 1;
    while (i > 0 && value < units[i].size)
        i--;
    int decimals;
    uint64_t shown = three_digits(value, units[i].size, &decimals);
    uint64_t scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    if (i + 1 < n && shown / scale >= units[i + 1].size / units[i].size) {
        shown = 1;
        decimals = 0;
        i++;
    }
    show(text, sign, shown, decimals, units[i].name);
}

const char *units_show_duration(int64_t ns, char text[UNITS_TEXT])
{
    uint64_t value = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (value == 0)
        snprintf(text, UNITS_TEXT, "0 s");
    else
        show_scaled(text, ns < 0 ? "-" : "", value, times, TIMES);
    return text;
}

const char *units_show_size(uint64_t bytes, char text[UNITS_TEXT])
{
    if (bytes < 1024)
        snprintf(text, UNITS_TEXT, "%" PRIu64 " %s", bytes, bytes == 1 ? "byte" : "bytes");
    else
        show_scaled(text, "", bytes, sizes, SIZES);
    return text;
}
