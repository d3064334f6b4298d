/* One header at a time: a magic, thirteen numbers of eight hex digits, the name, the bytes, both padded to
 * four. */
#include "firmware_store/cpio.h"

#include <string.h>

#include "base/utf8.h"

enum {
    MAGIC_SIZE = 6,
    FIELD_SIZE = 8,
    HEADER_SIZE = 110,
    MODE = 1,
    FILE_SIZE = 6,
    NAME_LENGTH = 11,
    CHECK = 12,
    MODE_KIND = 0170000,
    MODE_FILE = 0100000
};

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (uint8_t)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static err_t read_field(const struct image_reading *r, int64_t at, const uint8_t *head, int index,
                        uint32_t *out)
{
    const uint8_t *p = head + MAGIC_SIZE + (ptrdiff_t)FIELD_SIZE * index;
    *out = 0;
    for (int i = 0; i < FIELD_SIZE; i++) {
        int digit = hex_value(p[i]);
        IMAGE_NEED(digit >= 0, r, at + (p - head) + i, "a number of the cpio header is not hexadecimal");
        *out = *out << 4 | (uint32_t)digit;
    }
    return OK;
}

/* No separators at all: an updater that unpacks puts every file into one folder. */
static err_t check_name(const struct image_reading *r, int64_t at, const char *name)
{
    bool is_dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    IMAGE_NEED(name[0] != '\0' && !is_dots && strpbrk(name, "/\\") == NULL, r, at,
               "the name \"%.60s\" is no name of a file within the archive's folder", name);
    for (const char *p = name; *p != '\0'; p++) {
        IMAGE_NEED((uint8_t)*p >= 0x20 && *p != 0x7f, r, at, "the name of a file has a control character");
    }
    IMAGE_NEED(utf8_is_valid(bytes_str(name)), r, at, "the name of a file is no UTF-8");
    return OK;
}

static err_t read_name(const struct image_reading *r, int64_t at, uint32_t length, struct cpio_entry *out)
{
    IMAGE_NEED(length >= 2 && length <= CPIO_NAME_SIZE, r, at, "a name has %u bytes; 2 to %d are possible",
               length, CPIO_NAME_SIZE);
    TRY(image_take(r, at, out->name, length, "the name of a file"));
    IMAGE_NEED(memchr(out->name, 0, length) == out->name + length - 1, r, at,
               "the name of a file does not end where its length says");
    return OK;
}

static int64_t padded(int64_t at)
{
    return (at + 3) & ~(int64_t)3;
}

static err_t read_numbers(const struct image_reading *r, const uint8_t *head, struct cpio_entry *out,
                          uint32_t *name_length)
{
    uint32_t mode = 0, size = 0;
    TRY(read_field(r, out->at, head, MODE, &mode));
    TRY(read_field(r, out->at, head, FILE_SIZE, &size));
    TRY(read_field(r, out->at, head, NAME_LENGTH, name_length));
    TRY(read_field(r, out->at, head, CHECK, &out->sum));
    TRY(read_name(r, out->at + HEADER_SIZE, *name_length, out));
    out->size = size;
    out->is_trailer = strcmp(out->name, "TRAILER!!!") == 0;
    IMAGE_NEED(!out->is_trailer || size == 0, r, out->at, "the trailer of the archive has %u bytes", size);
    if (!out->is_trailer) {
        IMAGE_NEED((mode & MODE_KIND) == MODE_FILE, r, out->at, "\"%.60s\" is no plain file (mode %o)",
                   out->name, mode);
        TRY(check_name(r, out->at + HEADER_SIZE, out->name));
    }
    return OK;
}

err_t cpio_read_entry(const struct image_reading *r, int64_t at, struct cpio_entry *out)
{
    uint8_t head[HEADER_SIZE];
    uint32_t name_length = 0;
    *out = (struct cpio_entry){.at = at};
    TRY(image_take(r, at, head, sizeof head, "the header of a file in the archive"));
    bool is_newc = memcmp(head, "070701", MAGIC_SIZE) == 0;
    out->has_sum = memcmp(head, "070702", MAGIC_SIZE) == 0;
    IMAGE_NEED(is_newc || out->has_sum, r, at, "no cpio header of the newc or crc form begins here");
    TRY(read_numbers(r, head, out, &name_length));
    out->data_at = padded(at + HEADER_SIZE + name_length);
    TRY(image_must_hold(r, out->data_at, out->size, "a file of the archive"));
    out->next = padded(out->data_at + out->size);
    return out->is_trailer ? OK : image_must_hold(r, out->data_at, out->next - out->data_at, "the archive");
}

static err_t add_up(void *arg, struct bytes piece)
{
    uint32_t *sum = arg;
    for (size_t i = 0; i < piece.n; i++) {
        *sum += piece.p[i];
    }
    return OK;
}

err_t cpio_check_sum(const struct image_reading *r, const struct cpio_entry *entry)
{
    uint32_t sum = 0;
    if (!entry->has_sum || entry->is_trailer) {
        return OK;
    }
    TRY(byte_source_each(r->bytes, entry->data_at, entry->size, add_up, &sum));
    IMAGE_NEED(sum == entry->sum, r, entry->data_at,
               "the bytes of \"%.60s\" add up to 0x%08x, the archive says 0x%08x", entry->name, sum,
               entry->sum);
    return OK;
}
