/* What the handlers about webhooks share. */
#ifndef WHORL_API_WEBHOOK_VIEWS_H
#define WHORL_API_WEBHOOK_VIEWS_H

#include "api/reply.h"
#include "api/terms.h"
#include "fleet/webhooks.h"

/** @param secret its text, shown this once, or NULL */
err_t reply_webhook(const struct webhook_row *row, int status, const char *secret, struct response *response);
/** Webhook and terms of an order without fields. @errors as request_terms(), with faults */
err_t webhook_read_order(const struct request *request, struct faults *faults, struct terms *terms,
                         struct uuid *id);
/** A time that may not be there (0). */
err_t webhook_set_time_if(json_t *object, const char *name, int64_t at_ms);

#endif
