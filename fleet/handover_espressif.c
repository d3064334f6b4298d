/* Espressif's manifest of pre-provisioned modules: MAC,cn,cert with the certificate as PEM in a quoted field.
 * Not signed: the key counts as listed by who sends it. */
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "fleet/handover_internal.h"

enum { ROLE_MAC, ROLE_CN, ROLE_CERT, MAC_TEXT_SIZE = 12 };
static const char *const roles[] = {"MAC", "cn", "cert", NULL};

static err_t on_header(struct handover *handover, const struct csv_record *record)
{
    TRY(csv_take_header(handover, record, roles));
    ENSURE(handover->u.csv.roles[ROLE_MAC] >= 0 && handover->u.csv.roles[ROLE_CERT] >= 0, ERR_UNPROCESSABLE,
           "the header needs the columns 'MAC' and 'cert'");
    return OK;
}

static err_t check_mac(struct bytes mac)
{
    bool is_good = mac.n == MAC_TEXT_SIZE;
    for (size_t i = 0; i < mac.n && is_good; i++) {
        is_good = isxdigit(mac.p[i]) != 0;
    }
    ENSURE(is_good, ERR_UNPROCESSABLE, "the MAC is 12 hexadecimal characters without separators");
    return OK;
}

static err_t put_name(struct bytes name, struct buf *out)
{
    AUTO(json_t) *object = json_object();
    ENSURE(object != NULL, ERR_NO_MEMORY, "no memory for attributes");
    ENSURE(utf8_is_valid(name), ERR_UNPROCESSABLE, "'cn' is not UTF-8");
    TRY(json_take(object, "cn", json_stringn((const char *)name.p, name.n)));
    return json_append(out, object);
}

static err_t read_record(const struct handover *handover, const struct csv_record *record, struct buf *spki,
                         struct device_entry *out)
{
    char common_name[SERIAL_TEXT_SIZE];
    out->serial = csv_field(handover, record, ROLE_MAC);
    ENSURE(record->fault == NULL, ERR_UNPROCESSABLE, "%s", record->fault);
    ENSURE(record->count == handover->u.csv.name_count, ERR_UNPROCESSABLE, "%zu fields, the header has %zu",
           record->count, handover->u.csv.name_count);
    TRY(check_mac(out->serial));
    TRY(handover_certificate_read(csv_field(handover, record, ROLE_CERT), spki, common_name));
    out->spki = buf_view(spki);
    return OK;
}

static err_t on_record(struct handover *handover, const struct csv_record *record)
{
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) attributes = {0};
    struct handover_item item = {.line = record->line};
    struct bytes name = csv_field(handover, record, ROLE_CN);
    err_t error = read_record(handover, record, &spki, &item.device);
    if (error.code == ERR_OK && name.n > 0) {
        error = put_name(name, &attributes);
        item.device.attributes = buf_view(&attributes);
    }
    return handover_give(handover, &item, error);
}

const struct handover_kind handover_espressif = {
    .name = "espressif", .cut = CUT_RECORDS, .on_header = on_header, .on_record = on_record};
