/* Verifies an export of the audit log (GET /api/v1/audit/export) without server and inventory: line by line,
 * in constant memory. Every shown record is hashed again, every hidden one is linked by the hash of its
 * content, every stretch of a chain is without a gap, and the checkpoint at the end signs where the stretches
 * begin and end. */
#ifndef WHORL_FLEET_AUDIT_FILE_H
#define WHORL_FLEET_AUDIT_FILE_H

#include "fleet/audit_statement.h"

struct audit_file;

enum { AUDIT_LINE_MAX = 1 << 20 };

struct audit_file_report {
    int64_t lines, shown, hidden, stretches;
    int64_t compared; /* ends of an earlier checkpoint that were met */
    int64_t at_ms;    /* of the checkpoint */
    char signer[256];
};

/** @param anchors PEM, the installation's ca.pem; BYTES_NONE: who signed is not checked; borrowed
 * @errors ERR_NO_MEMORY @thread any, one at a time, like all functions here */
err_t audit_file_new(struct bytes anchors, struct audit_file **out);
void audit_file_free(struct audit_file *file);
DEFINE_AUTO_PTR(audit_file, audit_file_free);

/** An end that was signed earlier: where the file has that record, it must be the same. */
err_t audit_file_expect(struct audit_file *file, const struct audit_end *end);
/** One line, without its end. After an error the file is bad, whatever follows.
 *  @errors ERR_UNPROCESSABLE, ERR_BAD_JSON, ERR_FORBIDDEN … with what is wrong */
err_t audit_file_line(struct audit_file *file, struct bytes line);
/** There is no more. @errors ERR_UNPROCESSABLE the end is missing */
err_t audit_file_finish(struct audit_file *file, struct audit_file_report *out);

#endif
