/* The description of a .swu: libconfig or JSON, as one tree, and what it says of the files beside it. For
 * swu.c. */
#ifndef WHORL_FIRMWARE_STORE_SW_DESCRIPTION_H
#define WHORL_FIRMWARE_STORE_SW_DESCRIPTION_H

#include "firmware_store/image_reading.h"

enum { SW_DESCRIPTION_MAX = 256 * 1024, SW_ARTIFACTS_MAX = 256, SW_DEPTH_MAX = 32 };

/* One file that the description names. */
struct sw_artifact {
    const char *name; /* borrowed from the tree */
    bool has_sha256, is_encrypted, is_there;
    struct sha256 sha256;
};
struct sw_description {
    json_t *tree;
    struct sw_artifact artifacts[SW_ARTIFACTS_MAX];
    size_t count;
};
void sw_description_clear(struct sw_description *description);
DEFINE_AUTO_VAL(sw_description, sw_description_clear);

/** Reads the text, version and facts. @param at where it stands in the image */
err_t sw_description_read(const struct image_reading *r, int64_t at, struct bytes text,
                          struct sw_description *out);

#endif
