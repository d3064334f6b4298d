/* The row of one device, read and written for what is no offer. */
#include "fleet/firmware_self.h"

#include <stdio.h>
#include <string.h>

#include "fleet/event.h"
#include "fleet/firmware_describe.h"
#include "fleet/internal.h"
#include "fleet/names.h"

struct self_run {
    const struct contact *contact;
    struct firmware_owner owner;
    char version[FIRMWARE_INSTALLED_VERSION_SIZE];
    int64_t open_action;
    bool is_same;
};

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct self_run *run = arg;
    struct device_firmware_row row;
    TRY(device_firmware_rows_read(tx, &run->owner, &row));
    run->open_action = row.open_action;
    run->is_same = strcmp(row.installed_version, run->version) == 0;
    return OK;
}

err_t firmware_open_action(struct fleet *fleet, const struct contact *contact, int64_t *out)
{
    struct self_run run = {.contact = contact, .owner = firmware_owner_of(contact)};
    *out = 0;
    TRY(firmware_check_contact(contact));
    TRY(db_read(fleet->db, look_in, &run));
    ENSURE(run.open_action != 0, ERR_NOT_FOUND, "no action is open");
    *out = run.open_action;
    return OK;
}

/* --- what it said ------------------------------------------------------------------------------------ */

struct said_run {
    struct firmware_owner owner;
    int64_t action;
    json_t *out;
};

static err_t take_text(const struct firmware_report_row *row, void *arg)
{
    const struct said_run *run = arg;
    json_t *text = row->text[0] == '\0' ? NULL : json_string(row->text);
    if (text == NULL) {
        return OK;
    }
    ENSURE(json_array_insert_new(run->out, 0, text) == 0, ERR_NO_MEMORY, "what a device said");
    return OK;
}

static err_t said_in(struct db_tx *tx, void *arg)
{
    struct said_run *run = arg;
    struct firmware_action_row action;
    TRY(firmware_action_rows_find(tx, &run->owner, run->action, &action));
    (void)json_array_clear(run->out);
    return firmware_report_rows_list(tx, &run->owner, run->action, take_text, run);
}

err_t firmware_said(struct fleet *fleet, const struct contact *contact, int64_t action, json_t *out)
{
    struct said_run run = {.owner = firmware_owner_of(contact), .action = action, .out = out};
    TRY(firmware_check_contact(contact));
    return db_read(fleet->db, said_in, &run);
}

/* --- given elsewhere --------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct self_run *run)
{
    char id[2 * DEVICE_ID_SIZE + 1], actor[ACTOR_SIZE];
    hex_encode(BYTES_OF(run->owner.device.b), id);
    (void)snprintf(actor, sizeof actor, "device:%s", id);
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "version", run->version));
    struct event event = {.kind = "firmware.installed_offline",
                          .result = "ok",
                          .actor = actor,
                          .request_id = "",
                          .tenant = &run->owner.tenant,
                          .device = &run->owner.device};
    return event_append_value(tx, &event, body);
}

static err_t store_in(struct db_tx *tx, void *arg)
{
    struct self_run *run = arg;
    struct device_firmware_row row;
    TRY(look_in(tx, run));
    if (run->is_same) {
        return OK;
    }
    TRY(device_firmware_rows_read(tx, &run->owner, &row));
    (void)snprintf(row.installed_version, sizeof row.installed_version, "%s", run->version);
    row.has_installed = false;
    row.installed_action = 0;
    row.installed_at = db_tx_now_ms(tx);
    TRY(device_firmware_rows_put(tx, &row));
    return record(tx, run);
}

err_t firmware_installed_offline(struct fleet *fleet, const struct contact *contact, const char *version)
{
    struct self_run run = {.contact = contact, .owner = firmware_owner_of(contact)};
    TRY(firmware_check_contact(contact));
    ENSURE(version[0] != '\0', ERR_UNPROCESSABLE, "a version is missing");
    TRY(text_copy(bytes_str(version), "version", run.version, sizeof run.version));
    TRY(db_read(fleet->db, look_in, &run));
    return run.is_same ? OK : db_write(fleet->db, store_in, &run);
}
