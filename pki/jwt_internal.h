/* Shared by jwt.c and jwk_set.c: what an algorithm asks of its key. */
#ifndef WHORL_PKI_JWT_INTERNAL_H
#define WHORL_PKI_JWT_INTERNAL_H

#include <cjose/cjose.h>

#include "pki/jwt.h"

enum jwk_kind { JWK_RSA, JWK_P256, JWK_P384 };

struct jws_algorithm {
    const char *name;
    enum jwk_kind kind;
};
/** One of those that are accepted, or NULL. */
const struct jws_algorithm *jws_algorithm_find(const char *name);

enum { JWK_ID_SIZE = 129 };
struct jwk {
    cjose_jwk_t *key;
    enum jwk_kind kind;
    const struct jws_algorithm *pinned; /* the JWK's own `alg`; NULL: any of its kind */
    size_t signature_size;
    bool is_ambiguous; /* another key has the same id */
    char id[JWK_ID_SIZE];
};
/** The key of this id, or NULL. */
const struct jwk *jwk_set_find(const struct jwk_set *set, const char *id);

#endif
