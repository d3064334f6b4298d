/* Whose name is it? A device polls under its id, under its serial, or under one name of its own, which is its
 * from the first use on where its product allows that. Ids and serials go before such names: a name that
 * turns out to be another device's serial is not good any more. */
#include "fleet/firmware_controller.h"

#include <stdio.h>
#include <string.h>

#include "db/device_rows.h"
#include "db/firmware_controller_rows.h"
#include "fleet/event.h"
#include "fleet/firmware_offers.h"
#include "fleet/firmware_policy.h"
#include "fleet/internal.h"

static const char not_its[] = "the device does not poll under this name";

struct controller_run {
    const struct device_row *device;
    const char *controller;
    bool is_its; /* it has this name already */
};

/* Clients put it into paths as it is, so it needs no escaping there. */
static bool is_name(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@+=,");
    return n > 0 && n < FIRMWARE_CONTROLLER_SIZE && text[n] == '\0' && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

static bool is_id_shaped(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF") == 2 * (size_t)DEVICE_ID_SIZE &&
           text[2 * DEVICE_ID_SIZE] == '\0';
}

static bool is_its_id(const struct device_row *device, const char *controller)
{
    char id[2 * DEVICE_ID_SIZE + 1];
    hex_encode(BYTES_OF(device->id.b), id);
    return strcmp(id, controller) == 0;
}

/* @errors ERR_NOT_FOUND it has another one, or may not have this */
static err_t judge(struct db_tx *tx, struct controller_run *run)
{
    const struct device_row *device = run->device;
    char name[FIRMWARE_CONTROLLER_SIZE];
    struct device_id holder;
    struct firmware_policy_row policy;
    bool is_serial = false;
    TRY(firmware_controller_rows_of(tx, device->tenant, &device->id, name));
    run->is_its = strcmp(name, run->controller) == 0;
    ENSURE(run->is_its || name[0] == '\0', ERR_NOT_FOUND, "%s", not_its);
    TRY(firmware_controller_rows_is_serial(tx, device->tenant, run->controller, &device->id, &is_serial));
    ENSURE(!is_serial, ERR_NOT_FOUND, "%s", not_its);
    if (run->is_its) {
        return OK;
    }
    err_t found = firmware_controller_rows_find(tx, device->tenant, run->controller, &holder);
    ENSURE(found.code != ERR_OK, ERR_NOT_FOUND, "%s", not_its);
    TRY(found.code == ERR_NOT_FOUND ? OK : found);
    TRY(firmware_policy_of(tx, device->tenant, device->product, &policy));
    ENSURE(policy.first_use_alias, ERR_NOT_FOUND, "%s", not_its);
    return OK;
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    return judge(tx, arg);
}

static err_t record(struct db_tx *tx, const struct device_row *device, const struct actor *actor,
                    const char *kind, const char *controller)
{
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &device->tenant,
                          .device = &device->id};
    return event_append(tx, &event, "{\"controller\":\"%s\"}", controller);
}

static err_t take_in(struct db_tx *tx, void *arg)
{
    struct controller_run *run = arg;
    const struct device_row *device = run->device;
    char id[2 * DEVICE_ID_SIZE + 1];
    struct actor actor = {.request_id = ""};
    bool is_set = false;
    TRY(judge(tx, run));
    if (run->is_its) {
        return OK; /* by another connection of it, just now */
    }
    TRY(firmware_controller_rows_set(tx, device->tenant, &device->id, run->controller, &is_set));
    ENSURE(is_set, ERR_NOT_FOUND, "%s", not_its);
    hex_encode(BYTES_OF(device->id.b), id);
    (void)snprintf(actor.name, sizeof actor.name, "device:%s", id);
    return record(tx, device, &actor, "firmware.name_taken", run->controller);
}

err_t firmware_controller_check(struct fleet *fleet, const struct contact *contact, const char *controller)
{
    const struct device_row *device = &contact->device;
    ENSURE(contact->is_known, ERR_NOT_FOUND, "%s", not_its);
    bool is_its_serial = device->serial[0] != '\0' && strcmp(device->serial, controller) == 0;
    if (is_its_id(device, controller) || is_its_serial) {
        return OK;
    }
    ENSURE(is_name(controller) && !is_id_shaped(controller), ERR_NOT_FOUND, "%s", not_its);
    struct controller_run run = {.device = device, .controller = controller};
    TRY(db_read(fleet->db, read_in, &run));
    if (run.is_its) {
        return OK;
    }
    err_t taken = db_write(fleet->db, take_in, &run);
    ENSURE(taken.code != ERR_CONFLICT, ERR_NOT_FOUND, "%s", not_its); /* another node was faster */
    return taken;
}

/* --- taken back -------------------------------------------------------------------------------------- */

struct clear_run {
    const struct terms *terms;
    const struct device_id *device;
};

static err_t clear_in(struct db_tx *tx, void *arg)
{
    const struct clear_run *run = arg;
    struct device_row device;
    char name[FIRMWARE_CONTROLLER_SIZE];
    bool is_set = false;
    TRY(device_rows_find(tx, run->terms->tenant, run->device, &device));
    TRY(firmware_controller_rows_of(tx, device.tenant, &device.id, name));
    if (name[0] == '\0') {
        return OK;
    }
    TRY(firmware_controller_rows_set(tx, device.tenant, &device.id, "", &is_set));
    return record(tx, &device, &run->terms->actor, "firmware.name_cleared", name);
}

err_t firmware_controller_clear(struct fleet *fleet, const struct terms *terms,
                                const struct device_id *device)
{
    struct clear_run run = {.terms = terms, .device = device};
    return db_write(fleet->db, clear_in, &run);
}
