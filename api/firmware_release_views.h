/* How a release of firmware is shown, for the two files that answer with one. */
#ifndef WHORL_API_FIRMWARE_RELEASE_VIEWS_H
#define WHORL_API_FIRMWARE_RELEASE_VIEWS_H

#include "api/reply.h"
#include "fleet/releases.h"

/** @param images or NULL: in lists @param[out] out caller owns, NULL on error @thread any */
err_t render_release(const struct firmware_release_row *row, const struct firmware_release_images *images,
                     json_t **out);
err_t reply_release(const struct request *request, int status, const struct release *release,
                    struct response *response);

#endif
