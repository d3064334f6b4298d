/* The text of an enrolment code: whorlcode_<16 hex: id>_<32 hex: secret>_<8 hex: CRC-32 of all before it>.
 * Like a token's (token_text.h): one word to select and paste, found by scanners of source code, and a slip
 * of the hand is noticed before anything is looked up. */
#ifndef WHORL_FLEET_CODE_TEXT_H
#define WHORL_FLEET_CODE_TEXT_H

#include "base/hash.h"
#include "db/rows.h"

enum { CODE_SECRET_SIZE = 16, CODE_TEXT_SIZE = 69, CODE_ID_TEXT_SIZE = 2 * CODE_ID_SIZE + 1 };

struct code_parts {
    uint8_t id[CODE_ID_SIZE];
    uint8_t secret[CODE_SECRET_SIZE]; /* the caller wipes it */
};
/** @thread any, like all functions here */
void code_text_write(const struct code_parts *parts, char out[CODE_TEXT_SIZE]);
/** Form and CRC, no look-up; white space around it is dropped. @errors ERR_ENROLMENT_CODE in one shape */
err_t code_text_read(struct bytes text, struct code_parts *out);

void code_id_format(const uint8_t id[CODE_ID_SIZE], char out[CODE_ID_TEXT_SIZE]);
/** @errors ERR_BAD_ENCODING */
err_t code_id_parse(struct bytes text, uint8_t out[CODE_ID_SIZE]);

#endif
