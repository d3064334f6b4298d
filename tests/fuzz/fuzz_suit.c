/* The readers of release manifests and of statements that are signed alike: whatever they take is, byte for
 * byte, what their writers would have made. The input stands for an envelope, for a COSE_Sign1, and for a
 * manifest in an envelope whose digest is right, so that it comes further than to that. */
#include <stdlib.h>

#include "pki/suit.h"
#include "tests/fuzz/fuzz.h"

static void read_envelope(struct bytes in)
{
    struct suit_envelope envelope;
    AUTO_VAL(buf) manifest = {0};
    AUTO_VAL(buf) again = {0};
    if (suit_envelope_read(in, &envelope).code != ERR_OK) {
        return;
    }
    if (suit_manifest_write(&envelope.manifest, &manifest).code != ERR_OK ||
        suit_envelope_write(buf_view(&manifest), &envelope.signature.kid, envelope.signature.signature,
                            &again)
                .code != ERR_OK ||
        !bytes_equal(buf_view(&again), in)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sha256 kid = {{1}};
    static const uint8_t signature[COSE_SIGNATURE_SIZE] = {2};
    struct bytes in = {data, size};
    struct cose_sign1 message;
    AUTO_VAL(buf) envelope = {0};
    AUTO_VAL(buf) again = {0};
    read_envelope(in);
    if (cose_sign1_read(in, &message).code == ERR_OK &&
        (cose_sign1_write(&message, &again).code != ERR_OK || !bytes_equal(buf_view(&again), in))) {
        abort();
    }
    if (suit_envelope_write(in, &kid, signature, &envelope).code == ERR_OK) {
        read_envelope(buf_view(&envelope));
    }
    return 0;
}
