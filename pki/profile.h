/* The building blocks of the certificates and CRLs that we make (RFC 5280 §4, §5): names, extensions, and the
 * signed shell around them. Which block goes into which certificate is authority_*.c's matter. Private to
 * pki/. */
#ifndef WHORL_PKI_PROFILE_H
#define WHORL_PKI_PROFILE_H

#include "pki/authority.h"
#include "pki/der.h"

enum { SKI_SIZE = 20 };

/* Whole DER extensions that never vary; all static. */
struct bytes profile_key_usage_signature(void); /* digitalSignature, critical */
struct bytes profile_key_usage_ca(void);        /* keyCertSign and cRLSign, critical */
struct bytes profile_ca(int path_length);       /* basicConstraints CA:TRUE, pathlen 0 or 2, critical */
struct bytes profile_eku_client(void);          /* clientAuth */
struct bytes profile_eku_server(void);          /* serverAuth */
struct bytes profile_eku_document(void);        /* documentSigning (RFC 9336) */
struct bytes profile_eku_infrastructure(void);  /* serverAuth, clientAuth, OCSPSigning, cmcRA */

/* One relative name each; UTF8String but for X.520 serialNumber, which is a PrintableString. */
void profile_put_common_name(struct der_writer *w, const char *text);
void profile_put_organisation(struct der_writer *w, const char *text);
void profile_put_serial_number(struct der_writer *w, const char *text);

/** extKeyUsage with these purposes, in the order of their bits (pki/certificate_profile.h); not critical. */
void profile_put_key_purposes(struct der_writer *w, uint32_t purposes);
/** nameConstraints, critical: below the permitted DNS names, no address, none of the excluded names. */
void profile_put_name_constraints(struct der_writer *w, const struct name_constraints *constraints);
void profile_put_extension(struct der_writer *w, struct bytes oid, bool is_critical, struct bytes value);
/** subjectKeyIdentifier by RFC 7093 §2 method 1. */
err_t profile_ski(struct bytes spki, uint8_t out[SKI_SIZE]);
void profile_put_ski(struct der_writer *w, const uint8_t ski[SKI_SIZE]);
void profile_put_aki(struct der_writer *w, struct bytes issuer_ski);
/** issuingDistributionPoint of a CRL, critical: the certificates that point to `uri`, end entities only. */
void profile_put_idp(struct der_writer *w, struct bytes uri);
/** cRLDistributionPoints and authorityInfoAccess (caIssuers; OCSP of issuing authorities). */
err_t profile_put_publication(struct der_writer *w, const struct publication *publication,
                              const struct authority *issuer);
/** authorityInfoAccess with caIssuers alone: of certificates that nobody revokes (RFC 9608). */
err_t profile_put_issuer(struct der_writer *w, const struct publication *publication,
                         const struct authority *issuer);
/** subjectAltName with these GeneralNames; critical when the subject is empty (RFC 5280 §4.2.1.6). */
void profile_put_san(struct der_writer *w, struct bytes general_names, bool is_critical);

struct validity {
    int64_t not_before_ms, not_after_ms;
};
/** Whole seconds, inside `issuer` when that is not NULL. @errors ERR_UNPROCESSABLE nothing is left */
err_t profile_validity(int64_t not_before_ms, int64_t not_after_ms, const struct validity *issuer,
                       struct validity *out);

/* What a certificate says; everything borrowed, all DER but the serial. */
struct certificate_content {
    const uint8_t *serial; /* SERIAL_SIZE bytes, normal form */
    struct bytes issuer, subject, spki;
    struct validity validity;
    struct bytes extensions; /* one after the other */
};
/** Signs a v3 certificate. @param[out] der appended */
err_t profile_sign_certificate(const struct certificate_content *content, const struct private_key *key,
                               struct buf *der);
/** SEQUENCE { tbs, algorithm, signature }: certificates and CRLs alike. @param[out] der appended */
err_t profile_sign(struct bytes tbs, const struct private_key *key, struct buf *der);

#endif
