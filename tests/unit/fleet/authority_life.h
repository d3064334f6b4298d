/* Random lives of authorities: dice, what the operator and the world do to them, and devices beside. What
 * must hold after each step is in test_authority_lives.c. */
#ifndef WHORL_TESTS_FLEET_AUTHORITY_LIFE_H
#define WHORL_TESTS_FLEET_AUTHORITY_LIFE_H

#include "tests/unit/fleet/authority_scene.h"

#include "fleet/authority_import.h"
#include "fleet/authority_view.h"
#include "fleet/publication.h"

enum { LIFE_UNITS = 3, LIFE_STEPS = 60, LIFE_TRACKED = 64 };

/* What an authority was after the step before. */
struct tracked {
    char id[AUTHORITY_ID_SIZE];
    int64_t created_at, ver;
    enum authority_state state;
};

/* The newest certificate of a device, and under which authority. */
struct life_held {
    struct buf der;
    char authority[AUTHORITY_ID_SIZE];
};

struct authority_life {
    struct authority_scene authorities;
    struct scene *scene;
    uint64_t seed, random;
    int step;
    const char *doing;
    struct unit units[LIFE_UNITS];
    struct life_held held[LIFE_UNITS];
    struct tracked tracked[LIFE_TRACKED];
    size_t tracked_count;
    struct authority_view view; /* as it is now */
    int64_t made, refused, enrolled, imported, restored;
    bool has_copy;
};

/* xorshift64*: the same numbers for the same seed on every machine */
static inline size_t dice(struct authority_life *life, size_t below)
{
    life->random ^= life->random >> 12;
    life->random ^= life->random << 25;
    life->random ^= life->random >> 27;
    return (size_t)((life->random * 0x2545F4914F6CDD1DULL >> 33) % below);
}

static inline void life_must(const struct authority_life *life, const char *invariant, const char *about,
                             bool holds)
{
    if (!holds) {
        print_message("WHORL_TEST_SEED=%llu, step %d (%s)\n", (unsigned long long)life->seed, life->step,
                      life->doing);
        fail_msg("broken, of %s: %s", about, invariant);
    }
}

static inline err_t read_view_in(struct db_tx *tx, void *arg)
{
    return authority_view_read(tx, arg);
}

static inline void look(struct authority_life *life)
{
    assert_ok(db_read(life->scene->db, read_view_in, &life->view));
}

/** Some authority, whatever it is. */
static inline const char *any_of(struct authority_life *life, const char *role)
{
    const char *found = "nobody";
    for (size_t i = 0, seen = 0; i < life->view.count; i++) {
        if (role == NULL || strcmp(life->view.items[i].role, role) == 0) {
            found = dice(life, ++seen) == 0 ? life->view.items[i].id : found;
        }
    }
    return found;
}

/* --- orders ------------------------------------------------------------------------------------------- */

/* What cannot be done is refused with a reason, and never with an error of ours. */
static inline void give(struct authority_life *life, const struct authority_order *order)
{
    life->authorities.keys->is_away = dice(life, 12) == 0;
    err_t error = order_authority(life->scene, order, NULL);
    life->authorities.keys->is_away = false;
    bool is_refusal = error.code == ERR_WRONG_STATE || error.code == ERR_CONFLICT ||
                      error.code == ERR_UNPROCESSABLE || error.code == ERR_NOT_FOUND ||
                      error.code == ERR_UNAVAILABLE;
    life_must(life, "an order is carried out, or refused for a reason", error.detail,
              error.code == ERR_OK || is_refusal);
    life->made += error.code == ERR_OK ? 1 : 0;
    life->refused += is_refusal ? 1 : 0;
}

static inline void give_verb(struct authority_life *life, enum authority_verb verb, const char *subject)
{
    struct authority_order order = {.verb = verb, .keeps_default = dice(life, 3) == 0};
    (void)snprintf(order.authority, sizeof order.authority, "%s", subject);
    if (verb == AUTHORITY_ROLL && dice(life, 2) == 0) {
        (void)snprintf(order.issuer, sizeof order.issuer, "%s", any_of(life, "root"));
    }
    if (verb == AUTHORITY_COMPROMISE && dice(life, 4) == 0) {
        (void)snprintf(order.successor, sizeof order.successor, "%s", any_of(life, "device"));
    }
    order.is_external = verb == AUTHORITY_ROLL && dice(life, 4) == 0;
    give(life, &order);
}

static inline void step_create(struct authority_life *life)
{
    struct authority_order order = {
        .verb = AUTHORITY_CREATE, .is_of_tenant = dice(life, 2) == 0, .is_external = dice(life, 3) == 0};
    (void)snprintf(order.role, sizeof order.role, "%s",
                   order.is_of_tenant || dice(life, 3) != 0 ? "device" : "infrastructure");
    if (dice(life, 3) == 0) {
        (void)snprintf(order.issuer, sizeof order.issuer, "%s", any_of(life, "root"));
    }
    life->doing = "create";
    give(life, &order);
}

static inline void step_activate(struct authority_life *life)
{
    life->doing = "activate";
    give_verb(life, AUTHORITY_ACTIVATE, any_of(life, NULL));
}

static inline void step_roll(struct authority_life *life)
{
    life->doing = "roll";
    give_verb(life, AUTHORITY_ROLL, any_of(life, NULL));
}

static inline void step_roll_root(struct authority_life *life)
{
    life->doing = "roll of a root, or its end";
    give_verb(life, dice(life, 2) == 0 ? AUTHORITY_ROLL : AUTHORITY_FINISH_ROLL, any_of(life, "root"));
}

static inline void step_retire(struct authority_life *life)
{
    life->doing = "retire";
    give_verb(life, AUTHORITY_RETIRE, any_of(life, NULL));
}

static inline void step_compromise(struct authority_life *life)
{
    life->doing = "compromised";
    if (dice(life, 3) == 0) {
        give_verb(life, AUTHORITY_COMPROMISE, any_of(life, NULL));
    }
}

/* --- somebody else signs -------------------------------------------------------------------------------- */

static inline void sign_elsewhere(struct authority_life *life, const struct authority_brief *pending,
                                  const struct authority *root, struct buf *der)
{
    char label[AUTHORITY_ID_SIZE + 4];
    uint8_t serial[SERIAL_SIZE];
    AUTO_PTR(private_key) *key = NULL;
    int64_t now_ms = life->scene->clock.at_ms;
    int64_t end_ms = now_ms + 3650 * DAY_MS;
    int64_t root_end_ms = authority_not_after_ms(root);
    struct authority_spec spec = {.id = pending->id,
                                  .organisation = "Test Works",
                                  .not_before_ms = now_ms - 3600000,
                                  .not_after_ms = end_ms < root_end_ms ? end_ms : root_end_ms,
                                  .publication = test_publication,
                                  .key_purposes = pending->key_purposes};
    (void)snprintf(label, sizeof label, "ca-%s", pending->id);
    assert_ok(keystore_load(life->scene->keystore, label, &key));
    assert_ok(authority_role_parse(pending->role, &spec.role));
    assert_ok(random_fill(random_system(), serial, sizeof serial));
    assert_ok(authority_make_issuing(&spec, key, root, serial, der));
}

static inline void step_import(struct authority_life *life)
{
    static const struct actor actor = {.name = "token:test", .request_id = "r-2"};
    AUTO_PTR(authority_set) *set = authority_set_take(life->scene->fleet);
    life->doing = "import";
    for (size_t i = 0; i < life->view.count; i++) {
        const struct authority_brief *item = &life->view.items[i];
        const struct authority_member *root = authority_set_find(set, bytes_str(item->issuer));
        bool has_order = item->state != AUTHORITY_PENDING || root == NULL || !root->has_key ||
                         root->state != AUTHORITY_ACTIVE || strcmp(item->role, "root") == 0;
        char label[AUTHORITY_ID_SIZE + 4];
        (void)snprintf(label, sizeof label, "ca-%s", item->id);
        if (has_order || !keystore_has(life->scene->keystore, label)) {
            continue;
        }
        AUTO_VAL(buf) der = {0};
        AUTO_VAL(ca_bundle) bundle = {.count = 0};
        struct import_plan plan;
        sign_elsewhere(life, item, root->authority, &der);
        assert_ok(ca_bundle_add(buf_view(&der), &bundle));
        err_t error = authority_import(life->scene->fleet, &actor, &bundle, &plan);
        life->imported += error.code == ERR_OK ? 1 : 0;
        return;
    }
}

/* --- the world ------------------------------------------------------------------------------------------ */

static inline void run_jobs(struct authority_life *life)
{
    int64_t now_ms = life->scene->clock.at_ms;
    assert_ok(authority_orders_run(life->scene->fleet, now_ms));
    assert_ok(authority_ends_run(life->scene->fleet, now_ms));
    assert_ok(publication_refresh(life->scene->fleet, now_ms));
}

static inline void step_time(struct authority_life *life)
{
    static const int64_t STEPS_MS[] = {60000, 86400000, 40 * 86400000LL, 200 * 86400000LL};
    life->doing = "time";
    manual_clock_advance(&life->scene->clock, STEPS_MS[dice(life, 4)]);
    run_jobs(life);
}

static inline void step_restart(struct authority_life *life)
{
    life->doing = "restart";
    if (dice(life, 3) == 0) {
        scene_stop(life->scene);
        scene_start(life->scene);
    }
}

/* An older copy takes the inventory's place: with the journal it is what the inventory was. */
static inline void step_restore(struct authority_life *life)
{
    AUTO_VAL(buf) wanted = {0};
    AUTO_VAL(buf) found = {0};
    struct replay_tally tally;
    life->doing = "restore of an older copy";
    if (!life->has_copy) {
        copy_inventory(life->scene, "copy");
        life->has_copy = true;
        return;
    }
    if (dice(life, 2) != 0) {
        return;
    }
    run_jobs(life);
    describe_authorities(life->scene, &wanted);
    restore_inventory(life->scene, "copy", &tally);
    run_jobs(life); /* the alarm of one that was compromised and has ended since */
    describe_authorities(life->scene, &found);
    assert_same_text(&wanted, &found);
    life->restored++;
    life->has_copy = false;
}

#endif
