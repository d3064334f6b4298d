/* The device protocol through the handlers on a real fleet: by TLS and by challenge. The signed text is
 * written by the device library, so both ends are held to one layout. */
#include "tests/unit/api/api_fixture.h"

#include "api/device_v1.h"
#include "device/core/pop.h"

static struct call post(const char *route, const struct buf *body)
{
    return (struct call){
        .method = HTTP_POST, .route = route, .type = "application/json", .body = buf_view(body)};
}

static void get_status(struct house *h, const struct peer_identity *peer, struct reply *reply)
{
    struct call call = {.method = HTTP_GET, .route = "/device/v1/status", .peer = peer};
    assert_status(h, &call, reply, 200);
}

/* The digest is that of the very bytes that EST gives out, base64 undone. */
static void status_names_the_trust_anchors(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) set = {.json = NULL};
    AUTO_VAL(reply) status = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO_VAL(buf) der = {0};
    struct sha256 hash;
    char hex[2 * SHA256_SIZE + 1];
    struct call call = {.method = HTTP_GET, .route = "/.well-known/est/cacerts"};
    chip_make(&chip);
    assert_status(h, &call, &set, 200);
    assert_ok(base64_decode(buf_view(&set.response.body), &der));
    assert_ok(sha256_of(buf_view(&der), &hash));
    hex_encode(BYTES_OF(hash.b), hex);
    get_status(h, &chip.peer, &status);
    assert_string_equal(text_at(&status, "anchors_sha256"), hex);
}

/* --- proofs */

struct draft {
    const struct chip *chip;
    EVP_PKEY *new_key; /* NULL for status */
    struct buf csr;
    struct whorl_pop pop;
};
static void draft_clear(struct draft *draft)
{
    buf_clear(&draft->csr);
    EVP_PKEY_free(draft->new_key);
}
DEFINE_AUTO_VAL(draft, draft_clear);

static void sha_of(struct bytes in, uint8_t out[32])
{
    struct sha256 hash;
    assert_ok(sha256_of(in, &hash));
    memcpy(out, hash.b, 32);
}

/* Asks for a nonce and fills in everything that is signed. */
static void draft_make(struct house *h, const struct chip *chip, bool is_enrol, struct draft *out)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) nonce = {0};
    *out = (struct draft){.chip = chip,
                          .pop = {.purpose = is_enrol ? WHORL_POP_ENROL : WHORL_POP_STATUS, .counter = 1}};
    assert_ok(buf_printf(&body, "{\"device_id\":\"%s\",\"purpose\":\"%s\",\"later\":1}", chip->id,
                         is_enrol ? "enrol" : "status"));
    struct call call = post("/device/v1/challenge", &body);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "expires_in"), 120);
    assert_ok(base64_decode(bytes_str(text_at(&reply, "nonce")), &nonce));
    assert_ok(hex_decode(bytes_str(text_at(&reply, "server_id")), out->pop.server_id, 32));
    memcpy(out->pop.nonce, nonce.p, nonce.n);
    out->pop.nonce_size = nonce.n;
    memcpy(out->pop.device_id, chip->peer.certificate.key.spki_sha256.b, 32);
    memset(out->pop.tls_exporter, 0x5a, 32);
    if (is_enrol) {
        AUTO_VAL(buf) spki = {0};
        out->new_key = ec_key("P-256");
        make_csr(out->new_key, "SHA256", NULL, &out->csr);
        spki_of(out->new_key, &spki);
        sha_of(buf_view(&out->csr), out->pop.csr_sha256);
        sha_of(buf_view(&spki), out->pop.new_spki_sha256);
        out->pop.generation = 1;
    }
}

static void sign(EVP_PKEY *key, const struct whorl_pop *pop, struct buf *out)
{
    uint8_t text[WHORL_POP_MAX];
    size_t size = 128;
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    assert_ok(buf_reserve(out, size));
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, out->p, &size, text, whorl_pop_write(pop, text)), 1);
    out->n = size;
}

static void add_base64(struct buf *out, const char *name, struct bytes value)
{
    assert_ok(buf_printf(out, "\"%s\":\"", name));
    assert_ok(base64_append(out, value));
    assert_ok(buf_append_str(out, "\","));
}

/* The body with its proof; with the request when there is one. */
static void draft_body(const struct draft *draft, struct buf *out)
{
    AUTO_VAL(buf) signature = {0};
    sign(draft->chip->key, &draft->pop, &signature);
    out->n = 0;
    assert_ok(buf_append_str(out, "{"));
    if (draft->csr.n > 0) {
        add_base64(out, "csr", buf_view(&draft->csr));
        assert_ok(buf_printf(out, "\"generation\":%u,", draft->pop.generation));
    }
    assert_ok(buf_append_str(out, "\"proof\":{"));
    add_base64(out, "spki", buf_view(&draft->chip->peer.spki));
    add_base64(out, "nonce", (struct bytes){draft->pop.nonce, draft->pop.nonce_size});
    add_base64(out, "signature", buf_view(&signature));
    assert_ok(buf_printf(out, "\"device_id\":\"%s\",\"counter\":1}}", draft->chip->id));
}

static struct call proved(const struct draft *draft, const struct buf *body)
{
    struct call call = post(draft->csr.n > 0 ? "/device/v1/enrol" : "/device/v1/status", body);
    call.binding.has_exporter = true;
    memset(call.binding.exporter, 0x5a, 32);
    return call;
}

/* --- tests */

static void status_tells_the_truth_under_a_proof(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    get_status(h, &chip.peer, &reply);
    assert_string_equal(text_at(&reply, "status"), "does_not_exist");
    assert_int_equal(number_at(&reply, "code"), 30);
    assert_string_equal(text_at(&reply, "device_id"), chip.id);
    assert_null(json_object_get(reply.json, "tenant"));
    register_chips(h, &chip, 1);
    get_status(h, &chip.peer, &reply);
    assert_string_equal(text_at(&reply, "status"), "not_enrolled");
    assert_int_equal(number_at(&reply, "code"), 12);
    assert_string_equal(text_at(&reply, "tenant"), "default");
    assert_int_equal(strlen(text_at(&reply, "owner_salt")), 64);
    assert_int_equal(strlen(text_at(&reply, "server_id")), 64);
    assert_string_equal(text_at(&reply, "server_time"), "2026-01-02T00:00:00Z");
}

static void without_proof_known_and_unknown_look_alike(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    struct call call = {.method = HTTP_GET, .route = "/device/v1/status"};
    assert_status(h, &call, &reply, 401);
    assert_ok(buf_append_str(&body, "{}"));
    call = post("/device/v1/status", &body);
    assert_status(h, &call, &reply, 401);
    assert_string_equal(reply.response.content_type, "application/problem+json");
    /* a proof that fails: the same bytes for a registered device and for nobody's */
    AUTO_VAL(buf) first = {0};
    for (int i = 0; i < 2; i++) {
        AUTO_VAL(chip) chip;
        AUTO_VAL(draft) draft;
        chip_make(&chip);
        if (i == 0) {
            register_chips(h, &chip, 1);
        }
        draft_make(h, &chip, true, &draft);
        draft.pop.counter = 7;
        draft_body(&draft, &body);
        call = proved(&draft, &body);
        assert_status(h, &call, &reply, 401);
        if (i == 0) {
            assert_ok(buf_append_bytes(&first, buf_view(&reply.response.body)));
        }
    }
    assert_true(bytes_equal(buf_view(&first), buf_view(&reply.response.body)));
}

static void enrol_by_tls_then_use(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) csr = {0};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) der = {0};
    struct peer_identity peer;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    make_csr(key, "SHA256", NULL, &csr);
    assert_ok(buf_append_str(&body, "{"));
    add_base64(&body, "csr", buf_view(&csr));
    assert_ok(buf_append_str(&body, "\"generation\":1,\"unknown\":[]}"));
    struct call call = post("/device/v1/enrol", &body);
    call.peer = &chip.peer;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(number_at(&reply, "code"), 10);
    assert_int_equal(number_at(&reply, "generation"), 1);
    assert_int_equal(json_array_size(json_object_get(reply.json, "chain")), 1);
    assert_null(json_object_get(reply.json, "hub"));
    assert_ok(base64_decode(bytes_str(text_at(&reply, "certificate")), &der));
    peer_of_certificate(buf_view(&der), &peer);
    get_status(h, &peer, &reply);
    assert_string_equal(text_at(&reply, "status"), "enrolled");
    assert_null(json_object_get(reply.json, "owner_salt")); /* under the identity key only */
    assert_int_equal(
        strlen(json_string_value(json_object_get(json_object_get(reply.json, "certificate"), "serial"))), 32);
    peer_identity_clear(&peer);
}

static void enrol_by_challenge(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO_VAL(draft) status;
    AUTO_VAL(draft) draft;
    AUTO_VAL(buf) body = {0};
    chip_make(&chip);
    register_chips(h, &chip, 1);
    draft_make(h, &chip, false, &status);
    draft_body(&status, &body);
    struct call call = proved(&status, &body);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "status"), "not_enrolled");
    assert_status(h, &call, &reply, 401); /* the nonce is used */
    assert_string_equal(text_at(&reply, "type"), "/problems/pop-failed");
    draft_make(h, &chip, true, &draft);
    draft_body(&draft, &body);
    call = proved(&draft, &body);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "device_id"), chip.id);
    assert_status(h, &call, &reply, 401);
}

/* Each signed thing, exchanged after signing or before: one answer for all. */
static void proofs_that_do_not_hold(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    for (int i = 0; i < 7; i++) {
        AUTO_VAL(draft) draft;
        AUTO_VAL(buf) body = {0};
        draft_make(h, &chip, true, &draft);
        struct whorl_pop *pop = &draft.pop;
        uint8_t *const fields[] = {pop->csr_sha256, pop->new_spki_sha256, pop->server_id, pop->tls_exporter,
                                   pop->nonce};
        if (i < 5) {
            fields[i][0] ^= 1;
        }
        pop->counter += i == 5 ? 1 : 0;
        pop->purpose = i == 6 ? WHORL_POP_STATUS : pop->purpose;
        draft_body(&draft, &body);
        struct call call = proved(&draft, &body);
        assert_status(h, &call, &reply, 401);
        assert_string_equal(text_at(&reply, "type"), "/problems/pop-failed");
    }
}

static void ten_thousand_challenges_lock_nobody_out(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(draft) draft;
    chip_make(&chip);
    register_chips(h, &chip, 1);
    assert_ok(buf_printf(&body, "{\"device_id\":\"%s\",\"purpose\":\"enrol\"}", chip.id));
    for (int i = 0; i < 10000; i++) {
        struct call call = post("/device/v1/challenge", &body);
        assert_status(h, &call, &reply, 200);
    }
    draft_make(h, &chip, true, &draft);
    draft_body(&draft, &body);
    struct call call = proved(&draft, &body);
    assert_status(h, &call, &reply, 200);
}

static void bad_bodies(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    chip_make(&chip);
    static const struct {
        const char *route, *body, *pointer;
        int status;
    } table[] = {
        {"/device/v1/challenge", "{\"device_id\":\"A1\",\"purpose\":\"enrol\"}", "/device_id", 422},
        {"/device/v1/challenge", "{\"purpose\":\"enrol\"}", "/device_id", 422},
        {"/device/v1/challenge", "", NULL, 400},
        {"/device/v1/enrol", "{}", "/csr", 422},
        {"/device/v1/enrol", "{\"csr\":\"MII*\"}", "/csr", 422},
        {"/device/v1/enrol", "{\"csr\":\"AQID\"}", NULL, 400},
        {"/device/v1/enrol", "{\"csr\":\"AQID\",\"generation\":-1}", "/generation", 422},
        {"/device/v1/enrol", "{\"csr\":\"AQID\",\"proof\":{}}", "/proof", 422},
        {"/device/v1/status", "{\"proof\":7}", "/proof", 422},
        {"/device/v1/status", "[]", NULL, 422},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buf body = {0};
        assert_ok(buf_append_str(&body, table[i].body));
        struct call call = post(table[i].route, &body);
        call.peer = &chip.peer;
        assert_status(h, &call, &reply, table[i].status);
        json_t *item = json_array_get(json_object_get(reply.json, "errors"), 0);
        const char *pointer = json_string_value(json_object_get(item, "pointer"));
        assert_int_equal(pointer == NULL, table[i].pointer == NULL);
        assert_string_equal(pointer == NULL ? "" : pointer, table[i].pointer == NULL ? "" : table[i].pointer);
        call.type = "text/plain";
        assert_status(h, &call, &reply, 415);
        buf_clear(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_tells_the_truth_under_a_proof, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(status_names_the_trust_anchors, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(without_proof_known_and_unknown_look_alike, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(enrol_by_tls_then_use, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(enrol_by_challenge, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(proofs_that_do_not_hold, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_challenges_lock_nobody_out, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(bad_bodies, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
