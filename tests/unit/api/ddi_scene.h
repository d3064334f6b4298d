/* Devices that poll over DDI: a house with a release that is published, rollouts of it, and devices with
 * certificates. */
#ifndef WHORL_TESTS_API_DDI_SCENE_H
#define WHORL_TESTS_API_DDI_SCENE_H

#include "tests/unit/api/device_house.h"

#include "db/row_values.h"
#include "fleet/rollouts.h"

#define DDI "/{tenant}/controller/v1/{controllerId}"

/* --- a release ---------------------------------------------------------------------------------------- */

struct ddi_release {
    struct uuid tenant, product, id, image;
    struct sha256 bytes;
};

static const char SQL_BLOB[] =
    "INSERT INTO firmware_blob (sha256, sha1, md5, size, state, uses, created_at, checked_at, ver) VALUES "
    "($1, $2, $3, 100, 0, 1, 1, 1, 1)";
static const char SQL_IMAGE[] =
    "INSERT INTO firmware_image (id, tenant, product, sha256, size, filename, format, version, counter, "
    "facts, state, releases, hold_reason, created_by, created_at, updated_at, ver) VALUES ($1, $2, $3, $4, "
    "100, 'fw.bin', 0, '', -1, '{}', 0, 1, '', 'test', 1, 1, 1)";
static const char SQL_RELEASE[] =
    "INSERT INTO firmware_release (id, tenant, product, class, version, state, kind, sequence, counter, "
    "min_sequence, manifest, manifest_sha256, csaf_url, notes, sbom_type, reason, created_by, approved_by, "
    "created_at, updated_at, ver) VALUES ($1, $2, $3, '', '1.4.2', 3, 0, 1, -1, 0, $4, $5, '', '', '', '', "
    "'test', 'test', 1, 1, 1)";
static const char SQL_RELEASE_IMAGE[] =
    "INSERT INTO firmware_release_image (release, place, image, part, recipe) VALUES ($1, 0, $2, '', '')";

static inline err_t ddi_release_insert(struct db_tx *tx, void *arg)
{
    struct ddi_release *r = arg;
    TRY(db_tx_uuid(tx, &r->id));
    TRY(db_tx_uuid(tx, &r->image));
    TRY(sha256_of(BYTES_OF(r->image.b), &r->bytes));
    const struct db_value bytes = DB_B(r->bytes.b, 32);
    TRY(db_change(tx, SQL_BLOB, DB_VALUES(bytes, DB_B(r->bytes.b, 20), DB_B(r->bytes.b, 16)), NULL));
    TRY(db_change(tx, SQL_IMAGE,
                  DB_VALUES(db_uuid(&r->image), db_uuid(&r->tenant), db_uuid(&r->product), bytes), NULL));
    TRY(db_change(tx, SQL_RELEASE,
                  DB_VALUES(db_uuid(&r->id), db_uuid(&r->tenant), db_uuid(&r->product), DB_B("m", 1), bytes),
                  NULL));
    return db_change(tx, SQL_RELEASE_IMAGE, DB_VALUES(db_uuid(&r->id), db_uuid(&r->image)), NULL);
}

/** A release of the product "default", and a rollout of it to all that runs. */
static inline void ddi_start(struct house *h, struct ddi_release *release, struct rollout *rollout)
{
    struct tenant_row tenant;
    struct product_row product;
    struct faults faults = {.count = 0};
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    assert_ok(product_find(h->fleet, tenant.id, bytes_str("default"), &product));
    *release = (struct ddi_release){.tenant = tenant.id, .product = product.id};
    assert_ok(db_write(h->db, ddi_release_insert, release));
    AUTO(json_t) *document = json_pack("{s:s, s:{s:b}}", "name", "r", "filter", "all", 1);
    assert_ok(json_set_uuid(document, "release_id", release->id));
    const struct terms terms = {
        .tenant = tenant.id, .actor = {.name = "test", .request_id = ""}, .faults = &faults};
    assert_ok(rollout_add(h->fleet, &terms, document, rollout));
    assert_ok(rollout_order(h->fleet, &terms, rollout->row.id, ROLLOUT_ORDER_START, rollout));
}

static inline void ddi_cancel(struct house *h, const struct ddi_release *release, struct rollout *rollout)
{
    const struct uuid id = rollout->row.id;
    const struct terms terms = {.tenant = release->tenant, .actor = {.name = "test", .request_id = ""}};
    assert_ok(rollout_order(h->fleet, &terms, id, ROLLOUT_ORDER_CANCEL, rollout));
}

/* --- devices ------------------------------------------------------------------------------------------ */

struct unit_ddi {
    struct chip chip;
    EVP_PKEY *key;
    struct peer_identity peer; /* by its certificate */
};

static inline void unit_ddi_clear(struct unit_ddi *unit)
{
    chip_clear(&unit->chip);
    EVP_PKEY_free(unit->key);
    peer_identity_clear(&unit->peer);
}
DEFINE_AUTO_VAL(unit_ddi, unit_ddi_clear);

/** Registered and enrolled. */
static inline void unit_ddi_make(struct house *h, struct unit_ddi *unit)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) csr = {0};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) der = {0};
    *unit = (struct unit_ddi){.key = ec_key("P-256")};
    chip_make(&unit->chip);
    register_chips(h, &unit->chip, 1);
    make_csr(unit->key, "SHA256", NULL, &csr);
    assert_ok(buf_append_str(&body, "{\"csr\":\""));
    assert_ok(base64_append(&body, buf_view(&csr)));
    assert_ok(buf_append_str(&body, "\"}"));
    struct call call = {.method = HTTP_POST,
                        .route = "/device/v1/enrol",
                        .peer = &unit->chip.peer,
                        .type = "application/json",
                        .body = buf_view(&body)};
    assert_status(h, &call, &reply, 200);
    assert_ok(base64_decode(bytes_str(text_at(&reply, "certificate")), &der));
    peer_of_certificate(buf_view(&der), &unit->peer);
}

/** A call of a device under its id. @param body or NULL */
static inline struct call ddi_call(const struct unit_ddi *unit, enum http_method method, const char *route,
                                   const char *body)
{
    return (struct call){.method = method,
                         .route = route,
                         .param = "DEFAULT",
                         .param2 = unit->chip.id,
                         .type = "application/json",
                         .body = body == NULL ? BYTES_NONE : bytes_str(body),
                         .headers = {{"Host", "firmware.example:8443"}},
                         .peer = &unit->peer};
}

/** The link that the last poll gave, behind the device's base; "" for none. */
static inline const char *ddi_link(const struct reply *reply, const char *name)
{
    const json_t *link = json_object_get(json_object_get(reply->json, "_links"), name);
    const char *href = json_string_value(json_object_get(link, "href"));
    const char *at = href == NULL ? NULL : strstr(href, "/controller/v1/");
    const char *tail = at == NULL ? NULL : strchr(at + strlen("/controller/v1/"), '/');
    return tail == NULL ? "" : tail + 1;
}

#endif
