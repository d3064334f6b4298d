/* A URL as libcurl understands it, and no other parser: what is judged here is the very handle that the
 * call is made with, so there are no two readings of one text. Resolves nothing, connects nowhere. */
#ifndef WHORL_OUTBOUND_URL_H
#define WHORL_OUTBOUND_URL_H

#include <curl/curl.h>

#include "base/auto.h"
#include "outbound/ip.h"

DEFINE_AUTO(CURLU, curl_url_cleanup);

enum { URL_MAX = 2048, URL_HOST_SIZE = 254 };

struct url {
    char host[URL_HOST_SIZE]; /* a name in lower case, or an address without brackets */
    long port;
    bool is_address; /* host is `address` */
    struct ip address;
};

/** @param[out] handle the parsed URL; caller owns @errors ERR_UNPROCESSABLE with the reason @thread any */
err_t url_read(const char *text, bool allow_http, CURLU **handle, struct url *out);

#endif
