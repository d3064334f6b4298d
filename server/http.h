/* The HTTP library's daemon of one listener on one loop. server/http.c is the only file that knows the
 * library. */
#ifndef WHORL_SERVER_HTTP_H
#define WHORL_SERVER_HTTP_H

#include "server/internal.h"

/** @errors ERR_IO @thread loop or init */
err_t http_new(struct loop *loop, size_t pool_bytes, struct http **out);
/** No exchange may be suspended. NULL is legal. */
void http_free(struct http *http);
/** Gives the daemon its end of a socket pair. @param fd consumed, always */
err_t http_add(struct http *http, int fd);
/** Serves what is ready. @return it wants to run again at once */
bool http_run(struct http *http);
void http_resume(struct exchange *x);
/** Of the library's own events: watched by the loop. */
int http_event_fd(const struct http *http);
const char *http_reason(int status);

#endif
