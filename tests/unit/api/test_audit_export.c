/* Exports and checkpoints of the audit log over REST, and that an export proves itself: as it is it verifies,
 * with any byte changed, any line gone, twice or elsewhere it does not. */
#include "tests/unit/api/device_house.h"

#include "fleet/audit_file.h"
#include "fleet/audit_statement.h"

/* Chips that are quarantined and released, in turns with those of another tenant. */
static void live(struct house *h, const char *stranger)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    for (int i = 1; i <= 3; i++) {
        AUTO_VAL(buf) body = {0};
        char id[65];
        (void)snprintf(id, sizeof id, "%064d", i);
        assert_ok(buf_printf(&body, "{\"devices\":[\"%s\"]}", id));
        for (int other = 0; other < 2; other++) {
            struct call call = rest(h, HTTP_POST, "/api/v1/batches", buf_str(&body));
            call.token = other == 1 ? stranger : h->admin;
            assert_status(h, &call, &reply, 201);
            call =
                about(h, HTTP_POST, "/api/v1/devices/{id}/quarantine", id, "{\"note\":\"\\\"\\u00e9\\\\\"}");
            call.token = other == 1 ? stranger : h->admin;
            assert_status(h, &call, &reply, 200);
            h->clock.at_ms += 10;
        }
    }
}

static void run_export(struct house *h, const struct call *call, struct buf *out)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    bool is_end = false;
    assert_status(h, call, &reply, 200);
    struct response_source *source = reply.response.source;
    for (int i = 0; i < 10000 && !is_end; i++) {
        assert_ok(source->next(source->state, out, &is_end));
    }
    assert_true(is_end);
}

static void export_all(struct house *h, struct buf *out)
{
    const struct call call = rest(h, HTTP_GET, "/api/v1/audit/export", NULL);
    run_export(h, &call, out);
}

/* The verdict over the lines of a text; the last one may lack its end. */
static err_t verify(struct bytes text, struct bytes anchors, struct audit_file_report *report)
{
    AUTO_PTR(audit_file) *file = NULL;
    assert_ok(audit_file_new(anchors, &file));
    while (text.n > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        size_t n = end == NULL ? text.n : (size_t)(end - text.p);
        TRY(audit_file_line(file, (struct bytes){text.p, n}));
        n += end == NULL ? 0 : 1;
        text = (struct bytes){text.p + n, text.n - n};
    }
    return audit_file_finish(file, report);
}

static size_t count_lines(struct bytes text, const char *type)
{
    size_t count = 0;
    AUTO_VAL(buf) copy = {0};
    AUTO_VAL(buf) wanted = {0};
    assert_ok(buf_append_bytes(&copy, text));
    assert_ok(buf_printf(&wanted, "\"type\":\"%s\"", type));
    for (const char *at = buf_str(&copy); (at = strstr(at, buf_str(&wanted))) != NULL; at++) {
        count++;
    }
    return count;
}

static void anchors_of(struct house *h, struct buf *out)
{
    assert_ok(certificate_to_pem(authority_borrow_der(h->pki.root), out));
}

static void an_export_verifies(void **state)
{
    struct house *h = *state;
    char stranger[TOKEN_TEXT_SIZE];
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) anchors = {0};
    struct audit_file_report report;
    other_tenant(h, stranger);
    live(h, stranger);
    anchors_of(h, &anchors);
    export_all(h, &text);
    assert_ok(verify(buf_view(&text), buf_view(&anchors), &report));
    assert_int_equal(count_lines(buf_view(&text), "device.quarantined"), 3); /* of six */
    assert_int_equal(count_lines(buf_view(&text), "batch.registered"), 3);
    assert_int_equal(count_lines(buf_view(&text), "audit.exported"),
                     1); /* copies are noted, in themselves too */
    assert_int_equal(report.shown, report.lines - 3 - (int64_t)count_lines(buf_view(&text), "export.hidden"));
    assert_true(report.hidden >= 6);
    assert_int_equal(report.at_ms / 1000, h->clock.at_ms / 1000);
    assert_has(report.signer, "Whorl audit log");
}

static void filters_hide(void **state)
{
    static const struct http_field filters[] = {{"kind", "device.quarantined"},
                                                {"device",
                                                 "0000000000000000000000000000000000000000000000000000000"
                                                 "000000002"},
                                                {"actor", "nobody"},
                                                {"until", "2001-01-01T00:00:00Z"},
                                                {"since", "2001-01-01T00:00:00Z"}};
    static const int64_t shown[] = {3, 1, 0, 0, -1};
    struct house *h = *state;
    char stranger[TOKEN_TEXT_SIZE];
    AUTO_VAL(reply) reply = {.json = NULL};
    other_tenant(h, stranger);
    live(h, stranger);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        AUTO_VAL(buf) text = {0};
        struct audit_file_report report;
        struct call call = rest(h, HTTP_GET, "/api/v1/audit/export", NULL);
        call.query[0] = filters[i];
        run_export(h, &call, &text);
        assert_ok(verify(buf_view(&text), BYTES_NONE, &report));
        assert_true(shown[i] == report.shown || (shown[i] < 0 && report.shown > 6));
    }
    static const struct http_field bad[] = {
        {"kind", ""}, {"device", "xyz"}, {"since", "yesterday"}, {"limit", "5"}, {"cursor", "00"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call call = rest(h, HTTP_GET, "/api/v1/audit/export", NULL);
        call.query[0] = bad[i];
        assert_status(h, &call, &reply, 400);
    }
}

/* Every byte, changed in three ways. */
static void any_changed_byte_is_noticed(void **state)
{
    static const uint8_t flips[] = {0x01, 0x20, 0x04};
    struct house *h = *state;
    char stranger[TOKEN_TEXT_SIZE];
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) anchors = {0};
    struct audit_file_report report;
    other_tenant(h, stranger);
    live(h, stranger);
    anchors_of(h, &anchors);
    export_all(h, &text);
    for (size_t i = 0; i < text.n; i++) {
        text.p[i] ^= flips[i % 3];
        if (verify(buf_view(&text), buf_view(&anchors), &report).code == ERR_OK) {
            /* in the structure of the signature a few bits mean nothing: what was signed is the same */
            assert_ptr_equal(memchr(text.p + i, '\n', text.n - i), text.p + text.n - 1);
        }
        text.p[i] ^= flips[i % 3];
    }
    assert_ok(verify(buf_view(&text), buf_view(&anchors), &report));
}

/* Each line removed, repeated, or swapped with the next; each prefix. */
static void any_moved_line_is_noticed(void **state)
{
    struct house *h = *state;
    char stranger[TOKEN_TEXT_SIZE];
    AUTO_VAL(buf) text = {0};
    struct audit_file_report report;
    struct bytes lines[64];
    size_t count = 0;
    other_tenant(h, stranger);
    live(h, stranger);
    export_all(h, &text);
    for (uint8_t *at = text.p; at < text.p + text.n; at += lines[count++].n) {
        const uint8_t *end = memchr(at, '\n', text.n - (size_t)(at - text.p));
        assert_true(end != NULL && count < 64);
        lines[count] = (struct bytes){at, (size_t)(end - at) + 1};
    }
    for (size_t i = 0; i < count; i++) {
        AUTO_VAL(buf) removed = {0}, repeated = {0}, swapped = {0}, prefix = {0};
        for (size_t k = 0; k < count; k++) {
            size_t other = k == i ? i + 1 : k == i + 1 ? i : k;
            assert_ok(k == i ? OK : buf_append_bytes(&removed, lines[k]));
            assert_ok(buf_append_bytes(&repeated, lines[k]));
            assert_ok(k == i ? buf_append_bytes(&repeated, lines[k]) : OK);
            assert_ok(other < count ? buf_append_bytes(&swapped, lines[other]) : OK);
            assert_ok(k < i ? buf_append_bytes(&prefix, lines[k]) : OK);
        }
        assert_int_not_equal(verify(buf_view(&removed), BYTES_NONE, &report).code, ERR_OK);
        assert_int_not_equal(verify(buf_view(&repeated), BYTES_NONE, &report).code, ERR_OK);
        assert_int_not_equal(verify(buf_view(&swapped), BYTES_NONE, &report).code, ERR_OK);
        assert_int_not_equal(verify(buf_view(&prefix), BYTES_NONE, &report).code, ERR_OK);
    }
}

static void checkpoints(void **state)
{
    struct house *h = *state;
    char few[TOKEN_TEXT_SIZE];
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) cms = {0};
    AUTO_VAL(buf) anchors = {0};
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    anchors_of(h, &anchors);
    struct call call = rest(h, HTTP_GET, "/api/v1/audit/checkpoint", NULL);
    assert_status(h, &call, &reply, 200);
    assert_ok(base64_decode(bytes_str(text_at(&reply, "cms")), &cms));
    assert_ok(audit_statement_open(buf_view(&cms), buf_view(&anchors), &statement));
    assert_true(json_equal(statement.content, json_object_get(reply.json, "checkpoint")));
    assert_null(json_object_get(statement.content, "export"));
    call.headers[0] = (struct http_field){"Accept", "application/pkcs7-mime"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(reply.response.body.p[0], 0x30);
    call.query[0] = (struct http_field){"x", "y"};
    assert_status(h, &call, &reply, 400);
    token_with(h, SCOPE_DEVICES_READ, few);
    call = rest(h, HTTP_GET, "/api/v1/audit/checkpoint", NULL);
    call.token = few;
    assert_status(h, &call, &reply, 403);
    assert_has(text_at(&reply, "detail"), "audit:read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_export_verifies, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(filters_hide, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(any_changed_byte_is_noticed, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(any_moved_line_is_noticed, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(checkpoints, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
