/* What a command line asks of the API, as path and body. Knows no network; a name that stands for an id is
 * looked up by the function that the caller gives. */
#ifndef WHORL_CMD_WHORL_REQUEST_H
#define WHORL_CMD_WHORL_REQUEST_H

#include "base/ports.h"
#include "cmd/whorl/line.h"

/** "sensor" of "products" → its id, appended. */
typedef err_t (*cli_lookup_fn)(void *context, const char *list, const char *name, struct buf *out);

struct cli_request_parts {
    const struct clock *clock; /* for spans of time */
    cli_lookup_fn lookup;      /* may be NULL */
    void *context;
};

/** The command's path with what was given put in, and its query. @errors ERR_BAD_REQUEST; those of the
 * look-up
 *  @thread any */
err_t cli_request_path(const struct cli_request_parts *parts, const struct cli_line *line, struct buf *out);
/** The body, an object; empty when nothing of it was given. A value that is not of its kind is a matter of
 * usage.
 *  @param[out] out caller owns @errors ERR_BAD_REQUEST, ERR_IO, ERR_NOT_FOUND a file, those of the look-up */
err_t cli_request_body(const struct cli_request_parts *parts, const struct cli_line *line, json_t **out);
/** Adds `name`=`value` to a path, percent-encoded (RFC 3986 §2.1), behind ? or &. */
err_t cli_request_add_query(struct buf *path, const char *name, const char *value);
/** "90d", "12h", "30m", "10s" or seconds. */
bool cli_span_parse(const char *text, int64_t *seconds);
/** A file of at most 4 MiB, or standard input for "-". @errors ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO */
err_t cli_file_read(const char *path, struct buf *out);

/** An image of a release, as one word. @param[out] out caller owns @errors ERR_BAD_REQUEST @thread any */
err_t cli_release_image(const char *text, json_t **out);

#endif
