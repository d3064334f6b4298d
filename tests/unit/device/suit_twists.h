/* What may be wrong with a manifest of suit_fixture.h. */
#ifndef WHORL_TESTS_UNIT_DEVICE_SUIT_TWISTS_H
#define WHORL_TESTS_UNIT_DEVICE_SUIT_TWISTS_H

/* One thing that is wrong; what it is about says where. */
enum twist {
    TWIST_NONE,
    TWIST_TAG,              /* of the envelope */
    TWIST_LONG_HEAD,        /* one length in more bytes than it needs */
    TWIST_THIRD_MEMBER,     /* in the envelope */
    TWIST_BEHIND,           /* a byte after the envelope */
    TWIST_INLINE_PAYLOAD,   /* the COSE payload is not detached */
    TWIST_ALG,              /* ES256 */
    TWIST_UNPROTECTED,      /* a header that nobody signs */
    TWIST_SECOND_SIGNATURE, /* in the wrapper */
    TWIST_DIGEST_ALG,
    TWIST_MANIFEST_VERSION,
    TWIST_KEY_ORDER, /* install before validate */
    TWIST_NO_VALIDATE,
    TWIST_INSTALL_FIRST_OF, /* install fetches one component less */
    TWIST_NO_IMAGE_MATCH,
    TWIST_NO_CLASS_CHECK,
    TWIST_REPORT, /* a condition that is not reported */
    TWIST_COMPONENT_NAME,
    TWIST_URI,
    TWIST_PARAMETER_ORDER,
    TWIST_EXTRA_PARAMETER,
    TWIST_NO_SIZE,
    TWIST_CONTROL_TEXT,
    TWIST_BAD_UTF8,
    TWIST_BEHIND_SHARED, /* a byte after … */
    TWIST_BEHIND_COMMON,
    TWIST_BEHIND_MANIFEST,
    TWIST_BEHIND_AUTH,
    TWIST_BEHIND_MESSAGE,
    TWIST_COUNT /* how many there are */
};

#endif
