#include "engine/program_spawn.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/run.h"
#include "engine/step.h"
#include "util/path.h"

/* A plan's command while its texts are evaluated. Everything lives in eval's arena. */
struct command {
    struct actor *actor;
    const struct program_plan *plan;
    struct eval *e;
    char **argv, **envp;
    const char *search; /* the program's PATH */
    char *own_pid;      /* LISTEN_PID's digits */
    char path[PATH_MAX];
    char cwd[PATH_MAX];
};

/* As a C string: what the system cannot be told is an error. */
static bool text_string(const struct text_plan *t, struct eval *e, char **ret)
{
    struct slice text;
    if (!text_eval(t, e, &text)) return false;
    if (text.n && memchr(text.p, 0, text.n)) return eval_fail(e, t->node->mark, "a program cannot be given a NUL");
    *ret = arena_dup(e->arena, text);
    return true;
}

static bool make_argv(struct command *c)
{
    c->argv = arena_array(c->e->arena, c->plan->nargv + 1, sizeof *c->argv);
    for (uint32_t i = 0; i < c->plan->nargv; i++)
        if (!text_string(&c->plan->argv[i], c->e, &c->argv[i])) return false;
    if (*c->argv[0]) return true;
    return eval_fail(c->e, c->plan->argv[0].node->mark, "the name of the program is empty");
}

static bool is_named(const char *variable, const char *name)
{
    const size_t n = strlen(name);
    return strncmp(variable, name, n) == 0 && variable[n] == '=';
}

static bool is_replaced(const struct program_plan *plan, const char *variable)
{
    static const char *const passing[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (is_named(variable, passing[i])) return true;
    if (plan->columns && is_named(variable, "TERM")) return true;
    for (uint32_t i = 0; i < plan->nenv; i++)
        if (is_named(variable, plan->env[i].name)) return true;
    return false;
}

static bool is_given(const struct program_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->nenv; i++)
        if (strcmp(plan->env[i].name, name) == 0) return true;
    return false;
}

/* Listeners as services are handed theirs (sd_listen_fds(3)): they begin at descriptor 3 there as here. */
static char **add_passing(struct command *c, char **out)
{
    struct arena *a = c->e->arena;
    const struct program_plan *plan = c->plan;
    if (!plan->npass || is_given(plan, "LISTEN_FDS")) return out;
    const char *names = plan->pass[0].name;
    for (uint32_t i = 1; i < plan->npass; i++)
        names = arena_printf(a, "%s:%s", names, plan->pass[i].name);
    *out = arena_printf(a, "LISTEN_PID=%*s", PROCESS_PID, "");
    c->own_pid = strchr(*out++, '=') + 1;
    *out++ = arena_printf(a, "LISTEN_FDS=%u", plan->npass);
    *out++ = arena_printf(a, "LISTEN_FDNAMES=%s", names);
    return out;
}

/* Ours, with the plan's put in place: running a program is full trust, hiding variables would protect nothing. */
static bool make_environment(struct command *c)
{
    enum { OURS = 4 };
    uint32_t n = 0;
    for (char **v = environ; v && *v; v++)
        n++;
    char **out = c->envp = arena_array(c->e->arena, n + c->plan->nenv + OURS + 1, sizeof *c->envp);
    for (uint32_t i = 0; i < n; i++)
        if (!is_replaced(c->plan, environ[i])) *out++ = environ[i];
    c->search = getenv("PATH");
    for (uint32_t i = 0; i < c->plan->nenv; i++) {
        const struct env_plan *p = &c->plan->env[i];
        char *value = NULL;
        if (!text_string(&p->value, c->e, &value)) return false;
        *out++ = arena_printf(c->e->arena, "%s=%s", p->name, value);
        if (strcmp(p->name, "PATH") == 0) c->search = value;
    }
    out = add_passing(c, out);
    /* What a prompt looks like must not depend on where the test runs. */
    if (c->plan->columns && !is_given(c->plan, "TERM")) *out++ = arena_dup(c->e->arena, SLICE("TERM=dumb"));
    return true;
}

static bool make_cwd(struct command *c)
{
    const char *folder = c->actor->run->base->folder;
    char *cwd = NULL;
    if (c->plan->cwd && !text_string(c->plan->cwd, c->e, &cwd)) return false;
    const int error = path_normal(folder, cwd ? cwd : ".", c->cwd);
    if (!error) return true;
    const struct text_plan *at = c->plan->cwd ? c->plan->cwd : &c->plan->argv[0];
    return eval_fail(c->e, at->node->mark, "the folder that it runs in: %s", strerror(-error));
}

static enum went find(struct command *c)
{
    struct run *r = c->actor->run;
    const struct mark mark = c->plan->argv[0].node->mark;
    const char *name = c->argv[0];
    char absolute[PATH_MAX];
    if (permit_run(&r->permit, name, &r->need) != 0)
        return actor_fail(c->actor, "permission", mark, "not permitted: %s; allow it with %s", r->need.what,
                          r->need.flag);
    /* A path counts from the scenario's folder, whatever `cwd` is. */
    int error = strchr(name, '/') ? path_normal(r->base->folder, name, absolute) : 0;
    if (!error) error = permit_which(strchr(name, '/') ? absolute : name, c->search, c->path, sizeof c->path);
    if (!error) return WENT_ON;
    if (error == -ENOENT && !strchr(name, '/'))
        return actor_fail(c->actor, "system", mark, "there is no program `%s` on PATH", name);
    return actor_fail(c->actor, "system", mark, "cannot run `%s`: %s", name, strerror(-error));
}

static enum went start(struct command *c, const struct process_pass *pass, unsigned npass, struct process *ret)
{
    const struct process_terminal terminal = {c->plan->columns, c->plan->rows};
    const struct process_options o = {
        .path = c->path,
        .argv = c->argv,
        .envp = c->envp,
        .cwd = c->cwd,
        .pass = pass,
        .npass = npass,
        .own_pid = c->own_pid,
        .terminal = c->plan->columns ? &terminal : NULL,
    };
    const char *where = "run";
    const int error = process_start(ret, &o, &where);
    if (!error) return WENT_ON;
    const struct node *at = strcmp(where, "run") == 0 || !c->plan->cwd ? c->plan->argv[0].node : c->plan->cwd->node;
    return actor_fail(c->actor, "system", at->mark, "cannot %s `%s`: %s", where,
                      at == c->plan->argv[0].node ? c->argv[0] : c->cwd, strerror(-error));
}

enum went program_spawn(struct actor *a, const struct program_plan *plan, const struct process_pass *pass,
                        unsigned npass, struct process *ret, char ret_name[PROGRAM_NAME])
{
    struct arena arena = {0};
    struct eval e = actor_eval(a);
    e.arena = &arena;
    struct command c = {.actor = a, .plan = plan, .e = &e};
    enum went went = WENT_FAILED;
    if (!make_argv(&c) || !make_environment(&c) || !make_cwd(&c))
        actor_fail_eval(a, &e);
    else if (find(&c) == WENT_ON)
        went = start(&c, pass, npass, ret);
    if (went == WENT_ON) snprintf(ret_name, PROGRAM_NAME, "%s", c.argv[0]);
    arena_done(&arena);
    return went;
}
