/* A random life of some devices with a journal, copies of the inventory along it, and how one of them is
 * brought up to date. */
#ifndef WHORL_TESTS_FLEET_JOURNAL_LIFE_H
#define WHORL_TESTS_FLEET_JOURNAL_LIFE_H

#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

#include "db/batch_rows.h"
#include "db/journal.h"
#include "fleet/admission.h"
#include "fleet/journal_replay.h"

enum { UNITS = 4, KEYS = 3, STEPS = 120, COPIES = 20, CERTIFICATES = 200 };

struct held {
    size_t unit;
    struct buf der;
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
};

struct life {
    struct scene *scene;
    char journal[96];
    uint64_t random;
    struct unit units[UNITS];
    EVP_PKEY *keys[UNITS][KEYS];
    struct held held[CERTIFICATES];
    size_t count;
    size_t copies;
};

static inline size_t pick(struct life *life, size_t n)
{
    life->random ^= life->random << 13;
    life->random ^= life->random >> 7;
    life->random ^= life->random << 17;
    return (size_t)(life->random % n);
}

static inline void shell(const char *format, const char *a, const char *b)
{
    char command[512];
    (void)snprintf(command, sizeof command, "sh -c 'a=%s; b=%s; %s'", a, b, format);
    assert_int_equal(system(command), 0);
}

/* --- the life --------------------------------------------------------------------------------------- */

static inline void keep(struct life *life, size_t unit, const struct enrolment *enrolment)
{
    if (!enrolment->is_repeat && life->count < CERTIFICATES) {
        struct held *held = &life->held[life->count++];
        *held = (struct held){.unit = unit};
        memcpy(held->serial, enrolment->certificate.serial, sizeof held->serial);
        assert_ok(buf_append_bytes(&held->der, buf_view(&enrolment->certificate.der)));
    }
}

static inline void step_identity(struct life *life)
{
    size_t unit = pick(life, UNITS);
    AUTO_VAL(enrolment) out = {0};
    if (enrol_by_identity(life->scene, &life->units[unit], life->keys[unit][pick(life, KEYS)], 0, &out)
            .code == ERR_OK) {
        keep(life, unit, &out);
    }
}

static inline void step_operational(struct life *life)
{
    if (life->count == 0) {
        return;
    }
    const struct held *held = &life->held[pick(life, life->count)];
    AUTO_VAL(enrolment) out = {0};
    EVP_PKEY *key = life->keys[held->unit][pick(life, KEYS)];
    if (enrol_by_certificate(life->scene, buf_view(&held->der), key, 0, &out).code == ERR_OK) {
        keep(life, held->unit, &out);
    }
}

static inline void step_use(struct life *life)
{
    if (life->count > 0) {
        (void)contact_by_certificate(life->scene, buf_view(&life->held[pick(life, life->count)].der));
    }
}

static inline void step_revoke(struct life *life)
{
    AUTO_VAL(certificate_row) row = {0};
    if (life->count > 0 && pick(life, 3) == 0) {
        err_ignore(revoke_in(life->scene, 0, life->held[pick(life, life->count)].serial,
                             1 + (int)pick(life, 5), &row)); /* whatever it says, it stands in the journal */
    }
}

static inline void step_order(struct life *life)
{
    static const enum device_action ORDERS[] = {
        ACTION_QUARANTINE,    ACTION_RELEASE,       ACTION_REKEY,         ACTION_REVOKE,
        ACTION_ALLOW_REENROL, ACTION_ALLOW_REENROL, ACTION_ALLOW_REENROL, ACTION_RELEASE};
    struct device_row row;
    size_t order = pick(life, 10);
    size_t unit = pick(life, UNITS);
    bool is_last = unit == UNITS - 1; /* this one may end for good */
    enum device_action action = order < 8 ? ORDERS[order]
                                : is_last ? (order == 8 ? ACTION_RETIRE : ACTION_COMPROMISED)
                                          : ACTION_RELEASE;
    err_ignore(order_device(life->scene, &life->units[unit].id, action, &row)); /* as above */
}

static inline void step_time(struct life *life)
{
    static const int64_t STEPS_MS[] = {1, 3600 * 1000, 86400000, 20 * 86400000LL};
    manual_clock_advance(&life->scene->clock, STEPS_MS[pick(life, 4)]);
    assert_ok(revocation_list_superseded(life->scene->fleet, life->scene->clock.at_ms));
    assert_ok(publication_refresh(life->scene->fleet, life->scene->clock.at_ms));
}

static inline void step_fresh_key(struct life *life)
{
    EVP_PKEY **key = &life->keys[pick(life, UNITS)][pick(life, KEYS)];
    EVP_PKEY_free(*key);
    *key = ec_key("P-256");
}

/* Closed, copied, opened again. */
static inline void keep_copy(struct life *life)
{
    char name[32];
    (void)snprintf(name, sizeof name, "copy-%zu", life->copies++);
    scene_stop(life->scene);
    shell("cp $a/whorl.db $a/$b", life->scene->folder, name);
    scene_start(life->scene);
}

/* --- what an inventory says of devices and certificates ---------------------------------------------- */

static const char *const QUESTIONS[] = {
    "SELECT quote(serial) || authority || quote(tenant) || quote(device) || generation || '|' || state ||"
    " quote(spki_sha256) || not_before || '|' || not_after || '|' || issued_at || '|' || quote(confirmed_at) "
    "||"
    " quote(first_used_at) || quote(superseded_at) || '|' || quote(revoked_at) || quote(revocation_reason) ||"
    " quote(der) || quote(linked_by) || is_stated || quote(profile) || quote(profile_version) FROM "
    "certificate ORDER BY serial",
    "SELECT quote(id) || quote(tenant) || quote(batch) || quote(product) || state || '|' || claim ||"
    " reenrol_allowed || '|' || generation || quote(spki) || serial || '|' || registered_at ||"
    " quote(enrolled_at) || quote(rekey_requested_at) || rekey_above || key_origin || quote(transferred_at)"
    " FROM device ORDER BY id, tenant",
    "SELECT quote(spki_sha256) || quote(device) || generation FROM device_key ORDER BY spki_sha256",
    "SELECT quote(owner) || state || '|' || n FROM device_count WHERE n <> 0 ORDER BY owner, state",
    /* whether it is due by now is found out by a job */
    "SELECT quote(device) || quote(tenant) || expires_at FROM device_term ORDER BY device, tenant",
};
enum { QUESTION_COUNT = sizeof QUESTIONS / sizeof QUESTIONS[0] };

static inline err_t take_text(const struct db_row *row, void *arg)
{
    TRY(buf_append_bytes(arg, db_row_bytes(row, 0)));
    return buf_append_str(arg, "\n");
}

static inline err_t describe_in(struct db_tx *tx, void *arg)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        TRY(db_run(tx, QUESTIONS[i], NULL, 0, take_text, arg));
    }
    return OK;
}

static inline void describe(struct db *db, struct buf *out)
{
    out->n = 0;
    assert_ok(db_read(db, describe_in, out));
}

static inline void assert_same(const struct buf *wanted, const struct buf *found)
{
    if (!bytes_equal(buf_view(wanted), buf_view(found))) {
        print_error("--- wanted\n%s--- found\n%s", buf_str(wanted), buf_str(found));
    }
    assert_true(bytes_equal(buf_view(wanted), buf_view(found)));
}

/* --- replay ----------------------------------------------------------------------------------------- */

/* An older copy beside the journal of the end: refused, replayed, opened. */
static inline struct db *replay_copy(struct life *life, const char *name, struct replay_tally *tally)
{
    struct db_options options = life->scene->db_options;
    struct db *db = NULL;
    char path[128];
    char journal[128];
    (void)snprintf(path, sizeof path, "%s/replayed.db", life->scene->folder);
    (void)snprintf(journal, sizeof journal, "%s/replayed.journal", life->scene->folder);
    shell("rm -rf $a/replayed.* && cp -r $a/journal $a/replayed.journal && cp $a/$b $a/replayed.db",
          life->scene->folder, name);
    options.path = path;
    options.journal.folder = journal;
    assert_int_equal(db_open(&options, &db).code, ERR_WRONG_STATE);
    *tally = (struct replay_tally){.devices = 0};
    options.journal.mode = JOURNAL_BRING;
    options.journal.replay = journal_replay_entry;
    options.journal.arg = tally;
    assert_ok(db_open(&options, &db));
    return db;
}

static inline void check_copy(struct life *life, const char *name, const struct buf *wanted,
                              int64_t crl_number)
{
    AUTO_VAL(buf) found = {0};
    struct replay_tally tally;
    struct audit_report report;
    struct scene other = *life->scene;
    other.db = replay_copy(life, name, &tally);
    describe(other.db, &found);
    assert_same(wanted, &found);
    assert_ok(audit_verify(other.db, &report));
    assert_string_equal(report.first_bad, "");
    assert_int_equal(tally.unknown_devices + tally.unknown_certificates, 0);
    int64_t number =
        scene_number(&other, "SELECT MAX(n) FROM (SELECT MAX(number) AS n FROM crl UNION ALL SELECT "
                             "MAX(number) FROM crl_floor)");
    assert_int_equal(number, crl_number);
    db_close(other.db);
}

static inline void life_init(struct life *life, struct scene *scene)
{
    const char *given = getenv("WHORL_TEST_SEED");
    life->scene = scene;
    assert_ok(random_fill(random_system(), (uint8_t *)&life->random, sizeof life->random));
    life->random = given != NULL ? strtoull(given, NULL, 10) : life->random | 1;
    print_message("WHORL_TEST_SEED=%llu\n", (unsigned long long)life->random);
    scene_stop(scene);
    (void)snprintf(life->journal, sizeof life->journal, "%s/journal", scene->folder);
    scene->db_options.journal.folder = life->journal;
    scene->db_options.journal.segment_size = 20000;
    scene_start(scene);
    for (size_t i = 0; i < UNITS; i++) {
        unit_init(&life->units[i]);
        scene_register(scene, 0, &life->units[i].id);
        for (size_t k = 0; k < KEYS; k++) {
            life->keys[i][k] = ec_key("P-256");
        }
    }
}

static inline void life_clear(struct life *life)
{
    for (size_t i = 0; i < UNITS; i++) {
        unit_clear(&life->units[i]);
        for (size_t k = 0; k < KEYS; k++) {
            EVP_PKEY_free(life->keys[i][k]);
        }
    }
    for (size_t i = 0; i < life->count; i++) {
        buf_clear(&life->held[i].der);
    }
    life->scene->db_options.journal = (struct journal_options){.folder = NULL};
    free(life);
}

static inline struct life *life_new(struct scene *scene)
{
    struct life *life = calloc(1, sizeof *life);
    assert_non_null(life);
    life_init(life, scene);
    return life;
}

#endif
