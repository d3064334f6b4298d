/* Published CRLs, one row per authority and list: 0 is the complete list, n + 1 that of shard n. A row that
 * is stale waits to be signed again. */
#ifndef WHORL_DB_CRL_ROWS_H
#define WHORL_DB_CRL_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { CRL_COMPLETE = 0, CRL_SHARDS_MAX = 256, CRL_LISTS_MAX = CRL_SHARDS_MAX + 1 };

struct crl_row {
    char authority[AUTHORITY_ID_SIZE];
    int list;       /* CRL_COMPLETE, or the shard and one */
    int64_t number; /* 0: none was ever signed, der is empty */
    int64_t this_update, next_update;
    bool is_stale;
    struct buf der;
    int64_t ver;
};
void crl_row_clear(struct crl_row *row);
DEFINE_AUTO_VAL(crl_row, crl_row_clear);
typedef err_t (*crl_row_fn)(const struct crl_row *row, void *arg);

/** With DER. @param out cleared by the caller @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t crl_rows_find(struct db_tx *tx, const char *authority, int list, struct crl_row *out);
/** The same without DER. */
err_t crl_rows_find_state(struct db_tx *tx, const char *authority, int list, struct crl_row *out);
/** Every list of the authority, without DER. */
err_t crl_rows_each_state(struct db_tx *tx, const char *authority, crl_row_fn fn, void *arg);
/** Rises whenever a list of the authority becomes stale or is stored; 0 before the first. */
err_t crl_rows_read_change(struct db_tx *tx, const char *authority, int64_t *out);

/** The first one. @errors ERR_CONFLICT there is one */
err_t crl_rows_insert(struct db_tx *tx, const struct crl_row *row);
/** Replaces the list if nobody published another since it was read. It stays stale when something was
 *  revoked since (the version is no longer row->ver), and is signed again later.
 *  @param number that was read, before the new one @errors ERR_BUSY somebody was faster */
err_t crl_rows_replace(struct db_tx *tx, const struct crl_row *row, int64_t number);
/** Says that the lists that hold this serial lack something: the complete one, and its shard where the
 *  authority has them; makes the rows when there are none. */
err_t crl_rows_mark_stale(struct db_tx *tx, const char *authority,
                          const uint8_t serial[CERTIFICATE_SERIAL_SIZE]);
/** One list, to be signed anew. */
err_t crl_rows_mark_list_stale(struct db_tx *tx, const char *authority, int list);
/** Every list there is. */
err_t crl_rows_mark_all_stale(struct db_tx *tx);

/** Which shard of `shards` (a power of two) a serial belongs to: its low bits. @thread any */
static inline int crl_shard_of(int shards, const uint8_t serial[CERTIFICATE_SERIAL_SIZE])
{
    return serial[CERTIFICATE_SERIAL_SIZE - 1] & (shards - 1);
}

#endif
