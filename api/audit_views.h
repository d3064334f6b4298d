/* How an audit record is shown, in lists, histories and exports alike. */
#ifndef WHORL_API_AUDIT_VIEWS_H
#define WHORL_API_AUDIT_VIEWS_H

#include "api/page.h"
#include "api/reply.h"
#include "db/audit_rows.h"

/** The fields of IEC 62443-4-2 CR 2.8 and what else is known. @param[out] out caller owns @thread any */
err_t render_audit(const struct audit_row *row, json_t **out);
/** One page of the log under the filters of the request: a list of its own for each path. @param range
 * tenant, and device where the path names one, are set by the caller @errors as page_open_filtered() @thread
 * worker */
err_t reply_audit_page(struct api *api, const struct request *request, struct page *page,
                       struct audit_range *range, struct response *response);
/** since and until (RFC 3339) of the query; without them everything. @errors ERR_BAD_REQUEST */
err_t read_audit_times(const struct request *request, struct audit_range *range);

#endif
