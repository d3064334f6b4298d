/* Random lives of authorities: made, activated, rolled over, finished, retired, compromised, signed
 * elsewhere, with keys that are away, restarts, restored copies and years that pass. What must hold, holds
 * after every step; WHORL_TEST_SEED repeats a life. */
#include <openssl/x509.h>

#include "tests/unit/fleet/authority_life.h"

/* --- one at a time -------------------------------------------------------------------------------------- */

static bool may_follow(enum authority_state from, enum authority_state to)
{
    static const uint32_t ways[] = {
        [AUTHORITY_PENDING] = 1U << AUTHORITY_PENDING | 1U << AUTHORITY_STANDBY | 1U << AUTHORITY_ACTIVE |
                              1U << AUTHORITY_RETIRING | 1U << AUTHORITY_COMPROMISED,
        [AUTHORITY_STANDBY] = 1U << AUTHORITY_STANDBY | 1U << AUTHORITY_ACTIVE | 1U << AUTHORITY_RETIRING |
                              1U << AUTHORITY_RETIRED | 1U << AUTHORITY_COMPROMISED,
        [AUTHORITY_ACTIVE] = 1U << AUTHORITY_ACTIVE | 1U << AUTHORITY_RETIRING | 1U << AUTHORITY_RETIRED |
                             1U << AUTHORITY_COMPROMISED,
        [AUTHORITY_RETIRING] =
            1U << AUTHORITY_RETIRING | 1U << AUTHORITY_RETIRED | 1U << AUTHORITY_COMPROMISED,
        [AUTHORITY_RETIRED] = 1U << AUTHORITY_RETIRED | 1U << AUTHORITY_COMPROMISED,
        [AUTHORITY_COMPROMISED] = 1U << AUTHORITY_COMPROMISED};
    return (ways[from] & 1U << to) != 0;
}

struct rows {
    struct authority_life *life;
    struct tracked now[LIFE_TRACKED];
    size_t count;
};

static err_t take_row(const struct authority_row *row, void *arg)
{
    struct rows *rows = arg;
    struct authority_life *life = rows->life;
    assert_true(rows->count < LIFE_TRACKED);
    struct tracked *now = &rows->now[rows->count++];
    *now = (struct tracked){.created_at = row->created_at, .ver = row->ver, .state = row->state};
    memcpy(now->id, row->id, sizeof now->id);
    for (size_t i = 0; i < life->tracked_count; i++) {
        const struct tracked *before = &life->tracked[i];
        if (strcmp(before->id, row->id) == 0 && before->created_at == row->created_at) {
            life_must(life, "no state leads back", row->id, may_follow(before->state, row->state));
            life_must(life, "a version never falls", row->id, row->ver >= before->ver);
        }
    }
    bool is_first = row->state != AUTHORITY_PENDING;
    life_must(life, "what is not pending has a certificate, what is pending has none", row->id,
              (row->certificate.n > 0) == is_first);
    return OK;
}

static err_t rows_in(struct db_tx *tx, void *arg)
{
    ((struct rows *)arg)->count = 0;
    return authority_rows_each(tx, take_row, arg);
}

/* What was there and had a certificate is there. */
static void check_tracks(struct authority_life *life)
{
    struct rows rows = {.life = life};
    assert_ok(db_read(life->scene->db, rows_in, &rows));
    for (size_t i = 0; i < life->tracked_count; i++) {
        bool is_there = life->tracked[i].state == AUTHORITY_PENDING;
        for (size_t k = 0; k < rows.count; k++) {
            is_there = is_there || strcmp(rows.now[k].id, life->tracked[i].id) == 0;
        }
        life_must(life, "only what is pending can be taken back", life->tracked[i].id, is_there);
    }
    memcpy(life->tracked, rows.now, sizeof life->tracked);
    life->tracked_count = rows.count;
}

/* --- together ------------------------------------------------------------------------------------------- */

static int64_t count_of(struct authority_life *life, const char *sql)
{
    return scene_number(life->scene, sql);
}

static void check_rows(struct authority_life *life)
{
    life_must(life, "of a role and an owner one at most is the default", "all",
              count_of(life, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM authority WHERE "
                             "is_default = 1 AND state = 0 GROUP BY role, tenant) q") <= 1);
    life_must(life, "one root names the installation", "roots",
              count_of(life, "SELECT COUNT(*) FROM authority WHERE role = 'root' AND is_default = 1 AND "
                             "state = 0") == 1);
    life_must(life, "the installation always has who issues, or makes one", "issuing",
              count_of(life,
                       "SELECT COUNT(*) FROM authority a WHERE a.role <> 'root' AND a.tenant IS NULL AND "
                       "((a.is_default = 1 AND a.state = 0) OR EXISTS (SELECT 1 FROM authority_order o "
                       "WHERE o.authority = a.id AND o.kind = 2) OR (a.state IN (3, 4) AND EXISTS (SELECT "
                       "1 FROM authority p WHERE p.id = a.predecessor AND p.state = 2)))") >= 2);
    life_must(life, "what is pending is under way, or waits for who signs", "pending",
              count_of(life, "SELECT COUNT(*) FROM authority a WHERE state = 3 AND request IS NULL AND NOT "
                             "EXISTS (SELECT 1 FROM authority_order o WHERE o.authority = a.id)") == 0);
    life_must(life, "an order is of one that is pending", "orders",
              count_of(life,
                       "SELECT COUNT(*) FROM authority_order o WHERE NOT EXISTS (SELECT 1 FROM authority "
                       "a WHERE a.id = o.authority AND a.state = 3)") == 0);
    life_must(life, "every certificate of a compromised one is revoked, as it was certified here",
              "compromised",
              count_of(life, "SELECT COUNT(*) FROM authority a WHERE state = 2 AND NOT EXISTS (SELECT 1 FROM "
                             "authority_certificate c WHERE c.subject = a.id AND c.kind = 0 AND "
                             "c.revoked_at IS NOT NULL AND c.revocation_reason = 2)") == 0);
    life_must(life, "nothing active stands under a root that has ended", "roots",
              count_of(life,
                       "SELECT COUNT(*) FROM authority a JOIN authority r ON r.id = a.issuer WHERE a.state "
                       "= 0 AND r.state IN (1, 2, 3)") == 0);
}

/* Every certificate that has not ended has an authority that still signs its list, and the list is new. */
static void check_lists(struct authority_life *life)
{
    char sql[512];
    assert_ok(publication_refresh(life->scene->fleet, life->scene->clock.at_ms));
    (void)snprintf(
        sql, sizeof sql,
        "SELECT COUNT(*) FROM certificate c WHERE c.not_after > %lld AND NOT EXISTS (SELECT 1 FROM "
        "authority a JOIN crl l ON l.authority = a.id WHERE a.id = c.authority AND a.state IN (0, 2, "
        "5) AND l.next_update > %lld AND l.is_stale = 0)",
        (long long)life->scene->clock.at_ms, (long long)life->scene->clock.at_ms);
    life_must(life, "who issued what has not ended signs its list", "all", count_of(life, sql) == 0);
}

/* The key of each that should sign is here; and none is left of what was taken back. */
static void check_keys(struct authority_life *life)
{
    for (size_t i = 0; i < life->view.count; i++) {
        const struct authority_brief *item = &life->view.items[i];
        char label[AUTHORITY_ID_SIZE + 4];
        (void)snprintf(label, sizeof label, "ca-%s", item->id);
        bool is_old = item->state == AUTHORITY_PENDING || strcmp(item->id, "root") == 0 ||
                      strcmp(item->id, "device") == 0 || strcmp(item->id, "infrastructure") == 0;
        life_must(life, "its key is in the keystore", item->id,
                  is_old || keystore_has(life->scene->keystore, label));
    }
    for (const struct memory_key *key = life->authorities.keys->first; key != NULL; key = key->next) {
        bool is_of_one =
            strncmp(key->label, "ca-", 3) != 0 || authority_view_find(&life->view, key->label + 3) != NULL;
        life_must(life, "no key is left of what was taken back", key->label, is_of_one);
    }
}

/* --- the snapshot --------------------------------------------------------------------------------------- */

static void check_member(struct authority_life *life, const struct authority_set *set,
                         const struct authority_brief *item)
{
    const struct authority_member *member = authority_set_find(set, bytes_str(item->id));
    if (item->state == AUTHORITY_PENDING) {
        life_must(life, "what is pending is in no snapshot", item->id, member == NULL);
        return;
    }
    bool is_same = member != NULL && member->state == item->state && member->is_default == item->is_default &&
                   member->ver == item->ver && strcmp(member->issuer, item->issuer) == 0 &&
                   strcmp(member->predecessor, item->predecessor) == 0 &&
                   member->has_tenant == item->has_tenant;
    life_must(life, "the snapshot says what the rows say", item->id, is_same);
}

static X509 *x509_of(struct bytes der)
{
    const unsigned char *at = der.p;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.n);
    assert_non_null(x509);
    return x509;
}

/* What is in `ders` and whose key signed it is in there too. */
static bool is_certified(const struct bytes *ders, size_t count, struct bytes der)
{
    AUTO(X509) *subject = x509_of(der);
    bool is_found = false;
    for (size_t i = 0; i < count && !is_found; i++) {
        AUTO(X509) *issuer = x509_of(ders[i]);
        is_found = X509_check_issued(issuer, subject) == X509_V_OK &&
                   X509_verify(subject, X509_get0_pubkey(issuer)) == 1;
    }
    return is_found;
}

static bool is_among(const struct bytes *ders, size_t count, struct bytes der)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(ders[i], der)) {
            return true;
        }
    }
    return false;
}

static void check_cacerts(struct authority_life *life, const struct authority_set *set)
{
    struct bytes ders[CACERTS_MAX];
    size_t count = authority_set_cacerts(set, &life->scene->tenants[0].id, ders);
    for (size_t i = 0; i < count; i++) {
        life_must(life, "whatever cacerts says is certified by something in it", "cacerts",
                  is_certified(ders, count, ders[i]));
    }
    for (size_t i = 0; authority_set_at(set, i) != NULL; i++) {
        const struct authority_member *member = authority_set_at(set, i);
        bool is_shown = is_among(ders, count, authority_borrow_der(member->authority));
        bool is_live = member->state == AUTHORITY_ACTIVE || member->state == AUTHORITY_STANDBY ||
                       member->state == AUTHORITY_RETIRING;
        life_must(life, "cacerts holds what is live, and nothing else", member->id, is_shown == is_live);
    }
    struct bytes path[AUTHORITY_PATH_MAX];
    const struct authority_member *own = authority_set_default(set, AUTHORITY_INFRASTRUCTURE, NULL);
    if (own != NULL) {
        size_t length = authority_set_path(set, own, path);
        life_must(life, "this server's path begins with who signed for it", own->id,
                  length > 0 && bytes_equal(path[0], authority_borrow_der(own->authority)));
    }
}

static void check_all(struct authority_life *life)
{
    look(life);
    check_tracks(life);
    check_rows(life);
    check_lists(life);
    check_keys(life);
    AUTO_PTR(authority_set) *set = authority_set_take(life->scene->fleet);
    for (size_t i = 0; i < life->view.count; i++) {
        check_member(life, set, &life->view.items[i]);
    }
    check_cacerts(life, set);
}

/* --- devices -------------------------------------------------------------------------------------------- */

/* Nothing is issued but under one that is active. */
static void step_enrol(struct authority_life *life)
{
    size_t n = dice(life, LIFE_UNITS);
    struct life_held *held = &life->held[n];
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    life->doing = "enrolment";
    err_t error = held->der.n > 0 && dice(life, 3) != 0
                      ? enrol_under(life->scene, held->authority, buf_view(&held->der), key, &out)
                      : enrol_by_identity(life->scene, &life->units[n], key, 0, &out);
    if (error.code != ERR_OK) {
        return;
    }
    look(life);
    const char *issuer = out.certificate.authority;
    const struct authority_brief *item = authority_view_find(&life->view, issuer);
    life_must(life, "what issues is active", issuer,
              out.is_repeat || (item != NULL && item->state == AUTHORITY_ACTIVE));
    life_must(life, "… for devices, and here", issuer,
              item != NULL && strcmp(item->role, "device") == 0 &&
                  (!item->has_tenant || uuid_equal(item->tenant, life->scene->tenants[0].id)));
    struct peer_identity peer;
    struct contact contact;
    peer_under(issuer, buf_view(&out.certificate.der), &peer);
    struct contact_facts facts = facts_of(&peer);
    assert_ok(contact_resolve(life->scene->fleet, &facts, &contact)); /* which confirms it */
    peer_identity_clear(&peer);
    held->der.n = 0;
    assert_ok(buf_append_bytes(&held->der, buf_view(&out.certificate.der)));
    (void)snprintf(held->authority, sizeof held->authority, "%s", issuer);
    life->enrolled++;
}

/* --- a life --------------------------------------------------------------------------------------------- */

static void life_begin(struct authority_life *life, struct scene *scene)
{
    const char *given = getenv("WHORL_TEST_SEED");
    assert_ok(random_fill(random_system(), (uint8_t *)&life->seed, sizeof life->seed));
    life->scene = scene;
    life->seed = given != NULL ? strtoull(given, NULL, 10) : life->seed | 1;
    life->random = life->seed;
    life->doing = "beginning";
    print_message("WHORL_TEST_SEED=%llu\n", (unsigned long long)life->seed);
    authority_scene_init(&life->authorities, scene, true);
    for (size_t i = 0; i < LIFE_UNITS; i++) {
        unit_init(&life->units[i]);
        scene_register(scene, 0, &life->units[i].id);
    }
}

static void life_end(struct authority_life *life)
{
    print_message("%lld orders carried out, %lld refused, %lld certificates, %lld signed elsewhere, %lld "
                  "restored\n",
                  (long long)life->made, (long long)life->refused, (long long)life->enrolled,
                  (long long)life->imported, (long long)life->restored);
    assert_audit_verifies(life->scene);
    authority_scene_clear(&life->authorities);
    for (size_t i = 0; i < LIFE_UNITS; i++) {
        unit_clear(&life->units[i]);
        buf_clear(&life->held[i].der);
    }
    authority_view_clear(&life->view);
    free(life);
}

static void every_invariant_holds_along_a_random_life(void **state)
{
    static void (*const STEP[])(struct authority_life *) = {
        step_create, step_create,  step_activate, step_activate,  step_roll,      step_roll,
        step_roll,   step_retire,  step_retire,   step_roll_root, step_enrol,     step_enrol,
        step_enrol,  step_enrol,   step_import,   step_import,    step_time,      step_time,
        step_time,   step_restart, step_restore,  step_roll_root, step_compromise};
    struct authority_life *life = calloc(1, sizeof *life);
    assert_non_null(life);
    life_begin(life, *state);
    check_all(life);
    for (life->step = 1; life->step <= LIFE_STEPS; life->step++) {
        look(life);
        STEP[dice(life, sizeof STEP / sizeof STEP[0])](life);
        check_all(life);
    }
    assert_true(life->made > 0 && life->enrolled > 0);
    life_end(life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(every_invariant_holds_along_a_random_life),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
