/* From rows of authorities to journal entries and back, for the functions that change those rows
 * (authority_rows.c, authority_order_rows.c, authority_certificate_rows.c). */
#ifndef WHORL_DB_JOURNAL_AUTHORITY_ROWS_H
#define WHORL_DB_JOURNAL_AUTHORITY_ROWS_H

#include "db/authority_certificate_rows.h"
#include "db/authority_order_rows.h"
#include "db/authority_rows.h"
#include "db/journal.h"

/** @param row as it is stored now @thread of tx, like all functions here that have one */
err_t journal_authority(struct db_tx *tx, const struct authority_row *row);
/** @param row as it was stored: it is deleted */
err_t journal_authority_gone(struct db_tx *tx, const struct authority_row *row);
err_t journal_authority_order(struct db_tx *tx, const struct authority_order_row *row);
/** @param row without its certificate: the entry says only that it is revoked */
err_t journal_authority_certificate(struct db_tx *tx, const struct authority_certificate_row *row);

/** The rows again; what they lend is the entry's. `crl_base` has a place of its own, since it is no text in
 * the entry. @errors ERR_UNPROCESSABLE what no row can hold */
err_t journal_read_authority(const struct journal_entry *entry, char crl_base[AUTHORITY_URL_SIZE],
                             struct authority_row *out);
err_t journal_read_authority_order(const struct journal_entry *entry, struct authority_order_row *out);
err_t journal_read_authority_certificate(const struct journal_entry *entry,
                                         struct authority_certificate_row *out);

#endif
