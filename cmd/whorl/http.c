/* One libcurl handle, reset for each call, so that calls share a connection. */
#include "cmd/whorl/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* An answer that is collected: the report of an import of a million refused lines is the largest there is. */
enum { ANSWER_LIMIT = 512 * 1024 * 1024, CONNECT_SECONDS = 15, SILENCE_SECONDS = 120, HEADER_SIZE = 4096 };

DEFINE_AUTO_PTR(curl_slist, curl_slist_free_all);

struct cli_http {
    CURL *curl;
    const struct cli_http_options *options;
};

/* What the callbacks of one call share. */
struct exchange {
    const struct cli_call *call;
    struct cli_answer *answer;
    err_t error;   /* of a callback */
    bool is_taken; /* the sink or the reader has begun: the call cannot be repeated */
    char reason[CURL_ERROR_SIZE];
};

void cli_answer_clear(struct cli_answer *answer)
{
    buf_wipe(&answer->body); /* it may hold a secret */
    *answer = (struct cli_answer){.status = 0};
}

err_t cli_http_new(const struct cli_http_options *options, struct cli_http **out)
{
    *out = NULL;
    ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, ERR_NO_MEMORY, "libcurl cannot start");
    AUTO_PTR(cli_http) *http = calloc(1, sizeof *http);
    ENSURE(http != NULL, ERR_NO_MEMORY, "no memory for a connection");
    http->options = options;
    http->curl = curl_easy_init();
    ENSURE(http->curl != NULL, ERR_NO_MEMORY, "no memory for a connection");
    *out = TAKE(http);
    return OK;
}

void cli_http_free(struct cli_http *http)
{
    if (http != NULL) {
        curl_easy_cleanup(http->curl);
        free(http);
        curl_global_cleanup();
    }
}

/* --- callbacks -------------------------------------------------------------------------------------- */

static bool is_success(const struct exchange *exchange)
{
    return exchange->answer->status >= 200 && exchange->answer->status < 300;
}

static err_t take_piece(struct exchange *exchange, struct bytes piece)
{
    if (exchange->call->sink != NULL && is_success(exchange)) {
        exchange->is_taken = true;
        return exchange->call->sink(exchange->call->sink_context, piece);
    }
    ENSURE(exchange->answer->body.n + piece.n <= ANSWER_LIMIT, ERR_TOO_LARGE,
           "the answer has more than %d bytes", ANSWER_LIMIT);
    return buf_append_bytes(&exchange->answer->body, piece);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct bytes piece = {(const uint8_t *)data, size * count};
    exchange->error = take_piece(exchange, piece);
    return exchange->error.code == ERR_OK ? piece.n : 0;
}

/* The value of a header line when it has this name (with its colon), cut to the room. */
static void keep_value(struct bytes line, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    if (line.n <= n || strncasecmp((const char *)line.p, name, n) != 0) {
        return;
    }
    while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t')) {
        n++;
    }
    size_t end = line.n;
    while (end > n && (line.p[end - 1] == '\r' || line.p[end - 1] == '\n' || line.p[end - 1] == ' ')) {
        end--;
    }
    size_t length = end - n < size - 1 ? end - n : size - 1;
    memcpy(out, line.p + n, length);
    out[length] = '\0';
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct cli_answer *answer = exchange->answer;
    struct bytes line = {(const uint8_t *)data, size * count};
    if (line.n > 12 && strncmp(data, "HTTP/1.", 7) == 0) { /* also after a 100 Continue */
        answer->status = atoi(data + 9);
        answer->etag[0] = answer->content_type[0] = answer->retry_after[0] = answer->location[0] = '\0';
    }
    keep_value(line, "etag:", answer->etag, sizeof answer->etag);
    keep_value(line, "content-type:", answer->content_type, sizeof answer->content_type);
    keep_value(line, "retry-after:", answer->retry_after, sizeof answer->retry_after);
    keep_value(line, "location:", answer->location, sizeof answer->location);
    return line.n;
}

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t n = 0;
    exchange->is_taken = true;
    exchange->error = exchange->call->read(exchange->call->read_context, out, size * count, &n);
    return exchange->error.code == ERR_OK ? n : CURL_READFUNC_ABORT;
}

/* libcurl wants to go back when a connection that it had kept turns out to be closed; nothing was read then.
 */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    const struct exchange *exchange = context;
    return offset == 0 && origin == SEEK_SET && !exchange->is_taken ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t to_send, curl_off_t sent)
{
    struct exchange *exchange = context;
    (void)total, (void)now, (void)to_send;
    if (exchange->call->progress(exchange->call->progress_context, sent)) {
        return 0;
    }
    exchange->error = ERR(ERR_TIMEOUT, "stopped");
    return 1;
}

/* --- one call --------------------------------------------------------------------------------------- */

static err_t add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[HEADER_SIZE];
    if (value == NULL) {
        return OK;
    }
    for (const char *p = value; *p != '\0'; p++) {
        ENSURE((unsigned char)*p >= 0x20 && *p != 0x7f, ERR_BAD_REQUEST,
               "the value for %s holds a control character", name);
    }
    int size = snprintf(line, sizeof line, "%s: %s", name, value);
    ENSURE(size > 0 && (size_t)size < sizeof line, ERR_BAD_REQUEST, "the value for %s is too long", name);
    struct curl_slist *longer = curl_slist_append(*list, line);
    bytes_wipe(line, sizeof line);
    ENSURE(longer != NULL, ERR_NO_MEMORY, "no memory for a header");
    *list = longer;
    return OK;
}

static err_t make_headers(const struct cli_http *http, const struct cli_call *call, struct curl_slist **out)
{
    AUTO_VAL(secret) bearer = {0};
    if (http->options->token != NULL && !http->options->is_unverified) {
        TRY(buf_printf(&bearer.bytes, "Bearer %s", http->options->token));
        TRY(add_header(out, "Authorization", buf_str(&bearer.bytes)));
    }
    bool has_body = call->has_body || call->read != NULL;
    const char *type = call->content_type == NULL ? "application/json" : call->content_type;
    TRY(add_header(out, "Accept", call->accept == NULL ? "application/json" : call->accept));
    TRY(add_header(out, "Content-Type", has_body ? type : NULL));
    TRY(add_header(out, "If-Match", call->if_match));
    TRY(add_header(out, "Idempotency-Key", call->idempotency_key));
    TRY(add_header(out, "Upload-Offset", call->upload_offset));
    return add_header(out, "Last-Event-ID", call->last_event_id);
}

static void set_tls(const struct cli_http *http)
{
    CURL *curl = http->curl;
    const struct cli_http_options *options = http->options;
    union { /* CURL_BLOB_NOCOPY only reads */
        const uint8_t *borrowed;
        void *data;
    } ca = {.borrowed = options->ca.p};
    struct curl_blob blob = {.data = ca.data, .len = options->ca.n, .flags = CURL_BLOB_NOCOPY};
    (void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* not the system's */
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
    if (options->ca.n > 0) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    }
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, options->is_unverified ? 0L : 1L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, options->is_unverified ? 0L : 2L);
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->certificate != NULL && !options->is_unverified) {
        (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, options->certificate);
        (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key);
    }
}

static void set_body(CURL *curl, const struct cli_call *call, struct exchange *exchange)
{
    static const char *const words[] = {"GET", "POST", "PATCH", "DELETE", "PUT"};
    if (call->read != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->read_size);
        (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        (void)curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
        (void)curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        (void)curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
    } else if (call->has_body || call->method == CLI_POST) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        (void)curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS,
                               call->body.n == 0 ? "" : (const char *)call->body.p);
    }
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, words[call->method]);
}

static void set_call(const struct cli_http *http, const char *url, const struct curl_slist *headers,
                     struct exchange *exchange)
{
    CURL *curl = http->curl;
    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "whorl");
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    long silence_s = exchange->call->silence_s == 0 ? SILENCE_SECONDS : exchange->call->silence_s;
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, silence_s);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->reason);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    if (exchange->call->progress != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    }
    set_tls(http);
    set_body(curl, exchange->call, exchange);
}

static err_t error_of(const struct cli_http *http, CURLcode code, const struct exchange *exchange)
{
    if (exchange->error.code != ERR_OK) {
        return exchange->error;
    }
    const char *reason = exchange->reason[0] == '\0' ? curl_easy_strerror(code) : exchange->reason;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        return ERR(ERR_UNAVAILABLE, "%.60s is not trusted: %.80s", http->options->server, reason);
    }
    return ERR(ERR_UNAVAILABLE, "no answer from %.60s: %.80s", http->options->server, reason);
}

static bool is_connection_lost(CURLcode code)
{
    return code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
           code == CURLE_PARTIAL_FILE || code == CURLE_COULDNT_CONNECT;
}

err_t cli_http_call(struct cli_http *http, const struct cli_call *call, struct cli_answer *out)
{
    AUTO_VAL(buf) url = {0};
    AUTO_PTR(curl_slist) *headers = NULL;
    TRY(buf_printf(&url, "%s%s", http->options->server, call->path));
    TRY(make_headers(http, call, &headers));
    struct exchange exchange = {.call = call, .answer = out, .error = OK};
    bool may_repeat = call->method == CLI_GET || call->idempotency_key != NULL;
    CURLcode code = CURLE_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        cli_answer_clear(out);
        set_call(http, buf_str(&url), headers, &exchange);
        code = curl_easy_perform(http->curl);
        if (code == CURLE_OK || !may_repeat || exchange.is_taken || !is_connection_lost(code)) {
            break;
        }
    }
    for (struct curl_slist *header = headers; header != NULL; header = header->next) {
        bytes_wipe(header->data, strlen(header->data)); /* one of them is the token */
    }
    return code == CURLE_OK ? OK : error_of(http, code, &exchange);
}
