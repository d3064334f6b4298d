/* One table for all fields; each form takes some of them. Judges nothing but the form. */
#include "api/login_body.h"

#include <stdio.h>
#include <string.h>

#include "api/reply.h"
#include "api/terms.h"

enum { TEXT_MAX = 512, BODY_MAX = 4096 };
enum {
    TENANT = 1,
    NAME = 2,
    CODE = 4,
    PASSWORD = 8,
    OLD_PASSWORD = 16,
    NEW_PASSWORD = 32,
    TOTP = 64,
    RECOVERY_CODE = 128
};

#define FIELD(name_)                                                                                         \
    {                                                                                                        \
#name_, JSON_KIND_TEXT, false, offsetof(struct login_body, name_), 1, TEXT_MAX, JSON_NO_HAS          \
    }
/* in the order of the bits */
static const struct json_field FIELDS[] = {FIELD(tenant),   FIELD(name),         FIELD(code),
                                           FIELD(password), FIELD(old_password), FIELD(new_password),
                                           FIELD(totp),     FIELD(recovery_code)};
enum { FIELD_COUNT = sizeof FIELDS / sizeof FIELDS[0] };

const struct login_form form_login = {.needed = NAME | PASSWORD,
                                      .allowed = TENANT | NAME | PASSWORD | TOTP | RECOVERY_CODE};
const struct login_form form_accept = {.needed = CODE | PASSWORD, .allowed = CODE | PASSWORD};
const struct login_form form_confirm = {.needed = CODE | TOTP, .allowed = CODE | TOTP};
const struct login_form form_password = {.needed = OLD_PASSWORD | NEW_PASSWORD | TOTP,
                                         .allowed = OLD_PASSWORD | NEW_PASSWORD | TOTP};

void login_body_clear(struct login_body *body)
{
    json_decref(body->document);
    *body = (struct login_body){.document = NULL};
}

err_t request_check_login(const struct request *request)
{
    static const char *const no_query[] = {NULL};
    TRY(request_check_query(request, no_query));
    ENSURE(http_content_type_is(request, "application/json"), ERR_MEDIA_TYPE, "send application/json");
    return OK;
}

err_t login_body_read(struct bytes text, const struct login_form *form, struct faults *faults,
                      struct login_body *out)
{
    struct json_field wanted[FIELD_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if ((form->allowed & 1U << i) != 0) {
            wanted[count++] = FIELDS[i];
        }
    }
    TRY(json_parse(text, BODY_MAX, &out->document));
    TRY(json_read_all(out->document, wanted, count, faults, out));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if ((form->needed & 1U << i) != 0) {
            request_need(out->document, FIELDS[i].name, faults);
        }
    }
    return OK;
}
