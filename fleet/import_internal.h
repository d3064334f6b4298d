/* What the files import*.c share. */
#ifndef WHORL_FLEET_IMPORT_INTERNAL_H
#define WHORL_FLEET_IMPORT_INTERNAL_H

#include "base/spool.h"
#include "fleet/import.h"
#include "fleet/internal.h"
#include "fleet/manifest_signers.h"
#include "pki/key.h"

/* A good line, small and of one size, so that a list of any length can be sorted: by id, so that neighbours
 * in the inventory are written one after the other, and of two equal ids the later line is refused. */
struct import_line {
    uint8_t id[DEVICE_ID_SIZE];
    uint8_t line[8], texts_at[8]; /* big-endian; texts_at: in the file of texts, or IMPORT_NO_TEXTS */
    uint8_t claim;
};
#define IMPORT_NO_TEXTS UINT64_MAX

/* What a good line has beyond its id. */
struct import_texts {
    struct bytes spki, serial, model, attributes; /* slices of `memory` */
    struct buf memory;
};
void import_texts_clear(struct import_texts *texts);
DEFINE_AUTO_VAL(import_texts, import_texts_clear);

/* A refused line in the file that becomes the report. */
struct import_refused {
    uint8_t line[8]; /* big-endian: the report is in the order of the list */
    struct import_refusal refusal;
};

/* import_spool.c */
err_t import_open_files(struct import *import);
uint64_t import_number(const uint8_t bytes[8]);
/** Keeps a good line. @param id of its device: the line was checked */
err_t import_keep(struct import *import, const struct handover_item *item, const struct device_id *id);
/** Adds to the report. */
err_t import_refuse(struct import *import, const struct import_refusal *refusal);
/** The texts of a good line; `out` is used again and again. */
err_t import_read_texts(struct import *import, const struct import_line *line, struct import_texts *out);
/** Puts the good lines in order, and closes the files for writing. */
err_t import_sort_lines(struct import *import);
/** Puts the report in order, ready to be read. */
err_t import_sort_report(struct import *import);

struct import {
    struct fleet *fleet;
    struct actor actor;
    struct import_order order;
    char name[NAME_SIZE];
    struct product_row product;
    struct key_policy policy;
    struct manifest_signers *signers;
    struct handover *parser;
    struct sha256_stream *digest; /* of the body; NULL without a key */
    struct idempotency idempotency;
    struct spool *lines, *texts, *report;
    uint64_t line_count;   /* good ones, in `lines` */
    uint64_t report_count; /* in `report` */
    uint64_t report_read;
    bool has_fault; /* a line was refused for its form */
    err_t fatal;    /* the first line that makes the whole list worthless */
};

#define IMPORT_OP_KIND "batch.import"

/* import_register.c */
err_t import_register(struct import *import, struct import_result *out);

#endif
