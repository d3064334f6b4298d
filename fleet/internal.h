/* What the files of fleet/ share and nobody outside sees: the inside of struct fleet and the parts that own
 * memory in it. Each pointer belongs to the one file named beside it, which alone knows its type.
 * Tests of this layer include it too. */
#ifndef WHORL_FLEET_INTERNAL_H
#define WHORL_FLEET_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "fleet/fleet.h"
enum { SALT_SECRET_SIZE = 32, OWNER_SALT_SIZE = 32 };
/* Figures of /metrics: counters only rise; labels are a fixed list, never a device. */
struct fleet_counters {
    atomic_llong enrolled;        /* first certificates */
    atomic_llong renewed;         /* next certificates, rekeys included */
    atomic_llong recovered;       /* under the identity key though an operational certificate existed */
    atomic_llong repeated;        /* the same unconfirmed certificate again */
    atomic_llong confirmed;       /* first uses of a new certificate */
    atomic_llong refused;         /* known devices that were turned away */
    atomic_llong refused_unknown; /* keys that no tenant registered */
    atomic_llong pop_failed;      /* challenge proofs and MACs that did not hold */
    atomic_llong revoked;         /* certificates */
    atomic_llong registered;      /* devices */
    atomic_llong jobs_failed;     /* runs of background jobs that ended in an error */
    /* calls of webhooks that were answered 2xx, otherwise, and by nobody */
    atomic_llong webhook_delivered, webhook_turned_down, webhook_unreached;
    atomic_llong ocsp_good; /* OCSP answers, by the status of the (first) certificate */
    atomic_llong ocsp_revoked;
    atomic_llong ocsp_unknown;   /* … never issued, or not known here */
    atomic_llong ocsp_malformed; /* … and by the error that they tell */
    atomic_llong ocsp_unauthorized;
    atomic_llong ocsp_try_later;
    atomic_llong ocsp_internal;
    atomic_llong ocsp_recalled, ocsp_signed; /* of those: from memory, and signed */
};

struct fleet {
    struct fleet_options options; /* borrowed; public_url and salt_secret point to the copies below */
    char *public_url;             /* without a trailing slash */
    uint8_t salt_secret[SALT_SECRET_SIZE];
    struct db *db; /* = options.db, for short lines */
    const struct clock *clock;
    const struct random *random;
    struct log *log;
    struct fleet_counters counters;
    struct token_uses *token_uses;           /* token_uses.c */
    struct cmp_code_tries *cmp_code_tries;   /* cmp_code_tries.h */
    struct device_contacts *device_contacts; /* device_contacts.c */
    struct refusals *refusals;               /* refusals.c */
    struct password_gate *password_gate;     /* passwords.c */
    struct source_limits *source_limits;     /* source_limits.c */
    struct rates *rates;                     /* rates.c */
    struct yields *yields;                   /* yield.c */
    struct profile_cache *profile_cache;     /* profile_cache.c */
    struct challenge_keys *challenge_keys;   /* challenge_keys.c */
    struct audit_signing *audit_signing;     /* audit_signer.c */
    struct oidc *oidc;                       /* oidc.c; NULL: no issuer */
    struct clock_guard *clock_guard;         /* clock_guard.c */
    struct authority_sets *authority_sets;   /* authority_set.c */
    struct publications *publications;       /* publication.c (struct publication is pki's) */
    struct event_hub *event_hub;             /* event_hub.c */
    struct ocsp *ocsp;                       /* ocsp.c */
    struct cmp_state *cmp;                   /* cmp_ground.c */
    atomic_llong server_certificate_from, server_certificate_to;       /* expiries.c; 0: not told */
    atomic_llong signer_told, signer_refusals_told, signer_refused_at; /* signer_watch.c */
    struct authority_works *authority_works;                           /* authority_work.c */
    struct authority_remains *authority_remains;                       /* authority_remains.c */
    struct firmware_urls *firmware_urls;                               /* firmware_url_budgets.c */
    struct blob_shelf *blob_shelf;                                     /* blobs.c, uploads.c */
    struct rekey_lives *rekey_lives;                                   /* rekey_live.c */
    struct rollout_lives *rollout_lives;                               /* rollout_live.c */
    struct firmware_notes *firmware_notes;                             /* firmware_notes.c */
    struct firmware_key_handles *firmware_key_handles;                 /* firmware_key_handles.c */
};
/* --- parts with memory of their own: made by fleet_new, freed by fleet_free; free(NULL) is legal ------- */

err_t token_uses_new(struct token_uses **out);
void token_uses_free(struct token_uses *uses);
/** Keeps the newest use of each token in memory; when the table is full, a use is dropped. @thread any */
void token_uses_note(struct token_uses *uses, const uint8_t id[TOKEN_ID_SIZE], int64_t at_ms);

err_t refusals_new(struct refusals **out);
void refusals_free(struct refusals *refusals);
err_t password_gate_new(struct password_gate **out);
void password_gate_free(struct password_gate *gate);

/** @param[out] out NULL when no issuer is configured @errors ERR_UNPROCESSABLE settings */
err_t oidc_new(const struct fleet_options *options, struct oidc **out);
void oidc_free(struct oidc *oidc);
DEFINE_AUTO_PTR(oidc, oidc_free);

err_t audit_signing_new(struct audit_signing **out);
void audit_signing_free(struct audit_signing *signing);

/** Reads the authorities; sets fleet->authority_sets. @thread init */
err_t authority_sets_new(struct fleet *fleet);
void authority_sets_free(struct authority_sets *sets);

err_t publications_new(struct publications **out);
void publications_free(struct publications *publications);
DEFINE_AUTO_PTR(publications, publications_free);

/** Makes no signer yet (fleet/ocsp.h does). */
err_t ocsp_new(const struct random *random, struct ocsp **out);
void ocsp_free(struct ocsp *ocsp);
DEFINE_AUTO_PTR(ocsp, ocsp_free);
/** For db_listen: drops the kept answers about a certificate that was revoked. @param context struct ocsp */
void ocsp_forget(void *context, struct bytes what);

/** Starts no thread. */
err_t event_hub_new(const struct fleet_options *options, struct event_hub **out);
/** Nobody follows any more, and the thread has ended. */
void event_hub_free(struct event_hub *hub);

/* --- the steps behind the job table (fleet/jobs.c); publication_refresh is in publication.h ------------- */

/** Writes the last uses of tokens that memory holds, in one transaction. */
err_t token_uses_flush(struct fleet *fleet, int64_t now_ms);
/** Deletes used nonces that have expired. */
err_t challenge_sweep(struct fleet *fleet, int64_t now_ms);
/** Signs and keeps the ends of the audit chains when there is something new. */
err_t audit_anchor(struct fleet *fleet, int64_t now_ms);
/** Moves the devices whose certificate has become due or has expired meanwhile, in bounded steps. */
err_t device_terms_pass(struct fleet *fleet, int64_t now_ms);
/** Goes on through the devices of products whose renewal changed, in bounded steps. */
err_t device_terms_walk(struct fleet *fleet, int64_t now_ms);
/** Puts superseded certificates whose overlap has passed on the CRL (reason superseded), in bounded steps. */
err_t revocation_list_superseded(struct fleet *fleet, int64_t now_ms);
/** Deletes deliveries of webhooks that ended a week ago. */
err_t webhook_sweep(struct fleet *fleet, int64_t now_ms);
/** Ends what waited too long for a second person. */
err_t approvals_expire(struct fleet *fleet, int64_t now_ms);
/** Ends offers of devices that nobody accepted in time. */
err_t transfers_expire(struct fleet *fleet, int64_t now_ms);
/** Fails those who were told too long ago, opens waves, stops and finishes campaigns; in bounded steps. */
err_t rekey_plans_run(struct fleet *fleet, int64_t now_ms);
/** Fails those that are silent for too long, opens waves, stops and finishes rollouts, cancels the open
 * actions of those that were taken back; in bounded steps. */
err_t rollouts_run(struct fleet *fleet, int64_t now_ms);
/** Carries work on many devices on, some steps of each run. */
err_t operations_run(struct fleet *fleet, int64_t now_ms);

/* --- small helpers of several services ------------------------------------------------------------------ */

/** The 32 bytes that the present owner gives a device for its key derivation (docs/device-protocol.md): the
 * same for the same tenant and device as long as the keystore's salt secret lives. @thread any */
err_t fleet_owner_salt(const struct fleet *fleet, struct uuid tenant, const struct device_id *id,
                       uint8_t out[OWNER_SALT_SIZE]);

#endif
