/* Public keys become OpenSSL keys here, from their raw parts: OpenSSL 3.0's own decoder of
 * SubjectPublicKeyInfo costs ten times as much. Also the plain verification that the challenge protocol asks
 * for. Which keys are acceptable is key.c's matter. */
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "pki/der.h"
#include "pki/openssl.h"

static err_t from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **out)
{
    AUTO(EVP_PKEY_CTX) *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) <= 0) {
        return ERR_OPENSSL("preparing a public key failed");
    }
    if (EVP_PKEY_fromdata(context, out, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        if (ERR_peek_error() == 0) { /* of a bad point it says why */
            return ERR_OPENSSL("making a public key failed");
        }
        return openssl_refused(
            ERR(ERR_UNPROCESSABLE, "the public key is not valid: its point does not lie on the curve"));
    }
    return OK;
}

static err_t open_ec(struct bytes point, const char *group, EVP_PKEY **out)
{
    AUTO(OSSL_PARAM_BLD) *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL || !OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) ||
        !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n)) {
        return ERR_OPENSSL("describing an EC key failed");
    }
    AUTO(OSSL_PARAM) *params = OSSL_PARAM_BLD_to_param(builder);
    return params == NULL ? ERR_OPENSSL("describing an EC key failed") : from_params("EC", params, out);
}

static err_t open_rsa(struct bytes bits, EVP_PKEY **out)
{
    struct der_item outer;
    struct der_item n_item;
    struct der_item e_item;
    ENSURE(der_take(&bits, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_INTEGER, &n_item) &&
               der_take(&outer.value, DER_INTEGER, &e_item),
           ERR_BAD_ENCODING, "the RSA key is not a sequence of modulus and exponent");
    AUTO(BIGNUM) *n = BN_bin2bn(n_item.value.p, (int)n_item.value.n, NULL);
    AUTO(BIGNUM) *e = BN_bin2bn(e_item.value.p, (int)e_item.value.n, NULL);
    AUTO(OSSL_PARAM_BLD) *builder = OSSL_PARAM_BLD_new();
    if (n == NULL || e == NULL || builder == NULL ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e)) {
        return ERR_OPENSSL("describing an RSA key failed");
    }
    AUTO(OSSL_PARAM) *params = OSSL_PARAM_BLD_to_param(builder);
    return params == NULL ? ERR_OPENSSL("describing an RSA key failed") : from_params("RSA", params, out);
}

err_t key_open(struct bytes spki, enum key_alg alg, EVP_PKEY **out)
{
    struct bytes bits = key_borrow_bits(spki);
    ENSURE(bits.n > 0, ERR_BAD_ENCODING, "the key is not a SubjectPublicKeyInfo");
    switch (alg) {
    case KEY_ALG_P256:
        return open_ec(bits, "P-256", out);
    case KEY_ALG_P384:
        return open_ec(bits, "P-384", out);
    case KEY_ALG_ED25519:
        *out = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, bits.p, bits.n);
        return *out == NULL ? ERR_OPENSSL("reading an Ed25519 key failed") : OK;
    case KEY_ALG_RSA:
        return open_rsa(bits, out);
    case KEY_ALG_NONE:
        break;
    }
    return ERR(ERR_INTERNAL, "a key without an algorithm cannot be opened");
}

err_t key_check_spki(struct bytes spki, const struct key_policy *policy, struct key_info *out)
{
    AUTO(EVP_PKEY) *key = NULL;
    TRY(key_check_form(spki, policy, out));
    return key_open(spki, out->alg, &key);
}

err_t key_verify(struct bytes spki, struct bytes message, struct bytes signature)
{
    static const struct key_policy any = {.allow_rsa = true, .allow_rsa_2048 = true};
    struct key_info info;
    AUTO(EVP_PKEY) *key = NULL;
    TRY(key_check_form(spki, &any, &info));
    TRY(key_open(spki, info.alg, &key));
    return signature_verify(key, signature_algorithm_of(info.alg), message, signature,
                            ERR(ERR_POP_FAILED, "the signature does not verify under the key"));
}
