/* Brings authorities of an older copy to what they have become: one that was made since is there again (its
 * key is in the keystore), one that was compromised stays so, and whoever had taken its place issues. */
#include <stdio.h>
#include <string.h>

#include "db/journal_authority_rows.h"
#include "fleet/authorities.h"
#include "fleet/authority_apply.h"
#include "fleet/journal_replay_internal.h"

/* --- authorities -------------------------------------------------------------------------------------- */

static err_t find(struct db_tx *tx, const char *id, struct authority_copy *out, bool *is_there)
{
    err_t found = authority_copy_find(tx, id, out);
    *is_there = found.code == ERR_OK;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

/* A name may be used again after a pending one was dropped: the one that was made later counts. */
static bool is_newer(const struct authority_row *told, const struct authority_row *here)
{
    return told->created_at != here->created_at ? told->created_at > here->created_at : told->ver > here->ver;
}

static err_t drop_order(struct db_tx *tx, const char *id)
{
    bool is_gone = false;
    return authority_order_rows_delete(tx, id, &is_gone);
}

/* Only what never had a certificate goes. */
static err_t replay_gone(struct db_tx *tx, const struct authority_row *told,
                         const struct authority_copy *here)
{
    if (here->row.state != AUTHORITY_PENDING || here->row.created_at != told->created_at) {
        return OK;
    }
    TRY(drop_order(tx, told->id));
    return authority_rows_delete(tx, told->id);
}

/* The alarm was raised after the copy was made; so it is raised again. */
static err_t warn(struct db_tx *tx, const struct authority_row *told, const struct authority_copy *here)
{
    AUTO_VAL(authority_copy) issuer = {.crl_base = ""};
    bool is_there = false;
    if (told->state != AUTHORITY_COMPROMISED || here->row.state == AUTHORITY_COMPROMISED) {
        return OK;
    }
    TRY(find(tx, told->issuer, &issuer, &is_there));
    return authority_alarm_compromised(tx, told, is_there && !issuer.row.is_external);
}

err_t journal_replay_authority(struct db_tx *tx, const struct journal_entry *entry,
                               struct replay_tally *tally)
{
    char crl_base[AUTHORITY_URL_SIZE];
    struct authority_row told;
    AUTO_VAL(authority_copy) here = {.row = {.state = AUTHORITY_PENDING}};
    bool is_there = false;
    TRY(journal_read_authority(entry, crl_base, &told));
    TRY(find(tx, told.id, &here, &is_there));
    if (entry->authority.is_gone != 0) {
        TRY(is_there ? replay_gone(tx, &told, &here) : OK);
        return journal_replay_record(tx, entry, "authority", told.id);
    }
    if (is_there && (!is_newer(&told, &here.row) || here.row.state == AUTHORITY_COMPROMISED)) {
        return OK; /* told already, by the other journal; and what is compromised stays so (I9) */
    }
    TRY(authority_rows_restore(tx, &told));
    TRY(told.state != AUTHORITY_PENDING || told.request.n > 0 ? drop_order(tx, told.id) : OK);
    TRY(warn(tx, &told, &here));
    tally->authorities++;
    return journal_replay_record(tx, entry, "authority", told.id);
}

/* The job makes what was ordered and not made (fleet/authority_work.h). */
err_t journal_replay_authority_order(struct db_tx *tx, const struct journal_entry *entry)
{
    struct authority_order_row told;
    AUTO_VAL(authority_copy) here = {.crl_base = ""};
    bool is_there = false;
    TRY(journal_read_authority_order(entry, &told));
    TRY(find(tx, told.authority, &here, &is_there));
    if (!is_there || here.row.state != AUTHORITY_PENDING || here.row.request.n > 0) {
        return OK;
    }
    err_t error = authority_order_rows_insert(tx, &told);
    if (error.code == ERR_CONFLICT) {
        return OK;
    }
    TRY(error);
    return journal_replay_record(tx, entry, "authority", told.authority);
}

/* --- what they signed for each other ------------------------------------------------------------------- */

struct kept {
    bool is_there, is_revoked;
};

static err_t take_kept(const struct authority_certificate_row *row, void *arg)
{
    *(struct kept *)arg = (struct kept){true, row->revoked_at != 0};
    return OK;
}

err_t journal_replay_authority_certificate(struct db_tx *tx, const struct journal_entry *entry,
                                           struct replay_tally *tally)
{
    struct authority_certificate_row told;
    struct kept kept = {.is_there = false};
    TRY(journal_read_authority_certificate(entry, &told));
    struct bytes serial = {told.serial, told.serial_size};
    err_t found = authority_certificate_rows_find(tx, told.issuer, serial, take_kept, &kept);
    TRY(found.code == ERR_NOT_FOUND ? OK : found);
    if (!kept.is_there && told.certificate.n == 0) {
        tally->unknown_certificates++;
        return OK;
    }
    if (!kept.is_there) {
        TRY(authority_certificate_rows_insert(tx, &told));
    } else if (told.revoked_at != 0 && !kept.is_revoked) {
        TRY(authority_certificate_rows_revoke(tx, &told));
    } else {
        return OK;
    }
    tally->authorities++;
    return journal_replay_record(tx, entry, "authority", told.subject);
}
