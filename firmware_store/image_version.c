/* The order of versions, per format. What has no order that everybody would agree on has none here: an
 * anti-rollback rule that guesses is worse than none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "firmware_store/image.h"

enum { NUMBERS_MAX = 4 };

/* "1.4.2-rc.1+7" taken apart; pre is what stands between "-" and "+". */
struct version {
    uint64_t numbers[NUMBERS_MAX];
    struct bytes pre;
    uint64_t build; /* of mcuboot */
};

static bool take_number(const char **text, uint64_t *out)
{
    const char *p = *text;
    *out = 0;
    while (*p >= '0' && *p <= '9' && p - *text < 10) {
        *out = *out * 10 + (uint64_t)(*p++ - '0');
    }
    bool is_number = p > *text && !(*p >= '0' && *p <= '9');
    *text = p;
    return is_number;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_byte(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
}

static struct bytes take_words(const char **text)
{
    const char *from = *text;
    while (is_word_byte((uint8_t) * *text)) {
        (*text)++;
    }
    return (struct bytes){(const uint8_t *)from, (size_t)(*text - from)};
}

/* "12-g3f2a91c": twelve commits behind a tag, so later than what stands before it; as a pre-release it would
 * be earlier. */
static bool is_git_describe(struct bytes pre)
{
    size_t i = 0;
    while (i < pre.n && is_digit(pre.p[i])) {
        i++;
    }
    return i > 0 && i + 2 < pre.n && pre.p[i] == '-' && pre.p[i + 1] == 'g';
}

static bool parse(enum image_format format, const char *text, struct version *out)
{
    *out = (struct version){.build = 0};
    const char *p = *text == 'v' || *text == 'V' ? text + 1 : text;
    size_t count = 0;
    do {
        p += count > 0 ? 1 : 0;
        if (count == NUMBERS_MAX || !take_number(&p, &out->numbers[count++])) {
            return false;
        }
    } while (*p == '.');
    if (*p == '-') {
        p++;
        out->pre = take_words(&p);
        if (out->pre.n == 0 || is_git_describe(out->pre)) {
            return false;
        }
    }
    if (*p == '+') {
        p++;
        struct bytes build = take_words(&p);
        const char *number = (const char *)build.p;
        if (build.n == 0 || (format == IMAGE_MCUBOOT && !take_number(&number, &out->build))) {
            return false;
        }
    }
    return *p == '\0';
}

bool image_version_is_ordered(enum image_format format, const char *version)
{
    struct version parsed;
    return format != IMAGE_RAW && parse(format, version, &parsed);
}

static struct bytes take_identifier(struct bytes *pre)
{
    const uint8_t *dot = pre->n == 0 ? NULL : memchr(pre->p, '.', pre->n);
    size_t n = dot == NULL ? pre->n : (size_t)(dot - pre->p);
    struct bytes identifier = {pre->p, n};
    size_t skipped = dot == NULL ? n : n + 1;
    *pre = (struct bytes){pre->p + skipped, pre->n - skipped};
    return identifier;
}

static bool is_numeric(struct bytes identifier)
{
    for (size_t i = 0; i < identifier.n; i++) {
        if (!is_digit(identifier.p[i])) {
            return false;
        }
    }
    return identifier.n > 0;
}

static struct bytes without_zeros(struct bytes digits)
{
    while (digits.n > 1 && digits.p[0] == '0') {
        digits = (struct bytes){digits.p + 1, digits.n - 1};
    }
    return digits;
}

static int compare_identifiers(struct bytes a, struct bytes b)
{
    bool a_is_number = is_numeric(a), b_is_number = is_numeric(b);
    if (a_is_number != b_is_number) {
        return a_is_number ? -1 : 1; /* numbers are below words */
    }
    if (a_is_number) {
        a = without_zeros(a);
        b = without_zeros(b);
        if (a.n != b.n) {
            return a.n < b.n ? -1 : 1;
        }
    }
    return bytes_compare(a, b);
}

/* Semantic Versioning 2.0.0 §11: without one is above every one with. */
static int compare_pre(struct bytes a, struct bytes b)
{
    if (a.n == 0 || b.n == 0) {
        return a.n == b.n ? 0 : (a.n == 0 ? 1 : -1);
    }
    while (a.n > 0 && b.n > 0) {
        int order = compare_identifiers(take_identifier(&a), take_identifier(&b));
        if (order != 0) {
            return order;
        }
    }
    return a.n == b.n ? 0 : (a.n == 0 ? -1 : 1);
}

int image_version_compare(enum image_format format, const char *a, const char *b)
{
    struct version left, right;
    if (format == IMAGE_RAW || !parse(format, a, &left) || !parse(format, b, &right)) {
        return 0;
    }
    for (size_t i = 0; i < NUMBERS_MAX; i++) {
        if (left.numbers[i] != right.numbers[i]) {
            return left.numbers[i] < right.numbers[i] ? -1 : 1;
        }
    }
    int order = compare_pre(left.pre, right.pre);
    if (order != 0 || left.build == right.build) {
        return order;
    }
    return left.build < right.build ? -1 : 1;
}
