/* What comes from an issuer or in its name: tokens under a fixed key set, claims, key sets, discovery
 * documents. The text is tried as each; a token that this key never signed must not open. */
#include <stdlib.h>
#include <string.h>

#include "fleet/oidc.h"
#include "pki/jwt.h"
#include "tests/fuzz/fuzz.h"

/* The public key of RFC 7515 A.3; its example (without kid) is not among the inputs. */
static const char known[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\","
                            "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                            "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

static void check_token(struct bytes text)
{
    AUTO_PTR(jwk_set) *keys = NULL;
    AUTO(json_t) *claims = NULL;
    if (jwk_set_read(bytes_str(known), &keys).code != ERR_OK) {
        abort();
    }
    (void)jwt_is_like(text);
    if (jwt_open(text, keys, &claims).code == ERR_OK) {
        abort();
    }
}

static void check_claims(struct bytes text)
{
    static const struct jwt_rules rules = {
        .issuer = "https://issuer.test", .audience = "whorl", .now_ms = INT64_C(1700000000000)};
    AUTO(json_t) *claims = NULL;
    char subject[JWT_SUBJECT_SIZE] = "";
    if (json_parse(text, JWT_SIZE_MAX, &claims).code == ERR_OK &&
        jwt_check(claims, &rules, subject).code == ERR_OK && subject[0] == '\0') {
        abort();
    }
}

static void check_set(struct bytes text)
{
    AUTO_PTR(jwk_set) *set = NULL;
    if (jwk_set_read(text, &set).code == ERR_OK &&
        (jwk_set_count(set) == 0 || jwk_set_count(set) > JWK_SET_KEYS_MAX)) {
        abort();
    }
}

static void check_discovery(struct bytes text)
{
    char url[OIDC_URL_SIZE] = "";
    if (oidc_read_discovery(text, "https://issuer.test", url).code == ERR_OK &&
        memchr(url, '\0', sizeof url) == NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = {data, size};
    check_token(text);
    check_claims(text);
    check_set(text);
    check_discovery(text);
    return 0;
}
