/* Versions and Idempotency-Keys, the same for every kind of thing. Both are judged inside the transaction
 * that makes the change: what was read before it may be old. Called by the services of this folder. */
#include "fleet/terms.h"

#include <stdio.h>
#include <string.h>

err_t terms_check_version(const struct terms *terms, int64_t ver)
{
    bool is_right = !terms->has_versions || terms->is_any_version;
    for (size_t i = 0; i < terms->version_count; i++) {
        is_right = is_right || terms->versions[i] == ver;
    }
    ENSURE(is_right, ERR_PRECONDITION, "it is at version \"%lld\"", (long long)ver);
    return OK;
}

err_t idempotency_find(struct db_tx *tx, const struct idempotency *idempotency, const char *kind,
                       struct op_row *out, bool *is_repeat)
{
    *is_repeat = false;
    if (idempotency->key.n == 0) {
        return OK;
    }
    err_t error = op_rows_find(tx, idempotency->tenant, idempotency->key, out);
    if (error.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(error);
    bool is_same = strcmp(out->kind, kind) == 0 &&
                   bytes_equal(BYTES_OF(out->fingerprint.b), BYTES_OF(idempotency->fingerprint.b));
    ENSURE(is_same, ERR_UNPROCESSABLE, "the Idempotency-Key was used for another request");
    *is_repeat = true;
    return OK;
}

err_t idempotency_find_id(struct db_tx *tx, const struct idempotency *idempotency, const char *kind,
                          struct uuid *id, bool *is_repeat)
{
    struct op_row op;
    TRY(idempotency_find(tx, idempotency, kind, &op, is_repeat));
    return *is_repeat ? uuid_parse(bytes_str(op.result), id) : OK;
}

err_t idempotency_keep(struct db_tx *tx, const struct idempotency *idempotency, const char *kind,
                       const char *result)
{
    if (idempotency->key.n == 0) {
        return OK;
    }
    struct op_row op = {.fingerprint = idempotency->fingerprint, .at = db_tx_now_ms(tx)};
    ENSURE(strlen(kind) < sizeof op.kind && strlen(result) < sizeof op.result, ERR_INTERNAL,
           "the record of an Idempotency-Key is too long");
    (void)snprintf(op.kind, sizeof op.kind, "%s", kind);
    (void)snprintf(op.result, sizeof op.result, "%s", result);
    return op_rows_insert(tx, idempotency->tenant, idempotency->key, &op);
}
