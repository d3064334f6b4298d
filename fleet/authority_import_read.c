/* Reads every authority with its certificate, its request and its list: imports are rare, and authorities
 * few. */
#include "fleet/authority_import_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "db/crl_floor_rows.h"
#include "fleet/authority_set.h"
#include "fleet/internal.h"

static void clear_rows(struct import_world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        buf_clear(&world->items[i].certificate);
        buf_clear(&world->items[i].request);
        crl_row_clear(&world->items[i].crl);
    }
    for (size_t i = 0; i < world->further_count; i++) {
        buf_clear(&world->further[i]);
    }
    free(world->items);
    free(world->further);
    world->items = NULL;
    world->further = NULL;
    world->count = world->further_count = 0;
}

void import_world_clear(struct import_world *world)
{
    clear_rows(world);
    free(world->known);
    free(world->further_known);
    world->known = NULL;
    world->further_known = NULL;
}

static err_t take_row(const struct authority_row *row, void *arg)
{
    struct import_world *world = arg;
    struct import_authority *grown = reallocarray(world->items, world->count + 1, sizeof *grown);
    ENSURE(grown != NULL, ERR_NO_MEMORY, "%zu authorities", world->count);
    world->items = grown;
    struct import_authority *item = &grown[world->count++];
    memset(item, 0, sizeof *item);
    item->row = *row;
    (void)snprintf(item->role, sizeof item->role, "%s", row->role);
    (void)snprintf(item->crl_base, sizeof item->crl_base, "%s", row->crl_base);
    TRY(buf_append_bytes(&item->certificate, row->certificate));
    return buf_append_bytes(&item->request, row->request);
}

static err_t take_further(const struct authority_certificate_row *row, void *arg)
{
    struct import_world *world = arg;
    struct buf *grown = reallocarray(world->further, world->further_count + 1, sizeof *grown);
    ENSURE(grown != NULL, ERR_NO_MEMORY, "%zu certificates", world->further_count);
    world->further = grown;
    grown[world->further_count] = (struct buf){0};
    return buf_append_bytes(&grown[world->further_count++], row->certificate);
}

static err_t read_list(struct db_tx *tx, struct import_authority *item)
{
    err_t found = crl_rows_find(tx, item->row.id, CRL_COMPLETE, &item->crl);
    if (found.code == ERR_NOT_FOUND) {
        err_t marked = crl_rows_find_state(tx, item->row.id, CRL_COMPLETE, &item->crl);
        found = marked.code == ERR_NOT_FOUND ? OK : marked;
    }
    TRY(found);
    return crl_floor_rows_read(tx, item->row.id, CRL_COMPLETE, &item->floor);
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct import_world *world = arg;
    clear_rows(world); /* of a run before this one */
    TRY(authority_rows_read_change(tx, &world->change));
    TRY(authority_rows_each(tx, take_row, world));
    TRY(authority_certificate_rows_each(tx, NULL, take_further, world));
    for (size_t i = 0; i < world->count; i++) {
        TRY(read_list(tx, &world->items[i]));
    }
    return OK;
}

/* @param keystore NULL: nobody asks */
static err_t show(struct keystore *keystore, struct import_authority *item, struct import_known *out)
{
    char label[AUTHORITY_ID_SIZE + 4];
    struct authority_row *row = &item->row;
    (void)snprintf(label, sizeof label, "ca-%s", row->id);
    row->role = item->role;
    row->crl_base = item->crl_base;
    row->certificate = buf_view(&item->certificate);
    row->request = buf_view(&item->request);
    *out = (struct import_known){
        .state = row->state,
        .is_external = row->is_external,
        .has_key = !row->is_external && keystore != NULL && keystore_has(keystore, label),
        .key_purposes = row->key_purposes,
        .certificate = row->certificate,
        .request = row->request,
        .crl_number = item->crl.number > item->floor ? item->crl.number : item->floor,
        .crl = buf_view(&item->crl.der)};
    memcpy(out->id, row->id, sizeof out->id);
    memcpy(out->predecessor, row->predecessor, sizeof out->predecessor);
    return authority_role_parse(item->role, &out->role);
}

static err_t show_all(struct keystore *keystore, struct import_world *out)
{
    out->known = calloc(out->count + 1, sizeof *out->known);
    out->further_known = calloc(out->further_count + 1, sizeof *out->further_known);
    ENSURE(out->known != NULL && out->further_known != NULL, ERR_NO_MEMORY, "%zu authorities", out->count);
    for (size_t i = 0; i < out->count; i++) {
        TRY(show(keystore, &out->items[i], &out->known[i]));
    }
    for (size_t i = 0; i < out->further_count; i++) {
        out->further_known[i].certificate = buf_view(&out->further[i]);
    }
    return OK;
}

err_t import_world_read(struct fleet *fleet, struct import_world *out)
{
    ENSURE(fleet->options.keystore != NULL, ERR_INTERNAL, "imports need the keystore");
    TRY(db_read(fleet->db, read_in, out));
    return show_all(fleet->options.keystore, out);
}

err_t import_world_read_in(struct db_tx *tx, struct import_world *out)
{
    TRY(read_in(tx, out));
    return show_all(NULL, out);
}

struct import_view import_world_view(const struct import_world *world, int64_t now_ms)
{
    return (struct import_view){.items = world->known,
                                .count = world->count,
                                .further = world->further_known,
                                .further_count = world->further_count,
                                .now_ms = now_ms};
}

const struct import_authority *import_world_find(const struct import_world *world, const char *id)
{
    for (size_t i = 0; i < world->count; i++) {
        if (strcmp(world->items[i].row.id, id) == 0) {
            return &world->items[i];
        }
    }
    return NULL;
}
