/* The half of a ceremony that has the key: what may be signed, and the signing. Uses no network, no clock of
 * its own and no file. */
#include <stdio.h>
#include <string.h>

#include "pki/authority_internal.h"
#include "pki/authority_succession.h"
#include "pki/ceremony_internal.h"

static const int64_t BEFORE_MS = 3600000; /* devices' clocks */

int64_t ceremony_crl_number(const struct ceremony *ceremony, const struct ceremony_signer *signer)
{
    return ceremony->crl_number > signer->last_crl_number ? ceremony->crl_number
                                                          : signer->last_crl_number + 1;
}

void ceremony_dates(const struct ceremony_signer *signer, int64_t days, struct validity *out)
{
    int64_t first = signer->authority->validity.not_before_ms;
    int64_t from = signer->now_ms - BEFORE_MS;
    *out = (struct validity){from < first ? first : from, signer->now_ms + days * CEREMONY_DAY_MS};
}

/* --- may it be signed? -------------------------------------------------------------------------------- */

static err_t check_signer(const struct ceremony *ceremony, const struct ceremony_signer *signer,
                          const struct ca_certificate *own)
{
    AUTO_VAL(ca_certificate) meant = {.is_ca = false};
    TRY(ca_certificate_read(buf_view(&ceremony->issuer_der), &meant));
    ENSURE(signer->authority->key != NULL, ERR_UNPROCESSABLE, "the signing key is not here");
    ENSURE(bytes_equal(buf_view(&meant.spki), buf_view(&own->spki)) &&
               bytes_equal(buf_view(&meant.facts.subject), buf_view(&own->facts.subject)),
           ERR_UNPROCESSABLE, "the file is for another CA: for %.100s", meant.facts.subject_text);
    ENSURE(ceremony->certificate_count == 0 || own->path_length != 0, ERR_UNPROCESSABLE,
           "the signing CA has pathlen 0: it may not certify CAs");
    ENSURE(strncmp(ceremony->public_url, "http://", 7) == 0 ||
               strncmp(ceremony->public_url, "https://", 8) == 0,
           ERR_UNPROCESSABLE, "'public_url' is no http address");
    ENSURE(ceremony->certificate_count > 0 || ceremony->has_crl, ERR_UNPROCESSABLE,
           "the file asks for nothing");
    return ca_certificate_check_upper(own, signer->now_ms);
}

static err_t check_end(const struct ceremony_signer *signer, int64_t days, const char *what)
{
    struct validity life;
    char end[32];
    ceremony_dates(signer, days, &life);
    time_format(signer->authority->validity.not_after_ms, end);
    ENSURE(life.not_after_ms <= signer->authority->validity.not_after_ms, ERR_UNPROCESSABLE,
           "%s: %lld days would go beyond the end of the signing CA at %s", what, (long long)days, end);
    return OK;
}

err_t ceremony_request(const struct ceremony_certificate *wish, struct csr **out)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = false};
    err_t error = csr_parse(buf_view(&wish->der), &policy, out);
    ENSURE(error.code != ERR_BAD_CSR && error.code != ERR_UNPROCESSABLE, ERR_UNPROCESSABLE,
           "the request of %s: %.110s", wish->authority, error.detail);
    return error;
}

/* They stand in what the CA's own key has signed: nobody on the way has changed them. */
err_t ceremony_names(const struct ceremony_certificate *wish, struct held_constraints *out)
{
    struct faults faults = {.count = 0};
    if (wish->role != AUTHORITY_EDGE) {
        return OK;
    }
    err_t error = name_constraints_of_request(buf_view(&wish->der), out);
    ENSURE(error.code != ERR_UNPROCESSABLE, ERR_UNPROCESSABLE, "the request of %s: %.110s", wish->authority,
           error.detail);
    TRY(error);
    ENSURE(out->names.permitted_count > 0, ERR_UNPROCESSABLE,
           "the request of %s has no nameConstraints: a CA for servers at the edge is bound to DNS names",
           wish->authority);
    TRY(name_constraints_check(&out->names, "", &faults));
    return faults_error(&faults);
}

static bool is_own_key(const struct sha256 *spki, const struct ceremony_signer *signer)
{
    return bytes_equal(BYTES_OF(spki->b), BYTES_OF(signer->authority->spki_sha256.b));
}

static err_t check_issuing(const struct ceremony_certificate *wish, const struct ceremony_signer *signer)
{
    static const uint8_t no_name[] = {DER_SEQUENCE, 0};
    AUTO_PTR(csr) *csr = NULL;
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    TRY(ceremony_request(wish, &csr));
    TRY(ceremony_names(wish, &held));
    ENSURE(!is_own_key(&csr_borrow_key(csr)->spki_sha256, signer), ERR_UNPROCESSABLE,
           "the request of %s is over the signing CA's own key", wish->authority);
    ENSURE(!bytes_equal(csr_borrow_subject(csr), BYTES_OF(no_name)), ERR_UNPROCESSABLE,
           "the request of %s has no subject: a CA needs a name", wish->authority);
    ENSURE(!name_is_same(csr_borrow_subject(csr), buf_view(&signer->authority->subject)), ERR_UNPROCESSABLE,
           "the request of %s has the signing CA's own name", wish->authority);
    return check_end(signer, wish->lifetime_days, wish->authority);
}

static err_t check_cross(const struct ceremony_certificate *wish, const struct ceremony_signer *signer)
{
    AUTO_VAL(ca_certificate) other = {.is_ca = false};
    TRY(ca_certificate_read(buf_view(&wish->der), &other));
    ENSURE(ca_certificate_is_self_issued(&other), ERR_UNPROCESSABLE,
           "%s: cross certificates are for roots, and this is none", wish->authority);
    TRY(ca_certificate_check_upper(&other, signer->now_ms));
    TRY(ca_certificate_verify(&other, &other)); /* whoever has its key wants to be this root */
    ENSURE(bytes_equal(buf_view(&other.facts.subject), buf_view(&signer->authority->subject)),
           ERR_UNPROCESSABLE, "%s is a root of another name than the signing CA's: neither follows the other",
           wish->authority);
    ENSURE(!is_own_key(&other.facts.key.spki_sha256, signer), ERR_UNPROCESSABLE,
           "%s has the signing CA's own key", wish->authority);
    return OK;
}

static err_t check_crl(const struct ceremony *ceremony, const struct ceremony_signer *signer,
                       const struct ca_certificate *own)
{
    ENSURE(own->may_sign_crls, ERR_UNPROCESSABLE, "the signing CA may not sign CRLs: keyUsage lacks cRLSign");
    for (size_t i = 0; i < ceremony->entry_count; i++) {
        ENSURE(ceremony->entries[i].entry.revoked_at_ms <= signer->now_ms, ERR_UNPROCESSABLE,
               "entry %zu of the CRL is revoked in the future: is the clock of this machine right?", i + 1);
    }
    ENSURE(ceremony_crl_number(ceremony, signer) > 0, ERR_UNPROCESSABLE, "no CRL number is left");
    return check_end(signer, ceremony->crl_days, "the CRL");
}

err_t ceremony_check(const struct ceremony *ceremony, const struct ceremony_signer *signer)
{
    AUTO_VAL(ca_certificate) own = {.is_ca = false};
    TRY(ca_certificate_read(buf_view(&signer->authority->der), &own));
    TRY(check_signer(ceremony, signer, &own));
    for (size_t i = 0; i < ceremony->certificate_count; i++) {
        const struct ceremony_certificate *wish = &ceremony->certificates[i];
        TRY(wish->kind == CEREMONY_ISSUING ? check_issuing(wish, signer) : check_cross(wish, signer));
    }
    return ceremony->has_crl ? check_crl(ceremony, signer, &own) : OK;
}

/* --- signing ------------------------------------------------------------------------------------------ */

static err_t put_extensions(const struct authority_spec *spec, const struct authority *signer,
                            struct bytes spki, struct buf *out)
{
    uint8_t ski[SKI_SIZE];
    TRY(profile_ski(spki, ski));
    struct der_writer w = der_writer(out);
    authority_put_basics(&w, spec);
    profile_put_ski(&w, ski);
    profile_put_aki(&w, buf_view(&signer->ski));
    TRY(profile_put_publication(&w, &spec->publication, signer));
    return der_finish(&w);
}

static err_t sign_issuing(const struct ceremony *ceremony, const struct ceremony_certificate *wish,
                          const struct ceremony_signer *signer, struct buf *der)
{
    AUTO_PTR(csr) *csr = NULL;
    AUTO_VAL(buf) extensions = {0};
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    uint8_t serial[SERIAL_SIZE];
    struct validity life;
    const struct authority_spec spec = {.id = wish->authority,
                                        .role = wish->role,
                                        .publication = {.public_url = ceremony->public_url},
                                        .key_purposes = wish->key_purposes,
                                        .names = wish->role == AUTHORITY_EDGE ? &held.names : NULL};
    TRY(ceremony_request(wish, &csr));
    TRY(ceremony_names(wish, &held));
    TRY(random_fill(signer->random, serial, sizeof serial));
    serial_normalise(serial);
    TRY(put_extensions(&spec, signer->authority, csr_borrow_spki(csr), &extensions));
    ceremony_dates(signer, wish->lifetime_days, &life);
    struct certificate_content content = {.serial = serial,
                                          .issuer = buf_view(&signer->authority->subject),
                                          .subject = csr_borrow_subject(csr),
                                          .spki = csr_borrow_spki(csr),
                                          .extensions = buf_view(&extensions)};
    TRY(profile_validity(life.not_before_ms, life.not_after_ms, &signer->authority->validity,
                         &content.validity));
    return profile_sign_certificate(&content, signer->authority->key, der);
}

static err_t sign_cross(const struct ceremony *ceremony, const struct ceremony_certificate *wish,
                        const struct ceremony_signer *signer, struct buf *der)
{
    AUTO_PTR(authority) *other = NULL;
    uint8_t serial[SERIAL_SIZE];
    const struct cross_spec spec = {.not_before_ms = signer->now_ms - BEFORE_MS,
                                    .not_after_ms = signer->authority->validity.not_after_ms,
                                    .publication = {.public_url = ceremony->public_url}};
    TRY(authority_load(wish->authority, AUTHORITY_ROOT, buf_view(&wish->der), NULL, &other));
    TRY(random_fill(signer->random, serial, sizeof serial));
    return authority_make_cross(signer->authority, other, &spec, serial, der);
}

static err_t sign_crl(const struct ceremony *ceremony, const struct ceremony_signer *signer, struct buf *pem)
{
    AUTO_VAL(buf) der = {0};
    struct crl_entry entries[CEREMONY_ENTRIES_MAX];
    struct validity life;
    for (size_t i = 0; i < ceremony->entry_count; i++) {
        entries[i] = ceremony->entries[i].entry;
        serial_normalise(entries[i].serial);
    }
    ceremony_dates(signer, ceremony->crl_days, &life);
    const struct crl_spec spec = {.number = ceremony_crl_number(ceremony, signer),
                                  .this_update_ms = signer->now_ms / 1000 * 1000,
                                  .next_update_ms = life.not_after_ms / 1000 * 1000,
                                  .entries = entries,
                                  .count = ceremony->entry_count};
    TRY(authority_sign_crl(signer->authority, &spec, &der));
    return ceremony_crl_to_pem(buf_view(&der), pem);
}

/* The authority's id stands in the addresses of its CRL and its certificate. */
static err_t check_id(const struct ceremony *ceremony, const struct ceremony_signer *signer)
{
    ENSURE(strcmp(ceremony->issuer, signer->authority->id) == 0, ERR_INTERNAL,
           "the signing CA is loaded as %s, not as %s", signer->authority->id, ceremony->issuer);
    return OK;
}

err_t ceremony_sign(const struct ceremony *ceremony, const struct ceremony_signer *signer, struct buf *pem)
{
    TRY(check_id(ceremony, signer));
    TRY(ceremony_check(ceremony, signer));
    for (size_t i = 0; i < ceremony->certificate_count; i++) {
        const struct ceremony_certificate *wish = &ceremony->certificates[i];
        AUTO_VAL(buf) der = {0};
        TRY(wish->kind == CEREMONY_ISSUING ? sign_issuing(ceremony, wish, signer, &der)
                                           : sign_cross(ceremony, wish, signer, &der));
        TRY(certificate_to_pem(buf_view(&der), pem));
    }
    return ceremony->has_crl ? sign_crl(ceremony, signer, pem) : OK;
}
