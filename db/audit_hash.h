/* How a record of the audit log is hashed, for whoever writes one and whoever verifies: in two steps, so that
 * a record can be proved to stand in its chain without being shown.
 *
 *   content = SHA-256("whorl-audit-content-v1" || at || fields)
 *   hash    = SHA-256("whorl-audit-v2" || prev || node || epoch || lane || seq || content)
 *
 * Numbers are 8 bytes, big-endian; the fields are tenant, device, actor, request_id, kind, result and body,
 * each its length in 4 bytes (all ones for NULL) and its bytes, so that no two records encode alike. */
#ifndef WHORL_DB_AUDIT_HASH_H
#define WHORL_DB_AUDIT_HASH_H

#include "base/encoding.h"
#include "base/hash.h"

/* Where a record stands, and what is before it. */
struct audit_link {
    struct uuid node;
    int64_t epoch, lane, seq;
    struct sha256 prev;
};

/* One record as it is hashed. A NULL p means SQL NULL (tenant and device only). */
struct audit_record {
    struct audit_link link;
    int64_t at_ms;
    struct bytes tenant, device, actor, request_id, kind, result, body;
};

err_t audit_content_hash(const struct audit_record *record, struct sha256 *out);
err_t audit_link_hash(const struct audit_link *link, const struct sha256 *content, struct sha256 *out);
/** Both steps. @thread any, like all functions here */
err_t audit_hash(const struct audit_record *record, struct sha256 *out);
/** As records were hashed before, in one step: SHA-256("whorl-audit-v1" || prev || node || epoch || lane ||
 * seq || at || fields). For verifying a log that began then; nothing is written so. */
err_t audit_hash_first_form(const struct audit_record *record, struct sha256 *out);

#endif
