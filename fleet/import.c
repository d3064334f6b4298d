/* The first half of an import: lines are parsed, checked against the product's rules and kept. Registering
 * them is in import_register.c. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fleet/batch_lines.h"
#include "fleet/import_internal.h"
#include "fleet/names.h"

/* --- lines in the temporary file
 * ---------------------------------------------------------------------------- */

err_t import_line_write(struct spool *spool, struct import_line *line)
{
    for (size_t i = 0; i < 4; i++) {
        ENSURE(line->texts[i].n <= UINT16_MAX, ERR_UNPROCESSABLE, "a value is too long");
        line->sizes[i] = (uint16_t)line->texts[i].n;
    }
    TRY(spool_write(spool, &line->about, sizeof line->about));
    TRY(spool_write(spool, &line->claim, sizeof line->claim));
    TRY(spool_write(spool, line->sizes, sizeof line->sizes));
    for (size_t i = 0; i < 4; i++) {
        TRY(line->texts[i].n == 0 ? OK : spool_write(spool, line->texts[i].p, line->texts[i].n));
    }
    return OK;
}

err_t import_line_read(struct spool *spool, struct import_line *line, struct buf *texts)
{
    *line = (struct import_line){.claim = CLAIM_LISTED};
    TRY(spool_read(spool, &line->about, sizeof line->about));
    TRY(spool_read(spool, &line->claim, sizeof line->claim));
    TRY(spool_read(spool, line->sizes, sizeof line->sizes));
    size_t size = 0;
    for (size_t i = 0; i < 4; i++) {
        size += line->sizes[i];
    }
    texts->n = 0;
    TRY(buf_reserve(texts, size));
    TRY(spool_read(spool, texts->p, size));
    texts->n = size;
    const uint8_t *p = texts->p;
    for (size_t i = 0; i < 4; i++) {
        line->texts[i] = (struct bytes){p, line->sizes[i]};
        p += line->sizes[i];
    }
    return OK;
}

/* --- while the body comes
 * ----------------------------------------------------------------------------------- */

static enum device_claim claim_of(const struct handover_item *item)
{
    return item->is_signed ? CLAIM_PROVED : item->device.spki.n > 0 ? CLAIM_SPKI : CLAIM_LISTED;
}

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
static void describe_refused(const struct handover_item *item, err_t error, struct import_line *out)
{
    out->about.code = error.code;
    memcpy(out->about.reason, error.detail, sizeof out->about.reason);
    out->about.has_id = item->device.has_id;
    out->about.id = item->device.id;
    if (text_copy(item->device.serial, "serial", out->about.serial, sizeof out->about.serial).code !=
        ERR_OK) {
        out->about.serial[0] = '\0';
    }
}

static err_t on_item(const struct handover_item *item, void *arg)
{
    struct import *import = arg;
    struct import_line line = {.claim = claim_of(item)};
    memset(&line.about, 0, sizeof line.about); /* written as it is, padding too */
    line.about.line = item->line;
    err_t error = check(import, item, &line.about.id);
    if (err_status(error.code) >= 500) {
        return error;
    }
    if (error.code != ERR_OK) {
        describe_refused(item, error, &line);
        if (item->is_fatal && import->fatal.code == ERR_OK) {
            import->fatal = ERR(ERR_UNPROCESSABLE, "entry %llu: %.100s; nothing of this list can be trusted",
                                (unsigned long long)item->line, error.detail);
        }
    } else {
        const struct device_entry *device = &item->device;
        line.about.has_id = true;
        TRY(text_copy(device->serial, "serial", line.about.serial, sizeof line.about.serial));
        line.texts[IMPORT_SPKI] = device->spki;
        line.texts[IMPORT_SERIAL] = device->serial;
        line.texts[IMPORT_MODEL] = device->model;
        line.texts[IMPORT_ATTRIBUTES] = device->attributes;
    }
    import->line_count++;
    return import_line_write(import->lines, &line);
}

static err_t find_product(struct import *import)
{
    struct bytes name = import->order.product.n > 0 ? import->order.product : bytes_str("default");
    err_t error = product_find(import->fleet, import->order.tenant, name, &import->product);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "no such product");
    import->policy = (struct key_policy){.allow_rsa = true, .allow_rsa_2048 = import->product.allow_rsa_2048};
    return error;
}

static err_t open_files(struct import *import)
{
    const char *folder = import->fleet->options.folder;
    TRY(spool_new(folder == NULL ? "/tmp" : folder, &import->lines));
    return spool_new(folder == NULL ? "/tmp" : folder, &import->report);
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
    TRY(open_files(import));
    TRY(open_parser(import));
    *out = TAKE(import);
    return OK;
}

err_t import_write(struct import *import, struct bytes chunk)
{
    return handover_write(import->parser, chunk);
}

err_t import_finish(struct import *import, struct import_result *out)
{
    *out = (struct import_result){.accepted = 0};
    TRY(handover_finish(import->parser));
    ENSURE(import->line_count > 0, ERR_UNPROCESSABLE, "the list has no device");
    TRY(import_register(import, out));
    return spool_go(import->report, 0);
}

err_t import_next_refusal(struct import *import, struct import_refusal *out, bool *is_end)
{
    *is_end = import->report_read == import->report_count;
    if (*is_end) {
        return OK;
    }
    import->report_read++;
    return spool_read(import->report, out, sizeof *out);
}

void import_free(struct import *import)
{
    if (import == NULL) {
        return;
    }
    handover_free(import->parser);
    manifest_signers_free(import->signers);
    spool_free(import->lines);
    spool_free(import->report);
    free(import);
}
