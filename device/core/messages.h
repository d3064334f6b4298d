/* The JSON messages of /device/v1 (docs/device-protocol.md): writes the bodies that a device sends, reads the
 * answers. Knows neither HTTP nor storage. */
#ifndef WHORL_DEVICE_CORE_MESSAGES_H
#define WHORL_DEVICE_CORE_MESSAGES_H

#include "device/core/json.h"
#include "device/core/keygen.h"
#include "device/core/pop.h"
#include "device/core/x509.h"

/* The status codes; the numbers are QuarkLink's. */
enum whorl_code {
    WHORL_CODE_ENROLLED = 10,
    WHORL_CODE_NOT_ENROLLED = 12,
    WHORL_CODE_CERTIFICATE_EXPIRED = 13,
    WHORL_CODE_REVOKED = 14,
    WHORL_CODE_DOES_NOT_EXIST = 30,
    WHORL_CODE_DEVICE_REVOKED = 31
};

/* What the server says about this device. */
struct whorl_status {
    unsigned code; /* enum whorl_code; a later server may know more */
    uint32_t generation;
    bool has_owner_salt;
    uint8_t owner_salt[WHORL_SALT_BYTES];
    int64_t server_time_s;
    int64_t renew_after_s; /* 0: not given */
    bool is_rekey;         /* a new key is ordered; renew_after has passed then */
    bool has_anchors;
    uint8_t anchors_sha256[WHORL_HASH_BYTES]; /* of the set of trust anchors that the server gives out */
    bool is_by_identity;                      /* the identity key asked: set by who asks, not by the answer */
    struct whorl_bytes body;                  /* the whole answer, in the work buffer until the next call */
};

/* A refusal, for people (RFC 9457). Zero-terminated, cut to fit. */
struct whorl_problem {
    unsigned status;
    char title[64];
    char detail[160];
};

struct whorl_challenge {
    uint8_t server_id[32];
    uint8_t nonce[WHORL_NONCE_MAX];
    size_t nonce_size;
};

struct whorl_proof {
    uint8_t device_id[WHORL_ID_BYTES];
    uint8_t spki[WHORL_SPKI_BYTES];
    struct whorl_bytes nonce;
    uint64_t counter;
    uint8_t signature[WHORL_ECDSA_DER_MAX];
    size_t signature_size;
};

/** @param server_id of the root under which the device wants the answer */
void whorl_message_put_challenge(struct whorl_text *text, const uint8_t id[WHORL_ID_BYTES],
                                 const uint8_t server_id[WHORL_HASH_BYTES], enum whorl_pop_purpose purpose);
/** @param proof NULL when the connection carries a client certificate @param code an enrolment code, or
 * empty; text that JSON need not escape */
void whorl_message_put_status(struct whorl_text *text, const struct whorl_proof *proof,
                              struct whorl_bytes code);

/** proof and code as above. */
void whorl_message_put_enrol(struct whorl_text *text, struct whorl_bytes csr, uint32_t generation,
                             const struct whorl_proof *proof, struct whorl_bytes code);

bool whorl_message_read_challenge(struct whorl_bytes body, struct whorl_challenge *out);
bool whorl_message_read_status(struct whorl_bytes body, struct whorl_status *out);

/** Never fails: what is missing stays empty. */
void whorl_message_read_problem(unsigned status, struct whorl_bytes body, struct whorl_problem *out);

/** The value of a string member that needs no unescaping. */
bool whorl_message_text(struct whorl_bytes body, const char *name, struct whorl_bytes *out);

#endif
