/* The scene with authorities that come and go: their rows, a keystore of its own, a journal, orders, and
 * devices that enrol under whichever authority issues. */
#ifndef WHORL_TESTS_FLEET_AUTHORITY_SCENE_H
#define WHORL_TESTS_FLEET_AUTHORITY_SCENE_H

#include "tests/unit/fleet/order_scene.h"
#include "tests/unit/pki/memory_keystore.h"

#include "fleet/authority_orders.h"
#include "fleet/authority_set.h"
#include "fleet/authority_work.h"
#include "fleet/journal_replay.h"

struct authority_scene {
    struct scene *scene;
    struct memory_keys *keys;
    char journal[96];
};

static inline err_t authority_scene_found(struct db_tx *tx, void *arg)
{
    const struct scene *scene = arg;
    const struct authority *all[] = {scene->house.root, scene->house.device, scene->house.infrastructure};
    static const char *const roles[] = {"root", "device", "infrastructure"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct authority_row row = {.role = roles[i],
                                    .state = AUTHORITY_ACTIVE,
                                    .is_default = true,
                                    .certificate = authority_borrow_der(all[i])};
        (void)snprintf(row.id, sizeof row.id, "%s", roles[i]);
        (void)snprintf(row.issuer, sizeof row.issuer, "%s", i == 0 ? "" : "root");
        TRY(authority_rows_insert(tx, &row));
    }
    return OK;
}

/** @param has_journal else nothing is written beside the inventory */
static inline void authority_scene_init(struct authority_scene *this, struct scene *scene, bool has_journal)
{
    *this = (struct authority_scene){.scene = scene};
    assert_ok(db_write(scene->db, authority_scene_found, scene)); /* the root names the journal */
    scene_stop(scene);
    assert_ok(keystore_open_memory(&scene->keystore, &this->keys));
    (void)snprintf(this->journal, sizeof this->journal, "%s/journal", scene->folder);
    scene->db_options.journal.folder = has_journal ? this->journal : NULL;
    scene_start(scene);
}

static inline void authority_scene_clear(struct authority_scene *this)
{
    scene_stop(this->scene);
    keystore_free(this->scene->keystore);
    this->scene->keystore = NULL;
    this->scene->db_options.journal = (struct journal_options){.folder = NULL};
    scene_start(this->scene);
}

/** By an operator of the installation, of tenant 0. @param id of what it made or changed; or NULL */
static inline err_t order_authority(struct scene *scene, const struct authority_order *order, char *id)
{
    static const struct authority_caller caller = {.may_installation = true, .may_tenant = true};
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct terms terms = terms_of(scene, 0);
    char made[AUTHORITY_ID_SIZE];
    terms.faults = &faults;
    terms.guarded = &guarded;
    return authority_order(scene->fleet, &terms, &caller, order, id != NULL ? id : made);
}

/** An order with nothing but its verb. */
static inline err_t order_of(struct scene *scene, enum authority_verb verb, const char *subject)
{
    struct authority_order order = {.verb = verb};
    (void)snprintf(order.authority, sizeof order.authority, "%s", subject);
    return order_authority(scene, &order, NULL);
}

/** As peer_of_certificate(), of any authority. */
static inline void peer_under(const char *authority, struct bytes der, struct peer_identity *out)
{
    peer_of_certificate(der, out);
    (void)snprintf(out->authority, sizeof out->authority, "%s", authority);
}

/** As enrol_by_certificate(), of any authority. */
static inline err_t enrol_under(struct scene *scene, const char *authority, struct bytes der, EVP_PKEY *key,
                                struct enrolment *out)
{
    struct peer_identity peer;
    peer_under(authority, der, &peer);
    struct request_spec spec = {.key = key, .subject = buf_view(&peer.certificate.subject)};
    AUTO_PTR(csr) *csr = make_request(&spec);
    struct contact_facts facts = facts_of(&peer);
    err_t result = enrol_with(scene, &facts, csr, 0, out);
    peer_identity_clear(&peer);
    return result;
}

/* --- older copies ------------------------------------------------------------------------------------- */

static inline void in_shell(const struct scene *scene, const char *format, const char *name)
{
    char command[512];
    (void)snprintf(command, sizeof command, "sh -c 'a=%s; b=%s; %s'", scene->folder, name, format);
    assert_int_equal(system(command), 0);
}

/** Closed, copied, opened again. */
static inline void copy_inventory(struct scene *scene, const char *name)
{
    scene_stop(scene);
    in_shell(scene, "cp $a/whorl.db $a/$b", name);
    scene_start(scene);
}

/** The server stops, an older copy takes the inventory's place, the journal is replayed, it starts again. */
static inline void restore_inventory(struct scene *scene, const char *name, struct replay_tally *tally)
{
    const struct journal_options kept = scene->db_options.journal;
    struct db *db = NULL;
    scene_stop(scene);
    in_shell(scene, "rm -f $a/whorl.db-wal $a/whorl.db-shm && cp $a/$b $a/whorl.db", name);
    assert_int_equal(db_open(&scene->db_options, &db).code, ERR_WRONG_STATE);
    *tally = (struct replay_tally){.devices = 0};
    scene->db_options.journal.mode = JOURNAL_BRING;
    scene->db_options.journal.replay = journal_replay_entry;
    scene->db_options.journal.arg = tally;
    assert_ok(db_open(&scene->db_options, &db));
    db_close(db);
    scene->db_options.journal = kept;
    scene_start(scene);
}

static const char *const AUTHORITY_QUESTIONS[] = {
    "SELECT id || '|' || role || '|' || state || quote(certificate) || created_at || '|' || ver || '|' ||"
    " crl_shards || crl_base || quote(tenant) || issuer || '|' || is_default || is_external || predecessor ||"
    " quote(request) || quote(ends_at) || key_purposes || quote(compromised_at) || quote(rekey_by) FROM "
    "authority ORDER BY id",
    "SELECT issuer || '|' || quote(serial) || subject || '|' || kind || quote(certificate) || not_before ||"
    " '|' || not_after || '|' || quote(revoked_at) || quote(revocation_reason) FROM authority_certificate"
    " ORDER BY issuer, serial",
    "SELECT authority || '|' || kind || '|' || key_algorithm || '|' || lifetime_days || permitted_dns ||"
    " is_external || actor || request_id || created_at FROM authority_order ORDER BY authority",
    "SELECT quote(serial) || authority || quote(profile) || quote(profile_version) FROM certificate ORDER BY "
    "serial",
    "SELECT kind || subject || severity FROM alarm WHERE kind = 'authority.compromised' ORDER BY subject",
};

static inline err_t authority_take_text(const struct db_row *row, void *arg)
{
    TRY(buf_append_bytes(arg, db_row_bytes(row, 0)));
    return buf_append_str(arg, "\n");
}

static inline err_t authority_describe_in(struct db_tx *tx, void *arg)
{
    for (size_t i = 0; i < sizeof AUTHORITY_QUESTIONS / sizeof AUTHORITY_QUESTIONS[0]; i++) {
        TRY(db_run(tx, AUTHORITY_QUESTIONS[i], NULL, 0, authority_take_text, arg));
    }
    return OK;
}

/** What the inventory says of authorities, as text. */
static inline void describe_authorities(struct scene *scene, struct buf *out)
{
    out->n = 0;
    assert_ok(db_read(scene->db, authority_describe_in, out));
}

static inline void assert_same_text(const struct buf *wanted, const struct buf *found)
{
    if (!bytes_equal(buf_view(wanted), buf_view(found))) {
        print_error("--- wanted\n%s--- found\n%s", buf_str(wanted), buf_str(found));
    }
    assert_true(bytes_equal(buf_view(wanted), buf_view(found)));
}

#endif
