/* The terms under which a change is asked for: whose it is, at which version, once by which key; and the list
 * that takes what is wrong with it. Every service that makes or changes a thing of the REST interface takes
 * one. Knows no HTTP. */
#ifndef WHORL_FLEET_TERMS_H
#define WHORL_FLEET_TERMS_H

#include "base/faults.h"
#include "db/op_rows.h"
#include "fleet/fleet.h"

enum { TERMS_VERSIONS_MAX = 8, IDEMPOTENCY_KEY_MAX = 128 };

/* An attempt's name (Idempotency-Key) and what was asked for with it. */
struct idempotency {
    struct uuid tenant;
    struct bytes key; /* empty: none */
    struct sha256 fingerprint;
};

/* Where the service says that the request waits for a second person (fleet/approvals.h). */
struct guarded {
    bool is_waiting;
    struct uuid approval;
};

struct terms {
    struct uuid tenant; /* the caller's */
    struct actor actor;
    struct idempotency idempotency;
    bool has_versions; /* the thing must be at one of these */
    bool is_any_version;
    int64_t versions[TERMS_VERSIONS_MAX];
    size_t version_count;
    struct faults *faults; /* borrowed; NULL only where no field is given */
    /* borrowed; where it is NULL, what waits for a second person is refused as an error of ours */
    struct guarded *guarded;
    bool is_approved; /* a second person has agreed: nothing waits */
};

/** In the transaction that changes, so that of two who saw the same version one is told. @errors
 * ERR_PRECONDITION
 * @thread of tx */
err_t terms_check_version(const struct terms *terms, int64_t ver);

/** Whether this key did this before, and what came of it. @param kind "product.add", … at most 31 bytes
 *  @param[out] is_repeat false also without a key
 *  @errors ERR_UNPROCESSABLE the key stands for another request @thread of tx */
err_t idempotency_find(struct db_tx *tx, const struct idempotency *idempotency, const char *kind,
                       struct op_row *out, bool *is_repeat);
/** The same for what makes a thing that is named by a UUID. @param[out] id of what was made before, when
 * is_repeat @thread of tx */
err_t idempotency_find_id(struct db_tx *tx, const struct idempotency *idempotency, const char *kind,
                          struct uuid *id, bool *is_repeat);
/** Keeps what came of it; nothing without a key. @param result at most OP_RESULT_SIZE - 1 bytes @thread of tx
 */
err_t idempotency_keep(struct db_tx *tx, const struct idempotency *idempotency, const char *kind,
                       const char *result);

#endif
