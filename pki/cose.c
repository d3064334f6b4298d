/* COSE_Sign1 of one algorithm: put together, taken apart, verified. Signing itself is of whoever has the key
 * (fleet/firmware_signing.h). */
#include "pki/cose.h"

#include <string.h>

#include "pki/cbor_items.h"
#include "pki/der.h"
#include "pki/key.h"

enum { TAG_SIGN1 = 18, HEADER_ALG = 1, HEADER_KID = 4, ALG_ESP256 = -9, HALF = COSE_SIGNATURE_SIZE / 2 };

static err_t write_protected(const struct sha256 *kid, struct buf *out)
{
    struct cbor_writer w = cbor_writer(out);
    cbor_put_map(&w, 2);
    cbor_put_int(&w, HEADER_ALG);
    cbor_put_int(&w, ALG_ESP256);
    cbor_put_int(&w, HEADER_KID);
    cbor_put_bytes(&w, BYTES_OF(kid->b));
    return cbor_finish(&w);
}

err_t cose_to_be_signed(const struct sha256 *kid, struct bytes payload, struct buf *out)
{
    AUTO_VAL(buf) header = {0};
    struct cbor_writer w = cbor_writer(out);
    TRY(write_protected(kid, &header));
    cbor_put_array(&w, 4);
    cbor_put_text(&w, "Signature1");
    cbor_put_bytes(&w, buf_view(&header));
    cbor_put_bytes(&w, BYTES_NONE); /* no external data */
    cbor_put_bytes(&w, payload);
    return cbor_finish(&w);
}

err_t cose_sign1_write(const struct cose_sign1 *message, struct buf *out)
{
    AUTO_VAL(buf) header = {0};
    struct cbor_writer w = cbor_writer(out);
    TRY(write_protected(&message->kid, &header));
    cbor_put_tag(&w, TAG_SIGN1);
    cbor_put_array(&w, 4);
    cbor_put_bytes(&w, buf_view(&header));
    cbor_put_map(&w, 0);
    if (message->is_detached) {
        cbor_put_null(&w);
    } else {
        cbor_put_bytes(&w, message->payload);
    }
    cbor_put_bytes(&w, BYTES_OF(message->signature));
    return cbor_finish(&w);
}

static bool take_protected(struct bytes in, struct sha256 *kid)
{
    struct bytes id;
    if (!cbor_take_map(&in, 2) || !cbor_take_key(&in, HEADER_ALG) || !cbor_take_key(&in, ALG_ESP256) ||
        !cbor_take_key(&in, HEADER_KID) || !cbor_take_bytes(&in, &id) || id.n != sizeof kid->b) {
        return false;
    }
    memcpy(kid->b, id.p, sizeof kid->b);
    return true;
}

static bool take(struct bytes in, struct cose_sign1 *out)
{
    struct bytes header = BYTES_NONE, signature = BYTES_NONE;
    if (!cbor_take_tag(&in, TAG_SIGN1) || !cbor_take_array(&in, 4) || !cbor_take_bytes(&in, &header) ||
        !take_protected(header, &out->kid) || !cbor_take_map(&in, 0)) {
        return false;
    }
    out->payload = BYTES_NONE;
    out->is_detached = cbor_take_null(&in);
    if ((!out->is_detached && !cbor_take_bytes(&in, &out->payload)) || !cbor_take_bytes(&in, &signature) ||
        signature.n != sizeof out->signature) {
        return false;
    }
    memcpy(out->signature, signature.p, sizeof out->signature);
    return true;
}

err_t cose_sign1_read(struct bytes in, struct cose_sign1 *out)
{
    AUTO_VAL(buf) again = {0};
    *out = (struct cose_sign1){.is_detached = false};
    ENSURE(take(in, out), ERR_BAD_ENCODING, "not a COSE_Sign1 of the profile");
    TRY(cose_sign1_write(out, &again)); /* what says the same in other bytes is refused */
    ENSURE(bytes_equal(buf_view(&again), in), ERR_BAD_ENCODING,
           "the COSE_Sign1 is not in deterministic encoding, or something follows it");
    return OK;
}

/* r and s as the DER that key_verify() takes (RFC 3279 §2.2.3): shortest, and positive. */
static void put_integer(struct der_writer *w, const uint8_t half[HALF])
{
    uint8_t value[HALF + 1] = {0};
    size_t skip = 1;
    memcpy(value + 1, half, HALF);
    while (skip < HALF && value[skip] == 0) {
        skip++;
    }
    skip -= (value[skip] & 0x80) != 0 ? 1 : 0;
    der_put(w, DER_INTEGER, (struct bytes){value + skip, sizeof value - skip});
}

static err_t signature_der(const uint8_t signature[COSE_SIGNATURE_SIZE], struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t mark = der_open(&w, DER_SEQUENCE);
    put_integer(&w, signature);
    put_integer(&w, signature + HALF);
    der_close(&w, mark);
    return der_finish(&w);
}

err_t cose_sign1_verify(const struct cose_sign1 *message, struct bytes payload, struct bytes spki)
{
    static const struct key_policy policy = {.allow_rsa = false};
    struct key_info key;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) der = {0};
    TRY(key_check_spki(spki, &policy, &key));
    ENSURE(key.alg == KEY_ALG_P256, ERR_UNPROCESSABLE, "manifests are signed with P-256 only");
    ENSURE(memcmp(key.spki_sha256.b, message->kid.b, sizeof message->kid.b) == 0, ERR_FORBIDDEN,
           "it is signed by another key than this");
    TRY(cose_to_be_signed(&message->kid, payload, &text));
    TRY(signature_der(message->signature, &der));
    err_t error = key_verify(spki, buf_view(&text), buf_view(&der));
    return error.code == ERR_POP_FAILED ? ERR(ERR_FORBIDDEN, "the signature is not good") : error;
}
