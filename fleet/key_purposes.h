/* The words of extended key usage, as bits of pki/certificate_profile.h: for reading, writing and messages.
 */
#ifndef WHORL_FLEET_KEY_PURPOSES_H
#define WHORL_FLEET_KEY_PURPOSES_H

#include "base/json.h"
#include "pki/certificate_profile.h"

/** "client_auth", "server_auth", … → its bit. @errors ERR_UNPROCESSABLE naming the known ones @thread any */
err_t key_purpose_parse(struct bytes word, uint32_t *out);
/** The name of the lowest bit that is set; "" for none. */
const char *key_purpose_name(uint32_t bits);
/** A list of words, each at "<pointer>/<index>" of the faults. @param[in,out] out bits are added
 *  @errors of memory only @thread any */
err_t key_purposes_read(const json_t *list, const char *pointer, struct faults *faults, uint32_t *out);
/** The bits as a list. @param[out] out caller owns, NULL on error */
err_t key_purposes_write(uint32_t bits, json_t **out);

#endif
