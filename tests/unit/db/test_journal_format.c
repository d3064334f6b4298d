/* The bytes of the journal: every kind there and back, every byte changed, every cut. */
#include "tests/unit/db/db_fixture.h"

#include "db/journal_format.h"

static const uint8_t DER[] = {0x30, 0x03, 1, 2, 3};
static const uint8_t SPKI[] = {0x30, 0x01, 9};

static void fill_authorities(struct journal_entry *entry)
{
    entry->authority.state = 2;
    entry->authority.is_gone = entry->authority.is_default = entry->authority.is_external = 1;
    entry->authority.has_tenant = 1;
    entry->authority.crl_shards = 30;
    entry->authority.ends_at = 31;
    entry->authority.key_purposes = 32;
    entry->authority.created_at = 33;
    entry->authority.ver = 34;
    entry->authority.compromised_at = 41;
    entry->authority.rekey_by = 42;
    entry->authority.certificate = BYTES_OF(DER);
    entry->authority.request = BYTES_OF(SPKI);
    entry->authority.crl_base = bytes_str("http://crl.example");
    (void)snprintf(entry->authority.role, sizeof entry->authority.role, "infrastructure");
    (void)snprintf(entry->authority.issuer, sizeof entry->authority.issuer, "root");
    (void)snprintf(entry->authority.predecessor, sizeof entry->authority.predecessor, "device");
    entry->order.kind = entry->order.is_external = 1;
    entry->order.key_algorithm = 35;
    entry->order.lifetime_days = 36;
    entry->order.created_at = 37;
    entry->order.permitted_dns = bytes_str("[\"a.example\"]");
    (void)snprintf(entry->order.actor, sizeof entry->order.actor, "token:x");
    (void)snprintf(entry->order.request_id, sizeof entry->order.request_id, "r-1");
    entry->signed_for.kind = 3;
    entry->signed_for.not_before = 38;
    entry->signed_for.not_after = 39;
    entry->signed_for.revoked_at = 40;
    entry->signed_for.reason = 2;
    entry->signed_for.serial = BYTES_OF(SPKI);
    entry->signed_for.der = BYTES_OF(DER);
    (void)snprintf(entry->signed_for.subject, sizeof entry->signed_for.subject, "device-2");
}

/* Something in every field, other than zero. */
static struct journal_entry full_entry(enum journal_kind kind)
{
    struct journal_entry entry = {.kind = kind, .at_ms = 1700000000123};
    entry.certificate.state = 1;
    entry.certificate.link = 3;
    memset(entry.certificate.linked_by, 0x20, sizeof entry.certificate.linked_by);
    entry.certificate.generation = 3;
    entry.certificate.not_before = -5;
    entry.certificate.not_after = INT64_MAX;
    entry.certificate.issued_at = 4;
    entry.certificate.confirmed_at = 5;
    entry.certificate.first_used_at = 6;
    entry.certificate.superseded_at = 7;
    entry.certificate.revoked_at = 8;
    entry.certificate.reason = -1;
    entry.certificate.der = BYTES_OF(DER);
    entry.certificate.profile_version = 7;
    (void)snprintf(entry.certificate.profile, sizeof entry.certificate.profile, "ldevid");
    entry.change.state = 5;
    entry.change.claim = 2;
    entry.change.key_origin = 1;
    entry.change.reenrol_allowed = 1;
    entry.change.generation = 9;
    entry.change.registered_at = 10;
    entry.change.enrolled_at = 11;
    entry.change.transferred_at = 12;
    entry.change.rekey_requested_at = 13;
    entry.change.rekey_above = 14;
    entry.change.spki = BYTES_OF(SPKI);
    entry.line.sequence = 20;
    entry.line.counter = -1;
    memset(entry.line.product.b, 0x28, sizeof entry.line.product.b);
    memset(entry.line.release.b, 0x29, sizeof entry.line.release.b);
    (void)snprintf(entry.line.class, sizeof entry.line.class, "rev-b");
    (void)snprintf(entry.line.version, sizeof entry.line.version, "1.4.2");
    entry.epoch = 15;
    entry.shard = 16;
    entry.number = 17;
    entry.first = 18;
    entry.last = 19;
    memset(entry.certificate.serial, 0x21, sizeof entry.certificate.serial);
    memset(entry.certificate.spki_sha256, 0x22, sizeof entry.certificate.spki_sha256);
    memset(entry.device.b, 0x23, sizeof entry.device.b);
    memset(entry.tenant.b, 0x24, sizeof entry.tenant.b);
    memset(entry.node.b, 0x25, sizeof entry.node.b);
    memset(entry.change.batch.b, 0x26, sizeof entry.change.batch.b);
    memset(entry.change.product.b, 0x27, sizeof entry.change.product.b);
    (void)snprintf(entry.certificate.authority, sizeof entry.certificate.authority, "device");
    (void)snprintf(entry.change.serial, sizeof entry.change.serial, "%064d", 1); /* as long as it may be */
    (void)snprintf(entry.change.model, sizeof entry.change.model, "m");
    fill_authorities(&entry);
    return entry;
}

static enum journal_look look_at(struct bytes in, const struct sha256 *before, int64_t seq,
                                 struct journal_record *out)
{
    enum journal_look look = JOURNAL_BAD;
    assert_ok(journal_look(in, before, seq, out, &look));
    return look;
}

static void test_every_kind_there_and_back(void **state)
{
    (void)state;
    struct sha256 hash = {{7}};
    for (int kind = 1; kind < JOURNAL_KINDS; kind++) {
        AUTO_VAL(buf) first = {0};
        AUTO_VAL(buf) again = {0};
        struct journal_entry entry = full_entry((enum journal_kind)kind);
        struct journal_entry back;
        struct journal_record record;
        struct sha256 before = hash;
        struct sha256 other = hash;
        assert_ok(journal_encode(&entry, 40 + kind, &hash, &first));
        assert_int_equal(look_at(buf_view(&first), &before, 40 + kind, &record), JOURNAL_WHOLE);
        assert_int_equal(record.size, first.n);
        assert_memory_equal(record.hash.b, hash.b, sizeof hash.b);
        assert_ok(journal_decode(&record, &back));
        assert_int_equal(back.seq, 40 + kind);
        assert_int_equal(back.at_ms, entry.at_ms);
        assert_ok(journal_encode(&back, 40 + kind, &other, &again));
        assert_true(bytes_equal(buf_view(&first), buf_view(&again)));
        assert_true(strlen(journal_kind_name(kind)) > 0);
    }
}

static void test_fields_come_back(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct sha256 hash = {{0}};
    struct journal_entry entry = full_entry(JOURNAL_ISSUE);
    struct journal_entry back;
    struct journal_record record;
    const struct sha256 none = {{0}};
    assert_ok(journal_encode(&entry, 1, &hash, &bytes));
    assert_int_equal(look_at(buf_view(&bytes), &none, 1, &record), JOURNAL_WHOLE);
    assert_ok(journal_decode(&record, &back));
    assert_memory_equal(back.certificate.serial, entry.certificate.serial, sizeof entry.certificate.serial);
    assert_string_equal(back.certificate.authority, "device");
    assert_int_equal(back.certificate.not_before, -5);
    assert_int_equal(back.certificate.not_after, INT64_MAX);
    assert_int_equal(back.certificate.reason, -1);
    assert_true(bytes_equal(back.certificate.der, BYTES_OF(DER)));
    bytes.n = 0;
    entry = full_entry(JOURNAL_DEVICE);
    hash = none;
    assert_ok(journal_encode(&entry, 1, &hash, &bytes));
    assert_int_equal(look_at(buf_view(&bytes), &none, 1, &record), JOURNAL_WHOLE);
    assert_ok(journal_decode(&record, &back));
    assert_int_equal(back.change.state, 5);
    assert_string_equal(back.change.serial, entry.change.serial);
    assert_true(bytes_equal(back.change.spki, BYTES_OF(SPKI)));
}

/* What was written before profiles were told of is read as it was, and written as it was. */
static void test_an_older_version_is_read(void **state)
{
    (void)state;
    AUTO_VAL(buf) older = {0};
    AUTO_VAL(buf) newer = {0};
    AUTO_VAL(buf) again = {0};
    const struct sha256 none = {{0}};
    struct sha256 hash = none;
    struct journal_entry entry = full_entry(JOURNAL_ISSUE);
    struct journal_entry back;
    struct journal_record record;
    assert_ok(journal_encode(&entry, 1, &hash, &newer));
    hash = none;
    entry.version = 1;
    assert_ok(journal_encode(&entry, 1, &hash, &older));
    assert_int_equal(newer.n - older.n, 1 + strlen("ldevid") + 8);
    assert_int_equal(look_at(buf_view(&older), &none, 1, &record), JOURNAL_WHOLE);
    assert_int_equal(record.version, 1);
    assert_ok(journal_decode(&record, &back));
    assert_string_equal(back.certificate.profile, "");
    assert_true(bytes_equal(back.certificate.der, BYTES_OF(DER)));
    hash = none;
    assert_ok(journal_encode(&back, 1, &hash, &again));
    assert_true(bytes_equal(buf_view(&older), buf_view(&again)));
    assert_int_equal(look_at(buf_view(&newer), &none, 1, &record), JOURNAL_WHOLE);
    assert_int_equal(record.version, 2);
    assert_ok(journal_decode(&record, &back));
    assert_string_equal(back.certificate.profile, "ldevid");
    assert_int_equal(back.certificate.profile_version, 7);
}

/* No byte may be changed, and no record stand elsewhere than it did. */
static void test_every_changed_byte_is_seen(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct sha256 hash = {{1}};
    const struct sha256 before = hash;
    const struct sha256 other = {{2}};
    struct journal_record record;
    struct journal_entry entry = full_entry(JOURNAL_REVOKE);
    assert_ok(journal_encode(&entry, 5, &hash, &bytes));
    for (size_t i = 0; i < bytes.n; i++) {
        bytes.p[i] ^= 0x10;
        assert_int_not_equal(look_at(buf_view(&bytes), &before, 5, &record), JOURNAL_WHOLE);
        bytes.p[i] ^= 0x10;
    }
    for (size_t n = 0; n < bytes.n; n++) {
        struct bytes cut = {bytes.p, n};
        assert_int_equal(look_at(cut, &before, 5, &record), JOURNAL_SHORT);
    }
    assert_int_equal(look_at(buf_view(&bytes), &other, 5, &record), JOURNAL_BAD);
    assert_int_equal(look_at(buf_view(&bytes), &before, 6, &record), JOURNAL_BAD);
    assert_int_equal(look_at(buf_view(&bytes), &before, 5, &record), JOURNAL_WHOLE);
}

static void test_what_is_newer_is_refused_by_name(void **state)
{
    (void)state;
    struct journal_record record = {.kind = 200, .version = 1, .seq = 12};
    struct journal_entry out;
    err_t error = journal_decode(&record, &out);
    assert_int_equal(error.code, ERR_UNPROCESSABLE);
    assert_non_null(strstr(error.detail, "entry 12"));
    assert_non_null(strstr(error.detail, "newer whorld"));
    record = (struct journal_record){.kind = JOURNAL_EPOCH, .version = 2, .seq = 13};
    assert_err(ERR_UNPROCESSABLE, journal_decode(&record, &out));
}

static void test_payloads_of_another_length(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct sha256 hash = {{0}};
    struct journal_record record;
    struct journal_entry out;
    struct journal_entry entry = full_entry(JOURNAL_DEVICE);
    const struct sha256 none = {{0}};
    assert_ok(journal_encode(&entry, 1, &hash, &bytes));
    assert_int_equal(look_at(buf_view(&bytes), &none, 1, &record), JOURNAL_WHOLE);
    struct bytes whole = record.payload;
    for (size_t n = 0; n < whole.n; n++) {
        record.payload = (struct bytes){whole.p, n};
        assert_err(ERR_UNPROCESSABLE, journal_decode(&record, &out));
    }
    record.payload = (struct bytes){whole.p, whole.n + 1};
    assert_err(ERR_UNPROCESSABLE, journal_decode(&record, &out));
    entry.certificate.der = (struct bytes){DER, JOURNAL_PAYLOAD_MAX};
    entry.kind = JOURNAL_ISSUE;
    assert_err(ERR_TOO_LARGE, journal_encode(&entry, 2, &hash, &bytes));
}

static void test_a_record_behind_the_break_is_found(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct sha256 hash = {{0}};
    const struct sha256 none = {{0}};
    bool found = true;
    struct journal_entry entry = full_entry(JOURNAL_CONFIRM);
    assert_ok(journal_encode(&entry, 1, &hash, &bytes));
    size_t one = bytes.n;
    assert_ok(journal_finds_record(buf_view(&bytes), &none, 1, &found));
    assert_false(found);
    assert_ok(journal_encode(&entry, 2, &hash, &bytes));
    bytes.p[3] ^= 0xff; /* its length says another place */
    assert_ok(journal_finds_record(buf_view(&bytes), &none, 1, &found));
    assert_true(found);
    bytes.p[3] ^= 0xff;
    bytes.p[one - 1] ^= 0xff; /* its hash, which the second one follows */
    assert_ok(journal_finds_record(buf_view(&bytes), &none, 1, &found));
    assert_true(found);
    bytes.n = one + JOURNAL_RECORD_LEAST;
    assert_ok(journal_finds_record(buf_view(&bytes), &none, 1, &found));
    assert_false(found);
}

static void test_headers(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct journal_header header = {.installation = {{3}}, .node = "whorld", .first = 77, .before = {{4}}};
    struct journal_header back;
    assert_ok(journal_header_encode(&header, &bytes));
    assert_ok(journal_header_decode(buf_view(&bytes), &back));
    assert_int_equal(back.first, 77);
    assert_string_equal(back.node, "whorld");
    assert_int_equal(back.size, bytes.n);
    assert_memory_equal(back.before.b, header.before.b, SHA256_SIZE);
    for (size_t n = 0; n < bytes.n; n++) {
        struct bytes cut = {bytes.p, n};
        assert_err(ERR_UNPROCESSABLE, journal_header_decode(cut, &back));
    }
    for (size_t i = 0; i < bytes.n; i++) {
        bytes.p[i] ^= 0x01;
        assert_err(ERR_UNPROCESSABLE, journal_header_decode(buf_view(&bytes), &back));
        bytes.p[i] ^= 0x01;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_there_and_back),
        cmocka_unit_test(test_fields_come_back),
        cmocka_unit_test(test_an_older_version_is_read),
        cmocka_unit_test(test_every_changed_byte_is_seen),
        cmocka_unit_test(test_what_is_newer_is_refused_by_name),
        cmocka_unit_test(test_payloads_of_another_length),
        cmocka_unit_test(test_a_record_behind_the_break_is_found),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
