/* How often a wrong PIN was tried: a token locks for good after a few, so that is counted where it outlives
 * the process, and a try is written down before it is made. At most three wrong ones in all, until one is
 * right or an operator forgives them (`whorld hsm reset-pin-attempts`); a PIN that was wrong is not tried
 * again. A try whose end nobody saw counts too, unless the PIN was right the last time: a token that hangs in
 * logins while its network is down must not use the tries up. What is kept of a PIN is an HMAC under a secret
 * of the keystore. */
#ifndef WHORL_PKI_PIN_ATTEMPTS_H
#define WHORL_PKI_PIN_ATTEMPTS_H

#include "base/hash.h"

enum { PIN_ATTEMPTS_MAX = 3 };
#define PIN_ATTEMPTS_FILE "pin-attempts"

struct pin_attempts {
    const char *folder; /* of the file, and of the lock that is held from begin to end */
    struct bytes key;   /* of the HMAC */
};

/* What the file says. */
struct pin_record {
    int tries;            /* that were wrong, or whose end nobody saw */
    bool is_wrong;        /* the last one was; otherwise its end is not known */
    bool is_right;        /* the last one was: tries is 0 */
    struct sha256 digest; /* of the PIN that was tried last */
};
/** @param[out] out all zero where there is no file @errors ERR_FORBIDDEN the file is damaged @thread any */
err_t pin_attempts_read(const char *folder, struct pin_record *out);
/** Forgives. @errors ERR_IO */
err_t pin_attempts_reset(const char *folder);

enum pin_outcome { PIN_RIGHT, PIN_WRONG, PIN_NOT_JUDGED /* the token did not come to it */ };
struct pin_try {
    int lock;
    struct pin_record before, now;
};
/** Before a PIN is tried: whether it may be, and a record that it was. pin_try_end() follows wherever this
 * returned OK.
 *  @errors ERR_FORBIDDEN with what an operator is to do, ERR_BUSY another process is at it */
err_t pin_try_begin(const struct pin_attempts *attempts, struct bytes pin, struct pin_try *out);
err_t pin_try_end(const struct pin_attempts *attempts, struct pin_try *tried, enum pin_outcome outcome);

#endif
