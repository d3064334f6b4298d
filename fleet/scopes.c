/* The names of scopes: one table for reading and writing them. Which route asks for which scope is in api/.
 */
#include <stdio.h>
#include <string.h>

#include "fleet/access.h"

static const struct scope_row {
    enum scope scope;
    const char *name;
} scopes[] = {
    {SCOPE_DEVICES_READ, "devices:read"},
    {SCOPE_DEVICES_WRITE, "devices:write"},
    {SCOPE_CERTIFICATES_READ, "certificates:read"},
    {SCOPE_CERTIFICATES_REVOKE, "certificates:revoke"},
    {SCOPE_METRICS_READ, "metrics:read"},
    {SCOPE_PRODUCTS_READ, "products:read"},
    {SCOPE_PRODUCTS_WRITE, "products:write"},
    {SCOPE_TOKENS_READ, "tokens:read"},
    {SCOPE_TOKENS_WRITE, "tokens:write"},
    {SCOPE_DEVICES_REGISTER, "devices:register"},
    {SCOPE_CODES_READ, "codes:read"},
    {SCOPE_CODES_WRITE, "codes:write"},
    {SCOPE_EVENTS_READ, "events:read"},
    {SCOPE_AUDIT_READ, "audit:read"},
    {SCOPE_WEBHOOKS_READ, "webhooks:read"},
    {SCOPE_WEBHOOKS_WRITE, "webhooks:write"},
    {SCOPE_USERS_READ, "users:read"},
    {SCOPE_USERS_WRITE, "users:write"},
    {SCOPE_APPROVALS_READ, "approvals:read"},
    {SCOPE_APPROVALS_DECIDE, "approvals:decide"},
    {SCOPE_FIRMWARE_READ, "firmware:read"},
    {SCOPE_FIRMWARE_WRITE, "firmware:write"},
    {SCOPE_FIRMWARE_RELEASE, "firmware:release"},
    {SCOPE_ADMIN, "admin"},
    {SCOPE_INSTALLATION, "installation"},
};
enum { SCOPE_COUNT = sizeof(scopes) / sizeof(scopes[0]) };

uint32_t scopes_all(void)
{
    uint32_t all = 0;
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        all |= (uint32_t)scopes[i].scope;
    }
    return all;
}

bool scopes_cover(uint32_t caller, uint32_t wanted)
{
    bool is_admin = (caller & (uint32_t)SCOPE_ADMIN) != 0;
    uint32_t held = is_admin ? caller | (scopes_all() & ~(uint32_t)SCOPE_INSTALLATION) : caller;
    return (wanted & ~held) == 0;
}

static err_t parse_word(struct bytes word, uint32_t *out)
{
    char known[SCOPES_TEXT_SIZE];
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (bytes_is(word, scopes[i].name)) {
            *out |= (uint32_t)scopes[i].scope;
            return OK;
        }
    }
    scopes_format(UINT32_MAX, known);
    return ERR(ERR_UNPROCESSABLE, "no such scope: \"%.*s\"; known: %s", word.n > 32 ? 32 : (int)word.n,
               word.n > 0 ? (const char *)word.p : "", known);
}

err_t scopes_parse(struct bytes text, uint32_t *out)
{
    uint32_t found = 0;
    for (size_t start = 0, i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != ',') {
            continue;
        }
        struct bytes word = {text.n > 0 ? text.p + start : NULL, i - start};
        TRY(parse_word(word, &found));
        start = i + 1;
    }
    *out = found;
    return OK;
}

void scopes_format(uint32_t bits, char out[SCOPES_TEXT_SIZE])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if ((bits & (uint32_t)scopes[i].scope) != 0) {
            int more = snprintf(out + n, SCOPES_TEXT_SIZE - n, "%s%s", n == 0 ? "" : ",", scopes[i].name);
            n += more > 0 ? (size_t)more : 0;
        }
    }
}
