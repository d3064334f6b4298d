/* Extended key usage in words. The table's order is that of the bits. */
#include "fleet/key_purposes.h"

#include <stdio.h>

static const char *const names[] = {"client_auth",         "server_auth",         "code_signing",
                                    "config_signing",      "trust_anchor_config", "update_package_signing",
                                    "safety_communication"};
enum { NAMES = sizeof names / sizeof names[0] };
_Static_assert(1U << (NAMES - 1) == PURPOSE_SAFETY_COMMUNICATION, "a word for every bit");

err_t key_purpose_parse(struct bytes word, uint32_t *out)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (bytes_is(word, names[i])) {
            *out = 1U << i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a key purpose is client_auth, server_auth, code_signing, config_signing, "
                                  "trust_anchor_config, update_package_signing or safety_communication");
}

const char *key_purpose_name(uint32_t bits)
{
    for (size_t i = 0; i < NAMES; i++) {
        if ((bits & (1U << i)) != 0) {
            return names[i];
        }
    }
    return "";
}

err_t key_purposes_read(const json_t *list, const char *pointer, struct faults *faults, uint32_t *out)
{
    char place[FAULT_POINTER_SIZE];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *word = json_array_get(list, i);
        const struct bytes text = {(const uint8_t *)json_string_value(word), json_string_length(word)};
        uint32_t bit = 0;
        (void)snprintf(place, sizeof place, "%s/%zu", pointer, i);
        TRY(faults_note(faults, place, key_purpose_parse(text, &bit)));
        *out |= bit;
    }
    return OK;
}

err_t key_purposes_write(uint32_t bits, json_t **out)
{
    AUTO(json_t) *list = json_array();
    *out = NULL;
    for (size_t i = 0; i < NAMES; i++) {
        if ((bits & (1U << i)) != 0) {
            ENSURE(json_array_append_new(list, json_string(names[i])) == 0, ERR_NO_MEMORY, "key purposes");
        }
    }
    ENSURE(list != NULL, ERR_NO_MEMORY, "key purposes");
    *out = TAKE(list);
    return OK;
}
