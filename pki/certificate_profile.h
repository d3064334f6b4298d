/* What a certificate for a device says beside the device's own name: a profile as a plain value, which
 * authority_issue_device() follows. Profiles as the operator writes them (names, versions, JSON) are
 * fleet/certificate_profiles.h's matter. Sources: RFC 5280 §4.2, RFC 9809 (key purposes of IoT), RFC 4108 §5
 * (hardwareModuleName), IEEE 802.1AR §8 (IDevID and LDevID). */
#ifndef WHORL_PKI_CERTIFICATE_PROFILE_H
#define WHORL_PKI_CERTIFICATE_PROFILE_H

#include "base/auto.h"
#include "base/bytes.h"
#include "pki/oid.h"

/* extKeyUsage, as bits: stored in rows (authority.key_purposes), so a number is never given to another one.
 */
enum key_purpose {
    PURPOSE_CLIENT_AUTH = 1,
    PURPOSE_SERVER_AUTH = 2,
    PURPOSE_CODE_SIGNING = 4,
    PURPOSE_CONFIG_SIGNING = 8,          /* id-kp 41, RFC 9809 */
    PURPOSE_TRUST_ANCHOR_CONFIG = 16,    /* id-kp 42 */
    PURPOSE_UPDATE_PACKAGE_SIGNING = 32, /* id-kp 43 */
    PURPOSE_SAFETY_COMMUNICATION = 64    /* id-kp 44 */
};
enum { PURPOSES_ALL = 127 };

enum san_form {
    SAN_NI_URI = 1, /* ni:///sha-256;… of the identity key (RFC 6920): the form of before profiles */
    SAN_URI = 2,    /* from the operator's template */
    SAN_HARDWARE_MODULE =
        4,      /* otherName hardwareModuleName: hw_type and the serial number, or the device id */
    SAN_DNS = 8 /* from dns_template: of TLS servers at the edge */
};
enum { SAN_FORMS_ALL = 15 };

enum profile_subject {
    SUBJECT_DEVICE_ID, /* CN is the device id, serialNumber where the device has one that can stand there */
    SUBJECT_SERIAL_NUMBER, /* the same, and without a serial number there is no certificate */
    SUBJECT_ID_ONLY        /* CN alone: the serial number stays in the house */
};

/* keyUsage (RFC 5280 §4.2.1.3): bit n of the extension is 1 << n. */
enum key_usage { USAGE_DIGITAL_SIGNATURE = 1, USAGE_KEY_ENCIPHERMENT = 4, USAGE_KEY_AGREEMENT = 16 };

/* Extensions that an operator may add; none is critical, none has content of the operator's. */
enum profile_extension {
    EXTENSION_MUST_STAPLE = 1,  /* TLS feature status_request (RFC 7633) */
    EXTENSION_NO_REVOCATION = 2 /* noRevAvail (RFC 9608): no CRL and no OCSP is named */
};

enum { PROFILE_POLICIES_MAX = 4, PROFILE_TEMPLATE_SIZE = 254, HARDWARE_SERIAL_MAX = 64 };
/* "99991231235959Z": no well-defined expiration date (RFC 5280 §4.1.2.5, IEEE 802.1AR §8.7). */
#define NO_EXPIRY_MS INT64_C(253402300799000)

/* Empty texts are not used; which must be there follows from san_forms. */
struct certificate_profile {
    enum profile_subject subject;
    uint32_t san_forms, key_usage, key_purposes, extensions;
    char uri_template[PROFILE_TEMPLATE_SIZE], dns_template[PROFILE_TEMPLATE_SIZE];
    char hw_type[OID_TEXT_SIZE];
    char policies[PROFILE_POLICIES_MAX][OID_TEXT_SIZE];
    size_t policy_count;
    bool is_without_end; /* NO_EXPIRY_MS, whatever the issuer's own end */
};

/* The same with all its DER that no device changes: made once, shared by all threads. */
struct compiled_profile;
/** @errors ERR_UNPROCESSABLE an OID is none @thread any */
err_t certificate_profile_compile(const struct certificate_profile *profile, struct compiled_profile **out);
void compiled_profile_free(struct compiled_profile *compiled);
DEFINE_AUTO_PTR(compiled_profile, compiled_profile_free);

/** The bit of the content octets of an OID under extKeyUsage; 0: none of them. @thread any */
uint32_t key_purpose_of_oid(struct bytes oid);

/* What of a device can stand in its certificate. Texts are borrowed. */
struct device_subject {
    const char *device_id_hex; /* CN, 64 characters */
    const char *serial_number; /* as registered, or "" */
    struct bytes device_id; /* 32 bytes: SAN URI "ni:///sha-256;…" (RFC 6920), the hash of the identity key */
    const char *model, *tenant, *product; /* for templates; NULL is "" */
};

/** A template is text with {device_id}, {short_id} (its first 32 digits), {serial}, {model}, {tenant} and
 * {product}. Refuses other braces; of a DNS name, what could never be one; of a URI, what has no scheme or
 * no URI's characters. @errors ERR_UNPROCESSABLE with the reason @thread any */
err_t uri_template_check(struct bytes text);
err_t dns_template_check(struct bytes text);
/** Fills one in. In a URI what is not unreserved is written as %XX (RFC 3986 §2.1); in a DNS name letters
 * become lower case.
 *  @errors ERR_UNPROCESSABLE naming the field that the device lacks, or that cannot stand there */
err_t uri_template_fill(const char *text, const struct device_subject *subject, struct buf *out);
err_t dns_template_fill(const char *text, const struct device_subject *subject, struct buf *out);

/** Whether a device has all that the profile says of it. @errors ERR_UNPROCESSABLE naming the field @thread
 * any */
err_t certificate_profile_accepts(const struct certificate_profile *profile,
                                  const struct device_subject *subject);

#endif
