/* Random lives of some devices in two tenants: what they hold, dice, and how a broken invariant is told. The
 * steps are in life_steps.h, what must hold after each of them in life_checks.h. */
#ifndef WHORL_TESTS_FLEET_LIFE_SCENE_H
#define WHORL_TESTS_FLEET_LIFE_SCENE_H

#include "tests/unit/fleet/stranger_scene.h"
#include "tests/unit/fleet/term_scene.h"

enum { UNITS = 4, KEYS = 5, CERTIFICATES = 400, STEPS = 600 };

/* A certificate that a device has got. */
struct held {
    struct buf der;
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    size_t unit, key;
    bool was_revoked;
};

/* A certificate as it was after the step before, whoever holds it. */
struct seen {
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    enum certificate_state state;
    int64_t revoked_at;
};

struct life {
    struct scene *scene;
    uint64_t seed, random;
    int step;
    struct unit units[UNITS];
    enum device_state final[UNITS]; /* or registered: none yet */
    struct strangers strangers;
    struct contact
        squatter; /* of the first device, by the other tenant's label, before anybody proved its key */
    EVP_PKEY *keys[UNITS][KEYS];
    int64_t generations[UNITS];
    struct held held[CERTIFICATES];
    size_t count;
    struct seen seen[CERTIFICATES];
    size_t seen_count;
    int64_t crl_number, audit_records;
    int64_t latest_ms; /* that the clock ever showed */
    int64_t enrolled, repeated, refused, lost, crashed, suspected;
};

/** What must hold, by the name that docs/identity.md gives it. */
static inline void must(const struct life *life, const char *invariant, bool holds)
{
    if (!holds) {
        print_message("WHORL_TEST_SEED=%llu, step %d\n", (unsigned long long)life->seed, life->step);
        fail_msg("broken: %s", invariant);
    }
}

static const char I1[] = "I1, a nonce authorises at most one change";
static const char I2[] = "I2, of a device's identity key only one tenant has the use";
static const char I3[] = "I3, generations never fall";
static const char I4[] = "I4, a key belongs to one device for ever";
static const char I5[] = "I5, every certified key was proved";
static const char I6[] = "I6, revoked never becomes good";
static const char I7[] = "I7, each change has its audit record, in the same transaction";
static const char I8[] = "I8, same device, same key, not yet used: same certificate";
static const char I9[] = "I9, from compromised and retired no way leads out";
static const char I10[] = "I10, CRL numbers and audit sequences rise strictly";
static const char ONE_CONFIRMED[] = "no device has two confirmed certificates";
static const char NOT_LOCKED_OUT[] = "what a device lost costs it no key that works";
static const char STEPS_ONLY[] = "a certificate changes by a step of fleet/certificate_steps.c only";

/* xorshift64*: the same numbers for the same seed on every machine */
static inline size_t pick(struct life *life, size_t below)
{
    life->random ^= life->random >> 12;
    life->random ^= life->random << 25;
    life->random ^= life->random >> 27;
    return (size_t)((life->random * 0x2545F4914F6CDD1DULL >> 33) % below);
}

static inline size_t tenant_of(size_t unit)
{
    return unit % TENANTS;
}

static inline struct contact_facts labelled(const struct peer_identity *peer, size_t unit)
{
    struct contact_facts facts = facts_of(peer);
    facts.label = TENANT_NAMES[tenant_of(unit)];
    return facts;
}

/* --- what waits for its first use, by the model's own reading ---------------------------------------- */

struct waiting {
    struct uuid tenant;
    const struct device_id *id;
    int64_t now_ms;
    uint8_t spki[32];
    bool is_found;
};

static inline err_t take_waiting(const struct certificate_row *row, void *arg)
{
    struct waiting *waiting = arg;
    bool waits = row->state == CERTIFICATE_UNCONFIRMED ||
                 (row->state == CERTIFICATE_CONFIRMED && row->first_used_at == 0);
    bool is_same = memcmp(row->spki_sha256, waiting->spki, sizeof waiting->spki) == 0;
    bool is_valid = row->not_after > waiting->now_ms && row->not_before <= waiting->now_ms;
    waiting->is_found = waiting->is_found || (waits && is_same && is_valid);
    return OK;
}

static inline err_t read_waiting(struct db_tx *tx, void *arg)
{
    struct waiting *waiting = arg;
    return certificate_rows_list(tx, waiting->tenant, waiting->id, 1000, take_waiting, waiting);
}

static inline bool has_waiting(struct life *life, size_t unit, EVP_PKEY *key)
{
    AUTO_VAL(buf) spki = {0};
    struct sha256 hash;
    spki_of(key, &spki);
    assert_ok(sha256_of(buf_view(&spki), &hash));
    struct waiting waiting = {.tenant = life->scene->tenants[tenant_of(unit)].id,
                              .id = &life->units[unit].id,
                              .now_ms = life->scene->clock.at_ms};
    memcpy(waiting.spki, hash.b, sizeof hash.b);
    assert_ok(db_read(life->scene->db, read_waiting, &waiting));
    return waiting.is_found;
}

/* --- birth and death --------------------------------------------------------------------------------- */

static inline void life_init(struct life *life, struct scene *scene)
{
    const char *given = getenv("WHORL_TEST_SEED");
    life->scene = scene;
    strangers_init(&life->strangers, scene);
    assert_ok(random_fill(random_system(), (uint8_t *)&life->seed, sizeof life->seed));
    life->seed = given != NULL ? strtoull(given, NULL, 10) : life->seed | 1;
    life->random = life->seed;
    print_message("WHORL_TEST_SEED=%llu\n", (unsigned long long)life->seed);
    for (size_t i = 0; i < UNITS; i++) {
        unit_init(&life->units[i]);
        scene_register(scene, tenant_of(i), &life->units[i].id);
        for (size_t k = 0; k < KEYS; k++) {
            life->keys[i][k] = ec_key("P-256");
        }
    }
    /* the other tenant claims the first device too */
    struct peer_identity peer;
    scene_register(scene, 1, &life->units[0].id);
    peer_of_identity(&life->units[0], &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.label = TENANT_NAMES[1];
    assert_ok(contact_resolve(scene->fleet, &facts, &life->squatter));
    peer_identity_clear(&peer);
}

static inline void life_free(struct life *life)
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
    strangers_clear(&life->strangers);
    free(life);
}

#endif
