/* An import: a list of chips of any length becomes one batch. The body is parsed and checked while it comes,
 * and kept in a temporary file; the inventory changes only at the end, so a client that leaves changes
 * nothing. Memory does not grow with the list. */
#ifndef WHORL_FLEET_IMPORT_H
#define WHORL_FLEET_IMPORT_H

#include "fleet/handover.h"
#include "fleet/terms.h"

struct import;

struct import_order {
    struct uuid tenant;
    struct bytes name;    /* of the batch; 1 … 64 of [A-Za-z0-9._-] */
    struct bytes product; /* a product's name; empty: "default" */
    enum handover_format format;
    const char
        *slot;    /* HANDOVER_MICROCHIP: as in struct handover_options; borrowed for the life of the import */
    bool by_line; /* good lines are registered although others are refused */
    bool is_dry_run;              /* the same report, and nothing registered */
    struct bytes idempotency_key; /* or empty; not of a dry run, which does nothing */
    struct bytes terms;           /* what beside the body must be the same in a repeat */
};

struct import_result {
    struct batch_row batch; /* when is_registered */
    bool is_registered;
    bool is_repeat;            /* done before under this key; the report is not kept */
    int64_t accepted, refused; /* lines; nothing is accepted when the list is refused as a whole */
    err_t refusal;             /* why nothing would be registered, or ERR_OK */
};

/* A line of the report. */
struct import_refusal {
    uint64_t line;
    err_code code;
    char reason[ERR_DETAIL_SIZE];
    bool has_id;
    struct device_id id;
    char serial[SERIAL_TEXT_SIZE]; /* "" when not known */
};

/** @param actor its texts are borrowed for the life of the import
 *  @errors ERR_UNPROCESSABLE the name, no such product; ERR_IO, ERR_DISK_FULL @thread worker, like all
 * functions here */
err_t import_open(struct fleet *fleet, const struct actor *actor, const struct import_order *order,
                  struct import **out);
/** @errors of handover_write(); ERR_DISK_FULL */
err_t import_write(struct import *import, struct bytes chunk);
/** Registers what the mode allows; then the report can be read. Refused lines are a result, not an error.
 *  @errors ERR_CONFLICT a batch of this name is there; ERR_UNPROCESSABLE the key stands for another request;
 * ERR_UNPROCESSABLE the list is empty, or cut; ERR_DB …
 */
err_t import_finish(struct import *import, struct import_result *out);
/** The refused lines in the order of the list, one by one. @param[out] is_end there is none any more */
err_t import_next_refusal(struct import *import, struct import_refusal *out, bool *is_end);
void import_free(struct import *import);
DEFINE_AUTO_PTR(import, import_free);

#endif
