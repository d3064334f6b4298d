/* passwordBasedMac (RFC 9810 §5.1.3.1, RFC 4211 §4.4) and PBMAC1 (RFC 8018 §7.1): a key from the code, then
 * an HMAC over SEQUENCE { header, body }. Whether the parameters are ones that we compute was asked when the
 * header was read (cmp_algorithm.c). */
#include "pki/cmp_mac.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "pki/der.h"
#include "pki/openssl.h"

static const EVP_MD *digest_of(enum cmp_hash hash)
{
    switch (hash) {
    case CMP_SHA1:
        return EVP_sha1();
    case CMP_SHA256:
        return EVP_sha256();
    case CMP_SHA384:
        return EVP_sha384();
    case CMP_SHA512:
        break;
    }
    return EVP_sha512();
}

struct mac_key {
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned size;
};
static void mac_key_clear(struct mac_key *key)
{
    bytes_wipe(key, sizeof *key);
}
DEFINE_AUTO_VAL(mac_key, mac_key_clear);

/* The hash of code and salt, then the hash of that, `iterations` times in all. */
static err_t derive_pbm(const struct cmp_mac *mac, struct bytes code, struct mac_key *out)
{
    const EVP_MD *md = digest_of(mac->derivation);
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    ENSURE(context != NULL, ERR_NO_MEMORY, "no memory for a hash");
    bool is_done = EVP_DigestInit_ex(context, md, NULL) == 1 &&
                   EVP_DigestUpdate(context, code.p, code.n) == 1 &&
                   EVP_DigestUpdate(context, mac->salt.p, mac->salt.n) == 1 &&
                   EVP_DigestFinal_ex(context, out->bytes, &out->size) == 1;
    for (int32_t i = 1; is_done && i < mac->iterations; i++) {
        is_done = EVP_DigestInit_ex(context, NULL, NULL) == 1 &&
                  EVP_DigestUpdate(context, out->bytes, out->size) == 1 &&
                  EVP_DigestFinal_ex(context, out->bytes, &out->size) == 1;
    }
    return is_done ? OK : ERR_OPENSSL("deriving the key of a MAC failed");
}

static err_t derive_pbkdf2(const struct cmp_mac *mac, struct bytes code, struct mac_key *out)
{
    out->size = (unsigned)mac->key_size; /* 16 … 64 */
    if (PKCS5_PBKDF2_HMAC((const char *)code.p, (int)code.n, mac->salt.p, (int)mac->salt.n, mac->iterations,
                          digest_of(mac->derivation), (int)out->size, out->bytes) != 1) {
        return ERR_OPENSSL("deriving the key of a MAC failed");
    }
    return OK;
}

static err_t protected_part(const struct cmp_header *header, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t part = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, header->header_der);
    der_put_raw(&w, header->body_der);
    der_close(&w, part);
    return der_finish(&w);
}

err_t cmp_mac_compute(const struct cmp_header *header, struct bytes code, uint8_t out[CMP_MAC_SIZE_MAX],
                      size_t *size)
{
    AUTO_VAL(mac_key) key = {.size = 0};
    AUTO_VAL(buf) part = {0};
    unsigned written = 0;
    *size = 0;
    TRY(protected_part(header, &part));
    TRY(header->protection_kind == CMP_PBM ? derive_pbm(&header->mac, code, &key)
                                           : derive_pbkdf2(&header->mac, code, &key));
    if (HMAC(digest_of(header->mac.mac), key.bytes, (int)key.size, part.p, part.n, out, &written) == NULL) {
        return ERR_OPENSSL("computing a MAC failed");
    }
    *size = written;
    return OK;
}

err_t cmp_mac_verify(const struct cmp_header *header, struct bytes code, bool *out)
{
    uint8_t mac[CMP_MAC_SIZE_MAX];
    size_t size = 0;
    *out = false;
    if (header->protection_kind != CMP_PBM && header->protection_kind != CMP_PBMAC1) {
        return OK;
    }
    TRY(cmp_mac_compute(header, code, mac, &size));
    *out = bytes_equal_ct((struct bytes){mac, size}, header->protection);
    return OK;
}

/* --- without, and with ------------------------------------------------------------------------------ */

enum { TAG_TIME = DER_CONTEXT_CONSTRUCTED | 0, TAG_ALGORITHM = TAG_TIME + 1, TAG_SENDER_KID = TAG_TIME + 2 };

static void put_tagged(struct der_writer *w, uint8_t tag, uint8_t inner, struct bytes value)
{
    if (value.n > 0) {
        size_t outer = der_open(w, tag);
        if (inner != 0) {
            der_put(w, inner, value);
        } else {
            der_put_raw(w, value);
        }
        der_close(w, outer);
    }
}

/* The header with this algorithm (DER) and this senderKID in the place of its own; BYTES_NONE: without. */
static err_t put_header(struct bytes header, struct bytes algorithm, struct bytes sender_kid, struct buf *out)
{
    struct der_item list;
    struct der_item field;
    struct der_writer w = der_writer(out);
    ENSURE(der_take(&header, DER_SEQUENCE, &list), ERR_BAD_ENCODING, "the header is no SEQUENCE");
    size_t outer = der_open(&w, DER_SEQUENCE);
    for (int i = 0; i < 3; i++) { /* pvno, sender, recipient */
        ENSURE(der_next(&list.value, &field), ERR_BAD_ENCODING, "the header ends early");
        der_put_raw(&w, field.whole);
    }
    if (der_take(&list.value, TAG_TIME, &field)) {
        der_put_raw(&w, field.whole);
    }
    (void)der_take(&list.value, TAG_ALGORITHM, &field);
    put_tagged(&w, TAG_ALGORITHM, 0, algorithm);
    (void)der_take(&list.value, TAG_SENDER_KID, &field);
    put_tagged(&w, TAG_SENDER_KID, DER_OCTET_STRING, sender_kid);
    der_put_raw(&w, list.value);
    der_close(&w, outer);
    return der_finish(&w);
}

err_t cmp_mac_strip(const struct cmp_header *message, struct buf *der)
{
    AUTO_VAL(buf) header = {0};
    TRY(put_header(message->header_der, BYTES_NONE, message->sender_kid, &header));
    struct der_writer w = der_writer(der);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, buf_view(&header));
    der_put_raw(&w, message->body_der);
    der_close(&w, outer);
    return der_finish(&w);
}

/* The sender's own algorithm, with fresh salt where its salt stands. */
static err_t make_algorithm(const struct cmp_mac_spec *spec, struct buf *out, struct cmp_mac *mac)
{
    const struct cmp_header *like = spec->like;
    size_t at = (size_t)(like->mac.salt.p - like->protection_alg.p);
    TRY(buf_append_bytes(out, like->protection_alg));
    TRY(random_fill(spec->random, out->p + at, like->mac.salt.n));
    *mac = like->mac;
    mac->salt = (struct bytes){out->p + at, like->mac.salt.n};
    return OK;
}

static err_t put_message(const struct cmp_header *made, const struct cmp_header *answer, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t message = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, made->header_der);
    der_put_raw(&w, made->body_der);
    size_t protection = der_open(&w, DER_CONTEXT_CONSTRUCTED | 0);
    der_put_bits(&w, made->protection);
    der_close(&w, protection);
    if (answer->extra_count > 0) {
        size_t extra = der_open(&w, DER_CONTEXT_CONSTRUCTED | 1);
        size_t list = der_open(&w, DER_SEQUENCE);
        for (size_t i = 0; i < answer->extra_count; i++) {
            der_put_raw(&w, answer->extra_certs[i]);
        }
        der_close(&w, list);
        der_close(&w, extra);
    }
    der_close(&w, message);
    return der_finish(&w);
}

err_t cmp_mac_protect(const struct cmp_mac_spec *spec, struct bytes der, struct buf *out)
{
    AUTO_VAL(buf) algorithm = {0};
    AUTO_VAL(buf) header = {0};
    struct cmp_header answer;
    enum cmp_failure failure;
    uint8_t mac[CMP_MAC_SIZE_MAX];
    size_t size = 0;
    TRY(cmp_header_read(der, &answer, &failure));
    ENSURE(answer.protection_kind == CMP_UNPROTECTED, ERR_BAD_ENCODING, "the answer is protected already");
    struct cmp_header made = {.protection_kind = spec->like->protection_kind, .body_der = answer.body_der};
    TRY(make_algorithm(spec, &algorithm, &made.mac));
    TRY(put_header(answer.header_der, buf_view(&algorithm), spec->like->sender_kid, &header));
    made.header_der = buf_view(&header);
    TRY(cmp_mac_compute(&made, spec->code, mac, &size));
    made.protection = (struct bytes){mac, size};
    return put_message(&made, &answer, out);
}
