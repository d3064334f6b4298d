/* Reads of what is signed already. */
#include "fleet/firmware_documents.h"

#include "db/firmware_document_rows.h"
#include "fleet/internal.h"

struct read_one {
    struct uuid id;
    struct buf *out;
    int64_t sequence;
};

static err_t manifest_in(struct db_tx *tx, void *arg)
{
    struct read_one *read = arg;
    return firmware_manifest_rows_find(tx, read->id, read->out);
}

err_t firmware_manifest_read(struct fleet *fleet, struct uuid release, struct buf *out)
{
    struct read_one read = {.id = release, .out = out};
    return db_read(fleet->db, manifest_in, &read);
}

static err_t anchors_in(struct db_tx *tx, void *arg)
{
    struct read_one *read = arg;
    return firmware_statement_rows_find(tx, read->id, &read->sequence, read->out);
}

err_t firmware_anchors_sequence(struct fleet *fleet, const struct contact *contact, int64_t *out)
{
    struct read_one read = {.id = contact->device.product};
    err_t found = db_read(fleet->db, anchors_in, &read);
    *out = read.sequence;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

err_t firmware_anchors_read(struct fleet *fleet, const struct contact *contact, struct buf *out)
{
    struct read_one read = {.id = contact->device.product, .out = out};
    ENSURE(contact->is_known && contact->proof == PROOF_OPERATIONAL &&
               contact->device.state == DEVICE_ENROLLED,
           ERR_FORBIDDEN, "the state of the device allows no firmware");
    return db_read(fleet->db, anchors_in, &read);
}
