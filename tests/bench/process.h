#ifndef TESTS_BENCH_PROCESS_H
#define TESTS_BENCH_PROCESS_H

/* Runs programs and measures them as wholes. What goes wrong ends the benchmark. */

struct measured {
    double seconds;
    double cpu;    /* seconds of it and of the processes that it has waited for, in the kernel too */
    long peak_kib; /* of the largest of its processes */
};

/* argv ends with NULL. Its output is dropped unless it fails. */
struct measured process_measure(const char *const argv[]);
/* The best times of so many runs, and the largest peak. */
struct measured process_best(const char *const argv[], int runs);

#endif
