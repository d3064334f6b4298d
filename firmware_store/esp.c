/* Application images of ESP-IDF, as esptool and espsecure write them: header, segments, checksum, appended
 * SHA-256, and with Secure Boot v2 a sector of signature blocks at the end. Little-endian. */
#include <string.h>

#include "firmware_store/esp_signature.h"

#define DESCRIPTOR_MAGIC 0xabcd5432U

enum {
    MAGIC = 0xe9,
    HEADER_SIZE = 24,
    SEGMENTS_MAX = 16,
    SEGMENT_HEADER = 8,
    CHECKSUM_SEED = 0xef,
    DESCRIPTOR_AT = HEADER_SIZE + SEGMENT_HEADER,
    DESCRIPTOR_SIZE = 256
};

static const struct chip_row {
    unsigned id;
    const char *name;
} chips[] = {
    {0, "esp32"},    {2, "esp32s2"},  {5, "esp32c3"},  {9, "esp32s3"},   {12, "esp32c2"},
    {13, "esp32c6"}, {16, "esp32h2"}, {18, "esp32p4"}, {20, "esp32c61"}, {23, "esp32c5"},
};

static const char *chip_name(unsigned id)
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (chips[i].id == id) {
            return chips[i].name;
        }
    }
    return "unknown";
}

/* --- header and segments ---------------------------------------------------------------------------- */

struct esp {
    uint8_t head[HEADER_SIZE];
    uint8_t checksum;
    int64_t first_size; /* of the first segment's data */
    int64_t end;        /* of the image, before what pads and signs it */
};

static err_t read_header(const struct image_reading *r, struct esp *esp)
{
    TRY(image_take(r, 0, esp->head, sizeof esp->head, "the header"));
    IMAGE_NEED(esp->head[0] == MAGIC, r, 0, "no ESP-IDF image: it begins with 0x%02x, not 0x%02x",
               esp->head[0], MAGIC);
    IMAGE_NEED(esp->head[1] >= 1 && esp->head[1] <= SEGMENTS_MAX, r, 1,
               "the header says that there are %u segments; 1 to %d are possible", esp->head[1],
               SEGMENTS_MAX);
    IMAGE_NEED(esp->head[23] <= 1, r, 23, "whether a hash is appended is said by 0 or 1, not %u",
               esp->head[23]);
    unsigned chip = le16(esp->head + 12);
    json_t *facts = r->out->facts;
    TRY(json_set_int(facts, "chip_id", chip));
    TRY(json_set_text(facts, "chip", chip_name(chip)));
    TRY(json_set_int(facts, "segments", esp->head[1]));
    return json_set_int(facts, "entry", le32(esp->head + 4));
}

static err_t add_to_checksum(void *arg, struct bytes piece)
{
    struct esp *esp = arg;
    for (size_t i = 0; i < piece.n; i++) {
        esp->checksum ^= piece.p[i];
    }
    return OK;
}

static err_t read_segments(const struct image_reading *r, struct esp *esp)
{
    uint8_t head[SEGMENT_HEADER];
    int64_t at = HEADER_SIZE;
    esp->checksum = CHECKSUM_SEED;
    for (unsigned i = 0; i < esp->head[1]; i++) {
        TRY(image_take(r, at, head, sizeof head, "the header of a segment"));
        int64_t size = le32(head + 4);
        at += SEGMENT_HEADER;
        TRY(image_must_hold(r, at, size, "a segment"));
        TRY(byte_source_each(r->bytes, at, size, add_to_checksum, esp));
        esp->first_size = i == 0 ? size : esp->first_size;
        at += size;
    }
    esp->end = at;
    return OK;
}

/* Zeros, so that the checksum is the last byte of a block of 16. */
static err_t check_checksum(const struct image_reading *r, struct esp *esp)
{
    uint8_t found = 0;
    int64_t at = esp->end | 15, other = 0;
    TRY(image_must_hold(r, esp->end, at + 1 - esp->end, "the checksum"));
    TRY(image_find_other(r, esp->end, at, 0, &other));
    IMAGE_NEED(other == at, r, other, "between the segments and their checksum there are other bytes than 0");
    TRY(image_take(r, at, &found, 1, "the checksum"));
    IMAGE_NEED(found == esp->checksum, r, at, "the checksum of the segments is 0x%02x, the image says 0x%02x",
               esp->checksum, found);
    esp->end = at + 1;
    return OK;
}

static err_t check_hash(const struct image_reading *r, struct esp *esp)
{
    struct sha256 said, found;
    if (esp->head[23] == 0) {
        return OK;
    }
    TRY(image_take(r, esp->end, said.b, sizeof said.b, "the appended hash"));
    TRY(image_hash(r, DIGEST_SHA256, 0, esp->end, found.b));
    IMAGE_NEED(memcmp(said.b, found.b, sizeof said.b) == 0, r, esp->end,
               "the appended hash is not that of the %lld bytes before it", (long long)esp->end);
    esp->end += SHA256_SIZE;
    return json_set_hex(r->out->facts, "hash", BYTES_OF(said.b));
}

/* --- the application's description ------------------------------------------------------------------ */

static err_t read_descriptor(const struct image_reading *r, const struct esp *esp)
{
    uint8_t text[DESCRIPTOR_SIZE];
    json_t *facts = r->out->facts;
    IMAGE_NEED(esp->first_size >= DESCRIPTOR_SIZE, r, DESCRIPTOR_AT,
               "the first segment has %lld bytes, too few for the description of an application",
               (long long)esp->first_size);
    TRY(image_take(r, DESCRIPTOR_AT, text, sizeof text, "the description of the application"));
    IMAGE_NEED(le32(text) == DESCRIPTOR_MAGIC, r, DESCRIPTOR_AT,
               "no description of an application: 0x%08x, not 0x%08x (a boot loader is no application)",
               le32(text), DESCRIPTOR_MAGIC);
    r->out->counter = le32(text + 4);
    TRY(json_set_int(facts, "secure_version", r->out->counter));
    TRY(image_set_version(r, DESCRIPTOR_AT + 16, (struct bytes){text + 16, 32}));
    TRY(image_fact_text(facts, "version", (struct bytes){text + 16, 32}));
    TRY(image_fact_text(facts, "project", (struct bytes){text + 48, 32}));
    TRY(image_fact_text(facts, "compile_time", (struct bytes){text + 80, 16}));
    TRY(image_fact_text(facts, "compile_date", (struct bytes){text + 96, 16}));
    TRY(image_fact_text(facts, "idf_version", (struct bytes){text + 112, 32}));
    return json_set_hex(facts, "elf_sha256", (struct bytes){text + 144, 32});
}

/* --- what stands behind ----------------------------------------------------------------------------- */

/* Padding (0xff) up to a sector, and a sector of signatures; or padding alone; or nothing. */
static err_t read_behind(const struct image_reading *r, const struct esp *esp)
{
    int64_t size = r->bytes->size, sector = size - ESP_SECTOR_SIZE, other = 0;
    bool is_signed = false;
    if (size % ESP_SECTOR_SIZE == 0 && sector >= esp->end) {
        TRY(esp_has_signatures(r, sector, &is_signed));
    }
    int64_t end = is_signed ? sector : size;
    TRY(image_find_other(r, esp->end, end, 0xff, &other));
    IMAGE_NEED(
        other == end, r, other,
        "there is something behind the image that is neither padding (0xff) nor, as the last 4096 bytes of "
        "a multiple of them, a sector of signatures");
    IMAGE_NEED(!is_signed || end - esp->end < ESP_SECTOR_SIZE, r, esp->end,
               "%lld bytes of padding stand before the signatures; less than a sector belongs there",
               (long long)(end - esp->end));
    TRY(json_set_bool(r->out->facts, "secure_boot_v2", is_signed));
    return is_signed ? esp_read_signatures(r, sector) : OK;
}

err_t esp_read(const struct image_reading *r)
{
    struct esp esp = {.checksum = 0};
    TRY(read_header(r, &esp));
    TRY(read_segments(r, &esp));
    TRY(check_checksum(r, &esp));
    TRY(check_hash(r, &esp));
    TRY(read_descriptor(r, &esp));
    return read_behind(r, &esp);
}
