/* The parts of a RAUC bundle that have files of their own: the manifest, the SquashFS that may hold it, and
 * the tree of hashes. For rauc.c. */
#ifndef WHORL_FIRMWARE_STORE_RAUC_PARTS_H
#define WHORL_FIRMWARE_STORE_RAUC_PARTS_H

#include "firmware_store/image_reading.h"

enum { RAUC_MANIFEST_MAX = 64 * 1024, RAUC_BLOCK = 4096 };

enum rauc_form { RAUC_PLAIN, RAUC_VERITY, RAUC_CRYPT };
struct rauc_manifest {
    enum rauc_form form;
    bool has_root, has_salt, has_size;
    struct sha256 root, salt;
    int64_t tree_size;
};

/** Reads a manifest: version and facts too. @param at where it stands, for messages */
err_t rauc_read_manifest(const struct image_reading *r, int64_t at, struct bytes text,
                         struct rauc_manifest *out);
/** Reads manifest.raucm of the SquashFS in the first `size` bytes. @param[out] out appended */
err_t rauc_read_squashfs(const struct image_reading *r, int64_t size, struct buf *out);
/** Computes the tree of hashes (dm-verity, version 1, SHA-256, blocks of 4096 bytes) over the first bytes and
 * compares it, block by block, with the one that stands behind them.
 *  @param size of both */
err_t rauc_check_tree(const struct image_reading *r, int64_t size, const struct rauc_manifest *manifest);

#endif
