/* Makes a snapshot of authorities from rows and keystore. What did not change is shared with the snapshot
 * before, so that no key is opened twice; while nothing is founded yet, the options' authorities are the
 * snapshot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/authority_set_internal.h"
#include "pki/keystore.h"

enum { GROWTH = 8 };

static const struct {
    const char *word;
    enum authority_role role;
} ROLES[] = {{"root", AUTHORITY_ROOT},
             {"device", AUTHORITY_DEVICE},
             {"infrastructure", AUTHORITY_INFRASTRUCTURE},
             {"edge", AUTHORITY_EDGE}};

err_t authority_role_parse(const char *word, enum authority_role *out)
{
    for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
        if (strcmp(ROLES[i].word, word) == 0) {
            *out = ROLES[i].role;
            return OK;
        }
    }
    return ERR(ERR_DB, "an authority has the role \"%.32s\", which this program does not know", word);
}

/* --- rows ------------------------------------------------------------------------------------------- */

struct draft {
    struct authority_set *set;
    struct buf *ders; /* of the members, until they are loaded */
    size_t capacity, cross_capacity;
};

static void draft_clear(struct draft *draft)
{
    for (size_t i = 0; draft->ders != NULL && i < draft->capacity; i++) {
        buf_clear(&draft->ders[i]);
    }
    free(draft->ders);
    authority_set_unref(draft->set);
}
DEFINE_AUTO_VAL(draft, draft_clear);

static err_t grow(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return OK;
    }
    void *grown = reallocarray(*items, *capacity + GROWTH, size);
    ENSURE(grown != NULL, ERR_NO_MEMORY, "%zu authorities", count);
    memset((uint8_t *)grown + *capacity * size, 0, GROWTH * size);
    *items = grown;
    *capacity += GROWTH;
    return OK;
}

static err_t add_member(struct draft *draft, struct authority_member **out, struct buf **der)
{
    struct authority_set *set = draft->set;
    size_t same = draft->capacity;
    TRY(grow((void **)&set->members, set->count, &same, sizeof *set->members));
    TRY(grow((void **)&draft->ders, set->count, &draft->capacity, sizeof *draft->ders));
    *der = &draft->ders[set->count];
    *out = &set->members[set->count++];
    return OK;
}

static err_t take_row(const struct authority_row *row, void *arg)
{
    struct authority_member *member = NULL;
    struct buf *der = NULL;
    if (row->state == AUTHORITY_PENDING) {
        return OK;
    }
    TRY(add_member(arg, &member, &der));
    *member = (struct authority_member){.state = row->state,
                                        .is_external = row->is_external,
                                        .is_default = row->is_default,
                                        .has_tenant = row->has_tenant,
                                        .tenant = row->tenant,
                                        .crl_shards = row->crl_shards,
                                        .ver = row->ver};
    memcpy(member->id, row->id, sizeof member->id);
    memcpy(member->issuer, row->issuer, sizeof member->issuer);
    memcpy(member->predecessor, row->predecessor, sizeof member->predecessor);
    TRY(authority_role_parse(row->role, &member->role));
    char *base = strdup(row->crl_base);
    ENSURE(base != NULL, ERR_NO_MEMORY, "the address of an authority");
    member->crl_base = base;
    return buf_append_bytes(der, row->certificate);
}

static err_t take_cross(const struct authority_certificate_row *row, void *arg)
{
    struct draft *draft = arg;
    struct authority_set *set = draft->set;
    if (row->revoked_at != 0 || row->kind == AUTHORITY_FIRST) {
        return OK;
    }
    TRY(grow((void **)&set->crosses, set->cross_count, &draft->cross_capacity, sizeof *set->crosses));
    struct kept_cross *cross = &set->crosses[set->cross_count];
    memcpy(cross->issuer, row->issuer, sizeof cross->issuer);
    memcpy(cross->subject, row->subject, sizeof cross->subject);
    cross->view.kind = (int)row->kind;
    set->cross_count++;
    return buf_append_bytes(&cross->der, row->certificate);
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct draft *draft = arg;
    TRY(authority_rows_read_change(tx, &draft->set->change));
    TRY(authority_rows_each(tx, take_row, draft));
    return authority_certificate_rows_each(tx, NULL, take_cross, draft);
}

static err_t read_change_in(struct db_tx *tx, void *arg)
{
    return authority_rows_read_change(tx, arg);
}

err_t authority_set_read_change(struct fleet *fleet, int64_t *out)
{
    return db_read(fleet->db, read_change_in, out);
}

/* --- authorities ------------------------------------------------------------------------------------ */

static bool is_same(const struct authority *authority, const char *id, struct bytes der)
{
    return authority != NULL && strcmp(authority_id(authority), id) == 0 &&
           bytes_equal(authority_borrow_der(authority), der);
}

/* One that was passed in, with its key or without. */
static const struct authority *given(const struct fleet_options *options, const char *id, struct bytes der)
{
    const struct authority *all[] = {options->root, options->device, options->infrastructure};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (is_same(all[i], id, der)) {
            return all[i];
        }
    }
    return NULL;
}

static const struct authority *former_of(const struct authority_set *former, const char *id, struct bytes der)
{
    const struct authority_member *member = former == NULL ? NULL : authority_set_find(former, bytes_str(id));
    return member != NULL && is_same(member->authority, id, der) ? member->authority : NULL;
}

static void note_unavailable(struct fleet *fleet, const struct authority_set *former,
                             struct authority_set *set, const struct authority_member *member, err_t why)
{
    set->is_whole = false;
    if (former == NULL || former->is_whole) {
        log_error(fleet->log, "authority.key_unavailable", member->id, why);
    }
}

/* What cannot be opened just now is looked for again (is_whole), and told once; what is broken ends the
 * reading. */
static err_t open_key(struct fleet *fleet, const struct authority_set *former, struct authority_set *set,
                      const struct authority_member *member, struct private_key **out)
{
    char label[AUTHORITY_ID_SIZE + 4];
    struct keystore *keystore = fleet->options.keystore;
    *out = NULL;
    (void)snprintf(label, sizeof label, "ca-%s", member->id);
    if (keystore == NULL || member->is_external) {
        return OK;
    }
    if (member->role ==
        AUTHORITY_ROOT) { /* which may have been taken offline: then nobody keeps it in memory */
        (void)keystore_has(keystore, label);
    }
    err_t opened = keystore_load(keystore, label, out);
    if (opened.code == ERR_UNAVAILABLE) {
        note_unavailable(fleet, former, set, member, opened);
        return OK;
    }
    return opened.code == ERR_NOT_FOUND ? OK : opened;
}

/* The signer may be lost between giving a key and being told its certificate: then it is as if it had not. */
static err_t load_with(struct private_key *key, const struct authority_member *member, struct bytes der,
                       err_t *unavailable, struct authority **out)
{
    bool has_key = key != NULL;
    *unavailable = authority_load(member->id, member->role, der, key, out);
    if (has_key && unavailable->code == ERR_UNAVAILABLE) {
        return authority_load(member->id, member->role, der, NULL, out);
    }
    err_t result = *unavailable;
    *unavailable = OK;
    return result;
}

static err_t load(struct fleet *fleet, const struct authority_set *former, struct authority_set *set,
                  struct authority_member *member, struct bytes der)
{
    const struct authority *known = given(&fleet->options, member->id, der);
    AUTO_PTR(private_key) *key = NULL;
    if (known == NULL) {
        TRY(open_key(fleet, former, set, member, &key));
        known = former_of(former, member->id, der);
        known = known != NULL && authority_has_key(known) == (key != NULL) ? known : NULL;
    }
    if (known != NULL) {
        member->authority = authority_ref(known);
    } else {
        struct authority *loaded = NULL;
        err_t unavailable = OK;
        TRY(load_with(TAKE(key), member, der, &unavailable, &loaded));
        member->authority = loaded;
        if (unavailable.code != ERR_OK) {
            note_unavailable(fleet, former, set, member, unavailable);
        }
    }
    member->has_key = authority_has_key(member->authority);
    return OK;
}

/* --- before the first rows -------------------------------------------------------------------------- */

static err_t found_from(const struct fleet_options *options, struct draft *draft)
{
    const struct authority *all[] = {options->device, options->infrastructure, options->root};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct authority_member *member = NULL;
        struct buf *der = NULL;
        if (all[i] == NULL) {
            continue;
        }
        TRY(add_member(draft, &member, &der));
        bool is_sharded = all[i] == options->device && options->crl_shards > 0;
        *member = (struct authority_member){.role = authority_role(all[i]),
                                            .state = AUTHORITY_ACTIVE,
                                            .is_default = true,
                                            .crl_shards = is_sharded ? options->crl_shards : 0};
        (void)snprintf(member->id, sizeof member->id, "%s", authority_id(all[i]));
        (void)snprintf(member->issuer, sizeof member->issuer, "%s",
                       member->role != AUTHORITY_ROOT && options->root != NULL ? authority_id(options->root)
                                                                               : "");
        char *base = strdup(is_sharded ? options->crl_base : "");
        ENSURE(base != NULL, ERR_NO_MEMORY, "the address of an authority");
        member->crl_base = base;
        TRY(buf_append_bytes(der, authority_borrow_der(all[i])));
    }
    return OK;
}

err_t authority_set_read(struct fleet *fleet, const struct authority_set *former, struct authority_set **out)
{
    *out = NULL;
    AUTO_VAL(draft) draft = {.set = calloc(1, sizeof(struct authority_set))};
    ENSURE(draft.set != NULL, ERR_NO_MEMORY, "the authorities");
    atomic_init(&draft.set->holders, 1);
    draft.set->is_whole = true;
    TRY(db_read(fleet->db, read_in, &draft));
    if (draft.set->count == 0) {
        TRY(found_from(&fleet->options, &draft));
    }
    for (size_t i = 0; i < draft.set->count; i++) {
        TRY(load(fleet, former, draft.set, &draft.set->members[i], buf_view(&draft.ders[i])));
    }
    for (size_t i = 0; i < draft.set->cross_count; i++) {
        struct kept_cross *cross = &draft.set->crosses[i];
        cross->view = (struct authority_cross){.issuer = cross->issuer,
                                               .subject = cross->subject,
                                               .kind = cross->view.kind,
                                               .der = buf_view(&cross->der)};
    }
    *out = TAKE(draft.set);
    return OK;
}
