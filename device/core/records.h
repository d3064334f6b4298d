/* What a device keeps (through the storage port), and how it lies there. Every record starts with a version
 * byte; numbers are big-endian. None holds a secret: keys come back from the PUF. */
#ifndef WHORL_DEVICE_CORE_RECORDS_H
#define WHORL_DEVICE_CORE_RECORDS_H

#include "device/core/messages.h"

enum {
    WHORL_ANCHORS_MAX = 4,
    WHORL_ANCHORS_HEAD = 1 + 2 * WHORL_HASH_BYTES + 1,
    WHORL_STATE_BYTES = 1 + 4 + 8 + WHORL_SALT_BYTES,
    WHORL_CREDENTIAL_HEAD = 1 + 4 + WHORL_SALT_BYTES + 8 + 1
};

/* Written BEFORE a new generation or counter value is shown to anyone, so neither is ever used for two
 * things. */
struct whorl_state {
    uint32_t generation_max; /* highest generation that a request was made for */
    uint64_t counter;        /* of proofs */
    uint8_t owner_salt[WHORL_SALT_BYTES];
};

/* A certificate with what is needed to grow its key again. The chain is a view into the record. */
struct whorl_credential {
    uint32_t generation;
    uint8_t owner_salt[WHORL_SALT_BYTES];
    int64_t renew_after_s;
    struct whorl_bytes chain[WHORL_CHAIN_MAX];
    size_t chain_count;
};

struct whorl_hub {
    struct whorl_bytes url;
    struct whorl_bytes ca; /* PEM */
};

/* Trust anchors. The roots are views into the record. */
struct whorl_anchors {
    uint8_t pinned[WHORL_HASH_BYTES]; /* server_id of the settings under which the record was made */
    uint8_t digest[WHORL_HASH_BYTES]; /* of the set that the server gave out */
    struct whorl_bytes root[WHORL_ANCHORS_MAX];
    size_t count;
};

/** A device that never wrote one has an all-zero state. */
enum whorl_result whorl_state_load(const struct whorl_storage *storage, struct whorl_state *out);
enum whorl_result whorl_state_save(const struct whorl_storage *storage, const struct whorl_state *state);

/** WHORL_ERROR_NOT_AVAILABLE when there is none. @param room keeps the record as long as `out` is used */
enum whorl_result whorl_credential_load(const struct whorl_storage *storage, enum whorl_record record,
                                        struct whorl_space room, struct whorl_credential *out);

/** Makes a credential record in `room` out of the answer to an enrolment; `out->chain` stays empty until it
 * is loaded.
 *  @param[in,out] out generation and owner_salt in, renew_after_s out */
enum whorl_result whorl_credential_write(struct whorl_bytes answer, struct whorl_credential *out,
                                         struct whorl_space room, struct whorl_bytes *record);

/** Stores the hub of the answer. No hub in it: the record that is there stays.
 *  @param room for the record while it is made */
enum whorl_result whorl_hub_save(const struct whorl_storage *storage, struct whorl_bytes answer,
                                 struct whorl_space room);

/** WHORL_ERROR_NOT_AVAILABLE when there is none. @param room keeps the record as long as `out` is used */
enum whorl_result whorl_hub_load(const struct whorl_storage *storage, struct whorl_space room,
                                 struct whorl_hub *out);

/** WHORL_ERROR_NOT_AVAILABLE when there is none. @param room keeps the record as long as `out` is used */
enum whorl_result whorl_anchors_load(const struct whorl_storage *storage, struct whorl_space room,
                                     struct whorl_anchors *out);

/** @param room for the record while it is made; apart from where the roots stand */
enum whorl_result whorl_anchors_save(const struct whorl_storage *storage, const struct whorl_anchors *anchors,
                                     struct whorl_space room);

#endif
