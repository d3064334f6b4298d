/* The formats by name, what their first bytes look like, and the small things that every parser needs. The
 * parsers are mcuboot.c, esp.c, swu.c and rauc.c. */
#include "firmware_store/image.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "firmware_store/image_reading.h"

static err_t read_raw(const struct image_reading *r)
{
    IMAGE_NEED(r->bytes->size > 0, r, 0, "the file is empty");
    return OK;
}

static const struct format_row {
    const char *name;
    err_t (*read)(const struct image_reading *r);
} formats[IMAGE_FORMATS] = {
    [IMAGE_RAW] = {"raw", read_raw},    [IMAGE_MCUBOOT] = {"mcuboot", mcuboot_read},
    [IMAGE_ESP] = {"esp", esp_read},    [IMAGE_SWU] = {"swu", swu_read},
    [IMAGE_RAUC] = {"rauc", rauc_read},
};

const char *image_format_name(enum image_format format)
{
    return formats[format].name;
}

err_t image_format_parse(struct bytes word, enum image_format *out)
{
    for (int i = 0; i < IMAGE_FORMATS; i++) {
        if (bytes_is(word, formats[i].name)) {
            *out = (enum image_format)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a format is raw, mcuboot, esp, swu or rauc");
}

void image_clear(struct image *image)
{
    for (size_t i = 0; i < IMAGE_SIGNATURES_MAX; i++) {
        buf_clear(&image->signatures[i].bytes);
        buf_clear(&image->signatures[i].digest);
        buf_clear(&image->signatures[i].key_digest);
    }
    json_decref(image->facts);
    *image = (struct image){.facts = NULL};
}

static err_t read_blob(void *context, int64_t at, uint8_t *out, size_t n)
{
    return blob_read(context, at, out, n);
}

struct byte_source blob_source(struct blob_reader *reader)
{
    return (struct byte_source){.read = read_blob, .context = reader, .size = blob_size(reader)};
}

err_t image_read(struct blob_reader *bytes, enum image_format format, struct image *out,
                 struct image_fault *fault)
{
    const struct byte_source source = blob_source(bytes);
    return image_read_source(&source, format, out, fault);
}

err_t image_read_source(const struct byte_source *bytes, enum image_format format, struct image *out,
                        struct image_fault *fault)
{
    *out = (struct image){.format = format, .counter = -1, .facts = json_object()};
    *fault = (struct image_fault){.at = 0};
    ENSURE(out->facts != NULL, ERR_NO_MEMORY, "the facts of an image");
    const struct image_reading reading = {.bytes = bytes, .out = out, .fault = fault};
    TRY(formats[format].read(&reading));
    out->is_ordered = image_version_is_ordered(format, out->version);
    return OK;
}

/* --- guessed ---------------------------------------------------------------------------------------- */

static const struct guess_row {
    const char *magic;
    size_t size;
    enum image_format format;
} guesses[] = {
    {"\x3d\xb8\xf3\x96", 4, IMAGE_MCUBOOT},
    {"\xe9", 1, IMAGE_ESP},
    {"070701", 6, IMAGE_SWU},
    {"070702", 6, IMAGE_SWU},
    {"hsqs", 4, IMAGE_RAUC},
};

/* One byte is no magic: an application's description must stand where it belongs. */
static err_t is_esp(const struct byte_source *bytes, bool *out)
{
    uint8_t magic[4] = {0};
    enum { DESCRIPTION_AT = 32 };
    *out = byte_source_has(bytes, DESCRIPTION_AT, sizeof magic);
    TRY(*out ? byte_source_read(bytes, DESCRIPTION_AT, magic, sizeof magic) : OK);
    *out = *out && le32(magic) == 0xabcd5432U;
    return OK;
}

/* A SquashFS alone is a root file system; of a bundle the end tells where a signature begins. */
static err_t is_rauc(const struct byte_source *bytes, bool *out)
{
    enum { SIZE_SIZE = 8, CMS_MAX = 1 << 20 };
    uint8_t tail[SIZE_SIZE], tag = 0;
    uint64_t size = 0;
    *out = false;
    TRY(byte_source_read(bytes, bytes->size - SIZE_SIZE, tail, sizeof tail));
    for (int i = 0; i < SIZE_SIZE; i++) {
        size = size << 8 | tail[i];
    }
    if (size > 0 && size <= CMS_MAX && (int64_t)size < bytes->size - SIZE_SIZE) {
        TRY(byte_source_read(bytes, bytes->size - SIZE_SIZE - (int64_t)size, &tag, 1));
        *out = tag == 0x30;
    }
    return OK;
}

static err_t confirm(const struct byte_source *bytes, enum image_format *format)
{
    bool is_good = true;
    TRY(*format == IMAGE_ESP ? is_esp(bytes, &is_good)
                             : (*format == IMAGE_RAUC ? is_rauc(bytes, &is_good) : OK));
    *format = is_good ? *format : IMAGE_RAW;
    return OK;
}

err_t image_guess_source(const struct byte_source *bytes, enum image_format *out)
{
    uint8_t head[8];
    *out = IMAGE_RAW;
    if (!byte_source_has(bytes, 0, sizeof head)) {
        return OK;
    }
    TRY(byte_source_read(bytes, 0, head, sizeof head));
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        if (memcmp(head, guesses[i].magic, guesses[i].size) == 0) {
            *out = guesses[i].format;
            return confirm(bytes, out);
        }
    }
    return OK;
}

err_t image_guess(struct blob_reader *bytes, enum image_format *out)
{
    const struct byte_source source = blob_source(bytes);
    return image_guess_source(&source, out);
}

/* --- for the parsers -------------------------------------------------------------------------------- */

err_t image_refuse(const struct image_reading *r, int64_t at, const char *format, ...)
{
    char text[IMAGE_REASON_SIZE];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* it may quote names of the image; an error's detail is made harmless */
    err_t harmless = ERR(ERR_UNPROCESSABLE, "%s", size < 0 ? "" : text);
    (void)snprintf(r->fault->reason, sizeof r->fault->reason, "%s", harmless.detail);
    r->fault->at = at;
    return ERR(ERR_UNPROCESSABLE, "at byte %lld: %s", (long long)at, r->fault->reason);
}

err_t image_must_hold(const struct image_reading *r, int64_t at, int64_t n, const char *what)
{
    int64_t place = at < r->bytes->size ? at : r->bytes->size;
    IMAGE_NEED(byte_source_has(r->bytes, at, n), r, place,
               "the file ends within %s: %lld bytes are needed from here, it has %lld", what,
               (long long)(n + (at - place)), (long long)(r->bytes->size - place));
    return OK;
}

err_t image_take(const struct image_reading *r, int64_t at, void *out, size_t n, const char *what)
{
    TRY(image_must_hold(r, at, (int64_t)n, what));
    return byte_source_read(r->bytes, at, out, n);
}

err_t image_take_buf(const struct image_reading *r, int64_t at, int64_t n, const char *what, struct buf *out)
{
    TRY(image_must_hold(r, at, n, what));
    TRY(buf_reserve(out, (size_t)n));
    TRY(byte_source_read(r->bytes, at, out->p + out->n, (size_t)n));
    out->n += (size_t)n;
    out->p[out->n] = '\0';
    return OK;
}

static err_t add_to_hash(void *arg, struct bytes piece)
{
    return digest_stream_add(arg, piece);
}

err_t image_hash(const struct image_reading *r, enum digest_kind kind, int64_t from, int64_t size,
                 uint8_t *out)
{
    AUTO_PTR(digest_stream) *hash = NULL;
    TRY(digest_stream_new(kind, &hash));
    TRY(byte_source_each(r->bytes, from, size, add_to_hash, hash));
    return digest_stream_value(hash, out, digest_size(kind));
}

struct other {
    uint8_t value;
    bool is_found;
    int64_t at;
};

static err_t look_for_other(void *arg, struct bytes piece)
{
    struct other *other = arg;
    for (size_t i = 0; i < piece.n && !other->is_found; i++) {
        other->is_found = piece.p[i] != other->value;
        other->at += other->is_found ? 0 : 1;
    }
    return OK;
}

err_t image_find_other(const struct image_reading *r, int64_t from, int64_t to, uint8_t value, int64_t *at)
{
    struct other other = {.value = value, .at = from};
    TRY(byte_source_each(r->bytes, from, to - from, look_for_other, &other));
    *at = other.at;
    return OK;
}

err_t image_add_signature(const struct image_reading *r, int64_t at, struct image_signature **out)
{
    IMAGE_NEED(r->out->signature_count < IMAGE_SIGNATURES_MAX, r, at, "there are more than %d signatures",
               IMAGE_SIGNATURES_MAX);
    *out = &r->out->signatures[r->out->signature_count++];
    (*out)->at = at;
    return OK;
}

static bool is_clean(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < 0x20 || text.p[i] == 0x7f) {
            return false;
        }
    }
    return utf8_is_valid(text);
}

static struct bytes up_to_nul(struct bytes text)
{
    const uint8_t *nul = text.n == 0 ? NULL : memchr(text.p, 0, text.n);
    return nul == NULL ? text : (struct bytes){text.p, (size_t)(nul - text.p)};
}

err_t image_fact_text(json_t *facts, const char *name, struct bytes text)
{
    AUTO_VAL(buf) copy = {0};
    struct bytes clean = up_to_nul(text);
    if (clean.n == 0 || !is_clean(clean)) {
        return OK;
    }
    TRY(buf_append_bytes(&copy, clean));
    return json_set_text(facts, name, buf_str(&copy));
}

err_t image_set_version(const struct image_reading *r, int64_t at, struct bytes text)
{
    struct bytes clean = up_to_nul(text);
    IMAGE_NEED(clean.n < IMAGE_VERSION_SIZE, r, at, "the version has %zu characters, %d are possible",
               clean.n, IMAGE_VERSION_SIZE - 1);
    IMAGE_NEED(is_clean(clean), r, at, "the version is no clean text");
    memcpy(r->out->version, clean.p == NULL ? (const uint8_t *)"" : clean.p, clean.n);
    r->out->version[clean.n] = '\0';
    return OK;
}
