/* Infineon's bundle of an OPTIGA reel: the PEM certificates of the chips, one behind the other (`cat *.pem`).
 * Anything else ends the import: beside the certificates of a bundle lie its keys, which nobody may hand
 * over. */
#include "fleet/handover_internal.h"

static const char BEGIN[] = "-----BEGIN CERTIFICATE-----";
static const char END[] = "-----END CERTIFICATE-----";

static err_t give_block(struct handover *handover)
{
    AUTO_VAL(buf) spki = {0};
    char name[SERIAL_TEXT_SIZE] = "";
    struct handover_item item = {.line = handover->block_line};
    err_t error = handover_certificate_read(buf_view(&handover->block), &spki, name);
    item.device.spki = buf_view(&spki);
    item.device.serial = bytes_str(name);
    handover->block.n = 0;
    handover->block_line = 0;
    return handover_give(handover, &item, error);
}

static err_t on_text(struct handover *handover, uint64_t number, struct bytes text)
{
    bool is_begin = bytes_is(text, BEGIN);
    if (handover->block_line == 0) {
        ENSURE(is_begin || text.n == 0, ERR_UNPROCESSABLE,
               "line %llu is no certificate: send the chips' PEM certificates only, never an archive or a "
               "keys file",
               (unsigned long long)number);
        handover->block_line = is_begin ? number : 0;
    }
    if (text.n == 0) {
        return OK;
    }
    ENSURE(!is_begin || handover->block_line == number, ERR_UNPROCESSABLE,
           "line %llu: a certificate begins within another", (unsigned long long)number);
    ENSURE(handover->block.n + text.n < HANDOVER_PIECE_MAX, ERR_TOO_LARGE,
           "line %llu: the certificate is too long", (unsigned long long)number);
    TRY(buf_append_bytes(&handover->block, text));
    TRY(buf_append(&handover->block, "\n", 1));
    return bytes_is(text, END) ? give_block(handover) : OK;
}

static err_t on_end(struct handover *handover)
{
    ENSURE(handover->block_line == 0, ERR_UNPROCESSABLE, "the body ends within the certificate of line %llu",
           (unsigned long long)handover->block_line);
    return OK;
}

const struct handover_kind handover_infineon = {
    .name = "infineon", .cut = CUT_LINES, .on_text = on_text, .on_end = on_end};
