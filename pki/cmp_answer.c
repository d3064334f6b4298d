/* Writes and signs CMP messages. The header repeats what RFC 9483 §3.1 wants repeated, also of a request that
 * could be read in part only. */
#include "pki/cmp_answer.h"

#include <string.h>
#include <time.h>

#include "pki/cmp_signer_internal.h"
#include "pki/der.h"

enum { NONCE_SIZE = 16, STATUS_REJECTION = 2, PVNO_2000 = 2, PVNO_2021 = 3 };

static void put_context(struct der_writer *w, uint8_t number, struct bytes octets)
{
    size_t outer = der_open(w, (uint8_t)(DER_CONTEXT_CONSTRUCTED | number));
    der_put(w, DER_OCTET_STRING, octets);
    der_close(w, outer);
}

/* Never UTCTime here (RFC 9810 §5.1.1). */
static err_t put_message_time(struct der_writer *w, int64_t now_ms)
{
    time_t at_s = (time_t)(now_ms / 1000);
    struct tm utc;
    char text[80];
    ENSURE(gmtime_r(&at_s, &utc) != NULL && strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &utc) == 15,
           ERR_INTERNAL, "a time outside of 1970 to 9999");
    size_t outer = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    der_put(w, DER_GENERALIZED_TIME, bytes_str(text));
    der_close(w, outer);
    return OK;
}

static err_t put_header(struct der_writer *w, const struct cmp_answer_spec *spec)
{
    static const uint8_t nobody[] = {DER_CONTEXT_CONSTRUCTED | 4, 2, DER_SEQUENCE, 0};
    const struct cmp_header *request = spec->request;
    const struct cmp_signer *signer = spec->signer;
    uint8_t nonce[NONCE_SIZE];
    TRY(random_fill(spec->random, nonce, sizeof nonce));
    size_t header = der_open(w, DER_SEQUENCE);
    der_put_int64(w, DER_INTEGER, request->pvno == PVNO_2021 ? PVNO_2021 : PVNO_2000);
    size_t sender = der_open(w, DER_CONTEXT_CONSTRUCTED | 4);
    der_put_raw(w, buf_view(&signer->subject));
    der_close(w, sender);
    der_put_raw(w, request->sender.n > 0 ? request->sender : BYTES_OF(nobody));
    TRY(put_message_time(w, spec->now_ms));
    if (spec->mac == NULL) {
        size_t algorithm = der_open(w, DER_CONTEXT_CONSTRUCTED | 1);
        der_put_raw(w, signature_algorithm_of(signer->key->info.alg));
        der_close(w, algorithm);
        put_context(w, 2, BYTES_OF(signer->ski));
    }
    if (request->transaction_id.n > 0) {
        put_context(w, 4, request->transaction_id);
    }
    put_context(w, 5, BYTES_OF(nonce));
    if (request->sender_nonce.n > 0) {
        put_context(w, 6, request->sender_nonce);
    }
    der_close(w, header);
    return OK;
}

/* The two parts one behind the other are signed as one SEQUENCE (RFC 9810 §5.1.3). */
static err_t sign_parts(const struct cmp_signer *signer, struct bytes parts, struct buf *signature)
{
    AUTO_VAL(buf) covered = {0};
    struct der_writer w = der_writer(&covered);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, parts);
    der_close(&w, outer);
    TRY(der_finish(&w));
    return private_key_sign(signer->key, buf_view(&covered), signature);
}

/* @param signature empty: the message is not protected yet */
static err_t put_message(const struct cmp_signer *signer, struct bytes parts, struct bytes signature,
                         struct buf *der)
{
    struct der_writer out = der_writer(der);
    size_t message = der_open(&out, DER_SEQUENCE);
    der_put_raw(&out, parts);
    if (signature.n > 0) {
        size_t protection = der_open(&out, DER_CONTEXT_CONSTRUCTED | 0);
        der_put_bits(&out, signature);
        der_close(&out, protection);
    }
    size_t extra = der_open(&out, DER_CONTEXT_CONSTRUCTED | 1);
    size_t list = der_open(&out, DER_SEQUENCE);
    der_put_raw(&out, buf_view(&signer->der));
    der_put_raw(&out, buf_view(&signer->extra));
    der_close(&out, list);
    der_close(&out, extra);
    der_close(&out, message);
    return der_finish(&out);
}

err_t cmp_answer_sign(const struct cmp_answer_spec *spec, enum cmp_body body, struct bytes content,
                      struct buf *der)
{
    AUTO_VAL(buf) parts = {0};
    AUTO_VAL(buf) signature = {0};
    AUTO_VAL(buf) bare = {0};
    struct der_writer w = der_writer(&parts);
    TRY(put_header(&w, spec));
    size_t choice = der_open(&w, (uint8_t)((unsigned)DER_CONTEXT_CONSTRUCTED | (unsigned)body));
    der_put_raw(&w, content);
    der_close(&w, choice);
    TRY(der_finish(&w));
    if (spec->mac != NULL) {
        TRY(put_message(spec->signer, buf_view(&parts), BYTES_NONE, &bare));
        return cmp_mac_protect(spec->mac, buf_view(&bare), der);
    }
    TRY(sign_parts(spec->signer, buf_view(&parts), &signature));
    return put_message(spec->signer, buf_view(&parts), buf_view(&signature), der);
}

/* PKIFailureInfo: a BIT STRING of named bits, so without zeros behind the last one. */
static void put_failure(struct der_writer *w, enum cmp_failure failure)
{
    uint8_t bits[1 + 4] = {0};
    size_t last = (size_t)failure / 8;
    bits[0] = (uint8_t)(7 - (size_t)failure % 8);
    bits[1 + last] = (uint8_t)(0x80 >> ((size_t)failure % 8));
    der_put(w, DER_BIT_STRING, (struct bytes){bits, 2 + last});
}

err_t cmp_rejection_put(enum cmp_failure failure, const char *text, struct buf *der)
{
    struct der_writer w = der_writer(der);
    size_t status = der_open(&w, DER_SEQUENCE);
    der_put_int64(&w, DER_INTEGER, STATUS_REJECTION);
    size_t texts = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_UTF8_STRING, bytes_str(text));
    der_close(&w, texts);
    put_failure(&w, failure);
    der_close(&w, status);
    return der_finish(&w);
}

err_t cmp_answer_error(const struct cmp_answer_spec *spec, enum cmp_failure failure, const char *text,
                       struct buf *der)
{
    AUTO_VAL(buf) status = {0};
    AUTO_VAL(buf) content = {0};
    TRY(cmp_rejection_put(failure, text, &status));
    struct der_writer w = der_writer(&content);
    size_t error = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, buf_view(&status));
    der_close(&w, error);
    TRY(der_finish(&w));
    return cmp_answer_sign(spec, CMP_BODY_ERROR, buf_view(&content), der);
}
