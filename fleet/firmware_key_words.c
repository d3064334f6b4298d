/* Roles, states and algorithms of firmware keys in words. */
#include <string.h>

#include "fleet/firmware_keys.h"

static const char *const roles[FIRMWARE_KEY_ROLES] = {"manifest", "mcuboot", "cms", "detached"};
static const char *const states[FIRMWARE_KEY_STATES] = {"active", "retired", "compromised"};
static const char *const kinds[FIRMWARE_KEY_USE_KINDS] = {"image", "signature", "manifest"};

/* What the verifiers of each role know: the devices' core, MCUboot, the updaters' CMS, openssl. */
static const struct {
    const char *algorithms[4];
    const char *words;
} allowed[FIRMWARE_KEY_ROLES] = {
    [FIRMWARE_KEY_MANIFEST] = {{"ecdsa-p256"}, "ecdsa-p256"},
    [FIRMWARE_KEY_MCUBOOT] = {{"ecdsa-p256", "ed25519", "rsa-3072"}, "ecdsa-p256, ed25519 or rsa-3072"},
    [FIRMWARE_KEY_CMS] = {{"ecdsa-p256", "ecdsa-p384", "rsa-3072"}, "ecdsa-p256, ecdsa-p384 or rsa-3072"},
    [FIRMWARE_KEY_DETACHED] = {{"ecdsa-p256", "ed25519"}, "ecdsa-p256 or ed25519"},
};

const char *firmware_key_role_name(enum firmware_key_role role)
{
    return roles[role];
}

const char *firmware_key_state_name(enum firmware_key_state state)
{
    return states[state];
}

const char *firmware_key_use_kind_name(enum firmware_key_use_kind kind)
{
    return kinds[kind];
}

err_t firmware_key_role_parse(struct bytes word, enum firmware_key_role *out)
{
    for (size_t i = 0; i < FIRMWARE_KEY_ROLES; i++) {
        if (bytes_is(word, roles[i])) {
            *out = (enum firmware_key_role)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a role is manifest, mcuboot, cms or detached");
}

err_t firmware_key_algorithm_check(enum firmware_key_role role, struct bytes algorithm)
{
    for (size_t i = 0; i < 4 && allowed[role].algorithms[i] != NULL; i++) {
        if (bytes_is(algorithm, allowed[role].algorithms[i])) {
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a key of role %s is %s", roles[role], allowed[role].words);
}
