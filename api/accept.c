/* The Accept header: media ranges with weights. A range that is malformed suits nothing. Knows no resource.
 */
#include "api/accept.h"

#include <string.h>
#include <strings.h>

enum { WEIGHT_MAX = 1000 };

/* Three decimals of q at most, in thousandths; a malformed weight is 0. */
static int read_weight(const char *range, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++) {
        if (range[i] != ';') {
            continue;
        }
        size_t at = i + 1;
        while (at < n && (range[at] == ' ' || range[at] == '\t')) {
            at++;
        }
        if (at + 1 >= n || (range[at] != 'q' && range[at] != 'Q') || range[at + 1] != '=') {
            continue;
        }
        if (at + 2 == n) {
            return 0;
        }
        int weight = range[at + 2] == '1' ? WEIGHT_MAX : 0;
        int unit = 100;
        for (at += 4; weight < WEIGHT_MAX && at < n && range[at] >= '0' && range[at] <= '9'; at++) {
            weight += unit * (range[at] - '0');
            unit /= 10;
        }
        return weight;
    }
    return WEIGHT_MAX;
}

/* 0: it does not suit; 1 … 3: how exactly it does. */
static int suits(const char *range, size_t n, const char *offer)
{
    size_t size = 0;
    while (size < n && range[size] != ';' && range[size] != ' ' && range[size] != '\t') {
        size++;
    }
    const char *slash = strchr(offer, '/');
    size_t type = (size_t)(slash - offer) + 1;
    if (size == 3 && memcmp(range, "*/*", 3) == 0) {
        return 1;
    }
    if (size == type + 1 && range[type] == '*' && strncasecmp(range, offer, type) == 0) {
        return 2;
    }
    return size == strlen(offer) && strncasecmp(range, offer, size) == 0 ? 3 : 0;
}

/* The weight of the most exact range that suits. */
static int weight_of(const char *accept, const char *offer)
{
    int exact = 0;
    int weight = 0;
    for (const char *p = accept; *p != '\0';) {
        p += strspn(p, ", \t");
        size_t n = strcspn(p, ",");
        int now = suits(p, n, offer);
        if (now > exact) {
            exact = now;
            weight = read_weight(p, n);
        }
        p += n;
    }
    return weight;
}

size_t accept_choose(const char *accept, const char *const *offers, size_t count)
{
    size_t best = 0;
    int best_weight = 0;
    for (size_t i = 0; accept != NULL && i < count; i++) {
        int weight = weight_of(accept, offers[i]);
        if (weight > best_weight) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}
