/* dm-verity as RAUC writes it: no superblock; the level with one block first, that of the data's hashes last;
 * each hash is over the salt and one block. A level is compared with the one below, so that memory stays at
 * three blocks and a fault has a place. */
#include <string.h>

#include "firmware_store/rauc_parts.h"

enum { LEVELS_MAX = 8, PER_BLOCK = RAUC_BLOCK / SHA256_SIZE };

struct level {
    int64_t at, blocks;
};
struct tree {
    struct level levels[LEVELS_MAX + 1]; /* 0: the data */
    size_t count;                        /* of levels above it */
};

/* @return how many blocks all levels have */
static int64_t lay_out(int64_t data_blocks, struct tree *out)
{
    int64_t total = 0, blocks = data_blocks;
    *out = (struct tree){.levels = {{0, data_blocks}}, .count = 0};
    do {
        blocks = (blocks + PER_BLOCK - 1) / PER_BLOCK;
        out->levels[++out->count].blocks = blocks;
        total += blocks;
    } while (blocks > 1 && out->count < LEVELS_MAX);
    int64_t at = data_blocks * RAUC_BLOCK;
    for (size_t i = out->count; i > 0; i--) {
        out->levels[i].at = at;
        at += out->levels[i].blocks * RAUC_BLOCK;
    }
    return total;
}

static err_t hash_block(const struct image_reading *r, const struct rauc_manifest *manifest, int64_t at,
                        struct sha256 *out)
{
    uint8_t block[RAUC_BLOCK];
    TRY(image_take(r, at, block, sizeof block, "a block of the payload"));
    const struct bytes parts[] = {BYTES_OF(manifest->salt.b), BYTES_OF(block)};
    return sha256_of_parts(parts, 2, out);
}

static err_t check_level(const struct image_reading *r, const struct rauc_manifest *manifest,
                         const struct level *below, const struct level *above)
{
    uint8_t hashes[RAUC_BLOCK];
    struct sha256 found;
    for (int64_t i = 0; i < below->blocks; i++) {
        int64_t at = below->at + i * RAUC_BLOCK;
        if (i % PER_BLOCK == 0) {
            TRY(image_take(r, above->at + i / PER_BLOCK * RAUC_BLOCK, hashes, sizeof hashes,
                           "a block of hashes"));
        }
        TRY(hash_block(r, manifest, at, &found));
        IMAGE_NEED(memcmp(hashes + i % PER_BLOCK * SHA256_SIZE, found.b, sizeof found.b) == 0, r, at,
                   "the block of 4096 bytes here has another hash than the tree of hashes says");
    }
    return OK;
}

err_t rauc_check_tree(const struct image_reading *r, int64_t size, const struct rauc_manifest *manifest)
{
    struct tree tree;
    struct sha256 root;
    int64_t data = size - manifest->tree_size;
    IMAGE_NEED(manifest->tree_size > 0 && manifest->tree_size % RAUC_BLOCK == 0 && data > 0 &&
                   data % RAUC_BLOCK == 0,
               r, size, "a tree of %lld bytes does not fit to a payload of %lld: both are blocks of %d",
               (long long)manifest->tree_size, (long long)size, RAUC_BLOCK);
    int64_t blocks = lay_out(data / RAUC_BLOCK, &tree);
    IMAGE_NEED(blocks * RAUC_BLOCK == manifest->tree_size, r, data,
               "the tree of hashes has %lld bytes; for this payload it would have %lld",
               (long long)manifest->tree_size, (long long)(blocks * RAUC_BLOCK));
    const struct level *top = &tree.levels[tree.count];
    TRY(hash_block(r, manifest, top->at, &root));
    IMAGE_NEED(memcmp(root.b, manifest->root.b, sizeof root.b) == 0, r, top->at,
               "the root of the tree of hashes is not the one that the manifest tells");
    for (size_t i = tree.count; i > 0; i--) {
        TRY(check_level(r, manifest, &tree.levels[i - 1], &tree.levels[i]));
    }
    return OK;
}
