/* What the files import*.c share. */
#ifndef WHORL_FLEET_IMPORT_INTERNAL_H
#define WHORL_FLEET_IMPORT_INTERNAL_H

#include "base/spool.h"
#include "fleet/import.h"
#include "fleet/internal.h"
#include "fleet/manifest_signers.h"
#include "pki/key.h"

/* One line of the list, judged by itself: as it is kept in the temporary file. */
struct import_line {
    struct import_refusal about; /* code ERR_OK: the line is good, and `has_id` holds */
    enum device_claim claim;
    uint16_t sizes[4]; /* of the four texts, in this order */
    struct bytes texts[4];
};
enum { IMPORT_SPKI, IMPORT_SERIAL, IMPORT_MODEL, IMPORT_ATTRIBUTES };

err_t import_line_write(struct spool *spool, struct import_line *line);
/** @param texts holds what the line's slices point to */
err_t import_line_read(struct spool *spool, struct import_line *line, struct buf *texts);

struct import {
    struct fleet *fleet;
    struct actor actor;
    struct import_order order;
    char name[NAME_SIZE];
    struct product_row product;
    struct key_policy policy;
    struct manifest_signers *signers;
    struct handover *parser;
    struct spool *lines, *report;
    uint64_t line_count;   /* in `lines` */
    uint64_t report_count; /* in `report` */
    uint64_t report_read;
    err_t fatal; /* the first line that makes the whole list worthless */
};

/* import_register.c */
err_t import_register(struct import *import, struct import_result *out);

#endif
