/* Certificates of CAs that somebody else signed, as values: what they say of themselves (RFC 5280 §4.2), who
 * signed them, and whether one may be an authority's here. Every refusal is a sentence that an operator can
 * take to whoever signed. */
#ifndef WHORL_PKI_CA_CERTIFICATE_H
#define WHORL_PKI_CA_CERTIFICATE_H

#include "pki/authority.h"
#include "pki/certificate.h"
#include "pki/certificate_profile.h"

enum { CA_PATH_MAX = 6, CA_SUBJECT_SHORT = 60 };

struct ca_certificate {
    struct buf der, spki, issuer; /* issuer: DER Name */
    struct buf ski, aki;          /* key identifiers; empty when there is none */
    struct certificate_facts facts;
    bool is_ca;
    int path_length; /* -1: no limit */
    bool may_sign_certificates, may_sign_crls;
    bool has_key_purposes; /* extKeyUsage is there */
    uint32_t key_purposes; /* of pki/certificate_profile.h */
    bool has_any_purpose;  /* anyExtendedKeyUsage */
    bool has_ocsp_signing; /* OCSPSigning, which is no purpose of devices */
    bool is_understood;    /* no critical extension that is not understood */
    const char *weakness;  /* of its signature's algorithm; NULL: none. static */
};
void ca_certificate_clear(struct ca_certificate *certificate);
DEFINE_AUTO_VAL(ca_certificate, ca_certificate_clear);

/** @param[out] out {0} before; cleared by the caller on failure too @errors ERR_UNPROCESSABLE not a
 * certificate
 *  @thread any, like all functions here */
err_t ca_certificate_read(struct bytes der, struct ca_certificate *out);

/** Names alone, and key identifiers where both say one: a candidate. */
bool ca_certificate_names_issuer(const struct ca_certificate *certificate,
                                 const struct ca_certificate *issuer);
bool ca_certificate_is_self_issued(const struct ca_certificate *certificate);
/** Whether `issuer`'s key made the signature, by an algorithm that is good. @errors ERR_UNPROCESSABLE */
err_t ca_certificate_verify(const struct ca_certificate *certificate, const struct ca_certificate *issuer);

/* What an issuing authority's certificate has to allow. */
struct ca_wish {
    enum authority_role role;
    uint32_t key_purposes; /* 0: as the role has them */
};
/** Whether it may be the certificate of an issuing authority: CA, pathlen 0, its key usages, a strong
 *  signature, extended key usages that let it do its work, begun and not over. @errors ERR_UNPROCESSABLE */
err_t ca_certificate_check_issuing(const struct ca_certificate *certificate, const struct ca_wish *wish,
                                   int64_t now_ms);
/** Whether it may be one that certifies other CAs: CA, keyCertSign, a strong signature, begun and not over.
 *  @errors ERR_UNPROCESSABLE */
err_t ca_certificate_check_upper(const struct ca_certificate *certificate, int64_t now_ms);
/** A whole path, the lowest first, the self-signed root last: each signature, room in each pathlen, each life
 *  inside its issuer's, purposes that no issuer forbids; and at the end OpenSSL's own opinion.
 *  @errors ERR_UNPROCESSABLE */
err_t ca_path_verify(const struct ca_certificate *const *path, size_t count, int64_t now_ms);

/** The subject, cut to CA_SUBJECT_SHORT characters: for sentences. @param out CA_SUBJECT_SHORT + 4 bytes */
void ca_certificate_subject(const struct ca_certificate *certificate, char out[CA_SUBJECT_SHORT + 4]);

#endif
