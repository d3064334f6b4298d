/* Tokens of back ends: whorl_<id>_<secret>_<crc>. Stored as SHA-256 of the secret; compared in constant time;
 * last use is kept in memory and flushed once a minute by a job. */
#ifndef WHORL_FLEET_ACCESS_H
#define WHORL_FLEET_ACCESS_H

#include "fleet/fleet.h"

enum scope {
    SCOPE_DEVICES_READ = 1,
    SCOPE_DEVICES_WRITE = 2, /* register, describe, order */
    SCOPE_CERTIFICATES_READ = 4,
    SCOPE_CERTIFICATES_REVOKE = 8,
    SCOPE_METRICS_READ = 16,
    SCOPE_PRODUCTS_READ = 1 << 8, /* hubs too */
    SCOPE_PRODUCTS_WRITE = 1 << 9,
    SCOPE_TOKENS_READ = 1 << 10,
    SCOPE_TOKENS_WRITE = 1 << 11,
    SCOPE_DEVICES_REGISTER = 1 << 12, /* hand over batches, and nothing else */
    SCOPE_CODES_READ = 1 << 13,       /* enrolment codes */
    SCOPE_CODES_WRITE = 1 << 14,
    SCOPE_EVENTS_READ = 1 << 15,
    SCOPE_AUDIT_READ = 1 << 16,
    SCOPE_WEBHOOKS_READ = 1 << 17,
    SCOPE_WEBHOOKS_WRITE = 1 << 18,
    SCOPE_USERS_READ = 1 << 19, /* roles too */
    SCOPE_USERS_WRITE = 1 << 20,
    SCOPE_APPROVALS_READ = 1 << 21,
    SCOPE_APPROVALS_DECIDE = 1 << 22,
    SCOPE_FIRMWARE_READ = 1 << 23,
    SCOPE_FIRMWARE_WRITE = 1 << 24, /* upload images, prepare releases */
    SCOPE_FIRMWARE_RELEASE = 1 << 25,
    SCOPE_INSTALLATION = 1 << 29, /* the tenants themselves: no part of admin */
    SCOPE_ADMIN = 1 << 30         /* everything, in its tenant */
};
/** "devices:read,devices:write", "admin", … → bits. @errors ERR_UNPROCESSABLE naming the word and the known
 * ones */
err_t scopes_parse(struct bytes text, uint32_t *out);
enum { SCOPES_TEXT_SIZE = 512 };
/** Every scope there is. @thread any */
uint32_t scopes_all(void);
/** Whether a caller with these scopes may do all that `wanted` says. */
bool scopes_cover(uint32_t caller, uint32_t wanted);
/** Comma-separated names. @thread any */
void scopes_format(uint32_t bits, char out[SCOPES_TEXT_SIZE]);

enum { TOKEN_TEXT_SIZE = 128, TOKEN_ID_TEXT_SIZE = 17 };
struct token_order {
    struct uuid tenant;
    const char *name;
    uint32_t scopes;
    int64_t expires_at; /* at most one year ahead */
};
/** @param[out] text shown once; the caller wipes it @errors ERR_UNPROCESSABLE @thread worker */
err_t token_add(struct fleet *fleet, const struct actor *actor, const struct token_order *order,
                char text[TOKEN_TEXT_SIZE], struct token_row *out);
/** @errors ERR_NOT_FOUND @thread worker */
err_t token_revoke(struct fleet *fleet, const struct actor *actor, struct uuid tenant,
                   const uint8_t id[TOKEN_ID_SIZE]);
/** Checks form and CRC before any look-up, then the row. @errors ERR_UNAUTHORIZED, ERR_TOKEN_EXPIRED @thread
 * worker */
err_t token_check(struct fleet *fleet, struct bytes text, struct token_row *out);
void token_id_format(const uint8_t id[TOKEN_ID_SIZE], char out[TOKEN_ID_TEXT_SIZE]);
err_t token_id_parse(struct bytes text, uint8_t out[TOKEN_ID_SIZE]);

#endif
