/* Signatures beside images: made, brought, listed. A brought one is verified before the transaction; the
 * bytes of an image never change. */
#include "fleet/firmware_signatures.h"

#include <stdio.h>
#include <string.h>

#include "base/file_map.h"
#include "fleet/blobs.h"
#include "fleet/boot_keys.h"
#include "fleet/event.h"
#include "fleet/firmware_keys.h"
#include "fleet/firmware_signing_internal.h"
#include "fleet/image_check.h"
#include "fleet/images.h"
#include "fleet/internal.h"
#include "pki/digest_sign.h"

enum { SIGNATURES_OF_IMAGE_MAX = 100 };
static const char OP_KIND[] = "firmware_signature.add";

const char *firmware_signature_form_name(enum firmware_signature_form form)
{
    static const char *const names[FIRMWARE_SIGNATURE_FORMS] = {"ecdsa", "ed25519", "rsa"};
    return names[form];
}

/* --- kept ------------------------------------------------------------------------------------------- */

struct keep {
    struct firmware_signature_row *row;
    const struct actor *actor;
    const struct signing_job *job; /* of one that was made here; NULL: brought */
    const struct terms *terms;     /* of one that was brought */
    bool is_there;
    size_t count; /* that the image has */
};

/* The same bytes, or the same key's: one is enough. */
static err_t on_signature(const struct firmware_signature_row *row, void *arg)
{
    struct keep *keep = arg;
    const struct firmware_signature_row *wanted = keep->row;
    keep->count++;
    bool is_same = keep->job == NULL ? bytes_equal((struct bytes){row->bytes, row->size},
                                                   (struct bytes){wanted->bytes, wanted->size})
                                     : !row->is_brought && uuid_equal(row->key, wanted->key);
    if (!keep->is_there && is_same && row->is_brought == wanted->is_brought) {
        *keep->row = *row;
        keep->is_there = true;
    }
    return OK;
}

static err_t record(struct db_tx *tx, const struct keep *keep)
{
    const struct firmware_signature_row *row = keep->row;
    char id[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], key[UUID_TEXT_SIZE];
    uuid_format(row->id, id);
    uuid_format(row->image, image);
    uuid_format(row->key, key);
    struct event event = {.kind = "firmware_signature.added",
                          .result = "ok",
                          .actor = keep->actor->name,
                          .request_id = keep->actor->request_id,
                          .tenant = &row->tenant};
    return event_append(tx, &event, "{\"signature\":\"%s\",\"image\":\"%s\",\"form\":\"%s\",\"%s\":\"%s\"}",
                        id, image, firmware_signature_form_name(row->form),
                        row->is_brought ? "boot_key" : "firmware_key", key);
}

static err_t find_same(struct db_tx *tx, struct keep *keep)
{
    const struct row_window all = {.after = BYTES_NONE, .limit = SIGNATURES_OF_IMAGE_MAX};
    keep->is_there = false;
    keep->count = 0;
    TRY(firmware_signature_rows_list(tx, keep->row->image, &all, on_signature, keep));
    ENSURE(keep->is_there || keep->count < SIGNATURES_OF_IMAGE_MAX, ERR_CONFLICT,
           "the image has %d signatures, which is the most", SIGNATURES_OF_IMAGE_MAX);
    return OK;
}

/* A repeat under its key gives what the key gave; the key with other bytes is refused (fleet/terms.h). */
static err_t find_repeat(struct db_tx *tx, struct keep *keep, bool *is_repeat)
{
    struct uuid former;
    *is_repeat = false;
    if (keep->terms == NULL) {
        return OK;
    }
    TRY(idempotency_find_id(tx, &keep->terms->idempotency, OP_KIND, &former, is_repeat));
    return *is_repeat
               ? firmware_signature_rows_find(tx, keep->row->tenant, keep->row->image, former, keep->row)
               : OK;
}

static err_t note_key(struct db_tx *tx, const struct keep *keep)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(keep->row->id, id);
    return keep->terms != NULL ? idempotency_keep(tx, &keep->terms->idempotency, OP_KIND, id) : OK;
}

static err_t keep_in(struct db_tx *tx, void *arg)
{
    struct keep *keep = arg;
    struct firmware_signature_row *row = keep->row;
    bool is_repeat = false;
    TRY(find_repeat(tx, keep, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(find_same(tx, keep));
    if (keep->is_there) {
        return note_key(tx, keep);
    }
    row->created_at = db_tx_now_ms(tx);
    (void)snprintf(row->created_by, sizeof row->created_by, "%s", keep->actor->name);
    TRY(db_tx_uuid(tx, &row->id));
    TRY(firmware_signature_rows_insert(tx, row));
    if (keep->job != NULL) {
        struct firmware_key_use_row use = {
            .key = row->key, .tenant = row->tenant, .kind = FIRMWARE_USE_SIGNATURE, .subject = row->id};
        memcpy(use.digest, keep->job->signed_digest.b, sizeof use.digest);
        TRY(firmware_key_count_use(tx, FIRMWARE_KEY_DETACHED, &use));
    }
    TRY(note_key(tx, keep));
    return record(tx, keep);
}

static err_t copy_bytes(struct bytes signature, struct firmware_signature_row *row)
{
    ENSURE(signature.n >= 1 && signature.n <= sizeof row->bytes, ERR_UNPROCESSABLE,
           "a signature has 1 to %zu bytes", sizeof row->bytes);
    memcpy(row->bytes, signature.p, signature.n);
    row->size = signature.n;
    return OK;
}

/* --- made here -------------------------------------------------------------------------------------- */

static err_t sign_mapped(struct signing_job *job, struct buf *out)
{
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(file_map) map = {.bytes = BYTES_NONE};
    struct blob_store *store = NULL;
    TRY(blob_store_of(job->fleet, &store));
    TRY(blob_path(store, &job->image.sha256, &path));
    TRY(file_map_open(buf_str(&path), &map));
    return text_sign_ed25519(firmware_key_handle_borrow(job->handle), map.bytes, out);
}

static err_t there_in(struct db_tx *tx, void *arg)
{
    return find_same(tx, arg);
}

/* The image's name is the SHA-256 that ECDSA signs; Ed25519 wants all bytes at once, and twice. */
err_t signing_make_detached(struct signing_job *job)
{
    static const struct actor house = {.name = "whorld", .request_id = ""};
    AUTO_VAL(buf) signature = {0};
    bool is_ed25519 = strcmp(job->key.algorithm, "ed25519") == 0;
    struct firmware_signature_row row = {.tenant = job->tenant,
                                         .image = job->image.id,
                                         .form = is_ed25519 ? FIRMWARE_SIGNATURE_ED25519
                                                            : FIRMWARE_SIGNATURE_ECDSA,
                                         .key = job->key.id};
    struct keep keep = {.row = &row, .actor = &house, .job = job};
    TRY(db_read(job->fleet->db, there_in, &keep));
    if (keep.is_there) {
        return OK;
    }
    TRY(blob_ready(job->fleet, &job->image.sha256, NULL));
    job->signed_digest = job->image.sha256;
    TRY(is_ed25519 ? sign_mapped(job, &signature)
                   : digest_sign(firmware_key_handle_borrow(job->handle), &job->signed_digest, &signature));
    TRY(copy_bytes(buf_view(&signature), &row));
    return db_write(job->fleet->db, keep_in, &keep);
}

/* --- brought ---------------------------------------------------------------------------------------- */

static err_t form_of(struct fleet *fleet, struct uuid tenant, struct uuid boot_key,
                     enum firmware_signature_form *out)
{
    static const struct key_policy any = {.allow_rsa = true, .allow_rsa_2048 = true};
    struct boot_key_row key;
    struct key_info info;
    TRY(boot_key_find(fleet, tenant, boot_key, &key));
    TRY(key_check_spki(boot_key_public(&key), &any, &info));
    *out = info.alg == KEY_ALG_RSA       ? FIRMWARE_SIGNATURE_RSA
           : info.alg == KEY_ALG_ED25519 ? FIRMWARE_SIGNATURE_ED25519
                                         : FIRMWARE_SIGNATURE_ECDSA;
    return OK;
}

static err_t verify(struct fleet *fleet, const struct firmware_image_row *image, struct bytes signature,
                    struct image_verdict *verdict)
{
    struct blob_store *store = NULL;
    AUTO_PTR(blob_reader) *reader = NULL;
    const struct image_check check = {
        .tenant = image->tenant, .product = image->product, .format = (enum image_format)image->format};
    TRY(blob_store_of(fleet, &store));
    TRY(blob_ready(fleet, &image->sha256, NULL));
    TRY(blob_open(store, &image->sha256, &reader));
    return image_check_detached(fleet, reader, &check, signature, verdict);
}

err_t firmware_signature_bring(struct fleet *fleet, const struct terms *terms, struct uuid image,
                               struct bytes signature, struct firmware_signature_row *out)
{
    struct firmware_image_row row;
    struct image_verdict verdict;
    TRY(image_get(fleet, terms->tenant, image, &row));
    ENSURE(row.state == FIRMWARE_IMAGE_READY, ERR_WRONG_STATE, "the image is withdrawn");
    *out = (struct firmware_signature_row){.tenant = terms->tenant, .image = image, .is_brought = true};
    TRY(faults_note(terms->faults, "/signature", copy_bytes(signature, out)));
    TRY(faults_error(terms->faults));
    TRY(faults_note(terms->faults, "/signature", verify(fleet, &row, signature, &verdict)));
    TRY(faults_error(terms->faults));
    out->key = verdict.boot_key;
    TRY(form_of(fleet, terms->tenant, verdict.boot_key, &out->form));
    struct keep keep = {.row = out, .actor = &terms->actor, .terms = terms};
    return db_write(fleet->db, keep_in, &keep);
}

/* --- read ------------------------------------------------------------------------------------------- */

struct find {
    struct uuid tenant, image, id;
    struct firmware_signature_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return firmware_signature_rows_find(tx, run->tenant, run->image, run->id, run->out);
}

err_t firmware_signature_get(struct fleet *fleet, struct uuid tenant, struct uuid image, struct uuid id,
                             struct firmware_signature_row *out)
{
    struct find run = {.tenant = tenant, .image = image, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    const struct firmware_signature_list *of;
    firmware_signature_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    struct firmware_image_row image;
    TRY(firmware_image_rows_find(tx, run->of->tenant, run->of->image, &image));
    return firmware_signature_rows_list(tx, run->of->image, &run->of->window, run->fn, run->arg);
}

err_t firmware_signature_list(struct fleet *fleet, const struct firmware_signature_list *list,
                              firmware_signature_row_fn fn, void *arg)
{
    struct list run = {.of = list, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
