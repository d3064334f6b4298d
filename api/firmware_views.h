/* How images and uploads of firmware are shown. */
#ifndef WHORL_API_FIRMWARE_VIEWS_H
#define WHORL_API_FIRMWARE_VIEWS_H

#include "api/reply.h"
#include "fleet/uploads.h"

/** An image as lists show it. @param[out] out caller owns @thread worker */
err_t firmware_image_render(const struct firmware_image_row *row, json_t **out);
/** The answer to bytes that became an image: 201, or 200 where the tenant had it. */
err_t firmware_outcome_reply(const struct request *request, const struct upload_outcome *outcome,
                             struct response *response);
/** A field that is 64 hex characters, a format, … of a query. @errors ERR_BAD_REQUEST */
err_t firmware_format_query(const struct request *request, enum image_format *out, bool *has);

#endif
