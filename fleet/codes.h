/* Enrolment codes as things that people make, look at and revoke. What a code lets in is in admission.h. */
#ifndef WHORL_FLEET_CODES_H
#define WHORL_FLEET_CODES_H

#include "fleet/code_text.h"
#include "fleet/terms.h"

enum { CODES_AT_ONCE_MAX = 1000, CODE_USES_MAX = 1000000 };

struct code_wish {
    struct bytes name;
    enum code_kind kind;
    struct bytes product; /* its name; empty: "default" */
    struct bytes
        batch;       /* the name of the batch that its devices come into; empty: the product's own for that */
    bool has_device; /* of CODE_DEVICE, like serial */
    struct device_id device;
    struct bytes serial;
    bool has_use_limit; /* of CODE_BATCH */
    int64_t use_limit;
    int64_t not_before, not_after; /* 0: now, and 90 days later */
    int64_t count;                 /* codes alike, 1 … 1000 */
};

struct new_code {
    uint8_t id[CODE_ID_SIZE], secret_sha256[SHA256_SIZE];
    char text[CODE_TEXT_SIZE];
};
struct new_codes {
    struct code_row row; /* of all, with id and hash of the last */
    size_t count;
    struct new_code *codes;
};
/** Wipes the texts. */
void new_codes_clear(struct new_codes *codes);
DEFINE_AUTO_VAL(new_codes, new_codes_clear);

/** Makes the batch too when it is not there. @param[out] out {0} before; cleared by the caller on failure too
 *  @errors ERR_UNPROCESSABLE with faults; ERR_CONFLICT made before under this Idempotency-Key: the texts were
 *  shown once @thread worker, like all functions here */
err_t code_add(struct fleet *fleet, const struct terms *terms, const struct code_wish *wish,
               struct new_codes *out);
/** What it let in stays in. A second time changes nothing. @errors ERR_NOT_FOUND also for another tenant's,
 * ERR_PRECONDITION */
err_t code_revoke(struct fleet *fleet, const struct terms *terms, const uint8_t id[CODE_ID_SIZE],
                  struct code_row *out);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t code_get(struct fleet *fleet, struct uuid tenant, const uint8_t id[CODE_ID_SIZE], struct code_row *out);
/** In order of id. @param product or NULL */
err_t code_list(struct fleet *fleet, struct uuid tenant, const struct uuid *product,
                const struct row_window *window, err_t (*fn)(const struct code_row *row, void *arg),
                void *arg);

#endif
