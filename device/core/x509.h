/* What a device writes and reads of PKIX: SubjectPublicKeyInfo and the device id, the PKCS#10 request (RFC
 * 2986), the self-signed certificate of first contact, and the subject of the certificate it got. P-256 with
 * ECDSA-SHA-256 only. Verifies no chain: the transport does. */
#ifndef WHORL_DEVICE_CORE_X509_H
#define WHORL_DEVICE_CORE_X509_H

#include "device/core/der.h"
#include "device/core/kdf.h"
#include "device/core/text.h"

enum { WHORL_SPKI_BYTES = 91, WHORL_CSR_MAX = 768, WHORL_CERTIFICATE_MAX = 512, WHORL_NAME_MAX = 80 };

/* Borrowed views into a certificate. `san` is the whole Extension element, `extensions` the SEQUENCE of all
 * of them; each is empty when the certificate has none. */
struct whorl_certificate {
    struct whorl_bytes serial;
    struct whorl_bytes issuer;
    struct whorl_bytes validity; /* the two times */
    struct whorl_bytes subject;
    struct whorl_bytes spki;
    struct whorl_bytes san;
    struct whorl_bytes extensions;
};

/** SubjectPublicKeyInfo of a key in the crypto port, in its one canonical form: named curve, uncompressed
 * point (RFC 5480). */
enum whorl_result whorl_spki_of(const struct whorl_crypto *crypto, struct whorl_key key,
                                uint8_t out[WHORL_SPKI_BYTES]);

/** Signs SHA-256 of the text and checks the signature before it leaves (a faulted ECDSA signature gives the
 * key away). DER. */
enum whorl_result whorl_sign(const struct whorl_crypto *crypto, struct whorl_key key, struct whorl_bytes text,
                             uint8_t out[WHORL_ECDSA_DER_MAX], size_t *size);

/** Name with one attribute, CN = 64 hex of the id. @param[out] out view into `room` */
enum whorl_result whorl_name_write(const uint8_t id[WHORL_ID_BYTES], struct whorl_space room,
                                   struct whorl_bytes *out);

/* What a request asks for: subject is a DER Name, san a DER Extension to ask for again (or empty). */
struct whorl_csr_wish {
    struct whorl_key key;
    struct whorl_bytes subject;
    struct whorl_bytes san;
};

/** A signed PKCS#10 request. @param[out] out view into `room` */
enum whorl_result whorl_csr_write(const struct whorl_crypto *crypto, const struct whorl_csr_wish *wish,
                                  struct whorl_space room, struct whorl_bytes *out);

/** The self-signed certificate of first contact: CN = device id, clientAuth, digitalSignature, 2025 to 2045,
 * so that no clock is needed to make or show it. @param[out] out view into `room` */
enum whorl_result whorl_identity_certificate(const struct whorl_crypto *crypto, struct whorl_key key,
                                             struct whorl_space room, struct whorl_bytes *out);

/** Finds the parts of a certificate that a device must repeat. False when it is not a certificate. */
bool whorl_certificate_read(struct whorl_bytes der, struct whorl_certificate *out);

#endif
