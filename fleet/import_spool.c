/* The temporary files of an import: its good lines with their texts, and its report. */
#include <string.h>

#include "base/spool_sort.h"
#include "fleet/import_internal.h"

static void put_number(uint64_t number, uint8_t out[8])
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)number;
        number >>= 8;
    }
}

uint64_t import_number(const uint8_t bytes[8])
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

void import_texts_clear(struct import_texts *texts)
{
    buf_clear(&texts->memory);
}

/* Sizes of four texts, then the texts. */
static err_t write_texts(struct spool *spool, const struct device_entry *device)
{
    const struct bytes texts[4] = {device->spki, device->serial, device->model, device->attributes};
    uint16_t sizes[4];
    for (size_t i = 0; i < 4; i++) {
        ENSURE(texts[i].n <= UINT16_MAX, ERR_UNPROCESSABLE, "a value is too long");
        sizes[i] = (uint16_t)texts[i].n;
    }
    TRY(spool_write(spool, sizes, sizeof sizes));
    for (size_t i = 0; i < 4; i++) {
        TRY(texts[i].n == 0 ? OK : spool_write(spool, texts[i].p, texts[i].n));
    }
    return OK;
}

err_t import_keep(struct import *import, const struct handover_item *item, const struct device_id *id)
{
    const struct device_entry *device = &item->device;
    bool has_texts = device->spki.n + device->serial.n + device->model.n + device->attributes.n > 0;
    enum device_claim claim = item->is_signed ? CLAIM_PROVED : device->spki.n > 0 ? CLAIM_SPKI : CLAIM_LISTED;
    struct import_line line = {.claim = (uint8_t)claim};
    memcpy(line.id, id->b, sizeof line.id);
    put_number(item->line, line.line);
    put_number(has_texts ? (uint64_t)spool_at(import->texts) : IMPORT_NO_TEXTS, line.texts_at);
    TRY(has_texts ? write_texts(import->texts, device) : OK);
    import->line_count++;
    return spool_write(import->lines, &line, sizeof line);
}

err_t import_refuse(struct import *import, const struct import_refusal *refusal)
{
    struct import_refused record;
    memset(&record, 0, sizeof record); /* written as it is, padding too */
    put_number(refusal->line, record.line);
    record.refusal = *refusal;
    import->report_count++;
    return spool_write(import->report, &record, sizeof record);
}

err_t import_read_texts(struct import *import, const struct import_line *line, struct import_texts *out)
{
    uint16_t sizes[4] = {0, 0, 0, 0};
    struct bytes *const texts[4] = {&out->spki, &out->serial, &out->model, &out->attributes};
    uint64_t at = import_number(line->texts_at);
    size_t size = 0;
    if (at != IMPORT_NO_TEXTS) {
        TRY(spool_read_at(import->texts, (int64_t)at, sizes, sizeof sizes));
    }
    for (size_t i = 0; i < 4; i++) {
        size += sizes[i];
    }
    out->memory.n = 0;
    TRY(buf_reserve(&out->memory, size));
    TRY(size == 0 ? OK : spool_read_at(import->texts, (int64_t)(at + sizeof sizes), out->memory.p, size));
    const uint8_t *p = out->memory.p;
    for (size_t i = 0; i < 4; i++) {
        *texts[i] = (struct bytes){p, sizes[i]};
        p += sizes[i];
    }
    return OK;
}

static const char *folder_of(const struct import *import)
{
    const char *folder = import->fleet->options.folder;
    return folder == NULL ? "/tmp" : folder;
}

err_t import_open_files(struct import *import)
{
    TRY(spool_new(folder_of(import), &import->lines));
    TRY(spool_new(folder_of(import), &import->texts));
    return spool_new(folder_of(import), &import->report);
}

static err_t sort(const struct import *import, struct spool **spool, size_t record_size)
{
    struct spool *sorted = NULL;
    TRY(spool_sort(*spool, record_size, folder_of(import), &sorted));
    spool_free(*spool);
    *spool = sorted;
    return OK;
}

err_t import_sort_lines(struct import *import)
{
    TRY(spool_go(import->texts, 0));
    return sort(import, &import->lines, sizeof(struct import_line));
}

err_t import_sort_report(struct import *import)
{
    return sort(import, &import->report, sizeof(struct import_refused));
}
