/* The pair of keys that firmware is signed by: which statement moves it, and that a power cut or a damaged
 * record never brings an old pair back. */
#include "tests/unit/device/suit_fixture.h"

struct statement {
    const char *kind;
    int64_t version;
    uint8_t product; /* each byte of the class id */
    uint64_t sequence;
    uint8_t signing, recovery; /* numbers of keys */
    uint8_t by;
    bool is_detached, is_compressed, is_longer;
    uint8_t bytes[1024];
};

static struct whorl_bytes write_statement(struct statement *s)
{
    uint8_t room[512], point[WHORL_POINT_BYTES], product[WHORL_UUID_BYTES];
    struct whorl_space space = {room, sizeof room}, out_space = {s->bytes, sizeof s->bytes};
    struct whorl_text payload, out;
    memset(product, s->product, sizeof product);
    whorl_text_begin(&payload, space);
    cbor_head(&payload, 4, s->is_longer ? 7 : 6);
    cbor_words(&payload, s->kind);
    cbor_int(&payload, s->version);
    cbor_string(&payload, 2, product, sizeof product);
    cbor_head(&payload, 0, s->sequence);
    point_of_number(s->signing, point);
    point[0] = s->is_compressed ? 2 : 4;
    cbor_string(&payload, 2, point, sizeof point);
    point_of_number(s->recovery, point);
    cbor_string(&payload, 2, point, sizeof point);
    if (s->is_longer) {
        cbor_int(&payload, 0);
    }
    whorl_text_begin(&out, out_space);
    put_sign1(&out, s->by, &payload, s->is_detached, TWIST_NONE);
    assert_false(payload.is_full || out.is_full);
    return whorl_text_view(&out);
}

static struct statement good_statement(void)
{
    return (struct statement){.kind = "whorl-anchors",
                              .version = 1,
                              .product = 0x22,
                              .sequence = 2,
                              .signing = NEXT_KEY,
                              .recovery = NEXT_SAFE_KEY,
                              .by = SAFE_KEY};
}

static enum whorl_verdict read_statement(struct statement *s, const struct whorl_firmware_keys *in_force,
                                         struct whorl_firmware_keys *out)
{
    const struct whorl_firmware_class own = own_class();
    return whorl_statement_read(&host_crypto, in_force, own.id[0], write_statement(s), out);
}

static void only_the_recovery_key_moves_the_pair(void **state)
{
    (void)state;
    const struct whorl_firmware_keys first = keys_of(SIGNER_KEY, SAFE_KEY, 1);
    const struct whorl_firmware_keys wanted = keys_of(NEXT_KEY, NEXT_SAFE_KEY, 2);
    struct whorl_firmware_keys next;
    struct statement s = good_statement();
    assert_int_equal(read_statement(&s, &first, &next), WHORL_VERDICT_GOOD);
    assert_int_equal(next.sequence, 2);
    assert_memory_equal(next.point, wanted.point, sizeof next.point);
    s.by = SIGNER_KEY; /* the key that leaked */
    assert_int_equal(read_statement(&s, &first, &next), WHORL_VERDICT_KEY);
    s.by = NEXT_SAFE_KEY; /* the one that it names */
    assert_int_equal(read_statement(&s, &first, &next), WHORL_VERDICT_KEY);
    s = good_statement();
    s.sequence = 1;
    assert_int_equal(read_statement(&s, &first, &next), WHORL_VERDICT_SEQUENCE);
    s = good_statement();
    s.product = 0x33; /* the class of the hardware is not that of the product */
    assert_int_equal(read_statement(&s, &first, &next), WHORL_VERDICT_CLASS);
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    const struct whorl_firmware_keys first = keys_of(SIGNER_KEY, SAFE_KEY, 1);
    struct whorl_firmware_keys next;
    struct statement rows[5];
    for (size_t i = 0; i < 5; i++) {
        rows[i] = good_statement();
    }
    rows[0].kind = "whorl-anchor";
    rows[1].version = 2;
    rows[2].is_detached = true;
    rows[3].is_compressed = true;
    rows[4].is_longer = true;
    for (size_t i = 0; i < 5; i++) {
        if (read_statement(&rows[i], &first, &next) != WHORL_VERDICT_FORM) {
            fail_msg("row %zu is taken", i);
        }
    }
}

static void cut_or_flipped(void **state)
{
    (void)state;
    const struct whorl_firmware_keys first = keys_of(SIGNER_KEY, SAFE_KEY, 1);
    const struct whorl_firmware_class own = own_class();
    struct whorl_firmware_keys next;
    struct statement s = good_statement();
    struct whorl_bytes whole = write_statement(&s);
    for (size_t size = 0; size < whole.size; size++) {
        struct whorl_bytes cut = {whole.data, size};
        assert_int_equal(whorl_statement_read(&host_crypto, &first, own.id[0], cut, &next),
                         WHORL_VERDICT_FORM);
    }
    for (size_t i = 0; i < whole.size * 8; i++) {
        s.bytes[i / 8] = (uint8_t)(s.bytes[i / 8] ^ 1U << i % 8);
        if (whorl_statement_read(&host_crypto, &first, own.id[0], whole, &next) == WHORL_VERDICT_GOOD) {
            fail_msg("bit %zu does not matter", i);
        }
        s.bytes[i / 8] = (uint8_t)(s.bytes[i / 8] ^ 1U << i % 8);
    }
}

static void a_statement_of_another_writer(void **state)
{
    (void)state;
    static struct vector v;
    const struct whorl_firmware_keys first = keys_of(SIGNER_KEY, SAFE_KEY, 0);
    FILE *file = fopen("tests/vectors/suit.txt", "r");
    size_t statements = 0;
    assert_non_null(file);
    while (vector_next(file, &v)) {
        uint8_t text[512], wanted[WHORL_POINT_BYTES];
        struct whorl_firmware_keys next;
        if (strcmp(vector_text(&v, "kind"), "statement") != 0) {
            continue;
        }
        struct whorl_bytes in = {text, vector_hex(&v, "statement", text, sizeof text)};
        assert_int_equal(vector_hex(&v, "class", wanted, sizeof wanted), WHORL_UUID_BYTES);
        assert_int_equal(whorl_statement_read(&host_crypto, &first, wanted, in, &next), WHORL_VERDICT_GOOD);
        assert_int_equal(next.sequence, vector_number(&v, "sequence"));
        (void)vector_hex(&v, "signing", wanted, sizeof wanted);
        assert_memory_equal(next.point[WHORL_ANCHOR_SIGNING], wanted, sizeof wanted);
        (void)vector_hex(&v, "recovery", wanted, sizeof wanted);
        assert_memory_equal(next.point[WHORL_ANCHOR_RECOVERY], wanted, sizeof wanted);
        statements++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(statements, 1);
}

static void the_record_keeps_the_newer_pair(void **state)
{
    (void)state;
    static struct sim_storage storage;
    struct whorl_firmware_class own = own_class();
    const struct whorl_firmware_keys built_in = keys_of(SIGNER_KEY, SAFE_KEY, 1);
    const struct whorl_firmware_keys moved = keys_of(NEXT_KEY, NEXT_SAFE_KEY, 2);
    const struct whorl_firmware_keys newer_build = keys_of(SIGNER_KEY, SAFE_KEY, 2);
    struct whorl_firmware_keys out;
    sim_storage_init(&storage);
    assert_int_equal(whorl_manifest_keys_load(&storage.port, &own, &built_in, &out), WHORL_OK);
    assert_memory_equal(out.point, built_in.point, sizeof out.point);
    storage.changes_left = 0; /* no power: the old pair stays */
    assert_int_equal(whorl_manifest_keys_save(&storage.port, &own, &moved), WHORL_ERROR_STORAGE);
    storage.changes_left = SIM_NEVER;
    assert_int_equal(whorl_manifest_keys_load(&storage.port, &own, &built_in, &out), WHORL_OK);
    assert_int_equal(out.sequence, 1);
    assert_int_equal(whorl_manifest_keys_save(&storage.port, &own, &moved), WHORL_OK);
    assert_int_equal(whorl_manifest_keys_load(&storage.port, &own, &built_in, &out), WHORL_OK);
    assert_int_equal(out.sequence, 2);
    assert_memory_equal(out.point, moved.point, sizeof out.point);
    assert_int_equal(whorl_manifest_keys_load(&storage.port, &own, &newer_build, &out), WHORL_OK);
    assert_memory_equal(out.point, newer_build.point, sizeof out.point); /* firmware that knows as much */
    own.id[0][0] ^= 1; /* the record is of another product */
    assert_int_equal(whorl_manifest_keys_load(&storage.port, &own, &built_in, &out), WHORL_OK);
    assert_int_equal(out.sequence, 1);
}

/* The pair may have been moved because the firmware's leaked: damage must not bring that back unseen. */
static void a_damaged_record_is_told(void **state)
{
    (void)state;
    static struct sim_storage storage;
    const struct whorl_firmware_class own = own_class();
    const struct whorl_firmware_keys built_in = keys_of(SIGNER_KEY, SAFE_KEY, 1);
    const struct whorl_firmware_keys moved = keys_of(NEXT_KEY, NEXT_SAFE_KEY, 2);
    static const size_t at[] = {0, 1 + WHORL_UUID_BYTES + 8, 1 + WHORL_UUID_BYTES + 8 + WHORL_POINT_BYTES};
    struct whorl_firmware_keys out;
    for (size_t i = 0; i < 5; i++) {
        sim_storage_init(&storage);
        assert_int_equal(whorl_manifest_keys_save(&storage.port, &own, &moved), WHORL_OK);
        if (i < 3) {
            storage.record[WHORL_RECORD_MANIFEST_KEYS][at[i]] ^= 1;
        } else {
            storage.size[WHORL_RECORD_MANIFEST_KEYS] += i == 3 ? 1 : (size_t)-1;
        }
        assert_int_equal(whorl_manifest_keys_load(&storage.port, &own, &built_in, &out), WHORL_ERROR_STORAGE);
        assert_memory_equal(out.point, built_in.point, sizeof out.point);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_recovery_key_moves_the_pair),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(cut_or_flipped),
        cmocka_unit_test(a_statement_of_another_writer),
        cmocka_unit_test(the_record_keeps_the_newer_pair),
        cmocka_unit_test(a_damaged_record_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
