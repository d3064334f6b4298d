/* What may be ordered about authorities, judged on rows in memory. Pure: tests need no inventory. */
#ifndef WHORL_FLEET_AUTHORITY_RULES_H
#define WHORL_FLEET_AUTHORITY_RULES_H

#include "fleet/authority_orders.h"

/* What an order comes to. */
struct authority_plan {
    const struct authority_brief *subject; /* the one that it is about; NULL: of CREATE */
    bool is_of_installation;
    bool makes;                           /* a new one, pending at first */
    struct authority_brief made;          /* id, role, owner, issuer, predecessor, key purposes */
    enum authority_order_kind kind;       /* of that */
    const struct authority_brief *former; /* the default that is none any more; or NULL */
    const struct authority_brief *next; /* FINISH_ROLL, COMPROMISE: who takes the subject's place; or NULL */
    bool becomes_default;               /* ACTIVATE */
    enum authority_state state;         /* of the subject from then on */
    bool is_dropped;                    /* RETIRE: it was pending */
};

struct authority_question {
    const struct authority_view *view;
    const struct authority_order *order;
    struct uuid tenant;    /* the caller's */
    struct faults *faults; /* or NULL */
    const char *stem;      /* of names for authorities of the tenant; "" for the installation's */
    int64_t now_ms;
};

/** @errors ERR_NOT_FOUND, ERR_WRONG_STATE, ERR_CONFLICT, ERR_UNPROCESSABLE as authority_order() @thread any
 */
err_t authority_rules_judge(const struct authority_question *question, struct authority_plan *out);

/** Whether devices take so many certificates of authorities more. @param tenant whose; NULL: the
 * installation's, which every tenant's devices take @errors ERR_WRONG_STATE @thread any */
err_t authority_rules_check_room(const struct authority_view *view, const struct uuid *tenant, size_t more);
/** Whether an authority of this role may have these key purposes. @errors ERR_UNPROCESSABLE @thread any */
err_t authority_purposes_check(const char *role, uint32_t purposes);
/** [a-z][a-z0-9-]{0,30}, with no hyphen at its end. @errors ERR_UNPROCESSABLE */
err_t authority_id_check(struct bytes id);
/** The id of one that follows another: "device" → "device-2" → "device-3". @errors ERR_WRONG_STATE every one
 * is taken */
err_t authority_name_after(const struct authority_view *view, const char *id, char out[AUTHORITY_ID_SIZE]);

#endif
