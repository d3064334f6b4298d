/* What comes from anybody before any proof: the bodies of logins and invitations, the texts of credentials,
 * recovery codes as they are typed. */
#include <stdlib.h>
#include <string.h>

#include "api/login_body.h"
#include "fleet/second_factor.h"
#include "fleet/token_text.h"
#include "pki/totp.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_body(struct bytes text, const struct login_form *form, bool needs_password)
{
    AUTO_VAL(login_body) body = {.document = NULL};
    struct faults faults = {.count = 0};
    if (login_body_read(text, form, &faults, &body).code != ERR_OK || faults.count > 0) {
        return;
    }
    must(!needs_password || (body.password != NULL && body.password[0] != '\0'));
    must(form != &form_login || (body.name != NULL && body.code == NULL && body.old_password == NULL));
}

/* What was read is written the same. */
static void check_text(const char *prefix, struct bytes text)
{
    struct token_parts parts;
    char again[TOKEN_TEXT_SIZE];
    if (token_text_read(prefix, "credential", text, &parts).code != ERR_OK) {
        return;
    }
    token_text_write(prefix, &parts, again);
    must(text.n == strlen(again) && memcmp(again, text.p, text.n) == 0);
}

static void check_codes(struct bytes text)
{
    static const struct uuid person = {{1}};
    uint8_t hash[SHA256_SIZE];
    int64_t step = 0;
    err_t error = recovery_code_hash(person, text, hash);
    must(error.code == ERR_OK || error.code == ERR_UNAUTHORIZED);
    error = totp_check(bytes_str("12345678901234567890"), text, 1234567890000, 0, &step);
    must(error.code == ERR_UNAUTHORIZED || (error.code == ERR_OK && text.n == TOTP_CODE_DIGITS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    check_body(text, &form_login, true);
    check_body(text, &form_accept, true);
    check_body(text, &form_confirm, false);
    check_body(text, &form_password, false);
    check_text(TOKEN_PREFIX, text);
    check_text(SESSION_PREFIX, text);
    check_text(INVITATION_PREFIX, text);
    check_codes(text);
    return 0;
}
