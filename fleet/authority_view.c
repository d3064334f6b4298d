/* Rows of authorities in memory, for the time of one order. */
#include "fleet/authority_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "fleet/authority_set.h"

void authority_view_clear(struct authority_view *view)
{
    free(view->items);
    *view = (struct authority_view){.count = 0};
}

static err_t take(const struct authority_row *row, void *arg)
{
    struct authority_view *view = arg;
    ENSURE(view->count < AUTHORITIES_MAX, ERR_INTERNAL, "there are more than %d authorities",
           AUTHORITIES_MAX);
    struct authority_brief *out = &view->items[view->count++];
    *out = (struct authority_brief){.state = row->state,
                                    .has_tenant = row->has_tenant,
                                    .is_default = row->is_default,
                                    .is_external = row->is_external,
                                    .tenant = row->tenant,
                                    .ends_at = row->ends_at,
                                    .ver = row->ver,
                                    .key_purposes = row->key_purposes,
                                    .crl_shards = row->crl_shards};
    (void)snprintf(out->id, sizeof out->id, "%s", row->id);
    (void)snprintf(out->role, sizeof out->role, "%s", row->role);
    (void)snprintf(out->issuer, sizeof out->issuer, "%s", row->issuer);
    (void)snprintf(out->predecessor, sizeof out->predecessor, "%s", row->predecessor);
    return OK;
}

static err_t count_cross(const struct authority_certificate_row *row, void *arg)
{
    struct authority_view *view = arg;
    bool is_cross = row->kind == AUTHORITY_NEW_WITH_OLD || row->kind == AUTHORITY_OLD_WITH_NEW;
    view->crosses += is_cross && row->revoked_at == 0 ? 1 : 0;
    for (size_t i = 0; i < view->count && row->kind == AUTHORITY_NEW_WITH_OLD && row->revoked_at == 0; i++) {
        struct authority_brief *item = &view->items[i];
        item->has_new_with_old = item->has_new_with_old || strcmp(item->id, row->subject) == 0;
    }
    return OK;
}

err_t authority_view_read(struct db_tx *tx, struct authority_view *out)
{
    authority_view_clear(out);
    out->items = calloc(AUTHORITIES_MAX, sizeof *out->items);
    ENSURE(out->items != NULL, ERR_NO_MEMORY, "the authorities");
    TRY(authority_rows_each(tx, take, out));
    return authority_certificate_rows_each(tx, NULL, count_cross, out);
}

const struct authority_brief *authority_view_find(const struct authority_view *view, const char *id)
{
    for (size_t i = 0; i < view->count; i++) {
        if (strcmp(view->items[i].id, id) == 0) {
            return &view->items[i];
        }
    }
    return NULL;
}

const struct authority_brief *authority_view_default(const struct authority_view *view, const char *role,
                                                     const struct uuid *tenant)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct authority_brief *item = &view->items[i];
        bool is_its =
            item->has_tenant == (tenant != NULL) && (tenant == NULL || uuid_equal(item->tenant, *tenant));
        if (is_its && item->is_default && item->state == AUTHORITY_ACTIVE && strcmp(item->role, role) == 0) {
            return item;
        }
    }
    return NULL;
}

bool authority_brief_is_akin(const struct authority_brief *a, const struct authority_brief *b)
{
    bool is_one_owner =
        a->has_tenant == b->has_tenant && (!a->has_tenant || uuid_equal(a->tenant, b->tenant));
    return is_one_owner && strcmp(a->role, b->role) == 0;
}

/* --- one of them ------------------------------------------------------------------------------------- */

void authority_copy_clear(struct authority_copy *copy)
{
    buf_clear(&copy->certificate);
    buf_clear(&copy->request);
}

static err_t copy_row(const struct authority_row *row, void *arg)
{
    struct authority_copy *out = arg;
    authority_copy_clear(out);
    out->row = *row;
    (void)snprintf(out->role, sizeof out->role, "%s", row->role);
    (void)snprintf(out->crl_base, sizeof out->crl_base, "%s", row->crl_base);
    TRY(buf_append_bytes(&out->certificate, row->certificate));
    TRY(buf_append_bytes(&out->request, row->request));
    out->row.role = out->role;
    out->row.crl_base = out->crl_base;
    out->row.certificate = buf_view(&out->certificate);
    out->row.request = buf_view(&out->request);
    return OK;
}

err_t authority_copy_find(struct db_tx *tx, const char *id, struct authority_copy *out)
{
    return authority_rows_find(tx, id, copy_row, out);
}
