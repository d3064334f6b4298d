/* Tests of proofs by challenge: the signed text against vectors that Python made, every field of a proof that
 * must not be changed, single use, and enrolment that consumes its nonce. */
#include "tests/unit/fleet/contact_scene.h"

#include "fleet/challenge.h"
#include "fleet/challenge_text.h"

/* --- golden vectors --------------------------------------------------------------------------------- */

struct vector {
    struct buf server_id, device_id, new_spki, csr, nonce, exporter, text;
    long long purpose, generation;
    unsigned long long counter;
};

static void vector_clear(struct vector *vector)
{
    struct buf *all[] = {&vector->server_id, &vector->device_id, &vector->new_spki, &vector->csr,
                         &vector->nonce,     &vector->exporter,  &vector->text};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        buf_clear(all[i]);
    }
    *vector = (struct vector){0};
}

static void read_hex(const char *text, struct buf *out)
{
    size_t n = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    uint8_t bytes[1024];
    assert_true(n <= sizeof bytes);
    if (n > 0) {
        assert_ok(hex_decode(bytes_str(text), bytes, n));
        assert_ok(buf_append(out, bytes, n));
    }
}

static void read_line(struct vector *vector, const char *name, const char *value)
{
    struct {
        const char *name;
        struct buf *out;
    } fields[] = {{"server_id", &vector->server_id},
                  {"device_id", &vector->device_id},
                  {"new_spki", &vector->new_spki},
                  {"csr", &vector->csr},
                  {"nonce", &vector->nonce},
                  {"tls_exporter", &vector->exporter},
                  {"text", &vector->text}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(name, fields[i].name) == 0) {
            read_hex(value, fields[i].out);
        }
    }
    if (strcmp(name, "purpose") == 0) {
        vector->purpose = strtoll(value, NULL, 10);
    } else if (strcmp(name, "generation") == 0) {
        vector->generation = strtoll(value, NULL, 10);
    } else if (strcmp(name, "counter") == 0) {
        vector->counter = strtoull(value, NULL, 10);
    }
}

static void check_vector(const struct vector *vector)
{
    AUTO_VAL(buf) text = {0};
    struct sha256 server_id;
    struct challenge_proof proof = {.purpose = (enum challenge_purpose)vector->purpose,
                                    .nonce = buf_view(&vector->nonce),
                                    .generation = vector->generation,
                                    .new_spki = buf_view(&vector->new_spki),
                                    .csr = buf_view(&vector->csr),
                                    .counter = vector->counter};
    memcpy(proof.device_id.b, vector->device_id.p, sizeof proof.device_id.b);
    memcpy(server_id.b, vector->server_id.p, sizeof server_id.b);
    assert_ok(challenge_text(&proof, &server_id, vector->exporter.p, &text));
    assert_true(bytes_equal(buf_view(&text), buf_view(&vector->text)));
}

static void test_text_equals_the_vectors(void **state)
{
    (void)state;
    FILE *file = fopen("tests/vectors/pop.txt", "r");
    assert_non_null(file);
    char line[4096];
    char name[32];
    char value[4000];
    struct vector vector = {0};
    int checked = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] != '#' && sscanf(line, "%31s %3999s", name, value) == 2) {
            read_line(&vector, name, value);
            if (strcmp(name, "sha256") == 0) { /* the last line of a block */
                check_vector(&vector);
                vector_clear(&vector);
                checked++;
            }
        }
    }
    (void)fclose(file);
    assert_true(checked >= 3);
}

/* --- proofs ----------------------------------------------------------------------------------------- */

struct attempt {
    struct challenge challenge;
    struct challenge_proof proof;
    struct buf signature;
};

static void sign(const struct attempt *attempt, const struct unit *unit, const uint8_t exporter[32],
                 struct buf *signature)
{
    AUTO_VAL(buf) text = {0};
    AUTO_PTR(private_key) *key = NULL;
    EVP_PKEY_up_ref(unit->identity);
    assert_ok(private_key_take(unit->identity, &key));
    assert_ok(challenge_text(&attempt->proof, &attempt->challenge.server_id, exporter, &text));
    buf_clear(signature);
    assert_ok(private_key_sign(key, buf_view(&text), signature));
}

static void prove(struct scene *scene, const struct unit *unit, struct attempt *attempt)
{
    *attempt = (struct attempt){0};
    assert_ok(challenge_make(scene->fleet,
                             &(struct challenge_question){.device_id = unit->id, .purpose = PURPOSE_STATUS},
                             &attempt->challenge));
    attempt->proof = (struct challenge_proof){.purpose = PURPOSE_STATUS,
                                              .device_id = unit->id,
                                              .spki = buf_view(&unit->spki),
                                              .nonce = BYTES_OF(attempt->challenge.nonce),
                                              .is_bound = true,
                                              .counter = 7};
    memset(attempt->proof.exporter, 0x33, sizeof attempt->proof.exporter);
    sign(attempt, unit, attempt->proof.exporter, &attempt->signature);
    attempt->proof.signature = buf_view(&attempt->signature);
}

static err_code check(struct scene *scene, const struct challenge_proof *proof)
{
    bool is_bound = false;
    err_t result = challenge_check(scene->fleet, proof, &is_bound);
    if (result.code == ERR_POP_FAILED) {
        assert_string_equal(result.detail, "the proof does not hold"); /* one shape */
    }
    return result.code;
}

static void test_a_proof_holds_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    struct attempt attempt;
    bool is_bound = false;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    prove(scene, &unit, &attempt);
    assert_int_equal(attempt.challenge.expires_in_s, 120);
    assert_memory_equal(attempt.challenge.server_id.b, authority_spki_sha256(scene->house.root)->b, 32);
    assert_ok(challenge_check(scene->fleet, &attempt.proof, &is_bound));
    assert_true(is_bound);
    assert_ok(challenge_consume(scene->fleet, &attempt.proof));
    assert_int_equal(challenge_consume(scene->fleet, &attempt.proof).code, ERR_POP_FAILED);
    /* the sweep does not bring it back */
    manual_clock_advance(&scene->clock, 119 * 1000);
    assert_ok(challenge_sweep(scene->fleet, scene->clock.at_ms));
    assert_int_equal(challenge_consume(scene->fleet, &attempt.proof).code, ERR_POP_FAILED);
    manual_clock_advance(&scene->clock, 300 * 1000);
    assert_ok(challenge_sweep(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM challenge_used"), 0);
    assert_int_equal(check(scene, &attempt.proof), ERR_POP_FAILED);
    assert_int_equal(challenge_consume(scene->fleet, &attempt.proof).code, ERR_POP_FAILED);
    buf_clear(&attempt.signature);
}

static void test_every_changed_field_fails(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(unit) other;
    struct attempt attempt;
    unit_init(&unit);
    unit_init(&other);
    scene_register(scene, 0, &unit.id);
    prove(scene, &unit, &attempt);
    struct challenge_proof good = attempt.proof;
    struct challenge_proof bad[10];
    for (size_t i = 0; i < 10; i++) {
        bad[i] = good;
    }
    uint8_t nonce[NONCE_SIZE];
    memcpy(nonce, good.nonce.p, NONCE_SIZE);
    nonce[7] ^= 1; /* a longer life */
    bad[0].nonce = BYTES_OF(nonce);
    bad[1].nonce.n--;
    bad[2].exporter[0] ^= 1;
    bad[3].counter++;
    bad[4].spki = buf_view(&other.spki);
    bad[5].device_id = other.id;
    bad[6].purpose = PURPOSE_ENROL;
    bad[7].signature.n--;
    bad[8].generation = 1;
    bad[9].csr = bytes_str("x");
    assert_int_equal(check(scene, &good), ERR_OK);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(check(scene, &bad[i]), ERR_POP_FAILED);
    }
    /* another process of the server: its key is another */
    scene_stop(scene);
    scene_start(scene);
    assert_int_equal(check(scene, &good), ERR_POP_FAILED);
    buf_clear(&attempt.signature);
}

/* Zeros in place of the exporter count only where the product says so. */
static void test_unbound_proofs_are_the_products_choice(void **state)
{
    static const uint8_t ZEROS[32] = {0};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    struct attempt attempt;
    bool is_bound = true;
    unit_init(&unit);
    prove(scene, &unit, &attempt);
    sign(&attempt, &unit, ZEROS, &attempt.signature);
    attempt.proof.signature = buf_view(&attempt.signature);
    assert_int_equal(check(scene, &attempt.proof), ERR_OK); /* nobody registered it: nothing to gain */
    scene_register(scene, 0, &unit.id);
    assert_int_equal(check(scene, &attempt.proof), ERR_POP_FAILED);
    scene_change(scene, "UPDATE product SET allow_unbound_challenge = 1");
    assert_ok(challenge_check(scene->fleet, &attempt.proof, &is_bound));
    assert_false(is_bound);
    attempt.proof.is_bound = false; /* the exporter is not known here */
    assert_int_equal(check(scene, &attempt.proof), ERR_OK);
    buf_clear(&attempt.signature);
}

/* --- enrolment -------------------------------------------------------------------------------------- */

static err_t enrol_by_proof(struct scene *scene, const struct unit *unit, const struct csr *csr,
                            struct challenge_proof *proof, struct enrolment *out)
{
    struct contact contact;
    proof->purpose = PURPOSE_ENROL;
    proof->new_spki = csr_borrow_spki(csr);
    struct contact_facts facts = facts_of(NULL);
    facts.proved_spki = buf_view(&unit->spki);
    TRY(contact_resolve(scene->fleet, &facts, &contact));
    struct enrol_order order = {.contact = &contact,
                                .facts = &facts,
                                .csr = csr,
                                .generation = proof->generation,
                                .proof = proof,
                                .actor = {.name = "device:test", .request_id = ""}};
    return enrol(scene->fleet, &order, out);
}

static void test_enrolment_uses_the_nonce(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) replay = {0};
    AUTO_VAL(enrolment) again = {0};
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    struct attempt attempt;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    prove(scene, &unit, &attempt);
    assert_ok(enrol_by_proof(scene, &unit, csr, &attempt.proof, &first));
    assert_int_equal(enrol_by_proof(scene, &unit, csr, &attempt.proof, &replay).code, ERR_POP_FAILED);
    buf_clear(&attempt.signature);
    /* a new nonce for the same key: the same certificate, and the nonce is used as well */
    prove(scene, &unit, &attempt);
    assert_ok(enrol_by_proof(scene, &unit, csr, &attempt.proof, &again));
    assert_true(again.is_repeat);
    assert_int_equal(challenge_consume(scene->fleet, &attempt.proof).code, ERR_POP_FAILED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM challenge_used"), 2);
    buf_clear(&attempt.signature);
}

/* A proof for one key does not bring another one in. */
static void test_parts_of_different_proofs_do_not_add_up(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(unit) other;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    struct attempt attempt;
    struct contact contact;
    unit_init(&unit);
    unit_init(&other);
    scene_register(scene, 0, &unit.id);
    prove(scene, &unit, &attempt);
    contact = contact_by_identity(scene, &unit);
    struct contact_facts facts = facts_of(NULL);
    facts.proved_spki = buf_view(&unit.spki);
    struct challenge_proof good = attempt.proof;
    good.purpose = PURPOSE_ENROL;
    good.new_spki = csr_borrow_spki(csr);
    struct challenge_proof bad[4] = {good, good, good, good};
    bad[0].purpose = PURPOSE_STATUS;
    bad[1].new_spki = buf_view(&other.spki);
    bad[2].device_id = other.id;
    bad[3].generation = 2;
    for (size_t i = 0; i <= 4; i++) {
        struct enrol_order order = {.contact = &contact,
                                    .facts = &facts,
                                    .csr = csr,
                                    .proof = i < 4 ? &bad[i] : &good,
                                    .actor = {.name = "device:test", .request_id = ""}};
        assert_int_equal(enrol(scene->fleet, &order, &out).code, i < 4 ? ERR_POP_FAILED : ERR_OK);
    }
    buf_clear(&attempt.signature);
}

/* What is refused leaves the nonce as it was. */
static void test_a_refused_enrolment_uses_no_nonce(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) out = {0};
    struct attempt attempt;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = unit.identity});
    prove(scene, &unit, &attempt);
    assert_int_equal(enrol_by_proof(scene, &unit, csr, &attempt.proof, &out).code, ERR_UNPROCESSABLE);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM challenge_used"), 0);
    buf_clear(&attempt.signature);
}

/* Ten thousand challenges for a victim's id: nothing is kept of them, and the victim still enrols. */
static void test_a_flood_of_challenges_locks_nobody_out(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    struct attempt attempt;
    struct challenge challenge;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    prove(scene, &unit, &attempt);
    for (int i = 0; i < 10000; i++) {
        assert_ok(challenge_make(scene->fleet,
                                 &(struct challenge_question){.device_id = unit.id, .purpose = PURPOSE_ENROL},
                                 &challenge));
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM challenge_used"), 0);
    assert_int_equal(check(scene, &attempt.proof), ERR_OK);
    assert_ok(enrol_by_proof(scene, &unit, csr, &attempt.proof, &out));
    buf_clear(&attempt.signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_equals_the_vectors),
        scene_test(test_a_proof_holds_once),
        scene_test(test_every_changed_field_fails),
        scene_test(test_unbound_proofs_are_the_products_choice),
        scene_test(test_enrolment_uses_the_nonce),
        scene_test(test_parts_of_different_proofs_do_not_add_up),
        scene_test(test_a_refused_enrolment_uses_no_nonce),
        scene_test(test_a_flood_of_challenges_locks_nobody_out),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
