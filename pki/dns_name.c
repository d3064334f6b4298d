/* DNS names, judged byte by byte. */
#include "pki/dns_name.h"

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Takes one label and the dot behind it. */
static bool take_label(struct bytes *name, bool *is_number)
{
    size_t n = 0;
    *is_number = true;
    while (n < name->n && name->p[n] != '.') {
        if (!is_lower_or_digit(name->p[n]) && name->p[n] != '-') {
            return false;
        }
        *is_number = *is_number && is_digit(name->p[n]);
        n++;
    }
    if (n == 0 || n > DNS_LABEL_MAX || name->p[0] == '-' || name->p[n - 1] == '-') {
        return false;
    }
    if (n < name->n && n + 1 == name->n) {
        return false; /* a dot at the end */
    }
    size_t taken = n < name->n ? n + 1 : n;
    *name = (struct bytes){name->p + taken, name->n - taken};
    return true;
}

bool dns_name_is_valid(struct bytes name)
{
    struct bytes rest = name;
    bool is_number = true;
    if (name.n == 0 || name.n >= DNS_NAME_SIZE) {
        return false;
    }
    while (rest.n > 0) {
        if (!take_label(&rest, &is_number)) {
            return false;
        }
    }
    return !is_number; /* a last label of digits makes an address of it (RFC 3696 §2) */
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool dns_name_is_within(struct bytes name, struct bytes subtree)
{
    if (name.n < subtree.n || (name.n > subtree.n && name.p[name.n - subtree.n - 1] != '.')) {
        return false;
    }
    for (size_t i = 0; i < subtree.n; i++) {
        if (lower(name.p[name.n - subtree.n + i]) != lower(subtree.p[i])) {
            return false;
        }
    }
    return subtree.n > 0;
}
