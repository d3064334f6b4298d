/* The present snapshot of authorities and what is asked of it: who issues, which path leads to a root, what
 * cacerts says. Reads no row (authority_set_read.c does). */
#include "fleet/authority_set.h"

#include <stdlib.h>
#include <string.h>

#include "fleet/authority_set_internal.h"
#include "fleet/ocsp.h"

enum { SUCCESSORS_MAX = 16 };

/* --- life ------------------------------------------------------------------------------------------- */

void authority_set_unref(struct authority_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->holders, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        authority_free((struct authority *)(uintptr_t)set->members[i].authority);
        free((char *)(uintptr_t)set->members[i].crl_base);
    }
    for (size_t i = 0; i < set->cross_count; i++) {
        buf_clear(&set->crosses[i].der);
    }
    free(set->members);
    free(set->crosses);
    free(set);
}

err_t authority_sets_new(struct fleet *fleet)
{
    struct authority_sets *sets = calloc(1, sizeof *sets);
    ENSURE(sets != NULL, ERR_NO_MEMORY, "the authorities");
    (void)pthread_mutex_init(&sets->mutex, NULL);
    (void)pthread_mutex_init(&sets->reloading, NULL);
    fleet->authority_sets = sets;
    TRY(authority_set_read(fleet, NULL, &sets->present));
    sets->present->version = 1;
    return OK;
}

void authority_sets_free(struct authority_sets *sets)
{
    if (sets != NULL) {
        authority_set_unref(sets->present);
        (void)pthread_mutex_destroy(&sets->reloading);
        (void)pthread_mutex_destroy(&sets->mutex);
        free(sets);
    }
}

struct authority_set *authority_set_take(const struct fleet *fleet)
{
    struct authority_sets *sets = fleet->authority_sets;
    (void)pthread_mutex_lock(&sets->mutex);
    struct authority_set *set = sets->present;
    atomic_fetch_add(&set->holders, 1);
    (void)pthread_mutex_unlock(&sets->mutex);
    return set;
}

int64_t authority_set_version(const struct authority_set *set)
{
    return set->version;
}

int64_t authority_set_change(const struct authority_set *set)
{
    return set->change;
}

/* --- replacing -------------------------------------------------------------------------------------- */

/* Looked for again, and no key was found that was not there before. */
static bool is_as_before(const struct authority_set *former, const struct authority_set *next)
{
    bool is_same = former->change == next->change && former->count == next->count;
    for (size_t i = 0; is_same && i < next->count; i++) {
        is_same = former->members[i].authority == next->members[i].authority;
    }
    return is_same && former->is_whole == next->is_whole;
}

static err_t replace(struct fleet *fleet, bool *is_new)
{
    struct authority_sets *sets = fleet->authority_sets;
    AUTO_PTR(authority_set) *former = authority_set_take(fleet);
    AUTO_PTR(authority_set) *next = NULL;
    TRY(authority_set_read(fleet, former, &next));
    *is_new = !is_as_before(former, next);
    if (!*is_new) {
        return OK;
    }
    next->version = former->version + 1;
    (void)pthread_mutex_lock(&sets->mutex);
    struct authority_set *dropped = sets->present;
    sets->present = TAKE(next);
    (void)pthread_mutex_unlock(&sets->mutex);
    authority_set_unref(dropped);
    return ocsp_see_authorities(fleet);
}

static bool is_current(const struct fleet *fleet, int64_t change)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    return set->is_whole && set->change == change;
}

static err_t refresh(struct fleet *fleet, bool *is_new)
{
    int64_t change = 0;
    *is_new = false;
    TRY(authority_set_read_change(fleet, &change));
    if (is_current(fleet, change)) {
        return OK;
    }
    return replace(fleet, is_new);
}

err_t authority_set_reload(struct fleet *fleet)
{
    struct authority_sets *sets = fleet->authority_sets;
    bool is_new = false;
    (void)pthread_mutex_lock(&sets->reloading);
    err_t result = refresh(fleet, &is_new);
    (void)pthread_mutex_unlock(&sets->reloading);
    if (is_new && sets->on_change != NULL) {
        sets->on_change(sets->context);
    }
    return result;
}

err_t authority_set_refresh(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    return authority_set_reload(fleet);
}

void authority_set_on_change(struct fleet *fleet, void (*fn)(void *context), void *context)
{
    fleet->authority_sets->on_change = fn;
    fleet->authority_sets->context = context;
}

/* --- members ---------------------------------------------------------------------------------------- */

const struct authority_member *authority_set_at(const struct authority_set *set, size_t index)
{
    return index < set->count ? &set->members[index] : NULL;
}

const struct authority_member *authority_set_find(const struct authority_set *set, struct bytes id)
{
    for (size_t i = 0; i < set->count; i++) {
        if (bytes_is(id, set->members[i].id)) {
            return &set->members[i];
        }
    }
    return NULL;
}

const struct authority_member *authority_set_root(const struct authority_set *set)
{
    const struct authority_member *first = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct authority_member *member = &set->members[i];
        if (member->role == AUTHORITY_ROOT && member->is_default) {
            return member;
        }
        first = first == NULL && member->role == AUTHORITY_ROOT ? member : first;
    }
    return first;
}

static bool is_of(const struct authority_member *member, const struct uuid *tenant)
{
    return !member->has_tenant || (tenant != NULL && uuid_equal(member->tenant, *tenant));
}

/* Who took the place of one that issues no more. */
static const struct authority_member *successor_of(const struct authority_set *set, const char *id)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->members[i].predecessor, id) == 0 && set->members[i].state != AUTHORITY_STANDBY) {
            return &set->members[i];
        }
    }
    return NULL;
}

static const struct authority_member *active_in_line(const struct authority_set *set, const char *chosen)
{
    const struct authority_member *member = authority_set_find(set, bytes_str(chosen));
    for (int i = 0; i < SUCCESSORS_MAX && member != NULL && member->state != AUTHORITY_ACTIVE; i++) {
        member = successor_of(set, member->id);
    }
    return member != NULL && member->state == AUTHORITY_ACTIVE ? member : NULL;
}

/* The tenant's own before the installation's. */
static const struct authority_member *default_of(const struct authority_set *set, enum authority_role role,
                                                 const struct uuid *tenant)
{
    const struct authority_member *shared = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct authority_member *member = &set->members[i];
        if (member->role != role || member->state != AUTHORITY_ACTIVE || !member->is_default ||
            !is_of(member, tenant)) {
            continue;
        }
        if (member->has_tenant) {
            return member;
        }
        shared = member;
    }
    return shared;
}

const struct authority_member *authority_set_default(const struct authority_set *set,
                                                     enum authority_role role, const struct uuid *tenant)
{
    return default_of(set, role, tenant);
}

err_t authority_set_issuer(const struct authority_set *set, enum authority_role role,
                           const struct uuid *tenant, const char *chosen, const struct authority_member **out)
{
    *out = NULL;
    const struct authority_member *member =
        chosen[0] != '\0' ? active_in_line(set, chosen) : default_of(set, role, tenant);
    if (chosen[0] != '\0') {
        ENSURE(member != NULL && member->role == role && is_of(member, tenant), ERR_UNPROCESSABLE,
               "authority %s does not issue here: it is not active, of another role, or of another tenant",
               chosen);
    }
    ENSURE(member != NULL, ERR_UNAVAILABLE, "there is no active authority that issues this");
    ENSURE(member->has_key, ERR_UNAVAILABLE, "the key of authority %s is not here", member->id);
    *out = member;
    return OK;
}

/* --- certificates ----------------------------------------------------------------------------------- */

const struct authority_cross *authority_set_cross_at(const struct authority_set *set, size_t index)
{
    return index < set->cross_count ? &set->crosses[index].view : NULL;
}

/* A root that follows another one, for which that one has not vouched yet: its NewWithOld is still to be
 * signed elsewhere. Devices would refuse the whole set for it. */
static bool is_unheard_of(const struct authority_set *set, const struct authority_member *member)
{
    bool is_next = member->role == AUTHORITY_ROOT && member->state == AUTHORITY_ACTIVE &&
                   !member->is_default && member->predecessor[0] != '\0';
    for (size_t i = 0; i < set->cross_count && is_next; i++) {
        const struct authority_cross *cross = &set->crosses[i].view;
        is_next = cross->kind != AUTHORITY_NEW_WITH_OLD || strcmp(cross->subject, member->id) != 0;
    }
    return is_next;
}

static bool is_shown(const struct authority_set *set, const struct authority_member *member,
                     const struct uuid *tenant)
{
    bool is_live = member->state == AUTHORITY_STANDBY || member->state == AUTHORITY_ACTIVE ||
                   member->state == AUTHORITY_RETIRING;
    return is_live && is_of(member, tenant) && !is_unheard_of(set, member);
}

static bool is_shown_id(const struct authority_set *set, const char *id, const struct uuid *tenant)
{
    const struct authority_member *member = authority_set_find(set, bytes_str(id));
    return member != NULL && is_shown(set, member, tenant);
}

size_t authority_set_path(const struct authority_set *set, const struct authority_member *of,
                          struct bytes ders[AUTHORITY_PATH_MAX])
{
    size_t n = 0;
    const struct authority_member *top = of;
    while (top != NULL && top->issuer[0] != '\0' && n < AUTHORITY_PATH_MAX) {
        ders[n++] = authority_borrow_der(top->authority);
        top = authority_set_find(set, bytes_str(top->issuer));
    }
    for (size_t i = 0; i < set->cross_count && top != NULL && n < AUTHORITY_PATH_MAX; i++) {
        const struct authority_cross *cross = &set->crosses[i].view;
        if (cross->kind == AUTHORITY_NEW_WITH_OLD && strcmp(cross->subject, top->id) == 0 &&
            is_shown_id(set, cross->issuer, NULL)) {
            ders[n++] = cross->der;
        }
    }
    return n;
}

struct collection {
    struct bytes *ders;
    size_t n;
};

static void collect(struct collection *out, struct bytes der)
{
    if (out->n < CACERTS_MAX) {
        out->ders[out->n++] = der;
    }
}

static void collect_members(const struct authority_set *set, const struct uuid *tenant, bool roots,
                            struct collection *out)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct authority_member *member = &set->members[i];
        if (is_shown(set, member, tenant) && (member->role == AUTHORITY_ROOT) == roots) {
            collect(out, authority_borrow_der(member->authority));
        }
    }
}

size_t authority_set_cacerts(const struct authority_set *set, const struct uuid *tenant,
                             struct bytes ders[CACERTS_MAX])
{
    struct collection out = {.ders = ders};
    collect_members(set, tenant, true, &out);
    for (size_t i = 0; i < set->cross_count; i++) {
        const struct authority_cross *cross = &set->crosses[i].view;
        if (is_shown_id(set, cross->issuer, tenant) && is_shown_id(set, cross->subject, tenant)) {
            collect(&out, cross->der);
        }
    }
    collect_members(set, tenant, false, &out);
    return out.n;
}
