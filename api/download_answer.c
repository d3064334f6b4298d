/* The HTTP of a download: preconditions in the order of RFC 9110 §13.2.2, then the range. Judges nobody. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/download.h"
#include "api/problem.h"
#include "api/range.h"
#include "api/reply.h"

enum { TAG_SIZE = 2 * SHA256_SIZE + 16, SHA1_TAG_SIZE = 2 * SHA1_SIZE + 3 };

struct tags {
    char own[TAG_SIZE];       /* "sha256-<hex>", quoted */
    char sha1[SHA1_TAG_SIZE]; /* hawkBit's, quoted */
};

static void tags_make(const struct blob_digests *digests, struct tags *out)
{
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(digests->sha256.b), hex);
    snprintf(out->own, sizeof out->own, "\"sha256-%s\"", hex);
    hex_encode(BYTES_OF(digests->sha1), hex);
    snprintf(out->sha1, sizeof out->sha1, "\"%.*s\"", 2 * SHA1_SIZE, hex);
}

/* hawkBit's own tag has no quotes, and its clients send it back so. */
static bool is_tag_of(const char *list, const struct tags *tags)
{
    char bare[SHA1_TAG_SIZE] = "";
    memcpy(bare, tags->sha1 + 1, 2 * SHA1_SIZE);
    return etag_list_has(list, tags->own, false) || etag_list_has(list, tags->sha1, false) ||
           etag_list_has(list, bare, false);
}

/* RFC 9110 §13.1.5: a strong tag alone; a weak one, a date or another's leaves the whole. */
static bool range_counts(const struct request *request, const struct tags *tags)
{
    const char *text = http_header(request, "If-Range");
    return request->method == HTTP_GET &&
           (text == NULL || (strcmp(text, "*") != 0 && strchr(text, ',') == NULL && is_tag_of(text, tags)));
}

/* A name that would need quoting or another charset is left out: the client has one of its own. */
static bool is_plain_name(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\') {
            return false;
        }
    }
    return name[0] != '\0';
}

static err_t add_headers(const struct download *download, const struct tags *tags, struct response *response)
{
    AUTO_VAL(buf) digest = {0};
    TRY(buf_append_str(&digest, "sha-256=:"));
    TRY(base64_append(&digest, BYTES_OF(download->digests->sha256.b)));
    TRY(buf_append_str(&digest, ":"));
    TRY(response_header(response, "ETag", tags->own));
    TRY(response_header(response, "Accept-Ranges", "bytes"));
    TRY(response_header(response, "Repr-Digest", buf_str(&digest)));
    if (is_plain_name(download->filename)) {
        char value[RESPONSE_VALUE_SIZE];
        snprintf(value, sizeof value, "attachment; filename=\"%.200s\"", download->filename);
        TRY(response_header(response, "Content-Disposition", value));
    }
    return response_header(response, "Cache-Control", "private, immutable, max-age=86400");
}

static err_t not_satisfiable(const struct request *request, int64_t size, struct response *response)
{
    char text[64];
    const err_t error = ERR(ERR_RANGE, "it has %" PRId64 " bytes", size);
    TRY(problem_render(request, &error, NULL, 0, response));
    snprintf(text, sizeof text, "bytes */%" PRId64, size);
    return response_header(response, "Content-Range", text);
}

err_t download_answer(const struct request *request, const struct download *download,
                      struct response *response)
{
    struct tags tags;
    int64_t size = download->digests->size;
    tags_make(download->digests, &tags);
    const char *wanted = http_header(request, "If-Match");
    ENSURE(wanted == NULL || is_tag_of(wanted, &tags), ERR_PRECONDITION, "these bytes are %s", tags.own);
    const char *known = http_header(request, "If-None-Match");
    bool is_known = known != NULL && etag_list_has(known, tags.own, true);
    struct range range = {RANGE_WHOLE, 0, size};
    if (!is_known && range_counts(request, &tags)) {
        range = range_parse(http_header(request, "Range"), size);
    }
    if (range.kind == RANGE_NONE) {
        return not_satisfiable(request, size, response);
    }
    TRY(add_headers(download, &tags, response));
    if (range.kind == RANGE_PART) {
        char text[96];
        snprintf(text, sizeof text, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range.at,
                 range.at + range.size - 1, size);
        TRY(response_header(response, "Content-Range", text));
    }
    response->status = is_known ? 304 : range.kind == RANGE_PART ? 206 : 200;
    response->content_type = "application/octet-stream";
    response->file = shared_file_ref(download->file);
    response->file_at = range.at;
    response->file_size = range.size;
    return OK;
}
