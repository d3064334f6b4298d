/* Wishes as DER. Of what the device fills in there is the form alone: names with empty values in CMP
 * (RFC 9483 §4.3.3), without values in EST (RFC 9908 §3.4). */
#include "pki/request_wishes.h"

#include "pki/compiled_profile.h"
#include "pki/der.h"
#include "pki/profile.h"

static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_serial_number[] = {0x55, 0x04, 0x05};
static const uint8_t oid_san[] = {0x55, 0x1d, 0x11};
static const uint8_t oid_hardware_module[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04};
static const uint8_t oid_challenge[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07};
static const uint8_t oid_extension_request[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e};
static const uint8_t oid_template[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x3d};
static const uint8_t oid_ctrl_algorithm[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x05, 0x01, 0x0b};
static const uint8_t oid_ctrl_rsa_length[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x05, 0x01, 0x0c};
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_p384[] = {0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};
static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_ecdsa_sha384[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t oid_rsa_sha256[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};

static const struct key_form {
    enum key_alg alg;
    struct bytes type, curve, signature;
} key_forms[] = {
    {KEY_ALG_P256,
     {oid_ec, sizeof oid_ec},
     {oid_p256, sizeof oid_p256},
     {oid_ecdsa_sha256, sizeof oid_ecdsa_sha256}},
    {KEY_ALG_P384,
     {oid_ec, sizeof oid_ec},
     {oid_p384, sizeof oid_p384},
     {oid_ecdsa_sha384, sizeof oid_ecdsa_sha384}},
    {KEY_ALG_ED25519, {oid_ed25519, sizeof oid_ed25519}, {NULL, 0}, {NULL, 0}}, /* one OID for both */
    {KEY_ALG_RSA, {oid_rsa, sizeof oid_rsa}, {NULL, 0}, {oid_rsa_sha256, sizeof oid_rsa_sha256}},
};

void request_wishes_clear(struct request_wishes *wishes)
{
    buf_clear(&wishes->hw_type);
    buf_clear(&wishes->extensions);
}

err_t request_wishes_follow(const struct compiled_profile *profile, struct request_wishes *out)
{
    out->wants_serial_number = profile->profile.subject == SUBJECT_SERIAL_NUMBER;
    out->san_forms = profile->profile.san_forms;
    TRY(buf_append_bytes(&out->hw_type, buf_view(&profile->hw_type)));
    return buf_append_bytes(&out->extensions, buf_view(&profile->extensions));
}

static const struct key_form *form_of(const struct request_wishes *wishes)
{
    for (size_t i = 0; i < sizeof key_forms / sizeof key_forms[0]; i++) {
        if (key_forms[i].alg == wishes->key) {
            return &key_forms[i];
        }
    }
    return &key_forms[0];
}

/* --- names ------------------------------------------------------------------------------------------ */

/** @param has_value an empty one; a NameTemplate has none */
static void put_relative_name(struct der_writer *w, struct bytes type, uint8_t tag, bool has_value)
{
    size_t set = der_open(w, DER_SET);
    size_t attribute = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, type);
    if (has_value) {
        der_put(w, tag, BYTES_NONE);
    }
    der_close(w, attribute);
    der_close(w, set);
}

/* A Name is a NameTemplate too. */
static void put_subject(struct der_writer *w, const struct request_wishes *wishes, bool has_values)
{
    if (wishes->subject.n > 0) {
        der_put_raw(w, wishes->subject);
        return;
    }
    size_t name = der_open(w, DER_SEQUENCE);
    if (wishes->wants_serial_number) {
        put_relative_name(w, BYTES_OF(oid_serial_number), DER_PRINTABLE_STRING, has_values);
    }
    put_relative_name(w, BYTES_OF(oid_common_name), DER_UTF8_STRING, has_values);
    der_close(w, name);
}

static void put_hardware_module(struct der_writer *w, const struct request_wishes *wishes)
{
    size_t other = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    der_put(w, DER_OID, BYTES_OF(oid_hardware_module));
    size_t tagged = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    size_t module = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, buf_view(&wishes->hw_type));
    der_put(w, DER_OCTET_STRING, BYTES_NONE);
    der_close(w, module);
    der_close(w, tagged);
    der_close(w, other);
}

/* One empty name of each form, in the order of certificates. */
static err_t put_forms(const struct request_wishes *wishes, struct buf *out)
{
    static const uint32_t uris = SAN_NI_URI | SAN_URI;
    struct der_writer w = der_writer(out);
    size_t names = der_open(&w, DER_SEQUENCE);
    if ((wishes->san_forms & uris) != 0) {
        der_put(&w, DER_CONTEXT | 6, BYTES_NONE);
    }
    if ((wishes->san_forms & uris) == uris) {
        der_put(&w, DER_CONTEXT | 6, BYTES_NONE);
    }
    if ((wishes->san_forms & SAN_HARDWARE_MODULE) != 0) {
        put_hardware_module(&w, wishes);
    }
    if ((wishes->san_forms & SAN_DNS) != 0) {
        der_put(&w, DER_CONTEXT | 2, BYTES_NONE);
    }
    der_close(&w, names);
    return der_finish(&w);
}

/* What stands inside of Extensions: the profile's own, and the alternative names. */
static err_t put_extensions(struct der_writer *w, const struct request_wishes *wishes)
{
    AUTO_VAL(buf) forms = {0};
    struct bytes san = wishes->san;
    der_put_raw(w, buf_view(&wishes->extensions));
    if (san.n == 0 && wishes->san_forms != 0) {
        TRY(put_forms(wishes, &forms));
        san = buf_view(&forms);
    }
    if (san.n > 0) {
        profile_put_extension(w, BYTES_OF(oid_san), false, san);
    }
    return OK;
}

static void put_algorithm(struct der_writer *w, const struct key_form *form)
{
    size_t algorithm = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, form->type);
    if (form->curve.n > 0) {
        der_put(w, DER_OID, form->curve);
    } else if (form->alg == KEY_ALG_RSA) {
        der_put(w, DER_NULL, BYTES_NONE); /* RFC 3279 §2.3.1 */
    }
    der_close(w, algorithm);
}

/* --- CMP -------------------------------------------------------------------------------------------- */

/* Controls ::= SEQUENCE OF { type, value }: one, so that there is nothing to choose. */
static void put_key_spec(struct der_writer *w, const struct request_wishes *wishes)
{
    size_t controls = der_open(w, DER_SEQUENCE);
    size_t control = der_open(w, DER_SEQUENCE);
    if (wishes->key == KEY_ALG_RSA) {
        der_put(w, DER_OID, BYTES_OF(oid_ctrl_rsa_length));
        der_put_int64(w, DER_INTEGER, wishes->rsa_bits);
    } else {
        der_put(w, DER_OID, BYTES_OF(oid_ctrl_algorithm));
        put_algorithm(w, form_of(wishes));
    }
    der_close(w, control);
    der_close(w, controls);
}

err_t request_wishes_put_template(const struct request_wishes *wishes, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t content = der_open(&w, DER_SEQUENCE);
    size_t template = der_open(&w, DER_SEQUENCE);
    size_t subject = der_open(&w, DER_CONTEXT_CONSTRUCTED | 5); /* a CHOICE: explicit */
    put_subject(&w, wishes, true);
    der_close(&w, subject);
    size_t extensions = der_open(&w, DER_CONTEXT_CONSTRUCTED | 9);
    TRY(put_extensions(&w, wishes));
    der_close(&w, extensions);
    der_close(&w, template);
    put_key_spec(&w, wishes);
    der_close(&w, content);
    return der_finish(&w);
}

/* --- EST -------------------------------------------------------------------------------------------- */

/* RFC 9908 §3.2: an attribute for the key type with its curve or its length, bare OIDs for the rest. */
static void put_list(struct der_writer *w, const struct request_wishes *wishes)
{
    const struct key_form *form = form_of(wishes);
    if (wishes->wants_channel_binding) {
        der_put(w, DER_OID, BYTES_OF(oid_challenge));
    }
    if (form->signature.n == 0) {
        der_put(w, DER_OID, form->type);
        return;
    }
    size_t key_type = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, form->type);
    size_t values = der_open(w, DER_SET);
    if (form->curve.n > 0) {
        der_put(w, DER_OID, form->curve);
    } else {
        der_put_int64(w, DER_INTEGER, wishes->rsa_bits);
    }
    der_close(w, values);
    der_close(w, key_type);
    der_put(w, DER_OID, form->signature);
}

/* The length of an RSA key is told by the key that stands in its place. */
static err_t put_placeholder(struct der_writer *w, const struct request_wishes *wishes)
{
    static const uint8_t exponent[] = {1, 0, 1};
    static const uint8_t zeros[512] = {0};
    static const uint8_t top[] = {0x80};
    AUTO_VAL(buf) modulus = {0};
    AUTO_VAL(buf) key = {0};
    size_t size = (size_t)wishes->rsa_bits / 8;
    ENSURE(size > 1 && size <= sizeof zeros, ERR_INTERNAL, "no such length of an RSA key");
    TRY(buf_append_bytes(&modulus, BYTES_OF(top)));
    TRY(buf_append(&modulus, zeros, size - 1));
    struct der_writer inner = der_writer(&key);
    size_t whole = der_open(&inner, DER_SEQUENCE);
    der_put_unsigned(&inner, DER_INTEGER, buf_view(&modulus));
    der_put_unsigned(&inner, DER_INTEGER, BYTES_OF(exponent));
    der_close(&inner, whole);
    TRY(der_finish(&inner));
    der_put_bits(w, buf_view(&key));
    return OK;
}

/* CertificationRequestInfoTemplate, version v1, in an attribute of its own. */
static err_t put_info_template(struct der_writer *w, const struct request_wishes *wishes)
{
    size_t attribute = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, BYTES_OF(oid_template));
    size_t values = der_open(w, DER_SET);
    size_t template = der_open(w, DER_SEQUENCE);
    der_put_int64(w, DER_INTEGER, 0);
    put_subject(w, wishes, false);
    size_t key = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    put_algorithm(w, form_of(wishes));
    TRY(wishes->key == KEY_ALG_RSA ? put_placeholder(w, wishes) : OK);
    der_close(w, key);
    size_t attributes = der_open(w, DER_CONTEXT_CONSTRUCTED | 1);
    size_t request = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, BYTES_OF(oid_extension_request));
    size_t set = der_open(w, DER_SET);
    size_t extensions = der_open(w, DER_SEQUENCE);
    TRY(put_extensions(w, wishes));
    der_close(w, extensions);
    der_close(w, set);
    der_close(w, request);
    der_close(w, attributes);
    der_close(w, template);
    der_close(w, values);
    der_close(w, attribute);
    return OK;
}

err_t request_wishes_put_csrattrs(const struct request_wishes *wishes, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t list = der_open(&w, DER_SEQUENCE);
    put_list(&w, wishes);
    if (wishes->is_of_device && !wishes->wants_channel_binding) {
        TRY(put_info_template(&w, wishes));
    }
    der_close(&w, list);
    return der_finish(&w);
}
