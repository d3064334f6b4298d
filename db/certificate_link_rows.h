/* Which key asked for which certificate of a device. What it means is fleet's (enrol_decide.c). */
#ifndef WHORL_DB_CERTIFICATE_LINK_ROWS_H
#define WHORL_DB_CERTIFICATE_LINK_ROWS_H

#include "db/certificate_rows.h"

struct certificate_links_question {
    struct uuid tenant;
    const struct device_id *device;
    int64_t now_ms;
    const uint8_t *by;          /* SHA-256 of the key that asks now */
    int64_t generation;         /* that it states, or 0 */
    const uint8_t *spki_sha256; /* of the key that it asks for */
};

struct certificate_links {
    bool has_waiting_recovery; /* the identity key asked for a certificate that is valid and was never used */
    bool is_forked;            /* the same key has stated the same generation before, for another key */
};
err_t certificate_link_rows_read(struct db_tx *tx, const struct certificate_links_question *question,
                                 struct certificate_links *out);

#endif
