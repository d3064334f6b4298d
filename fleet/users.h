/* People as those who run a tenant see them: invited, described, given roles, disabled, invited anew. What
 * they log in with nobody but themselves knows (fleet/invitations.h). */
#ifndef WHORL_FLEET_USERS_H
#define WHORL_FLEET_USERS_H

#include "db/person_rows.h"
#include "fleet/access.h"
#include "fleet/terms.h"

struct user_wish {
    struct bytes name, display_name; /* p NULL: not there */
    bool has_roles;
    struct role_names roles;
};

struct user_view {
    struct person_row person;
    struct role_names roles;
    uint32_t scopes; /* of all roles together */
};

/* Shown once. */
struct invitation {
    char text[TOKEN_TEXT_SIZE]; /* the caller wipes it */
    int64_t expires_at;
};

/** A login name: 1 … 64 of [a-z0-9._@+-]. @errors ERR_UNPROCESSABLE @thread any */
err_t user_name_check(struct bytes name);
const char *person_state_name(enum person_state state);
/** @errors ERR_UNPROCESSABLE naming the known ones */
err_t person_state_parse(struct bytes text, enum person_state *out);

/* Who asks: the scopes that they have. Nobody gives what they do not have, or changes whoever may do more. */
struct user_order {
    const struct terms *terms;
    uint32_t caller_scopes;
    struct uuid id; /* of the user; not for user_create() */
};
/** @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT name taken, or made before with this Idempotency-Key:
 * the code is gone, the detail names the id @thread worker, like all functions below */
err_t user_create(struct fleet *fleet, const struct user_order *order, const struct user_wish *wish,
                  struct invitation *invitation, struct user_view *out);
/** Display name and roles. @errors ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION, ERR_FORBIDDEN
 * the user may do more than the caller, ERR_UNPROCESSABLE with faults */
err_t user_change(struct fleet *fleet, const struct user_order *order, const struct user_wish *wish,
                  struct user_view *out);
/** Ends all sessions; again changes nothing. @errors as user_change(); ERR_WRONG_STATE oneself */
err_t user_disable(struct fleet *fleet, const struct user_order *order, struct user_view *out);
/** @errors as user_change(); ERR_WRONG_STATE not disabled */
err_t user_enable(struct fleet *fleet, const struct user_order *order, struct user_view *out);
/** Forgets password, TOTP secret and recovery codes, ends all sessions; a new invitation. @errors as
 * user_change(); ERR_WRONG_STATE disabled; ERR_CONFLICT as user_create() */
err_t user_reset(struct fleet *fleet, const struct user_order *order, struct invitation *invitation,
                 struct user_view *out);

err_t user_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct user_view *out);
err_t user_find(struct fleet *fleet, struct uuid tenant, struct bytes name, struct user_view *out);
/** In order of id. @errors ERR_NOT_FOUND no such role; of fn */
err_t user_list(struct fleet *fleet, struct uuid tenant, const struct person_filter *filter,
                const struct row_window *window, err_t (*fn)(const struct user_view *view, void *arg),
                void *arg);

#endif
