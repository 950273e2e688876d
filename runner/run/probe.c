#include "run/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/module_load.h"
#include "lua/require.h"
#include "lua/state.h"
#include "util/clock.h"
#include "util/units.h"

enum {
    READ_SIZE = 64 * 1024,
    LUA_MOST = 64 << 20,
    SAID_MOST = 4 << 20,
    WORD_OK = '+',
    WORD_WRONG = '-',
    PROBE_CPU_SECONDS = 1
};
#define PROBE_NS (5 * NS_PER_S)

static bool write_all(int fd, struct slice s)
{
    while (s.n) {
        const ssize_t r = write(fd, s.p, s.n);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return false;
        s = slice_part(s, (size_t)r, s.n);
    }
    return true;
}

struct opening {
    const struct modules *set;
    const struct module_spec *module;
};

static int open_require(lua_State *L)
{
    const struct opening *o = lua_touserdata(L, 1);
    const char *const folders[2] = {o->module->folder, o->set->scripts};
    require_open(L, o->set->permit, folders);
    return 0;
}

static bool describe(const struct opening *o, struct buf *out)
{
    struct luastate *s = luastate_new(LUA_MOST);
    if (!s) return false;
    lua_pushcfunction(s->L, open_require);
    lua_pushlightuserdata(s->L, (void *)(uintptr_t)o);
    return luastate_call(s, 1, 0) && module_describe(s, o->module, out);
}

static _Noreturn void be_probe(const struct opening *o, int fd)
{
    struct buf out = BUF_INIT(SAID_MOST);
    const struct rlimit seconds = {PROBE_CPU_SECONDS, PROBE_CPU_SECONDS}, none = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CPU, &seconds);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NPROC, &none);
    const bool well = describe(o, &out);
    const char word = well ? WORD_OK : WORD_WRONG;
    const bool said = write_all(fd, (struct slice){&word, 1}) && write_all(fd, buf_slice(&out));
    _exit(said ? 0 : 1);
}

/* False when the time is over. */
static bool read_all(int fd, struct buf *out)
{
    const int64_t until = clock_now() + PROBE_NS;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        const int64_t left = until - clock_now();
        if (left <= 0) return false;
        const int ready = poll(&p, 1, (int)(left / NS_PER_MS) + 1);
        if (ready < 0 && errno != EINTR) return true;
        if (ready <= 0) continue;
        char *room = buf_room(out, READ_SIZE);
        if (!room) return true;
        const ssize_t n = read(fd, room, READ_SIZE);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        out->n += (size_t)n;
    }
}

static bool conclude(struct buf *ret, bool in_time)
{
    if (!in_time) {
        buf_clear(ret);
        buf_adds(ret, "it does not come to an end: loading it takes too long");
        return false;
    }
    if (ret->n == 0 || ret->overflow) {
        buf_clear(ret);
        buf_adds(ret, "loading it ended the process that tried");
        return false;
    }
    const bool well = ret->p[0] == WORD_OK;
    buf_drop(ret, 1);
    return well;
}

bool probe_module(void *ctx, const struct module_spec *m, struct buf *ret)
{
    const struct opening o = {ctx, m};
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0) return buf_adds(ret, strerror(errno)), false;
    const pid_t pid = fork();
    if (pid == 0) be_probe(&o, ends[1]);
    close(ends[1]);
    bool in_time = true;
    if (pid > 0) {
        in_time = read_all(ends[0], ret);
        if (!in_time) kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL)) in_time = false;
    }
    close(ends[0]);
    return conclude(ret, in_time);
}
