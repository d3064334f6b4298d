/* Release manifests: what is read out of a good one, and that nothing else is taken for one: other forms of
 * the same meaning, other structures, flipped bits, cut ends, other signers. */
#include "tests/unit/device/suit_fixture.h"

static struct whorl_firmware_keys own_keys(void)
{
    return keys_of(SIGNER_KEY, SAFE_KEY, 0);
}

static enum whorl_verdict read_paper(struct paper *paper, struct whorl_manifest *out)
{
    const struct whorl_firmware_keys keys = own_keys();
    return whorl_suit_read(&host_crypto, &keys, write_envelope(paper), out);
}

static void assert_same(struct whorl_bytes got, const uint8_t *wanted, size_t size)
{
    assert_int_equal(got.size, size);
    assert_memory_equal(got.data, wanted, size);
}

/* Envelopes that neither this code nor its fixture wrote. */
static void vectors_of_another_writer(void **state)
{
    (void)state;
    static struct vector v;
    const struct whorl_firmware_keys keys = own_keys();
    FILE *file = fopen("tests/vectors/suit.txt", "r");
    size_t manifests = 0;
    assert_non_null(file);
    while (vector_next(file, &v)) {
        uint8_t envelope[1024], wanted[64];
        struct whorl_manifest manifest;
        if (strcmp(vector_text(&v, "kind"), "manifest") != 0) {
            continue;
        }
        struct whorl_bytes in = {envelope, vector_hex(&v, "envelope", envelope, sizeof envelope)};
        assert_int_equal(whorl_suit_read(&host_crypto, &keys, in, &manifest), WHORL_VERDICT_GOOD);
        const struct whorl_component *c = &manifest.component[0];
        assert_int_equal(manifest.count, 1);
        assert_int_equal(manifest.sequence, vector_number(&v, "sequence"));
        assert_int_equal(manifest.signer, vector_number(&v, "signer"));
        assert_int_equal(c->size, vector_number(&v, "size"));
        assert_int_equal(c->counter, vector_number(&v, "counter"));
        assert_int_equal(c->least_sequence, vector_number(&v, "least"));
        assert_same(c->vendor, wanted, vector_hex(&v, "vendor", wanted, sizeof wanted));
        assert_same(c->class_id, wanted, vector_hex(&v, "class", wanted, sizeof wanted));
        assert_same(c->digest, wanted, vector_hex(&v, "digest", wanted, sizeof wanted));
        assert_same(c->version, wanted, vector_hex(&v, "version", wanted, sizeof wanted));
        assert_same(c->format, wanted, vector_hex(&v, "format", wanted, sizeof wanted));
        assert_same(c->part, wanted, vector_hex(&v, "part", wanted, sizeof wanted));
        manifests++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(manifests, 2);
}

static void every_field_is_read(void **state)
{
    (void)state;
    static struct paper paper;
    struct whorl_manifest m;
    paper_init(&paper, 4294967296, WHORL_COMPONENTS_MAX);
    for (size_t i = 0; i < paper.count; i++) {
        paper.component[i].has_counter = i % 2 == 0;
        paper.component[i].counter = i * 1000;
        paper.component[i].least = i;
    }
    paper.component[3].version = "0123456789012345678901234567890123456789012345678901234567890123";
    paper.component[4].version = "1.0 \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    paper.component[5].part = "01234567890123456789012345678901";
    paper.key = SAFE_KEY;
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_GOOD);
    assert_int_equal(m.sequence, 4294967296);
    assert_int_equal(m.signer, WHORL_ANCHOR_RECOVERY);
    assert_int_equal(m.count, WHORL_COMPONENTS_MAX);
    for (size_t i = 0; i < m.count; i++) {
        const struct whorl_component *c = &m.component[i];
        const struct paper_component *p = &paper.component[i];
        assert_int_equal(c->size, p->size);
        assert_int_equal(c->counter, p->has_counter ? p->counter : 0);
        assert_int_equal(c->least_sequence, p->least);
        assert_same(c->digest, p->digest, sizeof p->digest);
        assert_same(c->vendor, p->vendor, sizeof p->vendor);
        assert_same(c->class_id, p->class_id, sizeof p->class_id);
        assert_bytes(c->version, p->version);
        assert_bytes(c->format, p->format);
        assert_bytes(c->part, p->part);
        assert_true(c->uri.data > paper.bytes && c->uri.data < paper.bytes + paper.size);
    }
}

static void each_twist_is_refused(void **state)
{
    (void)state;
    static struct paper paper;
    struct whorl_manifest m;
    for (enum twist twist = TWIST_NONE; twist < TWIST_COUNT; twist++) {
        paper_init(&paper, 7, 2);
        paper.twist = twist;
        enum whorl_verdict verdict = read_paper(&paper, &m);
        if (verdict != (twist == TWIST_NONE ? WHORL_VERDICT_GOOD : WHORL_VERDICT_FORM)) {
            fail_msg("twist %d: %s", (int)twist, whorl_verdict_words(verdict));
        }
    }
}

static void limits_are_kept(void **state)
{
    (void)state;
    static struct paper paper;
    struct whorl_manifest m;
    paper_init(&paper, 1, WHORL_COMPONENTS_MAX + 1);
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_FORM);
    paper_init(&paper, 1, 0);
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_FORM);
    paper_init(&paper, 1, 1);
    paper.component[0].version = "01234567890123456789012345678901234567890123456789012345678901234";
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_FORM);
    paper_init(&paper, 1, 1);
    paper.component[0].part = "012345678901234567890123456789012";
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_FORM);
    paper_init(&paper, 1, WHORL_COMPONENTS_MAX); /* well formed, and too long for a device */
    static char long_format[480];
    memset(long_format, 'f', sizeof long_format - 1);
    for (size_t i = 0; i < paper.count; i++) {
        paper.component[i].format = long_format;
    }
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_FORM);
    assert_true(paper.size > WHORL_MANIFEST_MAX);
}

static void cut_anywhere(void **state)
{
    (void)state;
    static struct paper paper;
    const struct whorl_firmware_keys keys = own_keys();
    struct whorl_manifest m;
    paper_init(&paper, 7, 2);
    struct whorl_bytes whole = write_envelope(&paper);
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *exact = malloc(size + 1); /* so that a byte read too far is seen */
        assert_non_null(exact);
        memcpy(exact, whole.data, size);
        struct whorl_bytes cut = {exact, size};
        assert_int_equal(whorl_suit_read(&host_crypto, &keys, cut, &m), WHORL_VERDICT_FORM);
        free(exact);
    }
}

static void one_bit_anywhere(void **state)
{
    (void)state;
    static struct paper paper;
    const struct whorl_firmware_keys keys = own_keys();
    struct whorl_manifest m;
    paper_init(&paper, 7, 1);
    struct whorl_bytes whole = write_envelope(&paper);
    size_t seen[WHORL_VERDICT_PORT + 1] = {0};
    for (size_t i = 0; i < whole.size * 8; i++) {
        paper.bytes[i / 8] = (uint8_t)(paper.bytes[i / 8] ^ 1U << i % 8);
        enum whorl_verdict verdict = whorl_suit_read(&host_crypto, &keys, whole, &m);
        if (verdict == WHORL_VERDICT_GOOD) {
            fail_msg("bit %zu does not matter", i);
        }
        seen[verdict]++;
        paper.bytes[i / 8] = (uint8_t)(paper.bytes[i / 8] ^ 1U << i % 8);
    }
    assert_true(seen[WHORL_VERDICT_FORM] != 0 && seen[WHORL_VERDICT_DIGEST] != 0);
    assert_int_equal(seen[WHORL_VERDICT_KEY], 256);
    assert_int_equal(seen[WHORL_VERDICT_SIGNATURE], 512);
}

static void other_signers(void **state)
{
    (void)state;
    static struct paper paper;
    struct whorl_manifest m;
    paper_init(&paper, 7, 1);
    paper.key = NEXT_KEY;
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_KEY);
    const struct whorl_firmware_keys later = keys_of(NEXT_KEY, NEXT_SAFE_KEY, 1);
    assert_int_equal(whorl_suit_read(&host_crypto, &later, write_envelope(&paper), &m), WHORL_VERDICT_GOOD);
    paper.key = SIGNER_KEY;
    assert_int_equal(whorl_suit_read(&host_crypto, &later, write_envelope(&paper), &m), WHORL_VERDICT_KEY);
}

static enum whorl_verdict judge(struct paper *paper, const struct whorl_installed *installed)
{
    const struct whorl_firmware_class own = own_class();
    struct whorl_manifest m;
    assert_int_equal(read_paper(paper, &m), WHORL_VERDICT_GOOD);
    return whorl_suit_judge(&m, &own, installed);
}

static void only_for_this_device(void **state)
{
    (void)state;
    static struct paper paper;
    const struct whorl_installed nothing = {.sequence = 0};
    paper_init(&paper, 7, 2);
    assert_int_equal(judge(&paper, &nothing), WHORL_VERDICT_GOOD);
    memset(paper.component[1].class_id, 0x33, WHORL_UUID_BYTES); /* this hardware, by name */
    assert_int_equal(judge(&paper, &nothing), WHORL_VERDICT_GOOD);
    paper.component[1].class_id[15] ^= 1;
    assert_int_equal(judge(&paper, &nothing), WHORL_VERDICT_CLASS);
    paper_init(&paper, 7, 2);
    paper.component[1].vendor[0] ^= 1;
    assert_int_equal(judge(&paper, &nothing), WHORL_VERDICT_VENDOR);
    paper_init(&paper, 7, 2);
    paper.component[1].part = paper.component[0].part;
    assert_int_equal(judge(&paper, &nothing), WHORL_VERDICT_PART);
    paper_init(&paper, 7, 2);
    paper.component[1].size = 0;
    assert_int_equal(judge(&paper, &nothing), WHORL_VERDICT_SIZE);
}

static void only_forward(void **state)
{
    (void)state;
    static struct paper paper;
    struct whorl_installed installed = {.sequence = 7, .count = 1};
    memcpy(installed.part[0].name, "radio", 5);
    installed.part[0].name_size = 5;
    installed.part[0].counter = 4;
    paper_init(&paper, 7, 2);
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_SEQUENCE);
    paper.sequence = 6;
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_SEQUENCE);
    paper.sequence = 8;
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_COUNTER); /* without one counts as 0 */
    paper.component[1].has_counter = true;
    paper.component[1].counter = 3;
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_COUNTER);
    paper.component[1].counter = 4;
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_GOOD);
    paper.component[0].least = 8;
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_MINIMUM);
    paper.component[0].least = 7;
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_GOOD);
    paper.sequence = UINT64_MAX;
    assert_int_equal(judge(&paper, &installed), WHORL_VERDICT_GOOD);
}

/* A release of one part leaves the others, and what protects them, as they are. */
static void parts_add_up(void **state)
{
    (void)state;
    static struct paper paper;
    struct whorl_manifest m;
    struct whorl_installed none = {.sequence = 0}, first, second;
    paper_init(&paper, 7, 2);
    paper.component[1].has_counter = true;
    paper.component[1].counter = 9;
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_GOOD);
    assert_true(whorl_installed_after(&m, &none, &first));
    assert_int_equal(first.count, 2);
    paper_init(&paper, 8, 1);
    paper.component[0].version = "2";
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_GOOD);
    assert_true(whorl_installed_after(&m, &first, &second));
    assert_int_equal(second.count, 2);
    assert_int_equal(second.sequence, 8);
    assert_int_equal(second.version_size, 1);
    assert_int_equal(second.part[1].counter, 9);
    paper_init(&paper, 9, WHORL_COMPONENTS_MAX);
    paper.component[1].part = "another";
    assert_int_equal(read_paper(&paper, &m), WHORL_VERDICT_GOOD);
    assert_false(whorl_installed_after(&m, &second, &first));
}

static bool broken_hash(void *context, struct whorl_sha256_state *state)
{
    (void)context;
    (void)state;
    return false;
}

static void a_port_that_fails_is_no_answer(void **state)
{
    (void)state;
    static struct paper paper;
    const struct whorl_firmware_keys keys = own_keys();
    struct whorl_crypto crypto = host_crypto;
    struct whorl_manifest m;
    paper_init(&paper, 7, 1);
    crypto.sha256_begin = broken_hash;
    assert_int_equal(whorl_suit_read(&crypto, &keys, write_envelope(&paper), &m), WHORL_VERDICT_PORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_another_writer),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(each_twist_is_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(one_bit_anywhere),
        cmocka_unit_test(other_signers),
        cmocka_unit_test(only_for_this_device),
        cmocka_unit_test(only_forward),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(a_port_that_fails_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
