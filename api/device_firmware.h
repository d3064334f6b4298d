/* Bodies of /device/v1/firmware… as values, read apart from the handlers so that they can be tested and
 * fuzzed. Unknown fields are ignored. */
#ifndef WHORL_API_DEVICE_FIRMWARE_H
#define WHORL_API_DEVICE_FIRMWARE_H

#include "base/json.h"
#include "fleet/firmware_offers.h"

/** The id of an action as digits, without a sign or a leading zero. @errors ERR_UNPROCESSABLE */
err_t firmware_action_id_read(const char *text, int64_t *out);
/** A device's report. @param[out] out its text is borrowed from the document @errors ERR_UNPROCESSABLE naming
 *  the field @thread any */
err_t firmware_report_body_read(const json_t *document, struct firmware_report *out);
/** What a device is told of its action: an object for the member "action". @errors ERR_NO_MEMORY */
err_t firmware_action_render(const struct firmware_action *action, json_t **out);

#endif
