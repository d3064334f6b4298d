/* The one form of every credential's text: <prefix><hex: id>_<hex: secret>_<8 hex: CRC-32 of all before the
 * last '_'>. Hex, not base64url, because that has '_' in its alphabet; the prefix and the CRC let scanners of
 * source code find leaked ones without false alarms, and a typing error is noticed before anything is looked
 * up. Which credentials there are is in token_text.h and code_text.h. */
#ifndef WHORL_FLEET_CREDENTIAL_TEXT_H
#define WHORL_FLEET_CREDENTIAL_TEXT_H

#include "base/bytes.h"

struct credential_form {
    const char *prefix; /* with its '_' */
    size_t id_size, secret_size;
};

/** With a NUL. @param[out] out has room for all of it; it holds the secret, so the caller wipes it @thread
 * any */
void credential_text_write(const struct credential_form *form, const uint8_t *id, const uint8_t *secret,
                           char *out);
/** Whether the text has the form and its CRC. The caller wipes the secret, on failure too.
 *  @param[out] id of the form's size @param[out] secret likewise */
bool credential_text_read(const struct credential_form *form, struct bytes text, uint8_t *id,
                          uint8_t *secret);

#endif
