/* Short words for the tests of the registry: a batch from a list of entries. */
#ifndef TESTS_REGISTRY_SCENE_H
#define TESTS_REGISTRY_SCENE_H

#include "tests/unit/fleet/fleet_fixture.h"

static inline struct batch_order order_of(struct uuid tenant, const char *name,
                                          const struct device_entry *entries, size_t count)
{
    return (struct batch_order){
        .tenant = tenant, .name = bytes_str(name), .devices = entries, .count = count};
}

/** Entries by made-up id; free(3). */
static inline struct device_entry *entries_by_id(int first, size_t count)
{
    struct device_entry *entries = calloc(count, sizeof *entries);
    assert_non_null(entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct device_entry){.has_id = true, .id = device_id_of(first + (int)i)};
    }
    return entries;
}

static inline bool is_registered(struct fleet_fixture *f, struct uuid tenant, int number)
{
    struct device_row row;
    struct device_id id = device_id_of(number);
    return device_find(f->fleet, tenant, &id, &row).code == ERR_OK;
}

static inline struct tenant_row add_tenant(struct fleet_fixture *f, const char *name)
{
    struct tenant_row row;
    assert_ok(tenant_add(f->fleet, &test_actor, name, &row));
    return row;
}

#endif
