/* ES256 by key_verify(): the raw R‖S of JOSE becomes the DER form that X.509 and OpenSSL use. */
#include "pki/jws.h"

#include "pki/der.h"
#include "pki/key.h"

enum { COORDINATE_SIZE = 32 };

static err_t to_der(struct bytes raw, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t sequence = der_open(&w, DER_SEQUENCE);
    der_put_unsigned(&w, DER_INTEGER, (struct bytes){raw.p, COORDINATE_SIZE});
    der_put_unsigned(&w, DER_INTEGER, (struct bytes){raw.p + COORDINATE_SIZE, COORDINATE_SIZE});
    der_close(&w, sequence);
    return der_finish(&w);
}

err_t jws_verify_es256(struct bytes spki, struct bytes protected_text, struct bytes payload_text,
                       struct bytes signature_text)
{
    static const struct key_policy no_rsa = {.allow_rsa = false};
    struct key_info info;
    AUTO_VAL(buf) raw = {0};
    AUTO_VAL(buf) signature = {0};
    AUTO_VAL(buf) input = {0};
    TRY(key_check_spki(spki, &no_rsa, &info));
    ENSURE(info.alg == KEY_ALG_P256, ERR_POP_FAILED, "ES256 needs a P-256 key");
    TRY(base64url_decode(signature_text, &raw));
    ENSURE(raw.n == 2 * COORDINATE_SIZE, ERR_BAD_ENCODING, "an ES256 signature has 64 bytes, this one %zu",
           raw.n);
    TRY(to_der(buf_view(&raw), &signature));
    TRY(buf_append_bytes(&input, protected_text));
    TRY(buf_append(&input, ".", 1));
    TRY(buf_append_bytes(&input, payload_text));
    return key_verify(spki, buf_view(&input), buf_view(&signature));
}
