/* Signing for a release: what can be done, and doing it. The derived image is written to the store piece by
 * piece, judged as the product's devices would judge it, and only then gets its row, in the transaction that
 * counts the use of the key. What was done once is found again, so that a job may go on after a crash. */
#include "fleet/firmware_signing.h"

#include <stdio.h>
#include <string.h>

#include "fleet/blobs.h"
#include "fleet/firmware_keys.h"
#include "fleet/firmware_signing_internal.h"
#include "fleet/image_check.h"
#include "fleet/images.h"
#include "fleet/internal.h"

enum { DERIVED_AT_ONCE = 1000 };

/* --- what can be done ------------------------------------------------------------------------------- */

static err_t role_of(const struct firmware_image_row *image, enum signing_form form,
                     enum firmware_key_role *out)
{
    if (form == SIGNING_DETACHED) {
        *out = FIRMWARE_KEY_DETACHED;
        return OK;
    }
    switch ((enum image_format)image->format) {
    case IMAGE_MCUBOOT:
        *out = FIRMWARE_KEY_MCUBOOT;
        return OK;
    case IMAGE_SWU:
    case IMAGE_RAUC:
        *out = FIRMWARE_KEY_CMS;
        return OK;
    case IMAGE_RAW:
    case IMAGE_ESP:
        break;
    }
    return ERR(ERR_UNPROCESSABLE, "an image of format %s has no signature inside that is made here",
               image_format_name((enum image_format)image->format));
}

/* What the facts tell already; the bytes are looked at when it is done. */
static err_t check_facts(const struct firmware_image_row *image)
{
    AUTO(json_t) *facts = json_loads(image->facts, 0, NULL);
    ENSURE(!json_is_true(json_object_get(facts, "encrypted")), ERR_UNPROCESSABLE,
           "the image %s is encrypted: it cannot be signed here", image->filename);
    ENSURE(!json_is_true(json_object_get(facts, "padded")), ERR_UNPROCESSABLE,
           "the image %s is padded: it cannot be signed here", image->filename);
    return OK;
}

static err_t find_image(struct db_tx *tx, struct uuid tenant, struct uuid image,
                        struct firmware_image_row *out)
{
    err_t error = firmware_image_rows_find(tx, tenant, image, out);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "there is no such image");
    TRY(error);
    ENSURE(out->state == FIRMWARE_IMAGE_READY, ERR_UNPROCESSABLE, "the image %s is withdrawn", out->filename);
    return OK;
}

/* @param[out] key of the recipe */
static err_t find_key(struct db_tx *tx, const struct firmware_image_row *image,
                      const struct signing_recipe *recipe, struct firmware_key_row *key)
{
    err_t error = firmware_key_rows_find(tx, image->tenant, recipe->key, key);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "there is no such firmware key");
    TRY(error);
    ENSURE(uuid_equal(key->product, image->product), ERR_UNPROCESSABLE,
           "the key %s is of product %s, the image of %s", key->name, key->product_name, image->product_name);
    return OK;
}

static err_t check_use(const struct firmware_image_row *image, const struct signing_recipe *recipe,
                       const struct firmware_key_row *key)
{
    enum firmware_key_role role = FIRMWARE_KEY_MANIFEST;
    TRY(role_of(image, recipe->form, &role));
    err_t error = firmware_key_check_use(key, role);
    ENSURE(error.code != ERR_WRONG_STATE, ERR_UNPROCESSABLE, "%.150s", error.detail);
    return error;
}

err_t signing_check(struct db_tx *tx, struct uuid tenant, struct uuid image,
                    const struct signing_recipe *recipe)
{
    struct firmware_image_row row;
    struct firmware_key_row key;
    TRY(find_image(tx, tenant, image, &row));
    if (recipe->form == SIGNING_NONE) {
        return OK;
    }
    TRY(find_key(tx, &row, recipe, &key));
    TRY(check_use(&row, recipe, &key));
    return recipe->form == SIGNING_EMBEDDED ? check_facts(&row) : OK;
}

/* --- what was done ---------------------------------------------------------------------------------- */

static err_t on_derived(const struct firmware_image_row *row, void *arg)
{
    struct signing_job *job = arg;
    if (row->state == FIRMWARE_IMAGE_READY && uuid_equal(row->signing_key, job->recipe->key)) {
        job->is_done = true;
        job->made = row->id;
    }
    return OK;
}

struct prepare_run {
    struct signing_job *job;
    struct uuid image;
};

static err_t prepare_in(struct db_tx *tx, void *arg)
{
    const struct prepare_run *run = arg;
    struct signing_job *job = run->job;
    job->is_done = false;
    TRY(find_image(tx, job->tenant, run->image, &job->image));
    TRY(find_key(tx, &job->image, job->recipe, &job->key));
    if (job->recipe->form == SIGNING_EMBEDDED) {
        TRY(firmware_image_rows_list_derived(tx, run->image, DERIVED_AT_ONCE, on_derived, job));
    }
    return job->is_done ? OK : check_use(&job->image, job->recipe, &job->key);
}

/* --- doing it --------------------------------------------------------------------------------------- */

/* The same image and key write under the same name: what a crash left is begun anew. */
static err_t open_writer(const struct signing_job *job, struct blob_store *store, struct blob_writer **out)
{
    struct uuid name;
    struct sha256 hash;
    int64_t at = 0;
    const struct bytes parts[] = {BYTES_OF(job->image.id.b), BYTES_OF(job->key.id.b)};
    TRY(sha256_of_parts(parts, 2, &hash));
    memcpy(name.b, hash.b, sizeof name.b);
    TRY(blob_writer_open(store, name, &at, out));
    return blob_writer_truncate(*out, 0);
}

static err_t write_derived(struct signing_job *job, struct blob_reader *reader, struct blob_writer *writer)
{
    const struct byte_source bytes = blob_source(reader);
    struct image_fault fault = {.at = 0};
    AUTO_VAL(resign_plan) plan = {.keep = 0};
    AUTO_VAL(image) image = {.counter = -1};
    AUTO_VAL(embedded_signature) signature = {.type = 0};
    TRY(image_read_source(&bytes, (enum image_format)job->image.format, &image, &fault));
    TRY(resign_plan(&bytes, &image, &plan, &fault));
    TRY(signing_make_embedded(job, &bytes, &plan, &signature));
    const struct resign_signature parts = {.signature = buf_view(&signature.signature),
                                           .digest = BYTES_OF(job->signed_digest.b),
                                           .key_digest = buf_view(&signature.key_digest),
                                           .type = signature.type};
    TRY(resign_write(&bytes, &plan, &parts, writer));
    return blob_writer_sync(writer);
}

struct keep_run {
    struct signing_job *job;
    const struct image_new *wanted;
    struct blob_digests digests;
    struct firmware_image_row made;
};

static err_t keep_in(struct db_tx *tx, void *arg)
{
    struct keep_run *run = arg;
    struct signing_job *job = run->job;
    bool is_new = false;
    enum firmware_key_role role = job->key.role;
    TRY(image_insert(tx, run->wanted, &run->digests, &run->made, &is_new));
    if (!is_new) {
        return OK;
    }
    struct firmware_key_use_row use = {
        .key = job->key.id, .tenant = job->tenant, .kind = FIRMWARE_USE_IMAGE, .subject = run->made.id};
    memcpy(use.digest, job->signed_digest.b, sizeof use.digest);
    return firmware_key_count_use(tx, role, &use);
}

/* What is signed here must hold as the product's devices would see it. */
static err_t judge_and_keep(struct signing_job *job, struct blob_writer *writer)
{
    static const struct actor house = {.name = "whorld", .request_id = ""};
    struct blob_reader *made = NULL; /* the writer's */
    struct image_verdict verdict;
    AUTO_VAL(image) image = {.counter = -1};
    const struct image_check check = {
        .tenant = job->tenant, .product = job->image.product, .format = (enum image_format)job->image.format};
    TRY(blob_writer_reader(writer, &made));
    err_t judged = image_check(job->fleet, made, &check, &image, &verdict);
    ENSURE(judged.code != ERR_UNPROCESSABLE, ERR_UNPROCESSABLE,
           "signed by %s, the image %s would be refused: %.90s", job->key.name, job->image.filename,
           judged.detail);
    TRY(judged);
    const struct image_new wanted = {.tenant = job->tenant,
                                     .product = job->image.product,
                                     .filename = job->image.filename,
                                     .format = image.format,
                                     .version = image.version,
                                     .counter = image.counter,
                                     .facts = image.facts,
                                     .is_derived = true,
                                     .derived_from = job->image.id,
                                     .signing_key = job->key.id,
                                     .actor = &house};
    struct keep_run run = {.job = job, .wanted = &wanted};
    TRY(blob_commit(job->fleet, writer, &run.digests, keep_in, &run));
    job->made = run.made.id;
    return OK;
}

static err_t make_embedded(struct signing_job *job)
{
    struct blob_store *store = NULL;
    AUTO_PTR(blob_reader) *reader = NULL;
    AUTO_PTR(blob_writer) *writer = NULL;
    TRY(blob_store_of(job->fleet, &store));
    TRY(blob_ready(job->fleet, &job->image.sha256, NULL));
    TRY(blob_open(store, &job->image.sha256, &reader));
    TRY(open_writer(job, store, &writer));
    TRY(write_derived(job, reader, writer));
    return judge_and_keep(job, writer);
}

static void signing_job_clear(struct signing_job *job)
{
    firmware_key_handle_release(job->handle);
}
DEFINE_AUTO_VAL(signing_job, signing_job_clear);

err_t signing_carry_out(struct fleet *fleet, struct uuid tenant, struct uuid image,
                        const struct signing_recipe *recipe, struct uuid *out)
{
    *out = image;
    if (recipe->form == SIGNING_NONE) {
        return OK;
    }
    AUTO_VAL(signing_job) job = {.fleet = fleet, .tenant = tenant, .recipe = recipe};
    struct prepare_run run = {.job = &job, .image = image};
    TRY(db_read(fleet->db, prepare_in, &run));
    if (job.is_done) {
        *out = job.made;
        return OK;
    }
    TRY(firmware_key_handle_take(fleet, job.key.label, &job.handle));
    if (recipe->form == SIGNING_DETACHED) {
        return signing_make_detached(&job);
    }
    TRY(make_embedded(&job));
    *out = job.made;
    return OK;
}
