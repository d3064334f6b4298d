/* The tables behind the device states: names, actions, words of the device protocol. A new state is a new row
 * here; nothing else in the tree lists them. Decides nothing about one device (contact.c and enrol.c do). */
#include "fleet/states.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const state_names[] = {
    [DEVICE_REGISTERED] = "registered", [DEVICE_ENROLLED] = "enrolled", [DEVICE_QUARANTINED] = "quarantined",
    [DEVICE_REVOKED] = "revoked",       [DEVICE_RETIRED] = "retired",   [DEVICE_COMPROMISED] = "compromised",
};
_Static_assert(COUNT_OF(state_names) == DEVICE_COMPROMISED + 1, "a name for each state");

static const char *const certificate_names[] = {
    [CERTIFICATE_UNCONFIRMED] = "unconfirmed",
    [CERTIFICATE_CONFIRMED] = "confirmed",
    [CERTIFICATE_SUPERSEDED] = "superseded",
    [CERTIFICATE_REVOKED] = "revoked",
};
_Static_assert(COUNT_OF(certificate_names) == CERTIFICATE_REVOKED + 1, "a name for each state");

#define FROM(state) (1U << (state))

/* A revoked device may enrol only under an allowance, which enrol_decide.c knows; retired and compromised
 * allow nothing, for ever (invariant I9). */
#define STAYS 0U
static const struct action_row {
    const char *name, *subject;
    unsigned from, to; /* to: one of them */
} actions[] = {
    [ACTION_ENROL] = {"enrol", "enrolment", FROM(DEVICE_REGISTERED) | FROM(DEVICE_ENROLLED),
                      FROM(DEVICE_ENROLLED)},
    [ACTION_REENROL] = {"enrol again", "enrolment again", FROM(DEVICE_REVOKED), FROM(DEVICE_ENROLLED)},
    [ACTION_USE] = {"use", "use of a certificate", FROM(DEVICE_ENROLLED), STAYS},
    [ACTION_QUARANTINE] = {"quarantine", "quarantine", FROM(DEVICE_REGISTERED) | FROM(DEVICE_ENROLLED),
                           FROM(DEVICE_QUARANTINED)},
    [ACTION_RELEASE] = {"release", "release", FROM(DEVICE_QUARANTINED),
                        FROM(DEVICE_REGISTERED) | FROM(DEVICE_ENROLLED)},
    [ACTION_REVOKE] = {"revoke", "revocation", FROM(DEVICE_ENROLLED) | FROM(DEVICE_QUARANTINED),
                       FROM(DEVICE_REVOKED)},
    [ACTION_ALLOW_REENROL] = {"allow-reenrol", "allowing re-enrolment",
                              FROM(DEVICE_ENROLLED) | FROM(DEVICE_REVOKED), STAYS},
    [ACTION_ALLOW_RECOVERY] = {"allow-recovery", "allowing a recovery", FROM(DEVICE_ENROLLED), STAYS},
    [ACTION_REKEY] = {"rekey", "a rekey", FROM(DEVICE_ENROLLED), STAYS},
    [ACTION_RETIRE] = {"retire", "retirement",
                       FROM(DEVICE_REGISTERED) | FROM(DEVICE_ENROLLED) | FROM(DEVICE_QUARANTINED) |
                           FROM(DEVICE_REVOKED),
                       FROM(DEVICE_RETIRED)},
    [ACTION_COMPROMISED] = {"compromised", "calling it compromised",
                            FROM(DEVICE_REGISTERED) | FROM(DEVICE_ENROLLED) | FROM(DEVICE_QUARANTINED) |
                                FROM(DEVICE_REVOKED),
                            FROM(DEVICE_COMPROMISED)},
};

static const struct word_row {
    enum device_word word;
    const char *name;
} words[] = {
    {WORD_ENROLLED, "enrolled"},
    {WORD_NOT_ENROLLED, "not_enrolled"},
    {WORD_CERTIFICATE_EXPIRED, "certificate_expired"},
    {WORD_REVOKED, "revoked"},
    {WORD_DOES_NOT_EXIST, "does_not_exist"},
    {WORD_DEVICE_REVOKED, "device_revoked"},
};

const char *device_word_name(enum device_word word)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (words[i].word == word) {
            return words[i].name;
        }
    }
    return "unknown";
}

const char *device_state_name(enum device_state state)
{
    return (size_t)state < COUNT_OF(state_names) ? state_names[state] : "unknown";
}

err_t device_state_parse(struct bytes text, enum device_state *out)
{
    for (size_t i = 0; i < COUNT_OF(state_names); i++) {
        if (bytes_is(text, state_names[i])) {
            *out = (enum device_state)i;
            return OK;
        }
    }
    return ERR(ERR_NOT_FOUND, "no such device state; known: registered, enrolled, quarantined, revoked, "
                              "retired, compromised");
}

const char *certificate_state_name(enum certificate_state state)
{
    return (size_t)state < COUNT_OF(certificate_names) ? certificate_names[state] : "unknown";
}

err_t certificate_state_parse(struct bytes text, enum certificate_state *out)
{
    for (size_t i = 0; i < COUNT_OF(certificate_names); i++) {
        if (bytes_is(text, certificate_names[i])) {
            *out = (enum certificate_state)i;
            return OK;
        }
    }
    return ERR(ERR_NOT_FOUND,
               "no such certificate state; known: unconfirmed, confirmed, superseded, revoked");
}

const char *device_action_name(enum device_action action)
{
    return (size_t)action < COUNT_OF(actions) ? actions[action].name : "unknown";
}

/* "enrolled or quarantined": what would be allowed, for the person who asked. */
static err_t name_states(unsigned from, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(state_names); i++) {
        if ((from & FROM(i)) != 0) {
            TRY(buf_printf(out, "%s%s", out->n == 0 ? "" : " or ", state_names[i]));
        }
    }
    return OK;
}

/* The orders that the state allows instead. */
static err_t name_orders(enum device_state state, struct buf *out)
{
    for (size_t i = ACTION_QUARANTINE; i < COUNT_OF(actions); i++) {
        if ((actions[i].from & FROM(state)) != 0) {
            TRY(buf_printf(out, "%s%s", out->n == 0 ? "" : ", ", actions[i].name));
        }
    }
    return out->n == 0 ? buf_append_str(out, "nothing") : OK;
}

err_t device_action_check(enum device_action action, enum device_state state)
{
    const struct action_row *row = &actions[action];
    if ((row->from & FROM(state)) != 0) {
        return OK;
    }
    AUTO_VAL(buf) needed = {0};
    AUTO_VAL(buf) allowed = {0};
    TRY(name_states(row->from, &needed));
    TRY(name_orders(state, &allowed));
    return ERR(ERR_WRONG_STATE, "the device is %s; %s needs it to be %s; allowed now: %s",
               device_state_name(state), row->subject, buf_str(&needed), buf_str(&allowed));
}

err_t device_action_end(enum device_action action, enum device_state before, enum device_state after)
{
    bool is_there = before == after || (actions[action].to & FROM(after)) != 0;
    ENSURE(is_there, ERR_INTERNAL, "%s brought a device from %s to %s", actions[action].name,
           device_state_name(before), device_state_name(after));
    return OK;
}
