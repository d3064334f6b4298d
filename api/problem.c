/* Errors as answers: problem+json (RFC 9457) or plain text (EST), with the headers that belong to a status.
 * Every text that came from outside is made valid UTF-8 first. Called by handlers with several findings and
 * by the server for the rest. */
#include "api/problem.h"

#include <stdio.h>
#include <string.h>

#include "api/authn.h"
#include "api/rekey_after.h"
#include "base/json.h"
#include "base/utf8.h"

enum { RETRY_AFTER_USUAL_S = 5 };

/* Ours (5xx) stay in the log, save "not offered", which is about the request. */
static bool problem_shows_detail(err_code code)
{
    return err_status(code) < 500 || code == ERR_NOT_IMPLEMENTED;
}

/* A copy in which what is not UTF-8 (a character cut in two) became '?'. */
static void copy_clean(const char *text, char *out, size_t size)
{
    struct bytes rest = bytes_str(text);
    size_t n = 0;
    while (rest.n > 0) {
        size_t step = utf8_char_size(rest);
        bool is_bad = step == 0;
        step = is_bad ? 1 : step;
        if (n + step >= size) {
            break;
        }
        memcpy(out + n, rest.p, step);
        if (is_bad) {
            out[n] = '?';
        }
        n += step;
        rest = (struct bytes){rest.p + step, rest.n - step};
    }
    out[n] = '\0';
}

/* base/json names the field that it refuses first, in quotes: "'name' is missing" becomes /name (RFC 6901
 * §3). */
static bool pointer_from_detail(const err_t *error, char out[96])
{
    const char *p = error->detail;
    if (error->code != ERR_UNPROCESSABLE || *p++ != '\'') {
        return false;
    }
    size_t n = 0;
    out[n++] = '/';
    for (; *p != '\'' && *p != '\0' && n + 3 < 96; p++) {
        if (*p == '~' || *p == '/') {
            out[n++] = '~';
            out[n++] = *p == '~' ? '0' : '1';
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
    return *p == '\'' && n > 1;
}

static err_t append_items(json_t *problem, const struct fault *items, size_t count)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char clean[ERR_DETAIL_SIZE];
        AUTO(json_t) *item = json_object();
        copy_clean(items[i].detail, clean, sizeof clean);
        TRY(json_set_text(item, "detail", clean));
        copy_clean(items[i].pointer, clean, sizeof clean);
        TRY(json_set_text(item, "pointer", clean));
        ENSURE(json_array_append_new(list, TAKE(item)) == 0, ERR_NO_MEMORY, "a list of errors");
    }
    return json_take(problem, "errors", TAKE(list));
}

static err_t write_problem(const struct request *request, const err_t *error, const struct fault *items,
                           size_t count, struct buf *out)
{
    char type[64];
    char detail[ERR_DETAIL_SIZE];
    snprintf(type, sizeof type, "/problems/%s", err_slug(error->code));
    AUTO(json_t) *problem = json_object();
    TRY(json_set_text(problem, "type", type));
    TRY(json_set_text(problem, "title", err_title(error->code)));
    TRY(json_set_int(problem, "status", err_status(error->code)));
    if (problem_shows_detail(error->code) && error->detail[0] != '\0') {
        copy_clean(error->detail, detail, sizeof detail);
        TRY(json_set_text(problem, "detail", detail));
    }
    TRY(json_set_text(problem, "request_id", request->request_id));
    if (request->trace.id[0] != '\0') {
        TRY(json_set_text(problem, "trace_id", request->trace.id));
    }
    struct fault named = {.pointer = ""};
    if (count == 0 && pointer_from_detail(error, named.pointer)) {
        memcpy(named.detail, error->detail, sizeof named.detail);
        TRY(append_items(problem, &named, 1));
    } else if (count > 0) {
        TRY(append_items(problem, items, count));
    }
    return json_append(out, problem);
}

static err_t write_text(const struct request *request, const err_t *error, struct buf *out)
{
    bool is_shown = problem_shows_detail(error->code) && error->detail[0] != '\0';
    return buf_printf(out, "%s%s%s\nrequest %s\n", err_title(error->code), is_shown ? ": " : "",
                      is_shown ? error->detail : "", request->request_id);
}

static err_t add_headers(const struct request *request, const err_t *error, struct response *response)
{
    err_code code = error->code;
    char challenge[RESPONSE_VALUE_SIZE];
    int status = err_status(code);
    if ((status == 401 || code == ERR_FORBIDDEN) && authn_challenge(request, code, challenge)) {
        TRY(response_header(response, "WWW-Authenticate", challenge));
    }
    if (status == 503 || status == 429) {
        char seconds[16];
        (void)snprintf(seconds, sizeof seconds, "%d",
                       error->retry_after_s > 0 ? error->retry_after_s : RETRY_AFTER_USUAL_S);
        TRY(response_header(response, "Retry-After", seconds));
    }
    return OK;
}

err_t problem_render(const struct request *request, const err_t *error, const struct fault *items,
                     size_t item_count, struct response *response)
{
    response_clear(response);
    response->status = err_status(error->code);
    TRY(add_headers(request, error, response));
    if (request->route != NULL && request->route->errors == ERRORS_TEXT) {
        response->content_type = "text/plain; charset=utf-8";
        return write_text(request, error, &response->body);
    }
    response->content_type = "application/problem+json";
    return write_problem(request, error, items, item_count, &response->body);
}

void api_refuse(struct api *api, const struct request *request, err_t error, struct response *response)
{
    /* whom there is no room for is counted, by route and by reason: lines would be as many as callers */
    if (!problem_shows_detail(error.code) && error.code != ERR_BUSY) {
        struct log_origin origin = http_origin(request);
        log_request_error(api->options.log, "request_failed", &origin, error);
    }
    err_t failure = problem_render(request, &error, NULL, 0, response);
    failure = failure.code == ERR_OK ? rekey_after_add(api, request, response) : failure;
    if (failure.code != ERR_OK) {
        /* no memory for a body: the status alone must do */
        response_clear(response);
        response->status = err_status(error.code);
    }
}
