# Calls that stand only in the rooms or layers named, or nowhere.
set(CALL_GROUPS banned sleeping reaching opening naming printing ending)

set(banned_CALLS
    system popen sprintf vsprintf strcpy stpcpy strcat strtok atoi atol atoll atof rand srand setlocale gets tmpnam
    tempnam mktemp alloca)
set(banned_BECAUSE "is used nowhere here")

set(sleeping_CALLS sleep usleep nanosleep clock_nanosleep)
set(sleeping_BECAUSE "sleeps: wait for what is to happen")

# A scenario reaches the outside through util/permit alone.
set(reaching_CALLS
    connect bind sendto sendmsg sendmmsg openat openat2 execl execle execlp execv execve execvp execvpe fexecve
    posix_spawn posix_spawnp)
set(reaching_ONLY_IN util/permit)
set(reaching_BECAUSE "belongs to util/permit")

# What is opened elsewhere is no scenario's: the files of the command line, reports, /proc, /dev/null.
set(opening_CALLS open fopen creat freopen mkostemp mkstemp opendir)
set(opening_ONLY_IN util/permit util/path report/outfile report/keep cli run/suite run/supervisor run/results net/process)
set(opening_BECAUSE "opens a file: util/permit does that for a scenario")

set(naming_CALLS mkdir mkdtemp unlink unlinkat rename renameat rmdir symlink link remove)
set(naming_ONLY_IN util/permit util/path report/outfile report/artifacts report/keep op/dial engine/tmp engine/program_files engine/program_run
              run/results)
set(naming_BECAUSE "changes a folder: a scenario's files are made in engine/tmp and engine/program_files")

set(printing_CALLS printf vprintf puts putchar perror)
set(printing_ONLY_IN cli report)
set(printing_BECAUSE "prints: only the command line and the reporters do")

set(ending_CALLS exit abort)
set(ending_ONLY_IN cli util/mem)
set(ending_BECAUSE "ends the process: only the command line does")
