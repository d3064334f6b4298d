/* What a release says to devices: its manifest, from rows alone, so that what is approved can be computed in
 * the transaction that approves it. */
#include <stdio.h>
#include <string.h>

#include "db/tenant_rows.h"
#include "firmware_store/image.h"
#include "fleet/releases_internal.h"

static err_t read_part(struct db_tx *tx, const struct release *release,
                       const struct firmware_release_image_row *row, bool is_given_out,
                       struct release_part *out)
{
    struct firmware_image_row image;
    bool is_signed = is_given_out && row->has_signed;
    TRY(firmware_image_rows_find(tx, release->row.tenant, is_signed ? row->signed_image : row->image,
                                 &image));
    *out = (struct release_part){.id = image.id,
                                 .product = image.product,
                                 .sha256 = image.sha256,
                                 .size = image.size,
                                 .format = image.format,
                                 .counter = image.counter,
                                 .is_ready = image.state == FIRMWARE_IMAGE_READY};
    (void)snprintf(out->version, sizeof out->version, "%s", image.version);
    (void)snprintf(out->part, sizeof out->part, "%s", row->part);
    return OK;
}

err_t release_parts_read(struct db_tx *tx, const struct release *release, bool is_given_out,
                         struct release_parts *out)
{
    out->count = 0;
    for (size_t i = 0; i < release->images.count; i++) {
        TRY(read_part(tx, release, &release->images.rows[i], is_given_out, &out->list[i]));
        out->count++;
    }
    return OK;
}

err_t release_manifest_of(struct db_tx *tx, const struct release *release, const struct release_parts *parts,
                          struct suit_manifest *out)
{
    struct tenant_row tenant;
    struct product_row product;
    const struct firmware_release_row *row = &release->row;
    TRY(tenant_rows_find_by_id(tx, row->tenant, &tenant));
    TRY(product_rows_find_by_id(tx, row->product, &product));
    *out = (struct suit_manifest){
        .sequence = row->sequence, .min_sequence = row->min_sequence, .count = parts->count};
    TRY(suit_vendor_of(tenant.name, &out->vendor));
    TRY(suit_class_of(out->vendor, product.name, row->class, &out->class));
    for (size_t i = 0; i < parts->count; i++) {
        const struct release_part *part = &parts->list[i];
        struct suit_component *component = &out->components[i];
        *component = (struct suit_component){.digest = part->sha256, .size = part->size};
        component->counter = part->counter >= 0 ? part->counter : row->counter;
        (void)snprintf(component->version, sizeof component->version, "%s", row->version);
        (void)snprintf(component->format, sizeof component->format, "%s",
                       image_format_name((enum image_format)part->format));
        (void)snprintf(component->part, sizeof component->part, "%s", part->part);
    }
    return OK;
}

err_t release_subject(struct db_tx *tx, const struct release *release, struct sha256 *out)
{
    struct release_parts parts;
    struct suit_manifest manifest;
    AUTO_VAL(buf) bytes = {0};
    TRY(release_parts_read(tx, release, false, &parts));
    TRY(release_manifest_of(tx, release, &parts, &manifest));
    TRY(suit_manifest_write(&manifest, &bytes));
    return sha256_of(buf_view(&bytes), out);
}
