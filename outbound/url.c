/* Takes http(s)://host[:port]/path?query in visible ASCII and nothing more: no user information, no fragment,
 * no zone, no escapes in the host. */
#include "outbound/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void curl_text_free(char *text)
{
    curl_free(text);
}
typedef char curl_text;
DEFINE_AUTO(curl_text, curl_text_free);

static err_t check_text(const char *text, bool allow_http)
{
    size_t n = strlen(text);
    ENSURE(n > 0 && n <= URL_MAX, ERR_UNPROCESSABLE, "a URL has 1 … %d characters", URL_MAX);
    for (size_t i = 0; i < n; i++) {
        ENSURE(text[i] > 0x20 && text[i] < 0x7f && text[i] != '\\', ERR_UNPROCESSABLE,
               "the URL holds a character that must be escaped, at %zu", i);
    }
    bool is_https = strncasecmp(text, "https://", 8) == 0;
    bool is_http = strncasecmp(text, "http://", 7) == 0;
    ENSURE(is_https || (is_http && allow_http), ERR_UNPROCESSABLE,
           allow_http ? "the URL must begin with https:// or http://" : "the URL must begin with https://");
    const char *host = text + (is_https ? 8 : 7);
    size_t authority = strcspn(host, "/?#");
    ENSURE(authority > 0, ERR_UNPROCESSABLE, "the URL names no host");
    ENSURE(memchr(host, '@', authority) == NULL, ERR_UNPROCESSABLE,
           "the URL must not hold a user name or a password");
    ENSURE(memchr(host, '%', authority) == NULL, ERR_UNPROCESSABLE,
           "the host of the URL must not have escapes or a zone");
    ENSURE(strchr(host, '#') == NULL, ERR_UNPROCESSABLE, "the URL must not have a fragment (#)");
    return OK;
}

/* Names as DNS has them (and `_`, which internal ones have). */
static bool is_name(const char *host)
{
    size_t n = strlen(host);
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)host[i]) && strchr("-._", host[i]) == NULL) {
            return false;
        }
    }
    return n > 0 && host[0] != '.' && host[n - 1] != '.' && strstr(host, "..") == NULL;
}

static err_t take_host(const char *host, struct url *out)
{
    size_t n = strlen(host);
    ENSURE(n > 0 && n < sizeof out->host, ERR_UNPROCESSABLE, "the host of the URL is too long");
    bool is_bracketed = host[0] == '[';
    ENSURE(!is_bracketed || (n > 2 && host[n - 1] == ']'), ERR_UNPROCESSABLE, "the host of the URL");
    memcpy(out->host, host + (is_bracketed ? 1 : 0), n - (is_bracketed ? 2 : 0));
    out->host[n - (is_bracketed ? 2 : 0)] = '\0';
    for (char *c = out->host; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    out->is_address = ip_read(out->host, &out->address);
    ENSURE(out->is_address || (!is_bracketed && is_name(out->host)), ERR_UNPROCESSABLE,
           "the host of the URL is neither a name nor an address");
    return OK;
}

static err_t take_parts(CURLU *handle, struct url *out)
{
    AUTO(curl_text) *host = NULL;
    AUTO(curl_text) *port = NULL;
    ENSURE(curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK, ERR_UNPROCESSABLE,
           "the URL names no host");
    TRY(take_host(host, out));
    ENSURE(curl_url_get(handle, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK, ERR_UNPROCESSABLE,
           "the port of the URL");
    out->port = strtol(port, NULL, 10);
    ENSURE(out->port > 0 && out->port <= 65535, ERR_UNPROCESSABLE, "the port of the URL");
    return OK;
}

err_t url_read(const char *text, bool allow_http, CURLU **handle, struct url *out)
{
    *handle = NULL;
    *out = (struct url){.port = 0};
    TRY(check_text(text, allow_http));
    AUTO(CURLU) *made = curl_url();
    ENSURE(made != NULL, ERR_NO_MEMORY, "a URL");
    CURLUcode code = curl_url_set(made, CURLUPART_URL, text, 0);
    ENSURE(code != CURLUE_OUT_OF_MEMORY, ERR_NO_MEMORY, "a URL");
    ENSURE(code == CURLUE_OK, ERR_UNPROCESSABLE, "the URL is malformed");
    TRY(take_parts(made, out));
    *handle = TAKE(made);
    return OK;
}
