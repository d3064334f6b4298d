/* The signed release manifest: one fixed profile of the SUIT envelope (draft-ietf-suit-manifest), read
 * without a heap and without an interpreter of its commands: they are the ones that the profile has, byte for
 * byte, or the manifest is refused. docs/device-protocol.md, "Firmware", has the profile. */
#ifndef WHORL_DEVICE_CORE_SUIT_H
#define WHORL_DEVICE_CORE_SUIT_H

#include "device/core/ports.h"

enum {
    WHORL_MANIFEST_MAX = 4096, /* bytes of an envelope */
    WHORL_COMPONENTS_MAX = 8,
    WHORL_UUID_BYTES = 16,
    WHORL_VERSION_MAX = 64,
    WHORL_PART_MAX = 32
};

/* Why a manifest, or a statement of keys, is taken or not. */
enum whorl_verdict {
    WHORL_VERDICT_GOOD,
    WHORL_VERDICT_FORM,      /* not this profile, not deterministic, cut, or too long */
    WHORL_VERDICT_DIGEST,    /* what is signed is another manifest */
    WHORL_VERDICT_KEY,       /* signed by a key that is no anchor of this device */
    WHORL_VERDICT_SIGNATURE, /* of an anchor, and wrong */
    WHORL_VERDICT_VENDOR,    /* another vendor */
    WHORL_VERDICT_CLASS,     /* another product or hardware */
    WHORL_VERDICT_SEQUENCE,  /* not above what is installed */
    WHORL_VERDICT_COUNTER,   /* a security counter below the installed one */
    WHORL_VERDICT_MINIMUM,   /* another release has to be installed first */
    WHORL_VERDICT_PART,      /* this device has no such part, or it comes twice */
    WHORL_VERDICT_SIZE,      /* larger than the slot, or empty */
    WHORL_VERDICT_PORT       /* not known: the crypto port failed */
};

/* Whom a device trusts to sign its firmware. */
enum whorl_anchor { WHORL_ANCHOR_SIGNING, WHORL_ANCHOR_RECOVERY };
enum { WHORL_ANCHOR_COUNT = 2 };
struct whorl_firmware_keys {
    uint64_t sequence; /* of the statement that brought them; 0: the firmware did */
    uint8_t point[WHORL_ANCHOR_COUNT][WHORL_POINT_BYTES];
};

/* What the firmware knows of itself (UUIDv5, docs/device-protocol.md). The first class is the product's; the
 * second, where there is one, the product's and this hardware's. */
enum { WHORL_CLASSES_MAX = 2 };
struct whorl_firmware_class {
    uint8_t vendor[WHORL_UUID_BYTES];
    uint8_t id[WHORL_CLASSES_MAX][WHORL_UUID_BYTES];
    size_t count;
};

/* One image; everything is a view into the envelope. */
struct whorl_component {
    struct whorl_bytes vendor; /* WHORL_UUID_BYTES */
    struct whorl_bytes class_id;
    struct whorl_bytes digest; /* SHA-256 */
    uint64_t size;
    struct whorl_bytes uri; /* relative to /device/v1/ */
    struct whorl_bytes version;
    struct whorl_bytes format;
    struct whorl_bytes part;
    uint64_t counter;        /* 0: the image has none */
    uint64_t least_sequence; /* that must be installed before; 0: any */
};

struct whorl_manifest {
    uint64_t sequence;
    enum whorl_anchor signer;
    size_t count;
    struct whorl_component component[WHORL_COMPONENTS_MAX];
};

/* What runs on a device: the last line of defence against going back. */
struct whorl_installed_part {
    uint8_t name[WHORL_PART_MAX];
    size_t name_size;
    uint64_t counter;
    uint64_t size;
    uint8_t digest[WHORL_HASH_BYTES];
};
struct whorl_installed {
    uint64_t sequence; /* 0: none by a manifest yet */
    uint8_t version[WHORL_VERSION_MAX];
    size_t version_size;
    size_t count;
    struct whorl_installed_part part[WHORL_COMPONENTS_MAX];
};

/** Reads an envelope and verifies who signed it: form, digest over the manifest, signature under one of the
 *  keys. Says nothing of whether this device should take it.
 *  @param[out] out views into `envelope`; of use only after WHORL_VERDICT_GOOD */
enum whorl_verdict whorl_suit_read(const struct whorl_crypto *crypto, const struct whorl_firmware_keys *keys,
                                   struct whorl_bytes envelope, struct whorl_manifest *out);

/** Whether a manifest that was verified is for this device and leads forward. */
enum whorl_verdict whorl_suit_judge(const struct whorl_manifest *manifest,
                                    const struct whorl_firmware_class *own,
                                    const struct whorl_installed *installed);

/** A few words, for the report to the server. */
const char *whorl_verdict_words(enum whorl_verdict verdict);

/** What will run once this manifest is installed over `before`: parts that it does not name stay. False: too
 *  many parts. */
bool whorl_installed_after(const struct whorl_manifest *manifest, const struct whorl_installed *before,
                           struct whorl_installed *out);

#endif
