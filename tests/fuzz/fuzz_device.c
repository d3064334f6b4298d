/* The parsers of the device's end, which read what a server, or who poses as one, sends: HTTP answers, JSON,
 * certificates and sets of them, orders; and its own stored records. The first byte chooses. */
#include <stdlib.h>

#include "device/core/authority.h"
#include "device/core/http_parse.h"
#include "device/core/messages.h"
#include "device/core/records.h"
#include "device/core/update_internal.h"
#include "device/sim/memory_storage.h"
#include "tests/fuzz/fuzz.h"

enum { ROOM = 4096 };

/* In two pieces, as a network gives it. */
static void feed_http(struct whorl_bytes input)
{
    uint8_t *buffer = malloc(input.size + 1);
    struct whorl_http_parse parse;
    size_t used = input.size / 2;
    if (buffer == NULL) {
        return;
    }
    whorl_copy(buffer, input.data, input.size);
    whorl_http_parse_begin(&parse);
    if (whorl_http_parse_more(&parse, buffer, &used) == WHORL_HTTP_NEEDS_MORE) {
        size_t rest = input.size - input.size / 2;
        whorl_copy(buffer + used, input.data + input.size / 2, rest);
        used += rest;
        if (whorl_http_parse_more(&parse, buffer, &used) == WHORL_HTTP_COMPLETE &&
            parse.body_at + parse.body_size > input.size) {
            abort();
        }
    }
    free(buffer);
}

static void feed_json(struct whorl_bytes input)
{
    uint8_t room[ROOM];
    struct whorl_space space = {room, sizeof room};
    struct whorl_credential credential = {0};
    struct whorl_challenge challenge;
    struct whorl_status status;
    struct whorl_problem problem;
    struct whorl_bytes record;
    (void)whorl_message_read_challenge(input, &challenge);
    (void)whorl_message_read_status(input, &status);
    whorl_message_read_problem(400, input, &problem);
    if (whorl_credential_write(input, &credential, space, &record) == WHORL_OK && record.size > sizeof room) {
        abort();
    }
}

static void feed_certificate(struct whorl_bytes input)
{
    struct whorl_certificate certificate;
    const uint8_t *end = input.data + input.size;
    if (whorl_certificate_read(input, &certificate) &&
        (certificate.subject.data + certificate.subject.size > end ||
         certificate.spki.data + certificate.spki.size > end)) {
        abort();
    }
}

/* A set of CA certificates: each that is found lies in the input. */
static void feed_set(struct whorl_bytes input)
{
    struct whorl_set set;
    const uint8_t *end = input.data + input.size;
    if (!whorl_certs_only_read(input, &set)) {
        return;
    }
    for (size_t i = 0; i < set.count; i++) {
        const struct whorl_bytes *certificate = &set.certificate[i];
        if (certificate->data < input.data || certificate->data + certificate->size > end) {
            abort();
        }
        (void)whorl_certificate_is_sovereign(*certificate);
    }
}

static void expect_inside(struct whorl_bytes part, const uint8_t *room, size_t size)
{
    if (part.data < room || part.data + part.size > room + size) {
        abort();
    }
}

/* Records that somebody wrote into a device's storage. */
static void feed_record(struct whorl_bytes input)
{
    static struct sim_storage storage;
    uint8_t room[SIM_RECORD_BYTES];
    struct whorl_space space = {room, sizeof room};
    struct whorl_anchors anchors;
    struct whorl_credential credential;
    struct whorl_hub hub;
    sim_storage_init(&storage);
    for (enum whorl_record record = WHORL_RECORD_CREDENTIAL; record <= WHORL_RECORD_UPDATE; record++) {
        (void)storage.port.write(&storage, record, input); /* what is too large is not there */
    }
    if (whorl_anchors_load(&storage.port, space, &anchors) == WHORL_OK) {
        for (size_t i = 0; i < anchors.count; i++) {
            expect_inside(anchors.root[i], room, input.size);
        }
    }
    if (whorl_credential_load(&storage.port, WHORL_RECORD_CREDENTIAL, space, &credential) == WHORL_OK) {
        for (size_t i = 0; i < credential.chain_count; i++) {
            expect_inside(credential.chain[i], room, input.size);
        }
    }
    if (whorl_hub_load(&storage.port, space, &hub) == WHORL_OK) {
        expect_inside(hub.url, room, input.size);
        expect_inside(hub.ca, room, input.size);
    }
}

/* Records of firmware: what is taken comes back as it is. */
static void feed_firmware_record(struct whorl_bytes input)
{
    static struct sim_storage storage;
    struct whorl_update update, again;
    struct whorl_installed installed;
    sim_storage_init(&storage);
    (void)storage.port.write(&storage, WHORL_RECORD_UPDATE, input);
    (void)storage.port.write(&storage, WHORL_RECORD_INSTALLED, input);
    (void)whorl_installed_load(&storage.port, &installed);
    if (whorl_update_load(&storage.port, &update) != WHORL_OK || update.step == WHORL_UPDATE_NONE) {
        return;
    }
    if (whorl_update_save(&storage.port, &update) != WHORL_OK ||
        whorl_update_load(&storage.port, &again) != WHORL_OK || again.offset != update.offset ||
        again.target.count != update.target.count || again.load_count != update.load_count) {
        abort();
    }
}

static void feed_offer(struct whorl_bytes input)
{
    struct whorl_offer offer;
    if (whorl_offer_read(input, &offer) && (offer.poll_s == 0 || offer.action > INT32_MAX ||
                                            whorl_length(offer.manifest) >= sizeof offer.manifest)) {
        abort();
    }
}

static void feed_order(struct whorl_bytes input)
{
    struct whorl_rekey_after order;
    if (whorl_rekey_after_parse(input, &order) && order.delay_s < 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct whorl_bytes input = {data + 1, size - 1};
    if (data[0] == 'h') {
        feed_http(input);
    } else if (data[0] == 'j') {
        feed_json(input);
    } else if (data[0] == 's') {
        feed_set(input);
    } else if (data[0] == 'r') {
        feed_record(input);
    } else if (data[0] == 'f') {
        feed_offer(input);
    } else if (data[0] == 'u') {
        feed_firmware_record(input);
    } else if (data[0] == 'o') {
        feed_order(input);
    } else {
        feed_certificate(input);
    }
    return 0;
}
