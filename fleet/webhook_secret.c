/* Made, sealed, and used to sign. A secret must be read again to sign with it, so it is sealed and not hashed
 * (pki/secret_seal.h); whose it is is authenticated, so that no row signs with another's. */
#include "fleet/webhook_secret.h"

#include <stdio.h>
#include <string.h>

#include "fleet/internal.h"
#include "pki/secret_seal.h"

static const char PURPOSE[] = "webhook";
static const char PREFIX[] = "whsec_";

static void owner_of(const struct webhook_row *row, uint8_t out[2 * sizeof(struct uuid)])
{
    memcpy(out, row->tenant.b, sizeof row->tenant.b);
    memcpy(out + sizeof row->tenant.b, row->id.b, sizeof row->id.b);
}

static err_t keep(struct fleet *fleet, struct webhook_row *row, struct bytes key)
{
    uint8_t owner[2 * sizeof(struct uuid)];
    AUTO_VAL(buf) sealed = {0};
    owner_of(row, owner);
    const struct seal seal = {
        .root = BYTES_OF(fleet->salt_secret), .purpose = PURPOSE, .owner = BYTES_OF(owner)};
    TRY(secret_seal(&seal, fleet->random, key, &sealed));
    ENSURE(sealed.n <= sizeof row->secret, ERR_INTERNAL, "a sealed secret of %zu bytes", sealed.n);
    memcpy(row->secret, sealed.p, sealed.n);
    row->secret_size = sealed.n;
    return OK;
}

static err_t write_text(struct bytes key, char text[WEBHOOK_SECRET_TEXT_SIZE])
{
    AUTO_VAL(secret) encoded = {0};
    TRY(base64_append(&encoded.bytes, key));
    int n = snprintf(text, WEBHOOK_SECRET_TEXT_SIZE, "%s%s", PREFIX, buf_str(&encoded.bytes));
    ENSURE(n > 0 && n < WEBHOOK_SECRET_TEXT_SIZE, ERR_INTERNAL, "the text of a secret has %d bytes", n);
    return OK;
}

err_t webhook_secret_make(struct fleet *fleet, struct webhook_row *row, char text[WEBHOOK_SECRET_TEXT_SIZE])
{
    uint8_t key[WEBHOOK_KEY_SIZE];
    TRY(random_fill(fleet->random, key, sizeof key));
    err_t error = write_text(BYTES_OF(key), text);
    if (error.code == ERR_OK) {
        error = keep(fleet, row, BYTES_OF(key));
    }
    bytes_wipe(key, sizeof key);
    return error;
}

err_t webhook_sign(struct bytes key, const struct webhook_message *message, struct buf *out)
{
    AUTO_VAL(buf) text = {0};
    struct sha256 mac;
    TRY(buf_printf(&text, "%s.%lld.", message->id, (long long)message->timestamp_s));
    TRY(buf_append_bytes(&text, message->body));
    TRY(hmac_sha256(key, buf_view(&text), &mac));
    TRY(buf_append_str(out, "v1,"));
    return base64_append(out, BYTES_OF(mac.b));
}

err_t webhook_sign_all(struct fleet *fleet, const struct webhook_row *row,
                       const struct webhook_message *message, struct buf *out)
{
    uint8_t owner[2 * sizeof(struct uuid)];
    owner_of(row, owner);
    const struct seal seal = {
        .root = BYTES_OF(fleet->salt_secret), .purpose = PURPOSE, .owner = BYTES_OF(owner)};
    const struct bytes sealed[] = {{row->secret, row->secret_size}, {row->old_secret, row->old_secret_size}};
    for (size_t i = 0; i < 2 && sealed[i].n > 0; i++) {
        AUTO_VAL(secret) key = {0};
        TRY(secret_unseal(&seal, sealed[i], &key));
        TRY(i == 0 ? OK : buf_append_str(out, " "));
        TRY(webhook_sign(buf_view(&key.bytes), message, out));
    }
    return OK;
}
