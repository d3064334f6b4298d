/* The numbers of the profile (docs/suit-profile.md), for the two files that write and read it. */
#ifndef WHORL_PKI_SUIT_WORDS_H
#define WHORL_PKI_SUIT_WORDS_H

#include "base/hash.h"

enum { SUIT_TAG_ENVELOPE = 107, SUIT_AUTHENTICATION = 2, SUIT_MANIFEST = 3 }; /* envelope */
enum { SUIT_SHA256 = -16 };                                                   /* suit-digest-algorithm-id */
enum {                                                                        /* manifest */
       SUIT_MANIFEST_VERSION = 1,
       SUIT_SEQUENCE = 2,
       SUIT_COMMON = 3,
       SUIT_VALIDATE = 7,
       SUIT_INSTALL = 20
};
enum { SUIT_COMPONENTS = 2, SUIT_SHARED = 4 }; /* common */
enum {                                         /* parameters */
       SUIT_VENDOR = 1,
       SUIT_CLASS = 2,
       SUIT_IMAGE_DIGEST = 3,
       SUIT_IMAGE_SIZE = 14,
       SUIT_URI = 21,
       SUIT_VERSION = -257,
       SUIT_COUNTER = -258,
       SUIT_FORMAT = -259,
       SUIT_MIN_SEQUENCE = -260,
       SUIT_PART = -261
};
enum { /* commands */
       SUIT_CONDITION_VENDOR = 1,
       SUIT_CONDITION_CLASS = 2,
       SUIT_CONDITION_IMAGE = 3,
       SUIT_SET_COMPONENT = 12,
       SUIT_OVERRIDE_PARAMETERS = 20,
       SUIT_FETCH = 21
};
enum { SUIT_REPORT_ALL = 15 }; /* reporting policy: success and failure, record and system information */

#define SUIT_URI_PREFIX "firmware/images/"
enum { SUIT_URI_SIZE = sizeof SUIT_URI_PREFIX + 2 * SHA256_SIZE };

/** Where an image is fetched, relative to the service: "firmware/images/<64 hex>". @thread any */
void suit_uri_of(const struct sha256 *digest, char out[SUIT_URI_SIZE]);

#endif
