/* `whorld hsm`: looks at the token of the settings without logging in to it, and forgives PINs that were
 * wrong. It needs no PIN and no passphrase, and the server may run. */
#include <stdio.h>
#include <string.h>

#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "pki/keystore_pkcs11.h"
#include "pki/pin_attempts.h"

static const char USAGE[] = "usage: whorld hsm status|reset-pin-attempts --dir DIR\n";

static err_t tell_token(const struct config *config)
{
    struct keystore_pkcs11 options;
    struct keystore_token_facts facts;
    keystore_settings(config, &options);
    printf("module    %s\n", options.module);
    TRY(keystore_token_look(&options, &facts));
    printf("token     %s\nmaker     %s\nmodel     %s\nserial    %s\n", facts.label, facts.manufacturer,
           facts.model, facts.serial);
    printf("PIN       %s\n", facts.is_pin_locked  ? "locked"
                             : facts.is_pin_final ? "one more wrong one locks the token: none is tried"
                             : facts.is_pin_low   ? "was wrong lately"
                                                  : "not locked");
    return OK;
}

/* The token last: it may not answer, and the rest is known without it. */
static err_t status(const struct house *house)
{
    AUTO(char) *keys = NULL;
    struct pin_record record;
    TRY(house_path(house, HOUSE_KEYS, &keys));
    TRY(pin_attempts_read(keys, &record));
    printf("keystore  %s\n", house->config.keystore);
    printf("attempts  %d of %d PINs in vain\n", record.tries, PIN_ATTEMPTS_MAX);
    return strcmp(house->config.keystore, "pkcs11") == 0 ? tell_token(&house->config) : OK;
}

static err_t reset(const struct house *house)
{
    AUTO(char) *keys = NULL;
    TRY(house_path(house, HOUSE_KEYS, &keys));
    TRY(pin_attempts_reset(keys));
    printf("The next PIN is tried again.\n");
    return OK;
}

int command_hsm(int argc, char **argv)
{
    const char *dir = NULL;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir}};
    bool is_status = argc > 0 && strcmp(argv[0], "status") == 0;
    bool is_reset = argc > 0 && strcmp(argv[0], "reset-pin-attempts") == 0;
    if ((!is_status && !is_reset) || !options_read(argc - 1, argv + 1, specs, 1) || dir == NULL) {
        (void)fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    AUTO_VAL(house) house = {0};
    err_t error = house_open_settings(dir, &house);
    if (error.code == ERR_OK) {
        error = is_status ? status(&house) : reset(&house);
    }
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
