#ifndef TESTS_REPORT_FOLDER_H
#define TESTS_REPORT_FOLDER_H

/* A fresh folder for each test. Include behind cmocka.h. */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/report.h"

struct folder {
    char path[PATH_MAX / 2];
    char file[PATH_MAX]; /* a path in it */
};

__attribute__((unused)) static int folder_setup(void **state)
{
    const char *tmp = getenv("TMPDIR");
    struct folder *f = calloc(1, sizeof(*f));

    snprintf(f->path, sizeof(f->path), "%s/sockrun-report-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->path)) return -1;
    snprintf(f->file, sizeof(f->file), "%s/report", f->path);
    *state = f;
    return 0;
}

/* How many entries there are; each is removed if `clear`. */
__attribute__((unused)) static int folder_count(const struct folder *f, int clear)
{
    DIR *d = opendir(f->path);
    char path[2 * PATH_MAX];
    int n = 0;

    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        n++;
        snprintf(path, sizeof(path), "%s/%s", f->path, e->d_name);
        if (clear) remove(path);
    }
    closedir(d);
    return n;
}

__attribute__((unused)) static int folder_teardown(void **state)
{
    struct folder *f = *state;

    folder_count(f, 1);
    rmdir(f->path);
    free(f);
    return 0;
}

/* What cannot be written is an error, and said. */
__attribute__((unused)) static void meet_a_full_disk(struct event_sink *(*make)(const char *path))
{
    struct event end = {.kind = EVENT_RUN_END};

    if (access("/dev/full", W_OK) != 0) skip();
    struct event_sink *s = make("/dev/full");
    s->take(s, &end);
    assert_string_equal(reporter_error(s), "cannot write /dev/full: No space left on device");
    reporter_free(s);
}

#endif
