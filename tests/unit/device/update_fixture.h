/* A device on the bench with flash, and the firmware half of the fake server: one action, one or two images.
 */
#ifndef WHORL_TESTS_UNIT_DEVICE_UPDATE_FIXTURE_H
#define WHORL_TESTS_UNIT_DEVICE_UPDATE_FIXTURE_H

#include <inttypes.h>

#include "device/core/run.h"
#include "device/core/update.h"
#include "device/sim/memory_flash.h"
#include "tests/unit/device/bench.h"
#include "tests/unit/device/suit_fixture.h"

enum { SLOT_BYTES = 8192, IMAGE_SIZE = 5000, REPORTS_MAX = 64 };

struct update_bench {
    struct bench *b;
    struct sim_flash flash;
    uint8_t memory[2 * SIM_FLASH_PARTS * SLOT_BYTES];
    struct whorl_firmware_class own;
    struct whorl_firmware_keys keys;
    bool boots; /* new firmware comes up */
    /* the server's side */
    struct paper paper;
    uint8_t image[2][IMAGE_SIZE]; /* of each component; the second is 1000 bytes shorter */
    bool has_action, is_cancelling, is_out_of_window, is_gone;
    unsigned action;
    bool is_manifest_flipped;
    unsigned longer; /* the images have so many bytes more than the manifest says */
    struct whorl_bytes statement;
    uint64_t anchors_sequence;
    char header[96];
    char reports[REPORTS_MAX][24]; /* state by state */
    size_t report_count;
    char last_report[512];
    unsigned manifests, ranges;
    bool wants_attributes;
    char attributes[128];
};

static inline size_t image_size(size_t i)
{
    return i == 0 ? IMAGE_SIZE : IMAGE_SIZE - 1000;
}

static inline unsigned answer_poll(struct update_bench *u, struct whorl_text *body)
{
    uint8_t hash[32];
    struct whorl_bytes envelope = {u->paper.bytes, u->paper.size};
    struct whorl_bytes view = {hash, sizeof hash};
    assert_int_equal(whorl_sha256(&host_crypto, envelope, hash), WHORL_OK);
    whorl_text_put(body, "{\"poll_after_s\":30,\"anchors_sequence\":");
    whorl_text_number(body, u->anchors_sequence);
    whorl_text_put(body, u->wants_attributes ? ",\"wants_attributes\":true" : "");
    if (u->has_action) {
        whorl_text_put(body, ",\"action\":{\"id\":\"");
        whorl_text_number(body, u->action);
        whorl_text_put(body, u->is_cancelling ? "\",\"state\":\"cancelling\"" : "\",\"state\":\"offered\"");
        whorl_text_put(body, u->is_out_of_window ? ",\"window\":false" : ",\"window\":true");
        whorl_text_put(body, ",\"manifest\":\"firmware/manifest/");
        whorl_text_number(body, u->action);
        whorl_text_put(body, "\",\"manifest_sha256\":\"");
        whorl_text_hex(body, view);
        whorl_text_put(body, "\",\"artifacts\":[{\"part\":\"\"}]}");
    }
    whorl_text_put(body, "}");
    return 200;
}

static inline unsigned answer_image(struct update_bench *u, struct whorl_text *body)
{
    static const uint8_t filler[64];
    uint64_t first = 0, last = 0;
    const char *range = strstr(u->b->server.request, "Range: bytes=");
    const char *hex = strstr(u->b->server.request, "/images/");
    assert_non_null(range);
    assert_non_null(hex);
    assert_int_equal(sscanf(range, "Range: bytes=%" SCNu64 "-%" SCNu64, &first, &last), 2);
    for (size_t i = 0; i < u->paper.count; i++) {
        uint8_t named[32];
        struct whorl_bytes text = {(const uint8_t *)hex + 8, 64};
        uint64_t size = image_size(i) + u->longer;
        assert_true(whorl_hex_decode(text, named, sizeof named));
        if (memcmp(named, u->paper.component[i].digest, 32) != 0) {
            continue;
        }
        if (first >= size) {
            return 416;
        }
        last = last < size ? last : size - 1;
        (void)snprintf(u->header, sizeof u->header,
                       "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", first, last, size);
        u->b->server.header = u->header;
        size_t there = last < image_size(i) ? (size_t)(last - first + 1) : (size_t)(image_size(i) - first);
        struct whorl_bytes part = {u->image[i] + first, there};
        struct whorl_bytes rest = {filler, (size_t)(last - first + 1) - there};
        whorl_text_bytes(body, part);
        whorl_text_bytes(body, rest);
        u->ranges++;
        return 206;
    }
    return 404;
}

static inline unsigned answer_report(struct update_bench *u, struct whorl_bytes json)
{
    struct whorl_bytes text;
    assert_true(whorl_message_text(json, "action", &text));
    assert_int_equal(strtoul((const char *)text.data, NULL, 10), u->action);
    assert_true(whorl_message_text(json, "state", &text));
    assert_true(u->report_count < REPORTS_MAX && text.size < sizeof u->reports[0]);
    memcpy(u->reports[u->report_count], text.data, text.size);
    u->reports[u->report_count++][text.size] = '\0';
    (void)snprintf(u->last_report, sizeof u->last_report, "%.*s", (int)json.size, (const char *)json.data);
    if (u->is_gone) {
        return 410;
    }
    if (whorl_is(text, "success") || whorl_is(text, "failure") || whorl_is(text, "rejected") ||
        whorl_is(text, "cancelled")) {
        u->has_action = false;
    }
    return 204;
}

static inline unsigned answer_firmware(struct fake_server *server, struct whorl_bytes json,
                                       struct whorl_text *body)
{
    struct update_bench *u = server->firmware_context;
    server->header = NULL;
    if (strncmp(server->request, "GET /device/v1/firmware ", 24) == 0) {
        return answer_poll(u, body);
    }
    if (strncmp(server->request, "GET /device/v1/firmware/manifest/", 33) == 0) {
        struct whorl_bytes envelope = {u->paper.bytes, u->paper.size};
        u->manifests++;
        whorl_text_bytes(body, envelope);
        return 200;
    }
    if (strncmp(server->request, "GET /device/v1/firmware/images/", 31) == 0) {
        return answer_image(u, body);
    }
    if (strncmp(server->request, "GET /device/v1/firmware/anchors ", 32) == 0) {
        whorl_text_bytes(body, u->statement);
        return u->statement.size == 0 ? 404 : 200;
    }
    if (strncmp(server->request, "PUT /device/v1/firmware/attributes ", 35) == 0) {
        (void)snprintf(u->attributes, sizeof u->attributes, "%.*s", (int)json.size, (const char *)json.data);
        u->wants_attributes = false;
        return 204;
    }
    assert_int_equal(strncmp(server->request, "POST /device/v1/firmware/report ", 32), 0);
    return answer_report(u, json);
}

/* The next release, as the paper says; written and offered. */
static inline void offer(struct update_bench *u)
{
    for (size_t i = 0; i < u->paper.count && i < 2; i++) {
        struct whorl_bytes image = {u->image[i], image_size(i)};
        assert_int_equal(whorl_sha256(&host_crypto, image, u->paper.component[i].digest), WHORL_OK);
        u->paper.component[i].size = image_size(i);
    }
    (void)write_envelope(&u->paper);
    u->action++;
    u->has_action = true;
    u->report_count = 0;
    u->ranges = 0;
}

static inline void new_release(struct update_bench *u, uint64_t sequence, size_t count)
{
    paper_init(&u->paper, sequence, count);
    for (size_t i = 0; i < sizeof u->image; i++) {
        ((uint8_t *)u->image)[i] = (uint8_t)(i * 31 + i / 256 + sequence * 7);
    }
    offer(u);
}

static inline void power_cycle(struct update_bench *u)
{
    power_off(u->b);
    u->b->storage.changes_left = SIM_NEVER;
    sim_flash_restart(&u->flash, u->boots);
    power_on(u->b);
}

static inline enum whorl_result visit_once(struct update_bench *u, struct whorl_update_news *news)
{
    return whorl_device_update(&u->b->device, news);
}

static inline bool runs(const struct update_bench *u, size_t part)
{
    return memcmp(sim_flash_borrow_active(&u->flash, part), u->image[part], image_size(part)) == 0;
}

static inline uint64_t installed_sequence(const struct update_bench *u)
{
    struct whorl_installed installed;
    assert_int_equal(whorl_installed_load(&u->b->storage.port, &installed), WHORL_OK);
    return installed.sequence;
}

/* Lets it be until the action is closed; a restart whenever something failed or one is wanted. */
static inline void carry_through(struct update_bench *u)
{
    struct whorl_update_news news;
    for (size_t i = 0; i < 12; i++) {
        enum whorl_result result = visit_once(u, &news);
        if (result != WHORL_OK || news.is_restart_wanted) {
            power_cycle(u);
        }
        if (result == WHORL_OK && !u->has_action && u->b->storage.size[WHORL_RECORD_UPDATE] == 0) {
            return;
        }
    }
    fail_msg("it does not end: %s", u->last_report);
}

static inline int set_up_update(void **state)
{
    void *bench = NULL;
    struct whorl_run run;
    struct update_bench *u = calloc(1, sizeof *u);
    assert_non_null(u);
    assert_int_equal(set_up(&bench), 0);
    u->b = bench;
    u->own = own_class();
    u->keys = keys_of(SIGNER_KEY, SAFE_KEY, 0);
    u->boots = true;
    sim_flash_init(&u->flash, &u->b->storage, u->memory, SLOT_BYTES);
    u->flash.part[1] = "radio";
    u->b->settings.firmware_class = &u->own;
    u->b->settings.firmware_keys = &u->keys;
    u->b->ports.flash = &u->flash.port;
    u->b->server.firmware = answer_firmware;
    u->b->server.firmware_context = u;
    power_cycle(u);
    assert_int_equal(whorl_device_run(&u->b->device, &run), WHORL_OK);
    new_release(u, 7, 1);
    *state = u;
    return 0;
}

static inline int tear_down_update(void **state)
{
    struct update_bench *u = *state;
    void *bench = u->b;
    u->b->storage.changes_left = SIM_NEVER;
    int result = tear_down(&bench);
    free(u);
    return result;
}

#define UPDATE(test) cmocka_unit_test_setup_teardown(test, set_up_update, tear_down_update)

#endif
