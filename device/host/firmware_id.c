/* Names as UUIDs (RFC 9562 §5.5), public keys as points, both in one small file. */
#include "device/host/firmware_id.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "device/host/file_storage.h"

enum { NAME_MAX_SIZE = 512, ID_VERSION = 1 };
enum {
    ID_BYTES = 1 + 1 + WHORL_UUID_BYTES * (1 + WHORL_CLASSES_MAX) + WHORL_ANCHOR_COUNT * WHORL_POINT_BYTES
};

static const char id_file[] = "firmware.id";
static const uint8_t namespace_dns[WHORL_UUID_BYTES] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                                        0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

DEFINE_AUTO(BIO, BIO_free_all);
DEFINE_AUTO(EVP_PKEY, EVP_PKEY_free);

static bool uuid_of(const uint8_t space[WHORL_UUID_BYTES], const char *name, uint8_t out[WHORL_UUID_BYTES])
{
    uint8_t text[WHORL_UUID_BYTES + NAME_MAX_SIZE];
    uint8_t hash[20];
    size_t size = strlen(name);
    if (size > NAME_MAX_SIZE) {
        return false;
    }
    memcpy(text, space, WHORL_UUID_BYTES);
    memcpy(text + WHORL_UUID_BYTES, name, size);
    if (EVP_Digest(text, WHORL_UUID_BYTES + size, hash, NULL, EVP_sha1(), NULL) != 1) {
        return false;
    }
    memcpy(out, hash, WHORL_UUID_BYTES);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x50);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
    return true;
}

static bool read_point(const char *file, uint8_t out[WHORL_POINT_BYTES])
{
    char group[32] = "";
    size_t size = 0;
    AUTO(BIO) *in = BIO_new_file(file, "r");
    AUTO(EVP_PKEY) *key = in == NULL ? NULL : PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
    bool is_read =
        key != NULL && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
        strcmp(group, "prime256v1") == 0 &&
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out, WHORL_POINT_BYTES, &size) == 1 &&
        size == WHORL_POINT_BYTES && out[0] == 4;
    ERR_clear_error();
    return is_read;
}

bool host_firmware_id_make(const struct host_firmware_names *names, struct host_firmware_id *out,
                           const char **problem)
{
    char hardware[NAME_MAX_SIZE];
    bool has_model = names->model != NULL && names->model[0] != '\0';
    memset(out, 0, sizeof *out);
    *problem = "firmware needs --tenant, --product, --signing-key and --recovery-key";
    if (names->tenant == NULL || names->product == NULL || names->signing_key == NULL ||
        names->recovery_key == NULL) {
        return false;
    }
    *problem = "the name is too long";
    int size = snprintf(hardware, sizeof hardware, "%s/%s", names->product, has_model ? names->model : "");
    if (size < 0 || (size_t)size >= sizeof hardware ||
        !uuid_of(namespace_dns, names->tenant, out->own.vendor) ||
        !uuid_of(out->own.vendor, names->product, out->own.id[0]) ||
        !uuid_of(out->own.vendor, hardware, out->own.id[1])) {
        return false;
    }
    out->own.count = has_model ? 2 : 1;
    *problem = "a manifest key is a P-256 public key in a PEM file";
    return read_point(names->signing_key, out->keys.point[WHORL_ANCHOR_SIGNING]) &&
           read_point(names->recovery_key, out->keys.point[WHORL_ANCHOR_RECOVERY]);
}

bool host_firmware_id_save(const char *folder, const struct host_firmware_id *id)
{
    uint8_t bytes[ID_BYTES];
    struct whorl_bytes data = {bytes, sizeof bytes};
    uint8_t *at = bytes + 2;
    bytes[0] = ID_VERSION;
    bytes[1] = (uint8_t)id->own.count;
    memcpy(at, id->own.vendor, WHORL_UUID_BYTES);
    memcpy(at + WHORL_UUID_BYTES, id->own.id, sizeof id->own.id);
    memcpy(at + WHORL_UUID_BYTES + sizeof id->own.id, id->keys.point, sizeof id->keys.point);
    return host_file_write(folder, id_file, data);
}

enum whorl_result host_firmware_id_load(const char *folder, struct host_firmware_id *out)
{
    uint8_t bytes[ID_BYTES];
    struct whorl_space room = {bytes, sizeof bytes};
    const uint8_t *at = bytes + 2;
    size_t size = 0;
    memset(out, 0, sizeof *out);
    WHORL_TRY(host_file_read(folder, id_file, room, &size));
    if (size != sizeof bytes || bytes[0] != ID_VERSION || bytes[1] == 0 || bytes[1] > WHORL_CLASSES_MAX) {
        return WHORL_ERROR_STORAGE;
    }
    out->own.count = bytes[1];
    memcpy(out->own.vendor, at, WHORL_UUID_BYTES);
    memcpy(out->own.id, at + WHORL_UUID_BYTES, sizeof out->own.id);
    memcpy(out->keys.point, at + WHORL_UUID_BYTES + sizeof out->own.id, sizeof out->keys.point);
    return WHORL_OK;
}
