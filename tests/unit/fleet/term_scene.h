/* The scene with schedules of renewal, and the counts by term as looking at every device finds them. */
#ifndef WHORL_TESTS_FLEET_TERM_SCENE_H
#define WHORL_TESTS_FLEET_TERM_SCENE_H

#include "tests/unit/fleet/order_scene.h"

#include "db/recount_rows.h"

#include "fleet/lots.h"
#include "fleet/products.h"
#include "fleet/registry.h"
#include "fleet/renewal.h"

/** Another schedule: when to renew, and after how many days it is reported who did not. */
static inline void set_schedule(struct scene *scene, size_t tenant, int64_t percent, int64_t alert_days)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, tenant);
    struct product_row *product = &scene->products[tenant];
    const struct product_change change = {.has_renew_percent = true,
                                          .renew_percent = percent,
                                          .has_overdue_alert_after_s = true,
                                          .overdue_alert_after_s = alert_days * 86400};
    terms.faults = &faults;
    assert_ok(product_change(scene->fleet, &terms, product->id, &change, product));
}

static inline void set_renewal(struct scene *scene, size_t tenant, int64_t percent)
{
    set_schedule(scene, tenant, percent, scene->products[tenant].overdue_alert_after_s / 86400);
}

static inline err_t take_confirmed(const struct certificate_row *row, void *arg)
{
    struct certificate_row *confirmed = arg;
    if (row->state == CERTIFICATE_CONFIRMED) {
        *confirmed = *row;
    }
    return OK;
}

/* Where a device stands, read from its certificates. */
static inline void count_term(struct scene *scene, size_t tenant, const struct device_row *device,
                              int64_t counts[DEVICE_TERMS])
{
    struct certificate_row row = {.not_after = 0};
    int64_t now_ms = scene->clock.at_ms;
    assert_ok(device_certificates(scene->fleet, device, 1000, take_confirmed, &row));
    if (device->state == DEVICE_ENROLLED && row.not_after != 0) {
        bool is_due = now_ms >= renewal_of(&scene->products[tenant], device, &row, row.issued_at).due_at;
        counts[now_ms >= row.not_after ? TERM_EXPIRED : is_due ? TERM_DUE : TERM_CURRENT]++;
    }
}

static inline err_t recount(struct db_tx *tx, void *arg)
{
    (void)arg;
    return recount_rows_compare(tx);
}

/** All counts that are kept, of certificates too, are those that counting finds. */
static inline void check_counts(struct scene *scene)
{
    assert_ok(db_read(scene->db, recount, NULL));
}

/** The counts that are kept are those that looking finds. All devices are of the batch of zeros. */
static inline void check_terms(struct scene *scene, const struct unit *units, size_t count)
{
    struct device_counts kept, of_batch;
    int64_t all[DEVICE_TERMS] = {0};
    for (size_t tenant = 0; tenant < TENANTS; tenant++) {
        int64_t found[DEVICE_TERMS] = {0};
        for (size_t i = 0; i < count; i++) {
            struct scene_device device = {.tenant = scene->tenants[tenant].id, .id = &units[i].id};
            if (db_read(scene->db, scene_find_device, &device).code == ERR_OK) {
                count_term(scene, tenant, &device.row, found);
            }
        }
        assert_ok(device_counts_read(scene->fleet, scene->products[tenant].id, &kept));
        assert_memory_equal(kept.terms, found, sizeof found);
        for (size_t term = 0; term < DEVICE_TERMS; term++) {
            all[term] += found[term];
        }
    }
    assert_ok(device_counts_read(scene->fleet, (struct uuid){{0}}, &of_batch));
    assert_memory_equal(of_batch.terms, all, sizeof all);
    check_counts(scene);
}

#endif
