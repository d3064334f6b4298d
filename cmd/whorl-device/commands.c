/* new, id, enrol, status, renew, rekey, recover: one device in one folder. What scripts read is on stdout,
 * everything else on stderr. */
#include "cmd/whorl-device/commands.h"

#include <stdio.h>

#include "cmd/whorl-device/unit.h"
#include "device/host/pem.h"

enum { PEM_SIZE = 8192 };

typedef enum whorl_result (*act_fn)(struct whorl_device *device);

bool command_needs_dir(const struct options *options)
{
    if (options->dir == NULL) {
        (void)fprintf(stderr, "whorl-device: --dir DIR is needed\n");
    }
    return options->dir != NULL;
}

bool command_needs_server(const struct options *options)
{
    bool has_both = options->server != NULL && options->ca != NULL;
    if (!has_both) {
        (void)fprintf(stderr, "whorl-device: --server https://HOST:PORT and --ca FILE are needed\n");
    }
    return has_both;
}

static void print_text(const struct whorl_text *text)
{
    (void)printf("%.*s\n", (int)text->size, (const char *)text->room.data);
}

static void print_identity(const struct whorl_device *device, bool is_spki)
{
    uint8_t buffer[256];
    struct whorl_space room = {buffer, sizeof buffer};
    struct whorl_bytes id = {device->id, sizeof device->id};
    struct whorl_bytes spki = {device->spki, sizeof device->spki};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    whorl_text_hex(&text, id);
    print_text(&text);
    if (is_spki) {
        whorl_text_begin(&text, room);
        whorl_text_base64(&text, spki);
        print_text(&text);
    }
}

int command_id(const struct options *options)
{
    struct unit unit;
    if (!command_needs_dir(options)) {
        return EXIT_USAGE;
    }
    if (!unit_open(&unit, options)) {
        return EXIT_FAILED;
    }
    print_identity(&unit.device, options->is_spki);
    unit_close(&unit);
    return EXIT_OK;
}

int command_new(const struct options *options)
{
    struct unit unit;
    if (!command_needs_dir(options)) {
        return EXIT_USAGE;
    }
    return unit_grow(&unit, options) ? command_id(options) : EXIT_FAILED;
}

enum whorl_result command_write_pem(struct unit *unit, const char *dir, struct whorl_credential *out)
{
    uint8_t buffer[PEM_SIZE];
    struct whorl_space room = {buffer, sizeof buffer};
    struct whorl_text text;
    WHORL_TRY(whorl_credential_load(unit->ports.storage, WHORL_RECORD_CREDENTIAL,
                                    unit->device.settings.credential, out));
    whorl_text_begin(&text, room);
    for (size_t i = 0; i < out->chain_count; i++) {
        host_pem_put(&text, out->chain[i]);
    }
    if (text.is_full) {
        return WHORL_ERROR_SPACE;
    }
    return host_file_write(dir, "device.pem", whorl_text_view(&text)) ? WHORL_OK : WHORL_ERROR_STORAGE;
}

/* The last line is for people: what the device holds now. */
static void print_certificate(const struct whorl_credential *credential, const char *dir)
{
    uint8_t buffer[128];
    struct whorl_space room = {buffer, sizeof buffer};
    struct whorl_certificate certificate;
    struct whorl_text text;
    whorl_text_begin(&text, room);
    if (whorl_certificate_read(credential->chain[0], &certificate)) {
        struct whorl_bytes serial = certificate.serial;
        while (serial.size > 1 && serial.data[0] == 0) { /* the sign byte of DER is not part of the name */
            serial.data++;
            serial.size--;
        }
        whorl_text_hex(&text, serial);
    }
    (void)printf("certificate %.*s, generation %u, in %s/device.pem\n", (int)text.size, (const char *)buffer,
                 (unsigned)credential->generation, dir);
}

/* Opens, acts, and shows the certificate that is in use afterwards. */
static int act(const struct options *options, const char *what, act_fn action)
{
    struct unit unit;
    struct whorl_credential credential;
    if (!command_needs_dir(options) || !command_needs_server(options)) {
        return EXIT_USAGE;
    }
    if (!unit_open(&unit, options)) {
        return EXIT_FAILED;
    }
    enum whorl_result result = action(&unit.device);
    if (result == WHORL_OK) {
        result = command_write_pem(&unit, options->dir, &credential);
    }
    if (result == WHORL_OK) {
        print_identity(&unit.device, false);
        print_certificate(&credential, options->dir);
    } else {
        unit_report(&unit, what, result);
    }
    unit_close(&unit);
    return result == WHORL_OK ? EXIT_OK : EXIT_FAILED;
}

int command_enrol(const struct options *options)
{
    return act(options, "enrol",
               options->is_challenge ? whorl_device_enrol_by_challenge : whorl_device_enrol);
}

int command_renew(const struct options *options)
{
    return act(options, "renew", whorl_device_renew);
}

int command_rekey(const struct options *options)
{
    return act(options, "rekey", whorl_device_rekey);
}

int command_recover(const struct options *options)
{
    return act(options, "recover", whorl_device_recover);
}

/* First the answer as it came, for scripts; then one line for people. */
static void print_status(struct unit *unit, const struct whorl_status *status)
{
    struct whorl_bytes words = {(const uint8_t *)"?", 1};
    bool is_due = (status->renew_after_s != 0 && status->server_time_s >= status->renew_after_s) ||
                  whorl_device_renewal_is_due(&unit->device);
    (void)whorl_message_text(status->body, "status", &words); /* the code says the same */
    (void)printf("%.*s\n", (int)status->body.size, (const char *)status->body.data);
    const char *what = status->is_rekey || unit->device.order.after.is_new_key ? "rekey" : "renewal";
    (void)printf("%.*s (%u), generation %u, %s due: %s\n", (int)words.size, (const char *)words.data,
                 status->code, (unsigned)status->generation, what, is_due ? "yes" : "no");
}

int command_status(const struct options *options)
{
    struct unit unit;
    struct whorl_status status;
    if (!command_needs_dir(options) || !command_needs_server(options)) {
        return EXIT_USAGE;
    }
    if (!unit_open(&unit, options)) {
        return EXIT_FAILED;
    }
    enum whorl_result result = options->is_challenge ? whorl_device_status_by_challenge(&unit.device, &status)
                                                     : whorl_device_status(&unit.device, &status);
    if (result == WHORL_OK) {
        print_status(&unit, &status);
    } else {
        unit_report(&unit, "status", result);
    }
    unit_close(&unit);
    return result == WHORL_OK ? EXIT_OK : EXIT_FAILED;
}
