/* The module, the token and the login. One session stays open: in PKCS#11 a login is the application's, and
 * ends with its last session, so OpenSSL's own sessions find themselves logged in. */
#include "pki/pkcs11.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { SLOTS_MAX = 256 };

static const struct {
    CK_RV rv;
    err_code code;
    const char *text;
} WORDS[] = {
    {CKR_DEVICE_REMOVED, ERR_UNAVAILABLE, "the token was removed"},
    {CKR_TOKEN_NOT_PRESENT, ERR_UNAVAILABLE, "the token is not there"},
    {CKR_TOKEN_NOT_RECOGNIZED, ERR_UNAVAILABLE, "the token is not recognised"},
    {CKR_DEVICE_ERROR, ERR_UNAVAILABLE, "the token reports an error of its own"},
    {CKR_DEVICE_MEMORY, ERR_UNAVAILABLE, "the token is full"},
    {CKR_SESSION_HANDLE_INVALID, ERR_UNAVAILABLE, "the session is not known any more"},
    {CKR_SESSION_CLOSED, ERR_UNAVAILABLE, "the session was closed"},
    {CKR_SESSION_COUNT, ERR_UNAVAILABLE, "the token has no session left"},
    {CKR_USER_NOT_LOGGED_IN, ERR_UNAVAILABLE, "nobody is logged in"},
    {CKR_SLOT_ID_INVALID, ERR_UNAVAILABLE, "there is no such slot"},
    {CKR_PIN_INCORRECT, ERR_FORBIDDEN, "the PIN is wrong"},
    {CKR_PIN_INVALID, ERR_FORBIDDEN, "the PIN has characters that the token does not take"},
    {CKR_PIN_LEN_RANGE, ERR_FORBIDDEN, "the PIN is too short or too long"},
    {CKR_PIN_EXPIRED, ERR_FORBIDDEN, "the PIN has expired"},
    {CKR_PIN_LOCKED, ERR_FORBIDDEN, "the PIN is locked"},
    {CKR_USER_PIN_NOT_INITIALIZED, ERR_FORBIDDEN, "the token has no PIN yet"},
    {CKR_TOKEN_WRITE_PROTECTED, ERR_FORBIDDEN, "the token is write-protected"},
    {CKR_MECHANISM_INVALID, ERR_UNPROCESSABLE, "the token does not do this"},
    {CKR_CURVE_NOT_SUPPORTED, ERR_UNPROCESSABLE, "the token does not know the curve"},
    {CKR_HOST_MEMORY, ERR_NO_MEMORY, "no memory"},
};

err_t pkcs11_error(const char *file, int line, CK_RV rv, const char *what)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (WORDS[i].rv == rv) {
            return err_make(WORDS[i].code, file, line, "%s: %s", what, WORDS[i].text);
        }
    }
    return err_make(ERR_CRYPTO, file, line, "%s: the PKCS#11 module answers 0x%lx", what, rv);
}

/* --- module ------------------------------------------------------------------------------------------ */

static err_t load_module(struct pkcs11_token *token, const char *path)
{
    ENSURE(path[0] != '\0', ERR_UNPROCESSABLE, "no PKCS#11 module is named: set pkcs11_module");
    ENSURE(path[0] == '/', ERR_UNPROCESSABLE, "pkcs11_module: the path must begin with /");
    ENSURE(file_exists(path), ERR_UNPROCESSABLE, "there is no PKCS#11 module %.100s", path);
    token->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ENSURE(token->library != NULL, ERR_UNPROCESSABLE, "the PKCS#11 module cannot be loaded: %.120s",
           dlerror());
    CK_C_GetFunctionList list = NULL;
    void *symbol = dlsym(token->library, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof list); /* ISO C knows no cast from an object's pointer to a function's */
    ENSURE(list != NULL, ERR_UNPROCESSABLE, "%.100s is no PKCS#11 module: it has no C_GetFunctionList", path);
    CK_RV rv = list(&token->f);
    ENSURE(rv == CKR_OK && token->f != NULL, ERR_UNPROCESSABLE, "%.100s gives no list of functions (0x%lx)",
           path, rv);
    CK_C_INITIALIZE_ARGS threads = {.flags = CKF_OS_LOCKING_OK};
    rv = token->f->C_Initialize(&threads);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        return ERR_PKCS11(rv, "the PKCS#11 module does not start");
    }
    token->is_initialised = rv == CKR_OK;
    return OK;
}

/* --- token ------------------------------------------------------------------------------------------- */

/* Texts of PKCS#11 are padded with blanks. */
static void unpad(const void *padded, size_t size, char *out)
{
    const char *text = padded;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\0')) {
        size--;
    }
    memcpy(out, text, size);
    out[size] = '\0';
}

static err_t read_facts(const struct pkcs11_token *token, CK_SLOT_ID slot, struct pkcs11_facts *out,
                        CK_FLAGS *flags)
{
    CK_TOKEN_INFO info = {0};
    CK_RV rv = token->f->C_GetTokenInfo(slot, &info);
    if (rv != CKR_OK) {
        return ERR_PKCS11(rv, "looking at a token failed");
    }
    unpad(info.label, sizeof info.label, out->label);
    unpad(info.manufacturerID, sizeof info.manufacturerID, out->manufacturer);
    unpad(info.model, sizeof info.model, out->model);
    unpad(info.serialNumber, sizeof info.serialNumber, out->serial);
    out->is_pin_low = (info.flags & CKF_USER_PIN_COUNT_LOW) != 0;
    out->is_pin_final = (info.flags & CKF_USER_PIN_FINAL_TRY) != 0;
    out->is_pin_locked = (info.flags & CKF_USER_PIN_LOCKED) != 0;
    *flags = info.flags;
    return OK;
}

err_t pkcs11_token_facts(const struct pkcs11_token *token, struct pkcs11_facts *out)
{
    CK_FLAGS flags = 0;
    return read_facts(token, token->slot, out, &flags);
}

static err_t find_by_label(struct pkcs11_token *token, const CK_SLOT_ID *slots, size_t count,
                           const char *label)
{
    AUTO_VAL(buf) seen = {0};
    int found = 0;
    for (size_t i = 0; i < count; i++) {
        struct pkcs11_facts facts;
        CK_FLAGS flags = 0;
        err_t error = read_facts(token, slots[i], &facts, &flags);
        if (error.code != ERR_OK || (flags & CKF_TOKEN_INITIALIZED) == 0) {
            continue; /* another one's trouble */
        }
        TRY(buf_printf(&seen, "%s\"%s\"", seen.n > 0 ? ", " : "", facts.label));
        if (strcmp(facts.label, label) == 0) {
            token->slot = slots[i];
            found++;
        }
    }
    ENSURE(found < 2, ERR_UNPROCESSABLE, "several tokens are labelled \"%.40s\": set pkcs11_slot", label);
    ENSURE(found == 1, ERR_UNAVAILABLE, "no token is labelled \"%.40s\"; there: %.80s", label,
           seen.n > 0 ? buf_str(&seen) : "none");
    return OK;
}

static bool is_listed(const CK_SLOT_ID *slots, size_t count, CK_SLOT_ID slot)
{
    size_t i = 0;
    while (i < count && slots[i] != slot) {
        i++;
    }
    return i < count;
}

static err_t find_slot(struct pkcs11_token *token, const struct pkcs11_place *place)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    ENSURE(place->slot >= 0 || place->token[0] != '\0', ERR_UNPROCESSABLE,
           "no token is named: set pkcs11_token or pkcs11_slot");
    CK_RV rv = token->f->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK || count > SLOTS_MAX) {
        return ERR_PKCS11(rv, "listing the slots failed");
    }
    if (place->slot < 0) {
        return find_by_label(token, slots, count, place->token);
    }
    token->slot = (CK_SLOT_ID)place->slot;
    ENSURE(is_listed(slots, count, token->slot), ERR_UNAVAILABLE, "no token is in slot %lu", token->slot);
    return OK;
}

/* --- login ------------------------------------------------------------------------------------------- */

static enum pin_outcome outcome_of(CK_RV rv)
{
    if (rv == CKR_OK) {
        return PIN_RIGHT;
    }
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE ? PIN_WRONG
                                                                                       : PIN_NOT_JUDGED;
}

static err_t try_pin(const struct pkcs11_token *token, struct bytes pin, const struct pin_attempts *attempts)
{
    struct pin_try tried;
    AUTO_VAL(secret) copy = {0}; /* the module's signature has no const */
    TRY(buf_append_bytes(&copy.bytes, pin));
    TRY(pin_try_begin(attempts, pin, &tried));
    CK_RV rv = token->f->C_Login(token->session, CKU_USER, copy.bytes.p, pin.n);
    enum pin_outcome outcome = outcome_of(rv);
    TRY(pin_try_end(attempts, &tried, outcome));
    if (outcome == PIN_WRONG) {
        err_t wrong = ERR_PKCS11(rv, "logging in to the token failed");
        int left = PIN_ATTEMPTS_MAX - tried.now.tries;
        return ERR(ERR_FORBIDDEN, "%s; %d more can be tried, this one is not", wrong.detail, left);
    }
    bool is_in = outcome == PIN_RIGHT || rv == CKR_USER_ALREADY_LOGGED_IN;
    return is_in ? OK : ERR_PKCS11(rv, "logging in to the token failed");
}

static err_t log_in(struct pkcs11_token *token, struct bytes pin, const struct pin_attempts *attempts)
{
    struct pkcs11_facts facts;
    CK_FLAGS flags = 0;
    TRY(read_facts(token, token->slot, &facts, &flags));
    memcpy(token->label.label, facts.label, sizeof facts.label);
    CK_RV rv = token->f->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                       &token->session);
    if (rv != CKR_OK) {
        return ERR_PKCS11(rv, "opening a session with the token failed");
    }
    token->has_session = true;
    if ((flags & CKF_LOGIN_REQUIRED) == 0) {
        return OK;
    }
    ENSURE(!facts.is_pin_locked, ERR_FORBIDDEN,
           "the token's PIN is locked; who administers the token can set a new one");
    ENSURE(!facts.is_pin_final, ERR_FORBIDDEN,
           "one more wrong PIN locks the token, so none is tried: log in to it by hand once");
    ENSURE(pin.n > 0, ERR_FORBIDDEN,
           "no PIN: set pkcs11_pin_file, the credential pkcs11_pin, or WHORL_PKCS11_PIN");
    return try_pin(token, pin, attempts);
}

/* --- whole ------------------------------------------------------------------------------------------- */

void pkcs11_token_close(struct pkcs11_token *token)
{
    if (token == NULL) {
        return;
    }
    if (token->has_session) {
        (void)token->f->C_CloseSession(token->session);
    }
    if (token->is_initialised && !token->is_bridged) {
        (void)token->f->C_Finalize(NULL);
    }
    /* the library stays: modules leave threads and exit handlers behind that must find their code */
    (void)pthread_mutex_destroy(&token->mutex);
    free(token);
}

static err_t open_whole(const struct pkcs11_place *place, struct bytes pin,
                        const struct pin_attempts *attempts, struct pkcs11_token *token)
{
    TRY(load_module(token, place->module));
    TRY(find_slot(token, place));
    if (attempts == NULL) {
        return OK;
    }
    TRY(log_in(token, pin, attempts));
    token->is_bridged = true;
    return pkcs11_bridge_open(place->module);
}

err_t pkcs11_token_open(const struct pkcs11_place *place, struct bytes pin,
                        const struct pin_attempts *attempts, struct pkcs11_token **out)
{
    *out = NULL;
    struct pkcs11_token *token = calloc(1, sizeof *token);
    if (token == NULL || pthread_mutex_init(&token->mutex, NULL) != 0) {
        free(token);
        return ERR(ERR_NO_MEMORY, "no memory for a token");
    }
    err_t error = open_whole(place, pin, attempts, token);
    if (error.code != ERR_OK) {
        pkcs11_token_close(token);
        return error;
    }
    *out = token;
    return OK;
}
