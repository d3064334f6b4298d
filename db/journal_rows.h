/* From rows to journal entries, for the functions that change those rows (*_rows.c): no caller of theirs can
 * change something and forget the journal. */
#ifndef WHORL_DB_JOURNAL_ROWS_H
#define WHORL_DB_JOURNAL_ROWS_H

#include "db/certificate_rows.h"
#include "db/firmware_line_rows.h"
#include "db/journal.h"

/** @param row with its DER @param link or NULL @thread of tx, like all functions here */
err_t journal_issue(struct db_tx *tx, const struct certificate_row *row, const struct certificate_link *link);
/** @param kind CONFIRM, SUPERSEDE or REVOKE @param row as it is stored now */
err_t journal_certificate(struct db_tx *tx, enum journal_kind kind, const struct certificate_row *row);
/** @param spki as it was stored with the row; BYTES_NONE: unchanged */
err_t journal_device(struct db_tx *tx, const struct device_row *row, struct bytes spki);
err_t journal_crl(struct db_tx *tx, const char *authority, int64_t shard, int64_t number);
err_t journal_line(struct db_tx *tx, const struct firmware_line_row *row);

/** The rows again, as far as entries hold them: a certificate whose `der` borrows from the entry, a device
 * without labels, attributes and note. */
void journal_read_certificate(const struct journal_entry *entry, struct certificate_row *out);
/** @param[out] out borrows from the entry @return false: it is not known who asked */
bool journal_read_link(const struct journal_entry *entry, struct certificate_link *out);
void journal_read_device(const struct journal_entry *entry, struct device_row *out);
void journal_read_line(const struct journal_entry *entry, struct firmware_line_row *out);

#endif
