/* JSON by declaration (over jansson): a table of fields says what an object may hold and where each value
 * goes. Parsing limits: depth 32, no duplicate keys, UTF-8 only. */
#ifndef WHORL_BASE_JSON_H
#define WHORL_BASE_JSON_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/faults.h"

DEFINE_AUTO(json_t, json_decref);

enum json_kind {
    JSON_KIND_TEXT, /* const char *      borrowed from the document; min … max bytes, no control characters */
    JSON_KIND_LINES,   /* const char *     the same with line ends and tabs: PEM */
    JSON_KIND_INTEGER, /* int64_t           min … max */
    JSON_KIND_BOOLEAN, /* bool */
    JSON_KIND_TIME,    /* int64_t           RFC 3339 → Unix ms */
    JSON_KIND_UUID,    /* struct uuid */
    JSON_KIND_HEX32,   /* uint8_t[32]       64 lower-case hex characters */
    JSON_KIND_BASE64,  /* struct buf        caller clears; min … max decoded bytes */
    JSON_KIND_OBJECT,  /* json_t *          borrowed */
    JSON_KIND_ARRAY    /* json_t *          borrowed; min … max elements */
};

struct json_field {
    const char *name;
    enum json_kind kind;
    bool is_required;
    size_t offset; /* offsetof in the caller's struct */
    int64_t min,
        max; /* meaning by kind; a max of 0 for TEXT, BASE64 and ARRAY leaves it to the limit of the body */
    size_t has_offset; /* offsetof a bool that is set when the field was there; JSON_NO_HAS when not wanted */
};
#define JSON_NO_HAS ((size_t)-1)

/* Parsed, a text takes no more than so many times its size, and a MiB: a long one of nothing but brackets is
 * refused. */
enum { JSON_GROWTH = 12 };

/** Parses a body. @param limit of bytes @errors ERR_BAD_JSON with line and column, ERR_TOO_LARGE too long, or
 * too many values for its size @thread any
 */
err_t json_parse(struct bytes text, size_t limit, json_t **out);
/** Reads `object` into `target` by table. Fields not named stay as they are; null counts as absent.
 *  @param refuse_unknown management: true; device protocols: false
 *  Stops at the first wrong field: what was read before stays in `target`, so a BASE64 buffer is cleared on
 * failure too.
 *  @errors ERR_UNPROCESSABLE naming the field */
err_t json_read(const json_t *object, const struct json_field *fields, size_t count, bool refuse_unknown,
                void *target);
/** The same for management, where a person wants to know of every wrong field: unknown fields are refused,
 * and all findings go to `faults`. What was right is in `target`; a BASE64 buffer is cleared by the caller in
 * any case.
 *  @errors of memory only: whether the object is good is for faults_error() */
err_t json_read_all(const json_t *object, const struct json_field *fields, size_t count,
                    struct faults *faults, void *target);
/** Compact text of a value, appended. */
err_t json_append(struct buf *out, const json_t *value);
/** The same of an object or a list, its keys in order: one text for one value. */
err_t json_append_sorted(struct buf *out, const json_t *value);
/** Helpers that set a member and report a failed allocation. `object_set_*` consume nothing but the text they
 * copy. */
err_t json_set_text(json_t *object, const char *name, const char *text);
err_t json_set_int(json_t *object, const char *name, int64_t value);
err_t json_set_bool(json_t *object, const char *name, bool value);
err_t json_set_time(json_t *object, const char *name, int64_t at_ms);
/** Nothing when it is 0: not yet. */
err_t json_set_time_if(json_t *object, const char *name, int64_t at_ms);
err_t json_set_uuid(json_t *object, const char *name, struct uuid id);
/** "a,b" as ["a","b"]; "" as []. */
err_t json_set_words(json_t *object, const char *name, const char *words);
err_t json_set_hex(json_t *object, const char *name, struct bytes value);
err_t json_set_base64(json_t *object, const char *name, struct bytes value);
/** Consumes `value` always, also on error. */
err_t json_take(json_t *object, const char *name, json_t *value);

#endif
