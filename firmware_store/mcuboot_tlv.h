/* The TLVs behind an MCUboot image, as far as they say something: collected by mcuboot_tlv.c, judged by
 * mcuboot.c. Nobody else includes it. */
#ifndef WHORL_FIRMWARE_STORE_MCUBOOT_TLV_H
#define WHORL_FIRMWARE_STORE_MCUBOOT_TLV_H

#include "firmware_store/image_reading.h"

enum {
    MCUBOOT_HEADER_SIZE = 32,
    MCUBOOT_TLV_KEYHASH = 0x01,
    MCUBOOT_TLV_PUBKEY = 0x02,
    MCUBOOT_TLV_SHA256 = 0x10,
    MCUBOOT_TLV_SHA384 = 0x11,
    MCUBOOT_TLV_SHA512 = 0x12,
    MCUBOOT_TLV_RSA2048 = 0x20,
    MCUBOOT_TLV_ECDSA224 = 0x21,
    MCUBOOT_TLV_ECDSA = 0x22,
    MCUBOOT_TLV_RSA3072 = 0x23,
    MCUBOOT_TLV_ED25519 = 0x24,
    MCUBOOT_TLV_SIG_PURE = 0x25,
    MCUBOOT_TLV_DEPENDENCY = 0x40,
    MCUBOOT_TLV_SEC_CNT = 0x50,
    MCUBOOT_TLV_UUID_VENDOR = 0x74,
    MCUBOOT_TLV_UUID_CLASS = 0x75
};

/* One entry that was there: where its value lies. at 0: none. */
struct mcuboot_tlv {
    unsigned type;
    int64_t at, size;
};

struct mcuboot_tlvs {
    struct mcuboot_tlv hash, signature, key_hash, public_key, pure, encryption, counter, vendor, device_class;
    size_t dependencies;
    int64_t end; /* behind the last of them */
};

/** Reads both areas from `at` on. Dependencies go to the facts at once.
 *  @param protected_size as the header says; 0: there is no protected area */
err_t mcuboot_read_tlvs(const struct image_reading *r, int64_t at, uint32_t protected_size,
                        struct mcuboot_tlvs *out);

/** "1.2.3+4". @param version 8 bytes of an image version */
void mcuboot_version_format(const uint8_t *version, char out[IMAGE_VERSION_SIZE]);

#endif
