/* The answer to what waits for a second person, and how approvals and operations are shown. */
#ifndef WHORL_API_GUARDED_H
#define WHORL_API_GUARDED_H

#include "api/reply.h"
#include "db/approval_rows.h"
#include "db/operation_rows.h"
#include "fleet/terms.h"

/** 202 with the approval and its Location. @param guarded is_waiting @thread worker */
err_t reply_waiting(struct api *api, const struct request *request, const struct guarded *guarded,
                    struct response *response);
/** 202 with the operation and its Location. */
err_t reply_started(const struct operation_row *row, struct response *response);

/** @param with_request whether the row holds it @param[out] out caller owns, NULL on error @thread any */
err_t render_approval(const struct approval_row *row, bool with_request, json_t **out);
err_t render_operation(const struct operation_row *row, json_t **out);

#endif
