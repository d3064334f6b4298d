/* The name of a batch for which the caller gave none. */
#ifndef WHORL_API_BATCH_NAME_H
#define WHORL_API_BATCH_NAME_H

#include "api/api.h"

/** "batch-20261122-1f2e3d4c": says when it came. @param[out] out in the request's arena @thread any */
err_t batch_name_make(struct api *api, const struct request *request, struct bytes *out);

#endif
