/* What the files handover*.c share: how a body is cut into pieces (lines, JSON elements, CSV records), and
 * the table of formats, each a function of one piece. Tests of the formats go through fleet/handover.h. */
#ifndef WHORL_FLEET_HANDOVER_INTERNAL_H
#define WHORL_FLEET_HANDOVER_INTERNAL_H

#include "base/json.h"
#include "fleet/handover.h"

/* --- cutting
 * ------------------------------------------------------------------------------------------------ */

struct line_splitter {
    uint64_t number; /* of the line that is being read, from 1 */
    bool is_started;
    struct buf line;
};
typedef err_t (*line_fn)(struct handover *handover, uint64_t number, struct bytes text);
/** Lines end with LF or CRLF, the last one also with the body; a byte order mark at the start is skipped. */
err_t lines_write(struct handover *handover, struct bytes chunk, line_fn fn);
err_t lines_finish(struct handover *handover, line_fn fn);

/* Cuts the elements of one list out of a document: what stands around the list is fixed text. Strict about
 * brackets, strings and commas at its level; the inside of an element is judged by who parses it. */
struct json_cutter {
    enum { JSON_BEFORE, JSON_INSIDE, JSON_BEHIND } place;
    size_t at; /* in the fixed text */
    bool is_quoted, is_escaped;
    int depth;
    uint64_t number; /* elements so far */
    struct buf element;
};
err_t json_cut(struct handover *handover, struct bytes chunk);
err_t json_cut_finish(struct handover *handover);
/** One element as a value: element 0 of `list`. @errors ERR_BAD_JSON */
err_t json_element_parse(struct bytes text, uint64_t number, json_t **list);

enum { CSV_FIELDS_MAX = 64, CSV_ROLES = 4 };
struct csv_record {
    uint64_t line;
    size_t count;
    struct bytes fields[CSV_FIELDS_MAX]; /* unquoted; borrowed until the callback returns */
    const char *fault;                   /* why the record is malformed, or NULL */
};
struct csv_reader {
    enum { CSV_START, CSV_PLAIN, CSV_QUOTED, CSV_QUOTE, CSV_RETURN } place;
    uint64_t line, record_line;
    bool is_started;
    const char *fault;
    struct buf text; /* the fields of a record, one behind the other */
    size_t ends[CSV_FIELDS_MAX];
    size_t count;
    bool is_blank; /* nothing but the line's end so far */
    bool has_header;
    struct buf names; /* of the header, likewise */
    size_t name_ends[CSV_FIELDS_MAX];
    size_t name_count;
    int roles[CSV_ROLES]; /* which column has a meaning of the format; -1: none */
};
err_t csv_write(struct handover *handover, struct bytes chunk);
err_t csv_finish(struct handover *handover);
/** Keeps the header's names and finds those of `roles` (NULL-terminated). @errors ERR_UNPROCESSABLE a name is
 * empty, too long or there twice */
err_t csv_take_header(struct handover *handover, const struct csv_record *record, const char *const *roles);
struct bytes csv_name(const struct csv_reader *reader, size_t column);
/** The field with that role, or nothing. */
struct bytes csv_field(const struct handover *handover, const struct csv_record *record, int role);

/* --- formats
 * ------------------------------------------------------------------------------------------------ */

struct handover_kind {
    const char *name;
    enum { CUT_LINES, CUT_JSON, CUT_RECORDS } cut;
    const char *before, *behind; /* CUT_JSON: the fixed text, up to the list's '[' and from behind its ']' */
    line_fn on_text;             /* a line or an element */
    err_t (*on_header)(struct handover *handover, const struct csv_record *record);
    err_t (*on_record)(struct handover *handover, const struct csv_record *record);
    err_t (*on_end)(struct handover *handover); /* or NULL */
};
extern const struct handover_kind handover_quarklink, handover_csv, handover_jsonl, handover_microchip,
    handover_espressif, handover_infineon;

struct handover {
    struct handover_options options;
    const struct handover_kind *kind;
    size_t guard; /* how many bytes of the mark of a private key were just seen */
    union {
        struct line_splitter lines;
        struct json_cutter json;
        struct csv_reader csv;
    } u;
    struct buf block; /* infineon: the certificate that is being read */
    uint64_t block_line;
};

/** Hands one device over, or its refusal. What is ours (5xx) is no refusal and is returned. */
err_t handover_give(struct handover *handover, struct handover_item *item, err_t refusal);

/** The key and the name of a chip's certificate. @param[out] spki appended @errors ERR_UNPROCESSABLE,
 * ERR_BAD_ENCODING */
err_t handover_certificate_read(struct bytes pem, struct buf *spki, char common_name[SERIAL_TEXT_SIZE]);

#endif
