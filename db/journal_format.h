/* The bytes of the journal: what a record says and how records are chained. Pure: no file, no row.
 *
 *   record = place in its write (11 bits) and size of the payload (21 bits) (4) || kind (1) || version (1) ||
 * number (8) || at, Unix ms (8) || payload
 *            || hash (32)
 *   hash   = SHA-256("whorl-journal-v1" || hash of the record before || all bytes of the record before
 * `hash`)
 *
 * What a transaction has to say is one write and one sync, and the next write begins after that sync. The
 * place says how many records of the same write stand before (JOURNAL_PLACE_MAX: as many, or more). So a
 * reader who finds a record broken, and a whole one behind it, can tell a last write of which the disk kept
 * pieces from one that was acknowledged and changed since. Before there were places they were 0: each record
 * counted as synced.
 *
 * A segment begins with "WHORLJ1\n" || installation (32) || size of the node's name (1) || the name || number
 * of its first record (8) || hash of the record before that one (32) || SHA-256 of all this (32). Numbers are
 * big-endian and begin with 1; before the first record the hash is 32 zero bytes.
 *
 * A kind has a version; a reader that does not know either says so and skips nothing. Its fields stand in one
 * table (journal_format.c): a new kind is one row there, and a new version of one adds fields at its end.
 */
#ifndef WHORL_DB_JOURNAL_FORMAT_H
#define WHORL_DB_JOURNAL_FORMAT_H

#include "base/hash.h"
#include "db/authority_certificate_rows.h"
#include "db/authority_order_rows.h"
#include "db/firmware_release_rows.h"

enum journal_kind {
    JOURNAL_EPOCH = 1, /* a node began its next epoch */
    JOURNAL_ISSUE,     /* a certificate, with all that its row needs */
    JOURNAL_CONFIRM,   /* a certificate was confirmed, or used for the first time */
    JOURNAL_SUPERSEDE, /* one lost its rights to a newer one */
    JOURNAL_REVOKE,    /* one was revoked, or a superseded one put on the list */
    JOURNAL_DEVICE,    /* what a device is from now on: state, generation, claim, owner's batch */
    JOURNAL_CRL,       /* the number of a list that was signed */
    JOURNAL_ROLLBACK,  /* an older inventory was accepted: what is told of here was lost */
    JOURNAL_REPLAY,    /* an older inventory was brought up to date */
    JOURNAL_ACTION,    /* the id of a firmware action that a device was told */
    JOURNAL_LINE,      /* the newest release that was published for a product and class */
    JOURNAL_AUTHORITY, /* what an authority is from now on: state, certificate, default; or that it is gone */
    JOURNAL_AUTHORITY_ORDER,      /* a key that is to be made for an authority that is pending */
    JOURNAL_AUTHORITY_CERTIFICATE /* one that an authority signed for another, or that it was revoked */
};
enum {
    JOURNAL_KINDS = JOURNAL_AUTHORITY_CERTIFICATE + 1,
    JOURNAL_ROLE_SIZE = 32,
    JOURNAL_RECORD_HEAD = 22,
    JOURNAL_RECORD_LEAST = JOURNAL_RECORD_HEAD + SHA256_SIZE,
    JOURNAL_PAYLOAD_MAX = 1 << 20,
    JOURNAL_PLACE_MAX = (1 << 11) - 1,
    JOURNAL_NODE_SIZE = 64,
    JOURNAL_HEADER_MAX = 8 + SHA256_SIZE + 1 + JOURNAL_NODE_SIZE + 8 + 2 * SHA256_SIZE
};

/* One entry as values; which of them a kind has is in the table. What is borrowed lasts as long as the bytes
 * that it was read from, or the call that it is given to. */
struct journal_entry {
    enum journal_kind kind;
    int version;        /* as read; 0: the newest that this program knows */
    int64_t seq, at_ms; /* as read */
    int64_t place;      /* in its write, 0 the first; set by journal_append() */
    struct {            /* ISSUE, CONFIRM, SUPERSEDE, REVOKE; `device` and `tenant` of DEVICE too */
        uint8_t serial[CERTIFICATE_SERIAL_SIZE], spki_sha256[32], state;
        uint8_t linked_by[32], link; /* of ISSUE: who asked; 0 not known, 1 known, 3 stated its generation */
        char authority[AUTHORITY_ID_SIZE]; /* of CRL too */
        int64_t generation, not_before, not_after, issued_at;
        int64_t confirmed_at, first_used_at, superseded_at, revoked_at, reason;
        struct bytes der;
        char profile[NAME_SIZE]; /* that it was made by; "": not known (version 1) */
        int64_t profile_version;
    } certificate;
    struct device_id device;
    struct uuid tenant;
    struct {
        struct uuid batch, product;
        uint8_t state, claim, key_origin, reenrol_allowed;
        int64_t generation, registered_at, enrolled_at, transferred_at, rekey_requested_at, rekey_above;
        char serial[SERIAL_TEXT_SIZE], model[MODEL_SIZE];
        struct bytes spki; /* empty: as it was */
    } change;
    struct {
        struct uuid product, release;
        int64_t sequence, counter;
        char class[MODEL_SIZE], version[RELEASE_VERSION_SIZE];
    } line;
    struct { /* AUTHORITY; `tenant` and `certificate.authority`, its id, too */
        char role[JOURNAL_ROLE_SIZE], issuer[AUTHORITY_ID_SIZE], predecessor[AUTHORITY_ID_SIZE];
        uint8_t state, is_gone, is_default, is_external, has_tenant;
        int64_t crl_shards, ends_at, key_purposes, created_at, ver;
        int64_t compromised_at, rekey_by; /* since version 2 */
        struct bytes certificate, request, crl_base;
    } authority;
    struct { /* AUTHORITY_CERTIFICATE; `certificate.authority`, its issuer, too */
        char subject[AUTHORITY_ID_SIZE];
        uint8_t kind;
        int64_t not_before, not_after, revoked_at, reason;
        struct bytes serial, der; /* of a revocation: without the DER */
    } signed_for;
    struct { /* AUTHORITY_ORDER; `certificate.authority` too */
        char actor[ACTOR_SIZE], request_id[ORDER_REQUEST_ID_SIZE];
        uint8_t kind, is_external;
        int64_t key_algorithm, lifetime_days, created_at;
        struct bytes permitted_dns;
    } order;
    struct uuid node;
    int64_t epoch;
    int64_t shard, number; /* of CRL; `number` of ACTION too */
    int64_t first, last;   /* of ROLLBACK and REPLAY: the entries that it is about */
};

/* A record in the bytes of a segment. */
struct journal_record {
    int kind, version;
    int64_t seq, at_ms, place;
    struct bytes payload;
    struct sha256 hash;
    size_t size; /* all of it */
};

/** "issue", …; "entry of an unknown kind". @thread any, like all functions here */
const char *journal_kind_name(int kind);

/** Appends the record of `entry`. @param[in,out] hash that of the record before; then its own */
err_t journal_encode(const struct journal_entry *entry, int64_t seq, struct sha256 *hash, struct buf *out);

enum journal_look {
    JOURNAL_WHOLE, /* `out` is filled */
    JOURNAL_SHORT, /* the bytes end within the record */
    JOURNAL_BAD    /* no record of this number in this chain */
};
/** What stands at the beginning of `in`. */
err_t journal_look(struct bytes in, const struct sha256 *before, int64_t seq, struct journal_record *out,
                   enum journal_look *look);
/** Whether somewhere behind the first byte of `in`, where record `seq` is broken, a whole record of a later
 * write begins: then `seq` was synced before that one was written, and was not torn by the last write. @param
 * before as of journal_look() */
err_t journal_finds_record(struct bytes in, const struct sha256 *before, int64_t seq, bool *out);
/** @errors ERR_UNPROCESSABLE an unknown kind or version, or a payload that is not of its kind */
err_t journal_decode(const struct journal_record *record, struct journal_entry *out);

struct journal_header {
    struct sha256 installation;
    char node[JOURNAL_NODE_SIZE];
    int64_t first;
    struct sha256 before;
    size_t size; /* all of it */
};
err_t journal_header_encode(const struct journal_header *header, struct buf *out);
/** @errors ERR_UNPROCESSABLE not the beginning of a segment */
err_t journal_header_decode(struct bytes in, struct journal_header *out);

#endif
