/* The way of a call: the URL is judged, its name resolved once, every address judged, and the transfer pinned
 * to them. What goes over the wire is transfer.c. */
#include "outbound/http.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/ports.h"
#include "outbound/internal.h"

enum { CA_FILE_MAX = 4 * 1024 * 1024 };

/* A wrong file is told at the start, not at the first call at night. */
static err_t check_ca_file(const char *path)
{
    AUTO_VAL(buf) text = {0};
    err_t error = file_read(path, CA_FILE_MAX, &text);
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "%s", error.detail);
    ENSURE(strstr(buf_str(&text), "-----BEGIN CERTIFICATE-----") != NULL, ERR_UNPROCESSABLE,
           "%.100s holds no PEM certificate", path);
    return OK;
}

err_t outbound_new(const struct outbound_options *options, struct outbound **out)
{
    *out = NULL;
    AUTO_PTR(outbound) *outbound = calloc(1, sizeof *outbound);
    ENSURE(outbound != NULL, ERR_NO_MEMORY, "outbound calls");
    /* counted by libcurl: outbound_free() takes it back */
    ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, ERR_NO_MEMORY, "libcurl");
    TRY(networks_read(options->allow == NULL ? "" : options->allow, &outbound->allow));
    outbound->allow_http = options->allow_http;
    outbound->resolver = options->resolver;
    TRY(lookups_new(&outbound->lookups));
    if (options->ca_file != NULL && options->ca_file[0] != '\0') {
        TRY(check_ca_file(options->ca_file));
        outbound->ca_file = strdup(options->ca_file);
        ENSURE(outbound->ca_file != NULL, ERR_NO_MEMORY, "a path");
    }
    *out = TAKE(outbound);
    return OK;
}

void outbound_free(struct outbound *outbound)
{
    if (outbound != NULL) {
        lookups_free(outbound->lookups);
        free(outbound->ca_file);
        free(outbound);
        curl_global_cleanup();
    }
}

void outbound_abandon(struct outbound *outbound)
{
    if (outbound != NULL) {
        atomic_store(&outbound->is_abandoned, true);
        lookups_abandon(outbound->lookups);
    }
}

void outbound_answer_clear(struct outbound_answer *answer)
{
    buf_clear(&answer->body);
    *answer = (struct outbound_answer){.status = 0};
}

/* --- judging */

static err_t judge(const struct outbound *outbound, const char *host, const struct ip *address)
{
    char text[IP_TEXT_SIZE];
    const char *what = ip_special(address);
    if (what == NULL || networks_hold(&outbound->allow, address)) {
        return OK;
    }
    ip_format(address, text);
    return ERR(ERR_UNPROCESSABLE,
               "%.40s is at %s: %s; such addresses are called only where outbound_allow "
               "lists them",
               host, text, what);
}

/* The names that every resolver must take for loopback (RFC 6761 §6.3). */
static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    size_t n = strlen(host);
    size_t m = sizeof name - 1;
    return n >= m && strcmp(host + n - m, name) == 0 && (n == m || host[n - m - 1] == '.');
}

static err_t judge_unresolved(const struct outbound *outbound, const struct url *url)
{
    struct ip loopback;
    if (url->is_address) {
        return judge(outbound, url->host, &url->address);
    }
    if (!is_localhost(url->host)) {
        return OK;
    }
    ENSURE(ip_read("127.0.0.1", &loopback), ERR_INTERNAL, "an address");
    return judge(outbound, url->host, &loopback);
}

err_t outbound_check_url(const struct outbound *outbound, const char *url)
{
    AUTO(CURLU) *handle = NULL;
    struct url parts;
    TRY(url_read(url, outbound->allow_http, &handle, &parts));
    return judge_unresolved(outbound, &parts);
}

/* --- resolving: every address is judged, so that nobody hides a private one behind a public one. */

static err_t take_pin(struct transfer *transfer, const char *text)
{
    struct ip address;
    ENSURE(ip_read(text, &address), ERR_UNAVAILABLE, "%.80s has no usable address", transfer->url->host);
    TRY(judge(transfer->outbound, transfer->url->host, &address));
    if (transfer->pin_count < OUTBOUND_PINS_MAX) {
        transfer->pins[transfer->pin_count++] = address;
    }
    return OK;
}

static err_t resolve(struct transfer *transfer)
{
    const struct outbound *outbound = transfer->outbound;
    AUTO_VAL(buf) text = {0};
    if (outbound->resolver != NULL) {
        TRY(outbound->resolver->resolve(outbound->resolver->context, transfer->url->host, &text));
    } else {
        TRY(lookups_ask(outbound->lookups, transfer->url->host, transfer->connect_ms, &text));
    }
    char line[IP_TEXT_SIZE];
    for (const char *at = buf_str(&text); *at != '\0';) {
        size_t n = strcspn(at, "\n");
        ENSURE(n < sizeof line, ERR_UNAVAILABLE, "%.80s has no usable address", transfer->url->host);
        memcpy(line, at, n);
        line[n] = '\0';
        TRY(take_pin(transfer, line));
        at += n + (at[n] == '\n' ? 1 : 0);
    }
    ENSURE(transfer->pin_count > 0, ERR_UNAVAILABLE, "%.80s has no address", transfer->url->host);
    return OK;
}

static bool is_token(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~");
    return n > 0 && text[n] == '\0';
}

/* What callers promise, checked all the same: a header with a line end would be a second request. */
static err_t check_call(const struct outbound_call *call)
{
    ENSURE(is_token(call->method), ERR_INTERNAL, "the method of an outbound call");
    ENSURE(call->header_count <= OUTBOUND_HEADERS_MAX, ERR_INTERNAL, "too many headers");
    for (size_t i = 0; i < call->header_count; i++) {
        ENSURE(is_token(call->headers[i].name) && strpbrk(call->headers[i].value, "\r\n") == NULL,
               ERR_INTERNAL, "a header of an outbound call");
    }
    return OK;
}

err_t outbound_send(struct outbound *outbound, const struct outbound_call *call,
                    struct outbound_answer *answer)
{
    AUTO(CURLU) *handle = NULL;
    struct url url;
    TRY(check_call(call));
    ENSURE(!atomic_load(&outbound->is_abandoned), ERR_UNAVAILABLE, "the server ends");
    TRY(url_read(call->url, outbound->allow_http, &handle, &url));
    TRY(judge_unresolved(outbound, &url));
    struct transfer transfer = {
        .outbound = outbound,
        .call = call,
        .url = &url,
        .handle = handle,
        .connect_ms = call->connect_ms > 0 ? call->connect_ms : OUTBOUND_CONNECT_MS,
        .total_ms = call->total_ms > 0 ? call->total_ms : OUTBOUND_TOTAL_MS,
    };
    int64_t begun = clock_monotonic_ms(clock_system());
    if (url.is_address) {
        transfer.pins[transfer.pin_count++] = url.address;
    } else {
        TRY(resolve(&transfer));
    }
    transfer.total_ms -= clock_monotonic_ms(clock_system()) - begun;
    ENSURE(transfer.total_ms > 0, ERR_UNAVAILABLE, "%.80s: the resolver is too slow", url.host);
    return transfer_run(&transfer, answer);
}
