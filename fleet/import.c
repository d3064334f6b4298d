/* The first half of an import: lines are parsed, checked against the product's rules and kept. Registering
 * them is in import_register.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "db/batch_rows.h"
#include "fleet/batch_lines.h"
#include "fleet/import_internal.h"
#include "fleet/names.h"

/* What the parser took must also be good for the product: form of the key, lengths, printable text. */
static err_t check(const struct import *import, const struct handover_item *item, struct device_id *id)
{
    struct batch_line line = {.entry = &item->device};
    TRY(item->refusal);
    TRY(batch_line_check(&import->policy, &line));
    *id = line.id;
    return OK;
}

/* A refused line keeps only what helps a person to find it. */
static err_t refuse(struct import *import, const struct handover_item *item, err_t error)
{
    struct import_refusal refusal = {
        .line = item->line, .code = error.code, .has_id = item->device.has_id, .id = item->device.id};
    memcpy(refusal.reason, error.detail, sizeof refusal.reason);
    if (text_copy(item->device.serial, "serial", refusal.serial, sizeof refusal.serial).code != ERR_OK) {
        refusal.serial[0] = '\0';
    }
    if (item->is_fatal && import->fatal.code == ERR_OK) {
        import->fatal = ERR(ERR_UNPROCESSABLE, "entry %llu: %.100s; nothing of this list can be trusted",
                            (unsigned long long)item->line, error.detail);
    }
    import->has_fault = true;
    return import_refuse(import, &refusal);
}

static err_t on_item(const struct handover_item *item, void *arg)
{
    struct import *import = arg;
    struct device_id id;
    err_t error = check(import, item, &id);
    if (err_status(error.code) >= 500) {
        return error;
    }
    return error.code == ERR_OK ? import_keep(import, item, &id) : refuse(import, item, error);
}

static err_t find_product(struct import *import)
{
    struct bytes name = import->order.product.n > 0 ? import->order.product : bytes_str("default");
    err_t error = product_find(import->fleet, import->order.tenant, name, &import->product);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "no such product");
    import->policy = (struct key_policy){.allow_rsa = true, .allow_rsa_2048 = import->product.allow_rsa_2048};
    return error;
}

static err_t open_parser(struct import *import)
{
    AUTO(char) *pinned = NULL;
    if (import->order.format == HANDOVER_MICROCHIP) {
        if (import->fleet->options.folder != NULL) {
            TRY(path_join(import->fleet->options.folder, MANIFEST_SIGNERS_FOLDER, &pinned));
        }
        TRY(manifest_signers_load(pinned, &import->signers));
    }
    const struct handover_options options = {
        .signers = import->signers, .slot = import->order.slot, .fn = on_item, .arg = import};
    return handover_new(import->order.format, &options, &import->parser);
}

err_t import_open(struct fleet *fleet, const struct actor *actor, const struct import_order *order,
                  struct import **out)
{
    *out = NULL;
    TRY(name_check(order->name, "batch name"));
    AUTO_PTR(import) *import = calloc(1, sizeof *import);
    ENSURE(import != NULL, ERR_NO_MEMORY, "no memory for an import");
    import->fleet = fleet;
    import->actor = *actor;
    import->order = *order;
    import->fatal = OK;
    name_copy(order->name, import->name);
    TRY(find_product(import));
    TRY(import_open_files(import));
    TRY(open_parser(import));
    TRY(order->idempotency_key.n > 0 && !order->is_dry_run ? sha256_stream_new(&import->digest) : OK);
    *out = TAKE(import);
    return OK;
}

err_t import_write(struct import *import, struct bytes chunk)
{
    TRY(import->digest != NULL ? sha256_stream_add(import->digest, chunk) : OK);
    return handover_write(import->parser, chunk);
}

/* --- the Idempotency-Key ----------------------------------------------------------------------------------
 */

struct repeat {
    struct import *import;
    struct import_result *out;
};

/* "<batch> <accepted> <refused>", as import_register.c keeps it. */
static err_t read_result(const struct op_row *op, struct uuid *batch, struct import_result *out)
{
    long long accepted = 0, refused = 0;
    TRY(uuid_parse((struct bytes){(const uint8_t *)op->result, UUID_TEXT_SIZE - 1}, batch));
    int read = sscanf(op->result + UUID_TEXT_SIZE - 1, " %lld %lld", &accepted, &refused);
    ENSURE(read == 2, ERR_DB, "the record of an import is broken");
    out->accepted = accepted;
    out->refused = refused;
    return OK;
}

static err_t find_repeat(struct db_tx *tx, void *arg)
{
    struct repeat *run = arg;
    const struct import *import = run->import;
    struct op_row op;
    struct uuid batch;
    TRY(idempotency_find(tx, &import->idempotency, IMPORT_OP_KIND, &op, &run->out->is_repeat));
    if (!run->out->is_repeat) {
        return OK;
    }
    TRY(read_result(&op, &batch, run->out));
    run->out->is_registered = true;
    return batch_rows_find(tx, import->order.tenant, batch, &run->out->batch);
}

/* The body is known whole only now. */
static err_t check_repeat(struct import *import, struct import_result *out)
{
    struct sha256 body;
    if (import->digest == NULL) {
        return OK;
    }
    TRY(sha256_stream_finish(import->digest, &body));
    const struct bytes parts[] = {import->order.terms, bytes_str("\n"), BYTES_OF(body.b)};
    import->idempotency =
        (struct idempotency){.tenant = import->order.tenant, .key = import->order.idempotency_key};
    TRY(sha256_of_parts(parts, 3, &import->idempotency.fingerprint));
    return db_read(import->fleet->db, find_repeat, &(struct repeat){import, out});
}

/* --- the end ----------------------------------------------------------------------------------------------
 */

err_t import_finish(struct import *import, struct import_result *out)
{
    *out = (struct import_result){.refusal = OK};
    TRY(check_repeat(import, out));
    if (out->is_repeat) {
        import->report_count = 0;
        return OK;
    }
    TRY(handover_finish(import->parser));
    ENSURE(import->line_count + import->report_count > 0, ERR_UNPROCESSABLE, "the list has no device");
    TRY(import_sort_lines(import));
    TRY(import_register(import, out));
    return import_sort_report(import);
}

err_t import_next_refusal(struct import *import, struct import_refusal *out, bool *is_end)
{
    struct import_refused record;
    *is_end = import->report_read == import->report_count;
    if (*is_end) {
        return OK;
    }
    import->report_read++;
    TRY(spool_read(import->report, &record, sizeof record));
    *out = record.refusal;
    return OK;
}

void import_free(struct import *import)
{
    if (import == NULL) {
        return;
    }
    handover_free(import->parser);
    sha256_stream_free(import->digest);
    manifest_signers_free(import->signers);
    spool_free(import->lines);
    spool_free(import->texts);
    spool_free(import->report);
    free(import);
}
