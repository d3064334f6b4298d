/* What the parsers of firmware_store/ share: bounded reads whose failure names the place, and the fault that
 * a person reads. Nobody outside includes it. */
#ifndef WHORL_FIRMWARE_STORE_IMAGE_READING_H
#define WHORL_FIRMWARE_STORE_IMAGE_READING_H

#include "base/hash.h"
#include "firmware_store/image.h"

/* One image being read. */
struct image_reading {
    const struct byte_source *bytes;
    struct image *out;
    struct image_fault *fault;
};

/** Fills the fault. @return ERR_UNPROCESSABLE, always */
err_t image_refuse(const struct image_reading *r, int64_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Refuses unless the condition holds. */
#define IMAGE_NEED(condition, r, at, ...)                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            return image_refuse((r), (at), __VA_ARGS__);                                                     \
        }                                                                                                    \
    } while (0)

/** Exactly `n` bytes of `what`; a file that ends in them is refused at its end. @errors ERR_UNPROCESSABLE,
 * ERR_IO */
err_t image_take(const struct image_reading *r, int64_t at, void *out, size_t n, const char *what);
/** Appends them. */
err_t image_take_buf(const struct image_reading *r, int64_t at, int64_t n, const char *what, struct buf *out);
/** Refuses a file that does not hold [at, at + n). */
err_t image_must_hold(const struct image_reading *r, int64_t at, int64_t n, const char *what);
/** The hash of [from, from + size). @param[out] out digest_size() bytes */
err_t image_hash(const struct image_reading *r, enum digest_kind kind, int64_t from, int64_t size,
                 uint8_t *out);
/** Where the first byte of [from, to) lies that is not `value`; `to` when there is none. */
err_t image_find_other(const struct image_reading *r, int64_t from, int64_t to, uint8_t value, int64_t *at);
/** The next signature's place. @errors ERR_UNPROCESSABLE there are too many */
err_t image_add_signature(const struct image_reading *r, int64_t at, struct image_signature **out);

static inline uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}
static inline uint32_t le32(const uint8_t *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

/** Text from an image as a fact: what is no clean UTF-8 is left out. @param text may have NULs behind it */
err_t image_fact_text(json_t *facts, const char *name, struct bytes text);
/** The same as the image's version. @errors ERR_UNPROCESSABLE longer than IMAGE_VERSION_SIZE, control
 * characters */
err_t image_set_version(const struct image_reading *r, int64_t at, struct bytes text);

err_t mcuboot_read(const struct image_reading *r);
err_t esp_read(const struct image_reading *r);
err_t swu_read(const struct image_reading *r);
err_t rauc_read(const struct image_reading *r);

#endif
