/* Certificate profiles as tenants keep them, beside those that are built in: named, in versions that never
 * change. Products name one. What a profile says is fleet/profile_spec.h's matter. */
#ifndef WHORL_FLEET_CERTIFICATE_PROFILES_H
#define WHORL_FLEET_CERTIFICATE_PROFILES_H

#include "fleet/profile_spec.h"
#include "fleet/terms.h"

struct named_profile {
    char name[NAME_SIZE];
    int64_t version;
    bool is_built_in;
    struct profile_spec spec;
    int64_t created_at, updated_at; /* of the profile, or of the version; 0 of built-in ones */
    int64_t ver;                    /* of the profile, for If-Match */
};
typedef err_t (*named_profile_fn)(const struct named_profile *profile, void *arg);

/** Version 1, or the next one where a profile of this name was deleted. @param document a JSON object
 *  @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT name taken or built in @thread worker, like all
 * functions here */
err_t certificate_profile_add(struct fleet *fleet, const struct terms *terms, const json_t *document,
                              struct named_profile *out);
/** Makes the next version. What was issued stays as it is; products that follow the newest one follow it.
 *  @errors ERR_UNPROCESSABLE with faults, also where a product that follows it would not fit any more;
 * ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION, ERR_WRONG_STATE built in */
err_t certificate_profile_change(struct fleet *fleet, const struct terms *terms, struct bytes name,
                                 const json_t *document, struct named_profile *out);
/** Its versions stay readable. @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_WRONG_STATE a product names it,
 * or it is built in */
err_t certificate_profile_delete(struct fleet *fleet, const struct terms *terms, struct bytes name);

/** The newest version. @errors ERR_NOT_FOUND also for another tenant's */
err_t certificate_profile_get(struct fleet *fleet, struct uuid tenant, struct bytes name,
                              struct named_profile *out);
/** One version, also of a profile that was deleted. @errors ERR_NOT_FOUND */
err_t certificate_profile_get_version(struct fleet *fleet, struct uuid tenant, struct bytes name,
                                      int64_t version, struct named_profile *out);
/** The tenant's and those that are built in, in order of name. */
err_t certificate_profile_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                               named_profile_fn fn, void *arg);
/** Of one profile, behind `after`, in order of version. @errors ERR_NOT_FOUND */
err_t certificate_profile_list_versions(struct fleet *fleet, struct uuid tenant, struct bytes name,
                                        const struct row_window *window, named_profile_fn fn, void *arg);

#endif
