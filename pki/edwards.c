/* Points of edwards25519 over OpenSSL's big numbers: RFC 8032 §5.1, formulas of §5.1.4 in extended
 * coordinates (X, Y, Z, T with x = X/Z, y = Y/Z, x*y = T/Z). A verification takes some milliseconds. */
#include "pki/edwards.h"

#include "pki/openssl.h"

DEFINE_AUTO(BN_CTX, BN_CTX_free);

struct point {
    BIGNUM *x, *y, *z, *t;
};
struct curve {
    BN_CTX *context;
    BIGNUM *p, *d, *two_d, *order, *root; /* 2^255 - 19, d, 2d, L, a square root of -1 */
};

static const char D[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";
static const char L[] = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";
static const char ROOT[] = "2b8324804fc1df0b2b4d00993dfbd7a72f431806ad2fe478c4ee1b274a0ea0b0";
/* The base point as it is encoded: y = 4/5, x even. */
static const uint8_t BASE[32] = {0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66};

static bool mul(const struct curve *c, BIGNUM *out, const BIGNUM *a, const BIGNUM *b)
{
    return BN_mod_mul(out, a, b, c->p, c->context) == 1;
}
static bool add(const struct curve *c, BIGNUM *out, const BIGNUM *a, const BIGNUM *b)
{
    return BN_mod_add_quick(out, a, b, c->p) == 1;
}
static bool sub(const struct curve *c, BIGNUM *out, const BIGNUM *a, const BIGNUM *b)
{
    return BN_mod_sub_quick(out, a, b, c->p) == 1;
}

static bool point_new(const struct curve *c, struct point *out)
{
    out->x = BN_CTX_get(c->context);
    out->y = BN_CTX_get(c->context);
    out->z = BN_CTX_get(c->context);
    out->t = BN_CTX_get(c->context); /* NULL when any of them is */
    return out->t != NULL;
}

static bool curve_open(struct curve *c)
{
    c->p = BN_CTX_get(c->context);
    c->d = BN_CTX_get(c->context);
    c->two_d = BN_CTX_get(c->context);
    c->order = BN_CTX_get(c->context);
    c->root = BN_CTX_get(c->context);
    return c->root != NULL && BN_set_bit(c->p, 255) == 1 && BN_sub_word(c->p, 19) == 1 &&
           BN_hex2bn(&c->d, D) > 0 && BN_hex2bn(&c->order, L) > 0 && BN_hex2bn(&c->root, ROOT) > 0 &&
           add(c, c->two_d, c->d, c->d);
}

/* a + b into out, which may be one of them. The formula is complete: it doubles, too. */
static bool point_add(const struct curve *c, struct point *out, const struct point *a, const struct point *b)
{
    BN_CTX_start(c->context);
    BIGNUM *v[8];
    for (size_t i = 0; i < 8; i++) {
        v[i] = BN_CTX_get(c->context);
    }
    bool is_good = v[7] != NULL && sub(c, v[0], a->y, a->x) && sub(c, v[1], b->y, b->x) &&
                   mul(c, v[0], v[0], v[1]) && add(c, v[1], a->y, a->x) && add(c, v[2], b->y, b->x) &&
                   mul(c, v[1], v[1], v[2]) && mul(c, v[2], a->t, b->t) && mul(c, v[2], v[2], c->two_d) &&
                   mul(c, v[3], a->z, b->z) && add(c, v[3], v[3], v[3]) && sub(c, v[4], v[1], v[0]) &&
                   sub(c, v[5], v[3], v[2]) && add(c, v[6], v[3], v[2]) && add(c, v[7], v[1], v[0]) &&
                   mul(c, out->x, v[4], v[5]) && mul(c, out->y, v[6], v[7]) && mul(c, out->t, v[4], v[7]) &&
                   mul(c, out->z, v[5], v[6]);
    BN_CTX_end(c->context);
    return is_good;
}

static bool point_neutral(struct point *out)
{
    BN_zero(out->x);
    BN_zero(out->t);
    return BN_one(out->y) == 1 && BN_one(out->z) == 1;
}

static bool point_times(const struct curve *c, struct point *out, const struct point *a, const BIGNUM *n)
{
    bool is_good = point_neutral(out);
    for (int bit = BN_num_bits(n) - 1; is_good && bit >= 0; bit--) {
        is_good = point_add(c, out, out, out) && (BN_is_bit_set(n, bit) == 0 || point_add(c, out, out, a));
    }
    return is_good;
}

/* §5.1.3: x from y. @return false also for what is no point */
static bool recover_x(const struct curve *c, struct point *out, bool is_odd)
{
    BIGNUM *u = BN_CTX_get(c->context), *v = BN_CTX_get(c->context), *e = BN_CTX_get(c->context);
    BIGNUM *w = BN_CTX_get(c->context);
    /* x^2 = (y^2 - 1) / (d y^2 + 1); the root of w is w^((p+3)/8), or that times the root of -1 */
    if (w == NULL || !mul(c, u, out->y, out->y) || !mul(c, v, u, c->d) || BN_add_word(v, 1) != 1 ||
        !sub(c, u, u, BN_value_one()) || BN_mod_inverse(v, v, c->p, c->context) == NULL || !mul(c, w, u, v) ||
        BN_copy(e, c->p) == NULL || BN_add_word(e, 3) != 1 || BN_rshift(e, e, 3) != 1 ||
        BN_mod_exp(out->x, w, e, c->p, c->context) != 1 || !mul(c, v, out->x, out->x)) {
        return false;
    }
    if (BN_cmp(v, w) != 0 && (!mul(c, out->x, out->x, c->root) || !mul(c, v, out->x, out->x))) {
        return false;
    }
    if (BN_cmp(v, w) != 0 || (BN_is_zero(out->x) && is_odd)) {
        return false;
    }
    return (BN_is_odd(out->x) == 1) == is_odd || BN_sub(out->x, c->p, out->x) == 1;
}

static bool point_decode(const struct curve *c, const uint8_t in[32], struct point *out)
{
    BIGNUM *y = BN_lebin2bn(in, 32, out->y);
    bool is_odd = y != NULL && BN_is_bit_set(y, 255) == 1;
    return y != NULL && (!is_odd || BN_clear_bit(y, 255) == 1) && BN_cmp(y, c->p) < 0 &&
           recover_x(c, out, is_odd) && BN_one(out->z) == 1 && mul(c, out->t, out->x, out->y);
}

static bool point_encode(const struct curve *c, const struct point *a, uint8_t out[32])
{
    BIGNUM *inverse = BN_CTX_get(c->context), *x = BN_CTX_get(c->context), *y = BN_CTX_get(c->context);
    bool is_good = y != NULL && BN_mod_inverse(inverse, a->z, c->p, c->context) != NULL &&
                   mul(c, x, a->x, inverse) && mul(c, y, a->y, inverse) && BN_bn2lebinpad(y, out, 32) == 32;
    if (is_good) {
        out[31] = (uint8_t)(out[31] | (BN_is_odd(x) == 1 ? 0x80 : 0));
    }
    return is_good;
}

/* R' = [S]B - [k]A, and R' must be encoded as R is. */
static bool judge(struct curve *c, const uint8_t *key, const uint8_t *signature, const uint8_t *challenge)
{
    struct point a, b, left, right;
    uint8_t encoded[32];
    if (!curve_open(c) || !point_new(c, &a) || !point_new(c, &b) || !point_new(c, &left) ||
        !point_new(c, &right)) {
        return false;
    }
    BIGNUM *s = BN_CTX_get(c->context), *k = BN_CTX_get(c->context);
    bool is_ready = k != NULL && BN_lebin2bn(signature + 32, 32, s) != NULL && BN_cmp(s, c->order) < 0 &&
                    BN_lebin2bn(challenge, 64, k) != NULL && BN_nnmod(k, k, c->order, c->context) == 1 &&
                    point_decode(c, key, &a) && point_decode(c, BASE, &b) && sub(c, a.x, c->p, a.x) &&
                    sub(c, a.t, c->p, a.t);
    /* p - 0 is p, which the quick sums do not take */
    is_ready =
        is_ready && BN_nnmod(a.x, a.x, c->p, c->context) == 1 && BN_nnmod(a.t, a.t, c->p, c->context) == 1;
    return is_ready && point_times(c, &left, &b, s) && point_times(c, &right, &a, k) &&
           point_add(c, &left, &left, &right) && point_encode(c, &left, encoded) &&
           bytes_equal(BYTES_OF(encoded), (struct bytes){signature, 32});
}

err_t edwards_verify(struct bytes point, struct bytes signature, const uint8_t challenge[64], bool *out)
{
    ENSURE(point.n == 32 && signature.n == 64, ERR_CRYPTO, "an Ed25519 key or signature of a wrong size");
    AUTO(BN_CTX) *context = BN_CTX_new();
    ENSURE(context != NULL, ERR_NO_MEMORY, "verifying a signature");
    struct curve curve = {.context = context};
    BN_CTX_start(context);
    *out = judge(&curve, point.p, signature.p, challenge);
    BN_CTX_end(context);
    openssl_forget_errors();
    return OK;
}
