/* Certificates of keys of role cms: the request for one, and the one that somebody brings. */
#include <stdio.h>
#include <string.h>

#include "fleet/event.h"
#include "fleet/firmware_key_handles.h"
#include "fleet/firmware_keys.h"
#include "fleet/internal.h"
#include "pki/code_certificate.h"

static err_t check_cms(const struct firmware_key_row *key)
{
    ENSURE(key->role == FIRMWARE_KEY_CMS, ERR_WRONG_STATE,
           "the key is of role %s; only keys of role cms have a certificate",
           firmware_key_role_name(key->role));
    ENSURE(key->state == FIRMWARE_KEY_ACTIVE, ERR_WRONG_STATE, "the key is %s",
           firmware_key_state_name(key->state));
    return OK;
}

err_t firmware_key_request(struct fleet *fleet, struct uuid tenant, struct uuid id, struct buf *pem)
{
    AUTO_PTR(firmware_key_handle) *handle = NULL;
    AUTO_VAL(buf) der = {0};
    struct firmware_key_row key;
    TRY(firmware_key_get(fleet, tenant, id, &key));
    TRY(check_cms(&key));
    TRY(firmware_key_handle_take(fleet, key.label, &handle));
    TRY(code_request_make(firmware_key_handle_borrow(handle), key.name, &der));
    return code_request_to_pem(buf_view(&der), pem);
}

struct certificate_run {
    const struct terms *terms;
    struct uuid id;
    struct bytes der;
    struct sha256 digest;
    struct firmware_key_row *out;
};

static err_t record(struct db_tx *tx, const struct certificate_run *run)
{
    const struct firmware_key_row *row = run->out;
    char id[UUID_TEXT_SIZE], hash[2 * SHA256_SIZE + 1];
    uuid_format(row->id, id);
    hex_encode(BYTES_OF(run->digest.b), hash);
    struct event event = {.kind = "firmware_key.certified",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->tenant};
    return event_append(
        tx, &event, "{\"firmware_key\":\"%s\",\"name\":\"%s\",\"certificate_sha256\":\"%s\",\"ver\":%lld}",
        id, row->name, hash, (long long)row->ver);
}

static err_t certificate_in(struct db_tx *tx, void *arg)
{
    const struct certificate_run *run = arg;
    struct firmware_key_row *row = run->out;
    TRY(firmware_key_rows_find(tx, run->terms->tenant, run->id, row));
    TRY(terms_check_version(run->terms, row->ver));
    TRY(check_cms(row));
    memcpy(row->certificate, run->der.p, run->der.n);
    row->certificate_size = run->der.n;
    row->updated_at = db_tx_now_ms(tx);
    row->ver++;
    TRY(firmware_key_rows_update(tx, row));
    return record(tx, run);
}

/* A key's public half never changes, so the certificate is judged before the transaction. */
err_t firmware_key_certificate(struct fleet *fleet, const struct terms *terms, struct uuid id,
                               struct bytes pem, struct firmware_key_row *out)
{
    AUTO_VAL(buf) der = {0};
    TRY(firmware_key_get(fleet, terms->tenant, id, out));
    TRY(check_cms(out));
    err_t error = code_certificate_take(pem, (struct bytes){out->spki, out->spki_size},
                                        clock_now_ms(fleet->clock), &der);
    TRY(faults_note(terms->faults, "/certificate", error));
    TRY(faults_error(terms->faults));
    ENSURE(der.n <= sizeof out->certificate, ERR_UNPROCESSABLE, "the certificate has more than %zu bytes",
           sizeof out->certificate);
    struct certificate_run run = {.terms = terms, .id = id, .der = buf_view(&der), .out = out};
    TRY(sha256_of(buf_view(&der), &run.digest));
    return db_write(fleet->db, certificate_in, &run);
}
