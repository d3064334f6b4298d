/* The scene with releases and rollouts: devices that are rows poll, fetch and report. */
#ifndef WHORL_TESTS_FLEET_ROLLOUT_SCENE_H
#define WHORL_TESTS_FLEET_ROLLOUT_SCENE_H

#include "tests/unit/fleet/rekey_scene.h"

#include "db/row_values.h"
#include "fleet/course_figures.h"
#include "fleet/firmware_actions.h"
#include "fleet/firmware_notes.h"
#include "fleet/firmware_offers.h"
#include "fleet/rollout_live.h"
#include "fleet/rollouts.h"

/* --- releases: as they are once they are published ------------------------------------------------------ */

struct test_release {
    struct scene *scene;
    const char *version, *hardware_class;
    int64_t sequence, counter, min_sequence, kind;
    struct uuid id, image;
    struct sha256 bytes;
};

static const char SQL_BLOB[] =
    "INSERT INTO firmware_blob (sha256, sha1, md5, size, state, uses, created_at, checked_at, ver) VALUES "
    "($1, $2, $3, 100, 0, 1, 1, 1, 1)";
static const char SQL_IMAGE[] =
    "INSERT INTO firmware_image (id, tenant, product, sha256, size, filename, format, version, counter, "
    "facts, state, releases, hold_reason, created_by, created_at, updated_at, ver) VALUES ($1, $2, $3, $4, "
    "100, 'fw.bin', 0, '', -1, '{}', 0, 1, '', 'test', 1, 1, 1)";
static const char SQL_RELEASE[] =
    "INSERT INTO firmware_release (id, tenant, product, class, version, state, kind, sequence, counter, "
    "min_sequence, manifest, manifest_sha256, csaf_url, notes, sbom_type, reason, created_by, approved_by, "
    "created_at, updated_at, ver) VALUES ($1, $2, $3, $4, $5, 3, $6, $7, $8, $9, $10, $11, '', '', '', '', "
    "'test', 'test', 1, 1, 1)";
static const char SQL_RELEASE_IMAGE[] =
    "INSERT INTO firmware_release_image (release, place, image, part, recipe) VALUES ($1, 0, $2, '', '')";

static inline err_t release_insert(struct db_tx *tx, void *arg)
{
    struct test_release *release = arg;
    const struct uuid tenant = release->scene->tenants[0].id, product = release->scene->products[0].id;
    TRY(db_tx_uuid(tx, &release->id));
    TRY(db_tx_uuid(tx, &release->image));
    TRY(sha256_of(BYTES_OF(release->image.b), &release->bytes));
    const struct db_value bytes = DB_B(release->bytes.b, 32);
    TRY(db_change(tx, SQL_BLOB, DB_VALUES(bytes, DB_B(release->bytes.b, 20), DB_B(release->bytes.b, 16)),
                  NULL));
    TRY(db_change(tx, SQL_IMAGE,
                  DB_VALUES(db_uuid(&release->image), db_uuid(&tenant), db_uuid(&product), bytes), NULL));
    TRY(db_change(tx, SQL_RELEASE,
                  DB_VALUES(db_uuid(&release->id), db_uuid(&tenant), db_uuid(&product),
                            DB_T(release->hardware_class), DB_T(release->version), DB_I(release->kind),
                            DB_I(release->sequence), DB_I(release->counter), DB_I(release->min_sequence),
                            DB_B("m", 1), bytes),
                  NULL));
    return db_change(tx, SQL_RELEASE_IMAGE, DB_VALUES(db_uuid(&release->id), db_uuid(&release->image)), NULL);
}

static inline void release_make(struct scene *scene, struct test_release *release)
{
    release->scene = scene;
    release->hardware_class = release->hardware_class != NULL ? release->hardware_class : "";
    assert_ok(db_write(scene->db, release_insert, release));
}

/* --- rollouts ------------------------------------------------------------------------------------------- */

static inline err_t try_rollout(struct scene *scene, const struct test_release *release, const char *text,
                                struct faults *faults, struct rollout *out)
{
    struct terms terms = terms_of(scene, 0);
    AUTO(json_t) *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    *faults = (struct faults){.count = 0};
    terms.faults = faults;
    if (json_object_get(document, "filter") == NULL) {
        assert_int_equal(json_object_set_new(document, "filter", json_pack("{s:b}", "all", 1)), 0);
    }
    assert_ok(json_set_uuid(document, "release_id", release->id));
    return rollout_add(scene->fleet, &terms, document, out);
}

static inline err_t order_rollout(struct scene *scene, const struct rollout *rollout,
                                  enum rollout_order order)
{
    struct rollout after;
    const struct terms terms = terms_of(scene, 0);
    return rollout_order(scene->fleet, &terms, rollout->row.id, order, &after);
}

static inline void start_rollout(struct scene *scene, const struct test_release *release, const char *text,
                                 struct rollout *out)
{
    struct faults faults;
    assert_ok(try_rollout(scene, release, text, &faults, out));
    assert_ok(order_rollout(scene, out, ROLLOUT_ORDER_START));
}

static inline void read_rollout(struct scene *scene, struct rollout *rollout)
{
    struct rollout before = *rollout;
    assert_ok(rollout_get(scene->fleet, scene->tenants[0].id, before.row.id, rollout));
}

/** The line of a rollout's or a plan's devices in the figures. @param name "whorl_rollout_devices{rollout"
 * @return -1: there is none */
static inline int64_t course_figure(struct scene *scene, const char *name, struct uuid id, const char *state)
{
    AUTO_VAL(buf) text = {0};
    char id_text[UUID_TEXT_SIZE], line[160];
    uuid_format(id, id_text);
    (void)snprintf(line, sizeof line, "\n%s=\"%s\",state=\"%s\"} ", name, id_text, state);
    assert_ok(course_figures_write(scene->fleet, &text));
    const char *found = strstr(buf_str(&text), line);
    return found != NULL ? strtoll(found + strlen(line), NULL, 10) : -1;
}

static inline int64_t courses_running(struct scene *scene, const char *name)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(course_figures_write(scene->fleet, &text));
    const char *found = strstr(buf_str(&text), name);
    assert_non_null(found);
    return strtoll(found + strlen(name), NULL, 10);
}

static inline void assert_counts(struct scene *scene, struct rollout *rollout, const int64_t wanted[6])
{
    read_rollout(scene, rollout);
    const struct rollout_tally_row *tally = &rollout->tally;
    assert_int_equal(tally->offered, wanted[0]);
    assert_int_equal(tally->waiting, wanted[1]);
    assert_int_equal(tally->succeeded, wanted[2]);
    assert_int_equal(tally->unverified, wanted[3]);
    assert_int_equal(tally->failed, wanted[4]);
    assert_int_equal(tally->cancelled, wanted[5]);
}
/* offered, waiting, succeeded, unverified, failed, cancelled */
#define COUNTS(...) ((const int64_t[6]){__VA_ARGS__})

static inline void rollouts_later(struct scene *scene, int64_t later_ms)
{
    manual_clock_advance(&scene->clock, later_ms);
    assert_ok(rollouts_run(scene->fleet, scene->clock.at_ms));
}

/* --- devices -------------------------------------------------------------------------------------------- */

static inline struct contact crowd_contact(struct scene *scene, int number)
{
    struct device_id id = crowd_id(number);
    return (struct contact){.proof = PROOF_OPERATIONAL,
                            .is_known = true,
                            .device = scene_device(scene, 0, &id),
                            .certificate = crowd_certificate(scene, number)};
}

static inline struct firmware_poll crowd_polls(struct scene *scene, int number)
{
    struct firmware_poll poll;
    const struct contact contact = crowd_contact(scene, number);
    assert_ok(firmware_poll(scene->fleet, &contact, &poll));
    return poll;
}

static inline err_t crowd_reports(struct scene *scene, int number, const struct firmware_report *report)
{
    const struct contact contact = crowd_contact(scene, number);
    return firmware_report(scene->fleet, &contact, report);
}

static inline err_t crowd_closes(struct scene *scene, int number, int64_t action, enum firmware_finish finish)
{
    const struct firmware_report report = {
        .action = action, .word = FIRMWARE_CLOSED, .finish = finish, .text = "done"};
    return crowd_reports(scene, number, &report);
}

static inline void crowd_fetches(struct scene *scene, int number)
{
    struct firmware_grant grant;
    const struct contact contact = crowd_contact(scene, number);
    const struct firmware_poll poll = crowd_polls(scene, number);
    assert_true(poll.has_action);
    assert_ok(firmware_grant(scene->fleet, &contact, NULL, &poll.action.artifacts[0].digests.sha256, &grant));
    firmware_fetched(scene->fleet, &contact, &grant, grant.artifact.digests.size);
}

/** Polls, fetches and says that it went well. @return its action, 0: it was offered nothing */
static inline int64_t crowd_updates(struct scene *scene, int number)
{
    const struct firmware_poll poll = crowd_polls(scene, number);
    if (!poll.has_action) {
        return 0;
    }
    crowd_fetches(scene, number);
    assert_ok(crowd_closes(scene, number, poll.action.id, FIRMWARE_SUCCESS));
    return poll.action.id;
}

#endif
