/* Problem details (RFC 9457): the one form in which the REST and device JSON interfaces say no. */
#ifndef WHORL_API_PROBLEM_H
#define WHORL_API_PROBLEM_H

#include "api/http.h"
#include "base/faults.h"

/** Fills `response` (cleared first) with a problem of the error's row. The detail is shown for 4xx and 501
 * only.
 *  @param items what is wrong, one by one; may be empty: an error that begins with a quoted field name then
 * points to that field @thread any */
err_t problem_render(const struct request *request, const err_t *error, const struct fault *items,
                     size_t item_count, struct response *response);

#endif
