/* What is published ready-made: CRLs and CA certificates in memory. A list is signed, stored durably and only
 * then shown, so that no restart ever shows an older number. Readers on the loop take a short mutex and a
 * reference; nothing here signs or reads rows (publication_refresh.c does). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/internal.h"
#include "fleet/publication_internal.h"

err_t publications_new(struct publications **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "publications");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    (void)pthread_mutex_init(&(*out)->refreshing, NULL);
    return OK;
}

static void shelf_free(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++) {
        shared_unref(shelf->lists[i].crl.bytes);
    }
    shared_unref(shelf->certificate.bytes);
    free(shelf->lists);
    free(shelf);
}

void publications_free(struct publications *publications)
{
    if (publications == NULL) {
        return;
    }
    for (size_t i = 0; i < atomic_load(&publications->count); i++) {
        shelf_free(publications->shelves[i]);
    }
    (void)pthread_mutex_destroy(&publications->refreshing);
    (void)pthread_mutex_destroy(&publications->mutex);
    free(publications);
}

static struct shelf *shelf_named(struct publications *publications, struct bytes authority)
{
    size_t count = atomic_load(&publications->count);
    for (size_t i = 0; i < count; i++) {
        if (bytes_is(authority, publications->shelves[i]->authority)) {
            return publications->shelves[i];
        }
    }
    return NULL;
}

err_t publication_shelf(struct publications *publications, const struct authority_member *member,
                        struct shelf **out)
{
    size_t count = atomic_load(&publications->count);
    *out = shelf_named(publications, bytes_str(member->id));
    if (*out != NULL) {
        return OK;
    }
    ENSURE(count < AUTHORITIES_MAX, ERR_INTERNAL, "more than %d authorities", AUTHORITIES_MAX);
    struct shelf *shelf = calloc(1, sizeof *shelf);
    ENSURE(shelf != NULL, ERR_NO_MEMORY, "publications");
    shelf->lists = calloc((size_t)member->crl_shards + 1, sizeof *shelf->lists);
    if (shelf->lists == NULL) {
        free(shelf);
        return ERR(ERR_NO_MEMORY, "publications");
    }
    shelf->count = (size_t)member->crl_shards + 1;
    (void)snprintf(shelf->authority, sizeof shelf->authority, "%s", member->id);
    publications->shelves[count] = shelf;
    atomic_store(&publications->count, count + 1); /* what is read by others is whole */
    *out = shelf;
    return OK;
}

/* --- readers ---------------------------------------------------------------------------------------- */

static err_t take(struct fleet *fleet, const struct published *place, struct published *out)
{
    struct publications *publications = fleet->publications;
    (void)pthread_mutex_lock(&publications->mutex);
    *out = *place;
    out->bytes = out->bytes != NULL ? shared_ref(out->bytes) : NULL;
    (void)pthread_mutex_unlock(&publications->mutex);
    ENSURE(out->bytes != NULL, ERR_NOT_FOUND, "not published yet");
    return OK;
}

err_t publication_crl(struct fleet *fleet, struct bytes authority, struct published *out)
{
    struct shelf *shelf = shelf_named(fleet->publications, authority);
    ENSURE(shelf != NULL, ERR_NOT_FOUND, "no such authority");
    return take(fleet, &shelf->lists[CRL_COMPLETE].crl, out);
}

/* A number in its one form: it is a part of an address. */
static err_t read_shard(struct bytes text, const struct shelf *shelf, size_t *out)
{
    size_t number = 0;
    bool is_number = text.n >= 1 && text.n <= 3 && (text.n == 1 || text.p[0] != '0');
    for (size_t i = 0; is_number && i < text.n; i++) {
        is_number = text.p[i] >= '0' && text.p[i] <= '9';
        number = 10 * number + (size_t)(text.p[i] - '0');
    }
    ENSURE(is_number && number + 1 < shelf->count, ERR_NOT_FOUND, "no such shard");
    *out = number;
    return OK;
}

err_t publication_shard(struct fleet *fleet, struct bytes authority, struct bytes shard,
                        struct published *out)
{
    size_t number = 0;
    struct shelf *shelf = shelf_named(fleet->publications, authority);
    ENSURE(shelf != NULL, ERR_NOT_FOUND, "no such authority");
    TRY(read_shard(shard, shelf, &number));
    return take(fleet, &shelf->lists[number + 1].crl, out);
}

err_t publication_ca(struct fleet *fleet, struct bytes authority, struct published *out)
{
    struct shelf *shelf = shelf_named(fleet->publications, authority);
    ENSURE(shelf != NULL, ERR_NOT_FOUND, "no such authority");
    return take(fleet, &shelf->certificate, out);
}

err_t publication_number(struct fleet *fleet, struct bytes authority, int64_t *out)
{
    struct shelf *shelf = shelf_named(fleet->publications, authority);
    ENSURE(shelf != NULL, ERR_NOT_FOUND, "no such authority");
    (void)pthread_mutex_lock(&fleet->publications->mutex);
    const struct shown_list *list = &shelf->lists[CRL_COMPLETE];
    bool is_there = list->crl.bytes != NULL;
    *out = list->number;
    (void)pthread_mutex_unlock(&fleet->publications->mutex);
    ENSURE(is_there, ERR_NOT_FOUND, "not published yet");
    return OK;
}

err_t publication_span(struct fleet *fleet, struct bytes authority, int64_t *from_ms, int64_t *to_ms)
{
    struct shelf *shelf = shelf_named(fleet->publications, authority);
    ENSURE(shelf != NULL, ERR_NOT_FOUND, "no such authority");
    bool is_whole = true;
    *from_ms = 0;
    *to_ms = INT64_MAX;
    (void)pthread_mutex_lock(&fleet->publications->mutex);
    for (size_t i = 0; i < shelf->count; i++) {
        const struct published *crl = &shelf->lists[i].crl;
        is_whole = is_whole && crl->bytes != NULL;
        if (crl->next_update_ms < *to_ms) {
            *from_ms = crl->this_update_ms;
            *to_ms = crl->next_update_ms;
        }
    }
    (void)pthread_mutex_unlock(&fleet->publications->mutex);
    ENSURE(is_whole, ERR_NOT_FOUND, "not published yet");
    return OK;
}

bool publication_has_begun(const struct fleet *fleet)
{
    return atomic_load(&fleet->publications->has_begun);
}

/* --- replacing -------------------------------------------------------------------------------------- */

static err_t make_published(struct bytes content, struct published *out)
{
    struct sha256 hash;
    TRY(sha256_of(content, &hash));
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(hash.b), hex);
    (void)snprintf(out->etag, sizeof out->etag, "\"%s\"", hex);
    return shared_new(content, &out->bytes);
}

err_t publication_show_crl(struct publications *publications, struct shelf *shelf, const struct crl_row *row)
{
    struct published next = {.this_update_ms = row->this_update, .next_update_ms = row->next_update};
    TRY(make_published(buf_view(&row->der), &next));
    struct shown_list *list = &shelf->lists[row->list];
    (void)pthread_mutex_lock(&publications->mutex);
    struct shared *dropped = next.bytes;
    if (list->number < row->number) {
        dropped = list->crl.bytes;
        list->crl = next;
        list->number = row->number;
    }
    (void)pthread_mutex_unlock(&publications->mutex);
    shared_unref(dropped);
    return OK;
}

err_t publication_show_certificate(struct publications *publications, struct shelf *shelf, struct bytes der)
{
    struct published *slot = &shelf->certificate;
    /* only this thread changes it */
    if (slot->bytes != NULL && bytes_equal(shared_view(slot->bytes), der)) {
        return OK;
    }
    struct published next = {0};
    TRY(make_published(der, &next));
    (void)pthread_mutex_lock(&publications->mutex);
    struct shared *dropped = slot->bytes;
    *slot = next;
    (void)pthread_mutex_unlock(&publications->mutex);
    shared_unref(dropped);
    return OK;
}
