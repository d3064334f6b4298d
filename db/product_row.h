/* Products and hubs as plain values. */
#ifndef WHORL_DB_PRODUCT_ROW_H
#define WHORL_DB_PRODUCT_ROW_H

#include "base/bytes.h"
#include "base/encoding.h"
#include "db/sizes.h"

enum recovery_policy { RECOVERY_NEVER, RECOVERY_EXPIRED, RECOVERY_ALWAYS, RECOVERY_APPROVE };
/* What a device needs for its first certificate. */
enum admission_policy {
    ADMISSION_LISTED,    /* its id in a batch */
    ADMISSION_VENDOR_CA, /* a certificate over its identity key under a pinned CA of the chip's maker */
    ADMISSION_TOKEN      /* an enrolment code */
};

struct product_row {
    struct uuid id, tenant;
    char name[NAME_SIZE];
    int64_t certificate_ttl_s;
    int64_t renew_percent, renew_spread_percent; /* what each of the schedule says: fleet/renewal.h */
    int64_t rekey_period_s, overdue_alert_after_s, overdue_quarantine_days; /* 0: never */
    enum recovery_policy recovery;
    enum clone_response { CLONE_ALERT, CLONE_QUARANTINE } clone_response;
    bool identity_key_certificates, allow_rsa_2048, require_channel_binding, allow_unbound_challenge;
    enum admission_policy admission;
    bool rekey_required;
    bool must_be_listed;     /* besides the certificate or the code, its id in a batch */
    uint32_t key_algorithms; /* of keys that are certified: bits of key_algorithm_bit() (fleet/products.h) */
    bool has_hub;
    struct uuid hub;
    char hub_name[NAME_SIZE];          /* as read; not stored here */
    char authority[AUTHORITY_ID_SIZE]; /* that issues to its devices; "": the default one */
    char profile[NAME_SIZE];           /* of its certificates; "": the built-in "ldevid" */
    int64_t profile_version;           /* 0: always the newest */
    int64_t profile_newest;            /* as read; not stored here; 0 of a built-in one */
    int64_t created_at, updated_at, ver;
};

enum hub_kind { HUB_MQTT };
enum { HUB_HOST_SIZE = 254, HUB_CA_SIZE = 4096 };

struct hub_row {
    struct uuid id, tenant;
    char name[NAME_SIZE];
    enum hub_kind kind;
    char host[HUB_HOST_SIZE]; /* a DNS name or an IP address, without brackets */
    int64_t port;
    char ca[HUB_CA_SIZE]; /* PEM, or "": the device's own trust anchors serve */
    int64_t created_at, updated_at, ver;
};

#endif
