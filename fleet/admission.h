/* How a device gets in that stands in no list, or whose product asks for more than its place in one: by an
 * enrolment code, or by a certificate of its chip's maker. What it shows is judged before an enrolment and
 * again in its transaction. It admits, once, and never recovers or replaces anything (docs/identity.md, rules
 * 6 and 11). */
#ifndef WHORL_FLEET_ADMISSION_H
#define WHORL_FLEET_ADMISSION_H

#include "fleet/fleet.h"

/* What a device showed, found to be good. */
struct admission {
    enum admission_policy by; /* ADMISSION_LISTED: it showed nothing that counts */
    struct uuid tenant, product, batch;
    bool must_be_listed;           /* the product's word at that time: it makes no row */
    uint8_t code[CODE_ID_SIZE];    /* ADMISSION_TOKEN */
    struct uuid vendor_ca;         /* ADMISSION_VENDOR_CA */
    unsigned depth;                /* CAs between the chip's certificate and that one */
    char serial[SERIAL_TEXT_SIZE]; /* that the device will have; of a listed one, that it must have; or "" */
    char name[SERIAL_TEXT_SIZE];   /* that its maker gave it: the serial of a new one; or "" */
};

enum { ADMISSIONS_MAX = 8 };
/* Of several tenants, before it is clear whose device it is. */
struct admissions {
    size_t count;
    struct admission items[ADMISSIONS_MAX];
};

struct contact_facts;
struct contact;
/** The code that came with a request, for this device. Changes nothing; wrong ones slow their source down.
 *  @param label_tenant or NULL: the code must be its
 *  @errors ERR_ENROLMENT_CODE, ERR_TOO_MANY @thread worker */
err_t admission_by_code(struct fleet *fleet, const struct contact_facts *facts, const struct device_id *id,
                        const struct uuid *label_tenant, struct admissions *out);

/** The certificate of another's CA that came with the handshake: under which pinned CAs it is good. Changes
 *  nothing; that one is not good is no error. @param label_tenant or NULL: its CAs only @thread worker */
err_t admission_by_vendor_ca(struct fleet *fleet, const struct contact_facts *facts,
                             const struct device_id *id, const struct uuid *label_tenant,
                             struct admissions *out);

/** The row of a device that this would let in. @thread any */
struct device_row admission_row(const struct admission *admission, const struct device_id *id);

/** Whether what was shown is still good. @thread of tx */
err_t admission_holds(struct db_tx *tx, const struct admission *admission, const struct device_id *id,
                      bool *out);
/** Counts the use of a code, and binds it; counts for a pinned CA. @errors ERR_ENROLMENT_CODE none is left
 *  @thread of tx (write) */
err_t admission_use(struct db_tx *tx, const struct admission *admission, const struct device_id *id);
/** Registers the device with its audit record and the counts. @param row as admission_row() made it; the
 *  transaction's time is filled in @thread of tx (write) */
err_t admission_register(struct db_tx *tx, const struct admission *admission, const struct actor *actor,
                         struct device_row *row, struct bytes spki);

/** Whether a device that was refused could have come in with a code, and brought none. @thread worker */
err_t admission_wants_code(struct fleet *fleet, const struct contact_facts *facts,
                           const struct contact *contact, bool *out);
/** Whether a tenant has a product that admits by code: its EST label then asks for one. @param label "": that
 *  of "default" @thread worker */
err_t admission_label_wants_code(struct fleet *fleet, const char *label, bool *out);

#endif
