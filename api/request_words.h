/* Small texts of requests, read apart from the handlers so that they can be tested and fuzzed. Pure: no
 * caller, no inventory. */
#ifndef WHORL_API_REQUEST_WORDS_H
#define WHORL_API_REQUEST_WORDS_H

#include "api/http.h"
#include "fleet/firmware_urls.h"

/** A whole number of 1 … 15 digits and nothing else. @param text may be NULL @return whether it is one
 * @thread any, like all here */
bool words_number(const char *text, int64_t *out);
/** DDI's `actionHistory`: how many lines; below 0: all. What is no number is 0. @param text may be NULL */
long words_history(const char *text);
/** The address of an image that is signed: the path's digest and the query. @errors ERR_NOT_FOUND a digest
 * that is none, ERR_FORBIDDEN any of the rest */
err_t words_signed_read(const struct request *request, struct firmware_url *out);
/** The same as it is given to a device: relative to /device/v1/. */
err_t words_signed_write(const struct firmware_url *url, struct buf *out);

#endif
