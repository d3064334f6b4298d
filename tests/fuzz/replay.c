/* A main() for fuzz targets without libFuzzer: feeds them each file that is named on the command line. So the
 * kept inputs are regression tests with any compiler. Linked with one tests/fuzz/fuzz_*.c each. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_MOST = 4 * 1024 * 1024 };

/* A copy of the exact size, so that reading one byte too far is seen. */
static int replay(const char *path)
{
    AUTO_VAL(buf) input = {0};
    err_t error = file_read(path, INPUT_MOST, &input);
    if (error.code != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, error.detail);
        return EXIT_FAILURE;
    }
    uint8_t *exact = malloc(input.n == 0 ? 1 : input.n);
    if (exact == NULL) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < input.n; i++) {
        exact[i] = input.p[i];
    }
    (void)LLVMFuzzerTestOneInput(exact, input.n);
    free(exact);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int code = argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != EXIT_SUCCESS) {
            code = EXIT_FAILURE;
        }
    }
    return code;
}
