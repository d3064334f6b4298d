/* Reading is firmware_store's, mathematics pki's; here the two meet the keys of the product. A signature is
 * tried under the keys that it may be meant for; why none holds is told as exactly as it can be. */
#include "fleet/image_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/image_chip_rows.h"
#include "fleet/boot_keys.h"
#include "fleet/internal.h"
#include "pki/boot_cms.h"
#include "pki/boot_key.h"

/* One image before the keys of its product. */
struct trial {
    const struct byte_source *bytes;
    const struct image *image;
    struct image_fault *fault;
    int64_t now_ms;
    const struct boot_key_row *found; /* under which a signature holds; NULL: none yet */
    bool is_meant;                    /* a key of the product is the one that a signature names */
};

static err_t refuse(struct image_fault *fault, int64_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static err_t refuse(struct image_fault *fault, int64_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->reason, sizeof fault->reason, format, args);
    va_end(args);
    fault->at = at;
    return ERR(ERR_UNPROCESSABLE, "at byte %lld: %s", (long long)at, fault->reason);
}

#define IMAGE_MUST(condition, fault, at, ...)                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            return refuse((fault), (at), __VA_ARGS__);                                                       \
        }                                                                                                    \
    } while (0)

/* --- one signature, one key ------------------------------------------------------------------------- */

/* An image names its key by a hash in the length of its own; without a name every key may be meant. */
static err_t is_named(const struct image_signature *signature, const struct boot_key_row *key, bool *out)
{
    uint8_t digest[DIGEST_SIZE_MAX];
    struct bytes name = buf_view(&signature->key_digest);
    *out = name.n == 0 || bytes_equal(name, BYTES_OF(key->digest.b));
    if (*out || key->kind != BOOT_KEY_MCUBOOT || name.n <= SHA256_SIZE) {
        return OK;
    }
    enum digest_kind kind = name.n == 48 ? DIGEST_SHA384 : DIGEST_SHA512;
    TRY(boot_key_digest_mcuboot(boot_key_public(key), kind, digest));
    *out = bytes_equal(name, (struct bytes){digest, digest_size(kind)});
    return OK;
}

static bool is_cms(enum signature_scheme scheme)
{
    return scheme == SIGNATURE_CMS || scheme == SIGNATURE_CMS_DETACHED;
}

static enum bare_form form_of(enum signature_scheme scheme)
{
    return scheme == SIGNATURE_ECDSA_RAW
               ? BARE_ECDSA_RAW
               : (scheme == SIGNATURE_RSA_PSS ? BARE_RSA_PSS
                                              : (scheme == SIGNATURE_ED25519 ? BARE_ED25519 : BARE_ECDSA));
}

static err_t holds(const struct trial *trial, const struct image_signature *signature,
                   const struct boot_key_row *key, bool *out)
{
    struct bytes public_key = boot_key_public(key), bytes = buf_view(&signature->bytes);
    const struct byte_region region = {trial->bytes, signature->from, signature->size};
    switch (signature->scheme) {
    case SIGNATURE_ECDSA_P256:
    case SIGNATURE_ECDSA_P384:
    case SIGNATURE_ECDSA_RAW:
    case SIGNATURE_RSA_PSS:
    case SIGNATURE_ED25519:
        return boot_key_holds_digest(public_key, form_of(signature->scheme), buf_view(&signature->digest),
                                     bytes, out);
    case SIGNATURE_ED25519_PURE:
    case SIGNATURE_BARE:
        return boot_key_holds_region(public_key, &region, bytes, out);
    case SIGNATURE_CMS_DETACHED:
    case SIGNATURE_CMS:
        break;
    }
    return ERR(ERR_INTERNAL, "a CMS signature is no bare one");
}

/* --- all of them ------------------------------------------------------------------------------------ */

static err_t try_bare(struct trial *trial, const struct image_signature *signature,
                      const struct boot_keys *keys)
{
    for (size_t i = 0; i < keys->count && trial->found == NULL; i++) {
        bool is_meant = false, is_good = false;
        TRY(is_named(signature, &keys->rows[i], &is_meant));
        if (is_meant) {
            trial->is_meant = trial->is_meant || signature->key_digest.n > 0;
            TRY(holds(trial, signature, &keys->rows[i], &is_good));
        }
        trial->found = is_good ? &keys->rows[i] : NULL;
    }
    return OK;
}

/* The reason of the last certificate is told when none holds. */
static err_t try_cms(struct trial *trial, const struct image_signature *signature,
                     const struct boot_keys *keys)
{
    const struct boot_cms cms = {.cms = buf_view(&signature->bytes),
                                 .region = {signature->scheme == SIGNATURE_CMS ? NULL : trial->bytes,
                                            signature->from, signature->size},
                                 .content_digest = buf_view(&signature->digest),
                                 .now_ms = trial->now_ms};
    for (size_t i = 0; i < keys->count && trial->found == NULL; i++) {
        err_t error = boot_cms_verify(&cms, boot_key_public(&keys->rows[i]));
        if (error.code == ERR_OK) {
            trial->found = &keys->rows[i];
        } else if (error.code == ERR_UNPROCESSABLE) {
            err_t told = refuse(trial->fault, signature->at, "%s", error.detail);
            err_ignore(told); /* another certificate may hold; the fault stays when none does */
        } else {
            return error;
        }
    }
    return OK;
}

static err_t judge(struct trial *trial, const struct boot_keys *keys, bool may_be_unsigned)
{
    const struct image *image = trial->image;
    for (size_t i = 0; i < image->signature_count && trial->found == NULL; i++) {
        const struct image_signature *signature = &image->signatures[i];
        TRY(is_cms(signature->scheme) ? try_cms(trial, signature, keys) : try_bare(trial, signature, keys));
    }
    if (trial->found != NULL || keys->count == 0) {
        return OK;
    }
    int64_t at = image->signature_count == 0 ? 0 : image->signatures[0].at;
    if (trial->is_meant) {
        return refuse(trial->fault, at,
                      "the signature does not hold under the registered boot key that it names");
    }
    if (may_be_unsigned) {
        return OK;
    }
    if (image->signature_count == 0) {
        return refuse(trial->fault, at, "the image is not signed, and the product has boot keys");
    }
    if (trial->fault->reason[0] != '\0') {
        return ERR(ERR_UNPROCESSABLE, "at byte %lld: %s", (long long)trial->fault->at, trial->fault->reason);
    }
    return refuse(trial->fault, at,
                  image->signatures[0].key_digest.n > 0
                      ? "the signature is by a key that is not registered as a boot key of the product"
                      : "the signature holds under no registered boot key of the product");
}

/* Which keys judge an image: of raw bytes only detached ones could, which stand beside it. A bare signature
 * in a .swu is by a plain key, not by a certificate. */
static bool kind_of(const struct image *image, enum boot_key_kind *out)
{
    bool is_bare = image->signature_count > 0 && image->signatures[0].scheme == SIGNATURE_BARE;
    switch (image->format) {
    case IMAGE_MCUBOOT:
        *out = BOOT_KEY_MCUBOOT;
        return true;
    case IMAGE_ESP:
        *out = BOOT_KEY_ESP;
        return true;
    case IMAGE_SWU:
    case IMAGE_RAUC:
        *out = is_bare ? BOOT_KEY_DETACHED : BOOT_KEY_CMS;
        return true;
    case IMAGE_RAW:
        break;
    }
    return false;
}

static void keys_free(struct boot_keys *keys)
{
    free(keys);
}
DEFINE_AUTO_PTR(boot_keys, keys_free);

static err_t keys_new(struct boot_keys **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "boot keys");
    return OK;
}

static err_t check_signatures(struct fleet *fleet, const struct image_check *check, struct trial *trial,
                              struct image_verdict *verdict)
{
    AUTO_PTR(boot_keys) *keys = NULL;
    enum boot_key_kind kind = BOOT_KEY_MCUBOOT;
    if (!kind_of(trial->image, &kind)) {
        return OK;
    }
    TRY(keys_new(&keys));
    TRY(boot_keys_of_product(fleet, check->tenant, check->product, kind, keys));
    if (keys->count == 0 && kind == BOOT_KEY_DETACHED) {
        /* a product whose updater trusts certificates takes no bare signature: judged, none can hold */
        TRY(boot_keys_of_product(fleet, check->tenant, check->product, BOOT_KEY_CMS, keys));
        IMAGE_MUST(keys->count == 0 || check->may_be_unsigned, trial->fault, trial->image->signatures[0].at,
                   "the signature is no CMS, and the product's boot keys are certificates");
        return OK;
    }
    TRY(judge(trial, keys, check->may_be_unsigned));
    verdict->fault = (struct image_fault){.at = 0}; /* of a certificate that was not the one */
    if (trial->found != NULL) {
        verdict->is_signed = true;
        verdict->boot_key = trial->found->id;
    }
    return OK;
}

/* --- the chip --------------------------------------------------------------------------------------- */

struct newest {
    struct uuid tenant, product;
    struct buf *facts;
};

static err_t newest_in(struct db_tx *tx, void *arg)
{
    const struct newest *run = arg;
    return image_chip_rows_newest(tx, run->tenant, run->product, run->facts);
}

/* A product has one chip: what runs on another would not start on any of its devices. */
static err_t check_chip(struct fleet *fleet, const struct image_check *check, const struct image *image,
                        struct image_fault *fault)
{
    enum { CHIP_ID_AT = 12, FACTS_MAX = 1 << 20 };
    AUTO_VAL(buf) text = {0};
    AUTO(json_t) *facts = NULL;
    struct newest run = {.tenant = check->tenant, .product = check->product, .facts = &text};
    if (image->format != IMAGE_ESP) {
        return OK;
    }
    TRY(db_read(fleet->db, newest_in, &run));
    if (text.n == 0) {
        return OK;
    }
    TRY(json_parse(buf_view(&text), FACTS_MAX, &facts));
    const json_t *known = json_object_get(facts, "chip_id"), *here = json_object_get(image->facts, "chip_id");
    IMAGE_MUST(known == NULL || json_integer_value(known) == json_integer_value(here), fault, CHIP_ID_AT,
               "the image is for chip %lld, the newest image of the product for chip %lld",
               (long long)json_integer_value(here), (long long)json_integer_value(known));
    return OK;
}

err_t image_check_source(struct fleet *fleet, const struct byte_source *bytes,
                         const struct image_check *check, struct image *image, struct image_verdict *verdict)
{
    *verdict = (struct image_verdict){.is_signed = false};
    struct trial trial = {
        .bytes = bytes, .image = image, .fault = &verdict->fault, .now_ms = clock_now_ms(fleet->clock)};
    TRY(image_read_source(bytes, check->format, image, &verdict->fault));
    TRY(check_chip(fleet, check, image, &verdict->fault));
    return check_signatures(fleet, check, &trial, verdict);
}

err_t image_check(struct fleet *fleet, struct blob_reader *bytes, const struct image_check *check,
                  struct image *image, struct image_verdict *verdict)
{
    const struct byte_source source = blob_source(bytes);
    return image_check_source(fleet, &source, check, image, verdict);
}

/* --- beside the image ------------------------------------------------------------------------------- */

err_t image_check_detached(struct fleet *fleet, struct blob_reader *bytes, const struct image_check *check,
                           struct bytes signature, struct image_verdict *verdict)
{
    AUTO_PTR(boot_keys) *keys = NULL;
    const struct byte_source source = blob_source(bytes);
    const struct byte_region region = {&source, 0, source.size};
    *verdict = (struct image_verdict){.is_signed = false};
    TRY(keys_new(&keys));
    TRY(boot_keys_of_product(fleet, check->tenant, check->product, BOOT_KEY_DETACHED, keys));
    ENSURE(keys->count > 0, ERR_UNPROCESSABLE, "the product has no boot key of kind detached");
    for (size_t i = 0; i < keys->count; i++) {
        bool is_good = false;
        TRY(boot_key_holds_region(boot_key_public(&keys->rows[i]), &region, signature, &is_good));
        if (is_good) {
            *verdict = (struct image_verdict){.is_signed = true, .boot_key = keys->rows[i].id};
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "the signature holds under no boot key of kind detached of the product");
}
