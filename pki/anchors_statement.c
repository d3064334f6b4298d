/* Statements of manifest keys: put together, taken apart, verified, and signed with a key in a file. What
 * counts as the key in force is fleet/firmware_anchors.c's matter. */
#include "pki/anchors_statement.h"

#include <string.h>

#include <openssl/pem.h>

#include "pki/cbor_items.h"
#include "pki/cose.h"
#include "pki/digest_sign.h"
#include "pki/openssl.h"

enum { FIELDS = 6, VERSION = 1, PREFIX = ANCHORS_SPKI_SIZE - ANCHORS_POINT_SIZE };
static const char KIND[] = "whorl-anchors";
enum { KIND_SIZE = sizeof KIND };

/* SubjectPublicKeyInfo of id-ecPublicKey on P-256, up to the point (RFC 5480). */
static const uint8_t prefix[PREFIX] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static struct bytes point_of(const struct anchor_key *key)
{
    return (struct bytes){key->spki + PREFIX, ANCHORS_POINT_SIZE};
}

static err_t take_point(struct bytes point, struct anchor_key *out)
{
    static const struct key_policy policy = {.allow_rsa = false};
    struct key_info info;
    ENSURE(point.n == ANCHORS_POINT_SIZE, ERR_BAD_ENCODING, "a key of a statement is a point of 65 bytes");
    memcpy(out->spki, prefix, sizeof prefix);
    memcpy(out->spki + PREFIX, point.p, point.n);
    return key_check_spki(BYTES_OF(out->spki), &policy, &info);
}

static err_t write_payload(const struct anchors_statement *statement, struct buf *out)
{
    struct cbor_writer w = cbor_writer(out);
    cbor_put_array(&w, FIELDS);
    cbor_put_text(&w, KIND);
    cbor_put_int(&w, VERSION);
    cbor_put_bytes(&w, BYTES_OF(statement->class_id.b));
    cbor_put_int(&w, statement->sequence);
    cbor_put_bytes(&w, point_of(&statement->signing));
    cbor_put_bytes(&w, point_of(&statement->recovery));
    return cbor_finish(&w);
}

struct parts {
    struct bytes class_id, signing, recovery;
    int64_t sequence;
};

static bool split(struct bytes in, struct parts *out)
{
    char kind[KIND_SIZE];
    return cbor_take_array(&in, FIELDS) && cbor_take_text(&in, kind, sizeof kind) &&
           strcmp(kind, KIND) == 0 && cbor_take_key(&in, VERSION) && cbor_take_bytes(&in, &out->class_id) &&
           cbor_take_int(&in, &out->sequence) && cbor_take_bytes(&in, &out->signing) &&
           cbor_take_bytes(&in, &out->recovery);
}

static err_t read_payload(struct bytes in, struct anchors_statement *out)
{
    struct parts parts;
    AUTO_VAL(buf) again = {0};
    ENSURE(split(in, &parts) && parts.class_id.n == sizeof out->class_id.b && parts.sequence >= 1,
           ERR_BAD_ENCODING, "this is no statement about anchors");
    memcpy(out->class_id.b, parts.class_id.p, sizeof out->class_id.b);
    out->sequence = parts.sequence;
    TRY(take_point(parts.signing, &out->signing));
    TRY(take_point(parts.recovery, &out->recovery));
    TRY(write_payload(out, &again)); /* what says the same in other bytes is refused */
    ENSURE(bytes_equal(buf_view(&again), in), ERR_BAD_ENCODING,
           "the statement is not in deterministic encoding, or something follows it");
    ENSURE(!bytes_equal(point_of(&out->signing), point_of(&out->recovery)), ERR_UNPROCESSABLE,
           "the recovery key must be another than the signing key");
    return OK;
}

static err_t open(struct bytes in, struct cose_sign1 *out)
{
    ENSURE(in.n <= ANCHORS_STATEMENT_MAX, ERR_BAD_ENCODING, "a statement has at most %d bytes",
           ANCHORS_STATEMENT_MAX);
    TRY(cose_sign1_read(in, out));
    ENSURE(!out->is_detached, ERR_BAD_ENCODING, "the statement is not in the message");
    return OK;
}

err_t anchors_statement_read(struct bytes in, struct anchors_statement *out)
{
    struct cose_sign1 message;
    TRY(open(in, &message));
    return read_payload(message.payload, out);
}

err_t anchors_statement_verify(struct bytes in, const struct anchor_key *by)
{
    struct cose_sign1 message;
    TRY(open(in, &message));
    return cose_sign1_verify(&message, message.payload, BYTES_OF(by->spki));
}

err_t anchor_key_id(const struct anchor_key *key, struct sha256 *out)
{
    return sha256_of(BYTES_OF(key->spki), out);
}

/* --- from files ------------------------------------------------------------------------------------- */

static err_t take_spki(struct bytes spki, struct anchor_key *out)
{
    ENSURE(spki.n == sizeof out->spki && memcmp(spki.p, prefix, sizeof prefix) == 0, ERR_UNPROCESSABLE,
           "the key is none on P-256; make one with `openssl ecparam -name prime256v1 -genkey -noout`");
    memcpy(out->spki, spki.p, spki.n);
    return OK;
}

err_t anchor_key_read(struct bytes pem, struct anchor_key *out)
{
    AUTO(BIO) *in = BIO_new_mem_buf(pem.p, (int)pem.n);
    AUTO(EVP_PKEY) *key = in == NULL ? NULL : PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
    unsigned char *der = NULL;
    int size = key == NULL ? 0 : i2d_PUBKEY(key, &der);
    openssl_forget_errors();
    ENSURE(size > 0, ERR_UNPROCESSABLE, "a public key is needed, as PEM");
    err_t error = take_spki((struct bytes){der, (size_t)size}, out);
    OPENSSL_free(der);
    return error;
}

static int give_passphrase(char *out, int size, int writes, void *context)
{
    const struct bytes *passphrase = context;
    (void)writes;
    if (passphrase->n == 0 || passphrase->n > (size_t)size) {
        return -1;
    }
    memcpy(out, passphrase->p, passphrase->n);
    return (int)passphrase->n;
}

static err_t open_recovery(const struct recovery_key *key, struct private_key **out)
{
    struct bytes passphrase = key->passphrase;
    AUTO(BIO) *in = BIO_new_mem_buf(key->pem.p, (int)key->pem.n);
    EVP_PKEY *pkey = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, give_passphrase, &passphrase);
    openssl_forget_errors();
    ENSURE(pkey != NULL, ERR_UNPROCESSABLE,
           "the recovery key cannot be read: PEM, and its passphrase if any");
    return private_key_take(pkey, out);
}

err_t anchors_statement_make(const struct anchors_statement *statement, const struct recovery_key *key,
                             struct buf *out)
{
    AUTO_PTR(private_key) *private_key = NULL;
    AUTO_VAL(buf) payload = {0};
    AUTO_VAL(buf) text = {0};
    struct anchors_statement checked;
    struct cose_sign1 message = {.is_detached = false};
    TRY(write_payload(statement, &payload));
    TRY(read_payload(buf_view(&payload), &checked));
    TRY(open_recovery(key, &private_key));
    ENSURE(private_key->info.alg == KEY_ALG_P256, ERR_UNPROCESSABLE, "the recovery key is none on P-256");
    message.kid = private_key->info.spki_sha256;
    message.payload = buf_view(&payload);
    TRY(cose_to_be_signed(&message.kid, message.payload, &text));
    TRY(text_sign_raw(private_key, buf_view(&text), message.signature));
    return cose_sign1_write(&message, out);
}
