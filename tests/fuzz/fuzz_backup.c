/* Backups from anywhere, under a key that the target knows: the beginning, the stream, the manifest. The
 * first byte says which. What a stream or a manifest gave once it gives again, and a stream without its last
 * byte gives nothing whole. */
#include <stdlib.h>
#include <string.h>

#include "cmd/whorld/restore_read.h"
#include "tests/fuzz/fuzz.h"

static const char KEY[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8LKuwheH3yKqdKih\n"
                          "I6PmqHRa3Ur3yTOWsxf8JsIpHz6hRANCAAQZgAptvlLJIaK+YSukRKIU3i0QquIt\n"
                          "K1RMHweSBPOFowr1jOkPtWiLyZqwAEXEk8faGSwvdlnX7KPWbHeEfUxW\n"
                          "-----END PRIVATE KEY-----\n";
static const char CERTIFICATE[] = "-----BEGIN CERTIFICATE-----\n"
                                  "MIIBbzCCARWgAwIBAgIUbrAwiM3sIzkqr2HLZOeLovD32F4wCgYIKoZIzj0EAwIw\n"
                                  "DDEKMAgGA1UEAwwBZjAgFw0yNjExMjQyMjA3MTBaGA8yMTI2MTAzMTIyMDcxMFow\n"
                                  "DDEKMAgGA1UEAwwBZjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBmACm2+Uskh\n"
                                  "or5hK6REohTeLRCq4i0rVEwfB5IE84WjCvWM6Q+1aIvJmrAARcSTx9oZLC92Wdfs\n"
                                  "o9Zsd4R9TFajUzBRMB0GA1UdDgQWBBS8my8w0ayxGpKwYN822RuBLWksXDAfBgNV\n"
                                  "HSMEGDAWgBS8my8w0ayxGpKwYN822RuBLWksXDAPBgNVHRMBAf8EBTADAQH/MAoG\n"
                                  "CCqGSM49BAMCA0gAMEUCIAULc+Sxgvt9VCghxgXN1HNt0crsp2iJjq+0ICMarhRu\n"
                                  "AiEAnr/cSV6GAErS8FcAsvFpBkoZ6fdmhgAa1zJUnUwZTx0=\n"
                                  "-----END CERTIFICATE-----\n";

static err_t read_memory(void *context, uint8_t *out, size_t room, size_t *n)
{
    struct bytes *left = context;
    *n = room < left->n ? room : left->n;
    if (*n > 0) {
        memcpy(out, left->p, *n);
        *left = (struct bytes){left->p + *n, left->n - *n};
    }
    return OK;
}

static err_t read_file(struct bytes file)
{
    AUTO_VAL(backup_reading) reading = {.stream = NULL};
    const struct operator_key key = {.key = bytes_str(KEY), .certificate = bytes_str(CERTIFICATE)};
    const struct stream_source source = {.read = read_memory, .context = &file};
    TRY(backup_reading_open(&key, &source, BYTES_NONE, &reading));
    for (size_t i = 0; i < reading.manifest.files.count; i++) {
        TRY(backup_reading_file(&reading, &reading.manifest.files.files[i], NULL, NULL));
    }
    return backup_reading_end(&reading);
}

static err_t read_stream(struct bytes sealed)
{
    static const uint8_t key[STREAM_KEY] = {0};
    AUTO_PTR(sealed_reader) *reader = NULL;
    const struct stream_source source = {.read = read_memory, .context = &sealed};
    uint8_t text[16];
    TRY(sealed_reader_new(key, &source, &reader));
    TRY(sealed_reader_read(reader, text, sizeof text));
    return sealed_reader_end(reader);
}

static void read_manifest(struct bytes text)
{
    AUTO_VAL(backup_manifest) manifest = {.heads = NULL};
    AUTO_VAL(backup_manifest) again = {.heads = NULL};
    AUTO_VAL(buf) written = {0};
    AUTO_VAL(buf) twice = {0};
    if (backup_manifest_read(text, &manifest).code != ERR_OK) {
        return;
    }
    bool is_same = backup_manifest_write(&manifest, &written).code == ERR_OK &&
                   backup_manifest_read(buf_view(&written), &again).code == ERR_OK &&
                   backup_manifest_write(&again, &twice).code == ERR_OK &&
                   bytes_equal(buf_view(&written), buf_view(&twice));
    for (size_t i = 0; i < manifest.files.count; i++) {
        is_same = is_same && backup_name_is_safe(manifest.files.files[i].name);
    }
    if (!is_same) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct bytes rest = {data + 1, size - 1};
    const struct bytes cut = {data + 1, size > 1 ? size - 2 : 0};
    switch (data[0] % 3) {
    case 0:
        if (read_file(rest).code == ERR_OK && read_file(cut).code == ERR_OK) {
            abort();
        }
        break;
    case 1:
        if (read_stream(rest).code == ERR_OK && read_stream(cut).code == ERR_OK) {
            abort();
        }
        break;
    default:
        read_manifest(rest);
        break;
    }
    return 0;
}
