/* Orders of authorities, carried out: the key first (kept under the label of the authority, so that a second
 * attempt finds it), then everything that is signed, then all rows in one transaction. */
#include "fleet/authority_work.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "fleet/authority_apply.h"
#include "fleet/authority_finish.h"
#include "fleet/authority_set.h"
#include "fleet/clock_guard.h"
#include "fleet/internal.h"
#include "fleet/own_names.h"
#include "fleet/policy_words.h"
#include "pki/authority_succession.h"
#include "pki/name_constraints_read.h"

enum { LABEL_SIZE = AUTHORITY_ID_SIZE + 4 };
static const int64_t DAY_MS = 86400000;
static const int64_t BACKDATE_MS = 3600000; /* devices' clocks run behind */
static const int64_t ROOT_DAYS = 20 * 365 + 5, ISSUING_DAYS = 10 * 365 + 2;

struct authority_works {
    pthread_mutex_t mutex;
};

err_t authority_works_new(struct authority_works **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "orders of authorities");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void authority_works_free(struct authority_works *works)
{
    if (works != NULL) {
        (void)pthread_mutex_destroy(&works->mutex);
        free(works);
    }
}

/* --- the key
 * ------------------------------------------------------------------------------------------------ */

static void label_of(const char *id, char out[LABEL_SIZE])
{
    (void)snprintf(out, LABEL_SIZE, "ca-%s", id);
}

static err_t is_of_kind(const struct private_key *key, uint32_t algorithm, bool *out)
{
    static const struct key_policy policy = {.allow_rsa = true};
    AUTO_VAL(buf) spki = {0};
    struct key_info info;
    TRY(private_key_spki(key, &spki));
    TRY(key_check_spki(buf_view(&spki), &policy, &info));
    *out = key_algorithm_bit(info.alg) == algorithm;
    return OK;
}

static enum key_alg algorithm_of(uint32_t bit)
{
    static const enum key_alg all[] = {KEY_ALG_P256, KEY_ALG_P384, KEY_ALG_ED25519, KEY_ALG_RSA};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (key_algorithm_bit(all[i]) == bit) {
            return all[i];
        }
    }
    return KEY_ALG_NONE;
}

/* One that is there already was made for this authority by an attempt that ended too early: nothing was
 * signed with it that anybody has. Another kind than is ordered now is of an order that was taken back. */
static err_t open_key(struct fleet *fleet, const struct authority_order_row *order, struct private_key **out)
{
    char label[LABEL_SIZE];
    bool is_right = false;
    struct keystore *keystore = fleet->options.keystore;
    *out = NULL;
    ENSURE(keystore != NULL, ERR_UNAVAILABLE, "there is no keystore here");
    label_of(order->authority, label);
    if (keystore_has(keystore, label)) {
        AUTO_PTR(private_key) *key = NULL;
        TRY(keystore_load(keystore, label, &key));
        TRY(is_of_kind(key, order->key_algorithm, &is_right));
        if (is_right) {
            *out = TAKE(key);
            return OK;
        }
        TRY(keystore_forget(keystore, label));
    }
    return keystore_generate(keystore, label, algorithm_of(order->key_algorithm), out);
}

/* --- signed
 * ------------------------------------------------------------------------------------------------- */

static err_t serial_make(struct fleet *fleet, uint8_t out[SERIAL_SIZE])
{
    return random_fill(fleet->random, out, SERIAL_SIZE);
}

struct work {
    struct fleet *fleet;
    struct authority_set *set;
    struct private_key *key;
    struct authority_spec spec;
    json_t *names; /* of permitted_dns */
    const char *permitted[CONSTRAINTS_MAX];
    struct name_constraints constraints;
    struct held_constraints held; /* of its predecessor */
    struct own_names own;
    char organisation[ORGANISATION_SIZE];
    struct authority_made made;
};

static void work_clear(struct work *work)
{
    private_key_free(work->key);
    authority_made_clear(&work->made);
    held_constraints_clear(&work->held);
    json_decref(work->names);
    authority_set_unref(work->set);
}
DEFINE_AUTO_VAL(work, work_clear);

/* As ordered. */
static err_t take_ordered_names(struct work *work)
{
    TRY(json_parse(bytes_str(work->made.order.permitted_dns), AUTHORITY_NAMES_SIZE, &work->names));
    size_t count = json_array_size(work->names);
    for (size_t i = 0; i < count && i < CONSTRAINTS_MAX; i++) {
        work->permitted[i] = json_string_value(json_array_get(work->names, i));
        work->constraints.permitted_count = i + 1;
    }
    work->constraints.permitted = work->permitted;
    return OK;
}

/* An order that says nothing of names means those of the one before it. */
static err_t take_former_names(struct work *work)
{
    const struct authority_member *former =
        authority_set_find(work->set, bytes_str(work->made.pending.row.predecessor));
    ENSURE(former != NULL, ERR_UNAVAILABLE, "the authority %s, whose names it takes over, is not here",
           work->made.pending.row.predecessor);
    TRY(name_constraints_of_certificate(authority_borrow_der(former->authority), &work->held));
    work->constraints = work->held.names;
    return OK;
}

/* The DNS names that a CA for servers at the edge may certify, and this server's own as they are today, which
 * it may not. */
static err_t describe_names(struct work *work)
{
    struct faults faults = {.count = 0};
    if (work->spec.role != AUTHORITY_EDGE) {
        return OK;
    }
    TRY(work->made.order.permitted_dns[0] != '\0' ? take_ordered_names(work) : take_former_names(work));
    own_names_of(work->fleet->options.hosts, &work->own);
    work->constraints.excluded = work->own.names;
    work->constraints.excluded_count = work->own.count;
    work->spec.names = &work->constraints;
    TRY(name_constraints_check(&work->constraints, "/permitted_dns", &faults));
    return faults_error(&faults);
}

static err_t describe(struct work *work)
{
    const struct authority_made *made = &work->made;
    const struct authority_row *row = &made->pending.row;
    const struct authority_member *like = authority_set_root(work->set);
    int64_t now_ms = clock_now_ms(work->fleet->clock);
    TRY(authority_role_parse(made->pending.role, &work->spec.role));
    int64_t days = work->spec.role == AUTHORITY_ROOT ? ROOT_DAYS : ISSUING_DAYS;
    days = made->order.lifetime_days != 0 ? made->order.lifetime_days : days;
    for (size_t i = 0; authority_set_at(work->set, i) != NULL; i++) { /* a company's root has another name */
        const struct authority_member *member = authority_set_at(work->set, i);
        like = member->role == AUTHORITY_INFRASTRUCTURE && member->is_default ? member : like;
    }
    /* nor need a company have left a name's organisation in */
    err_t named = authority_organisation(like->authority, work->organisation);
    TRY(named.code == ERR_UNPROCESSABLE
            ? authority_organisation(authority_set_root(work->set)->authority, work->organisation)
            : named);
    work->spec.id = row->id;
    work->spec.organisation = work->organisation;
    work->spec.not_before_ms = now_ms - BACKDATE_MS;
    work->spec.not_after_ms = now_ms + days * DAY_MS;
    work->spec.publication.public_url = work->fleet->public_url;
    work->spec.key_purposes = row->key_purposes;
    return describe_names(work);
}

static err_t cross(struct work *work, const struct authority *signer, const struct authority *subject,
                   struct buf *der)
{
    uint8_t serial[SERIAL_SIZE];
    const struct cross_spec spec = {.not_before_ms = work->spec.not_before_ms,
                                    .not_after_ms = work->spec.not_after_ms,
                                    .publication = work->spec.publication};
    TRY(serial_make(work->fleet, serial));
    return authority_make_cross(signer, subject, &spec, serial, der);
}

/* Where the old key is elsewhere, NewWithOld is imported later. */
static err_t make_root(struct work *work, const uint8_t serial[SERIAL_SIZE])
{
    struct authority_made *made = &work->made;
    const struct authority_row *row = &made->pending.row;
    AUTO_PTR(authority) *root = NULL;
    const struct authority_member *old = authority_set_find(work->set, bytes_str(row->predecessor));
    ENSURE(old != NULL, ERR_UNAVAILABLE, "the root %s is not here", row->predecessor);
    TRY(authority_make_successor(&work->spec, work->key, old->authority, serial, &made->der));
    TRY(authority_load(row->id, AUTHORITY_ROOT, buf_view(&made->der), TAKE(work->key), &root));
    TRY(old->has_key ? cross(work, old->authority, root, &made->new_with_old) : OK);
    return cross(work, root, old->authority, &made->old_with_new);
}

static err_t make_all(struct work *work)
{
    struct authority_made *made = &work->made;
    const struct authority_row *row = &made->pending.row;
    uint8_t serial[SERIAL_SIZE];
    TRY(describe(work));
    TRY(serial_make(work->fleet, serial));
    if (work->spec.role == AUTHORITY_ROOT) {
        return make_root(work, serial);
    }
    const struct authority_member *issuer = authority_set_find(work->set, bytes_str(row->issuer));
    if (made->order.is_external || issuer == NULL || !issuer->has_key) {
        return authority_make_request(&work->spec, work->key, NULL, &made->request);
    }
    return authority_make_issuing(&work->spec, work->key, issuer->authority, serial, &made->der);
}

/* --- all together
 * --------------------------------------------------------------------------------------------- */

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct authority_made *made = arg;
    err_t found = authority_order_rows_find(tx, made->order.authority, &made->order);
    made->is_there = found.code == ERR_OK;
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    return authority_copy_find(tx, made->order.authority, &made->pending);
}

static err_t work_on(struct fleet *fleet, const char *id)
{
    AUTO_VAL(work) work = {.fleet = fleet};
    struct authority_made *made = &work.made;
    (void)snprintf(made->order.authority, sizeof made->order.authority, "%s", id);
    TRY(db_read(fleet->db, read_in, made));
    if (!made->is_there) {
        return OK;
    }
    TRY(clock_guard_check(fleet)); /* its dates would be wrong */
    TRY(authority_set_reload(fleet));
    work.set = authority_set_take(fleet);
    TRY(open_key(fleet, &made->order, &work.key));
    TRY(make_all(&work));
    return db_write(fleet->db, authority_finish, made);
}

err_t authority_work(struct fleet *fleet, const char *id)
{
    struct authority_works *works = fleet->authority_works;
    (void)pthread_mutex_lock(&works->mutex);
    err_t error = work_on(fleet, id);
    (void)pthread_mutex_unlock(&works->mutex);
    return error;
}

/* --- taken back
 * ------------------------------------------------------------------------------------------------ */

void authority_work_forget(struct fleet *fleet, const char *id)
{
    char label[LABEL_SIZE];
    label_of(id, label);
    if (fleet->options.keystore == NULL) {
        return;
    }
    err_t error = keystore_forget(fleet->options.keystore, label);
    if (error.code != ERR_OK) {
        log_error(fleet->log, "authority_key_left", "", error); /* used by the next one of this name */
    }
}

struct undo {
    const struct actor *actor;
    const char *id;
    bool is_gone;
};

static err_t undo_in(struct db_tx *tx, void *arg)
{
    struct undo *undo = arg;
    AUTO_VAL(authority_view) view = {.count = 0};
    const struct authority_word word = {.kind = "authority.dropped",
                                        .actor = undo->actor->name,
                                        .request_id = undo->actor->request_id,
                                        .note = ""};
    TRY(authority_order_rows_delete(tx, undo->id, &undo->is_gone));
    if (!undo->is_gone) {
        return OK;
    }
    TRY(authority_view_read(tx, &view));
    const struct authority_brief *item = authority_view_find(&view, undo->id);
    TRY(authority_rows_delete(tx, undo->id));
    return item != NULL ? authority_record(tx, item, &word) : OK;
}

err_t authority_work_undo(struct fleet *fleet, const struct actor *actor, const char *id)
{
    struct undo undo = {.actor = actor, .id = id};
    TRY(db_write(fleet->db, undo_in, &undo));
    if (undo.is_gone) {
        authority_work_forget(fleet, id);
    }
    return OK;
}
