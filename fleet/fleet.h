/* The life of devices: one value that holds what every service of this folder needs. Knows no HTTP. */
#ifndef WHORL_FLEET_FLEET_H
#define WHORL_FLEET_FLEET_H

#include "base/log.h"
#include "base/ports.h"
#include "db/db.h"
#include "db/rows.h"
#include "outbound/http.h"
#include "pki/authority.h"

struct fleet;
struct blob_store; /* firmware_store/store.h */

/* Whose tokens are taken as people's (fleet/oidc.h). Copied. */
struct oidc_settings {
    const char *issuer; /* its URL; NULL or "": no tokens of others are taken, and the rest does not count */
    const char *audience;
    const char *tenant_claim, *roles_claim, *default_tenant;
    /* Another way to fetch than outbound, for tests; NULL: outbound. @thread worker, background */
    err_t (*fetch)(void *context, const char *url, size_t limit, struct outbound_answer *answer);
    void *fetch_context;
};

struct fleet_options {
    struct db *db; /* all borrowed for the life of the fleet */
    const struct authority *root, *device, *infrastructure;
    const struct clock *clock;
    const struct random *random;
    struct log *log;
    struct keystore *keystore; /* of keys that sign firmware; NULL: none are made or used here */
    struct outbound *outbound; /* calls to others; NULL: none are made */
    const char *public_url;
    const char *hosts; /* of the server's own certificate, with commas; NULL: not known (fleet/own_names.h) */
    const char
        *folder; /* for imports: pinned signers of manifests, temporary files; NULL: built-in ones, /tmp */
    struct bytes
        salt_secret; /* 32 bytes of the keystore: owner salts are derived from it; copied, wiped on free */
    struct oidc_settings oidc;
    int64_t challenge_ttl_ms; /* 30 … 600 s */
    int64_t crl_lifetime_ms;  /* nextUpdate − thisUpdate */
    int crl_shards;           /* of the device authority (fleet/crl_shards.h); 0: one complete CRL */
    const char *crl_base; /* what the addresses of shards begin with, without a trailing slash; borrowed */
    int64_t supersede_overlap_ms;                /* until a superseded certificate shows in the CRL */
    int64_t clock_step_limit_ms;                 /* fleet/clock_guard.h; 0: the clock is trusted */
    struct blob_store *blobs;                    /* where the bytes of images are; NULL: there are none */
    int event_streams, event_streams_per_tenant; /* open at once; 0: as in event_hub.h */
    int64_t image_max, disk_reserve;             /* bytes: of one image, and those that uploads leave free */
    int64_t scrub_days;                          /* until stored bytes are checked again; 0: never */
    int64_t session_ms;                          /* life of a person's session; 0: 12 hours */
    int64_t session_idle_ms;                     /* without a request; 0: an hour */
};

/** @errors ERR_UNPROCESSABLE options out of range, ERR_NO_MEMORY @thread init */
err_t fleet_new(const struct fleet_options *options, struct fleet **out);
/** Writes what only memory holds (last uses of tokens) and signs the end of the audit log, at the end of
 * serving. @thread init */
err_t fleet_settle(struct fleet *fleet);
void fleet_free(struct fleet *fleet);
DEFINE_AUTO_PTR(fleet, fleet_free);
/** How often this process has written: what was read before it changed may be otherwise since. @thread any */
int64_t fleet_changes(const struct fleet *fleet);
/** Borrowed from the options; NULL: there is none. @thread any */
struct blob_store *fleet_blobs(const struct fleet *fleet);
/** The clock that was passed in. @thread any */
const struct clock *fleet_clock(const struct fleet *fleet);

/* Who asks for a change, for the audit record. */
struct actor {
    char name[ACTOR_SIZE]; /* "token:<id>", "user:<id>", "device:<id>", "whorld" */
    /* who answers for it: the person, or the first credential, behind `name`. Two credentials of one owner
       are one where two people are asked for. "": the same as name */
    char owner[ACTOR_SIZE];
    const char *request_id; /* "" when there is none */
};
/** The owner, or the name where none is set. */
static inline const char *actor_owner(const struct actor *actor)
{
    return actor->owner[0] != '\0' ? actor->owner : actor->name;
}

struct first_token {
    char text[128]; /* shown once; wipe after use */
};
/** Makes the first rows of an inventory in one transaction: authorities, tenant and product "default", admin
 * token.
 *  @param given the text of that token, made before (`whorld token make`); NULL: one is made here
 *  @errors ERR_CONFLICT when they are there, ERR_UNPROCESSABLE `given` is no token @thread init */
err_t fleet_found(struct fleet *fleet, const char *given, struct first_token *out);

#endif
