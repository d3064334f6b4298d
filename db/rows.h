/* Rows as plain values. Which functions read and change them is in db/<name>_rows.h. Times are Unix ms UTC; 0
 * in an optional time means "not yet". */
#ifndef WHORL_DB_ROWS_H
#define WHORL_DB_ROWS_H

#include "base/bytes.h"
#include "base/encoding.h"
#include "db/product_row.h"
#include "db/sizes.h"

struct device_id {
    uint8_t b[DEVICE_ID_SIZE];
};

enum row_order { ORDER_ID, ORDER_NAME }; /* that of ids is that in which things were made */
enum { ROW_ORDERS = 2 };

/* A stretch of a list in order of its key: the rows behind `after`, `limit` of them at most. */
struct row_window {
    struct bytes after; /* the id or the name of the row before; empty: from the start */
    int64_t limit;
    enum row_order order; /* of lists that say so */
    bool is_descending;
};

struct tenant_row {
    struct uuid id;
    char name[NAME_SIZE];                   /* also its EST label: fixed */
    char display_name[TENANT_DISPLAY_SIZE]; /* for people; "" */
    int64_t created_at, updated_at, ver;
};

struct batch_row {
    struct uuid id, tenant, product;
    char name[NAME_SIZE];
    int64_t device_count;
    int64_t created_at, updated_at, ver;
};

enum device_state {
    DEVICE_REGISTERED,
    DEVICE_ENROLLED,
    DEVICE_QUARANTINED,
    DEVICE_REVOKED,
    DEVICE_RETIRED,
    DEVICE_COMPROMISED
};
/* How strong a tenant's claim to an id is (docs/identity.md, rule 6): a stronger one wins. */
enum device_claim { CLAIM_LISTED, CLAIM_SPKI, CLAIM_PROVED };

/* Who says that an identity key lives in a chip, from the weakest word to the strongest. */
enum key_origin {
    KEY_ORIGIN_CLAIMED, /* nobody: it was admitted by a code */
    KEY_ORIGIN_BATCH,   /* whoever handed over the list that it stands in */
    KEY_ORIGIN_ATTESTED /* the chip's maker, by a certificate */
};

struct device_row {
    struct device_id id;
    struct uuid tenant, batch, product;
    enum device_state state;
    enum device_claim claim;
    enum key_origin key_origin;
    bool reenrol_allowed;
    int64_t generation; /* of the newest certificate; 0 before the first */
    char serial[SERIAL_TEXT_SIZE], model[MODEL_SIZE];
    char attributes[1024]; /* a JSON object */
    char labels[1024];     /* a JSON object of short texts */
    char note[DEVICE_NOTE_SIZE];
    int64_t rekey_requested_at; /* a new key was asked for, until one above rekey_above is confirmed */
    int64_t rekey_above;        /* generation */
    int64_t transferred_at;     /* retired here, because another tenant of this installation owns it now */
    int64_t registered_at, enrolled_at, updated_at, ver;
};

enum code_kind {
    CODE_DEVICE, /* for one device */
    CODE_BATCH   /* for as many as its limit says */
};

struct code_row {
    uint8_t id[CODE_ID_SIZE];
    struct uuid tenant, product, batch;
    enum code_kind kind;
    char name[NAME_SIZE];
    uint8_t secret_sha256[32];
    bool has_device; /* CODE_DEVICE: good for this one only; given, or the first that used it */
    struct device_id device;
    char serial[SERIAL_TEXT_SIZE]; /* of its device; or "" */
    int64_t use_limit, used;
    int64_t not_before, not_after, created_at, last_used_at, revoked_at, ver;
};

enum { VENDOR_CA_SIZE = 4096, VENDOR_CA_SUBJECT_SIZE = 256 };

struct vendor_ca_row {
    struct uuid id, tenant, product, batch;
    char name[NAME_SIZE];
    uint32_t name_hash; /* of its subject (pki/vendor_ca.h) */
    uint8_t spki_sha256[32];
    char subject[VENDOR_CA_SUBJECT_SIZE];
    int64_t not_before, not_after;
    uint8_t der[VENDOR_CA_SIZE];
    size_t der_size;
    int64_t admitted; /* devices */
    int64_t created_at, updated_at, retired_at, ver;
};

enum certificate_state {
    CERTIFICATE_UNCONFIRMED, /* issued; its first use confirms it */
    CERTIFICATE_CONFIRMED,
    CERTIFICATE_SUPERSEDED, /* a newer one was confirmed, or it was replaced before use: no rights here */
    CERTIFICATE_REVOKED
};

struct certificate_row {
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    char authority[AUTHORITY_ID_SIZE];
    struct uuid tenant;
    struct device_id device;
    int64_t generation;
    enum certificate_state state, stored_state; /* as it is to be; as it was read or written last */
    uint8_t spki_sha256[32];
    int64_t not_before, not_after, issued_at, confirmed_at, first_used_at, superseded_at, revoked_at;
    int revocation_reason;   /* RFC 5280 §5.3.1; -1 when not revoked */
    struct buf der;          /* filled by the functions that say so */
    char profile[NAME_SIZE]; /* that it was made by; "": not known */
    int64_t profile_version;
    int64_t ver;
};
void certificate_row_clear(struct certificate_row *row);
DEFINE_AUTO_VAL(certificate_row, certificate_row_clear);

struct token_row {
    uint8_t id[TOKEN_ID_SIZE];
    struct uuid tenant;
    char name[NAME_SIZE];
    uint8_t secret_sha256[32];
    bool has_old; /* rotated: the secret before is good until it is dropped */
    uint8_t old_sha256[32];
    int64_t rotated_at;
    char sources[SOURCES_SIZE]; /* fleet/sources.h */
    char owner[ACTOR_SIZE];     /* who answers for it (struct actor); its own name when nobody else does */
    uint32_t scopes;
    int64_t created_at, expires_at, revoked_at, last_used_at, ver;
};

#endif
