/* Keys and requests of authorities that others will certify. The key first, then the row: a key without a row
 * is what a killed attempt left, and the next one takes it up. */
#include "fleet/authority_request.h"

#include <stdio.h>
#include <string.h>

#include "db/authority_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/own_names.h"
#include "pki/authority_succession.h"
#include "pki/keystore.h"
#include "pki/name_constraints.h"

struct found {
    const char *id, *issuer;
    bool is_there, issuer_is_there, issuer_is_root;
    enum authority_state state;
    struct buf request;
};

static void found_clear(struct found *found)
{
    buf_clear(&found->request);
}
DEFINE_AUTO_VAL(found, found_clear);

static err_t take(const struct authority_row *row, void *arg)
{
    struct found *found = arg;
    if (strcmp(row->id, found->issuer) == 0) {
        found->issuer_is_there = true;
        found->issuer_is_root = strcmp(row->role, "root") == 0 && row->state != AUTHORITY_PENDING;
    }
    if (strcmp(row->id, found->id) != 0) {
        return OK;
    }
    found->is_there = true;
    found->state = row->state;
    return buf_append_bytes(&found->request, row->request);
}

static err_t find_in(struct db_tx *tx, void *arg)
{
    struct found *found = arg;
    buf_clear(&found->request);
    found->is_there = found->issuer_is_there = found->issuer_is_root = false;
    return authority_rows_each(tx, take, found);
}

static err_t check_id(const char *id)
{
    size_t n = strlen(id);
    bool is_good = n >= 1 && n < AUTHORITY_ID_SIZE && id[0] >= 'a' && id[0] <= 'z' && id[n - 1] != '-' &&
                   strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
    ENSURE(is_good, ERR_UNPROCESSABLE,
           "an authority's id begins with a letter and has 1 to %d of a-z, 0-9 and -", AUTHORITY_ID_SIZE - 1);
    return OK;
}

static err_t check(const struct authority_wish *wish, const struct found *found)
{
    ENSURE(wish->role != AUTHORITY_ROOT, ERR_UNPROCESSABLE, "a root signs itself: nobody is asked for one");
    ENSURE(wish->issuer[0] == '\0' || found->issuer_is_there, ERR_UNPROCESSABLE,
           "there is no authority %.32s", wish->issuer);
    ENSURE(wish->issuer[0] == '\0' || found->issuer_is_root, ERR_UNPROCESSABLE,
           "%.32s certifies no authorities: it is no root", wish->issuer);
    ENSURE(!found->is_there || (found->state == AUTHORITY_PENDING && found->request.n > 0), ERR_CONFLICT,
           "there is an authority %.32s already", wish->id);
    return OK;
}

static err_t open_key(struct fleet *fleet, const struct authority_wish *wish, struct private_key **out)
{
    char label[AUTHORITY_ID_SIZE + 4];
    struct keystore *keystore = fleet->options.keystore;
    ENSURE(keystore != NULL, ERR_INTERNAL, "requests need the keystore");
    (void)snprintf(label, sizeof label, "ca-%s", wish->id);
    return keystore_has(keystore, label) ? keystore_load(keystore, label, out)
                                         : keystore_generate(keystore, label, wish->key_alg, out);
}

struct store {
    const struct actor *actor;
    const struct authority_wish *wish;
    struct bytes request;
};

static err_t store_in(struct db_tx *tx, void *arg)
{
    const struct store *store = arg;
    struct sha256 hash;
    char digest[2 * SHA256_SIZE + 1];
    struct authority_row row = {.role = authority_role_name(store->wish->role),
                                .state = AUTHORITY_PENDING,
                                .request = store->request};
    const struct event event = {.kind = "authority.requested",
                                .result = "ok",
                                .actor = store->actor->name,
                                .request_id = store->actor->request_id};
    (void)snprintf(row.id, sizeof row.id, "%s", store->wish->id);
    (void)snprintf(row.issuer, sizeof row.issuer, "%s", store->wish->issuer);
    TRY(authority_rows_insert(tx, &row));
    TRY(sha256_of(store->request, &hash));
    hex_encode(BYTES_OF(hash.b), digest);
    return event_append(tx, &event,
                        "{\"authority\":\"%s\",\"role\":\"%s\",\"issuer\":\"%s\",\"request_sha256\":\"%s\"}",
                        row.id, row.role, row.issuer, digest);
}

/* To the names that it may certify, and off this server's own. */
static err_t bind(const struct authority_wish *wish, const struct own_names *own,
                  struct name_constraints *out)
{
    struct faults faults = {.count = 0};
    ENSURE(wish->names != NULL, ERR_UNPROCESSABLE,
           "an authority of the role edge needs the DNS names that it may certify");
    *out = *wish->names;
    out->excluded = own->names;
    out->excluded_count = own->count;
    TRY(name_constraints_check(out, "", &faults));
    return faults_error(&faults);
}

static err_t make(struct fleet *fleet, const struct actor *actor, const struct authority_wish *wish,
                  struct buf *request)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) der = {0};
    struct own_names own;
    struct name_constraints names = {.permitted_count = 0};
    struct authority_spec spec = {.id = wish->id, .role = wish->role, .organisation = wish->organisation};
    own_names_of(fleet->options.hosts, &own);
    TRY(wish->role == AUTHORITY_EDGE ? bind(wish, &own, &names) : OK);
    spec.names = wish->role == AUTHORITY_EDGE ? &names : NULL;
    TRY(open_key(fleet, wish, &key));
    TRY(authority_make_request(&spec, key, NULL, &der));
    struct store store = {.actor = actor, .wish = wish, .request = buf_view(&der)};
    TRY(db_write(fleet->db, store_in, &store));
    return buf_append_bytes(request, buf_view(&der));
}

err_t authority_request(struct fleet *fleet, const struct actor *actor, const struct authority_wish *wish,
                        struct buf *request)
{
    AUTO_VAL(found) found = {.id = wish->id, .issuer = wish->issuer};
    TRY(check_id(wish->id));
    TRY(db_read(fleet->db, find_in, &found));
    TRY(check(wish, &found));
    return found.is_there ? buf_append_bytes(request, buf_view(&found.request))
                          : make(fleet, actor, wish, request);
}

err_t authority_pending_request(struct fleet *fleet, const char *id, struct buf *out)
{
    AUTO_VAL(found) found = {.id = id, .issuer = ""};
    TRY(db_read(fleet->db, find_in, &found));
    ENSURE(found.is_there, ERR_NOT_FOUND, "there is no authority %.32s", id);
    ENSURE(found.state == AUTHORITY_PENDING && found.request.n > 0, ERR_WRONG_STATE,
           "authority %.32s waits for no certificate: only a pending one has a request", id);
    return buf_append_bytes(out, buf_view(&found.request));
}
