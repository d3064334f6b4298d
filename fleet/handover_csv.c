/* CSV with a header line: id or spki, serial, model; every further column becomes an attribute. */
#include <string.h>

#include "base/utf8.h"
#include "fleet/handover_internal.h"

enum { ROLE_ID, ROLE_SPKI, ROLE_SERIAL, ROLE_MODEL };
static const char *const roles[] = {"id", "spki", "serial", "model", NULL};
_Static_assert(sizeof roles / sizeof roles[0] == CSV_ROLES + 1, "a place for each role");

static err_t on_header(struct handover *handover, const struct csv_record *record)
{
    TRY(csv_take_header(handover, record, roles));
    const struct csv_reader *csv = &handover->u.csv;
    ENSURE(csv->roles[ROLE_ID] >= 0 || csv->roles[ROLE_SPKI] >= 0, ERR_UNPROCESSABLE,
           "the header needs a column 'id' or 'spki'");
    for (size_t i = 0; i < csv->name_count; i++) {
        ENSURE(utf8_is_valid(csv_name(csv, i)), ERR_UNPROCESSABLE, "column %zu: its name is not UTF-8",
               i + 1);
    }
    return OK;
}

static bool has_role(const struct csv_reader *csv, size_t column)
{
    for (size_t role = 0; role < CSV_ROLES; role++) {
        if (csv->roles[role] == (int)column) {
            return true;
        }
    }
    return false;
}

static err_t put_attribute(json_t *object, struct bytes name, struct bytes value)
{
    char key[NAME_SIZE];
    memcpy(key, name.p, name.n);
    key[name.n] = '\0';
    ENSURE(utf8_is_valid(value), ERR_UNPROCESSABLE, "'%s' is not UTF-8", key);
    return json_take(object, key, json_stringn((const char *)value.p, value.n));
}

static err_t read_attributes(const struct csv_reader *csv, const struct csv_record *record, struct buf *out)
{
    AUTO(json_t) *object = json_object();
    ENSURE(object != NULL, ERR_NO_MEMORY, "no memory for attributes");
    for (size_t i = 0; i < record->count; i++) {
        if (!has_role(csv, i) && record->fields[i].n > 0) {
            TRY(put_attribute(object, csv_name(csv, i), record->fields[i]));
        }
    }
    return json_object_size(object) == 0 ? OK : json_append(out, object);
}

struct parts {
    struct buf spki, attributes;
};

static void parts_clear(struct parts *parts)
{
    buf_clear(&parts->spki);
    buf_clear(&parts->attributes);
}
DEFINE_AUTO_VAL(parts, parts_clear);

static err_t read_record(const struct handover *handover, const struct csv_record *record,
                         struct parts *parts, struct device_entry *out)
{
    const struct csv_reader *csv = &handover->u.csv;
    struct bytes id = csv_field(handover, record, ROLE_ID);
    struct bytes spki = csv_field(handover, record, ROLE_SPKI);
    out->serial = csv_field(handover, record, ROLE_SERIAL);
    out->model = csv_field(handover, record, ROLE_MODEL);
    ENSURE(record->fault == NULL, ERR_UNPROCESSABLE, "%s", record->fault);
    ENSURE(record->count == csv->name_count, ERR_UNPROCESSABLE, "%zu fields, the header has %zu",
           record->count, csv->name_count);
    ENSURE((id.n > 0) != (spki.n > 0), ERR_UNPROCESSABLE, "give either 'id' or 'spki'");
    if (id.n > 0) {
        ENSURE(hex_decode(id, out->id.b, DEVICE_ID_SIZE).code == ERR_OK, ERR_UNPROCESSABLE,
               "a device id is 64 lower-case hexadecimal characters");
        out->has_id = true;
    } else {
        TRY(base64_decode(spki, &parts->spki));
        out->spki = buf_view(&parts->spki);
    }
    TRY(read_attributes(csv, record, &parts->attributes));
    out->attributes = buf_view(&parts->attributes);
    return OK;
}

static err_t on_record(struct handover *handover, const struct csv_record *record)
{
    AUTO_VAL(parts) parts = {.spki = {0}};
    struct handover_item item = {.line = record->line};
    err_t error = read_record(handover, record, &parts, &item.device);
    return handover_give(handover, &item, error);
}

const struct handover_kind handover_csv = {
    .name = "csv", .cut = CUT_RECORDS, .on_header = on_header, .on_record = on_record};
