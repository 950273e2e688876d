/* replay FOLDER: gives each file of a corpus to a fuzz target, in any build. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
    char path[4096];
    uint8_t *data = NULL;
    long size = -1;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f && fseek(f, 0, SEEK_END) == 0) size = ftell(f);
    /* As exactly as large as the text is, so that a sanitizer sees the first byte beyond. */
    if (size >= 0) data = malloc(size > 0 ? (size_t)size : 1);
    int ok = data && fseek(f, 0, SEEK_SET) == 0 && fread(data, 1, (size_t)size, f) == (size_t)size;
    if (ok)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    else
        perror(path);
    free(data);
    if (f) fclose(f);
    return ok;
}

int main(int argc, char **argv)
{
    int done = 0, wrong = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 1;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        if (replay(argv[1], entry->d_name))
            done++;
        else
            wrong++;
    }
    closedir(folder);
    printf("%d inputs\n", done);
    return done == 0 || wrong > 0;
}
