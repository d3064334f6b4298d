/* The life of tokens: made under terms, changed, rotated, revoked. A secret is shown once, when it is made.
 */
#ifndef WHORL_FLEET_TOKEN_ADMIN_H
#define WHORL_FLEET_TOKEN_ADMIN_H

#include "fleet/access.h"
#include "fleet/terms.h"

struct token_wish {
    struct bytes name; /* p NULL: not there */
    uint32_t scopes;
    int64_t expires_at;
    bool has_sources;
    char sources[SOURCES_SIZE]; /* of sources_add() */
    bool has_tenant;            /* another one than the caller's: only for those who run the installation */
    struct uuid tenant;
    uint32_t caller_scopes; /* nobody makes or takes over a token that may do more */
};

/** @param[out] text shown once; the caller wipes it
 *  @errors ERR_UNPROCESSABLE with faults; ERR_CONFLICT made before with this Idempotency-Key: the secret is
 * gone, the detail names the id @thread worker, like all functions here */
err_t token_create(struct fleet *fleet, const struct terms *terms, const struct token_wish *wish,
                   char text[TOKEN_TEXT_SIZE], struct token_row *out);
/** Name and sources. @errors ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION, ERR_FORBIDDEN it may
 * do more than the caller, ERR_UNPROCESSABLE with faults */
err_t token_change(struct fleet *fleet, const struct terms *terms, const uint8_t id[TOKEN_ID_SIZE],
                   const struct token_wish *wish, struct token_row *out);

struct token_rotation {
    const uint8_t *id;
    uint32_t caller_scopes;
};
/** A second secret; the first stays good until it is dropped. @errors as token_change(); ERR_WRONG_STATE
 * revoked, expired, or two are live; ERR_CONFLICT as token_create() */
err_t token_rotate(struct fleet *fleet, const struct terms *terms, const struct token_rotation *rotation,
                   char text[TOKEN_TEXT_SIZE], struct token_row *out);
/** Drops the older of two secrets; no error when there is one only. @errors as token_change() */
err_t token_drop_old(struct fleet *fleet, const struct terms *terms, const struct token_rotation *rotation,
                     struct token_row *out);
/** For good; again changes nothing. @errors ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION */
err_t token_end(struct fleet *fleet, const struct terms *terms, const uint8_t id[TOKEN_ID_SIZE],
                struct token_row *out);

err_t token_get(struct fleet *fleet, struct uuid tenant, const uint8_t id[TOKEN_ID_SIZE],
                struct token_row *out);
/** In order of id, revoked ones too. */
err_t token_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                 err_t (*fn)(const struct token_row *row, void *arg), void *arg);

#endif
