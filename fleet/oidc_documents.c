/* What an issuer publishes about itself. Reads; fetches nothing. */
#include <string.h>

#include "fleet/oidc.h"

enum { DISCOVERY_SIZE_MAX = 64 * 1024 };

err_t oidc_check_issuer(const char *issuer)
{
    size_t n = strlen(issuer);
    ENSURE(strncmp(issuer, "https://", 8) == 0 || strncmp(issuer, "http://", 7) == 0, ERR_UNPROCESSABLE,
           "an issuer is an https:// URL");
    ENSURE(n < OIDC_URL_SIZE - 64, ERR_UNPROCESSABLE, "the issuer is too long");
    for (size_t i = 0; i < n; i++) {
        ENSURE(issuer[i] > 0x20 && issuer[i] < 0x7f && strchr("?#@\\", issuer[i]) == NULL, ERR_UNPROCESSABLE,
               "an issuer has no query, no fragment and no user name");
    }
    return OK;
}

err_t oidc_read_discovery(struct bytes document, const char *issuer, char keys_url[OIDC_URL_SIZE])
{
    AUTO(json_t) *root = NULL;
    err_t error = json_parse(document, DISCOVERY_SIZE_MAX, &root);
    ENSURE(error.code == ERR_OK && json_is_object(root), ERR_UNPROCESSABLE,
           "the issuer's discovery document is no JSON object");
    /* OpenID Connect Discovery §4.3: otherwise one issuer could speak for another */
    const char *said = json_string_value(json_object_get(root, "issuer"));
    ENSURE(said != NULL && strcmp(said, issuer) == 0, ERR_UNPROCESSABLE,
           "the discovery document is of another issuer: \"%.80s\"", said == NULL ? "" : said);
    const char *url = json_string_value(json_object_get(root, "jwks_uri"));
    ENSURE(url != NULL && strlen(url) < OIDC_URL_SIZE, ERR_UNPROCESSABLE,
           "the discovery document names no jwks_uri");
    memcpy(keys_url, url, strlen(url) + 1);
    return OK;
}
