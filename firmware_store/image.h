/* What an image says of itself: read from its bytes alone, nothing believed. Signatures are found here and
 * judged by fleet/image_check.h, which knows the product's keys. What does not parse is refused with the byte
 * offset. */
#ifndef WHORL_FIRMWARE_STORE_IMAGE_H
#define WHORL_FIRMWARE_STORE_IMAGE_H

#include "base/byte_source.h"
#include "base/json.h"
#include "firmware_store/store.h"

enum image_format { IMAGE_RAW, IMAGE_MCUBOOT, IMAGE_ESP, IMAGE_SWU, IMAGE_RAUC };
enum { IMAGE_FORMATS = 5, IMAGE_VERSION_SIZE = 65, IMAGE_SIGNATURES_MAX = 4, IMAGE_REASON_SIZE = 160 };
const char *image_format_name(enum image_format format);
/** @errors ERR_UNPROCESSABLE naming the known ones */
err_t image_format_parse(struct bytes word, enum image_format *out);

enum signature_scheme {
    SIGNATURE_ECDSA_P256,   /* DER, over a SHA-256 */
    SIGNATURE_ECDSA_P384,   /* DER, over a SHA-384 */
    SIGNATURE_ECDSA_RAW,    /* r || s, big-endian, of the key's curve */
    SIGNATURE_RSA_PSS,      /* salt 32, MGF1 and digest SHA-256 */
    SIGNATURE_ED25519,      /* over the digest */
    SIGNATURE_ED25519_PURE, /* over the bytes themselves */
    SIGNATURE_BARE,         /* over the bytes of a region, in whichever form the key has: no CMS around it */
    SIGNATURE_CMS_DETACHED, /* over the bytes of a region */
    SIGNATURE_CMS           /* with its content inside, whose SHA-256 is `digest` */
};

/* One signature that was found. Which bytes: those at `from`, `size` of them. */
struct image_signature {
    enum signature_scheme scheme;
    int64_t from, size;    /* what is signed */
    int64_t at;            /* where the signature stands, for messages */
    struct buf bytes;      /* the signature itself */
    struct buf digest;     /* of what is signed, as the image says and as was found to be true; or empty */
    struct buf key_digest; /* by which the image names its key; or empty */
};

struct image {
    enum image_format format;
    char version[IMAGE_VERSION_SIZE]; /* "" where the format has none */
    bool is_ordered;                  /* versions of this format have an order: image_version_compare() */
    int64_t counter;                  /* security counter; -1: the format has none, or this image */
    struct image_signature signatures[IMAGE_SIGNATURES_MAX];
    size_t signature_count;
    bool is_encrypted, is_padded; /* cannot be signed here */
    json_t *facts;                /* an object: what people want to see, in snake_case */
};
void image_clear(struct image *image);
DEFINE_AUTO_VAL(image, image_clear);

/* Why an image is refused: where, and what is wrong there. */
struct image_fault {
    int64_t at;
    char reason[IMAGE_REASON_SIZE];
};

/** Reads an image of a format that somebody named. @param[out] fault filled with ERR_UNPROCESSABLE
 *  @errors ERR_UNPROCESSABLE it is not one, or not a whole one, ERR_IO @thread worker */
err_t image_read(struct blob_reader *bytes, enum image_format format, struct image *out,
                 struct image_fault *fault);
/** The same from anywhere. @thread that of the source */
err_t image_read_source(const struct byte_source *bytes, enum image_format format, struct image *out,
                        struct image_fault *fault);
/** A blob as a source; borrowed. @thread any */
struct byte_source blob_source(struct blob_reader *reader);
/** The format that the bytes look like, at the start and where more must stand; IMAGE_RAW for none that is
 * known. */
err_t image_guess(struct blob_reader *bytes, enum image_format *out);
err_t image_guess_source(const struct byte_source *bytes, enum image_format *out);
/** Whether a version of this format can be put in order: of mcuboot every one, else what reads like a
 * semantic version ("1.4", "v2.0.1-rc.2", "1.2.3.4"). @thread any */
bool image_version_is_ordered(enum image_format format, const char *version);
/** < 0, 0, > 0; 0 also where one of them has no order. What stands behind a "+" counts for mcuboot only.
 * @thread any */
int image_version_compare(enum image_format format, const char *a, const char *b);

#endif
