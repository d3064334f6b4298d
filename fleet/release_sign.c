/* Signing outside of transactions: slow, and done with keys. A release that was changed meanwhile (it cannot
 * be while it is signed, but another node may have been faster) keeps what it has. */
#include "fleet/release_sign.h"

#include <stdio.h>
#include <string.h>

#include "db/firmware_key_rows.h"
#include "fleet/internal.h"
#include "fleet/releases_internal.h"

enum { PER_RUN = 8 };
static const struct actor itself = {.name = "whorld", .request_id = ""};

struct waiting {
    struct {
        struct uuid tenant, id;
    } list[PER_RUN];
    size_t count;
};

struct job {
    struct fleet *fleet;
    struct uuid tenant, id;
    struct release release;
    struct suit_manifest manifest;
    struct buf envelope;
    struct firmware_key_row key;
    const char *failure; /* why it becomes a draft again */
};

/* --- read --------------------------------------------------------------------------------------------------
 */

static err_t keep(const struct firmware_release_row *row, void *arg)
{
    struct waiting *waiting = arg;
    waiting->list[waiting->count].tenant = row->tenant;
    waiting->list[waiting->count++].id = row->id; /* the statement's limit is the array's */
    return OK;
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    ((struct waiting *)arg)->count = 0;
    return firmware_release_rows_signing(tx, PER_RUN, keep, arg);
}

static err_t load_in(struct db_tx *tx, void *arg)
{
    struct job *job = arg;
    TRY(release_load(tx, job->tenant, job->id, &job->release));
    return firmware_key_rows_find(tx, job->tenant, job->release.row.manifest_key, &job->key);
}

static err_t describe_in(struct db_tx *tx, void *arg)
{
    struct job *job = arg;
    struct release_parts parts;
    TRY(release_parts_read(tx, &job->release, true, &parts));
    for (size_t i = 0; i < parts.count; i++) {
        ENSURE(parts.list[i].is_ready, ERR_WRONG_STATE, "image %zu is withdrawn", i);
    }
    return release_manifest_of(tx, &job->release, &parts, &job->manifest);
}

/* --- signed ------------------------------------------------------------------------------------------------
 */

static err_t sign_images(struct job *job)
{
    struct firmware_release_images *images = &job->release.images;
    for (size_t i = 0; i < images->count; i++) {
        struct signing_recipe recipe;
        TRY(release_recipe_read(&images->rows[i], &recipe));
        TRY(signing_carry_out(job->fleet, job->tenant, images->rows[i].image, &recipe,
                              &images->rows[i].signed_image));
        images->rows[i].has_signed = true;
    }
    return OK;
}

/* What was made is read back and verified before anybody gets it. */
static err_t prove(const struct job *job)
{
    struct suit_envelope back;
    TRY(suit_envelope_read(buf_view(&job->envelope), &back));
    err_t error = suit_envelope_verify(&back, (struct bytes){job->key.spki, job->key.spki_size});
    ENSURE(error.code == ERR_OK, ERR_CRYPTO, "the manifest that was just signed does not verify: %s",
           error.detail);
    return OK;
}

static err_t sign_manifest(struct job *job)
{
    AUTO_VAL(buf) bytes = {0};
    AUTO_VAL(buf) payload = {0};
    AUTO_VAL(buf) text = {0};
    struct sha256 kid;
    struct manifest_signature signature;
    memcpy(kid.b, job->key.spki_sha256, sizeof kid.b);
    TRY(suit_manifest_write(&job->manifest, &bytes));
    TRY(suit_digest_write(buf_view(&bytes), &payload));
    TRY(cose_to_be_signed(&kid, buf_view(&payload), &text));
    const struct manifest_order order = {
        .tenant = job->tenant, .key = job->key.id, .release = job->id, .to_be_signed = buf_view(&text)};
    TRY(firmware_key_sign_manifest(job->fleet, &order, &signature));
    job->envelope.n = 0;
    TRY(suit_envelope_write(buf_view(&bytes), &signature.kid, signature.bytes, &job->envelope));
    return prove(job);
}

/* --- stored ------------------------------------------------------------------------------------------------
 */

/* Only what was read for signing is ended here. */
static err_t load_same(struct db_tx *tx, const struct job *job, struct release *out, bool *is_same)
{
    TRY(release_load(tx, job->tenant, job->id, out));
    *is_same = out->row.state == RELEASE_SIGNING && out->row.ver == job->release.row.ver;
    return OK;
}

static err_t finish_in(struct db_tx *tx, void *arg)
{
    const struct job *job = arg;
    struct release now;
    bool is_same = false;
    TRY(load_same(tx, job, &now, &is_same));
    if (!is_same) {
        return OK;
    }
    TRY(release_count_images(tx, job->tenant, &now.images, &job->release.images));
    TRY(firmware_release_rows_set_images(tx, job->id, &job->release.images));
    TRY(firmware_release_rows_set_manifest(tx, job->id, buf_view(&job->envelope)));
    TRY(sha256_of(buf_view(&job->envelope), &now.row.manifest_sha256));
    now.row.has_manifest = true;
    now.row.state = RELEASE_APPROVED;
    TRY(firmware_release_rows_update(tx, &now.row));
    return release_record(tx, &now.row, &itself, "firmware_release.signed");
}

static err_t fail_in(struct db_tx *tx, void *arg)
{
    const struct job *job = arg;
    struct release now;
    bool is_same = false;
    TRY(load_same(tx, job, &now, &is_same));
    if (!is_same) {
        return OK;
    }
    now.row.state = RELEASE_DRAFT;
    now.row.approved_at = 0;
    now.row.approved_by[0] = '\0';
    (void)snprintf(now.row.reason, sizeof now.row.reason, "%s", job->failure);
    TRY(firmware_release_rows_update(tx, &now.row));
    return release_record(tx, &now.row, &itself, "firmware_release.signing_failed");
}

/* --- the job -----------------------------------------------------------------------------------------------
 */

static bool is_passing(err_code code)
{
    return code == ERR_BUSY || code == ERR_DB || code == ERR_IO || code == ERR_DISK_FULL ||
           code == ERR_NO_MEMORY;
}

static err_t sign(struct job *job)
{
    TRY(sign_images(job));
    TRY(db_read(job->fleet->db, describe_in, job));
    TRY(sign_manifest(job));
    return db_write(job->fleet->db, finish_in, job);
}

static err_t carry_out(struct job *job)
{
    err_t error = db_read(job->fleet->db, load_in, job);
    if (error.code == ERR_OK && job->release.row.state == RELEASE_SIGNING) {
        error = sign(job);
    }
    if (error.code == ERR_OK || is_passing(error.code)) {
        return error;
    }
    job->failure = error.detail;
    return db_write(job->fleet->db, fail_in, job);
}

err_t release_sign_run(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    struct waiting waiting;
    err_t first = OK;
    TRY(db_read(fleet->db, list_in, &waiting));
    for (size_t i = 0; i < waiting.count; i++) {
        struct job job = {.fleet = fleet, .tenant = waiting.list[i].tenant, .id = waiting.list[i].id};
        err_t error = carry_out(&job);
        buf_clear(&job.envelope);
        first = first.code == ERR_OK ? error : first; /* the others are carried out all the same */
    }
    return first;
}
