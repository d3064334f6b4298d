/* A PKCS#11 module that hands every call on to SoftHSM, unless a file tells it to misbehave. Everything lies
 * in its own folder, so nothing comes by the environment: `softhsm2.conf` and `tokens/` are SoftHSM's,
 * `control` holds the words below, `logins` grows by one byte a C_Login.
 *
 *   gone           the token is pulled: until the process ends, every call fails, also when the word is gone
 *                  (handles stay dead, as they do with real ones)
 *   away           C_Initialize fails, as long as the word is there
 *   hang           C_Sign never answers
 *   wrong-bytes    C_Sign answers another signature of the right length
 *   wrong-length   … a shorter one
 *   huge-length    … and says that it is a gibibyte
 *   random-code    C_Sign answers a code that nobody knows
 *   crash-start    C_Initialize ends the process
 *   crash-login    C_Login does
 *   login-broken   C_Login answers CKR_DEVICE_ERROR
 *   final-try, locked    flags of the user's PIN */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static struct {
    CK_FUNCTION_LIST list;
    CK_FUNCTION_LIST *real;
    char folder[512];
    bool was_gone;
} shim;

static void path_in_folder(const char *name, char out[600])
{
    (void)snprintf(out, 600, "%s/%s", shim.folder, name);
}

static bool is_told(const char *word)
{
    char path[600], text[256];
    path_in_folder("control", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, word) != NULL;
}

static bool is_gone(void)
{
    shim.was_gone = shim.was_gone || is_told("gone");
    return shim.was_gone;
}

#define UNLESS_GONE                                                                                          \
    if (is_gone()) {                                                                                         \
        return CKR_DEVICE_REMOVED;                                                                           \
    }

static CK_RV shim_initialize(void *arguments)
{
    if (is_told("crash-start")) {
        abort();
    }
    return is_told("away") || is_gone() ? CKR_DEVICE_ERROR : shim.real->C_Initialize(arguments);
}

static CK_RV shim_get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    if (is_gone()) {
        *count = 0;
        return CKR_OK;
    }
    return shim.real->C_GetSlotList(present, slots, count);
}

static CK_RV shim_get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    UNLESS_GONE
    return shim.real->C_GetSlotInfo(slot, info);
}

static CK_RV shim_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    UNLESS_GONE
    CK_RV rv = shim.real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK) {
        info->flags |= (is_told("final-try") ? CKF_USER_PIN_FINAL_TRY : 0) |
                       (is_told("locked") ? CKF_USER_PIN_LOCKED : 0);
    }
    return rv;
}

static CK_RV shim_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                               CK_SESSION_HANDLE *session)
{
    UNLESS_GONE
    return shim.real->C_OpenSession(slot, flags, application, notify, session);
}

static CK_RV shim_get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    UNLESS_GONE
    return shim.real->C_GetSessionInfo(session, info);
}

static CK_RV shim_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG size)
{
    char path[600];
    path_in_folder("logins", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1) {
        abort();
    }
    (void)close(fd);
    UNLESS_GONE
    if (is_told("crash-login")) {
        abort();
    }
    return is_told("login-broken") ? CKR_DEVICE_ERROR : shim.real->C_Login(session, user, pin, size);
}

static CK_RV shim_find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *rows, CK_ULONG count)
{
    UNLESS_GONE
    return shim.real->C_FindObjectsInit(session, rows, count);
}

static CK_RV shim_get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *rows,
                                      CK_ULONG count)
{
    UNLESS_GONE
    return shim.real->C_GetAttributeValue(session, object, rows, count);
}

static CK_RV shim_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    UNLESS_GONE
    return shim.real->C_SignInit(session, mechanism, key);
}

static CK_RV shim_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_size, CK_BYTE *signature,
                       CK_ULONG *size)
{
    UNLESS_GONE
    while (is_told("hang")) {
        (void)sleep(1);
    }
    CK_RV rv = shim.real->C_Sign(session, data, data_size, signature, size);
    if (rv != CKR_OK || signature == NULL) {
        return rv;
    }
    if (is_told("wrong-bytes")) {
        signature[*size / 2] ^= 0x55;
    }
    if (is_told("wrong-length")) {
        *size -= 2;
    }
    if (is_told("huge-length")) {
        *size = 1UL << 30;
    }
    return is_told("random-code") ? 0x8badf00dUL : rv;
}

static bool start(void)
{
    static const char *const modules[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                          "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"};
    Dl_info own;
    char path[600];
    void *library = NULL;
    CK_C_GetFunctionList list = NULL;
    if (dladdr(&shim, &own) == 0 || strlen(own.dli_fname) >= sizeof shim.folder) {
        return false;
    }
    (void)snprintf(shim.folder, sizeof shim.folder, "%s", own.dli_fname);
    *strrchr(shim.folder, '/') = '\0';
    path_in_folder("softhsm2.conf", path);
    (void)setenv("SOFTHSM2_CONF", path, 1);
    for (size_t i = 0; library == NULL && i < sizeof modules / sizeof modules[0]; i++) {
        library = dlopen(modules[i], RTLD_NOW | RTLD_LOCAL);
    }
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof list);
    return list != NULL && list(&shim.real) == CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    if (shim.real == NULL && !start()) {
        return CKR_GENERAL_ERROR;
    }
    shim.list = *shim.real;
    shim.list.C_GetFunctionList = C_GetFunctionList;
    shim.list.C_Initialize = shim_initialize;
    shim.list.C_GetSlotList = shim_get_slot_list;
    shim.list.C_GetSlotInfo = shim_get_slot_info;
    shim.list.C_GetTokenInfo = shim_get_token_info;
    shim.list.C_OpenSession = shim_open_session;
    shim.list.C_GetSessionInfo = shim_get_session_info;
    shim.list.C_Login = shim_login;
    shim.list.C_FindObjectsInit = shim_find_objects_init;
    shim.list.C_GetAttributeValue = shim_get_attribute_value;
    shim.list.C_SignInit = shim_sign_init;
    shim.list.C_Sign = shim_sign;
    *out = &shim.list;
    return CKR_OK;
}
