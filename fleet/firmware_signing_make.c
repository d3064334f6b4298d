/* The signatures themselves: of MCUboot by a bare key over the hash, of SWUpdate and RAUC as CMS. What is
 * signed goes by piece by piece, once. */
#include <string.h>

#include "fleet/firmware_signing_internal.h"
#include "fleet/internal.h"
#include "pki/boot_key.h"
#include "pki/cms_sign.h"
#include "pki/digest_sign.h"

void embedded_signature_clear(struct embedded_signature *signature)
{
    buf_clear(&signature->signature);
    buf_clear(&signature->key_digest);
}

/* Where pieces go: the hash, and the CMS when there is one. */
struct sinks {
    struct sha256_stream *hash;
    struct cms_signing *cms;
};

static err_t take_piece(void *arg, struct bytes piece)
{
    const struct sinks *sinks = arg;
    TRY(sha256_stream_add(sinks->hash, piece));
    return sinks->cms == NULL ? OK : cms_signing_add(sinks->cms, piece);
}

static err_t hash_region(struct signing_job *job, const struct byte_source *bytes,
                         const struct resign_plan *plan, struct cms_signing *cms)
{
    AUTO_PTR(sha256_stream) *hash = NULL;
    TRY(sha256_stream_new(&hash));
    struct sinks sinks = {.hash = hash, .cms = cms};
    TRY(byte_source_each(bytes, plan->signed_from, plan->signed_size, take_piece, &sinks));
    return sha256_stream_finish(hash, &job->signed_digest);
}

static err_t sign_mcuboot(struct signing_job *job, const struct byte_source *bytes,
                          const struct resign_plan *plan, struct embedded_signature *out)
{
    const struct private_key *key = firmware_key_handle_borrow(job->handle);
    uint8_t name[SHA256_SIZE];
    TRY(hash_region(job, bytes, plan, NULL));
    TRY(digest_sign(key, &job->signed_digest, &out->signature));
    TRY(boot_key_digest_mcuboot((struct bytes){job->key.spki, job->key.spki_size}, DIGEST_SHA256, name));
    TRY(buf_append(&out->key_digest, name, sizeof name));
    out->type = strcmp(job->key.algorithm, "ed25519") == 0    ? RESIGN_ED25519
                : strcmp(job->key.algorithm, "rsa-3072") == 0 ? RESIGN_RSA3072
                                                              : RESIGN_ECDSA;
    return OK;
}

/* --- CMS -------------------------------------------------------------------------------------------- */

static err_t cms_open(const struct signing_job *job, bool is_detached, struct cms_signing **out)
{
    ENSURE(job->key.certificate_size > 0, ERR_UNPROCESSABLE, "the key %s has no certificate", job->key.name);
    const struct cms_order order = {
        .key = firmware_key_handle_borrow(job->handle),
        .certificate = {job->key.certificate, job->key.certificate_size},
        .at_ms = clock_now_ms(job->fleet->clock),
        .is_detached = is_detached,
    };
    return cms_signing_new(&order, out);
}

static err_t sign_region(struct signing_job *job, const struct byte_source *bytes,
                         const struct resign_plan *plan, struct embedded_signature *out)
{
    AUTO_PTR(cms_signing) *cms = NULL;
    TRY(cms_open(job, true, &cms));
    TRY(hash_region(job, bytes, plan, cms));
    return cms_signing_finish(cms, &out->signature);
}

static err_t sign_content(struct signing_job *job, struct bytes content, struct embedded_signature *out)
{
    AUTO_PTR(cms_signing) *cms = NULL;
    TRY(cms_open(job, false, &cms));
    TRY(cms_signing_add(cms, content));
    TRY(sha256_of(content, &job->signed_digest));
    return cms_signing_finish(cms, &out->signature);
}

err_t signing_make_embedded(struct signing_job *job, const struct byte_source *bytes,
                            const struct resign_plan *plan, struct embedded_signature *out)
{
    switch (plan->format) {
    case IMAGE_MCUBOOT:
        return sign_mcuboot(job, bytes, plan, out);
    case IMAGE_SWU:
        return sign_region(job, bytes, plan, out);
    case IMAGE_RAUC:
        return plan->content.n > 0 ? sign_content(job, buf_view(&plan->content), out)
                                   : sign_region(job, bytes, plan, out);
    case IMAGE_RAW:
    case IMAGE_ESP:
        break;
    }
    return ERR(ERR_INTERNAL, "nothing is signed within such an image");
}
