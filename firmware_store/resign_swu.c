/* SWUpdate: the signature of sw-description is the archive's second entry, in the archive's own form (newc,
 * or crc with the sum of the bytes). A former one goes; the other entries keep their bytes and their places
 * relative to the four bytes that entries are aligned to; the trailer is followed by zeros up to a block. */
#include <stdio.h>
#include <string.h>

#include "firmware_store/cpio.h"
#include "firmware_store/resign_internal.h"

enum {
    HEAD = 110, /* a magic of six characters and thirteen numbers of eight hex digits */
    MAGIC = 6,
    FIELD = 8,
    ALIGN = 4,
    BLOCK = 512,
    /* numbers of fields */
    FIELD_SIZE = 6,
    FIELD_NAME_SIZE = 11,
    FIELD_SUM = 12
};
static const char SIGNATURE_NAME[] = "sw-description.sig";

static int64_t align(int64_t at)
{
    return (at + ALIGN - 1) / ALIGN * ALIGN;
}

/* Behind the trailer there are zeros, which are made anew. */
static err_t find_trailer(const struct image_reading *r, int64_t at, int64_t *end)
{
    struct cpio_entry entry;
    TRY(cpio_read_entry(r, at, &entry));
    while (!entry.is_trailer) {
        TRY(cpio_read_entry(r, entry.next, &entry));
    }
    *end = entry.data_at;
    return OK;
}

/* The archive was read before: sw-description is its first entry. */
err_t resign_plan_swu(const struct byte_source *bytes, struct resign_plan *out, struct image_fault *fault)
{
    struct cpio_entry description, second;
    const struct image_reading r = {.bytes = bytes, .fault = fault};
    TRY(cpio_read_entry(&r, 0, &description));
    TRY(cpio_read_entry(&r, description.next, &second));
    out->signed_from = description.data_at;
    out->signed_size = description.size;
    out->keep = description.next;
    out->rest_from = strcmp(second.name, SIGNATURE_NAME) == 0 ? second.next : description.next;
    TRY(find_trailer(&r, out->rest_from, &out->rest_to));
    out->round = BLOCK;
    out->has_checksums = description.has_sum;
    return byte_source_read(bytes, 0, out->head, sizeof out->head);
}

static err_t pad(struct buf *out)
{
    static const uint8_t zeros[ALIGN];
    return buf_append(out, zeros, (size_t)(align((int64_t)out->n) - (int64_t)out->n));
}

static void put_field(uint8_t *head, int field, uint32_t value)
{
    char text[FIELD + 1];
    (void)snprintf(text, sizeof text, "%08X", value);
    memcpy(head + MAGIC + field * FIELD, text, FIELD);
}

/* Owner, mode and time are those of sw-description, so that the same image gets the same entry. */
err_t resign_insert_swu(const struct resign_plan *plan, struct bytes signature, struct buf *out)
{
    uint8_t head[HEAD];
    uint32_t sum = 0;
    for (size_t i = 0; plan->has_checksums && i < signature.n; i++) {
        sum += signature.p[i];
    }
    memcpy(head, plan->head, sizeof head);
    put_field(head, FIELD_SIZE, (uint32_t)signature.n);
    put_field(head, FIELD_NAME_SIZE, sizeof SIGNATURE_NAME);
    put_field(head, FIELD_SUM, sum);
    TRY(buf_append(out, head, sizeof head));
    TRY(buf_append(out, SIGNATURE_NAME, sizeof SIGNATURE_NAME));
    TRY(pad(out));
    TRY(buf_append_bytes(out, signature));
    return pad(out);
}
