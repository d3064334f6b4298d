/* Keys that sign firmware here, each of one product and for one role. Their private halves are in the
 * keystore (label fw-<id>); a key never signs what it was not made for. States: active → retired |
 * compromised; a retired one may still turn out to be compromised. */
#ifndef WHORL_FLEET_FIRMWARE_KEYS_H
#define WHORL_FLEET_FIRMWARE_KEYS_H

#include "base/hash.h"
#include "db/firmware_key_rows.h"
#include "fleet/terms.h"

/* --- words: @thread any, @errors ERR_UNPROCESSABLE naming the known ones */
const char *firmware_key_role_name(enum firmware_key_role role);
err_t firmware_key_role_parse(struct bytes word, enum firmware_key_role *out);
const char *firmware_key_state_name(enum firmware_key_state state);
const char *firmware_key_use_kind_name(enum firmware_key_use_kind kind);
/** Whether a key of this role may be of this algorithm. */
err_t firmware_key_algorithm_check(enum firmware_key_role role, struct bytes algorithm);

struct firmware_key_order {
    struct bytes name, product; /* product: its name, empty: "default" */
    bool has_role;
    enum firmware_key_role role;
    struct bytes algorithm;   /* empty: ecdsa-p256 */
    int64_t uses_max;         /* 0: without a bound */
    int64_t certificate_days; /* of role cms; 0: ten years */
};
/** Makes a key pair, and for role cms a self-signed certificate. @errors ERR_UNPROCESSABLE with faults,
 *  ERR_CONFLICT the name is taken, ERR_UNAVAILABLE no keystore @thread worker, like all functions here */
err_t firmware_key_add(struct fleet *fleet, const struct terms *terms, const struct firmware_key_order *order,
                       struct firmware_key_row *out);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t firmware_key_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct firmware_key_row *out);
/* product: a name, or empty: of all. */
struct firmware_key_list {
    struct uuid tenant;
    struct bytes product;
    struct row_window window;
};
/** In order of id. @errors ERR_NOT_FOUND no such product */
err_t firmware_key_list(struct fleet *fleet, const struct firmware_key_list *list, firmware_key_row_fn fn,
                        void *arg);
/** What it signed, the oldest first. @errors ERR_NOT_FOUND */
err_t firmware_key_uses(struct fleet *fleet, const struct firmware_key_use_window *window,
                        firmware_key_use_row_fn fn, void *arg);

/** It signs no more. A second time changes nothing. @errors ERR_WRONG_STATE compromised */
err_t firmware_key_retire(struct fleet *fleet, const struct terms *terms, struct uuid id,
                          struct firmware_key_row *out);
/** Somebody else has it: it signs no more, and an alarm stands until nobody trusts it any more. */
err_t firmware_key_compromised(struct fleet *fleet, const struct terms *terms, struct uuid id,
                               struct firmware_key_row *out);
/** The alarm ends: an operator says that no device trusts the key any more. @errors ERR_WRONG_STATE it is not
 *  compromised, or the anchors in force of its product name it */
err_t firmware_key_replaced(struct fleet *fleet, const struct terms *terms, struct uuid id,
                            struct firmware_key_row *out);
/** Ends the alarm of a compromised key. @thread of tx */
err_t firmware_key_alarm_clear(struct db_tx *tx, const struct firmware_key_row *key);

/* --- certificates of role cms */

/** A PKCS#10 request over the key, PEM, appended. @errors ERR_WRONG_STATE another role, or not active */
err_t firmware_key_request(struct fleet *fleet, struct uuid tenant, struct uuid id, struct buf *pem);
/** The certificate that signatures are made under from now on. @param pem over this key
 *  @errors ERR_UNPROCESSABLE with faults, ERR_WRONG_STATE, ERR_PRECONDITION */
err_t firmware_key_certificate(struct fleet *fleet, const struct terms *terms, struct uuid id,
                               struct bytes pem, struct firmware_key_row *out);

/* --- use */

/** Whether it may sign now. @errors ERR_WRONG_STATE naming state or bound, or another role @thread any */
err_t firmware_key_check_use(const struct firmware_key_row *key, enum firmware_key_role role);
/** Counts one use of an active key and says what for, in the transaction that keeps what was signed.
 *  @param use n is filled in @errors ERR_WRONG_STATE as above @thread of tx */
err_t firmware_key_count_use(struct db_tx *tx, enum firmware_key_role role, struct firmware_key_use_row *use);

#endif
