/* Alarms over REST: who sees which, page by page. */
#include "tests/unit/api/resource_fixture.h"

#include "fleet/alarms.h"

#define ALARMS "/api/v1/alarms"

static err_t raise_in(struct db_tx *tx, void *arg)
{
    return alarm_raise(tx, arg);
}

static void raise_alarm(struct house *h, const char *subject, const struct uuid *tenant)
{
    struct alarm alarm = {.kind = "crl.overdue",
                          .subject = subject,
                          .tenant = tenant,
                          .severity = ALARM_CRITICAL,
                          .detail = "it is late"};
    assert_ok(db_write(h->db, raise_in, &alarm));
    manual_clock_advance(&h->clock, 1000);
}

static const json_t *item(const struct reply *reply, size_t index)
{
    return json_array_get(json_object_get(reply->json, "alarms"), index);
}

static const char *text_in(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static size_t seen_by(struct house *h, const char *token)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ALARMS, NULL);
    call.token = token;
    assert_status(h, &call, &reply, 200);
    return json_array_size(json_object_get(reply.json, "alarms"));
}

static void everybody_sees_their_own(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE];
    char reader[TOKEN_TEXT_SIZE];
    char runner[TOKEN_TEXT_SIZE];
    char nobody[TOKEN_TEXT_SIZE];
    struct tenant_row acme = other_tenant(h, "acme", SCOPE_ADMIN, token);
    struct tenant_row second = other_tenant(h, "second", SCOPE_DEVICES_READ, reader);
    (void)other_tenant(h, "third", SCOPE_INSTALLATION, runner);
    (void)other_tenant(h, "fourth", SCOPE_CERTIFICATES_READ, nobody);
    raise_alarm(h, "root", NULL);
    raise_alarm(h, "first", &acme.id);
    raise_alarm(h, "second", &acme.id);
    raise_alarm(h, "third", &second.id);
    assert_int_equal(seen_by(h, h->admin), 1);
    assert_int_equal(seen_by(h, token), 2);
    assert_int_equal(seen_by(h, reader), 1);
    assert_int_equal(seen_by(h, runner), 1);
    struct call call = rest(h, HTTP_GET, ALARMS, NULL);
    assert_status(h, &call, &reply, 200);
    const json_t *alarm = item(&reply, 0);
    assert_string_equal(text_in(alarm, "owner"), "installation");
    assert_string_equal(text_in(alarm, "kind"), "crl.overdue");
    assert_string_equal(text_in(alarm, "subject"), "root");
    assert_string_equal(text_in(alarm, "severity"), "critical");
    assert_string_equal(text_in(alarm, "detail"), "it is late");
    assert_true(strlen(text_in(alarm, "remedy")) > 0);
    assert_true(strlen(text_in(alarm, "meaning")) > 0);
    call.token = token;
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_in(item(&reply, 0), "owner"), "tenant");
    call.token = nobody;
    assert_status(h, &call, &reply, 403);
    assert_bad_pages(h, ALARMS, "alarms");
}

/* From the installation's over to the tenant's, one at a time. */
static void pages(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(reply) first = {.json = NULL};
    static const char *const subjects[] = {"device", "root", "mine"};
    struct call who = rest(h, HTTP_GET, "/api/v1/whoami", NULL);
    struct uuid tenant;
    assert_status(h, &who, &first, 200);
    assert_ok(uuid_parse(bytes_str(text_at(&first, "tenant_id")), &tenant));
    raise_alarm(h, "mine", &tenant);
    raise_alarm(h, "device", NULL);
    raise_alarm(h, "root", NULL);
    char cursor[256] = "";
    for (size_t i = 0; i < 3; i++) {
        struct call call = rest(h, HTTP_GET, ALARMS, NULL);
        call.query[0] = (struct http_field){"limit", "1"};
        if (i > 0) {
            call.query[1] = (struct http_field){"cursor", cursor};
        }
        assert_status(h, &call, &reply, 200);
        assert_string_equal(text_in(item(&reply, 0), "subject"), subjects[i]);
        const char *next = text_in(reply.json, "next");
        assert_int_equal(next != NULL, i < 2);
        (void)snprintf(cursor, sizeof cursor, "%s", next != NULL ? next : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_sees_their_own, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(pages, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
