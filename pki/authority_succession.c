/* Certificates between authorities: who takes a predecessor's name, and who vouches for whom. */
#include "pki/authority_succession.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "pki/authority_internal.h"

enum { LATER = 0, EARLIER = 1 };

static int64_t pick(int64_t a, int64_t b, int which)
{
    return (a < b) == (which == EARLIER) ? a : b;
}

static bool has_key(const struct authority *authority, const struct sha256 *spki)
{
    return bytes_equal(BYTES_OF(authority->spki_sha256.b), BYTES_OF(spki->b));
}

/* --- a root in its predecessor's place ---------------------------------------------------------------- */

err_t authority_make_successor(const struct authority_spec *spec, const struct private_key *key,
                               const struct authority *predecessor, const uint8_t serial[SERIAL_SIZE],
                               struct buf *der)
{
    AUTO_VAL(buf) extensions = {0};
    uint8_t ski[SKI_SIZE];
    uint8_t normal_serial[SERIAL_SIZE];
    ENSURE(spec->role == AUTHORITY_ROOT && predecessor->role == AUTHORITY_ROOT, ERR_INTERNAL,
           "only a root takes the name of a root");
    ENSURE(!has_key(predecessor, &key->info.spki_sha256), ERR_UNPROCESSABLE,
           "the successor of %s needs a key of its own", predecessor->id);
    TRY(profile_ski(buf_view(&key->spki), ski));
    struct der_writer w = der_writer(&extensions);
    authority_put_basics(&w, spec);
    profile_put_ski(&w, ski);
    TRY(der_finish(&w));
    memcpy(normal_serial, serial, SERIAL_SIZE);
    serial_normalise(normal_serial);
    struct certificate_content content = {.serial = normal_serial,
                                          .issuer = buf_view(&predecessor->subject),
                                          .subject = buf_view(&predecessor->subject),
                                          .spki = buf_view(&key->spki),
                                          .extensions = buf_view(&extensions)};
    TRY(profile_validity(spec->not_before_ms, spec->not_after_ms, NULL, &content.validity));
    return profile_sign_certificate(&content, key, der);
}

/* --- one authority under another ---------------------------------------------------------------------- */

/* The extensions that say something of the CA itself, as they stand in the certificate that it has: neither
 * who signed it nor where that one publishes. */
static bool is_of_itself(int nid)
{
    return nid != NID_authority_key_identifier && nid != NID_crl_distribution_points &&
           nid != NID_info_access;
}

static err_t put_extension(X509_EXTENSION *extension, struct der_writer *w)
{
    unsigned char *der = NULL;
    int size = i2d_X509_EXTENSION(extension, &der);
    if (size <= 0) {
        return ERR_OPENSSL("an extension of an authority cannot be written");
    }
    der_put_raw(w, (struct bytes){der, (size_t)size});
    OPENSSL_free(der);
    return OK;
}

/* Every extension that stays, then those of the signer. Of a self-signed root its own SKI, pathlen and key
 * usage stay. */
static err_t put_extensions(const struct authority *signer, const struct authority *subject,
                            const struct cross_spec *spec, struct buf *out)
{
    AUTO(X509) *x509 = NULL;
    TRY(certificate_decode(buf_view(&subject->der), &x509));
    struct der_writer w = der_writer(out);
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);
        if (is_of_itself(OBJ_obj2nid(X509_EXTENSION_get_object(extension)))) {
            TRY(put_extension(extension, &w));
        }
    }
    profile_put_aki(&w, buf_view(&signer->ski));
    TRY(profile_put_publication(&w, &spec->publication, signer));
    return der_finish(&w);
}

static err_t certify(const struct authority *signer, const struct authority *subject,
                     const struct cross_spec *spec, const uint8_t serial[SERIAL_SIZE], struct buf *der)
{
    AUTO_VAL(buf) extensions = {0};
    AUTO_VAL(buf) spki = {0};
    AUTO(X509) *x509 = NULL;
    uint8_t normal_serial[SERIAL_SIZE];
    ENSURE(signer->key != NULL, ERR_UNAVAILABLE, "the key of authority %s is not here", signer->id);
    bool is_cross = subject->role == AUTHORITY_ROOT;
    const struct validity both = {
        is_cross ? subject->validity.not_before_ms
                 : pick(signer->validity.not_before_ms, subject->validity.not_before_ms, LATER),
        pick(signer->validity.not_after_ms, subject->validity.not_after_ms, EARLIER)};
    TRY(certificate_decode(buf_view(&subject->der), &x509));
    TRY(certificate_spki(x509, &spki));
    TRY(put_extensions(signer, subject, spec, &extensions));
    memcpy(normal_serial, serial, SERIAL_SIZE);
    serial_normalise(normal_serial);
    struct certificate_content content = {.serial = normal_serial,
                                          .issuer = buf_view(&signer->subject),
                                          .subject = buf_view(&subject->subject),
                                          .spki = buf_view(&spki),
                                          .extensions = buf_view(&extensions)};
    TRY(profile_validity(spec->not_before_ms, spec->not_after_ms, &both, &content.validity));
    return profile_sign_certificate(&content, signer->key, der);
}

err_t authority_make_cross(const struct authority *signer, const struct authority *subject,
                           const struct cross_spec *spec, const uint8_t serial[SERIAL_SIZE], struct buf *der)
{
    ENSURE(signer->role == AUTHORITY_ROOT && subject->role == AUTHORITY_ROOT, ERR_UNPROCESSABLE,
           "cross certificates are made between roots only");
    ENSURE(bytes_equal(buf_view(&signer->subject), buf_view(&subject->subject)), ERR_UNPROCESSABLE,
           "%s and %s are roots of different names: neither follows the other", signer->id, subject->id);
    ENSURE(!has_key(signer, &subject->spki_sha256), ERR_UNPROCESSABLE, "%s and %s have the same key",
           signer->id, subject->id);
    struct cross_spec dated = *spec;
    if (subject->validity.not_before_ms < signer->validity.not_before_ms) { /* OldWithNew */
        dated.not_before_ms = subject->validity.not_before_ms;
    }
    return certify(signer, subject, &dated, serial, der);
}

err_t authority_make_again(const struct authority *root, const struct authority *subject,
                           const struct cross_spec *spec, const uint8_t serial[SERIAL_SIZE], struct buf *der)
{
    ENSURE(root->role == AUTHORITY_ROOT && subject->role != AUTHORITY_ROOT, ERR_UNPROCESSABLE,
           "a root gives certificates to issuing authorities");
    return certify(root, subject, spec, serial, der);
}
