/* The frame of every format: which one, how its body is cut, and the guard that ends a body with private keys
 * before anything of them is kept. */
#include "fleet/handover_internal.h"

#include <stdlib.h>
#include <string.h>

#include "pki/certificate.h"
#include "pki/foreign_certificate.h"

/* No other P than the first: after a mismatch the search begins anew. */
static const char PRIVATE_KEY_MARK[] = "PRIVATE KEY";

static const struct handover_kind *const kinds[] = {
    [HANDOVER_QUARKLINK] = &handover_quarklink, [HANDOVER_CSV] = &handover_csv,
    [HANDOVER_JSONL] = &handover_jsonl,         [HANDOVER_MICROCHIP] = &handover_microchip,
    [HANDOVER_ESPRESSIF] = &handover_espressif, [HANDOVER_INFINEON] = &handover_infineon,
};

bool handover_format_find(const char *name, enum handover_format *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            *out = (enum handover_format)i;
            return true;
        }
    }
    return false;
}

err_t handover_new(enum handover_format format, const struct handover_options *options, struct handover **out)
{
    *out = NULL;
    struct handover *handover = calloc(1, sizeof *handover);
    ENSURE(handover != NULL, ERR_NO_MEMORY, "no memory for an import");
    handover->options = *options;
    handover->kind = kinds[format];
    if (handover->kind->cut == CUT_RECORDS) {
        handover->u.csv.line = handover->u.csv.record_line = 1;
        handover->u.csv.is_blank = true;
    }
    *out = handover;
    return OK;
}

void handover_free(struct handover *handover)
{
    if (handover == NULL) {
        return;
    }
    switch (handover->kind->cut) {
    case CUT_LINES:
        buf_clear(&handover->u.lines.line);
        break;
    case CUT_JSON:
        buf_clear(&handover->u.json.element);
        break;
    case CUT_RECORDS:
        buf_clear(&handover->u.csv.text);
        buf_clear(&handover->u.csv.names);
        break;
    }
    buf_clear(&handover->block);
    free(handover);
}

static err_t guard(struct handover *handover, struct bytes chunk)
{
    size_t seen = handover->guard;
    for (size_t i = 0; i < chunk.n; i++) {
        char c = (char)chunk.p[i];
        seen = c == PRIVATE_KEY_MARK[seen] ? seen + 1 : c == PRIVATE_KEY_MARK[0];
        ENSURE(seen < sizeof PRIVATE_KEY_MARK - 1, ERR_UNPROCESSABLE,
               "the body holds a private key: nothing of it was kept; treat that key as disclosed");
    }
    handover->guard = seen;
    return OK;
}

err_t handover_write(struct handover *handover, struct bytes chunk)
{
    const struct handover_kind *kind = handover->kind;
    TRY(guard(handover, chunk));
    return kind->cut == CUT_LINES  ? lines_write(handover, chunk, kind->on_text)
           : kind->cut == CUT_JSON ? json_cut(handover, chunk)
                                   : csv_write(handover, chunk);
}

err_t handover_finish(struct handover *handover)
{
    const struct handover_kind *kind = handover->kind;
    TRY(kind->cut == CUT_LINES  ? lines_finish(handover, kind->on_text)
        : kind->cut == CUT_JSON ? json_cut_finish(handover)
                                : csv_finish(handover));
    return kind->on_end == NULL ? OK : kind->on_end(handover);
}

err_t handover_give(struct handover *handover, struct handover_item *item, err_t refusal)
{
    if (err_status(refusal.code) >= 500) {
        return refusal;
    }
    item->refusal = refusal;
    return handover->options.fn(item, handover->options.arg);
}

err_t handover_certificate_read(struct bytes pem, struct buf *spki, char common_name[SERIAL_TEXT_SIZE])
{
    _Static_assert((int)FOREIGN_NAME_SIZE == (int)SERIAL_TEXT_SIZE, "a common name fits a serial number");
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(foreign_certificate) certificate = {.key_id_size = 0};
    TRY(certificate_from_pem(pem, &der));
    TRY(foreign_certificate_read(buf_view(&der), &certificate));
    ENSURE(!certificate.is_authority, ERR_UNPROCESSABLE, "the certificate is an authority's, not a device's");
    memcpy(common_name, certificate.common_name, SERIAL_TEXT_SIZE);
    return buf_append_bytes(spki, buf_view(&certificate.spki));
}
