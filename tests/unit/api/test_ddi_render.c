/* What a device reads over DDI: to the byte of what its clients were written for. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/pki/pki_fixture.h"

#include "api/ddi.h"

static const char base[] = "https://h:8443/DEFAULT/controller/v1/dev1";

static struct firmware_action an_action(void)
{
    struct firmware_action action = {.id = 8,
                                     .name = "oneapplication",
                                     .version = "1.0.91",
                                     .is_forced = true,
                                     .is_in_window = true,
                                     .artifact_count = 1};
    struct firmware_artifact *artifact = &action.artifacts[0];
    memset(artifact->image.b, 0x11, sizeof artifact->image.b);
    memset(artifact->digests.sha1, 0xa1, sizeof artifact->digests.sha1);
    memset(artifact->digests.md5, 0xd5, sizeof artifact->digests.md5);
    memset(artifact->digests.sha256.b, 0x25, sizeof artifact->digests.sha256.b);
    artifact->digests.size = 13;
    (void)snprintf(artifact->filename, sizeof artifact->filename, "fw one.bin");
    return action;
}

/* Compares and frees. */
static void assert_text(json_t *value, const char *expected)
{
    AUTO_VAL(buf) text = {0};
    assert_non_null(value);
    assert_ok(json_append(&text, value));
    json_decref(value);
    assert_string_equal(buf_str(&text), expected);
}

static void a_poll_with_nothing_is_its_sleep(void **state)
{
    json_t *root = NULL;
    const struct firmware_poll poll = {.poll_s = 300};
    (void)state;
    assert_ok(ddi_render_root(&poll, base, &root));
    assert_text(root, "{\"config\":{\"polling\":{\"sleep\":\"00:05:00\"}}}");
}

static void a_poll_links_one_thing_to_do(void **state)
{
    json_t *root = NULL;
    struct firmware_poll poll = {.has_action = true,
                                 .action = an_action(),
                                 .wants_attributes = true,
                                 .installed_action = 7,
                                 .poll_s = 86399};
    (void)state;
    assert_ok(ddi_render_root(&poll, base, &root));
    assert_text(root,
                "{\"config\":{\"polling\":{\"sleep\":\"23:59:59\"}},\"_links\":{"
                "\"deploymentBase\":{\"href\":\"https://h:8443/DEFAULT/controller/v1/dev1/deploymentBase/"
                "8?c=3\"},\"installedBase\":{\"href\":\"https://h:8443/DEFAULT/controller/v1/dev1/"
                "installedBase/7\"},\"configData\":{\"href\":\"https://h:8443/DEFAULT/controller/v1/dev1/"
                "configData\"}}}");
    poll.action.state = ACTION_CANCELLING;
    poll.wants_attributes = false;
    poll.installed_action = 0;
    assert_ok(ddi_render_root(&poll, base, &root));
    assert_text(root,
                "{\"config\":{\"polling\":{\"sleep\":\"23:59:59\"}},\"_links\":{\"cancelAction\":{\"href\":"
                "\"https://h:8443/DEFAULT/controller/v1/dev1/cancelAction/8\"}}}");
}

/* Zephyr keeps 49 characters behind deploymentBase/. */
static void the_longest_link_fits_into_a_small_client(void **state)
{
    json_t *root = NULL;
    struct firmware_poll poll = {.has_action = true, .action = an_action(), .poll_s = 1};
    (void)state;
    poll.action.id = FIRMWARE_ACTION_ID_MAX;
    memset(poll.action.manifest.b, 0xff, sizeof poll.action.manifest.b);
    assert_ok(ddi_render_root(&poll, base, &root));
    const json_t *link = json_object_get(json_object_get(root, "_links"), "deploymentBase");
    const char *href = json_string_value(json_object_get(link, "href"));
    const char *tail = strstr(href, "deploymentBase/") + strlen("deploymentBase/");
    assert_string_equal(tail, "2147483647?c=2147483523");
    assert_true(strlen(tail) <= 49);
    json_decref(root);
}

#define ARTIFACT                                                                                             \
    "{\"filename\":\"fw one.bin\",\"hashes\":{\"sha1\":\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\","        \
    "\"md5\":\"d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5\",\"sha256\":"                                               \
    "\"2525252525252525252525252525252525252525252525252525252525252525\"},\"size\":13,\"_links\":{"         \
    "\"download\":{\"href\":\"" MODULE "fw%20one.bin\"},\"md5sum\":{\"href\":\"" MODULE                      \
    "fw%20one.bin.MD5SUM\"},\"download-http\":{\"href\":\"" MODULE                                           \
    "fw%20one.bin\"},\"md5sum-http\":{\"href\":\"" MODULE "fw%20one.bin.MD5SUM\"}}}"
#define MODULE                                                                                               \
    "https://h:8443/DEFAULT/controller/v1/dev1/softwaremodules/11111111-1111-1111-1111-111111111111/"        \
    "artifacts/"

static void a_deployment_is_one_chunk_with_one_artifact(void **state)
{
    json_t *deployment = NULL;
    const struct firmware_action action = an_action();
    (void)state;
    assert_ok(ddi_render_deployment(&action, base, "deployment", &deployment));
    assert_text(deployment,
                "{\"id\":\"8\",\"deployment\":{\"download\":\"forced\",\"update\":\"forced\","
                "\"chunks\":[{\"part\":\"bApp\",\"version\":\"1.0.91\",\"name\":\"oneapplication\","
                "\"artifacts\":[" ARTIFACT "]}]}}");
}

static void windows_and_parts_have_hawkbits_words(void **state)
{
    json_t *deployment = NULL;
    struct firmware_action action = an_action();
    (void)state;
    action.is_forced = false;
    action.has_window = true;
    action.is_in_window = false;
    action.artifact_count = 2;
    action.artifacts[1] = action.artifacts[0];
    (void)snprintf(action.artifacts[0].part, sizeof action.artifacts[0].part, "os");
    (void)snprintf(action.artifacts[1].part, sizeof action.artifacts[1].part, "application");
    assert_ok(ddi_render_deployment(&action, base, "deployment", &deployment));
    assert_text(deployment,
                "{\"id\":\"8\",\"deployment\":{\"download\":\"attempt\",\"update\":\"skip\","
                "\"maintenanceWindow\":\"unavailable\",\"chunks\":[{\"part\":\"os\",\"version\":"
                "\"1.0.91\",\"name\":\"oneapplication-os\",\"artifacts\":[" ARTIFACT "]},{\"part\":"
                "\"bApp\",\"version\":\"1.0.91\",\"name\":\"oneapplication-application\","
                "\"artifacts\":[" ARTIFACT "]}]}}");
    action.is_in_window = true;
    assert_ok(ddi_render_deployment(&action, base, "deployment", &deployment));
    const json_t *inner = json_object_get(deployment, "deployment");
    assert_string_equal(json_string_value(json_object_get(inner, "maintenanceWindow")), "available");
    assert_string_equal(json_string_value(json_object_get(inner, "update")), "attempt");
    json_decref(deployment);
    assert_string_equal(ddi_part(""), "bApp");
    assert_string_equal(ddi_part("runtime"), "jvm");
    assert_string_equal(ddi_part("modem"), "modem");
}

static void a_sleep_has_eight_characters(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } table[] = {{-5, "00:00:01"},    {0, "00:00:01"},     {1, "00:00:01"},
                 {59, "00:00:59"},    {60, "00:01:00"},    {3661, "01:01:01"},
                 {86399, "23:59:59"}, {86400, "23:59:59"}, {INT64_MAX, "23:59:59"}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[DDI_SLEEP_SIZE];
        ddi_sleep(table[i].seconds, text);
        assert_string_equal(text, table[i].text);
    }
}

static void ids_of_actions_are_numbers(void **state)
{
    int64_t id = 0;
    (void)state;
    assert_ok(ddi_action_id("2147483647", &id));
    assert_int_equal(id, 2147483647);
    assert_ok(ddi_action_id("1", &id));
    static const char *const bad[] = {"",   "0", "-1",         "+1",  " 1",
                                      "1 ", "x", "2147483648", "1e3", "99999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ddi_action_id(bad[i], &id).code, ERR_NOT_FOUND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_poll_with_nothing_is_its_sleep),
        cmocka_unit_test(a_poll_links_one_thing_to_do),
        cmocka_unit_test(the_longest_link_fits_into_a_small_client),
        cmocka_unit_test(a_deployment_is_one_chunk_with_one_artifact),
        cmocka_unit_test(windows_and_parts_have_hawkbits_words),
        cmocka_unit_test(a_sleep_has_eight_characters),
        cmocka_unit_test(ids_of_actions_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
