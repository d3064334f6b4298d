/* Releases: drafted, changed, removed, looked at. The steps are in release_steps.c. */
#include "fleet/releases.h"

#include <stdio.h>
#include <string.h>

#include "db/rollout_rows.h"
#include "fleet/blobs.h"
#include "fleet/event.h"
#include "fleet/images.h"
#include "fleet/internal.h"
#include "fleet/release_publish.h"

static const char OP_KIND[] = "firmware_release.add";

struct release_run {
    const struct terms *terms;
    const struct release_change *change;
    struct uuid id;
    struct release *out;
};

/* --- shared --------------------------------------------------------------------------------------------- */

err_t release_load(struct db_tx *tx, struct uuid tenant, struct uuid id, struct release *out)
{
    TRY(firmware_release_rows_find(tx, tenant, id, &out->row));
    return firmware_release_rows_images(tx, id, &out->images);
}

err_t release_record(struct db_tx *tx, const struct firmware_release_row *row, const struct actor *actor,
                     const char *kind)
{
    AUTO(json_t) *body = json_object();
    TRY(json_set_uuid(body, "release", row->id));
    TRY(json_set_text(body, "product", row->product_name));
    TRY(json_set_text(body, "class", row->class));
    TRY(json_set_text(body, "version", row->version));
    TRY(json_set_int(body, "sequence", row->sequence));
    TRY(json_set_int(body, "counter", row->counter));
    TRY(json_set_text(body, "kind", release_kind_name(row->kind)));
    TRY(json_set_text(body, "state", release_state_name(row->state)));
    if (row->has_subject) {
        TRY(json_set_hex(body, "subject_sha256", BYTES_OF(row->subject_sha256.b)));
    }
    if (row->has_manifest) {
        TRY(json_set_hex(body, "manifest_sha256", BYTES_OF(row->manifest_sha256.b)));
    }
    if (row->reason[0] != '\0') {
        TRY(json_set_text(body, "reason", row->reason));
    }
    TRY(json_set_int(body, "ver", row->ver));
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant};
    return event_append_value(tx, &event, body);
}

static bool has_image(const struct firmware_release_images *images, struct uuid id)
{
    for (size_t i = 0; i < images->count; i++) {
        bool is_signed = images->rows[i].has_signed && uuid_equal(images->rows[i].signed_image, id);
        if (is_signed || uuid_equal(images->rows[i].image, id)) {
            return true;
        }
    }
    return false;
}

/* Counts those of `of` that `other` does not name: each image once, whether as uploaded or as signed. */
static err_t count_only_in(struct db_tx *tx, struct uuid tenant, const struct firmware_release_images *of,
                           const struct firmware_release_images *other, int by)
{
    for (size_t i = 0; i < of->count; i++) {
        const struct firmware_release_image_row *row = &of->rows[i];
        if (!has_image(other, row->image)) {
            TRY(image_count_release(tx, tenant, row->image, by));
        }
        if (row->has_signed && !uuid_equal(row->signed_image, row->image) &&
            !has_image(other, row->signed_image)) {
            TRY(image_count_release(tx, tenant, row->signed_image, by));
        }
    }
    return OK;
}

err_t release_count_images(struct db_tx *tx, struct uuid tenant, const struct firmware_release_images *before,
                           const struct firmware_release_images *now)
{
    TRY(count_only_in(tx, tenant, now, before, 1));
    return count_only_in(tx, tenant, before, now, -1);
}

/* --- made ----------------------------------------------------------------------------------------------- */

static err_t find_repeat(struct db_tx *tx, const struct release_run *run, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? release_load(tx, run->terms->tenant, id, run->out) : OK;
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct release_run *run = arg;
    struct release *release = run->out;
    static const struct firmware_release_images none = {.count = 0};
    char id[UUID_TEXT_SIZE];
    bool is_repeat = false;
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    run->terms->faults->count = 0; /* it may run again */
    int64_t now_ms = db_tx_now_ms(tx);
    *release = (struct release){.row = {.tenant = run->terms->tenant,
                                        .counter = -1,
                                        .created_at = now_ms,
                                        .updated_at = now_ms,
                                        .ver = 1}};
    (void)snprintf(release->row.created_by, sizeof release->row.created_by, "%s", run->terms->actor.name);
    TRY(release_take(tx, run->terms, run->change, true, release));
    TRY(db_tx_uuid(tx, &release->row.id));
    TRY(firmware_release_rows_insert(tx, &release->row));
    TRY(firmware_release_rows_set_images(tx, release->row.id, &release->images));
    TRY(release_count_images(tx, release->row.tenant, &none, &release->images));
    uuid_format(release->row.id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return release_record(tx, &release->row, &run->terms->actor, "firmware_release.added");
}

err_t release_add(struct fleet *fleet, const struct terms *terms, const struct release_change *change,
                  struct release *out)
{
    struct release_run run = {.terms = terms, .change = change, .out = out};
    return db_write(fleet->db, add_in, &run);
}

/* --- changed -------------------------------------------------------------------------------------------- */

/* Nothing of an approval is left: neither a signature nor a signed image. */
static void become_draft(struct release *release)
{
    struct firmware_release_row *row = &release->row;
    row->state = RELEASE_DRAFT;
    row->has_manifest = false;
    row->approved_by[0] = row->reason[0] = '\0';
    row->approved_at = 0;
    for (size_t i = 0; i < release->images.count; i++) {
        release->images.rows[i].has_signed = false;
    }
}

static err_t change_draft(struct db_tx *tx, const struct release_run *run)
{
    struct release *release = run->out;
    const struct firmware_release_images before = release->images;
    bool had_manifest = release->row.has_manifest;
    become_draft(release);
    TRY(release_take(tx, run->terms, run->change, false, release));
    TRY(firmware_release_rows_set_images(tx, release->row.id, &release->images));
    TRY(release_count_images(tx, release->row.tenant, &before, &release->images));
    return had_manifest ? firmware_release_rows_set_manifest(tx, release->row.id, BYTES_NONE) : OK;
}

/* Whether anything is asked that stands in the manifest. */
static bool is_deep(const struct release_change *change)
{
    return change->product.p != NULL || change->class.p != NULL || change->version.p != NULL ||
           change->has_kind || change->has_sequence || change->has_counter || change->has_min_sequence ||
           change->has_images || change->has_manifest_key || change->has_rollback_of;
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct release_run *run = arg;
    struct release *release = run->out;
    run->terms->faults->count = 0;
    TRY(release_load(tx, run->terms->tenant, run->id, release));
    TRY(terms_check_version(run->terms, release->row.ver));
    enum firmware_release_state state = release->row.state;
    bool may_deep = state == RELEASE_DRAFT || state == RELEASE_APPROVED;
    ENSURE(may_deep || (state != RELEASE_SIGNING && !is_deep(run->change)), ERR_WRONG_STATE,
           "the release is %s; %s", release_state_name(state),
           state == RELEASE_SIGNING ? "it can be changed when it is signed"
                                    : "only support_until, csaf_url and notes can change");
    TRY(is_deep(run->change) || state == RELEASE_DRAFT
            ? change_draft(tx, run)
            : release_take_late(tx, run->terms, run->change, release));
    TRY(release_hold_images(tx, release));
    TRY(firmware_release_rows_update(tx, &release->row));
    TRY(rollout_rows_raise_version(tx));
    return release_record(tx, &release->row, &run->terms->actor, "firmware_release.changed");
}

err_t release_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     const struct release_change *change, struct release *out)
{
    struct release_run run = {.terms = terms, .change = change, .id = id, .out = out};
    return db_write(fleet->db, change_in, &run);
}

static err_t remove_in(struct db_tx *tx, void *arg)
{
    struct release_run *run = arg;
    static const struct firmware_release_images none = {.count = 0};
    struct release release;
    TRY(release_load(tx, run->terms->tenant, run->id, &release));
    TRY(terms_check_version(run->terms, release.row.ver));
    ENSURE(release.row.state == RELEASE_DRAFT, ERR_WRONG_STATE,
           "the release is %s; only a draft can be removed", release_state_name(release.row.state));
    TRY(release.row.has_sbom ? blob_release(tx, &release.row.sbom_sha256) : OK);
    TRY(release_count_images(tx, release.row.tenant, &release.images, &none));
    TRY(firmware_release_rows_delete(tx, release.row.tenant, release.row.id));
    return release_record(tx, &release.row, &run->terms->actor, "firmware_release.removed");
}

err_t release_remove(struct fleet *fleet, const struct terms *terms, struct uuid id)
{
    struct release_run run = {.terms = terms, .id = id};
    return db_write(fleet->db, remove_in, &run);
}

/* --- looked at ------------------------------------------------------------------------------------------ */

struct get {
    struct uuid tenant, id;
    struct release *out;
    struct buf *manifest;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct get *run = arg;
    return release_load(tx, run->tenant, run->id, run->out);
}

err_t release_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct release *out)
{
    struct get run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

static err_t manifest_in(struct db_tx *tx, void *arg)
{
    const struct get *run = arg;
    TRY(release_load(tx, run->tenant, run->id, run->out));
    ENSURE(run->out->row.has_manifest, ERR_NOT_FOUND, "the release is %s: it has no signed manifest",
           release_state_name(run->out->row.state));
    return firmware_release_rows_manifest(tx, run->tenant, run->id, run->manifest);
}

err_t release_manifest(struct fleet *fleet, struct uuid tenant, struct uuid id, struct buf *out, int64_t *ver)
{
    struct release release;
    struct get run = {.tenant = tenant, .id = id, .out = &release, .manifest = out};
    TRY(db_read(fleet->db, manifest_in, &run));
    *ver = release.row.ver;
    return OK;
}

struct list {
    const struct release_view *view;
    const struct row_window *window;
    firmware_release_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    struct firmware_release_filter filter = {.tenant = run->view->tenant,
                                             .has_product = run->view->product != NULL,
                                             .has_state = run->view->state != NULL};
    if (filter.has_state) {
        filter.state = *run->view->state;
    }
    if (filter.has_product) {
        struct product_row product;
        err_t found = product_rows_find(tx, run->view->tenant, bytes_str(run->view->product), &product);
        if (found.code == ERR_NOT_FOUND) {
            return OK;
        }
        TRY(found);
        filter.product = product.id;
    }
    return firmware_release_rows_list(tx, &filter, run->window, run->fn, run->arg);
}

err_t release_list(struct fleet *fleet, const struct release_view *view, const struct row_window *window,
                   firmware_release_row_fn fn, void *arg)
{
    struct list run = {.view = view, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
