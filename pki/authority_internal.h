/* What an authority holds, for the files that sign with it (authority*.c, crl.c) and for the check of what it
 * signed (peer*.c). */
#ifndef WHORL_PKI_AUTHORITY_INTERNAL_H
#define WHORL_PKI_AUTHORITY_INTERNAL_H

#include <stdatomic.h>

#include "pki/authority.h"
#include "pki/openssl.h"
#include "pki/profile.h"

enum { AUTHORITY_ID_SIZE = 32 };

struct authority {
    atomic_int holders;
    char id[AUTHORITY_ID_SIZE];
    enum authority_role role;
    struct buf der;
    struct buf subject; /* DER Name: the issuer of what it signs */
    struct buf ski;     /* as it stands in the certificate: the AKI of what it signs */
    struct sha256 spki_sha256;
    struct validity validity;
    uint32_t key_purposes;                  /* that its extKeyUsage allows (authority_limits.c) */
    struct buf permitted_dns, excluded_dns; /* of its nameConstraints; each name with a zero behind it */
    EVP_PKEY *public_key;
    struct private_key *key; /* NULL: the key is elsewhere */
};

/* --- the parts of CA certificates and of requests for them (authority_make.c) */

/** The subject of a new authority (DER Name, appended): O is the installation's name, CN the role and eight
 * digits of the key's hash. @errors ERR_UNPROCESSABLE the installation's name */
err_t authority_put_subject(const struct authority_spec *spec, const struct private_key *key,
                            struct buf *out);
/** basicConstraints, keyUsage and, of an issuing CA, extKeyUsage: what it asks for, and what it gets. */
void authority_put_basics(struct der_writer *w, const struct authority_spec *spec);
/** What the certificate says of that. @errors ERR_NO_MEMORY */
err_t authority_limits_read(X509 *x509, struct authority *authority);

#endif
