/* What the files of the OCSP responder share. */
#ifndef WHORL_FLEET_OCSP_INTERNAL_H
#define WHORL_FLEET_OCSP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "fleet/authority_set.h"
#include "fleet/internal.h"
#include "fleet/ocsp_cache.h"
#include "fleet/source_rates.h"

enum { OCSP_OWN = 32 };

/* What we answer for one authority. Made when it is first seen, and never taken away. */
struct ocsp_place {
    char id[AUTHORITY_ID_SIZE];
    enum authority_role role;
    struct ocsp_issuer issuer;
    struct ocsp_signer *signer; /* guarded by the mutex; NULL: none */
    bool is_told;               /* that it has no key: once is enough; guarded by `renewing` */
};

struct ocsp {
    struct ocsp_place *places[AUTHORITIES_MAX]; /* filled from the front; read without a lock */
    atomic_size_t count;
    struct ocsp_cache *cache;
    struct source_rates *rates;
    _Atomic int64_t failed_in;          /* the last minute in which an answer failed */
    pthread_mutex_t renewing;           /* held while signers are made */
    pthread_mutex_t mutex;              /* of what follows, and of the places' signers */
    uint8_t own[OCSP_OWN][SERIAL_SIZE]; /* the newest certificates of the installation itself */
    size_t own_count;                   /* ever */
};

/* --- fleet/ocsp_signers.c */
/** A reference to the signer of a place, made now when there is none or its time is not ours.
 *  @errors ERR_UNAVAILABLE the key is not here; as ocsp_refresh() @thread worker */
err_t ocsp_signer_take(struct fleet *fleet, size_t index, int64_t now_ms, struct ocsp_signer **out);

/* --- fleet/ocsp_status.c */
/** How the certificates of a request stand, all in one snapshot. @param[out] singles one for each
 *  @errors of the inventory @thread worker */
err_t ocsp_status_read(struct fleet *fleet, size_t index, const struct ocsp_request *request,
                       struct ocsp_single *singles);

#endif
