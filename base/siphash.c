/* SipHash-2-4 as its paper has it: two rounds for each eight bytes, four at the end. */
#include "base/siphash.h"

struct state {
    uint64_t v[4];
};

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void round_once(struct state *s)
{
    uint64_t *v = s->v;
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static uint64_t little_endian(const uint8_t *p, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++) {
        word |= (uint64_t)p[i] << (8 * i);
    }
    return word;
}

static void take(struct state *s, uint64_t word)
{
    s->v[3] ^= word;
    round_once(s);
    round_once(s);
    s->v[0] ^= word;
}

uint64_t siphash(const struct siphash_secret *secret, struct bytes text)
{
    struct state s = {
        {secret->k[0] ^ UINT64_C(0x736f6d6570736575), secret->k[1] ^ UINT64_C(0x646f72616e646f6d),
         secret->k[0] ^ UINT64_C(0x6c7967656e657261), secret->k[1] ^ UINT64_C(0x7465646279746573)}};
    size_t whole = text.n / 8 * 8;
    for (size_t i = 0; i < whole; i += 8) {
        take(&s, little_endian(text.p + i, 8));
    }
    uint64_t rest = text.n > whole ? little_endian(text.p + whole, text.n - whole) : 0;
    take(&s, rest | (uint64_t)text.n << 56);
    s.v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        round_once(&s);
    }
    return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
