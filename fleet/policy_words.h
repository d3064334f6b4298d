/* The words of a product's policy, of a key and of a hub, in one table each: for reading, writing and
 * messages. */
#ifndef WHORL_FLEET_POLICY_WORDS_H
#define WHORL_FLEET_POLICY_WORDS_H

#include "db/rows.h"
#include "pki/key.h"

enum { KEY_ALGORITHMS_ALL = 15, KEY_ALGORITHMS_TEXT_SIZE = 64 };

/** The bit of an algorithm in product_row.key_algorithms; 0 for one that no product can accept. @thread any
 */
uint32_t key_algorithm_bit(enum key_alg alg);
/** "P-256", "P-384", "Ed25519", "RSA" → its bit. @errors ERR_UNPROCESSABLE naming the known ones */
err_t key_algorithm_parse(struct bytes word, uint32_t *out);
/** The name of the lowest bit that is set. */
const char *key_algorithm_name(uint32_t bits);
/** "P-256, RSA". */
void key_algorithms_format(uint32_t bits, char out[KEY_ALGORITHMS_TEXT_SIZE]);

/** "never", "expired", "approve", "always". @errors ERR_UNPROCESSABLE */
err_t recovery_parse(struct bytes word, enum recovery_policy *out);
const char *recovery_name(enum recovery_policy recovery);

/** "alert", "quarantine". @errors ERR_UNPROCESSABLE */
err_t clone_response_parse(struct bytes word, enum clone_response *out);
const char *clone_response_name(enum clone_response response);

/** "listed", "vendor_ca", "token". @errors ERR_UNPROCESSABLE */
err_t admission_parse(struct bytes word, enum admission_policy *out);
const char *admission_name(enum admission_policy admission);

/** "claimed", "batch", "attested". */
const char *key_origin_name(enum key_origin origin);

/** "device", "batch". @errors ERR_UNPROCESSABLE */
err_t code_kind_parse(struct bytes word, enum code_kind *out);
const char *code_kind_name(enum code_kind kind);

/** "mqtt". @errors ERR_UNPROCESSABLE */
err_t hub_kind_parse(struct bytes word, enum hub_kind *out);
const char *hub_kind_name(enum hub_kind kind);

#endif
