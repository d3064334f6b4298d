/* The release manifest: a SUIT envelope (draft-ietf-suit-manifest) of one fixed profile, whose bytes are told
 * in docs/suit-profile.md. Written by libcbor; read back strictly, so that what is given out was understood
 * once before. Knows no row. */
#ifndef WHORL_PKI_SUIT_H
#define WHORL_PKI_SUIT_H

#include "base/encoding.h"
#include "pki/cose.h"

enum {
    SUIT_ENVELOPE_MAX = 4096,
    SUIT_COMPONENTS_MAX = 8,
    SUIT_VERSION_SIZE = 65,
    SUIT_FORMAT_SIZE = 9,
    SUIT_PART_SIZE = 33
};

/* One image, in its place. */
struct suit_component {
    struct sha256 digest;
    int64_t size;
    int64_t counter; /* security counter; -1: none */
    char version[SUIT_VERSION_SIZE];
    char format[SUIT_FORMAT_SIZE]; /* raw, mcuboot, esp, swu, rauc */
    char part[SUIT_PART_SIZE];
};

struct suit_manifest {
    struct uuid vendor, class; /* of all components */
    int64_t sequence;
    int64_t min_sequence; /* that must be installed before; 0: none */
    struct suit_component components[SUIT_COMPONENTS_MAX];
    size_t count;
};

/** The vendor of a tenant: UUIDv5 of its name in the DNS namespace. @thread any, like all functions here */
err_t suit_vendor_of(const char *tenant, struct uuid *out);
/** The class of a product's devices: UUIDv5, in the vendor's namespace, of the product's name, and "/" class
 *  where `class` is not "". */
err_t suit_class_of(struct uuid vendor, const char *product, const char *class, struct uuid *out);

/** The manifest itself, unsigned. @param[out] out appended @errors ERR_UNPROCESSABLE no or too many
 *  components */
err_t suit_manifest_write(const struct suit_manifest *manifest, struct buf *out);
/** What is signed, as payload: the digest of the manifest as CBOR. @param[out] payload appended */
err_t suit_digest_write(struct bytes manifest, struct buf *payload);
/** @param signature over cose_to_be_signed(kid, suit_digest_write()) @param[out] out appended
 *  @errors ERR_TOO_LARGE beyond SUIT_ENVELOPE_MAX */
err_t suit_envelope_write(struct bytes manifest, const struct sha256 *kid,
                          const uint8_t signature[COSE_SIGNATURE_SIZE], struct buf *out);

struct suit_envelope {
    struct suit_manifest manifest;
    struct cose_sign1 signature; /* detached */
    struct bytes manifest_bytes; /* borrowed */
};
/** Exactly the profile, or nothing; the digest is checked, the signature is not. @param[out] out borrows from
 *  `in` @errors ERR_BAD_ENCODING with what is wrong */
err_t suit_envelope_read(struct bytes in, struct suit_envelope *out);
/** @errors as of cose_sign1_verify() */
err_t suit_envelope_verify(const struct suit_envelope *envelope, struct bytes spki);

#endif
