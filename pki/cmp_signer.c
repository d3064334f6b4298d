/* Makes the signer of CMP answers. Like the delegates of OCSP it is made anew well before it ends, so its key
 * is worth little; unlike them it has a CRL and an OCSP address, since clients of CMP check it like any
 * other. */
#include "pki/cmp_signer.h"

#include <stdlib.h>

#include <openssl/ec.h>

#include "pki/cmp_signer_internal.h"

enum { MADE_BEFORE_MS = 300000 /* clocks that differ a little */ };

/* extendedKeyUsage with id-kp-cmcRA alone: cmKGA would let it make keys for others, which nobody may here */
static const uint8_t eku_ra[] = {0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a,
                                 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x1c};

struct cmp_signer *cmp_signer_ref(struct cmp_signer *signer)
{
    atomic_fetch_add_explicit(&signer->references, 1, memory_order_relaxed);
    return signer;
}

static void free_certificates(STACK_OF(X509) * certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}

void cmp_signer_unref(struct cmp_signer *signer)
{
    if (signer == NULL || atomic_fetch_sub_explicit(&signer->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    private_key_free(signer->key);
    buf_clear(&signer->der);
    buf_clear(&signer->subject);
    buf_clear(&signer->extra);
    X509_free(signer->certificate);
    X509_free(signer->root);
    free_certificates(signer->path);
    free_certificates(signer->issuers);
    if (signer->nobody != NULL) {
        (void)OSSL_PROVIDER_unload(signer->nobody);
    }
    OSSL_LIB_CTX_free(signer->keyless);
    free(signer);
}

const struct cmp_signer_facts *cmp_signer_facts(const struct cmp_signer *signer)
{
    return &signer->facts;
}

/* --- its certificate -------------------------------------------------------------------------------- */

static err_t make_key(struct cmp_signer *signer)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    if (pair == NULL) {
        return ERR_OPENSSL("making a key failed");
    }
    TRY(private_key_take(pair, &signer->key));
    return profile_ski(buf_view(&signer->key->spki), signer->ski);
}

static err_t put_subject(struct cmp_signer *signer)
{
    struct der_writer w = der_writer(&signer->subject);
    size_t name = der_open(&w, DER_SEQUENCE);
    profile_put_common_name(&w, "Whorl CMP");
    der_close(&w, name);
    return der_finish(&w);
}

static err_t put_extensions(const struct authority *authority, const struct cmp_signer *signer,
                            const struct publication *publication, struct buf *out)
{
    struct der_writer w = der_writer(out);
    profile_put_aki(&w, buf_view(&authority->ski));
    profile_put_ski(&w, signer->ski);
    der_put_raw(&w, profile_key_usage_signature());
    der_put_raw(&w, BYTES_OF(eku_ra));
    TRY(profile_put_publication(&w, publication, authority));
    return der_finish(&w);
}

static err_t make_certificate(const struct authority *authority, const struct cmp_signer_spec *spec,
                              struct cmp_signer *signer)
{
    struct validity validity;
    AUTO_VAL(buf) extensions = {0};
    TRY(profile_validity(spec->now_ms - MADE_BEFORE_MS, spec->now_ms + spec->life_ms, &authority->validity,
                         &validity));
    TRY(random_fill(spec->random, signer->facts.serial, sizeof signer->facts.serial));
    serial_normalise(signer->facts.serial);
    TRY(put_subject(signer));
    TRY(put_extensions(authority, signer, &spec->publication, &extensions));
    const struct certificate_content content = {.serial = signer->facts.serial,
                                                .issuer = buf_view(&authority->subject),
                                                .subject = buf_view(&signer->subject),
                                                .spki = buf_view(&signer->key->spki),
                                                .validity = validity,
                                                .extensions = buf_view(&extensions)};
    TRY(profile_sign_certificate(&content, authority->key, &signer->der));
    signer->facts.not_before_ms = validity.not_before_ms;
    signer->facts.not_after_ms = validity.not_after_ms;
    signer->facts.certificate = buf_view(&signer->der);
    return certificate_decode(buf_view(&signer->der), &signer->certificate);
}

/* --- what goes along -------------------------------------------------------------------------------- */

static err_t take_certificates(const struct bytes *ders, size_t count, STACK_OF(X509) * *out)
{
    *out = sk_X509_new_null();
    ENSURE(*out != NULL, ERR_NO_MEMORY, "no memory for certificates");
    for (size_t i = 0; i < count; i++) {
        AUTO(X509) *one = NULL;
        TRY(certificate_decode(ders[i], &one));
        ENSURE(sk_X509_push(*out, one) > 0, ERR_NO_MEMORY, "no memory for certificates");
        (void)TAKE(one);
    }
    return OK;
}

/* The null provider keeps others from being loaded. */
static err_t make_keyless(struct cmp_signer *signer)
{
    signer->keyless = OSSL_LIB_CTX_new();
    signer->nobody = signer->keyless == NULL ? NULL : OSSL_PROVIDER_load(signer->keyless, "null");
    return signer->nobody != NULL ? OK : ERR_OPENSSL("preparing the signer of CMP answers failed");
}

err_t cmp_signer_new(const struct authority *infrastructure, const struct cmp_signer_spec *spec,
                     struct cmp_signer **out)
{
    *out = NULL;
    ENSURE(infrastructure->key != NULL, ERR_UNAVAILABLE, "the key of authority %s is not here",
           infrastructure->id);
    AUTO_PTR(cmp_signer) *signer = calloc(1, sizeof *signer);
    ENSURE(signer != NULL, ERR_NO_MEMORY, "no memory for a signer");
    atomic_init(&signer->references, 1);
    TRY(make_keyless(signer));
    TRY(make_key(signer));
    TRY(make_certificate(infrastructure, spec, signer));
    TRY(certificate_decode(spec->root, &signer->root));
    TRY(take_certificates(spec->path, spec->path_count, &signer->path));
    TRY(take_certificates(spec->issuers, spec->issuer_count, &signer->issuers));
    for (size_t i = 0; i < spec->path_count; i++) {
        TRY(buf_append_bytes(&signer->extra, spec->path[i]));
    }
    *out = TAKE(signer);
    return OK;
}
