/* Making an error value and reading the table behind its code. Does not allocate and does not log.
 * A detail may quote input, so it is made harmless here: valid UTF-8 without control characters, cut between
 * characters. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct err_row {
    int status;
    const char *slug;
    const char *title;
};

#define ERR_ROW(code, status, slug, title) [code] = {(status), (slug), (title)},
static const struct err_row err_rows[] = {ERR_TABLE(ERR_ROW)};
#undef ERR_ROW
_Static_assert(sizeof err_rows / sizeof err_rows[0] == ERR_COUNT, "each code has its row");

static void make_harmless(char *text, size_t n)
{
    size_t out = 0;
    for (size_t in = 0; in < n;) {
        struct bytes rest = {(const uint8_t *)text + in, n - in};
        size_t size = utf8_char_size(rest);
        if (size == 0 && n - in < 4 && n == ERR_DETAIL_SIZE - 1) {
            break; /* the cut went through a character */
        }
        if (size == 0 || rest.p[0] < 0x20 || rest.p[0] == 0x7f) {
            text[out++] = '?';
            in++;
            continue;
        }
        memmove(text + out, text + in, size);
        out += size;
        in += size;
    }
    text[out] = '\0';
}

err_t err_make(err_code code, const char *file, int line, const char *format, ...)
{
    err_t error = {.code = code, .line = line, .file = file, .detail = ""};
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(error.detail, sizeof error.detail, format, arguments);
    va_end(arguments);
    if (n < 0) {
        error.detail[0] = '\0';
    }
    make_harmless(error.detail, strlen(error.detail));
    return error;
}

static const struct err_row *row_of(err_code code)
{
    return (unsigned)code < ERR_COUNT ? &err_rows[code] : &err_rows[ERR_INTERNAL];
}

int err_status(err_code code)
{
    return row_of(code)->status;
}

const char *err_slug(err_code code)
{
    return row_of(code)->slug;
}

const char *err_title(err_code code)
{
    return row_of(code)->title;
}
