/* One exchange with libcurl, on a handle of its own that is thrown away after it: no connection, session,
 * cookie or name is carried from one call to the next. Everything that libcurl would do on its own account
 * (redirects, proxies, credentials, other protocols) is off. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outbound/internal.h"

enum { ANSWER_LIMIT = 64 * 1024, HEADERS_LIMIT = 64 * 1024 };

DEFINE_AUTO(CURL, curl_easy_cleanup);
typedef struct curl_slist curl_slist;
DEFINE_AUTO(curl_slist, curl_slist_free_all);

struct receiving {
    const struct transfer *transfer;
    struct outbound_answer *answer;
    size_t limit, header_bytes;
    bool is_too_large, is_no_memory, is_foreign_address;
};

/* The last word: whatever libcurl has come to believe, no socket is opened to an address that was not judged.
 */
static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct receiving *r = context;
    struct ip address;
    bool is_pinned = false;
    (void)purpose;
    if (ip_of(&to->addr, &address)) {
        for (size_t i = 0; i < r->transfer->pin_count; i++) {
            is_pinned = is_pinned || ip_equal(&address, &r->transfer->pins[i]);
        }
    }
    if (!is_pinned) {
        r->is_foreign_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t on_body(char *piece, size_t one, size_t n, void *context)
{
    struct receiving *r = context;
    (void)one; /* is 1 */
    if (n > r->limit - r->answer->body.n) {
        r->is_too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    r->is_no_memory = buf_append(&r->answer->body, piece, n).code != ERR_OK;
    return r->is_no_memory ? (size_t)CURL_WRITEFUNC_ERROR : n;
}

static size_t on_header(char *line, size_t one, size_t n, void *context)
{
    struct receiving *r = context;
    (void)line;
    (void)one;
    r->header_bytes += n;
    r->is_too_large = r->is_too_large || r->header_bytes > HEADERS_LIMIT;
    return r->is_too_large ? (size_t)CURL_WRITEFUNC_ERROR : n;
}

/* Asked at least once a second. */
static int on_progress(void *context, curl_off_t of_down, curl_off_t down, curl_off_t of_up, curl_off_t up)
{
    const struct receiving *r = context;
    (void)of_down, (void)down, (void)of_up, (void)up;
    return atomic_load(&r->transfer->outbound->is_abandoned) ? 1 : 0;
}

/* --- setting up */

static err_t add(curl_slist **list, const char *text)
{
    curl_slist *longer = curl_slist_append(*list, text);
    ENSURE(longer != NULL, ERR_NO_MEMORY, "an outbound call");
    *list = longer;
    return OK;
}

/* "host:port:address,address": libcurl asks nobody for this name. */
static err_t pin_name(const struct transfer *transfer, curl_slist **list)
{
    AUTO_VAL(buf) text = {0};
    char address[IP_TEXT_SIZE];
    if (transfer->url->is_address) {
        return OK;
    }
    TRY(buf_printf(&text, "%s:%ld:", transfer->url->host, transfer->url->port));
    for (size_t i = 0; i < transfer->pin_count; i++) {
        bool is_v4 = ip_is_v4(&transfer->pins[i]);
        ip_format(&transfer->pins[i], address);
        TRY(buf_printf(&text, "%s%s%s%s", i == 0 ? "" : ",", is_v4 ? "" : "[", address, is_v4 ? "" : "]"));
    }
    return add(list, buf_str(&text));
}

static err_t list_headers(const struct outbound_call *call, curl_slist **list)
{
    bool has_type = false;
    for (size_t i = 0; i < call->header_count; i++) {
        AUTO_VAL(buf) line = {0};
        const char *value = call->headers[i].value;
        has_type = has_type || strcasecmp(call->headers[i].name, "Content-Type") == 0;
        /* libcurl sends an empty header only when it is written with a semicolon */
        TRY(buf_printf(&line, value[0] == '\0' ? "%s;%s" : "%s: %s", call->headers[i].name, value));
        TRY(add(list, buf_str(&line)));
    }
    TRY(add(list, "Expect:"));
    return has_type ? OK : add(list, "Content-Type:");
}

static bool set_limits(CURL *curl, const struct transfer *t)
{
    return curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, t->outbound->allow_http ? "http,https" : "https") ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)t->total_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "whorl") == CURLE_OK;
}

/* The system's anchors stay in force beside the operator's: they are a folder, the operator's a file. */
static bool set_tls(CURL *curl, const struct transfer *t)
{
    return curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           (t->outbound->ca_file == NULL ||
            curl_easy_setopt(curl, CURLOPT_CAINFO, t->outbound->ca_file) == CURLE_OK);
}

static bool set_method(CURL *curl, const struct outbound_call *call)
{
    if (strcmp(call->method, "GET") == 0) {
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    if (strcmp(call->method, "HEAD") == 0) {
        return curl_easy_setopt(curl, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    const char *body = call->body.n == 0 ? "" : (const char *)call->body.p;
    return curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method) == CURLE_OK;
}

static bool set_callbacks(CURL *curl, struct receiving *r)
{
    return curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, r) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, r) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, r) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, r) == CURLE_OK;
}

/* --- reading the answer */

int64_t cache_max_age(const char *value)
{
    int64_t age = -1;
    while (*value != '\0') {
        value += strspn(value, " \t,");
        if (strncasecmp(value, "no-store", 8) == 0 || strncasecmp(value, "no-cache", 8) == 0) {
            return 0;
        }
        if (strncasecmp(value, "max-age=", 8) == 0 && age < 0) {
            errno = 0;
            long long seconds = strtoll(value + 8, NULL, 10);
            age = errno != 0 || seconds > MAX_AGE_CEILING_S ? MAX_AGE_CEILING_S : seconds;
            age = age < 0 ? 0 : age;
        }
        value += strcspn(value, ",");
    }
    return age;
}

static void read_answer(CURL *curl, struct outbound_answer *answer)
{
    long status = 0;
    char *type = NULL;
    char *address = NULL;
    curl_off_t retry_after = 0;
    struct curl_header *header = NULL;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    answer->status = (int)status;
    answer->retry_after_s = retry_after < 0 ? 0 : retry_after;
    answer->max_age_s = -1;
    if (curl_easy_header(curl, "Cache-Control", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        answer->max_age_s = cache_max_age(header->value);
    }
    if (type != NULL && strlen(type) < sizeof answer->content_type) {
        memcpy(answer->content_type, type, strlen(type) + 1);
    }
    if (address != NULL && strlen(address) < sizeof answer->address) {
        memcpy(answer->address, address, strlen(address) + 1);
    }
}

static err_t outcome(CURLcode code, const struct receiving *r)
{
    const char *host = r->transfer->url->host;
    ENSURE(!r->is_foreign_address, ERR_UNPROCESSABLE, "%.80s: the address is not the one that was judged",
           host);
    ENSURE(!r->is_too_large, ERR_TOO_LARGE, "%.80s: the answer is longer than %zu bytes", host, r->limit);
    ENSURE(!r->is_no_memory, ERR_NO_MEMORY, "an answer");
    ENSURE(code == CURLE_OK, ERR_UNAVAILABLE, "%.60s: %.90s", host, curl_easy_strerror(code));
    return OK;
}

err_t transfer_run(const struct transfer *transfer, struct outbound_answer *answer)
{
    AUTO(curl_slist) *names = NULL;
    AUTO(curl_slist) *headers = NULL;
    AUTO(CURL) *curl = curl_easy_init();
    ENSURE(curl != NULL, ERR_NO_MEMORY, "an outbound call");
    const struct outbound_call *call = transfer->call;
    struct receiving r = {.transfer = transfer,
                          .answer = answer,
                          .limit = call->answer_limit > 0 ? call->answer_limit : ANSWER_LIMIT};
    TRY(pin_name(transfer, &names));
    TRY(list_headers(call, &headers));
    bool is_set = set_limits(curl, transfer) && set_tls(curl, transfer) && set_method(curl, call) &&
                  set_callbacks(curl, &r) &&
                  curl_easy_setopt(curl, CURLOPT_CURLU, transfer->handle) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_RESOLVE, names) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    ENSURE(is_set, ERR_INTERNAL, "an option that libcurl does not know");
    CURLcode code = curl_easy_perform(curl);
    read_answer(curl, answer);
    return outcome(code, &r);
}
