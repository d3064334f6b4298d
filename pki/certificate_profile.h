/* What a certificate for a device says beside the device's own name: a profile as a plain value, which
 * authority_issue_device() follows. Profiles as the operator writes them (names, versions, JSON) are
 * fleet/certificate_profiles.h's matter. Sources: RFC 5280 §4.2, RFC 9809 (key purposes of IoT), RFC 4108 §5
 * (hardwareModuleName), IEEE 802.1AR §8 (IDevID and LDevID). */
#ifndef WHORL_PKI_CERTIFICATE_PROFILE_H
#define WHORL_PKI_CERTIFICATE_PROFILE_H

#include "base/bytes.h"

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

enum san_form {
    SAN_NI_URI = 1, /* ni:///sha-256;… of the identity key (RFC 6920): the form of before profiles */
    SAN_URI = 2,    /* from the operator's template */
    SAN_HARDWARE_MODULE =
        4,      /* otherName hardwareModuleName: hw_type and the serial number, or the device id */
    SAN_DNS = 8 /* from dns_template: of TLS servers at the edge */
};

#endif
