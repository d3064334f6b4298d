/* How certificates stand, for the OCSP responder. Of the device authority the inventory knows every
 * certificate, so one that it does not know was never issued. Of the others it knows the authorities, and
 * what this installation uses itself; what else they may have signed is unknown here. Never good without a
 * row or a certificate in hand. */
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "db/authority_rows.h"
#include "db/certificate_rows.h"
#include "fleet/ocsp_internal.h"
#include "pki/certificate.h"

struct query {
    struct fleet *fleet;
    size_t index;
    const struct ocsp_request *request;
    struct ocsp_single *singles;
};

/* Under the mutex. */
static bool knows_own(const struct ocsp *ocsp, const uint8_t serial[SERIAL_SIZE])
{
    size_t count = ocsp->own_count < OCSP_OWN ? ocsp->own_count : OCSP_OWN;
    for (size_t i = 0; i < count; i++) {
        if (memcmp(ocsp->own[i], serial, SERIAL_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_own(struct ocsp *ocsp, size_t index, const uint8_t serial[SERIAL_SIZE])
{
    const struct ocsp_place *place = ocsp->places[index];
    (void)pthread_mutex_lock(&ocsp->mutex);
    bool is_found =
        place->signer != NULL && memcmp(ocsp_signer_facts(place->signer)->serial, serial, SERIAL_SIZE) == 0;
    is_found = is_found || (place->role == AUTHORITY_INFRASTRUCTURE && knows_own(ocsp, serial));
    (void)pthread_mutex_unlock(&ocsp->mutex);
    return is_found;
}

/* As the CRL has it: a superseded one is revoked when its overlap is over, and not before. */
static err_t of_certificate(struct db_tx *tx, const char *authority, const uint8_t serial[SERIAL_SIZE],
                            struct ocsp_single *out)
{
    struct certificate_row row;
    TRY(certificate_rows_find(tx, authority, serial, &row));
    out->status = row.revoked_at != 0 ? OCSP_REVOKED : OCSP_GOOD;
    out->revoked_at_ms = row.revoked_at;
    out->reason = row.revocation_reason > 0 ? row.revocation_reason : 0;
    return OK;
}

static err_t take_row(const struct authority_certificate_row *row, void *arg)
{
    struct ocsp_single *out = arg;
    out->status = row->revoked_at != 0 ? OCSP_REVOKED : OCSP_GOOD;
    out->revoked_at_ms = row->revoked_at;
    out->reason = row->revocation_reason;
    return OK;
}

struct search {
    const char *issuer;
    struct bytes serial;
    bool is_found;
    struct ocsp_single *out;
};

enum { REASON_CA_COMPROMISE = 2 };

/* A root is certified by itself. */
static err_t match(const struct authority_row *row, void *arg)
{
    struct search *search = arg;
    AUTO_VAL(certificate_facts) facts = {0};
    if (row->certificate.n == 0 ||
        strcmp(row->issuer[0] != '\0' ? row->issuer : row->id, search->issuer) != 0) {
        return OK;
    }
    TRY(certificate_read(row->certificate, &facts));
    if (!bytes_equal((struct bytes){facts.serial, facts.serial_size}, search->serial)) {
        return OK;
    }
    search->is_found = true;
    bool is_lost = row->state == AUTHORITY_COMPROMISED;
    search->out->status = is_lost ? OCSP_REVOKED : OCSP_GOOD;
    search->out->revoked_at_ms = is_lost ? row->updated_at : 0;
    search->out->reason = is_lost ? REASON_CA_COMPROMISE : 0;
    return OK;
}

/* What is revoked, and every cross certificate, has a row; what has none is good when an authority shows it.
 */
static err_t of_authority(struct db_tx *tx, const char *issuer, const uint8_t serial[SERIAL_SIZE],
                          struct ocsp_single *out)
{
    struct search search = {.issuer = issuer, .serial = {serial, SERIAL_SIZE}, .out = out};
    err_t found = authority_certificate_rows_find(tx, issuer, search.serial, take_row, out);
    if (found.code != ERR_NOT_FOUND) {
        return found;
    }
    TRY(authority_rows_each(tx, match, &search));
    ENSURE(search.is_found, ERR_NOT_FOUND, "no authority with this serial");
    return OK;
}

static err_t read_one(struct db_tx *tx, const struct query *query, const struct ocsp_cert *cert,
                      struct ocsp_single *out)
{
    struct ocsp *ocsp = query->fleet->ocsp;
    const struct ocsp_place *place = ocsp->places[query->index];
    bool is_inventory = place->role == AUTHORITY_DEVICE || place->role == AUTHORITY_EDGE;
    uint8_t serial[SERIAL_SIZE];
    *out = (struct ocsp_single){.id = cert->id, .status = is_inventory ? OCSP_NEVER_ISSUED : OCSP_UNKNOWN};
    if (!ocsp_serial(cert, serial)) {
        return OK;
    }
    err_t found = place->role == AUTHORITY_ROOT ? of_authority(tx, place->id, serial, out)
                                                : of_certificate(tx, place->id, serial, out);
    if (found.code == ERR_NOT_FOUND && is_own(ocsp, query->index, serial)) {
        out->status = OCSP_GOOD;
    }
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t read_all(struct db_tx *tx, void *arg)
{
    const struct query *query = arg;
    for (size_t i = 0; i < query->request->count; i++) {
        TRY(read_one(tx, query, &query->request->certs[i], &query->singles[i]));
    }
    return OK;
}

err_t ocsp_status_read(struct fleet *fleet, size_t index, const struct ocsp_request *request,
                       struct ocsp_single *singles)
{
    struct query query = {.fleet = fleet, .index = index, .request = request, .singles = singles};
    return db_read(fleet->db, read_all, &query);
}

err_t ocsp_know(struct fleet *fleet, struct bytes der)
{
    struct ocsp *ocsp = fleet->ocsp;
    AUTO_VAL(certificate_facts) facts = {0};
    TRY(certificate_read(der, &facts));
    ENSURE(facts.serial_size == SERIAL_SIZE, ERR_BAD_ENCODING, "a serial that is not ours");
    (void)pthread_mutex_lock(&ocsp->mutex);
    if (!knows_own(ocsp, facts.serial)) { /* the server tells its certificate again each hour */
        memcpy(ocsp->own[ocsp->own_count % OCSP_OWN], facts.serial, SERIAL_SIZE);
        ocsp->own_count++;
    }
    (void)pthread_mutex_unlock(&ocsp->mutex);
    return OK;
}
