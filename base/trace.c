/* One pass over a text of fixed places. */
#include "base/trace.h"

#include <string.h>

enum { ID_AT = 3, ID_DIGITS = 32, PARENT_AT = 36, PARENT_DIGITS = 16, FLAGS_AT = 53, WHOLE = 55 };

/* Upper case is not allowed (§3.2.2). */
static bool is_hex(const char *text, size_t n)
{
    return strspn(text, "0123456789abcdef") >= n;
}

static bool is_id(const char *text, size_t n)
{
    return is_hex(text, n) && strspn(text, "0") < n;
}

bool trace_parse(const char *value, struct trace *out)
{
    *out = (struct trace){.id = ""};
    size_t n = strnlen(value, WHOLE + 1);
    if (n < WHOLE || !is_hex(value, 2) || strncmp(value, "ff", 2) == 0) {
        return false;
    }
    bool is_first = strncmp(value, "00", 2) == 0;
    if (n > WHOLE && (is_first || value[WHOLE] != '-')) {
        return false;
    }
    if (value[ID_AT - 1] != '-' || value[PARENT_AT - 1] != '-' || value[FLAGS_AT - 1] != '-' ||
        !is_id(value + ID_AT, ID_DIGITS) || !is_id(value + PARENT_AT, PARENT_DIGITS) ||
        !is_hex(value + FLAGS_AT, 2)) {
        return false;
    }
    memcpy(out->id, value + ID_AT, ID_DIGITS);
    memcpy(out->parent, value + PARENT_AT, PARENT_DIGITS);
    return true;
}
