/* Reading what EST's cacerts holds, and the rule by which one root vouches for another. Decides; fetches and
 * stores nothing. Who signed what is told by keys, never by names: a root and its successor share theirs. */
#ifndef WHORL_DEVICE_CORE_AUTHORITY_H
#define WHORL_DEVICE_CORE_AUTHORITY_H

#include "device/core/ports.h"
#include "device/core/x509.h"

enum { WHORL_SET_MAX = 12 }; /* a server never gives out more */

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

/** Whether a certificate is a root: self-signed. Its key is looked at, not its names alone: where the roots
 * of an installation share one name, their cross certificates are self-issued too (RFC 5280 §3.2). */
bool whorl_certificate_is_root(const struct whorl_judgement *judgement, struct whorl_bytes der);

/* What those who are trusted say of another root. */
enum whorl_word {
    WHORL_WORD_NONE,   /* nothing */
    WHORL_WORD_FORMER, /* OldWithNew: certificates under it are good as long as they last. It makes no root:
                          else a thief of the old key came in by the new one */
    WHORL_WORD_GOOD    /* NewWithOld: it takes over */
};

/** The word of the trusted roots for `root`, self-signed: a certificate over its name and key in what was
 * given, signed by a trusted root, or by another one that has such a word (RFC 9810 §4.4). One that begins
 * before the certificate of who signed it is an OldWithNew (§4.4.1: it has the dates of the old root). */
enum whorl_word whorl_root_word(const struct whorl_judgement *judgement, struct whorl_bytes root);

#endif
