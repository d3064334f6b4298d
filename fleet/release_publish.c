/* The last look at bytes before devices get them. */
#include "fleet/release_publish.h"

#include "fleet/blobs.h"
#include "fleet/image_check.h"
#include "fleet/images.h"

static err_t judge(struct fleet *fleet, const struct firmware_release_row *release,
                   const struct release_part *part)
{
    struct blob_store *store = NULL;
    AUTO_PTR(blob_reader) *bytes = NULL;
    AUTO_VAL(image) image = {.facts = NULL};
    struct image_verdict verdict = {.is_signed = false};
    const struct image_check check = {.tenant = release->tenant,
                                      .product = release->product,
                                      .format = (enum image_format)part->format,
                                      .may_be_unsigned = part->format == IMAGE_RAW};
    TRY(blob_store_of(fleet, &store));
    TRY(blob_open(store, &part->sha256, &bytes));
    err_t error = image_check(fleet, bytes, &check, &image, &verdict);
    ENSURE(error.code != ERR_UNPROCESSABLE, ERR_WRONG_STATE, "part \"%s\": %s", part->part, error.detail);
    return error;
}

err_t release_check_bytes(struct fleet *fleet, const struct firmware_release_row *release,
                          const struct release_part *part)
{
    TRY(blob_check_now(fleet, &part->sha256));
    return judge(fleet, release, part);
}

err_t release_hold_images(struct db_tx *tx, const struct release *release)
{
    const struct firmware_release_row *row = &release->row;
    if (row->kind != RELEASE_SECURITY || row->published_at == 0) {
        return OK;
    }
    int64_t until = row->published_at + RELEASE_SECURITY_KEPT_MS;
    until = row->support_until > until ? row->support_until : until;
    for (size_t i = 0; i < release->images.count; i++) {
        const struct firmware_release_image_row *image = &release->images.rows[i];
        TRY(image_hold(tx, row->tenant, image->has_signed ? image->signed_image : image->image, until,
                       "a security release gave it out"));
    }
    return OK;
}
