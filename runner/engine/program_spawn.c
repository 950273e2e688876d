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

static bool is_replaced(const struct program_plan *plan, const char *variable)
{
    for (uint32_t i = 0; i < plan->nenv; i++) {
        const size_t n = strlen(plan->env[i].name);
        if (strncmp(variable, plan->env[i].name, n) == 0 && variable[n] == '=') return true;
    }
    return false;
}

/* Ours, with the plan's put in place: running a program is full trust, hiding variables would protect nothing. */
static bool make_environment(struct command *c)
{
    uint32_t n = 0;
    for (char **v = environ; v && *v; v++)
        n++;
    char **out = c->envp = arena_array(c->e->arena, n + c->plan->nenv + 1, sizeof *c->envp);
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
    const struct process_options o = {
        .path = c->path, .argv = c->argv, .envp = c->envp, .cwd = c->cwd, .pass = pass, .npass = npass};
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
