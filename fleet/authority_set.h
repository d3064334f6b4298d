/* The authorities of an installation as they stand: one immutable, counted snapshot, replaced as a whole when
 * a row changes, so that whoever issues, verifies or publishes never sees half a change. Who changes rows
 * calls authority_set_reload() after the commit; what another process changed is seen by a job within a
 * second.
 *
 * What an authority does by its state:
 *   pending      waits for its certificate; is in no snapshot
 *   standby      has its certificate and is in cacerts; issues nothing yet; its CRL (empty) and OCSP signer
 * are there active       issues, where it is chosen (authority_set_issuer) retiring     issues nothing new;
 * what it issued stays good; signs its CRL and its OCSP signer until the last of that ends retired ended:
 * neither shown in cacerts nor asked for anything; its last CRL and its certificate stay published
 *   compromised  its key is somebody else's too: its certificate is revoked, and what it issued is good for
 * `status` and rekey only, and only where the inventory knows serial and key; not in cacerts; its CRL is
 * published as long as certificates under it live, for what it is worth */
#ifndef WHORL_FLEET_AUTHORITY_SET_H
#define WHORL_FLEET_AUTHORITY_SET_H

#include "db/authority_rows.h"
#include "fleet/fleet.h"

struct authority_set;

enum { AUTHORITIES_MAX = 1024 /* ever, in one installation */ };

struct authority_member {
    const struct authority *authority; /* of the set; its key is NULL where it is elsewhere */
    char id[AUTHORITY_ID_SIZE];
    enum authority_role role;
    enum authority_state state;
    bool has_key;                        /* it can sign here */
    bool is_external;                    /* its key was never here */
    bool is_default;                     /* for its role and tenant */
    bool has_tenant;                     /* else it is the installation's */
    struct uuid tenant;                  /* zeros without one */
    char issuer[AUTHORITY_ID_SIZE];      /* "" for a root, and where that is nobody here */
    char predecessor[AUTHORITY_ID_SIZE]; /* "" for none */
    int crl_shards;                      /* 0: one complete CRL */
    const char *crl_base;                /* what the addresses of shards begin with; of the set */
    int64_t ver;
};

/** The present snapshot, counted. Never NULL. @thread any, on the loop too */
struct authority_set *authority_set_take(const struct fleet *fleet);
void authority_set_unref(struct authority_set *set);
DEFINE_AUTO_PTR(authority_set, authority_set_unref);
/** Rises with every snapshot: who keeps something by member compares it. @thread any, like all that follow */
int64_t authority_set_version(const struct authority_set *set);
/** The inventory's number of changes that it was read at (authority_rows_read_change()): a transaction that
 * stores what was signed before it compares. */
int64_t authority_set_change(const struct authority_set *set);
/** Roles by the words of rows. @errors ERR_DB */
err_t authority_role_parse(const char *word, enum authority_role *out);

/** In order of id; NULL behind the last. Lent as long as the set is held. */
const struct authority_member *authority_set_at(const struct authority_set *set, size_t index);
/** NULL: none of this name is in the set. */
const struct authority_member *authority_set_find(const struct authority_set *set, struct bytes id);
/** Who issues for a tenant: `chosen` (a product's), or the tenant's default, or the installation's.
 *  @param chosen "" for the default @param tenant NULL: the installation's own
 *  @errors ERR_UNAVAILABLE none is active, or its key is not here; ERR_UNPROCESSABLE `chosen` is not active
 * or not the tenant's */
err_t authority_set_issuer(const struct authority_set *set, enum authority_role role,
                           const struct uuid *tenant, const char *chosen,
                           const struct authority_member **out);
/** The active default of a role, its key at hand or not (a token may not answer just now); NULL: none. */
const struct authority_member *authority_set_default(const struct authority_set *set,
                                                     enum authority_role role, const struct uuid *tenant);
/** The root that names this installation (server_id, audit evidence): the default one. Never NULL. */
const struct authority_member *authority_set_root(const struct authority_set *set);

/* What one authority signed for another beside its first certificate (0031_authorities.sql), and not revoked.
 */
struct authority_cross {
    const char *issuer, *subject; /* ids */
    int kind;                     /* enum authority_certificate_kind */
    struct bytes der;
};
/** NULL behind the last. */
const struct authority_cross *authority_set_cross_at(const struct authority_set *set, size_t index);

enum { AUTHORITY_PATH_MAX = 4 };
/** From an authority up, without the root in which it ends: its own certificate, then the cross certificates
 * that lead clients who trust only an older root on (NewWithOld). What a TLS server sends behind its leaf,
 * and a message's extraCerts.
 *  @param[out] ders lent @return how many */
size_t authority_set_path(const struct authority_set *set, const struct authority_member *of,
                          struct bytes ders[AUTHORITY_PATH_MAX]);

enum { CACERTS_MAX = 12 };
/** What EST's cacerts and CMP's caCerts say (RFC 7030 §4.1.3): every root and issuing authority that is
 * standby, active or retiring and the installation's or this tenant's, and the cross certificates between
 * those roots; but no root for which its predecessor has not vouched yet (NewWithOld). Never more than
 * CACERTS_MAX: the devices' own limit. @param tenant NULL: the installation's only @param[out] ders lent */
size_t authority_set_cacerts(const struct authority_set *set, const struct uuid *tenant,
                             struct bytes ders[CACERTS_MAX]);

/** Reads the rows again and puts a new snapshot in force when they changed. @errors ERR_DB, ERR_CRYPTO: the
 * old one stays @thread worker, background */
err_t authority_set_reload(struct fleet *fleet);
/** For the job: the same when the inventory's number of changes says that something is new. */
err_t authority_set_refresh(struct fleet *fleet, int64_t now_ms);
/** Who wants to know of a new snapshot (the TLS listeners' trust and certificate). One, set before serving.
 * @thread init */
void authority_set_on_change(struct fleet *fleet, void (*fn)(void *context), void *context);

#endif
