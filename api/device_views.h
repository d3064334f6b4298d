/* What the files about devices share: the device that a path names, and how it is shown. */
#ifndef WHORL_API_DEVICE_VIEWS_H
#define WHORL_API_DEVICE_VIEWS_H

#include "api/reply.h"
#include "fleet/registry.h"

/** The device of the path, of the caller's tenant; no query is allowed. @errors ERR_BAD_REQUEST,
 * ERR_NOT_FOUND */
err_t find_device(struct api *api, const struct request *request, struct device_row *out);
/** 200 with the device, its newest certificates and its entity tag. */
err_t reply_device(struct api *api, const struct device_row *row, struct response *response);

#endif
