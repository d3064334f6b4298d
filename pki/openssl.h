/* OpenSSL, for the files of pki/ only: cleanup by scope for its types, its error queue as an err_t, and the
 * functions of pki/ that hand its objects from one file to the next. Nothing outside pki/ includes this. */
#ifndef WHORL_PKI_OPENSSL_H
#define WHORL_PKI_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "pki/keystore.h"

DEFINE_AUTO(ASN1_TIME, ASN1_TIME_free);
DEFINE_AUTO(BIO, BIO_free_all);
DEFINE_AUTO(BIGNUM, BN_free);
DEFINE_AUTO(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);
DEFINE_AUTO(EVP_MD_CTX, EVP_MD_CTX_free);
DEFINE_AUTO(EVP_PKEY, EVP_PKEY_free);
DEFINE_AUTO(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
DEFINE_AUTO(OSSL_PARAM, OSSL_PARAM_free);
DEFINE_AUTO(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free);
DEFINE_AUTO(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free);
DEFINE_AUTO(X509, X509_free);
DEFINE_AUTO(X509_ALGOR, X509_ALGOR_free);
DEFINE_AUTO(X509_NAME, X509_NAME_free);
DEFINE_AUTO(X509_SIG, X509_SIG_free);

/* An ERR_CRYPTO whose detail says what failed and why OpenSSL thinks so; the thread's error queue is empty
 * afterwards. Where a remote key could not sign inside of OpenSSL, that error, code and all. */
#define ERR_OPENSSL(what) (openssl_error(__FILE__, __LINE__, (what)))
err_t openssl_error(const char *file, int line, const char *what);

/** Leaves an error of ours in OpenSSL's queue, from inside of one of its callbacks. */
void openssl_raise(err_t error);
/** Of a call that fails for bad input, and when memory is short. @return `bad`, or ERR_NO_MEMORY where
 * OpenSSL says so; the error queue is empty afterwards */
err_t openssl_refused(err_t bad);
/** Empties the error queue where a failure was expected and is reported in our own words. */
void openssl_forget_errors(void);

struct remote_key; /* pki/remote_key.h */

/* A private key, or a handle to one in a token or in the signer process: immutable, so threads share it. */
struct private_key {
    EVP_PKEY *pkey; /* of a remote one: signs digests there, where OpenSSL wants to (CMS); not Ed25519 */
    struct key_info info;
    struct buf spki; /* canonical DER */
    /* The public half, of a key in a device that is not trusted to answer right: private_key_sign() proves
       each signature before anybody sees it. NULL: OpenSSL signs here, in memory. */
    EVP_PKEY *proof;
    struct remote_key *remote; /* the private half is in the signer process; NULL: it is in `pkey` */
};

/** Wraps a key pair. @param pkey consumed, always @errors ERR_UNPROCESSABLE a kind of key that no authority
 * may have */
err_t private_key_take(EVP_PKEY *pkey, struct private_key **out);
/** From now on each signature of the key is proved, and a failure is the device's: ERR_UNAVAILABLE. */
err_t private_key_doubt(struct private_key *key);
/** Signs `tbs` with the algorithm of signature_algorithm_of(). @param[out] signature appended
 *  @errors ERR_CRYPTO; ERR_SIGNER_REFUSED by the rules of the signer process: of an authority's key it judges
 * the whole; ERR_BUSY more than its rate; ERR_UNAVAILABLE of a key that is doubted, or that is remote */
err_t private_key_sign(const struct private_key *key, struct bytes tbs, struct buf *signature);
/** The one algorithm (DER AlgorithmIdentifier, static) that we sign with, by kind of key. */
struct bytes signature_algorithm_of(enum key_alg alg);

/** Everything key_check_spki() checks except that a point is on its curve: no OpenSSL object is made. */
err_t key_check_form(struct bytes spki, const struct key_policy *policy, struct key_info *out);
/** The OpenSSL key of an SPKI whose form was checked. @errors ERR_UNPROCESSABLE the point is not on the curve
 */
err_t key_open(struct bytes spki, enum key_alg alg, EVP_PKEY **out);
/** The bits of the subjectPublicKey BIT STRING; BYTES_NONE when the SPKI is malformed. */
struct bytes key_borrow_bits(struct bytes spki);

/** Why a signature of this algorithm by a key of this kind is not accepted; NULL when it is.
 *  @param algorithm DER AlgorithmIdentifier */
const char *signature_refusal(struct bytes algorithm, enum key_alg alg);
/** Why the algorithm is too weak whoever signed (MD2 … SHA-1, SHA-224); NULL when it is not known to be. */
const char *signature_weakness(struct bytes algorithm);
/** Verifies a signature whose algorithm was checked. @param bad what to say of one that does not verify, also
 * for every failure inside of OpenSSL but one @errors that of `bad`, ERR_NO_MEMORY */
err_t signature_verify(EVP_PKEY *key, struct bytes algorithm, struct bytes tbs, struct bytes signature,
                       err_t bad);

struct certificate_facts;
/** Facts of a certificate that OpenSSL has parsed already. */
err_t certificate_facts_read(X509 *x509, struct certificate_facts *out);
/** DER of a certificate, appended. */
err_t certificate_encode(const X509 *x509, struct buf *out);
/** Parses exactly one DER certificate. @errors ERR_BAD_ENCODING */
err_t certificate_decode(struct bytes der, X509 **out);
/** DER AlgorithmIdentifier of the signature, appended. */
err_t certificate_algorithm(const X509 *x509, struct buf *out);
/** DER SubjectPublicKeyInfo as it stands in the certificate, appended. */
err_t certificate_spki(const X509 *x509, struct buf *out);

#endif
