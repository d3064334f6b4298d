/* Makes the signer of checkpoints when it is first asked for, and keeps it. */
#include "fleet/audit_signer.h"

#include <pthread.h>
#include <stdlib.h>

#include "fleet/authority_set.h"
#include "fleet/clock_guard.h"
#include "fleet/internal.h"
#include "fleet/ocsp.h"

struct audit_signing {
    pthread_mutex_t mutex;
    struct signer *signer; /* NULL: not asked for yet */
};

err_t audit_signing_new(struct audit_signing **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the signer of the audit log");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void audit_signing_free(struct audit_signing *signing)
{
    if (signing != NULL) {
        signer_free(signing->signer);
        (void)pthread_mutex_destroy(&signing->mutex);
        free(signing);
    }
}

/* Of an installation whose infrastructure authority is elsewhere nothing is signed. */
static err_t make(struct fleet *fleet, struct signer **out)
{
    const struct signer_spec spec = {.random = fleet->random,
                                     .now_ms = clock_now_ms(fleet->clock),
                                     .publication = {.public_url = fleet->public_url}};
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *issuer = NULL;
    TRY(authority_set_issuer(set, AUTHORITY_INFRASTRUCTURE, NULL, "", &issuer));
    AUTO_PTR(signer) *made = NULL;
    AUTO_VAL(buf) certificate = {0};
    TRY(signer_new(issuer->authority, &spec, &made));
    TRY(signer_certificate(made, &certificate));
    TRY(ocsp_know(fleet, buf_view(&certificate)));
    *out = TAKE(made);
    return OK;
}

err_t audit_signer_get(struct fleet *fleet, const struct signer **out)
{
    struct audit_signing *signing = fleet->audit_signing;
    *out = NULL;
    TRY(clock_guard_check(fleet));
    (void)pthread_mutex_lock(&signing->mutex);
    err_t result = signing->signer == NULL ? make(fleet, &signing->signer) : OK;
    *out = signing->signer;
    (void)pthread_mutex_unlock(&signing->mutex);
    return result;
}
