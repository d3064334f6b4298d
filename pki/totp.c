/* The one file that knows liboath. */
#include "pki/totp.h"

#include <liboath/oath.h>
#include <string.h>

static err_t code_at(struct bytes secret, int64_t step, char out[TOTP_CODE_DIGITS + 1])
{
    int code = oath_hotp_generate((const char *)secret.p, secret.n, (uint64_t)step, TOTP_CODE_DIGITS, false,
                                  OATH_HOTP_DYNAMIC_TRUNCATION, out);
    ENSURE(code == OATH_OK, ERR_CRYPTO, "liboath: %s", oath_strerror(code));
    return OK;
}

static bool is_six_digits(struct bytes code)
{
    for (size_t i = 0; i < code.n; i++) {
        if (code.p[i] < '0' || code.p[i] > '9') {
            return false;
        }
    }
    return code.n == TOTP_CODE_DIGITS;
}

/* All three steps are computed, so that the time does not tell which one fits. */
err_t totp_check(struct bytes secret, struct bytes code, int64_t now_ms, int64_t after, int64_t *step)
{
    char wanted[TOTP_CODE_DIGITS + 1] = "";
    int64_t found = after;
    int64_t now = now_ms / (1000 * (int64_t)TOTP_STEP_S);
    ENSURE(is_six_digits(code), ERR_UNAUTHORIZED, "a code has %d digits", TOTP_CODE_DIGITS);
    for (int64_t at = now - 1; at <= now + 1; at++) {
        TRY(code_at(secret, at, wanted));
        bool is_same = bytes_equal_ct(code, (struct bytes){(const uint8_t *)wanted, TOTP_CODE_DIGITS});
        found = is_same && at > found ? at : found;
    }
    bytes_wipe(wanted, sizeof wanted);
    ENSURE(found > after, ERR_UNAUTHORIZED, "the code is wrong, or was used before");
    *step = found;
    return OK;
}

void totp_base32(const uint8_t secret[TOTP_SECRET_SIZE], char out[TOTP_BASE32_SIZE])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t n = 0;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < TOTP_SECRET_SIZE; i++) { /* 160 bits are 32 characters: nothing is left over */
        bits = bits << 8 | secret[i];
        for (held += 8; held >= 5; held -= 5) {
            out[n++] = alphabet[bits >> (held - 5) & 31];
        }
    }
    out[n] = '\0';
}
