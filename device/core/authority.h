/* Reading what EST's cacerts holds, and the rule by which one root vouches for another. Decides; fetches and
 * stores nothing. */
#ifndef WHORL_DEVICE_CORE_AUTHORITY_H
#define WHORL_DEVICE_CORE_AUTHORITY_H

#include "device/core/ports.h"
#include "device/core/x509.h"

enum { WHORL_SET_MAX = 12 };

/* Certificates, as views. */
struct whorl_set {
    struct whorl_bytes certificate[WHORL_SET_MAX];
    size_t count;
};

/** The certificates of a certs-only message (RFC 5272 §4.1, RFC 8951). False when it is none, holds none, or
 * holds more than WHORL_SET_MAX. */
bool whorl_certs_only_read(struct whorl_bytes der, struct whorl_set *out);

/** Whether a certificate gives the whole power of a root: a CA that may make further CAs, with no critical
 * extension but basicConstraints and keyUsage, and no extended key usage or name constraints. An issuing CA
 * (path length 0, or for some uses only) has not, whoever signed it. */
bool whorl_certificate_is_sovereign(struct whorl_bytes der);

/* Who is trusted, what was given out, and who can tell. */
struct whorl_judgement {
    const struct whorl_trust *trust;
    const struct whorl_set *trusted;
    const struct whorl_set *given;
    int64_t now_s; /* 0: not known */
};

/** Whether `root`, self-signed, may be trusted because a trusted root signed its key under its name: a
 * certificate NewWithOld (RFC 4210 §4.4) in what was given, by a trusted root or by another one that is
 * vouched for in the same way. */
bool whorl_root_is_vouched_for(const struct whorl_judgement *judgement, struct whorl_bytes root);

#endif
