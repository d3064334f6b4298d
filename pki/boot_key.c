/* Boot keys as values: reading them, and the names that MCUboot and the ESP32 give them. */
#include "pki/boot_key.h"

#include <limits.h>
#include <string.h>

#include <openssl/pem.h>

#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/openssl.h"

enum { ESP_RSA_SIZE = 384 };
static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};

/* --- read ------------------------------------------------------------------------------------------- */

struct block {
    char *name, *header;
    unsigned char *data;
    long size;
};

static void block_clear(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, block->size > 0 ? (size_t)block->size : 0);
    *block = (struct block){0};
}
DEFINE_AUTO_VAL(block, block_clear);

static bool is_pem(struct bytes text)
{
    return text.n > 10 && memmem(text.p, text.n, "-----BEGIN", 10) != NULL;
}

static err_t read_block(struct bytes text, struct block *out)
{
    ENSURE(text.n <= INT_MAX, ERR_UNPROCESSABLE, "the text is too long");
    AUTO(BIO) *bio = BIO_new_mem_buf(text.p, (int)text.n);
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for a PEM text");
    int found = PEM_read_bio(bio, &out->name, &out->header, &out->data, &out->size);
    openssl_forget_errors();
    ENSURE(found == 1, ERR_UNPROCESSABLE, "the PEM text is broken");
    ENSURE(strstr(out->name, "PRIVATE") == NULL, ERR_UNPROCESSABLE,
           "this is a private key: hand in the public one, and take this one for known to others");
    return OK;
}

/* PKCS #1: the key without the frame that says what kind it is. */
static err_t frame_rsa(struct bytes rsa, struct buf *spki)
{
    static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
    struct der_writer w = der_writer(spki);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, BYTES_OF(algorithm));
    der_put_bits(&w, rsa);
    der_close(&w, outer);
    return der_finish(&w);
}

static err_t key_of_certificate(struct bytes der, struct buf *spki)
{
    AUTO(X509) *certificate = NULL;
    TRY(certificate_decode(der, &certificate));
    return certificate_spki(certificate, spki);
}

static err_t read_der(struct bytes der, struct buf *spki)
{
    struct bytes rest = der;
    struct der_item outer, first, second;
    bool is_sequence = der_take(&rest, DER_SEQUENCE, &outer) && rest.n == 0;
    ENSURE(is_sequence && der_next(&outer.value, &first), ERR_UNPROCESSABLE,
           "this is neither PEM nor the DER of a public key or a certificate");
    if (first.tag == DER_INTEGER) {
        return frame_rsa(der, spki);
    }
    ENSURE(der_next(&outer.value, &second), ERR_UNPROCESSABLE, "this is no public key and no certificate");
    return second.tag == DER_BIT_STRING ? buf_append_bytes(spki, der) : key_of_certificate(der, spki);
}

static err_t read_key(struct bytes text, struct buf *spki)
{
    if (!is_pem(text)) {
        return read_der(text, spki);
    }
    AUTO_VAL(block) block = {0};
    TRY(read_block(text, &block));
    return read_der((struct bytes){block.data, (size_t)block.size}, spki);
}

static err_t check_key(struct bytes text, struct buf *spki, struct key_info *info)
{
    TRY(read_key(text, spki));
    return key_check_spki(buf_view(spki), &policy, info);
}

err_t boot_key_read(struct bytes text, struct buf *spki, struct key_info *info)
{
    AUTO_VAL(buf) key = {0};
    err_t error = check_key(text, &key, info);
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNPROCESSABLE, "%.120s", error.detail);
    TRY(error);
    return buf_append_bytes(spki, buf_view(&key));
}

err_t boot_certificate_read(struct bytes text, struct buf *der)
{
    AUTO_VAL(block) block = {0};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    struct bytes found = text;
    if (is_pem(text)) {
        TRY(read_block(text, &block));
        found = (struct bytes){block.data, (size_t)block.size};
    }
    err_t error = certificate_read(found, &facts);
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNPROCESSABLE, "this is no certificate: %.100s", error.detail);
    TRY(error);
    return buf_append_bytes(der, found);
}

/* --- named ------------------------------------------------------------------------------------------ */

err_t boot_key_digest_mcuboot(struct bytes spki, enum digest_kind kind, uint8_t *out)
{
    struct key_info info;
    TRY(key_check_form(spki, &policy, &info));
    return digest_bytes(kind, info.alg == KEY_ALG_RSA ? key_borrow_bits(spki) : spki, out);
}

DEFINE_AUTO(BN_CTX, BN_CTX_free);

/* What the chip needs to calculate with the modulus: R^2 mod n for R = 2^3072, and -1/n mod 2^32. */
static bool montgomery(const BIGNUM *n, BIGNUM *rinv, BIGNUM *m)
{
    AUTO(BN_CTX) *context = BN_CTX_new();
    AUTO(BIGNUM) *power = BN_new();
    AUTO(BIGNUM) *word = BN_new();
    return context != NULL && power != NULL && word != NULL && BN_set_bit(power, 2 * 8 * ESP_RSA_SIZE) == 1 &&
           BN_nnmod(rinv, power, n, context) == 1 && BN_set_bit(word, 32) == 1 &&
           BN_mod_inverse(m, n, word, context) != NULL && BN_sub(m, word, m) == 1;
}

static err_t digest_esp_rsa(struct bytes bits, struct sha256 *out)
{
    uint8_t block[ESP_RSA_SIZE + 4 + ESP_RSA_SIZE + 4];
    struct der_item outer, n_item, e_item;
    ENSURE(der_take(&bits, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_INTEGER, &n_item) &&
               der_take(&outer.value, DER_INTEGER, &e_item),
           ERR_BAD_ENCODING, "the RSA key is not a sequence of modulus and exponent");
    AUTO(BIGNUM) *n = BN_bin2bn(n_item.value.p, (int)n_item.value.n, NULL);
    AUTO(BIGNUM) *e = BN_bin2bn(e_item.value.p, (int)e_item.value.n, NULL);
    AUTO(BIGNUM) *rinv = BN_new();
    AUTO(BIGNUM) *m = BN_new();
    if (n == NULL || e == NULL || rinv == NULL || m == NULL || !montgomery(n, rinv, m) ||
        BN_bn2lebinpad(n, block, ESP_RSA_SIZE) < 0 || BN_bn2lebinpad(e, block + ESP_RSA_SIZE, 4) < 0 ||
        BN_bn2lebinpad(rinv, block + ESP_RSA_SIZE + 4, ESP_RSA_SIZE) < 0 ||
        BN_bn2lebinpad(m, block + sizeof block - 4, 4) < 0) {
        return ERR_OPENSSL("naming an RSA key failed");
    }
    return sha256_of(BYTES_OF(block), out);
}

static void reverse(const uint8_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = in[n - 1 - i];
    }
}

static err_t digest_esp_ec(struct bytes point, uint8_t curve, size_t size, struct sha256 *out)
{
    uint8_t block[1 + 2 * 48] = {curve};
    ENSURE(point.n == 1 + 2 * size, ERR_BAD_ENCODING, "the point does not have the size of its curve");
    reverse(point.p + 1, block + 1, size);
    reverse(point.p + 1 + size, block + 1 + size, size);
    return sha256_of((struct bytes){block, 1 + 2 * size}, out);
}

err_t boot_key_digest_esp(struct bytes spki, struct sha256 *out)
{
    struct key_info info;
    TRY(key_check_form(spki, &policy, &info));
    struct bytes bits = key_borrow_bits(spki);
    switch (info.alg) {
    case KEY_ALG_P256:
        return digest_esp_ec(bits, 2, 32, out);
    case KEY_ALG_P384:
        return digest_esp_ec(bits, 3, 48, out);
    case KEY_ALG_RSA:
        ENSURE(info.bits == 8 * ESP_RSA_SIZE, ERR_UNPROCESSABLE,
               "Secure Boot v2 knows RSA keys of 3072 bits, this one has %d", info.bits);
        return digest_esp_rsa(bits, out);
    case KEY_ALG_ED25519:
    case KEY_ALG_NONE:
        break;
    }
    return ERR(ERR_UNPROCESSABLE, "Secure Boot v2 knows RSA-3072, ECDSA P-256 and P-384");
}
