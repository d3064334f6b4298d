/* What certificates and CRLs that come from elsewhere are to the authorities here: judged on values in
 * memory, all of a bundle or nothing. Pure: tests need no inventory. */
#ifndef WHORL_FLEET_AUTHORITY_IMPORT_RULES_H
#define WHORL_FLEET_AUTHORITY_IMPORT_RULES_H

#include "db/authority_rows.h"
#include "pki/authority.h"
#include "pki/ca_bundle.h"
#include "pki/ca_certificate.h"

enum { IMPORT_SERIAL_MAX = 20, IMPORT_NOTE_SIZE = 160 };

/* One authority as it stands; everything borrowed. */
struct import_known {
    char id[AUTHORITY_ID_SIZE];
    enum authority_role role;
    enum authority_state state;
    bool is_external, has_key;
    char predecessor[AUTHORITY_ID_SIZE]; /* "": none */
    uint32_t key_purposes;               /* 0: as the role has them */
    struct bytes certificate;            /* none while it is pending */
    struct bytes request;                /* of a pending one */
    int64_t crl_number;                  /* of the list that is stored, or below which none may be; 0: none */
    struct bytes crl;                    /* that list; or none */
};
/* A certificate that one authority has beside its first one. */
struct import_further {
    struct bytes certificate;
};
struct import_view {
    const struct import_known *items;
    size_t count;
    const struct import_further *further;
    size_t further_count;
    int64_t now_ms;
};

enum import_kind {
    IMPORT_KNOWN,        /* it is here already */
    IMPORT_ISSUED,       /* the certificate of a pending authority */
    IMPORT_EXTERNAL,     /* a CA that issued one of ours, directly or not: it becomes an authority here */
    IMPORT_NEW_WITH_OLD, /* between two roots here (RFC 9810 §4.4) */
    IMPORT_OLD_WITH_NEW,
    IMPORT_CRL /* of an authority whose key is elsewhere */
};
struct import_step {
    enum import_kind kind;
    size_t item;                       /* of the bundle */
    char authority[AUTHORITY_ID_SIZE]; /* whose it is */
    char issuer[AUTHORITY_ID_SIZE];    /* who signed it; "" for a self-signed one */
    uint8_t serial[IMPORT_SERIAL_MAX]; /* of certificates */
    size_t serial_size;
    int64_t from_ms, to_ms;      /* its life */
    int64_t number;              /* of a CRL */
    size_t entries;              /* of a CRL */
    char note[IMPORT_NOTE_SIZE]; /* what an operator should know besides, or "" */
};
/* In the order in which rows are stored: what is named stands before what names it. */
struct import_plan {
    struct import_step steps[CA_BUNDLE_ITEMS_MAX];
    size_t count;
};

/** Whether a certificate is over the key of a pending authority's request. @errors ERR_UNPROCESSABLE the
 * request is not readable @thread any */
err_t authority_import_is_requested(const struct import_known *known,
                                    const struct ca_certificate *certificate, bool *out);
/** @param[out] out filled only on OK
 *  @errors ERR_UNPROCESSABLE with a sentence about the first item that is not acceptable @thread any */
err_t authority_import_judge(const struct import_view *view, const struct ca_bundle *bundle,
                             struct import_plan *out);

#endif
