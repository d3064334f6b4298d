/* Codes for CMP's MAC protection (docs/cmp.md): each made for one registered device that never had a
 * certificate, and for nothing else. A code admits that device with the key of its first request; it never
 * recovers or replaces anything (docs/identity.md, rule 10). Its secret is read again to check MACs, so it is
 * sealed under the keystore, and it is gone from the inventory as soon as the code has ended. */
#ifndef WHORL_FLEET_CMP_CODES_H
#define WHORL_FLEET_CMP_CODES_H

#include "db/cmp_code_rows.h"
#include "fleet/terms.h"

/* whorlcmp_<48 hex digits: 192 random bits>; all of it is the secret. */
enum { CMP_CODE_SECRET_SIZE = 24, CMP_CODE_TEXT_SIZE = 58, CMP_REFERENCE_TEXT_SIZE = 17 };

enum cmp_code_state {
    CMP_CODE_ACTIVE,
    CMP_CODE_BOUND, /* it was used for a key; the certificate waits for its first use */
    CMP_CODE_USED,  /* up; or the device came in without it */
    CMP_CODE_EXPIRED,
    CMP_CODE_REVOKED
};
const char *cmp_code_state_name(enum cmp_code_state state);
/** How a code stands. One that is bound outlives its end by the time of a transaction, so that the device can
 *  confirm what it was given. @thread any */
enum cmp_code_state cmp_code_judge(const struct cmp_code_row *row, int64_t now_ms);
/** From when on nobody can use it, whatever happens. @thread any */
int64_t cmp_code_ends_at(const struct cmp_code_row *row);
static inline bool cmp_code_is_live(enum cmp_code_state state)
{
    return state == CMP_CODE_ACTIVE || state == CMP_CODE_BOUND;
}

struct cmp_code {
    struct cmp_code_row row;
    enum cmp_code_state state;
};
struct new_cmp_code {
    struct cmp_code code;
    char text[CMP_CODE_TEXT_SIZE]; /* the secret, shown once */
};
/** Wipes the text. */
void new_cmp_code_clear(struct new_cmp_code *made);
DEFINE_AUTO_VAL(new_cmp_code, new_cmp_code_clear);

struct cmp_code_wish {
    struct device_id device;
    int64_t not_after; /* Unix ms; 0: in 90 days */
};
/** Makes one. Where the device has one that has ended, it takes its place.
 *  @param[out] out cleared by the caller, on failure too
 *  @errors ERR_NOT_FOUND also for another tenant's device; ERR_WRONG_STATE it has had a certificate, its
 *  state or its product does not admit it by code, or it has a code; ERR_UNPROCESSABLE with faults;
 *  ERR_CONFLICT made before under this Idempotency-Key @thread worker, like all functions here */
err_t cmp_code_make(struct fleet *fleet, const struct terms *terms, const struct cmp_code_wish *wish,
                    struct new_cmp_code *out);
/** @errors ERR_NOT_FOUND the device, or it has none */
err_t cmp_code_get(struct fleet *fleet, struct uuid tenant, const struct device_id *device,
                   struct cmp_code *out);
/** Its secret is gone from here on. One that has ended stays as it is. @errors ERR_NOT_FOUND,
 * ERR_PRECONDITION */
err_t cmp_code_revoke(struct fleet *fleet, const struct terms *terms, const struct device_id *device,
                      struct cmp_code *out);

/** The device's code, if it has one, is of use no more: it holds a certificate that it uses, or came in by
 *  another way. @thread of tx */
err_t cmp_code_spend(struct db_tx *tx, struct uuid tenant, const struct device_id *device);

/** Takes the secrets of codes that have expired, and forgets codes that ended long ago. @thread background */
err_t cmp_code_sweep(struct fleet *fleet, int64_t now_ms);

/** 16 hex digits, as senderKID has them. @thread any */
void cmp_reference_format(const uint8_t reference[CMP_REFERENCE_SIZE], char out[CMP_REFERENCE_TEXT_SIZE]);

#endif
