/* Tokens of back ends: made and checked; fleet/token_admin.c changes them. The secret is random with 256
 * bits, so a plain hash is enough at rest. What a scope opens is decided in api/. */
#include "fleet/access.h"

#include <stdio.h>
#include <string.h>

#include "db/tenant_rows.h"
#include "db/token_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/token_text.h"
#include "fleet/tokens.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* A calendar year, leap day included. */
#define LIFETIME_MAX_MS (366 * DAY_MS)

/* --- made ----------------------------------------------------------------------------------------------- */

err_t token_generate(struct fleet *fleet, char text[TOKEN_TEXT_SIZE], struct token_row *row)
{
    TRY(random_fill(fleet->random, row->id, sizeof(row->id)));
    return token_generate_secret(fleet, text, row);
}

err_t token_generate_secret(struct fleet *fleet, char text[TOKEN_TEXT_SIZE], struct token_row *row)
{
    struct token_parts parts;
    struct sha256 hash;
    memcpy(parts.id, row->id, sizeof(parts.id));
    TRY(random_fill(fleet->random, parts.secret, sizeof(parts.secret)));
    err_t error = sha256_of(BYTES_OF(parts.secret), &hash);
    if (error.code == ERR_OK) {
        token_text_write(TOKEN_PREFIX, &parts, text);
        memcpy(row->secret_sha256, hash.b, sizeof(row->secret_sha256));
    }
    bytes_wipe(&parts, sizeof(parts));
    return error;
}

err_t token_from_text(const char *text, struct token_row *row)
{
    struct token_parts parts;
    struct sha256 hash;
    TRY(token_text_read(TOKEN_PREFIX, "token", bytes_str(text), &parts));
    err_t error = sha256_of(BYTES_OF(parts.secret), &hash);
    if (error.code == ERR_OK) {
        memcpy(row->id, parts.id, sizeof(row->id));
        memcpy(row->secret_sha256, hash.b, sizeof(row->secret_sha256));
    }
    bytes_wipe(&parts, sizeof(parts));
    return error;
}

/* What a person or a credential makes is theirs; what the installation's own commands make stands for itself.
 */
static void set_owner(const struct actor *actor, const char *id, struct token_row *row)
{
    bool is_own = strcmp(actor->name, "whorld") == 0;
    if (is_own) {
        (void)snprintf(row->owner, sizeof row->owner, "token:%s", id);
    } else {
        (void)snprintf(row->owner, sizeof row->owner, "%s", actor_owner(actor));
    }
}

err_t token_insert(struct db_tx *tx, const struct actor *actor, struct token_row *row)
{
    char id[TOKEN_ID_TEXT_SIZE], scopes[SCOPES_TEXT_SIZE], expires[32];
    row->created_at = db_tx_now_ms(tx);
    row->ver = 1;
    token_id_format(row->id, id);
    set_owner(actor, id, row);
    TRY(token_rows_insert(tx, row));
    scopes_format(row->scopes, scopes);
    time_format(row->expires_at, expires);
    struct event event = {.kind = "token.added",
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant};
    return event_append(tx, &event,
                        "{\"token\":\"%s\",\"name\":\"%s\",\"scopes\":\"%s\",\"expires_at\":\"%s\","
                        "\"sources\":\"%s\"}",
                        id, row->name, scopes, expires, row->sources);
}

err_t token_check_scopes(uint32_t scopes)
{
    ENSURE(scopes != 0 && (scopes & ~scopes_all()) == 0, ERR_UNPROCESSABLE,
           "a token has one scope at least, of the known ones");
    return OK;
}

err_t token_check_expiry(int64_t expires_at, int64_t now_ms)
{
    ENSURE(expires_at > now_ms, ERR_UNPROCESSABLE, "the token would have expired already");
    ENSURE(expires_at <= now_ms + LIFETIME_MAX_MS, ERR_UNPROCESSABLE, "a token lives one year at most");
    return OK;
}

struct add {
    const struct actor *actor;
    struct token_row *row;
};

static err_t add_in(struct db_tx *tx, void *arg)
{
    const struct add *run = arg;
    struct tenant_row tenant;
    err_t error = tenant_rows_find_by_id(tx, run->row->tenant, &tenant);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "no such tenant");
    TRY(error);
    return token_insert(tx, run->actor, run->row);
}

err_t token_add(struct fleet *fleet, const struct actor *actor, const struct token_order *order,
                char text[TOKEN_TEXT_SIZE], struct token_row *out)
{
    int64_t now_ms = clock_now_ms(fleet->clock);
    TRY(name_check(bytes_str(order->name), "token name"));
    TRY(token_check_scopes(order->scopes));
    TRY(token_check_expiry(order->expires_at, now_ms));
    *out =
        (struct token_row){.tenant = order->tenant, .scopes = order->scopes, .expires_at = order->expires_at};
    name_copy(bytes_str(order->name), out->name);
    TRY(token_generate(fleet, text, out));
    struct add run = {.actor = actor, .row = out};
    err_t error = db_write(fleet->db, add_in, &run);
    if (error.code != ERR_OK) {
        bytes_wipe(text, TOKEN_TEXT_SIZE);
    }
    return error;
}

/* --- checked -------------------------------------------------------------------------------------------- */

struct check {
    const uint8_t *id;
    struct token_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct check *run = arg;
    return token_rows_find(tx, run->id, run->out);
}

/* One answer for every token that is not good, so that nothing is learned about ids; that it expired is told
 * only to one who had the secret. */
static err_t check_row(const struct token_row *row, const struct sha256 *hash, int64_t now_ms)
{
    bool is_same = bytes_equal_ct(BYTES_OF(row->secret_sha256), BYTES_OF(hash->b));
    is_same = (row->has_old && bytes_equal_ct(BYTES_OF(row->old_sha256), BYTES_OF(hash->b))) || is_same;
    ENSURE(is_same && row->revoked_at == 0, ERR_UNAUTHORIZED, "the token is not valid");
    ENSURE(now_ms < row->expires_at, ERR_TOKEN_EXPIRED, "the token has expired");
    return OK;
}

err_t token_check(struct fleet *fleet, struct bytes text, struct token_row *out)
{
    struct token_parts parts;
    struct sha256 hash;
    TRY(token_text_read(TOKEN_PREFIX, "token", text, &parts));
    err_t error = sha256_of(BYTES_OF(parts.secret), &hash);
    bytes_wipe(parts.secret, sizeof(parts.secret));
    TRY(error);
    struct token_row row;
    struct check run = {.id = parts.id, .out = &row};
    error = db_read(fleet->db, find_in, &run);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNAUTHORIZED, "the token is not valid");
    TRY(error);
    int64_t now_ms = clock_now_ms(fleet->clock);
    TRY(check_row(&row, &hash, now_ms));
    token_uses_note(fleet->token_uses, row.id, now_ms);
    *out = row;
    return OK;
}
