/* PKCS#10 requests and the self-signed first-contact certificate, written from the last element to the first,
 * and the small reader for the certificate that came back. */
#include "device/core/x509.h"

static const uint8_t whorl_spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                          0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                          0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t whorl_ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                             0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t whorl_oid_cn[] = {0x55, 0x04, 0x03};
static const uint8_t whorl_oid_san[] = {0x55, 0x1d, 0x11};
static const uint8_t whorl_oid_extension_request[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e};
static const uint8_t whorl_version_0[] = {0x02, 0x01, 0x00};
static const uint8_t whorl_version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
static const uint8_t whorl_validity[] = {0x30, 0x1e, 0x17, 0x0d, '2', '5', '0',  '1',  '0', '1', '0',
                                         '0',  '0',  '0',  '0',  '0', 'Z', 0x17, 0x0d, '4', '5', '0',
                                         '1',  '0',  '1',  '0',  '0', '0', '0',  '0',  '0', 'Z'};
/* [3] { SEQUENCE { keyUsage critical digitalSignature, extKeyUsage clientAuth } } (RFC 5280 §4.2.1.3,
 * §4.2.1.12) */
static const uint8_t whorl_identity_extensions[] = {
    0xa3, 0x27, 0x30, 0x25, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff,
    0x04, 0x04, 0x03, 0x02, 0x07, 0x80, 0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04,
    0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};

/* the bytes of one of the constants above */
#define WHORL_FIXED(constant) (fixed_bytes((constant), sizeof(constant)))

static struct whorl_bytes fixed_bytes(const uint8_t *data, size_t size)
{
    struct whorl_bytes bytes = {data, size};
    return bytes;
}

enum whorl_result whorl_spki_of(const struct whorl_crypto *crypto, struct whorl_key key,
                                uint8_t out[WHORL_SPKI_BYTES])
{
    uint8_t point[WHORL_POINT_BYTES];
    if (!crypto->p256_public(crypto->context, key, point) || point[0] != 0x04) {
        return WHORL_ERROR_CRYPTO;
    }
    whorl_copy(out, whorl_spki_head, sizeof whorl_spki_head);
    whorl_copy(out + sizeof whorl_spki_head, point, WHORL_POINT_BYTES);
    return WHORL_OK;
}

enum whorl_result whorl_sign(const struct whorl_crypto *crypto, struct whorl_key key, struct whorl_bytes text,
                             uint8_t out[WHORL_ECDSA_DER_MAX], size_t *size)
{
    uint8_t hash[WHORL_HASH_BYTES];
    uint8_t point[WHORL_POINT_BYTES];
    uint8_t raw[WHORL_SIGNATURE_BYTES];
    WHORL_TRY(whorl_sha256(crypto, text, hash));
    if (!crypto->p256_sign(crypto->context, key, hash, raw) ||
        !crypto->p256_public(crypto->context, key, point) ||
        !crypto->p256_verify(crypto->context, point, hash, raw)) {
        crypto->wipe(crypto->context, raw, sizeof raw);
        return WHORL_ERROR_CRYPTO;
    }
    *size = whorl_der_signature(raw, out);
    return WHORL_OK;
}

static void put_common_name(struct whorl_der *der, const uint8_t id[WHORL_ID_BYTES])
{
    uint8_t hex[WHORL_ID_HEX];
    struct whorl_text text;
    struct whorl_space room = {hex, sizeof hex};
    whorl_text_begin(&text, room);
    whorl_text_hex(&text, fixed_bytes(id, WHORL_ID_BYTES));
    size_t end = der->at;
    whorl_der_element(der, WHORL_DER_UTF8_STRING, whorl_text_view(&text));
    whorl_der_element(der, WHORL_DER_OID, WHORL_FIXED(whorl_oid_cn));
    whorl_der_wrap(der, WHORL_DER_SEQUENCE, end);
    whorl_der_wrap(der, WHORL_DER_SET, end);
    whorl_der_wrap(der, WHORL_DER_SEQUENCE, end);
}

static enum whorl_result finish(const struct whorl_der *der, struct whorl_bytes *out)
{
    *out = whorl_der_view(der);
    return der->is_full ? WHORL_ERROR_SPACE : WHORL_OK;
}

enum whorl_result whorl_name_write(const uint8_t id[WHORL_ID_BYTES], struct whorl_space room,
                                   struct whorl_bytes *out)
{
    struct whorl_der der;
    whorl_der_begin(&der, room);
    put_common_name(&der, id);
    return finish(&der, out);
}

/* Turns the body that stands in the writer into SEQUENCE { body, ecdsa-with-SHA256, BIT STRING signature }:
 * the body moves forward to make room behind it. */
static enum whorl_result sign_body(const struct whorl_crypto *crypto, struct whorl_key key,
                                   struct whorl_der *der, struct whorl_bytes *out)
{
    uint8_t bits[1 + WHORL_ECDSA_DER_MAX] = {0};
    size_t size = 0;
    if (der->is_full) {
        return WHORL_ERROR_SPACE;
    }
    struct whorl_bytes body = whorl_der_view(der);
    WHORL_TRY(whorl_sign(crypto, key, body, bits + 1, &size));
    size_t tail = sizeof whorl_ecdsa_sha256 + 2 + 1 + size;
    if (tail > der->at) {
        return WHORL_ERROR_SPACE;
    }
    uint8_t *moved = der->room.data + der->at - tail;
    for (size_t i = 0; i < body.size; i++) {
        moved[i] = body.data[i];
    }
    der->at = der->room.size;
    whorl_der_element(der, WHORL_DER_BIT_STRING, fixed_bytes(bits, 1 + size));
    whorl_der_bytes(der, WHORL_FIXED(whorl_ecdsa_sha256));
    der->at -= body.size;
    whorl_der_wrap(der, WHORL_DER_SEQUENCE, der->room.size);
    return finish(der, out);
}

/* [0] attributes: empty, or one extensionRequest (RFC 2985 §5.4.2) that asks for the same subjectAltName
 * again. */
static void put_attributes(struct whorl_der *der, struct whorl_bytes san)
{
    size_t end = der->at;
    if (san.size != 0) {
        whorl_der_bytes(der, san);
        whorl_der_wrap(der, WHORL_DER_SEQUENCE, end);
        whorl_der_wrap(der, WHORL_DER_SET, end);
        whorl_der_element(der, WHORL_DER_OID, WHORL_FIXED(whorl_oid_extension_request));
        whorl_der_wrap(der, WHORL_DER_SEQUENCE, end);
    }
    whorl_der_wrap(der, WHORL_DER_CONTEXT_0, end);
}

enum whorl_result whorl_csr_write(const struct whorl_crypto *crypto, const struct whorl_csr_wish *wish,
                                  struct whorl_space room, struct whorl_bytes *out)
{
    uint8_t spki[WHORL_SPKI_BYTES];
    struct whorl_der der;
    WHORL_TRY(whorl_spki_of(crypto, wish->key, spki));
    whorl_der_begin(&der, room);
    put_attributes(&der, wish->san);
    whorl_der_bytes(&der, WHORL_FIXED(spki));
    whorl_der_bytes(&der, wish->subject);
    whorl_der_bytes(&der, WHORL_FIXED(whorl_version_0));
    whorl_der_wrap(&der, WHORL_DER_SEQUENCE, room.size);
    return sign_body(crypto, wish->key, &der, out);
}

enum whorl_result whorl_identity_certificate(const struct whorl_crypto *crypto, struct whorl_key key,
                                             struct whorl_space room, struct whorl_bytes *out)
{
    uint8_t spki[WHORL_SPKI_BYTES];
    uint8_t id[WHORL_ID_BYTES];
    struct whorl_der der;
    WHORL_TRY(whorl_spki_of(crypto, key, spki));
    WHORL_TRY(whorl_sha256(crypto, WHORL_FIXED(spki), id));
    whorl_der_begin(&der, room);
    whorl_der_bytes(&der, WHORL_FIXED(whorl_identity_extensions));
    whorl_der_bytes(&der, WHORL_FIXED(spki));
    put_common_name(&der, id);
    whorl_der_bytes(&der, WHORL_FIXED(whorl_validity));
    put_common_name(&der, id);
    whorl_der_bytes(&der, WHORL_FIXED(whorl_ecdsa_sha256));
    /* the first half of the id as serial number: fixed, positive, and never zero */
    uint8_t serial[WHORL_ID_BYTES / 2];
    whorl_copy(serial, id, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7fU) | 0x40U);
    whorl_der_integer(&der, WHORL_FIXED(serial));
    whorl_der_bytes(&der, WHORL_FIXED(whorl_version_3));
    whorl_der_wrap(&der, WHORL_DER_SEQUENCE, room.size);
    return sign_body(crypto, key, &der, out);
}

/* The subjectAltName among the extensions of `explicit_3`; leaves `out` empty when there is none. */
static bool find_san(struct whorl_bytes explicit_3, struct whorl_bytes *out)
{
    struct whorl_der_item list;
    struct whorl_der_item extension;
    if (!whorl_der_next(&explicit_3, &list) || list.tag != WHORL_DER_SEQUENCE) {
        return false;
    }
    while (whorl_der_next(&list.content, &extension)) {
        struct whorl_bytes inside = extension.content;
        struct whorl_der_item oid;
        if (!whorl_der_next(&inside, &oid)) {
            return false;
        }
        if (oid.content.size == sizeof whorl_oid_san &&
            whorl_equal(oid.content.data, whorl_oid_san, sizeof whorl_oid_san)) {
            *out = extension.whole;
        }
    }
    return list.content.size == 0;
}

bool whorl_certificate_read(struct whorl_bytes der, struct whorl_certificate *out)
{
    /* TBSCertificate (RFC 5280 §4.1): version, serial, signature, issuer, validity, subject, spki, … */
    struct whorl_der_item outer;
    struct whorl_der_item body;
    struct whorl_der_item field[7];
    if (!whorl_der_next(&der, &outer) || der.size != 0 || outer.tag != WHORL_DER_SEQUENCE ||
        !whorl_der_next(&outer.content, &body) || body.tag != WHORL_DER_SEQUENCE) {
        return false;
    }
    for (size_t i = 0; i < 7; i++) {
        if (!whorl_der_next(&body.content, &field[i])) {
            return false;
        }
    }
    if (field[0].tag != WHORL_DER_CONTEXT_0 || field[1].tag != WHORL_DER_INTEGER ||
        field[3].tag != WHORL_DER_SEQUENCE || field[4].tag != WHORL_DER_SEQUENCE ||
        field[5].tag != WHORL_DER_SEQUENCE || field[6].tag != WHORL_DER_SEQUENCE) {
        return false;
    }
    out->serial = field[1].content;
    out->issuer = field[3].whole;
    out->validity = field[4].content;
    out->subject = field[5].whole;
    out->spki = field[6].whole;
    out->san.data = NULL;
    out->san.size = 0;
    out->extensions = out->san;
    struct whorl_der_item next;
    while (whorl_der_next(&body.content, &next)) {
        if (next.tag != WHORL_DER_CONTEXT_3) {
            continue;
        }
        out->extensions = next.content;
        if (!find_san(next.content, &out->san)) {
            return false;
        }
    }
    return body.content.size == 0;
}
