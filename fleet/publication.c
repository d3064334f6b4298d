/* What is published ready-made: CRLs and CA certificates in memory. A list is signed, stored durably and only
 * then shown, so that no restart ever shows an older number. Readers on the loop take a short mutex and a
 * reference; nothing here signs or reads rows while it is held. */
#include "fleet/publication.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/crl_rows.h"
#include "fleet/crl_make.h"
#include "fleet/internal.h"

enum { AUTHORITIES = 3, ATTEMPTS = 4, CLOCK_STEP_MS = 60000 };

struct place {
    struct published crl, certificate; /* bytes NULL: nothing is there yet */
    int64_t crl_number;
};

struct publications {
    pthread_mutex_t mutex; /* guards the places */
    struct place places[AUTHORITIES];
};

err_t publications_new(struct publications **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "publications");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void publications_free(struct publications *publications)
{
    if (publications == NULL) {
        return;
    }
    for (size_t i = 0; i < AUTHORITIES; i++) {
        shared_unref(publications->places[i].crl.bytes);
        shared_unref(publications->places[i].certificate.bytes);
    }
    (void)pthread_mutex_destroy(&publications->mutex);
    free(publications);
}

static const struct authority *authority_at(const struct fleet *fleet, size_t index)
{
    const struct authority *all[AUTHORITIES] = {fleet->options.root, fleet->options.device,
                                                fleet->options.infrastructure};
    return all[index];
}

/* --- readers ---------------------------------------------------------------------------------------- */

static err_t take(struct fleet *fleet, struct bytes authority, bool want_crl, struct published *out)
{
    for (size_t i = 0; i < AUTHORITIES; i++) {
        if (!bytes_is(authority, authority_id(authority_at(fleet, i)))) {
            continue;
        }
        struct publications *publications = fleet->publications;
        (void)pthread_mutex_lock(&publications->mutex);
        const struct place *place = &publications->places[i];
        *out = want_crl ? place->crl : place->certificate;
        out->bytes = out->bytes != NULL ? shared_ref(out->bytes) : NULL;
        (void)pthread_mutex_unlock(&publications->mutex);
        ENSURE(out->bytes != NULL, ERR_NOT_FOUND, "not published yet");
        return OK;
    }
    return ERR(ERR_NOT_FOUND, "no such authority");
}

err_t publication_crl(struct fleet *fleet, struct bytes authority, struct published *out)
{
    return take(fleet, authority, true, out);
}

err_t publication_ca(struct fleet *fleet, struct bytes authority, struct published *out)
{
    return take(fleet, authority, false, out);
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

static bool shows_crl(struct publications *publications, size_t index, int64_t number)
{
    (void)pthread_mutex_lock(&publications->mutex);
    bool does = publications->places[index].crl_number >= number;
    (void)pthread_mutex_unlock(&publications->mutex);
    return does;
}

/* The number never falls, even if two threads come here in the wrong order. */
static err_t show_crl(struct fleet *fleet, size_t index, const struct crl_row *row)
{
    struct published next = {.this_update_ms = row->this_update, .next_update_ms = row->next_update};
    TRY(make_published(buf_view(&row->der), &next));
    struct publications *publications = fleet->publications;
    struct place *place = &publications->places[index];
    (void)pthread_mutex_lock(&publications->mutex);
    struct shared *dropped = next.bytes;
    if (place->crl_number < row->number) {
        dropped = place->crl.bytes;
        place->crl = next;
        place->crl_number = row->number;
    }
    (void)pthread_mutex_unlock(&publications->mutex);
    shared_unref(dropped);
    return OK;
}

static err_t show_certificate(struct fleet *fleet, size_t index)
{
    struct publications *publications = fleet->publications;
    struct published *slot = &publications->places[index].certificate;
    (void)pthread_mutex_lock(&publications->mutex);
    bool is_there = slot->bytes != NULL;
    (void)pthread_mutex_unlock(&publications->mutex);
    if (is_there) {
        return OK;
    }
    struct published next = {0};
    TRY(make_published(authority_borrow_der(authority_at(fleet, index)), &next));
    (void)pthread_mutex_lock(&publications->mutex);
    struct shared *dropped = slot->bytes;
    *slot = next;
    (void)pthread_mutex_unlock(&publications->mutex);
    shared_unref(dropped);
    return OK;
}

/* Missing, stale, past half of its life, or from the future: when a wrong clock was set right, everybody else
 * would refuse the list until its thisUpdate comes. */
static bool is_due(const struct crl_row *row, int64_t now_ms)
{
    return row->number == 0 || row->is_stale || row->this_update > now_ms + CLOCK_STEP_MS ||
           now_ms >= row->this_update + (row->next_update - row->this_update) / 2;
}

struct query {
    const char *authority;
    struct crl_row *row;
    bool with_der;
};

/* A row that is not there reads as number 0, version 0. */
static err_t read_row(struct db_tx *tx, void *arg)
{
    struct query *query = arg;
    err_t found = query->with_der ? crl_rows_find(tx, query->authority, query->row)
                                  : crl_rows_find_state(tx, query->authority, query->row);
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t refresh_once(struct fleet *fleet, size_t index, int64_t now_ms)
{
    const struct authority *authority = authority_at(fleet, index);
    AUTO_VAL(crl_row) row = {0};
    struct query query = {.authority = authority_id(authority), .row = &row};
    TRY(db_read(fleet->db, read_row, &query));
    if (is_due(&row, now_ms)) {
        TRY(crl_make(fleet, authority, now_ms, &row));
        return show_crl(fleet, index, &row);
    }
    if (shows_crl(fleet->publications, index, row.number)) {
        return OK;
    }
    query.with_der = true;
    TRY(db_read(fleet->db, read_row, &query));
    return show_crl(fleet, index, &row);
}

/* Somebody revoked between the reading of the entries and the storing of the list: read them again. */
static err_t refresh_authority(struct fleet *fleet, size_t index, int64_t now_ms)
{
    TRY(show_certificate(fleet, index));
    err_t result = refresh_once(fleet, index, now_ms);
    for (int i = 1; i < ATTEMPTS && (result.code == ERR_BUSY || result.code == ERR_CONFLICT); i++) {
        result = refresh_once(fleet, index, now_ms);
    }
    return result;
}

err_t publication_refresh(struct fleet *fleet, int64_t now_ms)
{
    err_t first = OK; /* one authority that fails leaves the others their lists */
    for (size_t i = 0; i < AUTHORITIES; i++) {
        err_t result = refresh_authority(fleet, i, now_ms);
        first = first.code == ERR_OK ? result : first;
    }
    return first;
}
