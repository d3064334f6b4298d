/* Fixed layout, big-endian numbers, nothing optional: a field that does not apply is zeros. Verifies nothing
 * (fleet/challenge.c). */
#include "fleet/challenge_text.h"

static err_t append_number(struct buf *text, uint64_t number, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    }
    return buf_append(text, bytes, size);
}

static err_t append_hash(struct buf *text, struct bytes of)
{
    struct sha256 hash = {0};
    if (of.n > 0) {
        TRY(sha256_of(of, &hash));
    }
    return buf_append(text, hash.b, sizeof hash.b);
}

err_t challenge_text(const struct challenge_proof *proof, const struct sha256 *server_id,
                     const uint8_t exporter[32], struct buf *text)
{
    TRY(buf_append_str(text, "WHORL-POP-v1"));
    TRY(append_number(text, (uint64_t)proof->purpose, 1));
    TRY(buf_append(text, server_id->b, sizeof server_id->b));
    TRY(buf_append(text, proof->device_id.b, sizeof proof->device_id.b));
    TRY(append_number(text, (uint64_t)proof->generation, 4));
    TRY(append_hash(text, proof->new_spki));
    TRY(append_hash(text, proof->csr));
    TRY(append_number(text, proof->nonce.n, 2));
    TRY(buf_append_bytes(text, proof->nonce));
    TRY(buf_append(text, exporter, 32));
    return append_number(text, proof->counter, 8);
}
