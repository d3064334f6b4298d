/* The signed shell of certificates: version, serial, dates (RFC 5280 §4.1), and the signature over them. */
#include <string.h>

#include "pki/openssl.h"
#include "pki/profile.h"

static int64_t whole_second(int64_t at_ms)
{
    return at_ms - at_ms % 1000;
}

err_t profile_validity(int64_t not_before_ms, int64_t not_after_ms, const struct validity *issuer,
                       struct validity *out)
{
    int64_t from = whole_second(not_before_ms);
    int64_t to = whole_second(not_after_ms);
    if (issuer != NULL) {
        from = from < issuer->not_before_ms ? issuer->not_before_ms : from;
        to = to > issuer->not_after_ms ? issuer->not_after_ms : to;
    }
    ENSURE(from < to, ERR_UNPROCESSABLE,
           "the certificate would not be valid at any time: its dates lie outside its issuer's");
    *out = (struct validity){from, to};
    return OK;
}

void serial_normalise(uint8_t serial[SERIAL_SIZE])
{
    serial[0] &= 0x7f;
    if (serial[0] == 0) {
        serial[0] = 1;
    }
}

err_t profile_sign(struct bytes tbs, const struct private_key *key, struct buf *der)
{
    AUTO_VAL(buf) signature = {0};
    TRY(private_key_sign(key, tbs, &signature));
    struct der_writer w = der_writer(der);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, tbs);
    der_put_raw(&w, signature_algorithm_of(key->info.alg));
    der_put_bits(&w, buf_view(&signature));
    der_close(&w, outer);
    return der_finish(&w);
}

err_t profile_sign_certificate(const struct certificate_content *content, const struct private_key *key,
                               struct buf *der)
{
    static const uint8_t version_3[] = {DER_CONTEXT_CONSTRUCTED | 0, 3, DER_INTEGER, 1, 2};
    AUTO_VAL(buf) tbs = {0};
    TRY(buf_reserve(&tbs, 1024));
    TRY(buf_reserve(der, 1024));
    struct der_writer w = der_writer(&tbs);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, BYTES_OF(version_3));
    der_put_unsigned(&w, DER_INTEGER, (struct bytes){content->serial, SERIAL_SIZE});
    der_put_raw(&w, signature_algorithm_of(key->info.alg));
    der_put_raw(&w, content->issuer);
    size_t validity = der_open(&w, DER_SEQUENCE);
    der_put_time(&w, content->validity.not_before_ms);
    der_put_time(&w, content->validity.not_after_ms);
    der_close(&w, validity);
    der_put_raw(&w, content->subject);
    der_put_raw(&w, content->spki);
    size_t tagged = der_open(&w, DER_CONTEXT_CONSTRUCTED | 3);
    der_put(&w, DER_SEQUENCE, content->extensions);
    der_close(&w, tagged);
    der_close(&w, outer);
    TRY(der_finish(&w));
    return profile_sign(buf_view(&tbs), key, der);
}
