/* Why a device is where it is in a campaign: also of devices that were never told. Computed when it is asked
 * for, from the device's rows and the campaign's; nothing is stored for it. */
#ifndef WHORL_FLEET_REKEY_WHY_H
#define WHORL_FLEET_REKEY_WHY_H

#include "fleet/rekey_match.h"
#include "fleet/rekey_plans.h"

struct rekey_why {
    enum rekey_verdict verdict;
    struct rekey_plan_row plan;
    enum device_state state; /* of the device */
    int64_t wave;            /* the first one that it is in, from 0 */
    int64_t seen_at;         /* when the device was here last; 0: never */
    bool has_member;
    struct rekey_member_row member;
};

/** "told", "product_differs", "other_wave", … @thread any */
const char *rekey_verdict_word(enum rekey_verdict verdict);
/** One sentence for people. */
const char *rekey_verdict_meaning(enum rekey_verdict verdict);
/** "told", "confirmed", "failed", "skipped", of the rest "waiting" or "not_meant". */
const char *rekey_verdict_state(enum rekey_verdict verdict);
/** "told", … @errors ERR_BAD_REQUEST naming the known ones @thread any */
err_t rekey_member_state_parse(struct bytes text, enum rekey_member_state *out);
/** What a member row says. */
enum rekey_verdict rekey_member_verdict(const struct rekey_member_row *member);

struct rekey_question {
    struct uuid tenant, plan;
    struct device_id device;
};
/** @errors ERR_NOT_FOUND no such plan or device of the tenant @thread worker */
err_t rekey_why(struct fleet *fleet, const struct rekey_question *question, struct rekey_why *out);

typedef err_t (*rekey_why_fn)(const struct rekey_why *why, void *arg);
/** What the campaigns that run, and those that have told the device, say of it; those that do not mean it are
 *  left out. A bounded number. @thread worker */
err_t rekey_whys(struct fleet *fleet, const struct device_row *device, rekey_why_fn fn, void *arg);

/* The confirmed certificate of a device and what is known of its key. */
struct rekey_key {
    bool is_found;
    struct certificate_row certificate; /* without DER */
    uint32_t algorithm;
    int64_t since;
};
/** @param wants_algorithm reading it costs a look into the certificate @thread of tx */
err_t rekey_key_read(struct db_tx *tx, const struct device_row *device, bool wants_algorithm,
                     struct rekey_key *out);

#endif
