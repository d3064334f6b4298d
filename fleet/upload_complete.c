/* The last byte is there: the digest is compared, the image read and judged, its bytes made a blob and its
 * row written, in this order. What is refused is dropped with its bytes: sending more would not mend it. */
#include <stdio.h>
#include <string.h>

#include "fleet/image_check.h"
#include "fleet/uploads_internal.h"

struct completion {
    struct upload *upload;
    struct upload_words words;
    struct image image;
    struct image_new wanted;
    struct blob_digests digests;
    struct upload_outcome *out;
};

static err_t check_digest(const struct completion *run, struct faults *faults)
{
    const struct firmware_upload_row *row = &run->upload->row;
    char hex[2 * SHA256_SIZE + 1];
    if (row->has_sha256 && !bytes_equal(BYTES_OF(row->sha256.b), BYTES_OF(run->digests.sha256.b))) {
        hex_encode(BYTES_OF(run->digests.sha256.b), hex);
        faults_add(faults, "/sha256", "the bytes that came have another one: %s", hex);
    }
    if (run->digests.size == 0) {
        faults_add(faults, "", "an image has at least one byte");
    }
    return faults_error(faults);
}

static err_t check_image(struct completion *run, struct faults *faults)
{
    struct blob_reader *reader = NULL;
    struct image_verdict verdict = {.is_signed = false};
    struct image_check check = {.tenant = run->upload->row.tenant,
                                .product = run->upload->row.product,
                                .format = run->words.format,
                                .may_be_unsigned = run->words.may_be_unsigned};
    TRY(blob_writer_reader(run->upload->writer, &reader));
    if (!run->words.has_format) {
        TRY(image_guess(reader, &check.format));
    }
    err_t error = image_check(run->upload->fleet, reader, &check, &run->image, &verdict);
    if (error.code == ERR_UNPROCESSABLE) {
        faults_add(faults, "", "at byte %lld: %s", (long long)verdict.fault.at,
                   verdict.fault.reason[0] != '\0' ? verdict.fault.reason : error.detail);
        return faults_error(faults);
    }
    TRY(error);
    run->image.format = check.format;
    return json_set_bool(run->image.facts, "signed", verdict.is_signed);
}

static err_t check_version(struct completion *run, struct faults *faults)
{
    const char *given = run->words.version;
    const char *said = run->image.version;
    if (given[0] == '\0' && said[0] == '\0') {
        faults_add(faults, "/version", "the image does not say its version: give one");
    } else if (given[0] != '\0' && said[0] != '\0' && strcmp(given, said) != 0) {
        faults_add(faults, "/version", "the image says that its version is %s", said);
    } else if (given[0] == '\0') {
        TRY(faults_note(faults, "/version", image_version_check(bytes_str(said))));
    }
    run->wanted.version = said[0] != '\0' ? said : given;
    return faults_error(faults);
}

static err_t store_in(struct db_tx *tx, void *arg)
{
    struct completion *run = arg;
    struct upload_outcome *out = run->out;
    TRY(firmware_upload_rows_delete(tx, run->upload->row.id));
    TRY(image_insert(tx, &run->wanted, &run->digests, &out->image, &out->is_new));
    return firmware_image_rows_has_version(tx, &out->image, &out->is_version_taken);
}

static err_t note_in(struct db_tx *tx, void *arg)
{
    return firmware_upload_rows_update(tx, arg);
}

/* So that a crash between the bytes and the row loses nothing: upload_write.c finds them again. */
static err_t note_digest(struct completion *run)
{
    struct firmware_upload_row row = run->upload->row;
    if (row.has_sha256 || run->upload->is_whole) {
        return OK;
    }
    row.has_sha256 = true;
    row.sha256 = run->digests.sha256;
    TRY(db_write(run->upload->fleet->db, note_in, &row));
    run->upload->row.has_sha256 = true;
    run->upload->row.sha256 = row.sha256;
    run->upload->row.ver++;
    return OK;
}

static err_t judge(struct completion *run, struct faults *faults)
{
    TRY(upload_words_read(&run->upload->row, &run->words));
    TRY(blob_writer_digests(run->upload->writer, &run->digests));
    TRY(check_digest(run, faults));
    TRY(check_image(run, faults));
    return check_version(run, faults);
}

static err_t complete(struct completion *run, struct faults *faults)
{
    struct upload *upload = run->upload;
    struct actor actor = upload_actor(upload);
    err_t error = judge(run, faults);
    if (error.code == ERR_UNPROCESSABLE) {
        TRY(upload_forget(upload->fleet, &upload->row, &actor, "refused"));
        upload->is_over = true;
    }
    TRY(error);
    run->wanted.tenant = upload->row.tenant;
    run->wanted.product = upload->row.product;
    run->wanted.filename = run->words.filename;
    run->wanted.format = run->image.format;
    run->wanted.counter = run->image.counter;
    run->wanted.facts = run->image.facts;
    run->wanted.actor = &actor;
    TRY(note_digest(run));
    TRY(blob_commit(upload->fleet, upload->writer, &run->digests, store_in, run));
    upload->is_over = true;
    run->out->is_image = true;
    return OK;
}

err_t upload_complete(struct upload *upload, struct faults *faults, struct upload_outcome *out)
{
    struct completion run = {.upload = upload, .out = out};
    err_t error = complete(&run, faults);
    image_clear(&run.image);
    return error;
}
