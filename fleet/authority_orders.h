/* Orders about authorities: made, activated, retired, rolled over, declared compromised. An order that needs
 * a key and a signature is written down first (an authority that is `pending`, and a row of
 * db/authority_order_rows.h), then carried out: the key goes into the keystore, then all rows change in one
 * transaction. Killed between any two steps, it is finished by a job (fleet/authority_work.h). Every order
 * may wait for a second person. */
#ifndef WHORL_FLEET_AUTHORITY_ORDERS_H
#define WHORL_FLEET_AUTHORITY_ORDERS_H

#include "base/json.h"
#include "db/authority_order_rows.h"
#include "fleet/approval_kinds.h"
#include "fleet/authority_view.h"

enum authority_verb {
    AUTHORITY_CREATE,      /* a further issuing CA, which stands by */
    AUTHORITY_ACTIVATE,    /* it issues from now on, in place of its predecessor, and as the default */
    AUTHORITY_RETIRE,      /* it issues nothing any more; a pending one is dropped */
    AUTHORITY_ROLL,        /* a successor with a new key */
    AUTHORITY_FINISH_ROLL, /* of a root: its successor names the installation */
    AUTHORITY_COMPROMISE   /* of an issuing CA: its key is somebody else's too */
};
enum {
    AUTHORITY_VERBS = AUTHORITY_COMPROMISE + 1,
    AUTHORITY_NOTE_SIZE = 257,
    LIFETIME_DAYS_MAX = 36500,
    REKEY_WITHIN_S = 3600, /* where an order says nothing else */
    REKEY_WITHIN_S_MAX = 30 * 86400
};

/* What is ordered; which members a verb has is in authority_order_read.c. */
struct authority_order {
    enum authority_verb verb;
    char authority[AUTHORITY_ID_SIZE]; /* which; of CREATE: the id that is wished, or "" */
    char role[AUTHORITY_ROLE_SIZE];
    bool is_of_tenant;                 /* of CREATE: the caller's tenant's, else the installation's */
    char issuer[AUTHORITY_ID_SIZE];    /* "": the root that there is */
    char successor[AUTHORITY_ID_SIZE]; /* of COMPROMISE: who takes its place; "": is found or made */
    uint32_t key_algorithm;            /* key_algorithm_bit(); 0: its predecessor's, or P-256 */
    int64_t lifetime_days;             /* 0: as the role has it; never beyond the issuer's end */
    bool has_key_purposes;
    uint32_t key_purposes;
    char permitted_dns[AUTHORITY_NAMES_SIZE]; /* a JSON list of names, or "" */
    bool is_external;                         /* somebody else signs: a request is made of the key */
    bool keeps_default;                       /* of ACTIVATE: the default stays who it is */
    int64_t rekey_within_s;         /* of COMPROMISE: over which time its devices are told; 0: all at once */
    char note[AUTHORITY_NOTE_SIZE]; /* for the record, or "" */
};

/** Reads the members of an order; what is wrong goes to `faults`, unknown members too. @param out the verb
 *  and the authority are set before @errors of memory only @thread any */
err_t authority_order_read(const json_t *document, struct faults *faults, struct authority_order *out);
/** The order as it is kept while it waits for a second person, and back. @errors ERR_DB it is not readable */
err_t authority_order_write(const struct authority_order *order, json_t *out);
err_t authority_order_restore(const json_t *request, struct authority_order *out);

struct authority_caller {
    bool may_installation, may_tenant; /* SCOPE_INSTALLATION, SCOPE_ADMIN */
};
/** Carries an order out, or says in terms->guarded that it waits. @param[out] id of what it made or changed
 *  @errors ERR_NOT_FOUND also for another tenant's; ERR_FORBIDDEN the scope; ERR_WRONG_STATE naming the state
 * and what it allows; ERR_CONFLICT the id is taken; ERR_UNPROCESSABLE with faults; ERR_PRECONDITION;
 * ERR_UNAVAILABLE the keys cannot be used now: nothing has changed, but that a compromised authority is so
 * @thread worker */
err_t authority_order(struct fleet *fleet, const struct terms *terms, const struct authority_caller *caller,
                      const struct authority_order *order, char id[AUTHORITY_ID_SIZE]);

/** After a change of authorities that is committed: this process shows it at once, in its lists too; others
 * within a second. What fails is logged, and tried again by the jobs. @thread worker */
void authorities_show(struct fleet *fleet, const struct terms *terms);

/** For the table of approval_kinds.c. @thread of tx */
err_t authority_order_subject(struct db_tx *tx, const struct approval_case *this, json_t *out);
err_t authority_order_execute(struct db_tx *tx, const struct approval_case *this,
                              struct approval_outcome *out);
/** "create", "activate", … @thread any */
const char *authority_verb_name(enum authority_verb verb);

#endif
