/* One byte range from a header field. Several are answered with the whole: no downloader of firmware asks for
 * them, and a thousand of them cost no more than one look for a comma. */
#include "api/range.h"

#include <string.h>
#include <strings.h>

/* Digits only; what is beyond every file stays beyond it. @return false without a digit */
static bool number_read(const char **text, int64_t *out)
{
    const char *p = *text;
    int64_t n = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        n = n > INT64_MAX / 10 - 1 ? INT64_MAX / 10 : n * 10 + (*p - '0');
    }
    bool is_number = p != *text;
    *text = p;
    *out = n;
    return is_number;
}

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

struct range range_parse(const char *text, int64_t size)
{
    const struct range whole = {RANGE_WHOLE, 0, size};
    const struct range none = {RANGE_NONE, 0, 0};
    if (text == NULL || strncasecmp(text, "bytes=", 6) != 0 || strchr(text, ',') != NULL) {
        return whole;
    }
    int64_t first = 0, last = 0;
    const char *p = skip_space(text + 6);
    bool has_first = number_read(&p, &first);
    if (*p++ != '-') {
        return whole;
    }
    bool has_last = number_read(&p, &last);
    if (*skip_space(p) != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first)) {
        return whole;
    }
    if (!has_first) { /* the last so many bytes */
        int64_t n = last < size ? last : size;
        return n == 0 ? none : (struct range){RANGE_PART, size - n, n};
    }
    if (first >= size) {
        return none;
    }
    int64_t end = has_last && last < size ? last + 1 : size;
    return (struct range){RANGE_PART, first, end - first};
}
