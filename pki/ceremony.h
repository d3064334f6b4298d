/* What an authority whose key is elsewhere must sign, as one file that travels to that key: certificates of
 * issuing CAs, cross certificates with another root, the next CRL. It holds public values only. Written
 * beside the server, read on a machine that has neither network nor data directory; the form is in
 * docs/authorities.md. What is signed for it is a bundle (pki/ca_bundle.h). */
#ifndef WHORL_PKI_CEREMONY_H
#define WHORL_PKI_CEREMONY_H

#include "pki/ca_certificate.h"

#define CEREMONY_FORMAT "whorl-ca-ceremony/1"

enum {
    CEREMONY_CERTIFICATES_MAX = 16,
    CEREMONY_ENTRIES_MAX = 256,
    CEREMONY_FILE_MAX = 1024 * 1024,
    CEREMONY_ID_SIZE = 32,
    CEREMONY_URL_SIZE = 512,
    CEREMONY_DAYS_MAX = 36525
};

enum ceremony_kind {
    CEREMONY_ISSUING, /* a certificate of an issuing CA, for a request */
    CEREMONY_CROSS    /* one for another root, under the signer's */
};

struct ceremony_certificate {
    enum ceremony_kind kind;
    char authority[CEREMONY_ID_SIZE];
    enum authority_role role; /* ISSUING, like the two that follow */
    uint32_t key_purposes;
    int64_t lifetime_days;
    struct buf der; /* ISSUING: the request (PKCS #10); CROSS: the other root's certificate */
};
struct ceremony_entry {
    struct crl_entry entry;
    char subject[CA_SUBJECT_SHORT + 4]; /* for people */
};
struct ceremony {
    int64_t made_at_ms;
    char issuer[CEREMONY_ID_SIZE];
    struct buf issuer_der;
    char public_url[CEREMONY_URL_SIZE]; /* of CRLs and CA certificates, without a trailing slash */
    struct ceremony_certificate certificates[CEREMONY_CERTIFICATES_MAX];
    size_t certificate_count;
    bool has_crl;
    int64_t crl_number, crl_days;
    struct ceremony_entry entries[CEREMONY_ENTRIES_MAX];
    size_t entry_count;
};
err_t ceremony_new(struct ceremony **out);
void ceremony_free(struct ceremony *ceremony);
DEFINE_AUTO_PTR(ceremony, ceremony_free);

/** The file's text, appended. @thread any, like all functions here */
err_t ceremony_write(const struct ceremony *ceremony, struct buf *out);
/** @errors ERR_UNPROCESSABLE not such a file, of another version, cut, or holding what it must not;
 * ERR_TOO_LARGE */
err_t ceremony_read(struct bytes text, struct ceremony **out);

/* What signs: on the offline machine, or in tests. */
struct ceremony_signer {
    const struct authority *authority; /* borrowed; with its key */
    const struct random *random;
    int64_t now_ms;
    int64_t last_crl_number; /* that it ever signed, 0: none: the next one is greater */
};
/** Whether all of it is what such a signer may sign: it is meant, a CA with room below it, of these days;
 *  each request and each root is whole, and no life goes beyond the signer's.
 *  @errors ERR_UNPROCESSABLE with the first that is not */
err_t ceremony_check(const struct ceremony *ceremony, const struct ceremony_signer *signer);
/** What is about to be signed, in plain words, appended; ceremony_check() has passed. */
err_t ceremony_describe(const struct ceremony *ceremony, const struct ceremony_signer *signer,
                        struct buf *out);
/** The number that the CRL will have. */
int64_t ceremony_crl_number(const struct ceremony *ceremony, const struct ceremony_signer *signer);
/** Signs all of it; checks first. @param[out] pem certificates and the CRL, appended */
err_t ceremony_sign(const struct ceremony *ceremony, const struct ceremony_signer *signer, struct buf *pem);

/** "device", "infrastructure", …: as rows and files name roles; NULL for none. */
const char *authority_role_name(enum authority_role role);

#endif
