/* The watch over the signer process: what its rules refuse is an alarm and a record, once, until a day of
 * quiet; what its rates refuse is neither; its loss and its return. */
#include "tests/unit/fleet/fleet_fixture.h"

#include <signal.h>

#include "fleet/alarms.h"
#include "fleet/signer_watch.h"
#include "pki/openssl.h"
#include "tests/unit/pki/signer_fixture.h"

struct watched {
    struct fleet_fixture f;
    struct signer_scene signer;
    struct private_key *key;
};

static void watched_init(struct watched *w, void *house)
{
    *w = (struct watched){.key = NULL};
    fleet_fixture_init(&w->f, house);
    signer_scene_init(&w->signer);
    assert_ok(signer_open(&w->signer, "good", 1, 20000));
    assert_ok(keystore_generate(w->signer.keystore, "ca-x", KEY_ALG_P256, &w->key));
    w->f.fleet->options.keystore = w->signer.keystore;
}

static void watched_clear(struct watched *w)
{
    private_key_free(w->key);
    fleet_fixture_clear(&w->f);
    signer_scene_clear(&w->signer);
}
DEFINE_AUTO_VAL(watched, watched_clear);

struct standing {
    char kinds[128], detail[ALARM_DETAIL_SIZE];
    enum alarm_severity severity;
};

static err_t on_alarm(const struct alarm_row *row, void *arg)
{
    struct standing *standing = arg;
    size_t used = strlen(standing->kinds);
    (void)snprintf(standing->kinds + used, sizeof standing->kinds - used, "%s ", row->kind);
    memcpy(standing->detail, row->detail, sizeof standing->detail);
    standing->severity = row->severity;
    return OK;
}

static struct standing standing_at(struct watched *w, int64_t now_ms)
{
    const struct alarm_view view = {.of_installation = true};
    const struct row_window window = {.after = BYTES_NONE, .limit = 10};
    struct standing standing = {.kinds = ""};
    assert_ok(signer_watch(w->f.fleet, now_ms));
    assert_ok(alarm_list(w->f.fleet, &view, &window, on_alarm, &standing));
    return standing;
}

static void ask_for_what_is_refused(struct watched *w)
{
    AUTO_VAL(buf) signature = {0};
    err_t error = private_key_sign(w->key, bytes_str("a text \"that\" nobody can judge"), &signature);
    assert_error(error, ERR_SIGNER_REFUSED, "the signer refuses key ca-x");
    assert_int_equal(err_status(error.code), 500);
    assert_int_equal(signature.n, 0);
}

static void assert_metric(struct watched *w, const char *line)
{
    AUTO_VAL(buf) out = {0};
    assert_ok(signer_write_metrics(w->f.fleet, &out));
    assert_non_null(strstr(buf_str(&out), line));
}

static void what_its_rules_refuse_is_an_alarm_until_a_day_of_quiet(void **state)
{
    AUTO_VAL(watched) w;
    int64_t now_ms = fleet_now_ms;
    watched_init(&w, *state);
    assert_string_equal(standing_at(&w, now_ms).kinds, "");
    assert_int_equal(audit_of(&w.f, "signer.refused").count, 0);
    ask_for_what_is_refused(&w);
    ask_for_what_is_refused(&w);
    struct standing standing = standing_at(&w, now_ms += 1000);
    assert_string_equal(standing.kinds, "signer.refused ");
    assert_int_equal(standing.severity, ALARM_CRITICAL);
    assert_non_null(strstr(standing.detail, "the signer refuses key ca-x: what is no certificate"));
    assert_int_equal(audit_of(&w.f, "signer.refused").count, 1);
    const struct audit_count record = audit_of(&w.f, "signer.refused");
    assert_non_null(strstr(record.last_body, "\"count\":2"));
    assert_metric(&w, "whorl_signer_requests_total{result=\"refused\"} 2\n");
    /* the same again is no news */
    (void)standing_at(&w, now_ms += 1000);
    assert_int_equal(audit_of(&w.f, "signer.refused").count, 1);
    /* a restart forgets the count, not the alarm */
    fleet_fixture_reopen(&w.f);
    keystore_free(TAKE(w.signer.keystore));
    assert_ok(signer_open(&w.signer, "good", 1, 20000));
    w.f.fleet->options.keystore = w.signer.keystore;
    assert_string_equal(standing_at(&w, now_ms += 1000).kinds, "signer.refused ");
    assert_string_equal(standing_at(&w, now_ms + day_ms - 1).kinds, "signer.refused ");
    assert_string_equal(standing_at(&w, now_ms + day_ms).kinds, "");
    assert_int_equal(audit_of(&w.f, "signer.refused").count, 1);
    /* and the next one is one again */
    private_key_free(TAKE(w.key));
    assert_ok(keystore_load(w.signer.keystore, "ca-x", &w.key));
    ask_for_what_is_refused(&w);
    assert_string_equal(standing_at(&w, now_ms + 2 * day_ms).kinds, "signer.refused ");
    assert_int_equal(audit_of(&w.f, "signer.refused").count, 2);
    assert_audit_verifies(&w.f);
}

/* An honest server asks for too much at times, and for keys of before to be destroyed. */
static void what_an_honest_server_may_ask_is_no_alarm(void **state)
{
    AUTO_VAL(watched) w;
    AUTO_PTR(private_key) *firmware = NULL;
    err_t error = OK;
    watched_init(&w, *state);
    assert_ok(keystore_generate(w.signer.keystore, "fw-1", KEY_ALG_ED25519, &firmware));
    keystore_free(TAKE(w.signer.keystore));
    assert_ok(signer_open(&w.signer, "rated", 1, 20000)); /* one a second, ten at once */
    w.f.fleet->options.keystore = w.signer.keystore;
    private_key_free(TAKE(firmware));
    assert_ok(keystore_load(w.signer.keystore, "fw-1", &firmware));
    for (int i = 0; i < 15 && error.code == ERR_OK; i++) {
        AUTO_VAL(buf) signature = {0};
        error = private_key_sign(firmware, bytes_str("a text"), &signature);
    }
    assert_error(error, ERR_BUSY, "signer_rate_firmware");
    assert_int_equal(err_status(error.code), 503);
    assert_int_equal(error.retry_after_s, 1);
    assert_error(keystore_forget(w.signer.keystore, "ca-x"), ERR_FORBIDDEN, "not destroyed");
    assert_string_equal(standing_at(&w, fleet_now_ms).kinds, "");
    assert_int_equal(audit_of(&w.f, "signer.refused").count, 0);
    assert_metric(&w, "whorl_signer_requests_total{result=\"limited\"} 1\n");
    assert_metric(&w, "whorl_signer_requests_total{result=\"refused\"} 0\n");
}

static void its_loss_and_its_return_are_told_once_each(void **state)
{
    AUTO_VAL(watched) w;
    AUTO(char) *away = NULL;
    struct signer_status status;
    watched_init(&w, *state);
    assert_string_equal(standing_at(&w, fleet_now_ms).kinds, "");
    assert_true(keystore_signer_status(w.signer.keystore, &status));
    assert_ok(path_join(w.signer.folder.path, "away", &away));
    assert_int_equal(rename(w.signer.keys, away), 0); /* so that none starts */
    assert_int_equal(kill((pid_t)status.pid, SIGKILL), 0);
    do {
        (void)usleep(2000);
        (void)keystore_signer_status(w.signer.keystore, &status);
    } while (status.is_up);
    assert_string_equal(standing_at(&w, fleet_now_ms + 1000).kinds, "signer.unavailable ");
    assert_string_equal(standing_at(&w, fleet_now_ms + 2000).kinds, "signer.unavailable ");
    assert_int_equal(rename(away, w.signer.keys), 0);
    do {
        (void)usleep(2000);
        (void)keystore_signer_status(w.signer.keystore, &status);
    } while (!status.is_up);
    assert_string_equal(standing_at(&w, fleet_now_ms + 3000).kinds, "");
    assert_int_equal(audit_of(&w.f, "signer.lost").count, 1);
    assert_int_equal(audit_of(&w.f, "signer.returned").count, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_its_rules_refuse_is_an_alarm_until_a_day_of_quiet),
        cmocka_unit_test(what_an_honest_server_may_ask_is_no_alarm),
        cmocka_unit_test(its_loss_and_its_return_are_told_once_each),
    };
    return is_signer_child(argc, argv)
               ? 1
               : cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
