/* CRLs that somebody else signed (RFC 5280 §5), read from strict DER without OpenSSL's objects, of which a
 * list of a company with 20,000 entries would need as many. Only complete lists of one CA are taken: no
 * deltas, no scopes, no entries of others. */
#ifndef WHORL_PKI_CRL_READ_H
#define WHORL_PKI_CRL_READ_H

#include "pki/ca_certificate.h"

enum { CRL_DER_MAX = 1024 * 1024 };

/* All slices point into the DER that was read. */
struct crl_facts {
    struct bytes issuer; /* DER Name */
    struct bytes aki;    /* the key identifier; none when the list has none */
    int64_t number;      /* CRLNumber */
    int64_t this_update_ms, next_update_ms;
    size_t count;         /* of entries */
    struct bytes entries; /* DER, one behind the other */
    struct bytes tbs, algorithm, signature;
};
struct crl_line {
    struct bytes serial; /* big-endian, without leading zeros */
    int64_t revoked_at_ms;
    int reason; /* RFC 5280 §5.3.1; 0 where none is said */
};

/** @errors ERR_UNPROCESSABLE with a sentence: not DER, no number, no nextUpdate, a delta, a scope, an
 * indirect list, a critical extension that is not understood, longer than CRL_DER_MAX, or a number beyond 63
 * bits
 *  @thread any, like all functions here */
err_t crl_read(struct bytes der, struct crl_facts *out);
/** Every entry, in the order of the list. @errors of fn */
err_t crl_each(const struct crl_facts *crl, err_t (*fn)(const struct crl_line *line, void *arg), void *arg);
/** Whether a serial (as of struct crl_line) is on the list. @param[out] line its first entry @errors as
 * crl_each() */
err_t crl_find(const struct crl_facts *crl, struct bytes serial, struct crl_line *line, bool *is_there);
/** Whether `issuer` signed it: name, key identifier, right to sign CRLs, algorithm, signature.
 *  @errors ERR_UNPROCESSABLE with a sentence */
err_t crl_verify(const struct crl_facts *crl, const struct ca_certificate *issuer);
/** Whether it is of these days: begun, and not over. @errors ERR_UNPROCESSABLE */
err_t crl_check_dates(const struct crl_facts *crl, int64_t now_ms);

#endif
