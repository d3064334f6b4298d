/* A server for one device, behind the transport port: no sockets, no TLS, but real requests and certificates
 * (OpenSSL), and the two-phase rule: a certificate is unconfirmed until its first use, which takes the rights
 * of the older ones. It can lose answers. */
#ifndef WHORL_TESTS_UNIT_DEVICE_FAKE_SERVER_H
#define WHORL_TESTS_UNIT_DEVICE_FAKE_SERVER_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "device/host/key_openssl.h"
#include "tests/unit/device/device_fixture.h"

enum { FAKE_CERTIFICATES = 32, FAKE_DER = 1024 };

enum fake_state { FAKE_UNCONFIRMED, FAKE_CONFIRMED, FAKE_SUPERSEDED };

struct fake_certificate {
    uint8_t der[FAKE_DER];
    size_t size;
    uint8_t spki_hash[32];
    uint32_t generation;
    enum fake_state state;
};

struct fake_server {
    struct whorl_transport port;
    struct whorl_key ca;
    uint8_t server_id[32];
    uint8_t owner_salt[32];
    uint8_t device_id[32]; /* the one device that is registered */
    struct fake_certificate issued[FAKE_CERTIFICATES];
    size_t issued_count;
    uint32_t generation; /* highest that was asked for */
    const char *san;     /* of the certificates it issues */
    bool is_retired;
    unsigned operational_code, identity_code; /* what status says whatever the state is; 0: the truth */
    size_t expired_below;                     /* of what was issued, the first so many are no longer valid */
    bool is_strict;          /* 403 to the identity key while a confirmed certificate is valid */
    const char *renew_after; /* in status; NULL: not given */
    bool is_rekey;
    const char *header;         /* further lines of every head, each with its CRLF; NULL: none */
    unsigned busy;              /* every answer has this status; 0: its own */
    struct whorl_bytes cacerts; /* EST's message (DER); empty: status names none */
    uint8_t anchors_sha256[32];
    /* who answers below /device/v1/firmware; 0: that is not there */
    unsigned (*firmware)(struct fake_server *server, struct whorl_bytes json, struct whorl_text *body);
    void *firmware_context;
    unsigned fetched;  /* how often cacerts was asked for */
    bool is_unwilling; /* 422 to every enrolment */
    bool has_hub;
    bool is_closing; /* "Connection: close" after each answer */
    unsigned answers;
    unsigned lost_answer; /* this answer (from 1) does what it says and is never seen; 0: none */
    uint64_t last_counter;
    /* of the open connection */
    bool is_open;
    bool has_client;
    uint8_t client_spki_hash[32];
    uint8_t client[FAKE_DER];
    size_t client_size;
    uint8_t exporter[32];
    uint8_t nonce[16];
    bool has_nonce;
    uint8_t second_id[32];   /* of another root that it has too; zeros: none */
    uint8_t answered_id[32]; /* under which the last challenge was given */
    char request[8192];
    size_t request_size;
    uint8_t answer[16384];
    size_t answer_size;
    size_t answer_at;
};

void fake_server_init(struct fake_server *server);
void fake_server_clear(struct fake_server *server);

/** The one certificate that the server honours; NULL when there is none or more than one. */
const struct fake_certificate *fake_server_confirmed(const struct fake_server *server);

#endif
