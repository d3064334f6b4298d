/* The rules of client certificates: each change and its audit record in one transaction. */
#include "fleet/client_certificates.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"

static const char OP_KIND[] = "client_certificate.add";
#define USE_STEP_MS (INT64_C(60) * 1000)

struct run {
    const struct terms *terms;
    const struct client_certificate_wish *wish;
    struct uuid id;
    struct client_certificate_row *out;
};

err_t client_certificate_key(struct bytes pem, uint8_t out[SHA256_SIZE])
{
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    err_t error = certificate_from_pem(pem, &der);
    if (error.code == ERR_OK) {
        error = certificate_read(buf_view(&der), &facts);
    }
    ENSURE(error.code == ERR_OK || err_status(error.code) >= 500, ERR_UNPROCESSABLE,
           "no PEM certificate: %.100s", error.detail);
    TRY(error);
    ENSURE(facts.key.alg != KEY_ALG_NONE, ERR_UNPROCESSABLE, "keys of this kind are not accepted");
    memcpy(out, facts.key.spki_sha256.b, SHA256_SIZE);
    return OK;
}

/* --- judged ----------------------------------------------------------------------------------------- */

static err_t check(const struct client_certificate_wish *wish, int64_t now_ms, struct faults *faults)
{
    if (wish->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(wish->name, "name of a client certificate")));
    }
    if (wish->has_scopes && (wish->scopes == 0 || !scopes_cover(wish->caller_scopes, wish->scopes))) {
        faults_add(faults, "/scopes", "%s",
                   wish->scopes == 0 ? "one scope at least"
                                     : "nobody can give a scope that they do not have");
    }
    if (wish->has_expiry && wish->expires_at != 0 && wish->expires_at <= now_ms) {
        faults_add(faults, "/expires_at", "that is past already");
    }
    return faults_error(faults);
}

static void apply(const struct client_certificate_wish *wish, struct client_certificate_row *row)
{
    if (wish->name.p != NULL) {
        name_copy(wish->name, row->name);
    }
    row->scopes = wish->has_scopes ? wish->scopes : row->scopes;
    row->expires_at = wish->has_expiry ? wish->expires_at : row->expires_at;
    if (wish->has_sources) {
        memcpy(row->sources, wish->sources, sizeof row->sources);
    }
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct run *run, const char *kind)
{
    const struct client_certificate_row *row = run->out;
    char id[UUID_TEXT_SIZE], key[2 * SHA256_SIZE + 1], scopes[SCOPES_TEXT_SIZE];
    uuid_format(row->id, id);
    hex_encode(BYTES_OF(row->spki_sha256), key);
    scopes_format(row->scopes, scopes);
    const struct event event = {.kind = kind,
                                .result = "ok",
                                .actor = run->terms->actor.name,
                                .request_id = run->terms->actor.request_id,
                                .tenant = &row->tenant};
    return event_append(
        tx, &event,
        "{\"client_certificate\":\"%s\",\"name\":\"%s\",\"spki_sha256\":\"%s\",\"scopes\":\"%s\","
        "\"sources\":\"%s\",\"expires_at_ms\":%" PRId64 ",\"ver\":%" PRId64 "}",
        id, row->name, key, scopes, row->sources, row->expires_at, row->ver);
}

static err_t find_repeat(struct db_tx *tx, const struct run *run, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? client_certificate_rows_find(tx, run->terms->tenant, id, run->out) : OK;
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    bool is_repeat = false;
    char id[UUID_TEXT_SIZE];
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    int64_t now_ms = db_tx_now_ms(tx);
    *run->out = (struct client_certificate_row){
        .tenant = run->terms->tenant, .created_at = now_ms, .updated_at = now_ms, .ver = 1};
    apply(run->wish, run->out);
    memcpy(run->out->spki_sha256, run->wish->spki_sha256, sizeof run->out->spki_sha256);
    (void)snprintf(run->out->owner, sizeof run->out->owner, "%s", actor_owner(&run->terms->actor));
    TRY(db_tx_uuid(tx, &run->out->id));
    TRY(client_certificate_rows_insert(tx, run->out));
    uuid_format(run->out->id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return record(tx, run, "client_certificate.added");
}

err_t client_certificate_add(struct fleet *fleet, const struct terms *terms,
                             const struct client_certificate_wish *wish, struct client_certificate_row *out)
{
    TRY(check(wish, clock_now_ms(fleet->clock), terms->faults));
    struct run run = {.terms = terms, .wish = wish, .out = out};
    return db_write(fleet->db, add_in, &run);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    TRY(client_certificate_rows_find(tx, run->terms->tenant, run->id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    ENSURE(scopes_cover(run->wish->caller_scopes, run->out->scopes), ERR_FORBIDDEN,
           "the client certificate may do more than its caller");
    ENSURE(run->out->revoked_at == 0, ERR_WRONG_STATE,
           "the client certificate is revoked: nothing can be changed");
    apply(run->wish, run->out);
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(client_certificate_rows_update(tx, run->out));
    return record(tx, run, "client_certificate.changed");
}

err_t client_certificate_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                                const struct client_certificate_wish *wish,
                                struct client_certificate_row *out)
{
    TRY(check(wish, clock_now_ms(fleet->clock), terms->faults));
    struct run run = {.terms = terms, .wish = wish, .id = id, .out = out};
    return db_write(fleet->db, change_in, &run);
}

static err_t revoke_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    TRY(client_certificate_rows_find(tx, run->terms->tenant, run->id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    if (run->out->revoked_at != 0) {
        return OK;
    }
    run->out->revoked_at = db_tx_now_ms(tx);
    run->out->updated_at = run->out->revoked_at;
    run->out->ver++;
    TRY(client_certificate_rows_update(tx, run->out));
    return record(tx, run, "client_certificate.revoked");
}

err_t client_certificate_revoke(struct fleet *fleet, const struct terms *terms, struct uuid id,
                                struct client_certificate_row *out)
{
    struct run run = {.terms = terms, .id = id, .out = out};
    return db_write(fleet->db, revoke_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

struct find {
    struct uuid tenant, id;
    struct client_certificate_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return client_certificate_rows_find(tx, run->tenant, run->id, run->out);
}

err_t client_certificate_find(struct fleet *fleet, struct uuid tenant, struct uuid id,
                              struct client_certificate_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    struct uuid tenant;
    const struct row_window *window;
    client_certificate_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return client_certificate_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t client_certificate_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                              err_t (*fn)(const struct client_certificate_row *row, void *arg), void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

/* --- used ------------------------------------------------------------------------------------------- */

struct look_up {
    const uint8_t *key;
    struct client_certificate_row *out;
};

static err_t look_up_in(struct db_tx *tx, void *arg)
{
    const struct look_up *run = arg;
    return client_certificate_rows_find_by_key(tx, run->key, run->out);
}

struct use {
    struct uuid id;
    int64_t at_ms;
};

static err_t note_use_in(struct db_tx *tx, void *arg)
{
    const struct use *use = arg;
    return client_certificate_rows_note_use(tx, use->id, use->at_ms);
}

/* The handshake has judged the chain; dates are judged again, since a connection may outlive them. */
static err_t check_peer(const struct peer_identity *peer, int64_t now_ms)
{
    bool is_in_time = !peer->is_expired && now_ms >= peer->certificate.not_before_ms &&
                      now_ms <= peer->certificate.not_after_ms;
    ENSURE(peer->kind != PEER_NONE, ERR_UNAUTHORIZED, "no client certificate was shown");
    ENSURE(is_in_time, ERR_UNAUTHORIZED, "the client certificate is outside of its validity");
    ENSURE(peer->kind == PEER_CLIENT, ERR_UNAUTHORIZED,
           "the client certificate does not lead to a trust anchor of management_client_ca");
    return OK;
}

err_t client_certificate_check(struct fleet *fleet, const struct peer_identity *peer,
                               struct client_certificate_row *out)
{
    char key[2 * SHA256_SIZE + 1];
    int64_t now_ms = clock_now_ms(fleet->clock);
    const struct sha256 *hash = &peer->certificate.key.spki_sha256;
    TRY(check_peer(peer, now_ms));
    struct look_up run = {.key = hash->b, .out = out};
    err_t error = db_read(fleet->db, look_up_in, &run);
    hex_encode(BYTES_OF(hash->b), key);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNAUTHORIZED,
           "the client certificate is not known here: spki_sha256 %s", key);
    TRY(error);
    ENSURE(out->expires_at == 0 || now_ms < out->expires_at, ERR_UNAUTHORIZED,
           "the registration of the client certificate has expired");
    if (out->last_used_at != 0 && now_ms - out->last_used_at < USE_STEP_MS) {
        return OK;
    }
    struct use use = {.id = out->id, .at_ms = now_ms};
    err_ignore(
        db_write(fleet->db, note_use_in, &use)); /* a figure for people: no reason to refuse a caller */
    return OK;
}
