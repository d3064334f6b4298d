/* Checks and copies what people call things. Used before anything reaches a row. */
#include "fleet/names.h"

#include <string.h>

#include "base/utf8.h"

enum { TENANT_NAME_MAX = 63 };

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_name_byte(uint8_t c)
{
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

err_t name_check(struct bytes name, const char *what)
{
    ENSURE(name.n >= 1 && name.n < NAME_SIZE, ERR_UNPROCESSABLE, "a %s has 1 to %d characters", what,
           NAME_SIZE - 1);
    for (size_t i = 0; i < name.n; i++) {
        ENSURE(is_name_byte(name.p[i]), ERR_UNPROCESSABLE, "a %s is made of A-Z a-z 0-9 . _ -", what);
    }
    return OK;
}

err_t tenant_name_check(struct bytes name)
{
    ENSURE(name.n >= 1 && name.n <= TENANT_NAME_MAX, ERR_UNPROCESSABLE,
           "a tenant name has 1 to %d characters", TENANT_NAME_MAX);
    for (size_t i = 0; i < name.n; i++) {
        ENSURE(is_lower_or_digit(name.p[i]) || (name.p[i] == '-' && i > 0), ERR_UNPROCESSABLE,
               "a tenant name is made of a-z 0-9 and -, and does not start with -");
    }
    return OK;
}

void name_copy(struct bytes name, char out[NAME_SIZE])
{
    size_t n = name.n < NAME_SIZE ? name.n : NAME_SIZE - 1;
    memset(out, 0, NAME_SIZE);
    if (n > 0) {
        memcpy(out, name.p, n);
    }
}

err_t text_copy(struct bytes text, const char *what, char *out, size_t size)
{
    ENSURE(text.n < size, ERR_UNPROCESSABLE, "%s has more than %zu bytes", what, size - 1);
    ENSURE(utf8_is_valid(text), ERR_UNPROCESSABLE, "%s is not UTF-8", what);
    for (size_t i = 0; i < text.n; i++) {
        ENSURE(text.p[i] >= 0x20 && text.p[i] != 0x7f, ERR_UNPROCESSABLE, "%s has a control character", what);
    }
    if (text.n > 0) {
        memcpy(out, text.p, text.n);
    }
    out[text.n] = '\0';
    return OK;
}
