/* Shared by fleet/oidc*.c: the settings and the keys at hand. */
#ifndef WHORL_FLEET_OIDC_INTERNAL_H
#define WHORL_FLEET_OIDC_INTERNAL_H

#include <pthread.h>

#include "fleet/internal.h"
#include "fleet/oidc.h"

enum { OIDC_SEEN_MAX = 64 };

struct oidc_seen {
    uint8_t caller[16];
    int64_t at_ms; /* 0: free */
};

/* The last time that keys were asked for. */
struct oidc_try {
    bool is_set;
    int64_t at_ms;
};

struct oidc {
    char issuer[OIDC_URL_SIZE], audience[OIDC_URL_SIZE];
    char tenant_claim[OIDC_CLAIM_SIZE], roles_claim[OIDC_CLAIM_SIZE];
    char default_tenant[NAME_SIZE]; /* "": the token must name one */
    err_t (*fetch)(void *context, const char *url, size_t limit, struct outbound_answer *answer);
    void *fetch_context;
    pthread_mutex_t mutex; /* over all that follows; never held while fetching */
    pthread_cond_t fetched;
    struct jwk_set *keys; /* or NULL */
    int64_t fresh_until_ms;
    struct oidc_try due, unknown; /* of keys that are due, of a key that is not known */
    bool is_fetching, is_failing;
    int waiting;
    struct oidc_seen seen[OIDC_SEEN_MAX];
};

/** A reference to the keys at hand. @errors ERR_UNAVAILABLE none, or they are too old */
err_t oidc_keys_at_hand(struct oidc *oidc, int64_t now_ms, struct jwk_set **out);
/** Fetches when that is allowed now; when somebody else is at it already, waits for them.
 *  @param is_unknown_key the keys at hand are in time but lack one */
void oidc_keys_update(struct fleet *fleet, bool is_unknown_key);

#endif
