/* Proof of possession for devices that cannot send a client certificate, or behind a proxy that ends TLS. The
 * nonce is stateless (time, random, HMAC under a key of this process), so nobody can lock a victim out by
 * asking for many; a used one is stored until it expires, in the transaction that it authorises. Layout of
 * the signed text: docs/device-protocol.md. */
#ifndef WHORL_FLEET_CHALLENGE_H
#define WHORL_FLEET_CHALLENGE_H

#include "fleet/fleet.h"

enum challenge_purpose { PURPOSE_STATUS = 1, PURPOSE_ENROL = 2 };
enum { NONCE_SIZE = 48 };

struct challenge {
    uint8_t nonce[NONCE_SIZE];
    int64_t expires_in_s;
    struct sha256 server_id; /* SHA-256 of the SPKI of a root of this installation */
};
struct challenge_question {
    struct device_id device_id;
    enum challenge_purpose purpose;
    bool has_server_id;
    struct sha256
        server_id; /* of the root that the device trusts: answered under it when it is one of ours */
};
/** The same answer for known and unknown ids. @thread any */
err_t challenge_make(struct fleet *fleet, const struct challenge_question *question, struct challenge *out);

struct challenge_proof {
    enum challenge_purpose purpose;
    struct device_id device_id;
    struct bytes spki; /* SHA-256 of it must equal the id */
    struct bytes nonce;
    int64_t generation;    /* 0 for status */
    struct bytes new_spki; /* of the CSR; empty for status */
    struct bytes csr;      /* DER; empty for status */
    uint8_t exporter[32];  /* zeros where TLS ends in front, or unknown */
    bool is_bound;         /* the exporter is that of this connection */
    uint64_t counter;
    struct bytes signature;
};
/** Order: sizes, nonce alive and for this id and purpose, key = id, signature (with the exporter, then, where
 * a product allows it, with zeros). Does not consume the nonce; `enrol` does, with its transaction.
 * @param[out] is_bound which of both verified: the caller puts it into the proof before it hands it to
 * `enrol`
 *  @errors ERR_POP_FAILED in one shape @thread worker */
err_t challenge_check(struct fleet *fleet, const struct challenge_proof *proof, bool *is_bound);
/** Consumes the nonce of a status proof (its own transaction). @errors ERR_POP_FAILED when used */
err_t challenge_consume(struct fleet *fleet, const struct challenge_proof *proof);

#endif
