/* What is known before a device appears: tenants, products, batches and their devices; and how to look them
 * up. */
#ifndef WHORL_FLEET_REGISTRY_H
#define WHORL_FLEET_REGISTRY_H

#include "db/certificate_rows.h"
#include "db/device_rows.h"
#include "fleet/fleet.h"

/** @param name lower case [a-z0-9][a-z0-9-]{0,62}; also the EST label. Makes the tenant's product "default"
 * too.
 *  @errors ERR_CONFLICT, ERR_UNPROCESSABLE @thread worker */
err_t tenant_add(struct fleet *fleet, const struct actor *actor, const char *name, struct tenant_row *out);
err_t tenant_find(struct fleet *fleet, const char *name, struct tenant_row *out);
err_t tenant_by_id(struct fleet *fleet, struct uuid id, struct tenant_row *out);
/** All tenants by name; for people at the command line, not for requests. */
err_t tenant_list(struct fleet *fleet, err_t (*fn)(const struct tenant_row *row, void *arg), void *arg);

/* One line of a hand-over. Exactly one of id and spki is given. */
struct device_entry {
    bool has_id;
    struct device_id id;
    struct bytes spki;          /* DER SubjectPublicKeyInfo, borrowed: makes the stronger claim */
    struct bytes serial, model; /* text; may be empty */
    struct bytes attributes;    /* a compact JSON object, or empty */
};

struct refused_line {
    size_t index; /* from 0, in the order given */
    err_code code;
    char reason[160];
};
enum { BATCH_REPORT_MAX = 100, BATCH_DEVICES_MAX = 200000 };
struct batch_report {
    struct refused_line lines[BATCH_REPORT_MAX];
    size_t listed, refused; /* refused counts all of them; the first 100 are listed */
};

struct batch_order {
    struct uuid tenant;
    struct bytes name;    /* 1 … 64 of [A-Za-z0-9._-] */
    struct bytes product; /* a product's name; empty: "default" */
    const struct device_entry *devices;
    size_t count;
    /* Idempotency-Key: with a key, a repeat with the same fingerprint gets the first batch again */
    struct bytes idempotency_key; /* or empty */
    struct sha256 fingerprint;    /* of the request's body */
};
/** Registers all devices or none, in one transaction with its audit record. A repeated id inside the tenant
 * is refused (409), one of another tenant is not noticed (docs/identity.md, rule 6).
 *  @param[out] report filled also on error, when lines were refused
 *  @errors ERR_UNPROCESSABLE bad lines, unknown product; ERR_CONFLICT id registered already, name taken;
 * ERR_TOO_LARGE @thread worker */
err_t batch_register(struct fleet *fleet, const struct actor *actor, const struct batch_order *order,
                     struct batch_row *out, struct batch_report *report);
err_t batch_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct batch_row *out);
err_t product_find(struct fleet *fleet, struct uuid tenant, struct bytes name, struct product_row *out);
err_t product_by_id(struct fleet *fleet, struct uuid id, struct product_row *out);

/** @errors ERR_NOT_FOUND also for another tenant's device @thread worker */
err_t device_find(struct fleet *fleet, struct uuid tenant, const struct device_id *id,
                  struct device_row *out);

/** DER of the device's identity key into `out`; nothing while only its hash is known. @errors ERR_NOT_FOUND
 * the device is gone @thread worker */
err_t device_spki(struct fleet *fleet, const struct device_row *device, struct buf *out);

struct device_filter {
    struct uuid tenant;
    bool has_batch, has_product, has_state; /* state alone, or beside batch or product */
    struct uuid batch, product;
    const char *serial;                   /* or NULL; of batch, product, serial and label at most one */
    const char *label_name, *label_value; /* both or none */
    enum device_state state;
    bool is_recovery_requested; /* waits for an operator's word (recovery.h); stands alone */
    enum device_sort order;     /* other than by id without filters only */
    bool is_descending;
    const struct device_place *after; /* cursor: beyond this one; or NULL */
    int limit;                        /* 1 … 1000 */
};
/** Calls `fn` for each row in that order; says whether more follow. Costs the same on every page. @thread
 * worker */
err_t device_list(struct fleet *fleet, const struct device_filter *filter,
                  err_t (*fn)(const struct device_row *row, void *arg), void *arg, bool *has_more);

/** With DER. @errors ERR_NOT_FOUND also for another tenant's @thread worker */
err_t certificate_find(struct fleet *fleet, struct uuid tenant, const uint8_t serial[CERTIFICATE_SERIAL_SIZE],
                       struct certificate_row *out);
/** One page in order of their end. @param range limit 1 … 1001 @errors ERR_UNPROCESSABLE state and authority
 *  without a device: no index serves both @thread worker */
err_t certificate_list(struct fleet *fleet, const struct certificate_range *range, certificate_row_fn fn,
                       void *arg);
/** The device's certificates, newest first, without DER, at most `limit`. */
err_t device_certificates(struct fleet *fleet, const struct device_row *device, int limit,
                          err_t (*fn)(const struct certificate_row *row, void *arg), void *arg);

#endif
