/* What is published ready-made: CRLs and CA certificates in memory. A list is signed, stored durably and only
 * then shown, so that no restart ever shows an older number. Readers on the loop take a short mutex and a
 * reference; nothing here signs or reads rows (publication_refresh.c does). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/crl_shards.h"
#include "fleet/internal.h"
#include "fleet/publication_internal.h"

static err_t shelf_init(const struct fleet_options *options, const struct authority *authority,
                        struct shelf *out)
{
    int shards = authority == options->device ? options->crl_shards : 0;
    out->authority = authority;
    out->count = (size_t)shards + 1;
    out->lists = calloc(out->count, sizeof *out->lists);
    ENSURE(out->lists != NULL, ERR_NO_MEMORY, "publications");
    return OK;
}

err_t publications_new(const struct fleet_options *options, struct publications **out)
{
    const struct authority *authorities[SHELVES] = {options->root, options->device, options->infrastructure};
    *out = NULL;
    AUTO_PTR(publications) *publications = calloc(1, sizeof *publications);
    ENSURE(publications != NULL, ERR_NO_MEMORY, "publications");
    (void)pthread_mutex_init(&publications->mutex, NULL);
    (void)pthread_mutex_init(&publications->refreshing, NULL);
    for (size_t i = 0; i < SHELVES; i++) {
        TRY(shelf_init(options, authorities[i], &publications->shelves[i]));
    }
    *out = TAKE(publications);
    return OK;
}

void publications_free(struct publications *publications)
{
    if (publications == NULL) {
        return;
    }
    for (size_t i = 0; i < SHELVES; i++) {
        struct shelf *shelf = &publications->shelves[i];
        for (size_t k = 0; shelf->lists != NULL && k < shelf->count; k++) {
            shared_unref(shelf->lists[k].crl.bytes);
        }
        shared_unref(shelf->certificate.bytes);
        free(shelf->lists);
    }
    (void)pthread_mutex_destroy(&publications->refreshing);
    (void)pthread_mutex_destroy(&publications->mutex);
    free(publications);
}

/* --- readers ---------------------------------------------------------------------------------------- */

static struct shelf *find_shelf(struct fleet *fleet, struct bytes authority)
{
    for (size_t i = 0; i < SHELVES; i++) {
        struct shelf *shelf = &fleet->publications->shelves[i];
        if (shelf->authority != NULL && bytes_is(authority, authority_id(shelf->authority))) {
            return shelf;
        }
    }
    return NULL;
}

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
    struct shelf *shelf = find_shelf(fleet, authority);
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
    struct shelf *shelf = find_shelf(fleet, authority);
    ENSURE(shelf != NULL, ERR_NOT_FOUND, "no such authority");
    TRY(read_shard(shard, shelf, &number));
    return take(fleet, &shelf->lists[number + 1].crl, out);
}

err_t publication_ca(struct fleet *fleet, struct bytes authority, struct published *out)
{
    struct shelf *shelf = find_shelf(fleet, authority);
    ENSURE(shelf != NULL, ERR_NOT_FOUND, "no such authority");
    return take(fleet, &shelf->certificate, out);
}

err_t publication_span(struct fleet *fleet, struct bytes authority, int64_t *from_ms, int64_t *to_ms)
{
    struct shelf *shelf = find_shelf(fleet, authority);
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

err_t publication_show_certificate(struct publications *publications, struct shelf *shelf)
{
    struct published *slot = &shelf->certificate;
    (void)pthread_mutex_lock(&publications->mutex);
    bool is_there = slot->bytes != NULL;
    (void)pthread_mutex_unlock(&publications->mutex);
    if (is_there) {
        return OK;
    }
    struct published next = {0};
    TRY(make_published(authority_borrow_der(shelf->authority), &next));
    (void)pthread_mutex_lock(&publications->mutex);
    struct shared *dropped = slot->bytes;
    *slot = next;
    (void)pthread_mutex_unlock(&publications->mutex);
    shared_unref(dropped);
    return OK;
}
