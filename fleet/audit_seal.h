/* What an export of the audit log is held together by: its first line, how many records it shows and hides,
 * and where each stretch of a chain begins and ends. The checkpoint at its end signs this. Used by the
 * exporter and by the verifier, which must come to the same. */
#ifndef WHORL_FLEET_AUDIT_SEAL_H
#define WHORL_FLEET_AUDIT_SEAL_H

#include "base/json.h"
#include "db/audit_hash.h"

struct audit_seal {
    struct sha256 head; /* of the first line */
    int64_t shown, hidden;
    struct sha256 stretches; /* over all of them, one after the other */
};

/** Begins with the text of the first line. @thread any, like all functions here */
err_t audit_seal_open(struct audit_seal *seal, struct bytes head);
/* A stretch: its first record and the one before, its last record. */
struct audit_stretch {
    struct audit_link first;
    int64_t last_seq;
    struct sha256 last_hash;
};
err_t audit_seal_add(struct audit_seal *seal, const struct audit_stretch *stretch);
/** As a member of a checkpoint. */
err_t audit_seal_write(const struct audit_seal *seal, json_t **out);
/** Whether a checkpoint's member says the same. */
bool audit_seal_is(const struct audit_seal *seal, const json_t *written);

#endif
