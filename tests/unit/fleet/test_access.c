/* Tokens: their text, who is let in, and what is told to whom. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "fleet/token_text.h"

static struct token_order order_of(const struct fleet_fixture *f)
{
    return (struct token_order){.tenant = f->tenant.id,
                                .name = "line-7",
                                .scopes = (uint32_t)SCOPE_DEVICES_READ | (uint32_t)SCOPE_DEVICES_WRITE,
                                .expires_at = fleet_now_ms + 30 * day_ms};
}

static void a_token_is_good_for_what_it_was_made_for(void **state)
{
    struct fleet_fixture f;
    char text[TOKEN_TEXT_SIZE];
    struct token_row made, found;
    fleet_fixture_init(&f, *state);
    struct token_order order = order_of(&f);
    assert_ok(token_add(f.fleet, &test_actor, &order, text, &made));
    assert_int_equal(strlen(text), 96);
    assert_memory_equal(text, "whorl_", 6);
    assert_ok(token_check(f.fleet, bytes_str(text), &found));
    assert_memory_equal(found.id, made.id, TOKEN_ID_SIZE);
    assert_true(uuid_equal(found.tenant, f.tenant.id));
    assert_int_equal(found.scopes, SCOPE_DEVICES_READ | SCOPE_DEVICES_WRITE);
    assert_string_equal(found.name, "line-7");
    assert_int_equal(found.expires_at, order.expires_at);
    assert_int_equal(found.created_at, fleet_now_ms);
    fleet_fixture_clear(&f);
}

static void the_secret_is_nowhere_in_the_inventory(void **state)
{
    struct fleet_fixture f;
    char text[TOKEN_TEXT_SIZE];
    struct token_parts parts;
    struct token_row made;
    fleet_fixture_init(&f, *state);
    struct token_order order = order_of(&f);
    assert_ok(token_add(f.fleet, &test_actor, &order, text, &made));
    assert_ok(token_text_read(TOKEN_PREFIX, "token", bytes_str(text), &parts));
    fleet_fixture_reopen(&f); /* closing empties the log of the engine into the file */
    AUTO_VAL(buf) content = {0};
    assert_ok(file_read(f.path, 64 * 1024 * 1024, &content));
    assert_null(memmem(content.p, content.n, parts.secret, sizeof parts.secret));
    assert_null(memmem(content.p, content.n, text + 23, 64));
    assert_non_null(memmem(content.p, content.n, made.secret_sha256, sizeof made.secret_sha256));
    fleet_fixture_clear(&f);
}

/* Every text that is not whole is refused before any look-up. */
static void one_wrong_character_is_refused(void **state)
{
    struct fleet_fixture f;
    struct token_row found;
    fleet_fixture_init(&f, *state);
    size_t n = strlen(f.token.text);
    for (size_t i = 0; i < n; i++) {
        char bad[TOKEN_TEXT_SIZE];
        memcpy(bad, f.token.text, sizeof bad);
        bad[i] = bad[i] == '0' ? '1' : '0';
        assert_error(token_check(f.fleet, bytes_str(bad), &found), ERR_UNAUTHORIZED, "not valid");
        assert_error(token_check(f.fleet, (struct bytes){(const uint8_t *)f.token.text, i}, &found),
                     ERR_UNAUTHORIZED, "not valid");
    }
    char longer[TOKEN_TEXT_SIZE + 1];
    (void)snprintf(longer, sizeof longer, "%s0", f.token.text);
    assert_error(token_check(f.fleet, bytes_str(longer), &found), ERR_UNAUTHORIZED, "not valid");
    assert_error(token_check(f.fleet, BYTES_NONE, &found), ERR_UNAUTHORIZED, "not valid");
    assert_ok(token_check(f.fleet, bytes_str(f.token.text), &found));
    fleet_fixture_clear(&f);
}

/* Well-formed, right CRC: an unknown id and a known id with a wrong secret look the same. */
static void a_forged_token_learns_nothing(void **state)
{
    struct fleet_fixture f;
    struct token_parts parts;
    struct token_row found;
    char text[TOKEN_TEXT_SIZE];
    fleet_fixture_init(&f, *state);
    assert_ok(token_text_read(TOKEN_PREFIX, "token", bytes_str(f.token.text), &parts));
    parts.secret[31] ^= 1;
    token_text_write(TOKEN_PREFIX, &parts, text);
    err_t wrong_secret = token_check(f.fleet, bytes_str(text), &found);
    parts.id[0] ^= 1;
    token_text_write(TOKEN_PREFIX, &parts, text);
    err_t wrong_id = token_check(f.fleet, bytes_str(text), &found);
    assert_int_equal(wrong_secret.code, ERR_UNAUTHORIZED);
    assert_int_equal(wrong_id.code, ERR_UNAUTHORIZED);
    assert_string_equal(wrong_secret.detail, wrong_id.detail);
    fleet_fixture_clear(&f);
}

static void an_expired_token_is_told_so_only_with_its_secret(void **state)
{
    struct fleet_fixture f;
    struct token_parts parts;
    struct token_row made, found;
    char text[TOKEN_TEXT_SIZE];
    fleet_fixture_init(&f, *state);
    struct token_order order = order_of(&f);
    assert_ok(token_add(f.fleet, &test_actor, &order, text, &made));
    manual_clock_advance(&f.clock, 30 * day_ms - 1);
    assert_ok(token_check(f.fleet, bytes_str(text), &found));
    manual_clock_advance(&f.clock, 1);
    assert_error(token_check(f.fleet, bytes_str(text), &found), ERR_TOKEN_EXPIRED, "expired");
    assert_ok(token_text_read(TOKEN_PREFIX, "token", bytes_str(text), &parts));
    parts.secret[0] ^= 1;
    token_text_write(TOKEN_PREFIX, &parts, text);
    assert_error(token_check(f.fleet, bytes_str(text), &found), ERR_UNAUTHORIZED, "not valid");
    fleet_fixture_clear(&f);
}

static void a_revoked_token_is_refused_at_once(void **state)
{
    struct fleet_fixture f;
    struct token_row made, found;
    struct tenant_row other;
    char text[TOKEN_TEXT_SIZE];
    fleet_fixture_init(&f, *state);
    struct token_order order = order_of(&f);
    assert_ok(token_add(f.fleet, &test_actor, &order, text, &made));
    assert_ok(tenant_add(f.fleet, &test_actor, "other", &other));

    assert_error(token_revoke(f.fleet, &test_actor, other.id, made.id), ERR_NOT_FOUND, "token");
    assert_ok(token_check(f.fleet, bytes_str(text), &found));

    assert_ok(token_revoke(f.fleet, &test_actor, f.tenant.id, made.id));
    assert_error(token_check(f.fleet, bytes_str(text), &found), ERR_UNAUTHORIZED, "not valid");
    assert_ok(token_revoke(f.fleet, &test_actor, f.tenant.id, made.id));
    assert_int_equal(audit_of(&f, "token.revoked").count, 1);
    made.id[0] ^= 1;
    assert_error(token_revoke(f.fleet, &test_actor, f.tenant.id, made.id), ERR_NOT_FOUND, "token");
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

static void bad_orders_are_refused(void **state)
{
    struct fleet_fixture f;
    struct token_row made;
    char text[TOKEN_TEXT_SIZE];
    fleet_fixture_init(&f, *state);
    struct token_order good = order_of(&f), order = good;
    order.name = "two words";
    assert_error(token_add(f.fleet, &test_actor, &order, text, &made), ERR_UNPROCESSABLE, "token name");
    order = good;
    order.scopes = 0;
    assert_error(token_add(f.fleet, &test_actor, &order, text, &made), ERR_UNPROCESSABLE, "scope");
    order.scopes = ~scopes_all();
    assert_error(token_add(f.fleet, &test_actor, &order, text, &made), ERR_UNPROCESSABLE, "scope");
    order = good;
    order.expires_at = fleet_now_ms;
    assert_error(token_add(f.fleet, &test_actor, &order, text, &made), ERR_UNPROCESSABLE, "expired");
    order.expires_at = fleet_now_ms + 366 * day_ms + 1;
    assert_error(token_add(f.fleet, &test_actor, &order, text, &made), ERR_UNPROCESSABLE, "one year");
    order = good;
    order.tenant.b[0] ^= 1;
    assert_error(token_add(f.fleet, &test_actor, &order, text, &made), ERR_UNPROCESSABLE, "tenant");
    assert_int_equal(text[0], '\0');
    assert_int_equal(audit_of(&f, "token.added").count, 1); /* the first one only */
    fleet_fixture_clear(&f);
}

static void scopes_go_there_and_back(void **state)
{
    (void)state;
    char text[SCOPES_TEXT_SIZE];
    uint32_t bits = 0;
    assert_ok(scopes_parse(bytes_str("certificates:revoke,devices:read"), &bits));
    assert_int_equal(bits, SCOPE_CERTIFICATES_REVOKE | SCOPE_DEVICES_READ);
    scopes_format(bits, text);
    assert_string_equal(text, "devices:read,certificates:revoke");
    scopes_format(UINT32_MAX, text);
    assert_ok(scopes_parse(bytes_str(text), &bits));
    char again[SCOPES_TEXT_SIZE];
    scopes_format(bits, again);
    assert_string_equal(text, again);
    static const char *const bad[] = {"", ",", "admin,", ",admin", "Admin", "devices", "admin admin"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(scopes_parse(bytes_str(bad[i]), &bits), ERR_UNPROCESSABLE, "devices:read");
    }
}

static void token_ids_have_a_text(void **state)
{
    (void)state;
    const uint8_t id[TOKEN_ID_SIZE] = {0, 1, 2, 0xff, 4, 5, 6, 7};
    uint8_t back[TOKEN_ID_SIZE];
    char text[TOKEN_ID_TEXT_SIZE];
    token_id_format(id, text);
    assert_string_equal(text, "000102ff04050607");
    assert_ok(token_id_parse(bytes_str(text), back));
    assert_memory_equal(id, back, sizeof id);
    assert_error(token_id_parse(bytes_str("000102FF04050607"), back), ERR_BAD_ENCODING, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_for_what_it_was_made_for),
        cmocka_unit_test(the_secret_is_nowhere_in_the_inventory),
        cmocka_unit_test(one_wrong_character_is_refused),
        cmocka_unit_test(a_forged_token_learns_nothing),
        cmocka_unit_test(an_expired_token_is_told_so_only_with_its_secret),
        cmocka_unit_test(a_revoked_token_is_refused_at_once),
        cmocka_unit_test(bad_orders_are_refused),
        cmocka_unit_test(scopes_go_there_and_back),
        cmocka_unit_test(token_ids_have_a_text),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
