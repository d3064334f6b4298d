/* Which certificate protects a message that brings none. Found by what the message says of its sender, and so
 * no proof of anything: the signature has to hold under its key. Cheap, since anybody may ask: a few rows,
 * and no key is decoded. */
#include <string.h>

#include "db/certificate_rows.h"
#include "db/device_rows.h"
#include "fleet/cmp_internal.h"
#include "pki/certificate.h"

/* What is looked at of one name, newest first. */
enum { TENANTS_MAX = 4, CERTIFICATES_MAX = 8, SAME_ID_MAX = 4 };

struct sender_search {
    const struct cmp_case *c;
    struct device_id id;
    struct uuid tenants[TENANTS_MAX];
    size_t tenant_count;
    struct {
        char authority[AUTHORITY_ID_SIZE];
        uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    } certificates[TENANTS_MAX * CERTIFICATES_MAX];
    size_t certificate_count;
    struct buf *der;
};

/* --- of a transaction ------------------------------------------------------------------------------- */

static err_t take_sender(const struct cmp_row *row, void *arg)
{
    struct sender_search *search = arg;
    bool is_it = search->der->n == 0 && certificate_has_key_id(row->sender, search->c->message.sender_kid);
    return is_it ? buf_append_bytes(search->der, row->sender) : OK;
}

static err_t read_transactions(struct db_tx *tx, void *arg)
{
    struct sender_search *search = arg;
    const struct cmp_case *c = search->c;
    buf_clear(search->der);
    return cmp_rows_of_id(tx, c->message.transaction_id, c->now_ms, SAME_ID_MAX, take_sender, search);
}

/* --- of a device ------------------------------------------------------------------------------------ */

static err_t take_claim(const struct device_row *row, void *arg)
{
    struct sender_search *search = arg;
    if (search->tenant_count < TENANTS_MAX) {
        search->tenants[search->tenant_count++] = row->tenant;
    }
    return OK;
}

static err_t take_certificate(const struct certificate_row *row, void *arg)
{
    struct sender_search *search = arg;
    size_t at = search->certificate_count;
    if (at < sizeof search->certificates / sizeof search->certificates[0]) {
        memcpy(search->certificates[at].authority, row->authority, sizeof row->authority);
        memcpy(search->certificates[at].serial, row->serial, sizeof row->serial);
        search->certificate_count++;
    }
    return OK;
}

static err_t read_certificates(struct db_tx *tx, void *arg)
{
    struct sender_search *search = arg;
    search->tenant_count = search->certificate_count = 0;
    TRY(device_rows_find_claims(tx, &search->id, take_claim, search));
    for (size_t i = 0; i < search->tenant_count; i++) {
        TRY(certificate_rows_list(tx, search->tenants[i], &search->id, CERTIFICATES_MAX, take_certificate,
                                  search));
    }
    for (size_t i = 0; i < search->certificate_count; i++) {
        buf_clear(search->der);
        TRY(certificate_rows_read_der(tx, search->certificates[i].authority, search->certificates[i].serial,
                                      search->der));
        if (certificate_has_key_id(buf_view(search->der), search->c->message.sender_kid)) {
            return OK;
        }
    }
    buf_clear(search->der);
    return OK;
}

err_t cmp_sender_find(const struct cmp_case *c, struct buf *der)
{
    const struct cmp_header *m = &c->message;
    struct sender_search search = {.c = c, .der = der};
    if (m->sender_kid.n == 0) {
        return OK;
    }
    if (m->body == CMP_BODY_CERTCONF || m->body == CMP_BODY_POLLREQ) {
        TRY(db_read(c->fleet->db, read_transactions, &search));
    }
    struct bytes name = name_common_name(m->sender_name);
    if (der->n > 0 || name.n != (size_t)2 * DEVICE_ID_SIZE ||
        hex_decode(name, search.id.b, sizeof search.id.b).code != ERR_OK) {
        return OK;
    }
    return db_read(c->fleet->db, read_certificates, &search);
}
