/* What a CMS message has inside, found without judging the message: RAUC's verity bundles carry their
 * manifest there. For rauc.c; signatures are pki's. */
#ifndef WHORL_FIRMWARE_STORE_CMS_CONTENT_H
#define WHORL_FIRMWARE_STORE_CMS_CONTENT_H

#include "base/bytes.h"

enum cms_shape {
    CMS_SHAPE_BROKEN,   /* no CMS message in DER */
    CMS_SHAPE_DETACHED, /* SignedData without content */
    CMS_SHAPE_CONTENT,  /* SignedData with content */
    CMS_SHAPE_ENVELOPED /* encrypted */
};

/** @param[out] content borrowed from `cms` @thread any */
enum cms_shape cms_find_content(struct bytes cms, struct bytes *content);

#endif
