#include "lua/support.h"

#include <zlib.h>

#include "util/mem.h"

struct known {
    const char *text, *value;
};

static void check_all(struct world *w, const struct known *k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = eval(w, k[i].text);
        if (strcmp(value, k[i].value) != 0) print_error("%s\n", k[i].text);
        assert_string_equal(value, k[i].value);
    }
}

#define CHECK_ALL(w, list) check_all(w, list, sizeof(list) / sizeof *(list))

static void codecs(void **state)
{
    static const struct known list[] = {
        {"hex('\\1\\xff')", "01ff"},
        {"hex('')", ""},
        {"hex(unhex('de ad BE ef'))", "deadbeef"},
        {"hex(unhex('0x01'))", "01"},
        {"base64('\\0user\\0secret')", "AHVzZXIAc2VjcmV0"},
        {"unbase64('aGVs\\nbG8=')", "hello"},
        {"base64(unbase64(''))", ""},
        {"hex(pack('>I2 s1', 7, 'abc'))", "000703616263"},
        {"unpack('>I2', '\\1\\2')", "258"},
        {"select(2, unpack('>I2', '\\1\\2'))", "3"},
        {"hex(xor('\\1\\2\\3\\4', '\\xff\\0'))", "fe02fc04"},
        {"xor('', 'k')", ""},
        {"xor(xor('hello', 'mask'), 'mask')", "hello"},
    };
    CHECK_ALL(*state, list);
    struct world *w = *state;
    assert_has(eval(w, "unhex('0g')"), "! unhex: ");
    assert_has(eval(w, "unbase64('a')"), "! unbase64: ");
    assert_has(eval(w, "xor('a', '')"), "an empty key");
    assert_has(eval(w, "hex({})"), "string expected, got table");
    assert_has(eval(w, "hex()"), "string expected, got no value");
    assert_string_equal(eval(w, "#unhex(hex(('x'):rep(1 << 20)))"), "1048576");
    assert_string_equal(eval(w, "hex(('x'):rep(7 << 20))"), "! Lua memory is over its cap of 16 MiB");
}

static void digests(void **state)
{
    static const struct known list[] = {
        {"hex(md5(''))", "d41d8cd98f00b204e9800998ecf8427e"},
        {"hex(md5('abc'))", "900150983cd24fb0d6963f7d28e17f72"},
        {"hex(sha1('abc'))", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"base64(sha1('dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11'))",
         "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
        {"hex(sha256('abc'))", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"hex(sha256(''))", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"hex(hmac('Jefe', 'what do ya want for nothing?'))",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"hex(hmac('Jefe', 'what do ya want for nothing?', 'md5'))", "750c783e6ab0b503eaa86e310a5db738"},
        {"hex(hmac('Jefe', 'what do ya want for nothing?', 'sha1'))", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {"#hmac('', '', 'sha512') + #hmac('', '', 'sha384')", "112"},
        {"crc16('123456789')", "19255"},
        {"crc16('123456789', 'modbus')", "19255"},
        {"crc16('123456789', 'arc')", "47933"},
        {"crc16('123456789', 'ccitt')", "10673"},
        {"crc16('')", "65535"},
        {"crc32('123456789')", "3421780262"},
        {"crc32('')", "0"},
    };
    CHECK_ALL(*state, list);
    assert_has(eval(*state, "hmac('k', 'd', 'sha3')"), "invalid option 'sha3'");
    assert_has(eval(*state, "crc16('k', 'x')"), "invalid option 'x'");
}

static void compression(void **state)
{
    struct world *w = *state;
    static const struct known list[] = {
        {"inflate(deflate('hello'))", "hello"},
        {"inflate(deflate('hello', 'raw'), 'raw')", "hello"},
        {"inflate(deflate('hello', 'gzip'), 'gzip')", "hello"},
        {"inflate(deflate(''))", ""},
        {"hex(deflate('', 'raw'))", "0300"},
        {"hex(deflate('x')):sub(1, 4)", "789c"},
        {"hex(deflate('x', 'gzip')):sub(1, 4)", "1f8b"},
        {"inflate('')", "! inflate: the data ends too early"},
        {"inflate(deflate('hello'):sub(1, -2))", "! inflate: the data ends too early"},
        {"inflate(deflate('hello') .. 'x')", "! inflate: 1 bytes behind the end"},
        {"inflate('garbage')", "! inflate: the data is broken"},
        {"#inflate(deflate(('x'):rep(1 << 20)))", "1048576"},
    };
    CHECK_ALL(w, list);
}

/* RFC 7692 7.2.3: what messages of permessage-deflate are made of. */
static void streams_in_parts(void **state)
{
    static const struct known list[] = {
        {"hex(deflate('Hello', 'raw', {sync = true}))", "f248cdc9c907000000ffff"},
        {"hex(deflate('Hello', 'raw', {sync = true, before = 'Hello'}))", "f2001100000000ffff"},
        {"inflate(unhex('f248cdc9c907000000ffff'), 'raw', {sync = true})", "Hello"},
        {"inflate(unhex('f2001100000000ffff'), 'raw', {sync = true, before = 'Hello'})", "Hello"},
        {"inflate(unhex('f2001100000000ffff'), 'raw', {sync = true})", "! inflate: the data is broken"},
        {"inflate(unhex('000500faff48656c6c6f000000ffff'), 'raw', {sync = true})", "Hello"},
        {"inflate(unhex('f348cdc9c90700') .. unhex('000000ffff'), 'raw', {sync = true})", "Hello"},
        {"inflate(unhex('f348cdc9c90700f2001100000000ffff'), 'raw', {sync = true})", "HelloHello"},
        {"inflate(('\\3\\0'):rep(1000), 'raw', {sync = true})", "! inflate: the data is broken"},
        {"inflate(unhex('f248cdc9'), 'raw', {sync = true})", "! inflate: the data ends too early"},
        {"inflate('', 'raw', {sync = true})", "! inflate: the data ends too early"},
        {"inflate(deflate('hello'), 'zlib', {most = 5})", "hello"},
        {"inflate(deflate('hello'), 'zlib', {most = 4})", "! inflate: more than 4 bytes"},
        {"inflate(deflate(('x'):rep(1000)), 'zlib', {most = 0})", "! inflate: more than 0 bytes"},
        {"inflate(deflate(('ab'):rep(999), 'raw', {bits = 8}), 'raw', {bits = 8}) == ('ab'):rep(999)", "true"},
        {"inflate(deflate(('ab'):rep(999), 'zlib', {bits = 8})) == ('ab'):rep(999)", "true"},
        {"deflate('', 'zlib', {bits = 7})", "! `bits` is 8 to 15"},
    };
    CHECK_ALL(*state, list);
    assert_has(eval(*state, "deflate('', 'zlib', {sync = true})"), "are for raw streams");
}

static void bombs_are_refused(void **state)
{
    struct world *w = *state;
    luastate_free(w->s);
    w->s = luastate_new(LUASTATE_CAP);
    uLong size = 65 << 20;
    uLongf n = compressBound(size);
    Bytef *zeros = mem_zalloc(size), *packed = mem_alloc(n);
    assert_int_equal(compress2(packed, &n, zeros, size, 1), Z_OK);
    struct actor a;
    actor_init(&a, w->s);
    lua_rawgeti(w->s->L, LUA_REGISTRYINDEX, a.table);
    lua_pushlstring(w->s->L, (char *)packed, n);
    lua_setfield(w->s->L, -2, "bomb");
    lua_pop(w->s->L, 1);
    assert_string_equal(eval_in(w, &a, EXPR_VALUE, "inflate(bomb)"), "! inflate: more than 64 MiB");
    assert_has(eval(w, "deflate(('x'):rep(65 << 20))"), "more than 64 MiB");
    mem_free(zeros);
    mem_free(packed);
}

static void randomness(void **state)
{
    static const struct known list[] = {
        {"#random(0)", "0"},
        {"#random(1000)", "1000"},
        {"random(16) ~= random(16)", "true"},
        {"uuid() ~= uuid()", "true"},
        {"uuid():match('^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$') ~= nil",
         "true"},
        {"math.type(now())", "float"},
        {"math.abs(now() - os.time()) < 5", "true"},
    };
    CHECK_ALL(*state, list);
    assert_has(eval(*state, "random(-1)"), "0 to 64 MiB");
    assert_has(eval(*state, "random(1 << 40)"), "0 to 64 MiB");
}

static void json(void **state)
{
    static const struct known list[] = {
        {"json({b = {1, 2}, a = 'x'})", "{\"a\":\"x\",\"b\":[1,2]}"},
        {"json.encode({})", "[]"},
        {"json(json.object())", "{}"},
        {"json(json.object({}))", "{}"},
        {"json(nil)", "null"},
        {"json(json.null)", "null"},
        {"json.decode('{\"a\":[1,2.5,null]}').a[2]", "2.5"},
        {"json.decode('[null]')[1] == json.null", "true"},
        {"math.type(json.decode('1')) .. math.type(json.decode('1.0'))", "integerfloat"},
        {"json(json.decode('{\"a\":{},\"b\":[]}'))", "{\"a\":{},\"b\":[]}"},
        {"#json.decode('\"\\\\u0000\"')", "1"},
        {"coroutine.wrap(function() return json(json.decode('[1]')) end)()", "[1]"},
        {"pcall(coroutine.wrap(function() return json.decode('[1') end))", "false"},
    };
    CHECK_ALL(*state, list);
    struct world *w = *state;
    assert_starts(eval(w, "json.decode('[1,')"), "! json.decode: ");
    assert_starts(eval(w, "json(type)"), "! json: a function is no value");
    assert_has(eval(w, "json()"), "value expected");
    assert_has(eval(w, "json.object(1)"), "table expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(codecs),
        WORLD_TEST(digests),
        WORLD_TEST(compression),
        WORLD_TEST(streams_in_parts),
        WORLD_TEST(bombs_are_refused),
        WORLD_TEST(randomness),
        WORLD_TEST(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
