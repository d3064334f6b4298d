/* The plan and the writing of derived images, and RAUC bundles, whose signature simply stands at the end. */
#include "firmware_store/resign.h"

#include <stdarg.h>
#include <stdio.h>

#include "firmware_store/cms_content.h"
#include "firmware_store/resign_internal.h"

enum { LENGTH_SIZE = 8, ZEROS = 512 };

err_t resign_refuse(struct image_fault *fault, int64_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->reason, sizeof fault->reason, format, args);
    va_end(args);
    fault->at = at;
    return ERR(ERR_UNPROCESSABLE, "at byte %lld: %s", (long long)at, fault->reason);
}

/* The signature stands behind the payload; a verity bundle's manifest, which names the hashes of the payload,
 * is inside of it and stays as it is. */
static err_t plan_rauc(const struct image *image, struct resign_plan *out, struct image_fault *fault)
{
    struct bytes content = BYTES_NONE;
    if (image->signature_count == 0) {
        return resign_refuse(fault, 0, "the bundle has no signature that could be replaced");
    }
    const struct image_signature *former = &image->signatures[0];
    out->keep = former->at;
    out->signed_size = former->at;
    if (former->scheme != SIGNATURE_CMS) {
        return OK;
    }
    if (cms_find_content(buf_view(&former->bytes), &content) != CMS_SHAPE_CONTENT) {
        return resign_refuse(fault, former->at, "the signature has no manifest inside");
    }
    return buf_append_bytes(&out->content, content);
}

static err_t insert_rauc(struct bytes signature, struct buf *out)
{
    uint8_t tail[LENGTH_SIZE];
    for (int i = 0; i < LENGTH_SIZE; i++) {
        tail[i] = (uint8_t)((uint64_t)signature.n >> (56 - 8 * i));
    }
    TRY(buf_append_bytes(out, signature));
    return buf_append(out, tail, sizeof tail);
}

void resign_plan_clear(struct resign_plan *plan)
{
    buf_clear(&plan->content);
}

err_t resign_plan(const struct byte_source *bytes, const struct image *image, struct resign_plan *out,
                  struct image_fault *fault)
{
    *out = (struct resign_plan){.format = image->format};
    switch (image->format) {
    case IMAGE_MCUBOOT:
        return resign_plan_mcuboot(bytes, image, out, fault);
    case IMAGE_SWU:
        return resign_plan_swu(bytes, out, fault);
    case IMAGE_RAUC:
        return plan_rauc(image, out, fault);
    case IMAGE_RAW:
    case IMAGE_ESP:
        break;
    }
    return resign_refuse(fault, 0, "an image of format %s has no signature inside that is made here",
                         image_format_name(image->format));
}

static err_t make_insert(const struct resign_plan *plan, const struct resign_signature *signature,
                         struct buf *out)
{
    switch (plan->format) {
    case IMAGE_MCUBOOT:
        return resign_insert_mcuboot(signature, out);
    case IMAGE_SWU:
        return resign_insert_swu(plan, signature->signature, out);
    case IMAGE_RAUC:
        return insert_rauc(signature->signature, out);
    case IMAGE_RAW:
    case IMAGE_ESP:
        break;
    }
    return ERR(ERR_INTERNAL, "nothing is put into such an image");
}

static err_t add_piece(void *arg, struct bytes piece)
{
    return blob_writer_add(arg, piece);
}

err_t resign_write(const struct byte_source *bytes, const struct resign_plan *plan,
                   const struct resign_signature *signature, struct blob_writer *writer)
{
    static const uint8_t zeros[ZEROS];
    AUTO_VAL(buf) insert = {0};
    TRY(make_insert(plan, signature, &insert));
    TRY(byte_source_each(bytes, 0, plan->keep, add_piece, writer));
    TRY(blob_writer_add(writer, buf_view(&insert)));
    TRY(byte_source_each(bytes, plan->rest_from, plan->rest_to - plan->rest_from, add_piece, writer));
    int64_t size = plan->keep + (int64_t)insert.n + plan->rest_to - plan->rest_from;
    int64_t over = plan->round == 0 ? 0 : size % plan->round;
    return over == 0 ? OK : blob_writer_add(writer, (struct bytes){zeros, (size_t)(plan->round - over)});
}
