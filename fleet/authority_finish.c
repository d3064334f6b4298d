/* Puts a new authority in its place: its certificate, its state, what becomes of the one before, and the
 * cross certificates of a root. */
#include "fleet/authority_finish.h"

#include <stdio.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "fleet/authority_apply.h"
#include "pki/certificate.h"

void authority_made_clear(struct authority_made *made)
{
    authority_copy_clear(&made->pending);
    buf_clear(&made->der);
    buf_clear(&made->request);
    buf_clear(&made->new_with_old);
    buf_clear(&made->old_with_new);
}

static struct authority_word word_of(const struct authority_made *made, const char *kind)
{
    struct authority_word word = {
        .kind = kind, .actor = made->order.actor, .request_id = made->order.request_id, .note = ""};
    if (made->pending.row.predecessor[0] != '\0') {
        word.other_name = "predecessor";
        word.other = made->pending.row.predecessor;
    }
    return word;
}

static err_t keep_cross(struct db_tx *tx, const char *issuer, const char *subject,
                        enum authority_certificate_kind kind, const struct buf *der)
{
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    struct authority_certificate_row row = {.kind = kind, .certificate = buf_view(der)};
    if (der->n == 0) {
        return OK;
    }
    TRY(certificate_read(buf_view(der), &facts));
    ENSURE(facts.serial_size <= sizeof row.serial, ERR_INTERNAL, "a serial is too long");
    (void)snprintf(row.issuer, sizeof row.issuer, "%s", issuer);
    (void)snprintf(row.subject, sizeof row.subject, "%s", subject);
    memcpy(row.serial, facts.serial, facts.serial_size);
    row.serial_size = facts.serial_size;
    row.not_before = facts.not_before_ms;
    row.not_after = facts.not_after_ms;
    return authority_certificate_rows_insert(tx, &row);
}

/* What the new one is, by what has become of the one before. A root is nobody's default before its roll-over
 * is finished. */
static err_t take_place(struct db_tx *tx, const struct authority_made *made, struct authority_row *row)
{
    AUTO_VAL(authority_view) view = {.count = 0};
    const struct authority_edit leaves = {.state = AUTHORITY_RETIRING};
    TRY(authority_view_read(tx, &view));
    const struct authority_brief *before = authority_view_find(&view, row->predecessor);
    bool is_root = strcmp(row->role, "root") == 0;
    bool is_followed = before != NULL && before->state == AUTHORITY_ACTIVE;
    bool has_default =
        authority_view_default(&view, row->role, row->has_tenant ? &row->tenant : NULL) != NULL;
    switch (made->order.kind) {
    case AUTHORITY_ORDER_CREATE:
        break;
    case AUTHORITY_ORDER_ROLL:
        row->state = is_followed ? AUTHORITY_ACTIVE : AUTHORITY_STANDBY;
        row->is_default = is_followed && before->is_default && !is_root;
        if (is_followed && !is_root) {
            const struct authority_word word = word_of(made, "authority.retiring");
            TRY(authority_edit(tx, before->id, &leaves));
            TRY(authority_record(tx, before, &word));
        }
        break;
    case AUTHORITY_ORDER_REPLACE:
        row->state = AUTHORITY_ACTIVE;
        row->is_default = !has_default;
        break;
    }
    return OK;
}

static err_t keep_certificate(struct db_tx *tx, struct authority_made *made)
{
    struct authority_row *row = &made->pending.row;
    row->certificate = buf_view(&made->der);
    row->request = BYTES_NONE;
    row->state = AUTHORITY_STANDBY;
    TRY(take_place(tx, made, row));
    TRY(authority_rows_update(tx, row));
    TRY(keep_cross(tx, row->predecessor, row->id, AUTHORITY_NEW_WITH_OLD, &made->new_with_old));
    return keep_cross(tx, row->id, row->predecessor, AUTHORITY_OLD_WITH_NEW, &made->old_with_new);
}

err_t authority_finish(struct db_tx *tx, void *arg)
{
    struct authority_made *made = arg;
    AUTO_VAL(authority_view) view = {.count = 0};
    bool is_ours = false;
    bool is_request = made->request.n > 0;
    struct authority_row *row = &made->pending.row;
    const struct authority_word word = word_of(made, is_request ? "authority.requested" : "authority.added");
    TRY(authority_order_rows_delete(tx, row->id, &is_ours));
    if (!is_ours) {
        return OK;
    }
    if (is_request) {
        row->request = buf_view(&made->request);
        TRY(authority_rows_update(tx, row));
    } else {
        TRY(keep_certificate(tx, made));
    }
    TRY(authority_view_read(tx, &view));
    const struct authority_brief *item = authority_view_find(&view, row->id);
    return item != NULL ? authority_record(tx, item, &word) : OK;
}
