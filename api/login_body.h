/* The bodies of logins and of what belongs to them: which fields each has, and reading them. They come from
 * anybody, before any proof. */
#ifndef WHORL_API_LOGIN_BODY_H
#define WHORL_API_LOGIN_BODY_H

#include "api/http.h"
#include "base/faults.h"
#include "base/json.h"

/* Borrowed from the document; NULL: not there. */
struct login_body {
    json_t *document;
    const char *tenant, *name, *code, *password, *old_password, *new_password, *totp, *recovery_code;
};
void login_body_clear(struct login_body *body);
DEFINE_AUTO_VAL(login_body, login_body_clear);

/* Which fields a body has: bits by their place in the table of login_body.c. */
struct login_form {
    unsigned needed, allowed;
};
extern const struct login_form form_login, form_accept, form_confirm, form_password;

/** No query parameter, and JSON. @errors ERR_BAD_REQUEST, ERR_MEDIA_TYPE @thread any */
err_t request_check_login(const struct request *request);
/** Every wrong, missing or unknown field is a fault. @errors ERR_BAD_JSON, ERR_TOO_LARGE */
err_t login_body_read(struct bytes text, const struct login_form *form, struct faults *faults,
                      struct login_body *out);

static inline struct bytes login_text(const char *text)
{
    return text == NULL ? BYTES_NONE : bytes_str(text);
}

#endif
