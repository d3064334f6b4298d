/* The bytes of firmware images on their way from a body to fleet/upload_write.c: all of an image at once, or
 * the next part of an upload (draft-ietf-httpbis-resumable-upload). Nothing of them is held here. */
#include "api/firmware_image_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/firmware_views.h"
#include "api/request_words.h"
#include "api/terms.h"

static err_t write_piece(void *state, struct bytes chunk)
{
    return upload_write(state, chunk);
}

static void abort_upload(void *state)
{
    upload_free(state);
}

/* --- what came of it ---------------------------------------------------------------------------------- */

static err_t set_offset(int64_t at, bool is_complete, struct response *response)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)at);
    TRY(response_header(response, "Upload-Offset", text));
    return response_header(response, "Upload-Complete", is_complete ? "?1" : "?0");
}

err_t firmware_outcome_reply(const struct request *request, const struct upload_outcome *outcome,
                             struct response *response)
{
    const struct firmware_image_row *row = &outcome->image;
    AUTO(json_t) *image = NULL;
    AUTO(json_t) *warnings = json_array();
    TRY(firmware_image_render(row, &image));
    if (outcome->is_version_taken) {
        ENSURE(json_array_append_new(warnings,
                                     json_string("another image of the product has this version: a release "
                                                 "of it can be published once")) == 0,
               ERR_NO_MEMORY, "a warning");
    }
    TRY(json_take(image, "warnings", TAKE(warnings)));
    TRY(reply_location(response, "/api/v1/firmware/images", row->id));
    return reply_resource(request, response, outcome->is_new ? 201 : 200, image, row->ver);
}

static err_t finish(const struct request *request, struct upload *upload, struct response *response)
{
    struct faults faults = {.count = 0};
    struct upload_outcome outcome;
    err_t error = upload_finish(upload, &faults, &outcome);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    if (request->method == HTTP_PATCH) {
        TRY(set_offset(outcome.received, outcome.is_image, response));
    }
    if (outcome.is_image) {
        return firmware_outcome_reply(request, &outcome, response);
    }
    response->status = 204;
    return OK;
}

static err_t finish_upload(struct api *api, const struct request *request, void *state,
                           struct response *response)
{
    (void)api;
    err_t error = finish(request, state, response);
    upload_free(state);
    return error;
}

/* --- all at once ---------------------------------------------------------------------------------------- */

static err_t read_length(const struct request *request, int64_t *out)
{
    const char *length = http_header(request, "Content-Length");
    *out = length == NULL ? -1 : strtoll(length, NULL, 10); /* the server has checked that it is a number */
    return OK;
}

static err_t read_order(const struct request *request, struct upload_order *out)
{
    static const char *const known[] = {"product", "filename",        "format", "version",
                                        "sha256",  "may_be_unsigned", NULL};
    const char *product = http_query(request, "product");
    const char *filename = http_query(request, "filename");
    const char *version = http_query(request, "version");
    const char *sha256 = http_query(request, "sha256");
    const char *unsigned_word = http_query(request, "may_be_unsigned");
    TRY(request_check_query(request, known));
    ENSURE(product != NULL && filename != NULL, ERR_BAD_REQUEST, "'product' and 'filename' are needed");
    ENSURE(http_content_type_is(request, "application/octet-stream"), ERR_MEDIA_TYPE,
           "send application/octet-stream");
    *out = (struct upload_order){.product = bytes_str(product), .filename = bytes_str(filename)};
    out->version = version == NULL ? BYTES_NONE : bytes_str(version);
    out->has_sha256 = sha256 != NULL;
    if (sha256 != NULL) {
        err_t error = hex_decode(bytes_str(sha256), out->sha256.b, sizeof out->sha256.b);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "'sha256' is 64 lower-case hexadecimal characters");
    }
    out->may_be_unsigned = unsigned_word != NULL && strcmp(unsigned_word, "true") == 0;
    ENSURE(unsigned_word == NULL || out->may_be_unsigned || strcmp(unsigned_word, "false") == 0,
           ERR_BAD_REQUEST, "'may_be_unsigned' is true or false");
    TRY(firmware_format_query(request, &out->format, &out->has_format));
    return read_length(request, &out->size);
}

static err_t open_image(struct api *api, const struct request *request, void **state)
{
    struct upload_order order;
    struct faults faults = {.count = 0};
    struct firmware_upload_row row;
    struct upload *upload = NULL;
    const struct principal *caller = request->principal;
    struct terms terms = {.tenant = caller->tenant, .actor = caller->actor, .faults = &faults};
    TRY(read_order(request, &order));
    TRY(upload_start(api->options.fleet, &terms, &order, &row));
    const struct upload_place place = {
        .tenant = row.tenant, .id = row.id, .is_whole = true, .actor = caller->actor};
    TRY(upload_open(api->options.fleet, &place, &upload));
    *state = upload;
    return OK;
}

const struct body_sink firmware_image_sink = {
    .open = open_image, .write = write_piece, .finish = finish_upload, .abort = abort_upload};

/* --- the next part ------------------------------------------------------------------------------------- */

static err_t read_place(const struct request *request, struct upload_place *out)
{
    static const char *const no_query[] = {NULL};
    const char *offset = http_header(request, "Upload-Offset");
    *out = (struct upload_place){.tenant = request->principal->tenant, .actor = request->principal->actor};
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "upload", &out->id));
    ENSURE(http_content_type_is(request, "application/partial-upload"), ERR_MEDIA_TYPE,
           "send application/partial-upload");
    ENSURE(offset != NULL, ERR_BAD_REQUEST, "Upload-Offset says where these bytes belong");
    ENSURE(words_number(offset, &out->at), ERR_BAD_REQUEST, "Upload-Offset is a number of bytes");
    return OK;
}

static err_t open_part(struct api *api, const struct request *request, void **state)
{
    struct upload_place place;
    struct upload *upload = NULL;
    TRY(read_place(request, &place));
    TRY(upload_open(api->options.fleet, &place, &upload));
    *state = upload;
    return OK;
}

const struct body_sink firmware_append_sink = {
    .open = open_part, .write = write_piece, .finish = finish_upload, .abort = abort_upload};
