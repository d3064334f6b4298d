/* The certs-only message of EST (RFC 7030 §4.1.3). */
#include "pki/certificate.h"
#include "pki/der.h"

static const uint8_t oid_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
static const uint8_t oid_signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};

/* SignedData, version 1, no digests, no content, no signers (RFC 5652 §5.1; RFC 8551 §3.8). */
err_t certificates_to_pkcs7(const struct bytes *ders, size_t count, struct buf *out)
{
    static const uint8_t version_1[] = {1};
    struct der_writer w = der_writer(out);
    size_t content_info = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_OID, BYTES_OF(oid_signed_data));
    size_t tagged = der_open(&w, DER_CONTEXT_CONSTRUCTED | 0);
    size_t signed_data = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_INTEGER, BYTES_OF(version_1));
    der_put(&w, DER_SET, BYTES_NONE); /* digestAlgorithms */
    size_t encapsulated = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_OID, BYTES_OF(oid_data));
    der_close(&w, encapsulated);
    size_t certificates = der_open(&w, DER_CONTEXT_CONSTRUCTED | 0);
    for (size_t i = 0; i < count; i++) {
        der_put_raw(&w, ders[i]);
    }
    der_close(&w, certificates);
    der_put(&w, DER_SET, BYTES_NONE); /* signerInfos */
    der_close(&w, signed_data);
    der_close(&w, tagged);
    der_close(&w, content_info);
    return der_finish(&w);
}
