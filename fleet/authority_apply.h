/* Orders about authorities, judged and applied inside a transaction; and the changes of rows that the files
 * behind authority_orders.h share. SQL only: keys and signatures are authority_work.c's. */
#ifndef WHORL_FLEET_AUTHORITY_APPLY_H
#define WHORL_FLEET_AUTHORITY_APPLY_H

#include "fleet/authority_rules.h"
#include "fleet/terms.h"

struct authority_run {
    const struct terms *terms;
    const struct authority_order *order;
    struct authority_view view; /* filled and cleared by the functions below */
    struct authority_plan plan; /* points into the view */
    char id[AUTHORITY_ID_SIZE]; /* of what it makes or changes */
};
void authority_run_clear(struct authority_run *run);
DEFINE_AUTO_VAL(authority_run, authority_run_clear);

/** Reads all authorities and judges the order: fills view, plan and id. @errors as authority_order() @thread
 * of tx, like all functions here */
err_t authority_judge(struct db_tx *tx, struct authority_run *run);
/** Does what the plan says, with its records. */
err_t authority_apply(struct db_tx *tx, struct authority_run *run);
/** Of COMPROMISE: revokes every certificate of the subject here, and raises the alarm. */
err_t authority_revoke(struct db_tx *tx, const struct authority_run *run,
                       const struct authority_copy *subject);
/** The alarm that stands as long as certificates of a compromised one live. @param is_ours whoever certified
 * it is an authority whose CRL is signed here */
err_t authority_alarm_compromised(struct db_tx *tx, const struct authority_row *row, bool is_ours);

/* What of a row changes. */
struct authority_edit {
    enum authority_state state;
    bool is_default;
    const char *predecessor; /* "" or NULL: stays */
    int64_t rekey_by;        /* of one that becomes compromised; else 0 */
};
/** @errors ERR_NOT_FOUND, ERR_BUSY, ERR_CONFLICT another default */
err_t authority_edit(struct db_tx *tx, const char *id, const struct authority_edit *edit);

struct authority_word {
    const char *kind; /* of the record */
    const char *actor, *request_id;
    const char *other_name, *other; /* one more member: "predecessor", …; or NULL */
    const char *note;               /* or "" */
};
/** The record of a change. */
err_t authority_record(struct db_tx *tx, const struct authority_brief *about,
                       const struct authority_word *word);

#endif
