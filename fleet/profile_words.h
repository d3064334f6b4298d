/* The words of certificate profiles, beside those of key purposes and algorithms; for reading and writing. */
#ifndef WHORL_FLEET_PROFILE_WORDS_H
#define WHORL_FLEET_PROFILE_WORDS_H

#include "fleet/profile_spec.h"

/** "device_id", "serial_number", "id_only". @errors ERR_UNPROCESSABLE naming the known ones @thread any, like
 * all functions here */
err_t profile_subject_parse(struct bytes word, enum profile_subject *out);
const char *profile_subject_name(enum profile_subject subject);

/** "device", "edge". @errors ERR_UNPROCESSABLE */
err_t profile_role_parse(struct bytes word, enum authority_role *out);
const char *profile_role_name(enum authority_role role);

/** "digital_signature", "key_encipherment", "key_agreement" → its bit. @errors ERR_UNPROCESSABLE */
err_t key_usage_parse(struct bytes word, uint32_t *out);
/** "must_staple", "no_revocation" → its bit. @errors ERR_UNPROCESSABLE */
err_t profile_extension_parse(struct bytes word, uint32_t *out);
/** The name of one bit; "" for none. */
const char *key_usage_name(uint32_t bit);
const char *profile_extension_name(uint32_t bit);

#endif
