/* Small helpers of the tests of base/: the headers that cmocka wants, assertions on err_t, a folder that goes
 * away. */
#ifndef WHORL_TESTS_BASE_FIXTURE_H
#define WHORL_TESTS_BASE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/err.h"

#define COUNT_OF(array)       (sizeof(array) / sizeof((array)[0]))
#define assert_ok(expression) assert_error((expression), ERR_OK)

/* The code is compared; the detail is printed when it is another. */
static inline void assert_error(err_t error, err_code code)
{
    if (error.code != code) {
        print_error("%s:%d: %s: %s\n", error.file, error.line, err_slug(error.code), error.detail);
    }
    assert_int_equal(error.code, code);
}

/* Hex in a test vector → bytes; wipes nothing, checks everything. */
static inline void from_hex(const char *hex, struct buf *out)
{
    size_t n = strlen(hex) / 2;
    out->n = 0;
    assert_ok(buf_reserve(out, n));
    assert_ok(hex_decode(bytes_str(hex), out->p, n));
    out->n = n;
}

static inline int fixture_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline int folder_setup(void **state)
{
    char pattern[] = "/tmp/whorl-base-XXXXXX";
    char *folder = mkdtemp(pattern);
    *state = folder == NULL ? NULL : strdup(folder);
    return *state == NULL ? -1 : 0;
}

static inline int folder_teardown(void **state)
{
    int code = nftw(*state, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return code;
}

#endif
