#include "engine/program_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/run.h"
#include "engine/step.h"
#include "net/sock.h"

/* The folders of a path below tmp, whose own last part is no folder. 0 or -errno. */
static int make_folders(char path[PATH_MAX], size_t from)
{
    for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        const int error = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
        *slash = '/';
        if (error) return error;
    }
    return 0;
}

static int write_all(int fd, struct slice text)
{
    while (text.n) {
        const ssize_t n = sock_write(fd, text.p, text.n);
        if (n < 0) return (int)n;
        text = slice_part(text, (size_t)n, text.n);
    }
    return 0;
}

static enum went write_file(struct actor *a, const struct file_plan *f, const char *tmp, struct slice text)
{
    struct run *r = a->run;
    char path[PATH_MAX];
    const int n = snprintf(path, sizeof path, "%s/%s", tmp, f->name);
    int error = n > 0 && (size_t)n < sizeof path ? make_folders(path, strlen(tmp) + 1) : -ENAMETOOLONG;
    /* Readable for all: a program may give up its rights before it reads. */
    const int fd = error ? error : permit_open(&r->permit, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &r->need);
    if (fd >= 0) {
        error = write_all(fd, text);
        close(fd);
        if (!error) return WENT_ON;
    } else {
        error = fd;
    }
    const char *why = error == -PERMIT_DENIED ? "it is outside of the case's folder" : strerror(-error);
    return actor_fail(a, "system", f->text.node->mark, "cannot write the file `%s`: %s", f->name, why);
}

enum went program_files_write(struct actor *a, const struct program_plan *plan)
{
    struct arena arena = {0};
    struct eval e = actor_eval(a);
    e.arena = &arena;
    enum went went = WENT_ON;
    const char *tmp = plan->nfiles ? run_tmp(a->run) : NULL;
    if (plan->nfiles && !tmp)
        went = actor_fail(a, "system", plan->files[0].text.node->mark, "the case's folder cannot be made");
    for (uint32_t i = 0; i < plan->nfiles && went == WENT_ON; i++) {
        struct slice text;
        if (text_eval(&plan->files[i].text, &e, &text))
            went = write_file(a, &plan->files[i], tmp, text);
        else
            went = actor_fail_eval(a, &e);
    }
    arena_done(&arena);
    return went;
}
