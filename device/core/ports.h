/* The ports: what a firmware engineer writes to bring Whorl to a chip. Each is a const struct of functions
 * whose first argument is the port's own `context`. Buffers belong to the caller; no port allocates on behalf
 * of the core. The reference ports are device/host (OpenSSL, sockets, files); device/README.md has the table
 * for PSA/mbedTLS and BearSSL. */
#ifndef WHORL_DEVICE_CORE_PORTS_H
#define WHORL_DEVICE_CORE_PORTS_H

#include "device/core/types.h"

/* A private key held by the crypto port: a PSA key id, a slot number of a secure element, or a pointer. 0 is
 * no key. */
struct whorl_key {
    uintptr_t handle;
};

/* Room for the state of a running SHA-256, aligned for anything that a port keeps there. */
struct whorl_sha256_state {
    uint64_t words[32];
};

/* Functions return true when they succeeded. */
struct whorl_crypto {
    void *context;
    /** A running hash. Every begin that succeeded is followed by exactly one end. */
    bool (*sha256_begin)(void *context, struct whorl_sha256_state *state);
    bool (*sha256_update)(void *context, struct whorl_sha256_state *state, struct whorl_bytes data);
    bool (*sha256_end)(void *context, struct whorl_sha256_state *state, uint8_t out[WHORL_HASH_BYTES]);
    bool (*hmac_sha256)(void *context, struct whorl_bytes key, struct whorl_bytes data,
                        uint8_t out[WHORL_HASH_BYTES]);
    /** Takes a private P-256 scalar (big-endian, 1 … n-1); the core wipes its copy afterwards. */
    bool (*p256_import)(void *context, const uint8_t scalar[WHORL_SCALAR_BYTES], struct whorl_key *out);
    /** The public point, uncompressed: 0x04 || x || y. */
    bool (*p256_public)(void *context, struct whorl_key key, uint8_t out[WHORL_POINT_BYTES]);
    /** ECDSA over a finished hash, r || s. Deterministic (RFC 6979) or with a sound random nonce. */
    bool (*p256_sign)(void *context, struct whorl_key key, const uint8_t hash[WHORL_HASH_BYTES],
                      uint8_t out[WHORL_SIGNATURE_BYTES]);
    bool (*p256_verify)(void *context, const uint8_t point[WHORL_POINT_BYTES],
                        const uint8_t hash[WHORL_HASH_BYTES], const uint8_t signature[WHORL_SIGNATURE_BYTES]);
    void (*p256_destroy)(void *context, struct whorl_key key);
    /** Overwrites a secret in a way that the compiler does not drop. */
    void (*wipe)(void *context, void *at, size_t size);
};

struct whorl_endpoint {
    const char *host; /* DNS name or address, as in the URL */
    uint16_t port;
};

enum { WHORL_CHAIN_MAX = 4 };

/* Who the client is in TLS: a key and its certificates, leaf first. No certificate: the client does not
 * authenticate. */
struct whorl_identity {
    struct whorl_key key;
    struct whorl_bytes chain[WHORL_CHAIN_MAX];
    size_t chain_count;
};

/* TLS is behind this port: it verifies the server against the pinned root and the host name before open()
 * succeeds. */
struct whorl_transport {
    void *context;
    /** Reads the structures during the call; the key and the chain's bytes stay as they are until close(). */
    bool (*open)(void *context, const struct whorl_endpoint *to, const struct whorl_identity *as);
    /** > 0 bytes taken or given; 0 nothing now, ask again; < 0 closed or failed. */
    int (*send)(void *context, struct whorl_bytes data);
    int (*recv)(void *context, struct whorl_space into);
    /** TLS exporter, label EXPORTER-Channel-Binding, zero-length context (RFC 9266); 32 zero bytes where TLS
     * ends elsewhere. */
    bool (*exporter)(void *context, uint8_t out[WHORL_HASH_BYTES]);
    void (*close)(void *context);
};

/* The part of the TLS stack that knows CA certificates (X.509 path validation). A device without it verifies
 * its server by the roots of its firmware, always. */
struct whorl_trust {
    void *context;
    /** From the next open() on the server is verified by these roots (DER) and by no others. Copies them. */
    bool (*use)(void *context, const struct whorl_bytes *roots, size_t count);
    /** Is this the root that the server of the last open() was verified by? */
    bool (*stands_on)(void *context, struct whorl_bytes root);
    /** Did the holder of the CA certificate `issuer` sign `certificate` (which may be `issuer` itself)? Names
     * and key identifiers fit, `issuer` may sign certificates, the signature verifies, and the certificate is
     * valid at `now_s`, unless that is 0. */
    bool (*is_issued_by)(void *context, struct whorl_bytes certificate, struct whorl_bytes issuer,
                         int64_t now_s);
};

enum whorl_record {
    WHORL_RECORD_HELPER = 1,        /* helper data: written once in a chip's life */
    WHORL_RECORD_STATE = 2,         /* owner salt, highest generation ever used, counter */
    WHORL_RECORD_CREDENTIAL = 3,    /* the certificate in use and its generation */
    WHORL_RECORD_PENDING = 4,       /* a certificate received and not yet confirmed by a use */
    WHORL_RECORD_HUB = 5,           /* where to go after onboarding */
    WHORL_RECORD_FAILURES = 6,      /* how often the helper data did not give the key */
    WHORL_RECORD_ANCHORS = 7,       /* the root CAs in force, once they are others than the firmware's */
    WHORL_RECORD_MANIFEST_KEYS = 8, /* who signs firmware, once they are others than the firmware's */
    WHORL_RECORD_INSTALLED = 9,     /* what runs: sequence, version, counters */
    WHORL_RECORD_UPDATE = 10        /* an update on its way */
};

/* Small records by number. write() replaces the whole record or nothing, and is on the medium when it
 * returns. Records hold no secret; the state record must not be rolled back by an attacker, so protect its
 * integrity where the chip can. */
struct whorl_storage {
    void *context;
    /** WHORL_ERROR_NOT_AVAILABLE when there is no such record. */
    enum whorl_result (*read)(void *context, enum whorl_record record, struct whorl_space into, size_t *size);
    enum whorl_result (*write)(void *context, enum whorl_record record, struct whorl_bytes data);
    /** Erasing a record that does not exist succeeds. */
    enum whorl_result (*erase)(void *context, enum whorl_record record);
};

struct whorl_clock {
    void *context;
    uint32_t (*monotonic_ms)(void *context); /* may wrap */
    /** Unix seconds; 0 when the time is not known (which is always acceptable). */
    int64_t (*utc_s)(void *context);
};

struct whorl_random {
    void *context;
    bool (*get)(void *context, struct whorl_space out);
};

/* The cells, as they were at power-up, before anything wrote to them. */
struct whorl_puf {
    void *context;
    /** How many cells there are; WHORL_PUF_CELLS are used. */
    size_t (*cells)(void *context);
    /** One reading, WHORL_PUF_CELLS bits, most significant bit first. `power_up` counts from 0 and asks for a
     * separate power-up of the memory where the chip can do that by itself (several are needed only at
     * enrolment). */
    bool (*read)(void *context, unsigned power_up, struct whorl_space out);
};

enum whorl_slot { WHORL_SLOT_ACTIVE, WHORL_SLOT_SPARE };
enum whorl_boot {
    WHORL_BOOT_SETTLED, /* what runs is confirmed: nothing is tried, nothing waits */
    WHORL_BOOT_PENDING, /* the next restart tries what is in the spare slots */
    WHORL_BOOT_TRIAL    /* the new firmware runs, and is gone after a restart unless it is confirmed */
};

/* Flash with two slots for each part of the firmware ("" where there is one part), and the boot loader that
 * changes between them. It goes back by itself when new firmware is not confirmed. */
struct whorl_flash {
    void *context;
    /** Bytes that are fetched at a time, and after which a download is durable: a multiple of what is erased
     *  at once; 16 MiB at most. */
    uint32_t step_bytes;
    /** How large an image of this part may be; 0: there is no such part. */
    uint64_t (*room)(void *context, struct whorl_bytes part);
    /** The spare slot takes new bytes from `from` (a multiple of step_bytes) to its end; those before it
     * stay.
     */
    bool (*erase)(void *context, struct whorl_bytes part, uint64_t from);
    /** Into the spare slot; in order, but for what was erased again. */
    bool (*write)(void *context, struct whorl_bytes part, uint64_t at, struct whorl_bytes data);
    /** All that was written is on the medium. */
    bool (*sync)(void *context, struct whorl_bytes part);
    /** All of `into`. After a swap the image stands at the start of the active slot as it was fetched. */
    bool (*read)(void *context, struct whorl_bytes part, enum whorl_slot slot, uint64_t at,
                 struct whorl_space into);
    /** Tells the boot loader to try the spare slots of these parts, all or none, at the next restart. On the
     *  medium when it returns; a second time does no harm. */
    bool (*arm)(void *context, const struct whorl_bytes *parts, size_t count);
    enum whorl_boot (*boot)(void *context);
    /** What is tried is good. A second time does no harm. */
    bool (*confirm)(void *context);
};

struct whorl_ports {
    const struct whorl_crypto *crypto;
    const struct whorl_transport *transport;
    const struct whorl_storage *storage;
    const struct whorl_clock *clock;
    const struct whorl_random *random;
    const struct whorl_puf *puf;
    const struct whorl_trust *trust; /* NULL: the roots of the firmware stay */
    const struct whorl_flash *flash; /* NULL: the server gives this device no firmware */
};

#endif
