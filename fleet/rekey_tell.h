/* The transaction that tells one device, for rekey_contact.c and for programs that drive it by itself. */
#ifndef WHORL_FLEET_REKEY_TELL_H
#define WHORL_FLEET_REKEY_TELL_H

#include "db/rekey_plan_rows.h"
#include "fleet/rekey_match.h"

struct rekey_tell {
    struct device_row device;
    struct certificate_row certificate; /* that it came with, without DER */
    uint32_t key_algorithm;
    int64_t key_since;
    struct rekey_course course;
    struct rekey_spec spec;
    struct rekey_tally_row tally;
    const char *request_id;
    bool may; /* looked: it may be told; in the transaction: it was */
};

/** @param arg struct rekey_tell with device, certificate, key_algorithm and course.id @thread of tx */
err_t rekey_tell_in(struct db_tx *tx, void *arg);

#endif
