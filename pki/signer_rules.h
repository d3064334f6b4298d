/* What a CA key may sign, judged by the signer process over the very bytes that are to be signed: whole
 * certificates, CRLs and requests, and of those only what the authority of the key could mean. Whoever has
 * taken the server over gets no authority, no server's certificate and no longer life out of a device CA's
 * key. Names and identities inside of what may be signed are the server's matter. */
#ifndef WHORL_PKI_SIGNER_RULES_H
#define WHORL_PKI_SIGNER_RULES_H

#include "pki/key.h"

/* A TBSCertificate, as far as the rules look at it; slices of what was read. */
struct tbs_certificate {
    struct bytes algorithm, issuer, subject, spki; /* whole DER values */
    int64_t not_before_ms, not_after_ms;
    bool is_ca, has_path_length;
    int64_t path_length;
    bool has_key_usage;
    unsigned key_usage;        /* bit 0 is digitalSignature, 5 keyCertSign, 6 cRLSign */
    struct bytes key_purposes; /* the OIDs of extKeyUsage, one after the other; BYTES_NONE: there is none */
    struct bytes ski, aki;     /* key identifiers; BYTES_NONE: none */
};
/** @errors ERR_BAD_ENCODING not the DER of a TBSCertificate of version 3, or an extension stands twice
 * @thread any, like all here */
err_t tbs_certificate_read(struct bytes tbs, struct tbs_certificate *out);
/** The TBSCertificate inside of a certificate, whole. @errors ERR_BAD_ENCODING */
err_t tbs_of_certificate(struct bytes der, struct bytes *out);

/* What a CA key is held to, taken from its certificate; owns its bytes. */
struct signer_binding {
    struct buf certificate;
    struct tbs_certificate says; /* of `certificate` */
    bool is_root;                /* issued by itself */
};
void signer_binding_clear(struct signer_binding *binding);
DEFINE_AUTO_VAL(signer_binding, signer_binding_clear);
/** @param spki of the key @errors ERR_BAD_ENCODING, ERR_UNPROCESSABLE no CA's certificate, or another key's
 */
err_t signer_binding_read(struct bytes certificate, struct bytes spki, struct signer_binding *out);
/** Whether `next` says no more than `present` does: another time, and nothing else. @errors ERR_WRONG_STATE
 */
err_t signer_binding_check_next(const struct signer_binding *present, const struct signer_binding *next);

enum signer_matter { SIGNER_CERTIFICATE, SIGNER_CA_CERTIFICATE, SIGNER_CRL, SIGNER_REQUEST };

struct signer_judged {
    const struct signer_binding *binding; /* NULL: the key has no certificate yet */
    struct bytes spki;                    /* of the key */
    enum key_alg alg;
};
/** @param text that is to be signed @param[out] matter what it is
 *  @errors ERR_FORBIDDEN with the rule that it breaks */
err_t signer_judge(const struct signer_judged *key, struct bytes text, enum signer_matter *matter);

/* The parts of signer_judge(). */
err_t signer_judge_crl(const struct signer_judged *key, struct bytes text);
err_t signer_judge_request(const struct signer_judged *key, struct bytes text);
/** UTCTime or GeneralizedTime in the form of RFC 5280 §4.1.2.5. @return false: neither */
bool der_take_time(struct bytes *in, int64_t *out_ms);

#endif
