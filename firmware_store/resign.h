/* How an image gets another signature: which bytes are signed, and the derived image around the signature.
 * One form for all formats: the image up to a place, what is put in there, the rest from another place on,
 * and zeros up to a round size. Signs nothing: the signature comes from outside. */
#ifndef WHORL_FIRMWARE_STORE_RESIGN_H
#define WHORL_FIRMWARE_STORE_RESIGN_H

#include "firmware_store/image.h"

struct resign_plan {
    enum image_format format;
    int64_t signed_from, signed_size; /* what is signed, of the image … */
    struct buf content;               /* … or, rauc's verity, this, and it stays inside of the signature */
    int64_t keep;                     /* bytes of the image before what is put in */
    int64_t rest_from, rest_to;       /* bytes of the image behind it */
    int64_t round;                    /* zeros up to a multiple of this; 0: none */
    bool has_checksums;               /* swu: entries carry the sum of their bytes */
    uint8_t head[110];                /* swu: the header of sw-description, as a model */
};
void resign_plan_clear(struct resign_plan *plan);
DEFINE_AUTO_VAL(resign_plan, resign_plan_clear);

/* What the format needs to know of the signature. */
struct resign_signature {
    struct bytes signature;
    struct bytes digest, key_digest; /* mcuboot: SHA-256 of what is signed, and the name of the key */
    unsigned type;                   /* mcuboot: which TLV */
};
enum { RESIGN_ECDSA = 0x22, RESIGN_RSA3072 = 0x23, RESIGN_ED25519 = 0x24 };

/** @param image as image_read() found it @errors ERR_UNPROCESSABLE it cannot be signed here: encrypted,
 * padded, compressed, entries without a sha256, … @thread that of the source */
err_t resign_plan(const struct byte_source *bytes, const struct image *image, struct resign_plan *out,
                  struct image_fault *fault);
/** The derived image, written piece by piece. @errors ERR_IO, ERR_DISK_FULL */
err_t resign_write(const struct byte_source *bytes, const struct resign_plan *plan,
                   const struct resign_signature *signature, struct blob_writer *writer);

#endif
