/* Which bytes a device may have: what it was offered, and what it runs. */
#include <string.h>

#include "fleet/firmware_describe.h"
#include "fleet/firmware_notes.h"
#include "fleet/internal.h"

enum { GRANT_MS = 30 * 1000 }; /* so long a download may go on before the rollout is looked at again */

struct run {
    struct firmware_owner owner;
    const struct uuid *image;
    const struct sha256 *digest;
    struct firmware_grant *out;
    bool is_found, is_good;
};

static bool is_it(const struct run *run, const struct firmware_artifact *artifact)
{
    bool is_image = run->image == NULL || uuid_equal(artifact->image, *run->image);
    bool is_digest =
        run->digest == NULL || memcmp(artifact->digests.sha256.b, run->digest->b, SHA256_SIZE) == 0;
    return is_image && is_digest;
}

static err_t look_at(struct db_tx *tx, struct run *run, int64_t action, bool is_open)
{
    struct firmware_case it;
    struct firmware_artifacts artifacts;
    TRY(firmware_case_read(tx, &run->owner, action, &it));
    TRY(firmware_artifacts_read(tx, it.release.id, &artifacts));
    bool is_cancelling = is_open && firmware_case_state(&it) == ACTION_CANCELLING;
    for (size_t i = 0; i < artifacts.count; i++) {
        if (!run->is_good && is_it(run, &artifacts.items[i])) {
            run->is_found = true;
            run->is_good =
                artifacts.is_good[i] && !is_cancelling && it.release.state != OFFER_RELEASE_WITHDRAWN;
            run->out->artifact = artifacts.items[i];
            run->out->action = action;
        }
    }
    return OK;
}

static err_t grant_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct device_firmware_row firmware;
    run->is_found = run->is_good = false;
    TRY(device_firmware_rows_read(tx, &run->owner, &firmware));
    TRY(firmware.open_action != 0 ? look_at(tx, run, firmware.open_action, true) : OK);
    bool has_other = firmware.installed_action != 0 && !run->is_good;
    return has_other ? look_at(tx, run, firmware.installed_action, false) : OK;
}

err_t firmware_grant(struct fleet *fleet, const struct contact *contact, const struct uuid *image,
                     const struct sha256 *digest, struct firmware_grant *out)
{
    struct run run = {.owner = firmware_owner_of(contact), .image = image, .digest = digest, .out = out};
    *out = (struct firmware_grant){.action = 0};
    TRY(firmware_check_contact(contact));
    ENSURE(image != NULL || digest != NULL, ERR_INTERNAL, "a grant of nothing");
    TRY(db_read(fleet->db, grant_in, &run));
    ENSURE(run.is_found, ERR_NOT_FOUND, "no such image");
    ENSURE(run.is_good, ERR_GONE, "the image was taken back");
    out->device_ver = contact->device.ver;
    out->until = clock_now_ms(fleet->clock) + GRANT_MS;
    return OK;
}

void firmware_fetched(struct fleet *fleet, const struct contact *contact, const struct firmware_grant *grant,
                      int64_t bytes)
{
    const struct firmware_owner owner = firmware_owner_of(contact);
    firmware_notes_fetched(fleet->firmware_notes, &owner, grant->action, bytes);
}
