/* Where requests are counted: an address when its request arrives, before anything is asked; a device when
 * its key was proved, before the inventory is asked; a tenant when its caller is known. And what answers tell
 * of it. How many are too many is fleet/rates.h. */
#ifndef WHORL_API_RATES_H
#define WHORL_API_RATES_H

#include "api/api.h"
#include "fleet/rates.h"

/** Of the request's address, once, whoever calls it first: where a quick handler may answer it is the worker,
 * and what is answered from memory is not counted at all. @errors ERR_TOO_MANY @thread loop, worker */
err_t rates_meet_address(struct api *api, const struct request *request, bool is_arrival);
/** Of a device, once a request. @param key a hash of the key that it proved, or what names it as surely
 *  @errors ERR_TOO_MANY @thread worker */
err_t rates_meet_device(struct api *api, const struct request *request, struct bytes key);
/** @errors ERR_TOO_MANY @thread worker */
err_t rates_meet_tenant(struct api *api, const struct request *request, struct uuid tenant);

#endif
