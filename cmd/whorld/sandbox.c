/* The order of it: rights first, then the process that may still start others, then files, then calls. All of
 * it while there is one thread, so that every later one inherits it. */
#include "cmd/whorld/sandbox.h"

#include <string.h>

#include "base/file.h"
#include "cmd/whorld/sandbox_internal.h"
#include "cmd/whorld/signer.h"

/* Sanitizers map, trace and start what a server never does. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

static bool is_required(const struct config *config)
{
    return strcmp(config->sandbox, "required") == 0;
}

/* What cannot be had is told, and left out if the settings allow. */
static err_t part(const struct house *house, const char *what, err_t error, bool *is_there)
{
    *is_there = error.code == ERR_OK;
    if (error.code == ERR_OK) {
        return OK;
    }
    ENSURE(error.code == ERR_UNAVAILABLE, error.code, "%s", error.detail);
    ENSURE(!is_required(&house->config), ERR_FORBIDDEN, "sandbox = required: %.120s", error.detail);
    LOG(house->log, LOG_WARN, "sandbox.without", LOG_STR("part", what), LOG_STR("reason", error.detail));
    return OK;
}

/* The folder of the journal is made here, if need be: it can be opened only where it is named now. */
static err_t close_files(const struct house *house)
{
    AUTO(char) *journal = NULL;
    TRY(house_journal_folder(house, &journal));
    err_t made = folder_make(journal, 0700);
    ENSURE(made.code == ERR_OK || made.code == ERR_CONFLICT, made.code, "%s", made.detail);
    return sandbox_files_close(house->folder, journal, &house->config);
}

/* Somebody else's library in this process needs what it needs: files, programs, devices. */
static bool has_module(const struct config *config)
{
    return !signer_is_wanted(config) && strcmp(config->keystore, "pkcs11") == 0;
}

static err_t close_parts(struct house *house, struct sandbox *out)
{
    const err_t module = ERR(ERR_UNAVAILABLE, "signer = inside: a PKCS#11 module in this process");
    const err_t sanitized = ERR(ERR_UNAVAILABLE, "a program with sanitizers");
    if (has_module(&house->config) || IS_SANITIZED) {
        const err_t why = IS_SANITIZED ? sanitized : module;
        TRY(part(house, "files", why, &out->has_files_closed));
        return part(house, "calls", why, &out->has_calls_closed);
    }
    TRY(part(house, "files", close_files(house), &out->has_files_closed));
    return part(house, "calls", sandbox_calls_close(), &out->has_calls_closed);
}

err_t sandbox_enter(struct house *house, struct sockets *sockets, struct sandbox *out)
{
    memset(out, 0, sizeof *out);
    if (strcmp(house->config.sandbox, "off") == 0) {
        ENSURE(house->config.user[0] == '\0', ERR_UNPROCESSABLE, "user needs the sandbox: sandbox = on");
        return OK;
    }
    err_t dropped = sandbox_rights_drop(house->folder, &house->config, sockets, &out->is_root);
    TRY(part(house, "rights", dropped, &out->has_rights_dropped));
    if (signer_is_wanted(&house->config)) {
        TRY(signer_nursery_make(house->folder, &house->config, &out->nursery));
        house->nursery = out->nursery.fd;
    }
    return close_parts(house, out);
}

err_t sandbox_settle(const struct house *house, struct sandbox *sandbox)
{
    if (sandbox->has_calls_closed) {
        TRY(part(house, "calls", sandbox_calls_settle(), &sandbox->has_calls_closed));
    }
    LOG(house->log, LOG_INFO, "sandbox", LOG_FLAG("rights", sandbox->has_rights_dropped),
        LOG_FLAG("files", sandbox->has_files_closed), LOG_FLAG("calls", sandbox->has_calls_closed),
        LOG_FLAG("root", sandbox->is_root));
    return OK;
}

err_t sandbox_write_metrics(const struct sandbox *sandbox, struct buf *out)
{
    return buf_printf(out,
                      "# TYPE whorl_sandbox gauge\nwhorl_sandbox{part=\"rights\"} %d\n"
                      "whorl_sandbox{part=\"files\"} %d\nwhorl_sandbox{part=\"calls\"} %d\n",
                      sandbox->has_rights_dropped, sandbox->has_files_closed, sandbox->has_calls_closed);
}

void sandbox_leave(struct sandbox *sandbox)
{
    signer_nursery_end(&sandbox->nursery);
}
