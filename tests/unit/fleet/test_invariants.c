/* The invariants of docs/identity.md: random lives of some devices in two tenants, checked after each step.
 * The seed is printed; WHORL_TEST_SEED repeats a run. */
#include "tests/unit/fleet/stranger_scene.h"
#include "tests/unit/fleet/term_scene.h"

#include "fleet/challenge.h"
#include "fleet/challenge_text.h"

enum { UNITS = 4, KEYS = 5, CERTIFICATES = 400, STEPS = 400 };

struct held {
    struct buf der;
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    size_t unit, key;
    bool was_revoked;
};

struct life {
    struct scene *scene;
    uint64_t random;
    struct unit units[UNITS];
    struct strangers strangers;
    EVP_PKEY *keys[UNITS][KEYS];
    int64_t generations[UNITS];
    struct held held[CERTIFICATES];
    size_t count;
    int64_t crl_number, audit_records, enrolled, repeated, refused;
};

/* xorshift64*: the same numbers for the same seed on every machine */
static size_t pick(struct life *life, size_t below)
{
    life->random ^= life->random >> 12;
    life->random ^= life->random << 25;
    life->random ^= life->random >> 27;
    return (size_t)((life->random * 0x2545F4914F6CDD1DULL >> 33) % below);
}

static size_t tenant_of(size_t unit)
{
    return unit % TENANTS;
}

static struct contact_facts labelled(const struct peer_identity *peer, size_t unit)
{
    struct contact_facts facts = facts_of(peer);
    facts.label = TENANT_NAMES[tenant_of(unit)];
    return facts;
}

/* --- what waits for its first use, by the model's own reading ---------------------------------------- */

struct waiting {
    int64_t now_ms;
    uint8_t spki[32];
    bool is_found;
};

static err_t take_waiting(const struct certificate_row *row, void *arg)
{
    struct waiting *waiting = arg;
    bool waits = row->state == CERTIFICATE_UNCONFIRMED ||
                 (row->state == CERTIFICATE_CONFIRMED && row->first_used_at == 0);
    bool is_same = memcmp(row->spki_sha256, waiting->spki, sizeof waiting->spki) == 0;
    waiting->is_found = waiting->is_found || (waits && is_same && row->not_after > waiting->now_ms);
    return OK;
}

struct waiting_query {
    struct uuid tenant;
    const struct device_id *id;
    struct waiting waiting;
};

static err_t read_waiting(struct db_tx *tx, void *arg)
{
    struct waiting_query *query = arg;
    return certificate_rows_list(tx, query->tenant, query->id, 1000, take_waiting, &query->waiting);
}

static bool has_waiting(struct life *life, size_t unit, EVP_PKEY *key)
{
    AUTO_VAL(buf) spki = {0};
    struct sha256 hash;
    spki_of(key, &spki);
    assert_ok(sha256_of(buf_view(&spki), &hash));
    struct waiting_query query = {.tenant = life->scene->tenants[tenant_of(unit)].id,
                                  .id = &life->units[unit].id};
    query.waiting.now_ms = life->scene->clock.at_ms;
    memcpy(query.waiting.spki, hash.b, sizeof hash.b);
    assert_ok(db_read(life->scene->db, read_waiting, &query));
    return query.waiting.is_found;
}

/* --- steps ------------------------------------------------------------------------------------------ */

static void keep(struct life *life, size_t unit, size_t key, const struct enrolment *enrolment)
{
    if (enrolment->is_repeat || life->count == CERTIFICATES) {
        life->repeated += enrolment->is_repeat ? 1 : 0;
        return;
    }
    struct held *held = &life->held[life->count++];
    *held = (struct held){.unit = unit, .key = key};
    memcpy(held->serial, enrolment->certificate.serial, sizeof held->serial);
    assert_ok(buf_append_bytes(&held->der, buf_view(&enrolment->certificate.der)));
    life->enrolled++;
}

/* I8: while a certificate over this key waits, who may enrol gets that very one. */
struct asked {
    size_t unit, key;
    bool waited; /* a certificate over this key waited for its first use */
};

static void judge(struct life *life, const struct asked *asked, err_t result,
                  const struct enrolment *enrolment)
{
    if (result.code != ERR_OK) {
        assert_true(result.code == ERR_DEVICE_REFUSED || result.code == ERR_UNPROCESSABLE ||
                    result.code == ERR_CONFLICT);
        life->refused++;
        return;
    }
    assert_int_equal(enrolment->is_repeat, asked->waited);
    keep(life, asked->unit, asked->key, enrolment);
}

static void step_identity(struct life *life)
{
    size_t unit = pick(life, UNITS);
    size_t key = pick(life, KEYS);
    size_t owner = pick(life, 8) == 0 ? pick(life, UNITS) : unit; /* sometimes somebody else's key */
    EVP_PKEY *pair = life->keys[owner][key];
    AUTO_VAL(enrolment) out = {0};
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = pair});
    bool waited = has_waiting(life, unit, pair);
    struct peer_identity peer;
    peer_of_identity(&life->units[unit], &peer);
    struct contact_facts facts = labelled(&peer, unit);
    err_t result = enrol_with(life->scene, &facts, csr, 0, &out);
    judge(life, &(struct asked){unit, key, waited}, result, &out);
    peer_identity_clear(&peer);
}

static void step_operational(struct life *life)
{
    if (life->count == 0) {
        return;
    }
    const struct held *held = &life->held[pick(life, life->count)];
    size_t unit = held->unit;
    size_t key = pick(life, 2) == 0 ? held->key : pick(life, KEYS);
    struct peer_identity peer;
    AUTO_VAL(enrolment) out = {0};
    peer_of_certificate(buf_view(&held->der), &peer);
    struct request_spec spec = {.key = life->keys[unit][key], .subject = buf_view(&peer.certificate.subject)};
    AUTO_PTR(csr) *csr = make_request(&spec);
    struct contact_facts facts = labelled(&peer, unit);
    struct contact contact; /* the contact confirms: look only after it */
    assert_ok(contact_resolve(life->scene->fleet, &facts, &contact));
    bool waited = has_waiting(life, unit, spec.key);
    err_t result = enrol_with(life->scene, &facts, csr, 0, &out);
    judge(life, &(struct asked){unit, key, waited}, result, &out);
    peer_identity_clear(&peer);
}

static void step_use(struct life *life)
{
    if (life->count > 0) {
        const struct held *held = &life->held[pick(life, life->count)];
        struct contact contact = contact_by_certificate(life->scene, buf_view(&held->der));
        assert_false(held->was_revoked && contact.proof != PROOF_NONE); /* I6 */
    }
}

static void step_revoke(struct life *life)
{
    static const int REASONS[] = {0, 1, 4, 5};
    if (life->count == 0 || pick(life, 3) != 0) {
        return;
    }
    struct held *held = &life->held[pick(life, life->count)];
    AUTO_VAL(certificate_row) row = {0};
    assert_ok(revoke_in(life->scene, tenant_of(held->unit), held->serial, REASONS[pick(life, 4)], &row));
    assert_int_equal(row.state, CERTIFICATE_REVOKED);
    held->was_revoked = true;
}

/* Any order but the final ones, in any state. */
static void step_order(struct life *life)
{
    static const enum device_action ORDERS[] = {ACTION_QUARANTINE,   ACTION_RELEASE, ACTION_RELEASE,
                                                ACTION_REKEY,        ACTION_REVOKE,  ACTION_ALLOW_REENROL,
                                                ACTION_ALLOW_REENROL};
    size_t unit = pick(life, UNITS);
    struct terms terms = terms_of(life->scene, tenant_of(unit));
    struct device_order order = {.id = life->units[unit].id, .action = ORDERS[pick(life, 7)]};
    struct device_row row;
    err_t result = device_act(life->scene->fleet, &terms, &order, &row);
    assert_true(result.code == ERR_OK || result.code == ERR_WRONG_STATE);
    bool is_revoked = result.code == ERR_OK && order.action == ACTION_REVOKE;
    for (size_t i = 0; is_revoked && i < life->count; i++) {
        life->held[i].was_revoked |= life->held[i].unit == unit;
    }
}

/* I1: one nonce, one change; the second use of a proof that held finds nothing. */
static void step_challenge(struct life *life)
{
    size_t unit = pick(life, UNITS);
    struct challenge challenge;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) signature = {0};
    struct private_key *key = NULL;
    bool is_bound = false;
    assert_ok(challenge_make(life->scene->fleet, &life->units[unit].id, PURPOSE_STATUS, &challenge));
    struct challenge_proof proof = {.purpose = PURPOSE_STATUS,
                                    .device_id = life->units[unit].id,
                                    .spki = buf_view(&life->units[unit].spki),
                                    .nonce = BYTES_OF(challenge.nonce),
                                    .is_bound = true};
    assert_ok(challenge_text(&proof, &challenge.server_id, proof.exporter, &text));
    EVP_PKEY_up_ref(life->units[unit].identity);
    assert_ok(private_key_take(life->units[unit].identity, &key));
    assert_ok(private_key_sign(key, buf_view(&text), &signature));
    private_key_free(key);
    proof.signature = buf_view(&signature);
    assert_ok(challenge_check(life->scene->fleet, &proof, &is_bound));
    assert_ok(challenge_consume(life->scene->fleet, &proof));
    assert_int_equal(challenge_consume(life->scene->fleet, &proof).code, ERR_POP_FAILED);
}

static void step_stranger(struct life *life)
{
    strangers_step(&life->strangers, pick(life, 12), pick(life, STRANGERS));
}

static void step_time(struct life *life)
{
    static const int64_t STEPS_MS[] = {1, 1000, 3600 * 1000, 86400000, 20 * 86400000LL, 50 * 86400000LL};
    manual_clock_advance(&life->scene->clock, STEPS_MS[pick(life, 6)]);
    assert_ok(revocation_list_superseded(life->scene->fleet, life->scene->clock.at_ms));
    assert_ok(challenge_sweep(life->scene->fleet, life->scene->clock.at_ms));
    assert_ok(publication_refresh(life->scene->fleet, life->scene->clock.at_ms));
    assert_ok(device_terms_pass(life->scene->fleet, life->scene->clock.at_ms));
    set_renewal(life->scene, pick(life, TENANTS), 1 + (int64_t)pick(life, 99)); /* another schedule */
    assert_ok(device_terms_walk(life->scene->fleet, life->scene->clock.at_ms));
}

/* A device that makes its keys at random, or its next generation. */
static void step_fresh_key(struct life *life)
{
    EVP_PKEY **key = &life->keys[pick(life, UNITS)][pick(life, KEYS)];
    EVP_PKEY_free(*key);
    *key = ec_key("P-256");
}

static void step_restart(struct life *life)
{
    if (pick(life, 4) == 0) {
        scene_stop(life->scene);
        scene_start(life->scene);
    }
}

/* --- what must always hold -------------------------------------------------------------------------- */

static void check_rows(struct life *life)
{
    struct scene *scene = life->scene;
    /* I2 */
    assert_true(scene_number(scene, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM device "
                                    "WHERE claim = 2 GROUP BY id)") <= 1);
    /* I4, and no device with two confirmed keys */
    assert_true(scene_number(scene, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(DISTINCT device) AS n "
                                    "FROM certificate GROUP BY spki_sha256)") <= 1);
    assert_true(scene_number(scene, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM certificate "
                                    "WHERE state = 1 GROUP BY device, tenant)") <= 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate c LEFT JOIN device_key k ON "
                                         "k.spki_sha256 = c.spki_sha256 WHERE k.device IS NULL OR "
                                         "k.device <> c.device"),
                     0);
    /* I5, I7 */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind IN ('device.enrolled', "
                                         "'device.recovered', 'certificate.issued')"),
                     scene_number(scene, "SELECT COUNT(*) FROM certificate"));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked'"),
                     scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3"));
}

static void check_rising(struct life *life)
{
    for (size_t i = 0; i < UNITS; i++) { /* I3 */
        int64_t generation = scene_device(life->scene, tenant_of(i), &life->units[i].id).generation;
        assert_true(generation >= life->generations[i]);
        life->generations[i] = generation;
    }
    int64_t number = scene_number(life->scene, "SELECT MAX(number) FROM crl"); /* I10 */
    int64_t records = scene_number(life->scene, "SELECT COUNT(*) FROM audit");
    assert_true(number >= life->crl_number && records >= life->audit_records);
    life->crl_number = number;
    life->audit_records = records;
}

/* --- the run ---------------------------------------------------------------------------------------- */

static void life_init(struct life *life, struct scene *scene)
{
    const char *given = getenv("WHORL_TEST_SEED");
    life->scene = scene;
    strangers_init(&life->strangers, scene);
    assert_ok(random_fill(random_system(), (uint8_t *)&life->random, sizeof life->random));
    life->random = given != NULL ? strtoull(given, NULL, 10) : life->random | 1;
    print_message("WHORL_TEST_SEED=%llu\n", (unsigned long long)life->random);
    for (size_t i = 0; i < UNITS; i++) {
        unit_init(&life->units[i]);
        scene_register(scene, tenant_of(i), &life->units[i].id);
        for (size_t k = 0; k < KEYS; k++) {
            life->keys[i][k] = ec_key("P-256");
        }
    }
    /* the other tenant claims the first device too */
    scene_register(scene, 1, &life->units[0].id);
}

static void life_clear(struct life *life)
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

static void test_invariants_hold_in_random_lives(void **state)
{
    static void (*const STEP[])(struct life *) = {
        step_identity, step_identity, step_operational, step_operational, step_operational, step_use,
        step_use,      step_revoke,   step_order,       step_challenge,   step_order,       step_order,
        step_time,     step_restart,  step_fresh_key,   step_fresh_key,   step_stranger,    step_stranger};
    struct life *life = calloc(1, sizeof *life);
    assert_non_null(life);
    life_init(life, *state);
    for (int i = 0; i < STEPS; i++) {
        STEP[pick(life, sizeof STEP / sizeof STEP[0])](life);
        check_rows(life);
        strangers_check(life->scene);
        check_terms(life->scene, life->units, UNITS);
        check_rising(life);
    }
    assert_audit_verifies(life->scene);
    print_message("%lld certificates, %lld repeats, %lld refusals\n", (long long)life->enrolled,
                  (long long)life->repeated, (long long)life->refused);
    assert_true(life->enrolled >= UNITS);
    assert_true(life->refused > 0 && life->strangers.admitted > 0);
    life_clear(life);
}

/* I9: nothing leads out of compromised and retired. */
static void test_final_states_are_final(void **state)
{
    static const char *const FINAL[] = {"UPDATE device SET state = 4", "UPDATE device SET state = 5"};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    struct actor actor = {.name = "token:test", .request_id = ""};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    for (size_t i = 0; i < sizeof FINAL / sizeof FINAL[0]; i++) {
        AUTO_VAL(enrolment) out = {0};
        AUTO_VAL(certificate_row) revoked = {0};
        struct device_row row;
        scene_change(scene, FINAL[i]);
        enum device_state before = scene_device(scene, 0, &unit.id).state;
        assert_error(allow_reenrol(scene->fleet, &actor, scene->tenants[0].id, &unit.id, &row),
                     ERR_WRONG_STATE, "enrolled");
        assert_int_equal(enrol_by_identity(scene, &unit, key, 0, &out).code, ERR_DEVICE_REFUSED);
        assert_int_equal(contact_by_certificate(scene, buf_view(&first.certificate.der)).proof, PROOF_NONE);
        assert_ok(revoke_in(scene, 0, first.certificate.serial, 0, &revoked));
        assert_int_equal(scene_device(scene, 0, &unit.id).state, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_invariants_hold_in_random_lives),
        scene_test(test_final_states_are_final),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
