/* Counting by names, which are few: the roots and issuing authorities of one server. */
#include "device/sim/stay_trust.h"

#include <stdio.h>
#include <string.h>

#include "device/core/records.h"

static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};

/* The last common name of a Name, as far as it fits: SEQUENCE OF SET OF { OID, string }. */
static void read_common_name(struct whorl_bytes name, char out[STAY_NAME_SIZE])
{
    struct whorl_der_item item, set, pair, oid, text;
    if (!whorl_der_next(&name, &item)) {
        return;
    }
    while (whorl_der_next(&item.content, &set)) {
        while (whorl_der_next(&set.content, &pair)) {
            bool is_read = whorl_der_next(&pair.content, &oid) && whorl_der_next(&pair.content, &text);
            if (is_read && oid.content.size == sizeof oid_common_name &&
                memcmp(oid.content.data, oid_common_name, sizeof oid_common_name) == 0) {
                (void)snprintf(out, STAY_NAME_SIZE, "%.*s", (int)text.content.size,
                               (const char *)text.content.data);
            }
        }
    }
}

static void read_issuer(struct whorl_device *device, char out[STAY_NAME_SIZE])
{
    struct whorl_credential credential;
    struct whorl_certificate certificate;
    if (whorl_credential_load(device->settings.ports->storage, WHORL_RECORD_CREDENTIAL,
                              device->settings.credential, &credential) == WHORL_OK &&
        credential.chain_count != 0 && whorl_certificate_read(credential.chain[0], &certificate)) {
        read_common_name(certificate.issuer, out);
    }
}

static void read_firmware_roots(const struct whorl_device *device, struct stay_holding *out)
{
    for (size_t i = 0; i < device->settings.root_count && i < WHORL_ANCHORS_MAX; i++) {
        struct whorl_certificate root;
        if (whorl_certificate_read(device->settings.roots[i], &root) &&
            whorl_sha256(device->settings.ports->crypto, root.spki, out->root[out->root_count]) == WHORL_OK) {
            out->root_count++;
        }
    }
}

void stay_holding_read(struct whorl_device *device, struct stay_holding *out)
{
    memset(out, 0, sizeof *out);
    if (device->anchors.count == 0) {
        read_firmware_roots(device, out);
    } else {
        out->root_count = device->anchors.count;
        memcpy(out->root, device->anchors.server_id, sizeof out->root);
    }
    read_issuer(device, out->issuer);
}

static void count_name(struct stay_count counts[STAY_NAMES], size_t *count, const char *name)
{
    size_t i = 0;
    while (i < *count && strcmp(counts[i].name, name) != 0) {
        i++;
    }
    if (i == STAY_NAMES) {
        return;
    }
    if (i == *count) {
        (void)snprintf(counts[i].name, sizeof counts[i].name, "%s", name);
        (*count)++;
    }
    counts[i].devices++;
}

static void count_root(struct stay_holdings *out, const uint8_t server_id[WHORL_HASH_BYTES])
{
    char name[STAY_NAME_SIZE];
    uint8_t hex[2 * WHORL_HASH_BYTES];
    struct whorl_space room = {hex, sizeof hex};
    struct whorl_bytes bytes = {server_id, WHORL_HASH_BYTES};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    whorl_text_hex(&text, bytes);
    (void)snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)hex);
    count_name(out->roots, &out->root_count, name);
}

void stay_holdings_count(const struct stay_holding *each, size_t count, struct stay_holdings *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < each[i].root_count; k++) {
            count_root(out, each[i].root[k]);
        }
        if (each[i].issuer[0] != '\0') {
            count_name(out->issuers, &out->issuer_count, each[i].issuer);
        } else if (each[i].root_count != 0) {
            out->bare++;
        }
    }
}
