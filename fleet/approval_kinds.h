/* The kinds of action that may wait for a second person, as one table: what each is about, which scopes it
 * asks for, how it is carried out. A new kind is a new row in approval_kinds.c. */
#ifndef WHORL_FLEET_APPROVAL_KINDS_H
#define WHORL_FLEET_APPROVAL_KINDS_H

#include "base/json.h"
#include "db/approval_rows.h"
#include "fleet/terms.h"

/* Stored as bits of a setting: a number is never given to another kind. */
enum approval_bit {
    APPROVAL_REVOKE_MANY = 1,
    APPROVAL_COMPROMISED = 2,
    APPROVAL_TRANSFER_OFFER = 4,
    APPROVAL_TRANSFER_ACCEPT = 8,
    APPROVAL_FIRMWARE = 16,
    APPROVAL_AUTHORITY_CREATE = 32,
    APPROVAL_AUTHORITY_CHANGE = 64, /* activate, retire, default */
    APPROVAL_AUTHORITY_IMPORT = 128,
    APPROVAL_AUTHORITY_ROLL = 256,
    APPROVAL_AUTHORITY_COMPROMISED = 512,
    APPROVAL_DUAL_CONTROL = 1 << 30 /* taking a kind out of a setting: always waits, and is in no setting */
};

/* What is judged or done: `request` in whose tenant and by whom (terms->is_approved when it is done). */
struct approval_case {
    const struct terms *terms;
    const json_t *request;
};

struct approval_outcome {
    char result[APPROVAL_RESULT_SIZE]; /* what came of it, for whoever reads the approval: an id, or "" */
    int64_t revoked;                   /* certificates */
};

struct approval_kind {
    const char *name;
    enum approval_bit bit;
    uint32_t scopes; /* one of these is asked of who decides, beside approvals:decide */
    /** What it is about, as it is now: what approving would be a mistake about if it changed. Sets members of
     *  `out`. @errors of a request that cannot be carried out now @thread of tx */
    err_t (*subject)(struct db_tx *tx, const struct approval_case *this, json_t *out);
    /** @param[out] out {0} before @thread of tx */
    err_t (*execute)(struct db_tx *tx, const struct approval_case *this, struct approval_outcome *out);
};

/** The row at `index`, or NULL behind the last. @thread any, like all functions here */
const struct approval_kind *approval_kind_at(size_t index);
const struct approval_kind *approval_kind_of(enum approval_bit bit);
/** NULL for a kind of another version of this server. */
const struct approval_kind *approval_kind_named(const char *name);
/** A kind that a setting may hold. @errors ERR_UNPROCESSABLE naming the known ones */
err_t approval_kind_parse(struct bytes word, uint32_t *bit);

#endif
