/* Making and judging signed addresses. Their budgets are in firmware_url_budgets.c; knows no HTTP. */
#include "fleet/firmware_urls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "db/device_rows.h"
#include "fleet/contact_internal.h"
#include "fleet/firmware_policy.h"
#include "fleet/internal.h"

static int64_t key_of_now(const struct fleet *fleet)
{
    return clock_now_ms(fleet->clock) / FIRMWARE_URL_KEY_MS;
}

/* Every part has a fixed form, and none can hold a line end: no two addresses give one text. */
static err_t sign(const struct fleet *fleet, const char *method, const struct firmware_url *url,
                  struct sha256 *out)
{
    char info[64];
    char digest[2 * SHA256_SIZE + 1], device[2 * DEVICE_ID_SIZE + 1], serial[2 * CERTIFICATE_SERIAL_SIZE + 1];
    uint8_t key[SHA256_SIZE];
    AUTO_VAL(buf) text = {0};
    hex_encode(BYTES_OF(url->digest.b), digest);
    hex_encode(BYTES_OF(url->device.b), device);
    hex_encode(BYTES_OF(url->serial), serial);
    TRY(buf_printf(&text, "%s\n%s\n%s\n%s\n%s\n%" PRId64 "\n%" PRId64, method, digest, device, url->authority,
                   serial, url->expires_s, url->key));
    snprintf(info, sizeof info, "whorl/firmware-url/%" PRId64, url->key);
    TRY(hkdf_sha256(BYTES_NONE, BYTES_OF(fleet->salt_secret), bytes_str(info), key, sizeof key));
    err_t error = hmac_sha256(BYTES_OF(key), buf_view(&text), out);
    bytes_wipe(key, sizeof key);
    return error;
}

/* --- what the inventory says ---------------------------------------------------------------------------- */

struct look {
    const struct firmware_url *url; /* NULL: the contact is known */
    struct contact *contact;
    struct firmware_policy_row policy;
    bool is_found;
};

static err_t find_contact(struct db_tx *tx, struct look *look)
{
    const struct firmware_url *url = look->url;
    struct contact *contact = look->contact;
    err_t found = certificate_rows_find(tx, url->authority, url->serial, &contact->certificate);
    look->is_found = found.code == ERR_OK &&
                     memcmp(contact->certificate.device.b, url->device.b, sizeof url->device.b) == 0;
    if (!look->is_found) {
        return found.code == ERR_NOT_FOUND ? OK : found;
    }
    TRY(device_rows_find(tx, contact->certificate.tenant, &contact->certificate.device, &contact->device));
    contact->is_known = true;
    return OK;
}

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct look *look = arg;
    look->is_found = true;
    if (look->url != NULL) {
        *look->contact = (struct contact){0};
        TRY(find_contact(tx, look));
    }
    return look->is_found ? firmware_policy_of(tx, look->contact->device.tenant,
                                               look->contact->device.product, &look->policy)
                          : OK;
}

/* --- the functions -------------------------------------------------------------------------------------- */

err_t firmware_url_make(struct fleet *fleet, const struct contact *contact, const struct sha256 *digest,
                        int64_t ttl_s, struct firmware_url *out)
{
    struct firmware_grant grant;
    struct contact known = *contact;
    struct look look = {.contact = &known};
    *out = (struct firmware_url){.digest = *digest};
    ENSURE(ttl_s >= 1 && ttl_s <= FIRMWARE_URL_TTL_MAX_S, ERR_UNPROCESSABLE,
           "'expires_in' is 1 to %d seconds", FIRMWARE_URL_TTL_MAX_S);
    TRY(firmware_grant(fleet, contact, NULL, digest, &grant));
    TRY(db_read(fleet->db, look_in, &look));
    ENSURE(look.policy.signed_urls, ERR_FORBIDDEN, "the product makes no signed addresses");
    out->device = contact->device.id;
    memcpy(out->authority, contact->certificate.authority, sizeof out->authority);
    memcpy(out->serial, contact->certificate.serial, sizeof out->serial);
    out->expires_s = clock_now_ms(fleet->clock) / 1000 + ttl_s;
    out->key = key_of_now(fleet);
    return sign(fleet, "GET", out, &out->signature);
}

static err_t check_signature(struct fleet *fleet, const char *method, const struct firmware_url *url)
{
    struct sha256 expected;
    int64_t now_s = clock_now_ms(fleet->clock) / 1000;
    int64_t key = key_of_now(fleet);
    TRY(sign(fleet, method, url, &expected));
    bool is_key = url->key == key || url->key == key - 1;
    bool is_same = bytes_equal_ct(BYTES_OF(expected.b), BYTES_OF(url->signature.b));
    ENSURE(is_same && is_key, ERR_FORBIDDEN, "the address is not signed here for this");
    ENSURE(now_s < url->expires_s && url->expires_s <= now_s + FIRMWARE_URL_TTL_MAX_S, ERR_GONE,
           "the address has expired");
    return OK;
}

err_t firmware_url_check(struct fleet *fleet, const char *method, const struct firmware_url *url,
                         struct contact *contact, struct firmware_grant *grant)
{
    struct look look = {.url = url, .contact = contact};
    *contact = (struct contact){0};
    TRY(check_signature(fleet, method, url));
    TRY(db_read(fleet->db, look_in, &look));
    ENSURE(look.is_found, ERR_FORBIDDEN, "the certificate is not known any more");
    contact_judge(contact, clock_now_ms(fleet->clock));
    ENSURE(look.policy.signed_urls, ERR_FORBIDDEN, "the product makes no signed addresses");
    return firmware_grant(fleet, contact, NULL, &url->digest, grant);
}
