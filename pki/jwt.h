/* JSON Web Tokens as bearer credentials (RFC 7519, RFC 8725, RFC 9068): a signed compact JWS under a key of
 * the issuer's set (RFC 7517). Accepts RS256, PS256, ES256 and ES384, each with the one kind of key that it
 * belongs to; everything else is refused before a signature is computed. Fetches nothing and knows no issuer
 * by itself. cjose (JWK to key, signature) stays behind this header. */
#ifndef WHORL_PKI_JWT_H
#define WHORL_PKI_JWT_H

#include "base/json.h"

enum { JWK_SET_SIZE_MAX = 256 * 1024, JWK_SET_KEYS_MAX = 64, JWT_SIZE_MAX = 8192 };

/* The public keys of an issuer: immutable, counted. */
struct jwk_set;

/** Takes the signature keys that are usable here; others (encryption, unknown kinds, no `kid`, RSA below 2048
 * bits, private or symmetric ones) are passed over, as RFC 7517 §5 asks.
 *  @errors ERR_UNPROCESSABLE no key set, or none of its keys is usable; ERR_TOO_LARGE @thread any */
err_t jwk_set_read(struct bytes document, struct jwk_set **out);
struct jwk_set *jwk_set_ref(struct jwk_set *set);
/** NULL is legal. */
void jwk_set_unref(struct jwk_set *set);
DEFINE_AUTO_PTR(jwk_set, jwk_set_unref);
size_t jwk_set_count(const struct jwk_set *set);

/** Whether a text has the form of a compact JWS or JWE, that is dots in it: to tell it from other tokens. */
bool jwt_is_like(struct bytes text);

/** Checks form, header and signature. What the claims say is not looked at.
 *  @param[out] claims caller owns
 *  @errors ERR_UNAUTHORIZED; ERR_NOT_FOUND the set has no key of this `kid` (all else was in order) @thread
 * any */
err_t jwt_open(struct bytes text, const struct jwk_set *keys, json_t **claims);

struct jwt_rules {
    const char *issuer, *audience;
    int64_t now_ms;
};
enum { JWT_LEEWAY_S = 60, JWT_SUBJECT_SIZE = 256 };
/** `iss`, `aud`, `exp` and `sub` must be there and be right; `nbf` and `iat` must not be ahead; `cnf` is
 * refused, since nobody here asks for the proof that it wants.
 *  @param[out] subject printable ASCII @errors ERR_UNAUTHORIZED, ERR_TOKEN_EXPIRED @thread any */
err_t jwt_check(const json_t *claims, const struct jwt_rules *rules, char subject[JWT_SUBJECT_SIZE]);

#endif
