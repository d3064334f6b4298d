/* Certification authorities: make them, issue under them, sign their CRLs. Immutable once loaded, so shared
 * by all threads. Profiles follow RFC 5280 and IEEE 802.1AR: 16-byte random positive serial, SKI by RFC 7093
 * §2 method 1, AKI equal to the issuer's SKI, critical keyUsage and basicConstraints, dates as RFC 5280
 * §4.1.2.5. */
#ifndef WHORL_PKI_AUTHORITY_H
#define WHORL_PKI_AUTHORITY_H

#include "pki/certificate_profile.h"
#include "pki/csr.h"
#include "pki/keystore.h"

/* EDGE issues to devices that are TLS servers themselves, within name constraints. */
enum authority_role { AUTHORITY_ROOT, AUTHORITY_DEVICE, AUTHORITY_INFRASTRUCTURE, AUTHORITY_EDGE };

struct authority;
struct name_constraints; /* pki/name_constraints.h */

enum { SERIAL_SIZE = 16 };

/** Makes 16 random bytes a serial: positive, and of exactly 16 bytes in DER too, so that the stored and the
 * encoded form are one (the first byte becomes 0x01 … 0x7f). Everything that issues here applies it; who
 * stores a serial before issuing applies it too. */
void serial_normalise(uint8_t serial[SERIAL_SIZE]);
/** Whether a text may stand as X.520 serialNumber: a PrintableString of 1 … 64 characters. */
bool serial_number_is_valid(struct bytes text);

/* Where a certificate says that its CRL and its issuer are: "<public_url>/crl/<issuer id>.crl",
 * "<public_url>/ca/<issuer id>.cer"; and who tells its status, where an issuing authority issued it:
 * "<public_url>/ocsp". */
struct publication {
    const char *public_url; /* without a trailing slash; borrowed */
    const char *crl_url;    /* the CRL, where it is elsewhere: a shard's; NULL: as above; borrowed */
};

struct authority_spec {
    const char *id; /* "root", "device", "infrastructure": names the CRL and the key label "ca-<id>" */
    enum authority_role role;
    const char *organisation; /* O of the subject: the installation's name */
    int64_t not_before_ms, not_after_ms;
    struct publication publication;
    uint32_t
        key_purposes; /* EKU of an issuing CA: bits of pki/certificate_profile.h; 0: as the role has it */
    const struct name_constraints *names; /* of role EDGE, checked; borrowed */
};

/** Makes a self-signed root (pathlen 2) with the key. @param serial 16 random bytes (serial_normalise() is
 * applied)
 *  @param[out] der certificate, appended @thread init */
err_t authority_make_root(const struct authority_spec *spec, const struct private_key *key,
                          const uint8_t serial[SERIAL_SIZE], struct buf *der);
/** Makes an issuing CA (pathlen 0) under `root`: where the spec says no key purposes, role DEVICE carries EKU
 * clientAuth only; INFRASTRUCTURE serverAuth, clientAuth, OCSPSigning and cmcRA/cmKGA as its leaves need;
 * EDGE serverAuth and clientAuth, always with nameConstraints. */
err_t authority_make_issuing(const struct authority_spec *spec, const struct private_key *key,
                             const struct authority *root, const uint8_t serial[SERIAL_SIZE],
                             struct buf *der);

/** Binds a CA certificate to its key. @param key consumed, always; NULL for an authority whose key is
 * elsewhere (offline root)
 *  @errors ERR_CRYPTO when they do not belong together @thread init */
err_t authority_load(const char *id, enum authority_role role, struct bytes der, struct private_key *key,
                     struct authority **out);
/** One more holder of it. @thread any, like authority_free() */
struct authority *authority_ref(const struct authority *authority);
/** One holder less; the last one ends it. */
void authority_free(struct authority *authority);
DEFINE_AUTO_PTR(authority, authority_free);
/** Whether it can sign here. */
bool authority_has_key(const struct authority *authority);

const char *authority_id(const struct authority *authority);
enum authority_role authority_role(const struct authority *authority);
struct bytes authority_borrow_der(const struct authority *authority);
/** Its name, DER: the issuer in what it signed. */
struct bytes authority_borrow_subject(const struct authority *authority);
int64_t authority_not_before_ms(const struct authority *authority);
int64_t authority_not_after_ms(const struct authority *authority);
/** Bits of enum key_purpose that its extKeyUsage allows; without that extension all of them. */
uint32_t authority_key_purposes(const struct authority *authority);
/** Whether its nameConstraints let it certify this DNS name. */
bool authority_permits_dns(const struct authority *authority, struct bytes name);
/** SHA-256 of the DER SubjectPublicKeyInfo: of the root it is the server_id of the challenge protocol. */
const struct sha256 *authority_spki_sha256(const struct authority *authority);

struct certificate_spec {
    uint8_t serial[SERIAL_SIZE];
    int64_t not_before_ms, not_after_ms; /* whole seconds; cut to the issuer's on both sides */
    struct publication publication;
    const struct compiled_profile *profile; /* of a device's; NULL: the built-in "ldevid"; borrowed */
};
struct issued {
    struct buf der;
    struct buf subject;          /* DER Name */
    struct buf san;              /* DER GeneralNames */
    uint8_t serial[SERIAL_SIZE]; /* as it stands in the certificate */
    int64_t not_before_ms, not_after_ms;
};
void issued_clear(struct issued *issued);
DEFINE_AUTO_VAL(issued, issued_clear);

/** Issues a device certificate by the spec's profile for the request's key.
 *  @errors ERR_UNPROCESSABLE what the device lacks for its profile, or what the authority may not certify;
 * ERR_CRYPTO @thread worker */
err_t authority_issue_device(const struct authority *authority, const struct csr *csr,
                             const struct device_subject *subject, const struct certificate_spec *spec,
                             struct issued *out);
/** Issues a TLS server certificate (EKU serverAuth). @param hosts DNS names or IP addresses, for the SAN
 * @thread init, worker */
err_t authority_issue_server(const struct authority *authority, struct bytes spki, const char *const *hosts,
                             size_t host_count, const struct certificate_spec *spec, struct issued *out);

/** Issues a certificate for signing documents (EKU documentSigning, RFC 9336) to this installation itself.
 * @thread init, worker */
err_t authority_issue_signer(const struct authority *authority, struct bytes spki,
                             const struct certificate_spec *spec, struct issued *out);

struct crl_entry {
    uint8_t serial[SERIAL_SIZE];
    int64_t revoked_at_ms;
    int reason; /* RFC 5280 §5.3.1; 0 is left out */
};
struct crl_spec {
    int64_t number; /* CRLNumber, strictly rising */
    int64_t this_update_ms, next_update_ms;
    const struct crl_entry *entries;
    size_t count;
    /* NULL: the list is complete. Otherwise it holds those certificates only whose CRL distribution point is
       this URL, byte for byte, and says so in a critical extension (RFC 5280 §5.2.5) */
    const char *distribution_point;
};
/** Signs a CRL. @param[out] der appended @thread worker */
err_t authority_sign_crl(const struct authority *authority, const struct crl_spec *spec, struct buf *der);

#endif
