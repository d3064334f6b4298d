/* What must hold after every step of a random life, each check by the invariant's name. */
#ifndef WHORL_TESTS_FLEET_LIFE_CHECKS_H
#define WHORL_TESTS_FLEET_LIFE_CHECKS_H

#include "tests/unit/fleet/life_scene.h"

#include "fleet/certificate_steps.h"

/* --- rows ------------------------------------------------------------------------------------------- */

static inline void check_keys(struct life *life)
{
    struct scene *scene = life->scene;
    must(life, I2,
         scene_number(scene,
                      "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM device WHERE claim = 2 "
                      "AND transferred_at IS NULL GROUP BY id)") <= 1);
    must(life, I4,
         scene_number(scene, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(DISTINCT device) AS n FROM "
                             "certificate GROUP BY spki_sha256)") <= 1);
    must(life, I4,
         scene_number(scene, "SELECT COUNT(*) FROM certificate c LEFT JOIN device_key k ON k.spki_sha256 = "
                             "c.spki_sha256 WHERE k.device IS NULL OR k.device <> c.device") == 0);
    must(life, ONE_CONFIRMED,
         scene_number(scene, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM certificate WHERE "
                             "state = 1 GROUP BY device, tenant)") <= 1);
    /* of what waits there is one that the identity key asked for, and one of the others */
    must(life, NOT_LOCKED_OUT,
         scene_number(scene, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM certificate WHERE "
                             "state = 0 GROUP BY device, tenant, linked_by = device)") <= 1);
}

static inline void check_records(struct life *life)
{
    struct scene *scene = life->scene;
    must(life, I7,
         scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind IN ('device.enrolled', "
                             "'device.recovered', 'certificate.issued')") ==
             scene_number(scene, "SELECT COUNT(*) FROM certificate"));
    must(life, I7,
         scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked'") ==
             scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3"));
    must(life, I7,
         scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind IN ('certificate.confirmed', "
                             "'certificate.first_used')") ==
             scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"));
    /* the newest certificate's record names its key and how the asking key was proved */
    must(life, I5,
         scene_number(scene,
                      "SELECT COUNT(*) FROM (SELECT * FROM certificate ORDER BY issued_at DESC, serial "
                      "LIMIT 3) c WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.device = c.device "
                      "AND a.body LIKE '%' || lower(hex(c.serial)) || '%\"key\":\"' || "
                      "lower(hex(c.spki_sha256)) || '\"%\"proof\":\"%')") == 0);
    life->suspected = scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.clone_suspected'");
}

static inline void check_rising(struct life *life)
{
    struct scene *scene = life->scene;
    for (size_t i = 0; i < UNITS; i++) {
        struct device_row device = scene_device(scene, tenant_of(i), &life->units[i].id);
        must(life, I3, device.generation >= life->generations[i]);
        must(life, I9, life->final[i] == DEVICE_REGISTERED || device.state == life->final[i]);
        life->generations[i] = device.generation;
    }
    must(life, I3,
         scene_number(scene,
                      "SELECT COUNT(*) FROM certificate c JOIN device d ON d.id = c.device AND d.tenant "
                      "= c.tenant WHERE c.generation > d.generation") == 0);
    int64_t number = scene_number(scene, "SELECT MAX(number) FROM crl");
    int64_t records = scene_number(scene, "SELECT COUNT(*) FROM audit");
    must(life, I10, number >= life->crl_number && records >= life->audit_records);
    must(life, I10,
         scene_number(scene, "SELECT COUNT(*) FROM (SELECT lane FROM audit GROUP BY node, epoch, lane HAVING "
                             "COUNT(*) <> MAX(seq) - MIN(seq) + 1)") == 0);
    life->crl_number = number;
    life->audit_records = records;
}

/* A list that is signed anew, here because it is old, has another number, and a higher one. */
static inline void check_crl(struct life *life)
{
    static const char NUMBER[] =
        "SELECT number FROM crl WHERE authority = 'device' ORDER BY number DESC LIMIT 1";
    struct scene *scene = life->scene;
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    int64_t before = scene_number(scene, NUMBER);
    manual_clock_advance(&scene->clock, life->latest_ms - scene->clock.at_ms + 2 * DAY_MS);
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    must(life, I10, scene_number(scene, NUMBER) > before);
}

/* --- each certificate, before and after -------------------------------------------------------------- */

static inline struct seen *find_seen(struct life *life, const uint8_t *serial)
{
    for (size_t i = 0; i < life->seen_count; i++) {
        if (memcmp(life->seen[i].serial, serial, CERTIFICATE_SERIAL_SIZE) == 0) {
            return &life->seen[i];
        }
    }
    assert_true(life->seen_count < CERTIFICATES);
    struct seen *seen = &life->seen[life->seen_count++];
    *seen = (struct seen){.state = (enum certificate_state) - 1};
    memcpy(seen->serial, serial, CERTIFICATE_SERIAL_SIZE);
    return seen;
}

static inline err_t take_change(const struct certificate_row *row, void *arg)
{
    struct life *life = arg;
    struct seen *seen = find_seen(life, row->serial);
    bool is_new = seen->state == (enum certificate_state) - 1;
    if (!is_new) {
        must(life, I6, seen->state != CERTIFICATE_REVOKED || row->state == CERTIFICATE_REVOKED);
        must(life, I6, seen->revoked_at == 0 || row->revoked_at == seen->revoked_at);
        must(life, STEPS_ONLY, certificate_step_exists(seen->state, row->state));
    }
    seen->state = row->state;
    seen->revoked_at = row->revoked_at;
    return OK;
}

static inline err_t read_changes(struct db_tx *tx, void *arg)
{
    struct life *life = arg;
    for (size_t i = 0; i < UNITS; i++) {
        TRY(certificate_rows_list(tx, life->scene->tenants[tenant_of(i)].id, &life->units[i].id, 1000,
                                  take_change, life));
    }
    return OK;
}

static inline void check_life(struct life *life)
{
    assert_ok(db_read(life->scene->db, read_changes, life));
    check_keys(life);
    check_records(life);
    check_rising(life);
    strangers_check(life->scene);
    if (life->scene->clock.at_ms >=
        life->latest_ms) { /* the terms of devices wait for a clock that went back */
        life->latest_ms = life->scene->clock.at_ms;
        check_terms(life->scene, life->units, UNITS);
    }
}

#endif
