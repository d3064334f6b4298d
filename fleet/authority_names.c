/* Names of authorities: they stand in URLs, key labels and file names, so one small alphabet. */
#include <stdio.h>
#include <string.h>

#include "fleet/authority_rules.h"

enum { NUMBER_MAX = 9999, NUMBER_SIZE = 5 /* with its hyphen */ };

err_t authority_id_check(struct bytes id)
{
    bool is_good = id.n >= 1 && id.n < AUTHORITY_ID_SIZE && id.p[0] >= 'a' && id.p[0] <= 'z';
    for (size_t i = 0; is_good && i < id.n; i++) {
        char c = (char)id.p[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && i + 1 < id.n);
    }
    ENSURE(is_good, ERR_UNPROCESSABLE,
           "an authority's id has 1 to %d of a-z, 0-9 and -, begins with a letter and ends with none of -",
           AUTHORITY_ID_SIZE - 1);
    return OK;
}

/* Without the number that a successor has. */
static size_t stem_size(const char *id)
{
    size_t n = strlen(id);
    size_t digits = n;
    while (digits > 0 && id[digits - 1] >= '0' && id[digits - 1] <= '9') {
        digits--;
    }
    bool has_number = digits < n && digits >= 2 && id[digits - 1] == '-';
    n = has_number ? digits - 1 : n;
    return n < AUTHORITY_ID_SIZE - 1 - NUMBER_SIZE ? n : AUTHORITY_ID_SIZE - 1 - NUMBER_SIZE;
}

err_t authority_name_after(const struct authority_view *view, const char *id, char out[AUTHORITY_ID_SIZE])
{
    int size = (int)stem_size(id);
    for (int number = 2; number <= NUMBER_MAX; number++) {
        (void)snprintf(out, AUTHORITY_ID_SIZE, "%.*s-%d", size, id, number);
        if (authority_view_find(view, out) == NULL) {
            return OK;
        }
    }
    return ERR(ERR_WRONG_STATE, "no name is left for the successor of %s", id);
}
