/* Slices: comparing and wiping borrowed bytes. Owns nothing; growing buffers are in buf.c. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

struct bytes bytes_str(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

struct bytes bytes_or_none(const char *text)
{
    return text == NULL ? BYTES_NONE : bytes_str(text);
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_equal_ct(struct bytes a, struct bytes b)
{
    if (a.n != b.n) {
        return false;
    }
    volatile uint8_t difference = 0; /* volatile: the compiler may not leave the loop early */
    for (size_t i = 0; i < a.n; i++) {
        difference = (uint8_t)(difference | (a.p[i] ^ b.p[i]));
    }
    return difference == 0;
}

bool bytes_is(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_str(text));
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t least = a.n < b.n ? a.n : b.n;
    int order = least == 0 ? 0 : memcmp(a.p, b.p, least);
    if (order != 0) {
        return order;
    }
    return (a.n > b.n) - (a.n < b.n);
}

void bytes_wipe(void *p, size_t n)
{
    if (n > 0) {
        explicit_bzero(p, n);
    }
}

void heap_free(void *p)
{
    free(p);
}
