/* What stands behind people's logins: what is in the rows, what roles give, what the migration gave. */
#include "tests/unit/fleet/fleet_fixture.h"

#include <liboath/oath.h>

#include "base/file.h"
#include "db/migrations.h"
#include "db/role_rows.h"
#include "fleet/invitations.h"
#include "fleet/logins.h"
#include "fleet/passwords.h"
#include "fleet/roles.h"
#include "fleet/secrets.h"

static const char password[] = "mint-gravel-otter-7";

struct scene {
    struct fleet_fixture f;
    struct faults faults;
    struct terms terms;
    struct user_view user;
    struct accepted accepted;
    struct recovery_codes codes;
};

static void code_at(const struct scene *s, int64_t at_ms, char out[7])
{
    char *secret = NULL;
    size_t size = 0;
    assert_int_equal(
        oath_base32_decode(s->accepted.totp_secret, strlen(s->accepted.totp_secret), &secret, &size),
        OATH_OK);
    assert_int_equal(oath_totp_generate(secret, size, (time_t)(at_ms / 1000), 30, 0, 6, out), OATH_OK);
    free(secret);
}

/* A person "ada" with the role auditor, who can log in. */
static void scene_init(struct scene *s, void *house)
{
    *s = (struct scene){.faults = {.count = 0}};
    fleet_fixture_init(&s->f, house);
    s->terms = (struct terms){.tenant = s->f.tenant.id, .actor = test_actor, .faults = &s->faults};
    const struct user_order order = {.terms = &s->terms, .caller_scopes = SCOPE_ADMIN};
    struct user_wish wish = {.name = bytes_str("ada"), .has_roles = true, .roles = {.count = 1}};
    struct invitation invitation;
    char code[7];
    (void)snprintf(wish.roles.names[0], NAME_SIZE, "auditor");
    assert_ok(user_create(s->f.fleet, &order, &wish, &invitation, &s->user));
    struct invitation_order answer = {.code = bytes_str(invitation.text),
                                      .password = bytes_str(password),
                                      .address = "192.0.2.7",
                                      .request_id = "r",
                                      .faults = &s->faults};
    assert_ok(invitation_accept(s->f.fleet, &answer, &s->accepted));
    code_at(s, s->f.clock.at_ms, code);
    answer.totp = bytes_str(code);
    assert_ok(invitation_confirm(s->f.fleet, &answer, &s->codes));
    manual_clock_advance(&s->f.clock, 30000);
}

static void test_builtin_roles_are_those_of_the_migration(void **state)
{
    struct fleet_fixture f;
    static const char *const names[] = {"admin", "operator", "factory", "firmware", "auditor"};
    const char *sql = NULL;
    for (size_t i = 0; i < db_migrations_sqlite_count; i++) {
        sql = strstr(db_migrations_sqlite[i].name, "_people") != NULL ? db_migrations_sqlite[i].sql : sql;
    }
    assert_non_null(sql);
    fleet_fixture_init(&f, *state);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct role_row role;
        char text[512];
        assert_ok(role_get(f.fleet, f.tenant.id, bytes_str(names[i]), &role));
        (void)snprintf(text, sizeof text, "'%s', '%s', %lld, 1,", role.name, role.description,
                       (long long)role.scopes);
        assert_non_null(strstr(sql, text));
        assert_true(role.is_builtin && role.ver == 1);
        assert_int_equal(role.scopes & (uint32_t)SCOPE_INSTALLATION, 0);
    }
    fleet_fixture_clear(&f);
}

static void test_no_secret_is_in_the_inventory(void **state)
{
    struct scene s;
    scene_init(&s, *state);
    char *secret = NULL;
    size_t size = 0;
    assert_int_equal(
        oath_base32_decode(s.accepted.totp_secret, strlen(s.accepted.totp_secret), &secret, &size), OATH_OK);
    static const char *const suffixes[] = {"", "-wal"};
    size_t seen = 0;
    for (size_t i = 0; i < 2; i++) {
        AUTO_VAL(buf) file = {0};
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", s.f.path, suffixes[i]);
        assert_ok(file_read(path, 1 << 26, &file));
        seen += memmem(file.p, file.n, "$argon2id$", 10) != NULL;
        assert_null(memmem(file.p, file.n, secret, size));
        assert_null(memmem(file.p, file.n, s.accepted.totp_secret, 32));
        assert_null(memmem(file.p, file.n, password, strlen(password)));
        for (int c = 0; c < RECOVERY_CODES; c++) {
            assert_null(memmem(file.p, file.n, s.codes.texts[c], strlen(s.codes.texts[c])));
        }
    }
    assert_true(seen > 0);
    free(secret);
    fleet_fixture_clear(&s.f);
}

static struct login_order order_of(const char *code)
{
    return (struct login_order){.tenant = bytes_str("default"),
                                .name = bytes_str("ada"),
                                .password = bytes_str(password),
                                .totp = bytes_str(code),
                                .address = "192.0.2.7",
                                .request_id = "r"};
}

/* A TOTP secret belongs to its row and to the keystore's secret. */
static void test_a_sealed_secret_opens_in_its_own_row(void **state)
{
    struct scene s;
    struct person_row row;
    int64_t step = 0;
    char code[7];
    scene_init(&s, *state);
    struct user_view view;
    assert_ok(user_get(s.f.fleet, s.f.tenant.id, s.user.person.id, &view));
    row = view.person;
    code_at(&s, s.f.clock.at_ms, code);
    assert_ok(second_factor_check(s.f.fleet, &row, bytes_str(code), &step));
    row.id.b[15] ^= 1;
    assert_int_equal(second_factor_check(s.f.fleet, &row, bytes_str(code), &step).code, ERR_CRYPTO);
    row = view.person;
    row.totp_sealed[20] ^= 1;
    assert_int_equal(second_factor_check(s.f.fleet, &row, bytes_str(code), &step).code, ERR_CRYPTO);
    row.totp_size = 0;
    assert_int_equal(second_factor_check(s.f.fleet, &row, bytes_str(code), &step).code, ERR_UNAUTHORIZED);
    fleet_fixture_clear(&s.f);
}

/* The password above, hashed with one pass over 8 MiB. */
static const char weak_hash[] =
    "$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$BzLPgeaaSoxVKNRPj7SvzaoF35RXbPXPY0aflXsmZrc";

static err_t weaken_in(struct db_tx *tx, void *arg)
{
    const struct scene *s = arg;
    struct person_row row;
    TRY(person_rows_find(tx, s->user.person.id, &row));
    return person_rows_rehash(tx, row.id, row.password, weak_hash);
}

static void test_a_weak_hash_is_made_anew(void **state)
{
    struct scene s;
    struct login login;
    struct user_view view;
    char code[7];
    scene_init(&s, *state);
    assert_ok(db_write(s.f.db, weaken_in, &s));
    code_at(&s, s.f.clock.at_ms, code);
    struct login_order order = order_of(code);
    order.password = bytes_str("wrong-password-1");
    assert_int_equal(login_open(s.f.fleet, &order, &login).code, ERR_UNAUTHORIZED);
    assert_ok(user_get(s.f.fleet, s.f.tenant.id, s.user.person.id, &view));
    assert_string_equal(view.person.password, weak_hash);
    order = order_of(code);
    assert_ok(login_open(s.f.fleet, &order, &login));
    assert_ok(user_get(s.f.fleet, s.f.tenant.id, s.user.person.id, &view));
    assert_string_not_equal(view.person.password, weak_hash);
    assert_false(password_hash_is_weak(view.person.password));
    manual_clock_advance(&s.f.clock, 30000);
    code_at(&s, s.f.clock.at_ms, code);
    assert_ok(login_open(s.f.fleet, &order, &login));
    fleet_fixture_clear(&s.f);
}

static void test_rules_of_passwords(void **state)
{
    (void)state;
    assert_ok(password_rules(bytes_str("twelve chars"), "ada", "default"));
    assert_int_equal(password_rules(bytes_str("elevenchars"), "ada", "default").code, ERR_UNPROCESSABLE);
    assert_int_equal(password_rules(bytes_str("ADA.LOVELACE.1"), "ada.lovelace.1", "default").code,
                     ERR_UNPROCESSABLE);
    assert_int_equal(password_rules(bytes_str("big-factory-one"), "ada", "big-factory-one").code,
                     ERR_UNPROCESSABLE);
    assert_int_equal(password_rules(bytes_str("Password1234"), "ada", "default").code, ERR_UNPROCESSABLE);
    assert_int_equal(password_rules(bytes_str("zzzzzzzzzzzzzzz"), "ada", "default").code, ERR_UNPROCESSABLE);
    assert_int_equal(password_rules(bytes_str("\xff\xfe-not-utf-8-text"), "ada", "d").code,
                     ERR_UNPROCESSABLE);
}

static void test_old_sessions_are_swept(void **state)
{
    struct scene s;
    struct login login;
    struct session_caller caller;
    char code[7];
    scene_init(&s, *state);
    code_at(&s, s.f.clock.at_ms, code);
    const struct login_order order = order_of(code);
    assert_ok(login_open(s.f.fleet, &order, &login));
    assert_ok(session_check(s.f.fleet, bytes_str(login.text), &caller));
    assert_int_equal(caller.scopes & (uint32_t)SCOPE_AUDIT_READ, SCOPE_AUDIT_READ);
    manual_clock_advance(&s.f.clock, 12 * hour_ms);
    assert_ok(session_sweep(s.f.fleet, s.f.clock.at_ms));
    assert_int_equal(session_check(s.f.fleet, bytes_str(login.text), &caller).code, ERR_TOKEN_EXPIRED);
    manual_clock_advance(&s.f.clock, hour_ms + 1);
    assert_ok(session_sweep(s.f.fleet, s.f.clock.at_ms));
    assert_int_equal(session_check(s.f.fleet, bytes_str(login.text), &caller).code, ERR_UNAUTHORIZED);
    fleet_fixture_clear(&s.f);
}

/* --- two at once ------------------------------------------------------------------------------------ */

enum { RACERS = 6 };
struct racer {
    struct fleet *fleet;
    struct login_order order;
    pthread_t thread;
    err_code code;
};

static void *race_one(void *arg)
{
    struct racer *racer = arg;
    struct login login;
    racer->code = login_open(racer->fleet, &racer->order, &login).code;
    return NULL;
}

static void race(struct scene *s, const struct login_order *order)
{
    struct racer racers[RACERS];
    int won = 0;
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.fleet = s->f.fleet, .order = *order};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race_one, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        won += racers[i].code == ERR_OK;
        assert_true(racers[i].code == ERR_OK || racers[i].code == ERR_UNAUTHORIZED);
    }
    assert_int_equal(won, 1);
}

static void test_of_many_with_one_code_one_gets_in(void **state)
{
    struct scene s;
    char code[7];
    scene_init(&s, *state);
    code_at(&s, s.f.clock.at_ms, code);
    struct login_order order = order_of(code);
    race(&s, &order);
    manual_clock_advance(&s.f.clock, 120000);
    order.totp = BYTES_NONE;
    order.recovery_code = bytes_str(s.codes.texts[0]);
    race(&s, &order);
    fleet_fixture_clear(&s.f);
}

struct flood {
    struct fleet *fleet;
    pthread_t thread;
    err_t error;
};

static void *flood_one(void *arg)
{
    struct flood *flood = arg;
    bool is_same = false;
    flood->error = password_check(flood->fleet, bytes_str(password), "", &is_same);
    assert_false(is_same);
    return NULL;
}

/* Some run, some wait, the others are told to come again: none of them waits for long. */
static void test_a_flood_of_logins_is_bounded(void **state)
{
    struct fleet_fixture f;
    struct flood floods[40];
    int done = 0;
    int busy = 0;
    fleet_fixture_init(&f, *state);
    for (int i = 0; i < 40; i++) {
        floods[i] = (struct flood){.fleet = f.fleet};
        assert_int_equal(pthread_create(&floods[i].thread, NULL, flood_one, &floods[i]), 0);
    }
    for (int i = 0; i < 40; i++) {
        assert_int_equal(pthread_join(floods[i].thread, NULL), 0);
        done += floods[i].error.code == ERR_OK;
        busy += floods[i].error.code == ERR_BUSY && floods[i].error.retry_after_s > 0;
    }
    assert_int_equal(done + busy, 40);
    assert_true(done >= 8);
    bool is_same = true;
    assert_ok(password_check(f.fleet, bytes_str(password), "", &is_same)); /* and the gate is open again */
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin_roles_are_those_of_the_migration),
        cmocka_unit_test(test_no_secret_is_in_the_inventory),
        cmocka_unit_test(test_a_sealed_secret_opens_in_its_own_row),
        cmocka_unit_test(test_a_weak_hash_is_made_anew),
        cmocka_unit_test(test_rules_of_passwords),
        cmocka_unit_test(test_old_sessions_are_swept),
        cmocka_unit_test(test_of_many_with_one_code_one_gets_in),
        cmocka_unit_test(test_a_flood_of_logins_is_bounded),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
