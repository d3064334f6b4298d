/* hawkBit's target tokens: what a device shows to DDI where it cannot show its certificate. Off by default
 * (fleet/firmware_policy.h); a token is of one device, good for its DDI routes only, and kept as a hash. The
 * device's state is looked at with each request. */
#ifndef WHORL_FLEET_TARGET_TOKENS_H
#define WHORL_FLEET_TARGET_TOKENS_H

#include "fleet/contact.h"
#include "fleet/terms.h"

enum { TARGET_TOKEN_SIZE = 65, TARGET_TOKEN_MIN = 32, TARGET_TOKEN_MAX = 128 };

/** Makes one, in place of the one before. @param[out] out shown once; wiped by the caller
 *  @errors ERR_NOT_FOUND no such device of the tenant; ERR_WRONG_STATE its product takes none @thread worker,
 *  like all functions here */
err_t target_token_make(struct fleet *fleet, const struct terms *terms, const struct device_id *device,
                        char out[TARGET_TOKEN_SIZE]);
/** @errors ERR_NOT_FOUND no such device, or it has none */
err_t target_token_remove(struct fleet *fleet, const struct terms *terms, const struct device_id *device);

struct target_token_claim {
    const char *tenant; /* its name in lower case; DEFAULT is "default" here: nothing else tells */
    const char *controller;
    struct bytes token;
};
/** The enrolled device of that name, if the token is its and its product takes tokens; the contact's proof is
 *  PROOF_TARGET_TOKEN. @errors ERR_UNAUTHORIZED, the same whatever is wrong */
err_t target_token_resolve(struct fleet *fleet, const struct target_token_claim *claim, struct contact *out);

#endif
