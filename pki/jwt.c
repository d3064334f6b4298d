/* Opening and judging a token. All that the header says is checked against our list and the key's own words
 * before cjose computes a signature; what it would take more loosely (lengths of signatures, `crit`) never
 * reaches it. */
#include "pki/jwt.h"

#include <string.h>
#include <strings.h>

#include "pki/jwt_internal.h"
#include "pki/openssl.h"

enum { HEADER_SIZE_MAX = 2048, PARTS = 3, SECOND_MS = 1000 };

/* Seconds that fit int64_t as milliseconds with room to add to. */
static const double latest_s = 4e15;

static const struct jws_algorithm algorithms[] = {
    {"RS256", JWK_RSA}, {"PS256", JWK_RSA}, {"ES256", JWK_P256}, {"ES384", JWK_P384}};

DEFINE_AUTO(cjose_jws_t, cjose_jws_release);

const struct jws_algorithm *jws_algorithm_find(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}

bool jwt_is_like(struct bytes text)
{
    return text.n > 0 && memchr(text.p, '.', text.n) != NULL;
}

/* --- form */

static err_t split(struct bytes text, struct bytes parts[PARTS])
{
    size_t count = 0;
    ENSURE(text.n <= JWT_SIZE_MAX, ERR_UNAUTHORIZED, "the token has more than %d bytes", JWT_SIZE_MAX);
    for (size_t start = 0, i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != '.') {
            continue;
        }
        if (count < PARTS) {
            parts[count] = (struct bytes){text.p + start, i - start};
        }
        count++;
        start = i + 1;
    }
    ENSURE(count != 5, ERR_UNAUTHORIZED, "the token is encrypted (JWE); signed ones are accepted");
    ENSURE(count == PARTS, ERR_UNAUTHORIZED, "the token has %zu parts, not 3", count);
    ENSURE(parts[0].n > 0 && parts[1].n > 0, ERR_UNAUTHORIZED, "the token has an empty part");
    ENSURE(parts[2].n > 0, ERR_UNAUTHORIZED, "the token is not signed");
    return OK;
}

static err_t read_object(struct bytes part, size_t limit, const char *what, json_t **out)
{
    AUTO_VAL(buf) text = {0};
    AUTO(json_t) *object = NULL;
    err_t error = base64url_decode(part, &text);
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNAUTHORIZED, "the token's %s is not base64url", what);
    TRY(error);
    error = json_parse(buf_view(&text), limit, &object);
    ENSURE(error.code == ERR_OK && json_is_object(object), ERR_UNAUTHORIZED,
           "the token's %s is no JSON object", what);
    *out = TAKE(object);
    return OK;
}

/* --- header */

/* RFC 8725 §3.11: a token of another kind (a logout token, a proof) is no bearer token. */
static err_t check_type(const json_t *header)
{
    const json_t *typ = json_object_get(header, "typ");
    if (typ == NULL) {
        return OK;
    }
    const char *text = json_string_value(typ);
    text = text != NULL && strncasecmp(text, "application/", 12) == 0 ? text + 12 : text;
    ENSURE(text != NULL && (strcasecmp(text, "JWT") == 0 || strcasecmp(text, "at+jwt") == 0),
           ERR_UNAUTHORIZED, "the token's typ is neither JWT nor at+jwt");
    return OK;
}

static err_t check_header(const json_t *header, const struct jws_algorithm **alg, const char **id)
{
    const char *name = json_string_value(json_object_get(header, "alg"));
    ENSURE(name != NULL, ERR_UNAUTHORIZED, "the token's header names no alg");
    *alg = jws_algorithm_find(name);
    ENSURE(*alg != NULL, ERR_UNAUTHORIZED,
           "the token's alg is not accepted; use RS256, PS256, ES256 or ES384");
    ENSURE(json_object_get(header, "crit") == NULL && json_object_get(header, "b64") == NULL,
           ERR_UNAUTHORIZED, "the token's header has critical extensions, none is known here");
    ENSURE(json_object_get(header, "cty") == NULL, ERR_UNAUTHORIZED, "the token holds another token");
    ENSURE(json_object_get(header, "enc") == NULL && json_object_get(header, "zip") == NULL, ERR_UNAUTHORIZED,
           "the token's header is one of an encrypted token");
    TRY(check_type(header));
    *id = json_string_value(json_object_get(header, "kid"));
    ENSURE(*id != NULL && (*id)[0] != '\0', ERR_UNAUTHORIZED, "the token's header names no key (kid)");
    ENSURE(strlen(*id) < JWK_ID_SIZE, ERR_UNAUTHORIZED, "the token's kid is too long");
    return OK;
}

/* The key says what it is for, not the token (RFC 8725 §3.1): that ends RS256 keys taken as HMAC secrets. */
static err_t check_key(const struct jwk *key, const struct jws_algorithm *alg, struct bytes signature)
{
    AUTO_VAL(buf) raw = {0};
    ENSURE(!key->is_ambiguous, ERR_UNAUTHORIZED, "the issuer lists more than one key of the token's kid");
    ENSURE(key->kind == alg->kind && (key->pinned == NULL || key->pinned == alg), ERR_UNAUTHORIZED,
           "the token's alg is not the one of its key");
    ENSURE(base64url_decode(signature, &raw).code == ERR_OK, ERR_UNAUTHORIZED,
           "the token's signature is not base64url");
    ENSURE(raw.n == key->signature_size, ERR_UNAUTHORIZED, "the token's signature does not hold");
    return OK;
}

static bool verify(struct bytes text, const struct jwk *key)
{
    cjose_err error = {.code = CJOSE_ERR_NONE};
    AUTO(cjose_jws_t) *jws = cjose_jws_import((const char *)text.p, text.n, &error);
    bool holds = jws != NULL && cjose_jws_verify(jws, key->key, &error);
    openssl_forget_errors();
    return holds;
}

err_t jwt_open(struct bytes text, const struct jwk_set *keys, json_t **claims)
{
    *claims = NULL;
    struct bytes parts[PARTS];
    const struct jws_algorithm *alg = NULL;
    const char *id = NULL;
    AUTO(json_t) *header = NULL;
    AUTO(json_t) *payload = NULL;
    TRY(split(text, parts));
    TRY(read_object(parts[0], HEADER_SIZE_MAX, "header", &header));
    TRY(check_header(header, &alg, &id));
    TRY(read_object(parts[1], JWT_SIZE_MAX, "payload", &payload));
    const struct jwk *key = jwk_set_find(keys, id);
    ENSURE(key != NULL, ERR_NOT_FOUND, "the issuer lists no key of the token's kid");
    TRY(check_key(key, alg, parts[2]));
    ENSURE(verify(text, key), ERR_UNAUTHORIZED, "the token's signature does not hold");
    *claims = TAKE(payload);
    return OK;
}

/* --- claims */

/* NumericDate (RFC 7519 §2): seconds, perhaps with a fraction. */
static err_t read_time(const json_t *claims, const char *name, int64_t *out_ms, bool *is_there)
{
    const json_t *value = json_object_get(claims, name);
    *is_there = value != NULL;
    if (value == NULL) {
        return OK;
    }
    double seconds = json_is_number(value) ? json_number_value(value) : -1;
    ENSURE(seconds >= 0 && seconds <= latest_s, ERR_UNAUTHORIZED, "the token's %s is no time", name);
    *out_ms = (int64_t)(seconds * (double)SECOND_MS);
    return OK;
}

static err_t check_times(const json_t *claims, int64_t now_ms)
{
    static const char *const beginnings[] = {"nbf", "iat"};
    static const int64_t leeway_ms = INT64_C(1000) * JWT_LEEWAY_S;
    int64_t at_ms = 0;
    bool is_there = false;
    TRY(read_time(claims, "exp", &at_ms, &is_there));
    ENSURE(is_there, ERR_UNAUTHORIZED, "the token never expires: exp is missing");
    ENSURE(now_ms < at_ms + leeway_ms, ERR_TOKEN_EXPIRED, "the token has expired");
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        TRY(read_time(claims, beginnings[i], &at_ms, &is_there));
        ENSURE(!is_there || at_ms <= now_ms + leeway_ms, ERR_UNAUTHORIZED,
               "the token's %s is in the future: the clocks differ by more than %d s", beginnings[i],
               JWT_LEEWAY_S);
    }
    return OK;
}

/* One text, or a list of them (RFC 7519 §4.1.3). */
static bool is_for(const json_t *claims, const char *audience)
{
    const json_t *aud = json_object_get(claims, "aud");
    const char *text = json_string_value(aud);
    bool is_listed = text != NULL && strcmp(text, audience) == 0;
    for (size_t i = 0; i < json_array_size(aud) && !is_listed; i++) {
        text = json_string_value(json_array_get(aud, i));
        is_listed = text != NULL && strcmp(text, audience) == 0;
    }
    return is_listed;
}

static err_t read_subject(const json_t *claims, char out[JWT_SUBJECT_SIZE])
{
    const char *sub = json_string_value(json_object_get(claims, "sub"));
    ENSURE(sub != NULL && sub[0] != '\0', ERR_UNAUTHORIZED, "the token names nobody: sub is missing");
    size_t n = strlen(sub);
    ENSURE(n < JWT_SUBJECT_SIZE, ERR_UNAUTHORIZED, "the token's sub has more than %d characters",
           JWT_SUBJECT_SIZE - 1);
    for (size_t i = 0; i < n; i++) {
        ENSURE(sub[i] >= 0x20 && sub[i] < 0x7f, ERR_UNAUTHORIZED, "the token's sub is not printable ASCII");
    }
    memcpy(out, sub, n + 1);
    return OK;
}

err_t jwt_check(const json_t *claims, const struct jwt_rules *rules, char subject[JWT_SUBJECT_SIZE])
{
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    ENSURE(issuer != NULL && strcmp(issuer, rules->issuer) == 0, ERR_UNAUTHORIZED,
           "the token is of another issuer (iss)");
    ENSURE(is_for(claims, rules->audience), ERR_UNAUTHORIZED, "the token is for somebody else (aud)");
    TRY(check_times(claims, rules->now_ms));
    ENSURE(json_object_get(claims, "cnf") == NULL, ERR_UNAUTHORIZED,
           "the token is bound to a key (cnf), which is not supported");
    return read_subject(claims, subject);
}
