/* The table of what may wait for a second person. Each row's functions live with the action itself; here they
 * are named. */
#include "fleet/approval_kinds.h"

#include <stdio.h>
#include <string.h>

#include "db/device_rows.h"
#include "fleet/access.h"
#include "fleet/authority_import_order.h"
#include "fleet/device_actions.h"
#include "fleet/dual_control.h"
#include "fleet/mass_revoke.h"
#include "fleet/release_steps.h"
#include "fleet/states.h"
#include "fleet/transfers.h"

/* --- device.compromised ------------------------------------------------------------------------------ */

/* Not the version of its row: a device that renews its certificate cannot undo a request about itself. */
static err_t compromised_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    struct device_order order;
    struct device_row device;
    char product[UUID_TEXT_SIZE];
    TRY(device_order_read(this->request, &order));
    TRY(device_rows_find(tx, this->terms->tenant, &order.id, &device));
    uuid_format(device.product, product);
    TRY(json_set_hex(out, "device", BYTES_OF(device.id.b)));
    TRY(json_set_text(out, "state", device_state_name(device.state)));
    return json_set_text(out, "product", product);
}

static err_t compromised_execute(struct db_tx *tx, const struct approval_case *this,
                                 struct approval_outcome *out)
{
    struct device_order order;
    struct device_row device;
    TRY(device_order_read(this->request, &order));
    TRY(device_act_in(tx, this->terms, &order, &device, &out->revoked));
    hex_encode(BYTES_OF(device.id.b), out->result);
    return OK;
}

/* --- the table --------------------------------------------------------------------------------------- */

static const struct approval_kind kinds[] = {
    {"devices.revoke_many", APPROVAL_REVOKE_MANY, SCOPE_CERTIFICATES_REVOKE, mass_revoke_subject,
     mass_revoke_execute},
    {"device.compromised", APPROVAL_COMPROMISED, SCOPE_CERTIFICATES_REVOKE, compromised_subject,
     compromised_execute},
    {"transfer.offer", APPROVAL_TRANSFER_OFFER, SCOPE_CERTIFICATES_REVOKE, transfer_offer_subject,
     transfer_offer_execute},
    {"transfer.accept", APPROVAL_TRANSFER_ACCEPT, SCOPE_DEVICES_WRITE, transfer_accept_subject,
     transfer_accept_execute},
    {"firmware.approve", APPROVAL_FIRMWARE, SCOPE_FIRMWARE_RELEASE, release_approve_subject,
     release_approve_execute},
    {"authority.create", APPROVAL_AUTHORITY_CREATE, SCOPE_ADMIN, authority_order_subject,
     authority_order_execute},
    {"authority.change", APPROVAL_AUTHORITY_CHANGE, SCOPE_ADMIN, authority_order_subject,
     authority_order_execute},
    {"authority.import", APPROVAL_AUTHORITY_IMPORT, SCOPE_ADMIN, authority_import_subject,
     authority_import_execute},
    {"authority.roll", APPROVAL_AUTHORITY_ROLL, SCOPE_ADMIN, authority_order_subject,
     authority_order_execute},
    {"authority.compromised", APPROVAL_AUTHORITY_COMPROMISED, SCOPE_ADMIN, authority_order_subject,
     authority_order_execute},
    {"dual_control.change", APPROVAL_DUAL_CONTROL, SCOPE_ADMIN, dual_control_subject, dual_control_execute},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

const struct approval_kind *approval_kind_at(size_t index)
{
    return index < KIND_COUNT ? &kinds[index] : NULL;
}

const struct approval_kind *approval_kind_of(enum approval_bit bit)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].bit == bit) {
            return &kinds[i];
        }
    }
    return NULL;
}

const struct approval_kind *approval_kind_named(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

err_t approval_kind_parse(struct bytes word, uint32_t *bit)
{
    AUTO_VAL(buf) known = {0};
    for (size_t i = 0; i < KIND_COUNT; i++) {
        bool is_setting = kinds[i].bit != APPROVAL_DUAL_CONTROL;
        if (is_setting && bytes_is(word, kinds[i].name)) {
            *bit = (uint32_t)kinds[i].bit;
            return OK;
        }
        if (is_setting) {
            TRY(buf_printf(&known, "%s%s", known.n == 0 ? "" : ", ", kinds[i].name));
        }
    }
    return ERR(ERR_UNPROCESSABLE, "no such kind of action; known: %s", buf_str(&known));
}
