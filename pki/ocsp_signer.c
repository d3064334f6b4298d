/* The delegate of an authority that signs OCSP answers: its key and certificate, and BasicOCSPResponses (RFC
 * 6960 §4.2.1). `openssl ocsp`, GnuTLS and NSS judge the outcome in the tests. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>

#include "pki/authority_internal.h"
#include "pki/der.h"
#include "pki/ocsp.h"

enum { MADE_BEFORE_MS = 300000 /* clocks that differ a little */ };

/* clang-format off */
static const uint8_t oid_basic[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
static const uint8_t oid_nonce[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
/* extendedKeyUsage with OCSPSigning alone; id-pkix-ocsp-nocheck and id-pkix-ocsp-extended-revoke, whose value is NULL */
static const uint8_t eku_ocsp[] = {0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09};
static const uint8_t no_check[] = {0x30, 0x0f, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05, 0x04, 0x02, 0x05, 0x00};
static const uint8_t extended_revoke[] = {0x30, 0x0f, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x09, 0x04, 0x02, 0x05, 0x00};
/* clang-format on */

struct ocsp_signer {
    atomic_size_t references;
    struct private_key *key;
    struct buf certificate;
    uint8_t key_sha1[SHA1_SIZE]; /* of the key's bits: ResponderID */
    struct ocsp_signer_facts facts;
};

static err_t sha1_of(struct bytes in, uint8_t out[SHA1_SIZE])
{
    if (EVP_Q_digest(NULL, "SHA1", NULL, in.p, in.n, out, NULL) != 1) {
        return ERR_OPENSSL("hashing failed");
    }
    return OK;
}

err_t ocsp_issuer_of(const struct authority *authority, struct ocsp_issuer *out)
{
    AUTO(X509) *x509 = NULL;
    AUTO_VAL(buf) spki = {0};
    TRY(certificate_decode(buf_view(&authority->der), &x509));
    TRY(certificate_spki(x509, &spki));
    struct bytes bits = key_borrow_bits(buf_view(&spki));
    struct bytes name = buf_view(&authority->subject);
    TRY(sha1_of(name, out->name_sha1));
    TRY(sha1_of(bits, out->key_sha1));
    TRY(sha256_of(name, &out->name_sha256));
    return sha256_of(bits, &out->key_sha256);
}

/* --- life ------------------------------------------------------------------------------------------- */

struct ocsp_signer *ocsp_signer_ref(struct ocsp_signer *signer)
{
    atomic_fetch_add_explicit(&signer->references, 1, memory_order_relaxed);
    return signer;
}

void ocsp_signer_unref(struct ocsp_signer *signer)
{
    if (signer == NULL || atomic_fetch_sub_explicit(&signer->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    private_key_free(signer->key);
    buf_clear(&signer->certificate);
    free(signer);
}

const struct ocsp_signer_facts *ocsp_signer_facts(const struct ocsp_signer *signer)
{
    return &signer->facts;
}

static err_t make_key(struct ocsp_signer *signer)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    if (pair == NULL) {
        return ERR_OPENSSL("making a key failed");
    }
    TRY(private_key_take(pair, &signer->key));
    return sha1_of(key_borrow_bits(buf_view(&signer->key->spki)), signer->key_sha1);
}

/* No CRL and no OCSP address: nobody checks it, which is why it is short-lived (RFC 6960 §4.2.2.2.1). */
static err_t put_extensions(const struct authority *authority, struct bytes spki, struct buf *out)
{
    uint8_t ski[SKI_SIZE];
    TRY(profile_ski(spki, ski));
    struct der_writer w = der_writer(out);
    profile_put_aki(&w, buf_view(&authority->ski));
    profile_put_ski(&w, ski);
    der_put_raw(&w, profile_key_usage_signature());
    der_put_raw(&w, BYTES_OF(eku_ocsp));
    der_put_raw(&w, BYTES_OF(no_check));
    return der_finish(&w);
}

static err_t make_certificate(const struct authority *authority, const struct validity *validity,
                              struct ocsp_signer *signer)
{
    AUTO_VAL(buf) subject = {0};
    AUTO_VAL(buf) extensions = {0};
    AUTO_VAL(buf) common_name = {0};
    TRY(buf_printf(&common_name, "OCSP of %s", authority->id));
    struct der_writer w = der_writer(&subject);
    size_t name = der_open(&w, DER_SEQUENCE);
    profile_put_common_name(&w, buf_str(&common_name));
    der_close(&w, name);
    TRY(der_finish(&w));
    TRY(put_extensions(authority, buf_view(&signer->key->spki), &extensions));
    const struct certificate_content content = {.serial = signer->facts.serial,
                                                .issuer = buf_view(&authority->subject),
                                                .subject = buf_view(&subject),
                                                .spki = buf_view(&signer->key->spki),
                                                .validity = *validity,
                                                .extensions = buf_view(&extensions)};
    return profile_sign_certificate(&content, authority->key, &signer->certificate);
}

err_t ocsp_signer_new(const struct authority *authority, const struct ocsp_signer_spec *spec,
                      struct ocsp_signer **out)
{
    *out = NULL;
    ENSURE(authority->key != NULL, ERR_UNAVAILABLE, "the key of authority %s is not here", authority->id);
    struct validity validity;
    TRY(profile_validity(spec->now_ms - MADE_BEFORE_MS, spec->now_ms + spec->life_ms, &authority->validity,
                         &validity));
    AUTO_PTR(ocsp_signer) *signer = calloc(1, sizeof *signer);
    ENSURE(signer != NULL, ERR_NO_MEMORY, "no memory for a signer");
    atomic_init(&signer->references, 1);
    signer->facts.not_before_ms = validity.not_before_ms;
    signer->facts.not_after_ms = validity.not_after_ms;
    TRY(random_fill(spec->random, signer->facts.serial, sizeof signer->facts.serial));
    serial_normalise(signer->facts.serial);
    TRY(make_key(signer));
    TRY(make_certificate(authority, &validity, signer));
    *out = TAKE(signer);
    return OK;
}

/* --- answers ---------------------------------------------------------------------------------------- */

/* Never UTCTime here, and no fractions (RFC 9919 §3.2.1). */
static void put_time(struct der_writer *w, uint8_t tag, int64_t at_ms)
{
    time_t at_s = (time_t)(at_ms / 1000);
    struct tm utc;
    char text[80];
    bool is_good = at_ms >= 0 && gmtime_r(&at_s, &utc) != NULL && utc.tm_year + 1900 <= 9999;
    if (!is_good || strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &utc) != 15) {
        w->error = w->error.code == ERR_OK ? ERR(ERR_INTERNAL, "a time outside of 1970 to 9999") : w->error;
        return;
    }
    der_put(w, tag, bytes_str(text));
}

/* RevokedInfo ::= [1] { revocationTime, revocationReason [0] OPTIONAL } */
static void put_revoked(struct der_writer *w, int64_t at_ms, int reason)
{
    const uint8_t value[] = {DER_ENUMERATED, 1, (uint8_t)reason};
    size_t info = der_open(w, DER_CONTEXT_CONSTRUCTED | 1);
    put_time(w, DER_GENERALIZED_TIME, at_ms);
    if (reason != 0) {
        der_put(w, DER_CONTEXT_CONSTRUCTED | 0, BYTES_OF(value));
    }
    der_close(w, info);
}

static void put_status(struct der_writer *w, const struct ocsp_single *single)
{
    enum { CERTIFICATE_HOLD = 6 };
    switch (single->status) {
    case OCSP_GOOD:
        der_put(w, DER_CONTEXT | 0, BYTES_NONE);
        return;
    case OCSP_REVOKED:
        put_revoked(w, single->revoked_at_ms, single->reason);
        return;
    case OCSP_UNKNOWN:
        der_put(w, DER_CONTEXT | 2, BYTES_NONE);
        return;
    case OCSP_NEVER_ISSUED:
        put_revoked(w, 0, CERTIFICATE_HOLD);
        return;
    }
}

static void put_singles(struct der_writer *w, const struct ocsp_content *content)
{
    size_t list = der_open(w, DER_SEQUENCE);
    for (size_t i = 0; i < content->count; i++) {
        size_t single = der_open(w, DER_SEQUENCE);
        der_put_raw(w, content->singles[i].id);
        put_status(w, &content->singles[i]);
        put_time(w, DER_GENERALIZED_TIME, content->this_update_ms);
        size_t next = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
        put_time(w, DER_GENERALIZED_TIME, content->next_update_ms);
        der_close(w, next);
        der_close(w, single);
    }
    der_close(w, list);
}

static bool has_never_issued(const struct ocsp_content *content)
{
    for (size_t i = 0; i < content->count; i++) {
        if (content->singles[i].status == OCSP_NEVER_ISSUED) {
            return true;
        }
    }
    return false;
}

/* RFC 9654 §2.1 and RFC 6960 §4.4.8: the latter stands wherever a serial that was never issued is told
 * revoked. */
static void put_response_extensions(struct der_writer *w, const struct ocsp_content *content)
{
    bool is_extended = has_never_issued(content);
    if (content->nonce.n == 0 && !is_extended) {
        return;
    }
    uint8_t nonce[3 + OCSP_NONCE_MAX] = {DER_OCTET_STRING};
    size_t header = content->nonce.n < 0x80 ? 2 : 3;
    nonce[1] = 0x81;
    nonce[header - 1] = (uint8_t)content->nonce.n;
    size_t tagged = der_open(w, DER_CONTEXT_CONSTRUCTED | 1);
    size_t list = der_open(w, DER_SEQUENCE);
    if (content->nonce.n > 0) {
        memcpy(nonce + header, content->nonce.p, content->nonce.n);
        profile_put_extension(w, BYTES_OF(oid_nonce), false,
                              (struct bytes){nonce, header + content->nonce.n});
    }
    if (is_extended) {
        der_put_raw(w, BYTES_OF(extended_revoke));
    }
    der_close(w, list);
    der_close(w, tagged);
}

static err_t put_tbs(const struct ocsp_signer *signer, const struct ocsp_content *content, struct buf *out)
{
    TRY(buf_reserve(out, 512));
    struct der_writer w = der_writer(out);
    size_t outer = der_open(&w, DER_SEQUENCE);
    size_t responder = der_open(&w, DER_CONTEXT_CONSTRUCTED | 2); /* byKey */
    der_put(&w, DER_OCTET_STRING, BYTES_OF(signer->key_sha1));
    der_close(&w, responder);
    put_time(&w, DER_GENERALIZED_TIME, content->produced_at_ms);
    put_singles(&w, content);
    put_response_extensions(&w, content);
    der_close(&w, outer);
    return der_finish(&w);
}

static err_t check(const struct ocsp_content *content)
{
    ENSURE(content->count >= 1 && content->count <= OCSP_CERTS_MAX && content->nonce.n <= OCSP_NONCE_MAX &&
               content->this_update_ms < content->next_update_ms,
           ERR_INTERNAL, "an OCSP answer of another form");
    for (size_t i = 0; i < content->count; i++) {
        int reason = content->singles[i].reason;
        ENSURE(content->singles[i].status != OCSP_REVOKED || (reason >= 0 && reason <= 10 && reason != 7),
               ERR_INTERNAL, "%d is no reason for a revocation", reason);
    }
    return OK;
}

static err_t put_basic(const struct ocsp_signer *signer, struct bytes tbs, struct buf *out)
{
    AUTO_VAL(buf) signature = {0};
    TRY(private_key_sign(signer->key, tbs, &signature));
    struct der_writer w = der_writer(out);
    size_t basic = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, tbs);
    der_put_raw(&w, signature_algorithm_of(signer->key->info.alg));
    der_put_bits(&w, buf_view(&signature));
    size_t tagged = der_open(&w, DER_CONTEXT_CONSTRUCTED | 0);
    der_put(&w, DER_SEQUENCE, buf_view(&signer->certificate));
    der_close(&w, tagged);
    der_close(&w, basic);
    return der_finish(&w);
}

err_t ocsp_signer_sign(const struct ocsp_signer *signer, const struct ocsp_content *content, struct buf *der)
{
    static const uint8_t successful[] = {0};
    AUTO_VAL(buf) tbs = {0};
    AUTO_VAL(buf) basic = {0};
    TRY(check(content));
    TRY(put_tbs(signer, content, &tbs));
    TRY(put_basic(signer, buf_view(&tbs), &basic));
    TRY(buf_reserve(der, basic.n + 32));
    struct der_writer w = der_writer(der);
    size_t response = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_ENUMERATED, BYTES_OF(successful));
    size_t tagged = der_open(&w, DER_CONTEXT_CONSTRUCTED | 0);
    size_t bytes = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_OID, BYTES_OF(oid_basic));
    der_put(&w, DER_OCTET_STRING, buf_view(&basic));
    der_close(&w, bytes);
    der_close(&w, tagged);
    der_close(&w, response);
    return der_finish(&w);
}
