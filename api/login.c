/* What people do for themselves: take up an invitation, log in, log out, change the password, see and end
 * sessions. The rules are in fleet/invitations.c, fleet/logins.c and fleet/sessions.c. */
#include "fleet/logins.h"

#include <stdio.h>
#include <string.h>

#include "api/login_body.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "api/users.h"
#include "fleet/invitations.h"

enum { BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

static err_t no_store(struct response *response)
{
    return response_header(response, "Cache-Control", "no-store");
}

/* --- invitations ------------------------------------------------------------------------------------ */

/* The key URI that authenticators read: every part of it is of an alphabet that needs no escaping but '@' and
 * '+', which they take as they are. */
static err_t reply_accepted(const struct accepted *accepted, struct response *response)
{
    char uri[320];
    AUTO(json_t) *answer = json_object();
    (void)snprintf(uri, sizeof uri,
                   "otpauth://totp/Whorl:%s?secret=%s&issuer=Whorl&algorithm=SHA1&digits=6&period=30",
                   accepted->name, accepted->totp_secret);
    TRY(json_set_text(answer, "name", accepted->name));
    TRY(json_set_text(answer, "tenant", accepted->tenant));
    TRY(json_set_text(answer, "totp_secret", accepted->totp_secret));
    err_t error = json_set_text(answer, "otpauth_uri", uri);
    bytes_wipe(uri, sizeof uri);
    TRY(error);
    TRY(no_store(response));
    return reply_json(response, 200, answer);
}

static err_t read_invitation(const struct request *request, const struct login_form *form,
                             struct login_body *body, struct faults *faults, struct invitation_order *out)
{
    TRY(login_body_read(request->body, form, faults, body));
    *out = (struct invitation_order){.code = login_text(body->code),
                                     .password = login_text(body->password),
                                     .totp = login_text(body->totp),
                                     .address = request->address,
                                     .request_id = request->request_id,
                                     .faults = faults};
    return faults_error(faults);
}

static err_t post_accept(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    AUTO_VAL(login_body) body = {.document = NULL};
    struct invitation_order order;
    struct accepted accepted = {.name = ""};
    TRY(request_check_login(request));
    err_t error = read_invitation(request, &form_accept, &body, &faults, &order);
    if (error.code == ERR_OK) {
        error = invitation_accept(api->options.fleet, &order, &accepted);
    }
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    error = reply_accepted(&accepted, response);
    bytes_wipe(&accepted, sizeof accepted);
    return error;
}

static err_t reply_codes(const struct recovery_codes *codes, struct response *response)
{
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        ENSURE(json_array_append_new(list, json_string(codes->texts[i])) == 0, ERR_NO_MEMORY, "a list");
    }
    TRY(json_take(answer, "recovery_codes", TAKE(list)));
    TRY(no_store(response));
    return reply_json(response, 200, answer);
}

static err_t post_confirm(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    AUTO_VAL(login_body) body = {.document = NULL};
    struct invitation_order order;
    struct recovery_codes codes = {.texts = {""}};
    TRY(request_check_login(request));
    err_t error = read_invitation(request, &form_confirm, &body, &faults, &order);
    if (error.code == ERR_OK) {
        error = invitation_confirm(api->options.fleet, &order, &codes);
    }
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    error = reply_codes(&codes, response);
    bytes_wipe(&codes, sizeof codes);
    return error;
}

/* --- in and out ------------------------------------------------------------------------------------- */

static err_t reply_login(const struct login *login, struct response *response)
{
    char id[TOKEN_ID_TEXT_SIZE];
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *user = NULL;
    token_id_format(login->session.id, id);
    TRY(render_user(&login->user, &user));
    TRY(json_set_text(answer, "session", login->text));
    TRY(json_set_text(answer, "session_id", id));
    TRY(json_set_time(answer, "expires_at", login->session.expires_at));
    TRY(json_take(answer, "user", TAKE(user)));
    TRY(no_store(response));
    return reply_json(response, 200, answer);
}

static err_t log_in(struct api *api, const struct request *request, struct faults *faults, struct login *out)
{
    AUTO_VAL(login_body) body = {.document = NULL};
    TRY(login_body_read(request->body, &form_login, faults, &body));
    if ((body.totp == NULL) == (body.recovery_code == NULL)) {
        faults_add(faults, "", "give totp or recovery_code, one of the two");
    }
    TRY(faults_error(faults));
    const struct login_order order = {.tenant = bytes_str(body.tenant != NULL ? body.tenant : "default"),
                                      .name = login_text(body.name),
                                      .password = login_text(body.password),
                                      .totp = login_text(body.totp),
                                      .recovery_code = login_text(body.recovery_code),
                                      .address = request->address,
                                      .request_id = request->request_id};
    return login_open(api->options.fleet, &order, out);
}

static err_t post_login(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct login login = {.text = ""};
    TRY(request_check_login(request));
    err_t error = log_in(api, request, &faults, &login);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    error = reply_login(&login, response);
    bytes_wipe(login.text, sizeof login.text);
    return error;
}

static err_t post_logout(struct api *api, const struct request *request, struct response *response)
{
    const struct principal *p = request->principal;
    struct faults faults = {.count = 0};
    AUTO(json_t) *document = NULL;
    TRY(request_check_query(request, no_query));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, &faults, NULL));
    if (faults.count > 0) {
        return reply_faults(request, faults_error(&faults), &faults, response);
    }
    ENSURE(p->kind == PRINCIPAL_USER, ERR_WRONG_STATE,
           "only a session is logged out: a token is revoked at /api/v1/tokens/{id}/revoke");
    struct session_ending ending = {.kind = "logout", .tenant = p->tenant, .person = &p->user.person.id};
    memcpy(ending.id, p->user.session.id, sizeof ending.id);
    TRY(session_end(api->options.fleet, &p->actor, &ending));
    response->status = 204;
    return OK;
}

static err_t change_password(struct api *api, const struct request *request, struct faults *faults)
{
    AUTO_VAL(login_body) body = {.document = NULL};
    TRY(login_body_read(request->body, &form_password, faults, &body));
    TRY(faults_error(faults));
    ENSURE(request->principal->kind == PRINCIPAL_USER, ERR_WRONG_STATE, "only people have a password");
    const struct password_order order = {.caller = &request->principal->user,
                                         .old_password = login_text(body.old_password),
                                         .new_password = login_text(body.new_password),
                                         .totp = login_text(body.totp),
                                         .address = request->address,
                                         .request_id = request->request_id,
                                         .faults = faults};
    return login_change_password(api->options.fleet, &order);
}

static err_t post_password(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    TRY(request_check_login(request));
    err_t error = change_password(api, request, &faults);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    response->status = 204;
    return OK;
}

#define ROW(path_, access_, handler_)                                                                        \
    {                                                                                                        \
        .method = HTTP_POST, .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = (access_),         \
        .body_limit = BODY_LIMIT, .handler = (handler_)                                                      \
    }
const struct route login_routes[] = {
    ROW("/api/v1/invitations/accept", ACCESS_ANYONE, post_accept),
    ROW("/api/v1/invitations/confirm", ACCESS_ANYONE, post_confirm),
    ROW("/api/v1/login", ACCESS_ANYONE, post_login),
    ROW("/api/v1/logout", ACCESS_CALLER, post_logout),
    ROW("/api/v1/me/password", ACCESS_CALLER, post_password),
};
#undef ROW
