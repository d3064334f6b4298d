/* The first rows of an inventory: authorities, the tenant and product "default", an admin token. One
 * transaction, so that a crash leaves either nothing or all of it. The first CRLs are signed by
 * publication_refresh, which finds none at the start. Called by `whorld init`. */
#include <stdio.h>
#include <string.h>

#include "db/authority_rows.h"
#include "fleet/authority_set.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/tenants.h"
#include "fleet/tokens.h"

#define TOKEN_LIFETIME_MS (INT64_C(365) * 24 * 3600 * 1000)

static const struct actor founder = {.name = "whorld", .request_id = ""};

struct founding {
    const struct fleet_options *options;
    struct token_row token;
};

static err_t add_authority(struct db_tx *tx, const struct fleet_options *options,
                           const struct authority *authority)
{
    static const char *const roles[] = {[AUTHORITY_ROOT] = "root",
                                        [AUTHORITY_DEVICE] = "device",
                                        [AUTHORITY_INFRASTRUCTURE] = "infrastructure"};
    struct authority_row row = {.role = roles[authority_role(authority)],
                                .state = AUTHORITY_ACTIVE,
                                .is_default = true,
                                .certificate = authority_borrow_der(authority)};
    if (authority == options->device && options->crl_shards > 0) {
        row.crl_shards = options->crl_shards;
        row.crl_base = options->crl_base;
    }
    const char *id = authority_id(authority);
    ENSURE(strlen(id) < sizeof(row.id), ERR_INTERNAL, "the id of an authority is too long");
    memcpy(row.id, id, strlen(id));
    if (authority_role(authority) != AUTHORITY_ROOT) {
        (void)snprintf(row.issuer, sizeof row.issuer, "%s", authority_id(options->root));
    }
    TRY(authority_rows_insert(tx, &row));
    char key[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(authority_spki_sha256(authority)->b), key);
    struct event event = {.kind = "authority.added", .result = "ok", .actor = founder.name, .request_id = ""};
    return event_append(tx, &event,
                        "{\"authority\":\"%s\",\"role\":\"%s\",\"spki_sha256\":\"%s\",\"crl_shards\":%d}", id,
                        row.role, key, row.crl_shards);
}

static err_t found_in(struct db_tx *tx, void *arg)
{
    struct founding *run = arg;
    struct tenant_row tenant;
    TRY(add_authority(tx, run->options, run->options->root));
    TRY(add_authority(tx, run->options, run->options->device));
    TRY(add_authority(tx, run->options, run->options->infrastructure));
    TRY(tenant_insert(tx, &founder, bytes_str("default"), &tenant));
    run->token.tenant = tenant.id;
    run->token.expires_at = db_tx_now_ms(tx) + TOKEN_LIFETIME_MS;
    TRY(token_insert(tx, &founder, &run->token));
    struct event event = {
        .kind = "installation.founded", .result = "ok", .actor = founder.name, .request_id = ""};
    return event_append(tx, &event, "{}");
}

static err_t token_take(struct fleet *fleet, const char *given, struct first_token *out,
                        struct token_row *row)
{
    if (given == NULL) {
        return token_generate(fleet, out->text, row);
    }
    ENSURE(strlen(given) < sizeof out->text && token_from_text(given, row).code == ERR_OK, ERR_UNPROCESSABLE,
           "the text of the first admin token is none that `whorld token make` printed");
    memcpy(out->text, given, strlen(given) + 1);
    return OK;
}

err_t fleet_found(struct fleet *fleet, const char *given, struct first_token *out)
{
    struct founding run = {
        .options = &fleet->options,
        .token = {.name = "first-admin", .scopes = (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION}};
    _Static_assert(sizeof(out->text) == TOKEN_TEXT_SIZE, "one size of token texts");
    memset(out, 0, sizeof *out);
    TRY(token_take(fleet, given, out, &run.token));
    err_t error = db_write(fleet->db, found_in, &run);
    if (error.code == ERR_OK) {
        error = authority_set_reload(fleet);
    }
    if (error.code != ERR_OK) {
        bytes_wipe(out->text, sizeof(out->text));
    }
    return error;
}
