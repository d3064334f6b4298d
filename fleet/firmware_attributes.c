/* What a device says of itself (configData). The same again is not written. */
#include <stdlib.h>
#include <string.h>

#include "fleet/firmware_describe.h"
#include "fleet/internal.h"

enum { NAME_MAX_BYTES = 128, VALUE_MAX_BYTES = 512, COUNT_MAX = 100 };

static err_t check(const json_t *attributes)
{
    const char *name = NULL;
    json_t *value = NULL;
    ENSURE(json_is_object(attributes), ERR_UNPROCESSABLE, "the attributes are an object of texts");
    ENSURE(json_object_size(attributes) <= COUNT_MAX, ERR_TOO_LARGE, "a device has %d attributes at most",
           COUNT_MAX);
    json_object_foreach((json_t *)(uintptr_t)attributes, name, value)
    {
        size_t n = strlen(name);
        ENSURE(n >= 1 && n <= NAME_MAX_BYTES, ERR_UNPROCESSABLE, "an attribute's name has 1 to %d bytes",
               NAME_MAX_BYTES);
        ENSURE(json_is_string(value), ERR_UNPROCESSABLE, "an attribute is a text");
        ENSURE(json_string_length(value) <= VALUE_MAX_BYTES &&
                   strlen(json_string_value(value)) == json_string_length(value),
               ERR_UNPROCESSABLE, "an attribute has %d bytes at most, and none of them is 0",
               VALUE_MAX_BYTES);
    }
    return OK;
}

struct run {
    struct firmware_owner owner;
    enum attributes_mode mode;
    const json_t *attributes;
    bool is_same;
};

static err_t combine(const struct run *run, json_t *known)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (run->mode == ATTRIBUTES_REPLACE) {
        ENSURE(json_object_clear(known) == 0, ERR_NO_MEMORY, "attributes");
    }
    json_object_foreach((json_t *)(uintptr_t)run->attributes, name, value)
    {
        if (run->mode == ATTRIBUTES_REMOVE) {
            (void)json_object_del(known, name);
        } else {
            TRY(json_set_text(known, name, json_string_value(value)));
        }
    }
    ENSURE(json_object_size(known) <= COUNT_MAX, ERR_TOO_LARGE, "a device has %d attributes at most",
           COUNT_MAX);
    return OK;
}

static err_t change(struct db_tx *tx, struct run *run, struct device_firmware_row *row)
{
    AUTO_VAL(buf) text = {0};
    TRY(device_firmware_rows_read(tx, &run->owner, row));
    AUTO(json_t) *known = json_loads(row->attributes, 0, NULL);
    ENSURE(json_is_object(known), ERR_DB, "the stored attributes are not readable");
    TRY(combine(run, known));
    char *sorted = json_dumps(known, JSON_COMPACT | JSON_SORT_KEYS);
    ENSURE(sorted != NULL, ERR_NO_MEMORY, "attributes");
    err_t kept = buf_append(&text, sorted, strlen(sorted) + 1);
    free(sorted);
    TRY(kept);
    ENSURE(text.n <= sizeof row->attributes, ERR_TOO_LARGE,
           "the attributes of a device have %zu bytes at most", sizeof row->attributes - 1);
    run->is_same = row->attributes_at != 0 && strcmp((const char *)text.p, row->attributes) == 0;
    memcpy(row->attributes, text.p, text.n);
    return OK;
}

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct device_firmware_row row;
    return change(tx, arg, &row);
}

static err_t set_in(struct db_tx *tx, void *arg)
{
    struct device_firmware_row row;
    TRY(change(tx, arg, &row));
    row.attributes_at = db_tx_now_ms(tx);
    return device_firmware_rows_put(tx, &row);
}

err_t firmware_attributes_set(struct fleet *fleet, const struct contact *contact, enum attributes_mode mode,
                              const json_t *attributes)
{
    struct run run = {.owner = firmware_owner_of(contact), .mode = mode, .attributes = attributes};
    TRY(firmware_check_contact(contact));
    TRY(check(attributes));
    TRY(db_read(fleet->db, look_in, &run));
    return run.is_same ? OK : db_write(fleet->db, set_in, &run);
}
