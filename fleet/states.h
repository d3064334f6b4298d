/* One table of the device states: their names, what they allow, and the words and codes of the device
 * protocol (those of the QuarkLink client, so that a port of its loop is mechanical). */
#ifndef WHORL_FLEET_STATES_H
#define WHORL_FLEET_STATES_H

#include "db/rows.h"

enum device_word {
    WORD_ENROLLED = 10,
    WORD_NOT_ENROLLED = 12,
    WORD_CERTIFICATE_EXPIRED = 13,
    WORD_REVOKED = 14,
    WORD_DOES_NOT_EXIST = 30,
    WORD_DEVICE_REVOKED = 31
};

const char *device_word_name(enum device_word word); /* "enrolled", "not_enrolled", … */
const char *device_state_name(enum device_state state);
/** @errors ERR_NOT_FOUND */
err_t device_state_parse(struct bytes text, enum device_state *out);
const char *certificate_state_name(enum certificate_state state);
/** @errors ERR_NOT_FOUND */
err_t certificate_state_parse(struct bytes text, enum certificate_state *out);

/* Actions on a device and the states from which each is allowed; everything else is 409 naming the state and
 * what would be allowed. */
enum device_action {
    ACTION_ENROL,
    ACTION_REENROL, /* of a revoked device that an operator allows it */
    ACTION_USE,
    /* what an operator may order */
    ACTION_QUARANTINE,
    ACTION_RELEASE,
    ACTION_REVOKE,
    ACTION_ALLOW_REENROL,
    ACTION_ALLOW_RECOVERY,
    ACTION_REKEY,
    ACTION_RETIRE,
    ACTION_COMPROMISED
};
/** The word of an order in paths and messages: "quarantine", "allow-reenrol", … */
const char *device_action_name(enum device_action action);
/** @errors ERR_WRONG_STATE naming the state, what the action needs, and the orders that it allows */
err_t device_action_check(enum device_action action, enum device_state state);

/** That an action ended where the table says. @errors ERR_INTERNAL */
err_t device_action_end(enum device_action action, enum device_state before, enum device_state after);

#endif
