/* The secrets of a webhook, and what is signed with them (Standard Webhooks 1.0: HMAC-SHA256, "v1"). */
#ifndef WHORL_FLEET_WEBHOOK_SECRET_H
#define WHORL_FLEET_WEBHOOK_SECRET_H

#include "db/webhook_rows.h"
#include "fleet/fleet.h"

enum { WEBHOOK_KEY_SIZE = 32, WEBHOOK_SECRET_TEXT_SIZE = 64, WEBHOOK_SIGNATURE_SIZE = 128 };

/** Makes a secret: its text ("whsec_" and base64), shown once, and its sealed form in the row. @param row id
 * and tenant are set @thread any */
err_t webhook_secret_make(struct fleet *fleet, struct webhook_row *row, char text[WEBHOOK_SECRET_TEXT_SIZE]);

/* What is signed. */
struct webhook_message {
    const char *id;
    int64_t timestamp_s;
    struct bytes body;
};
/** "v1,<base64>" under one key. @param key any length */
err_t webhook_sign(struct bytes key, const struct webhook_message *message, struct buf *out);
/** The header: signed with each live secret of the row, space between. @errors ERR_CRYPTO the keystore is
 * another one */
err_t webhook_sign_all(struct fleet *fleet, const struct webhook_row *row,
                       const struct webhook_message *message, struct buf *out);

#endif
