/* Images stay, are held, withdrawn, given back and deleted. The bytes go when nobody names them any more
 * (fleet/blob_jobs.c). */
#include <stdio.h>
#include <string.h>

#include "firmware_store/image.h"
#include "fleet/alarms.h"
#include "fleet/blobs_internal.h"
#include "fleet/event.h"
#include "fleet/image_event.h"
#include "fleet/images.h"

enum { STEP = 32 };
static const char ALARM[] = "firmware.corrupt";

err_t image_event(struct db_tx *tx, const char *kind, const struct actor *actor,
                  const struct firmware_image_row *row)
{
    AUTO(json_t) *body = json_object();
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor != NULL ? actor->name : "whorld",
                          .request_id = actor != NULL ? actor->request_id : "",
                          .tenant = &row->tenant};
    TRY(json_set_uuid(body, "image", row->id));
    TRY(json_set_text(body, "product", row->product_name));
    TRY(json_set_text(body, "filename", row->filename));
    TRY(json_set_text(body, "format", image_format_name((enum image_format)row->format)));
    TRY(json_set_text(body, "version", row->version));
    TRY(json_set_hex(body, "sha256", BYTES_OF(row->sha256.b)));
    TRY(json_set_int(body, "size", row->size));
    if (row->is_derived) {
        TRY(json_set_uuid(body, "derived_from", row->derived_from));
    }
    TRY(json_set_time_if(body, "hold_until", row->hold_until));
    TRY(json_set_int(body, "ver", row->ver));
    return event_append_value(tx, &event, body);
}

/* --- withdrawn and given back --------------------------------------------------------------------------- */

struct some {
    struct firmware_image_row rows[STEP];
    size_t count;
};

static err_t take(const struct firmware_image_row *row, void *arg)
{
    struct some *some = arg;
    some->rows[some->count++] = *row;
    return OK;
}

static err_t turn(struct db_tx *tx, struct firmware_image_row *row, enum firmware_image_state state)
{
    bool is_bad = state == FIRMWARE_IMAGE_WITHDRAWN;
    char id[UUID_TEXT_SIZE];
    char detail[ALARM_DETAIL_SIZE];
    if (row->state == state) {
        return OK;
    }
    row->state = state;
    row->updated_at = db_tx_now_ms(tx);
    TRY(firmware_image_rows_update(tx, row));
    TRY(image_event(tx, is_bad ? "firmware.image_withdrawn" : "firmware.image_restored", NULL, row));
    uuid_format(row->id, id);
    (void)snprintf(detail, sizeof detail, "the stored bytes of %s (%s %s) are not what they were",
                   row->filename, row->product_name, row->version);
    const struct alarm alarm = {
        .kind = ALARM, .subject = id, .tenant = &row->tenant, .severity = ALARM_CRITICAL, .detail = detail};
    return is_bad ? alarm_raise(tx, &alarm) : alarm_clear(tx, &alarm);
}

static err_t turn_all(struct db_tx *tx, const struct sha256 *name, enum firmware_image_state state)
{
    struct some *some = NULL;
    AUTO_VAL(buf) memory = {0}; /* the rows are too long for the stack of a writer */
    TRY(buf_reserve(&memory, sizeof *some));
    some = (struct some *)(void *)memory.p;
    struct uuid after;
    bool has_after = false;
    do {
        some->count = 0;
        TRY(firmware_image_rows_list_bytes(tx, name, has_after ? &after : NULL, STEP, take, some));
        for (size_t i = 0; i < some->count; i++) {
            after = some->rows[i].id;
            has_after = true;
            TRY(turn(tx, &some->rows[i], state));
        }
    } while (some->count == STEP);
    return firmware_image_rows_tell_rollouts(tx);
}

err_t images_withdraw(struct db_tx *tx, const struct sha256 *name)
{
    return turn_all(tx, name, FIRMWARE_IMAGE_WITHDRAWN);
}

err_t images_give_back(struct db_tx *tx, const struct sha256 *name)
{
    return turn_all(tx, name, FIRMWARE_IMAGE_READY);
}

/* --- held ----------------------------------------------------------------------------------------------- */

struct run {
    const struct terms *terms;
    struct uuid id;
    const struct image_change *change;
    struct firmware_image_row *out;
};

static err_t change_in(struct db_tx *tx, void *arg)
{
    const struct run *run = arg;
    struct firmware_image_row *row = run->out;
    const struct image_change *change = run->change;
    TRY(firmware_image_rows_find(tx, run->terms->tenant, run->id, row));
    TRY(terms_check_version(run->terms, row->ver));
    bool is_shorter =
        change->has_hold_until && change->hold_until < row->hold_until && row->hold_until > db_tx_now_ms(tx);
    ENSURE(!is_shorter || change->may_shorten, ERR_FORBIDDEN,
           "to end a hold sooner needs the scope firmware:release");
    row->hold_until = change->has_hold_until ? change->hold_until : row->hold_until;
    if (change->hold_reason != NULL) {
        (void)snprintf(row->hold_reason, sizeof row->hold_reason, "%s", change->hold_reason);
    }
    row->updated_at = db_tx_now_ms(tx);
    TRY(firmware_image_rows_update(tx, row));
    return image_event(tx, "firmware.image_changed", &run->terms->actor, row);
}

err_t image_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                   const struct image_change *change, struct firmware_image_row *out)
{
    struct run run = {.terms = terms, .id = id, .change = change, .out = out};
    if (change->hold_reason != NULL && strlen(change->hold_reason) >= FIRMWARE_IMAGE_REASON_SIZE) {
        faults_add(terms->faults, "/hold_reason", "a reason has at most %d bytes",
                   FIRMWARE_IMAGE_REASON_SIZE - 1);
    }
    TRY(faults_error(terms->faults));
    return db_write(fleet->db, change_in, &run);
}

err_t image_hold(struct db_tx *tx, struct uuid tenant, struct uuid id, int64_t until, const char *reason)
{
    struct firmware_image_row row;
    TRY(firmware_image_rows_find(tx, tenant, id, &row));
    if (row.hold_until >= until) {
        return OK;
    }
    row.hold_until = until;
    (void)snprintf(row.hold_reason, sizeof row.hold_reason, "%s", reason);
    row.updated_at = db_tx_now_ms(tx);
    TRY(firmware_image_rows_update(tx, &row));
    return image_event(tx, "firmware.image_changed", NULL, &row);
}

err_t image_count_release(struct db_tx *tx, struct uuid tenant, struct uuid id, int by)
{
    struct firmware_image_row row;
    TRY(firmware_image_rows_find(tx, tenant, id, &row));
    ENSURE(by < 0 || row.state == FIRMWARE_IMAGE_READY, ERR_WRONG_STATE,
           "the image is withdrawn: its stored bytes are corrupt; upload it again");
    ENSURE(row.releases + by >= 0, ERR_INTERNAL, "an image is let go more often than it was named");
    row.releases += by;
    return firmware_image_rows_update(tx, &row);
}

/* --- deleted -------------------------------------------------------------------------------------------- */

static err_t found_derived(const struct firmware_image_row *row, void *arg)
{
    (void)row;
    *(bool *)arg = true;
    return OK;
}

static err_t check_free(struct db_tx *tx, const struct firmware_image_row *row)
{
    bool has_derived = false;
    char until[32];
    time_format(row->hold_until, until);
    ENSURE(row->releases == 0, ERR_WRONG_STATE,
           "%lld releases name the image; it can be deleted when none does", (long long)row->releases);
    ENSURE(row->hold_until <= db_tx_now_ms(tx), ERR_WRONG_STATE, "the image is held until %s", until);
    TRY(firmware_image_rows_list_derived(tx, row->id, 1, found_derived, &has_derived));
    ENSURE(!has_derived, ERR_WRONG_STATE, "a signed image was made of it: delete that one first");
    return OK;
}

static err_t delete_in(struct db_tx *tx, void *arg)
{
    const struct run *run = arg;
    struct firmware_image_row *row = run->out;
    char id[UUID_TEXT_SIZE];
    TRY(firmware_image_rows_find(tx, run->terms->tenant, run->id, row));
    TRY(terms_check_version(run->terms, row->ver));
    TRY(check_free(tx, row));
    TRY(firmware_image_rows_delete(tx, row->tenant, row->id));
    TRY(blob_release(tx, &row->sha256));
    uuid_format(row->id, id);
    const struct alarm alarm = {.kind = ALARM, .subject = id, .tenant = &row->tenant};
    TRY(alarm_clear(tx, &alarm));
    return image_event(tx, "firmware.image_deleted", &run->terms->actor, row);
}

err_t image_delete(struct fleet *fleet, const struct terms *terms, struct uuid id)
{
    struct firmware_image_row row;
    struct run run = {.terms = terms, .id = id, .out = &row};
    return db_write(fleet->db, delete_in, &run);
}
