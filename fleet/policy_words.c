/* Tables of words, and what reads them. Decides nothing. */
#include "fleet/policy_words.h"

#include <stdio.h>

static const struct algorithm {
    enum key_alg alg;
    uint32_t bit; /* stored: never given to another one */
    const char *name;
} algorithms[] = {
    {KEY_ALG_P256, 1, "P-256"},
    {KEY_ALG_P384, 2, "P-384"},
    {KEY_ALG_ED25519, 4, "Ed25519"},
    {KEY_ALG_RSA, 8, "RSA"},
};
enum { ALGORITHM_COUNT = sizeof algorithms / sizeof algorithms[0] };

static const char *const recoveries[] = {
    [RECOVERY_NEVER] = "never",
    [RECOVERY_EXPIRED] = "expired",
    [RECOVERY_ALWAYS] = "always",
    [RECOVERY_APPROVE] = "approve",
};
static const char *const clone_responses[] = {[CLONE_ALERT] = "alert", [CLONE_QUARANTINE] = "quarantine"};
static const char *const admissions[] = {
    [ADMISSION_LISTED] = "listed", [ADMISSION_VENDOR_CA] = "vendor_ca", [ADMISSION_TOKEN] = "token"};
static const char *const key_origins[] = {
    [KEY_ORIGIN_CLAIMED] = "claimed", [KEY_ORIGIN_BATCH] = "batch", [KEY_ORIGIN_ATTESTED] = "attested"};
static const char *const code_kinds[] = {[CODE_DEVICE] = "device", [CODE_BATCH] = "batch"};
static const char *const hub_kinds[] = {[HUB_MQTT] = "mqtt"};

uint32_t key_algorithm_bit(enum key_alg alg)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (algorithms[i].alg == alg) {
            return algorithms[i].bit;
        }
    }
    return 0;
}

err_t key_algorithm_parse(struct bytes word, uint32_t *out)
{
    char known[KEY_ALGORITHMS_TEXT_SIZE];
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (bytes_is(word, algorithms[i].name)) {
            *out = algorithms[i].bit;
            return OK;
        }
    }
    key_algorithms_format(KEY_ALGORITHMS_ALL, known);
    return ERR(ERR_UNPROCESSABLE, "a key algorithm is one of %s", known);
}

const char *key_algorithm_name(uint32_t bits)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if ((bits & algorithms[i].bit) != 0) {
            return algorithms[i].name;
        }
    }
    return "";
}

void key_algorithms_format(uint32_t bits, char out[KEY_ALGORITHMS_TEXT_SIZE])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if ((bits & algorithms[i].bit) != 0) {
            int more = snprintf(out + n, KEY_ALGORITHMS_TEXT_SIZE - n, "%s%s", n == 0 ? "" : ", ",
                                algorithms[i].name);
            n += more > 0 ? (size_t)more : 0;
        }
    }
}

err_t recovery_parse(struct bytes word, enum recovery_policy *out)
{
    for (size_t i = 0; i < sizeof recoveries / sizeof recoveries[0]; i++) {
        if (bytes_is(word, recoveries[i])) {
            *out = (enum recovery_policy)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "recovery is one of never, expired, approve, always");
}

const char *recovery_name(enum recovery_policy recovery)
{
    return recoveries[recovery];
}

err_t clone_response_parse(struct bytes word, enum clone_response *out)
{
    bool is_alert = bytes_is(word, clone_responses[CLONE_ALERT]);
    ENSURE(is_alert || bytes_is(word, clone_responses[CLONE_QUARANTINE]), ERR_UNPROCESSABLE,
           "clone_response is alert or quarantine");
    *out = is_alert ? CLONE_ALERT : CLONE_QUARANTINE;
    return OK;
}

const char *clone_response_name(enum clone_response response)
{
    return clone_responses[response];
}

err_t admission_parse(struct bytes word, enum admission_policy *out)
{
    for (size_t i = 0; i < sizeof admissions / sizeof admissions[0]; i++) {
        if (bytes_is(word, admissions[i])) {
            *out = (enum admission_policy)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "admission is one of listed, vendor_ca, token");
}

const char *admission_name(enum admission_policy admission)
{
    return admissions[admission];
}

const char *key_origin_name(enum key_origin origin)
{
    return key_origins[origin];
}

err_t code_kind_parse(struct bytes word, enum code_kind *out)
{
    bool is_batch = bytes_is(word, code_kinds[CODE_BATCH]);
    ENSURE(is_batch || bytes_is(word, code_kinds[CODE_DEVICE]), ERR_UNPROCESSABLE,
           "a code's kind is device or batch");
    *out = is_batch ? CODE_BATCH : CODE_DEVICE;
    return OK;
}

const char *code_kind_name(enum code_kind kind)
{
    return code_kinds[kind];
}

err_t hub_kind_parse(struct bytes word, enum hub_kind *out)
{
    ENSURE(bytes_is(word, hub_kinds[HUB_MQTT]), ERR_UNPROCESSABLE, "a hub's kind is mqtt");
    *out = HUB_MQTT;
    return OK;
}

const char *hub_kind_name(enum hub_kind kind)
{
    return hub_kinds[kind];
}
