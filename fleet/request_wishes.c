/* Wishes of a product: its profile's names, and of the keys that product and profile both take the one that
 * is liked best. */
#include "fleet/request_wishes.h"

#include "db/product_rows.h"
#include "db/tenant_rows.h"
#include "fleet/contact.h"
#include "fleet/internal.h"
#include "fleet/policy_words.h"
#include "fleet/profile_cache.h"
#include "fleet/registry.h"

enum { RSA_BITS = 3072 };

/* --- whose ------------------------------------------------------------------------------------------ */

/* An issued certificate is looked up and no more: asking is no first use. */
static err_t find_asker(struct fleet *fleet, const struct wishes_question *question, struct contact *out)
{
    const struct contact_facts facts = {.peer = question->peer,
                                        .is_message = question->is_message,
                                        .label = question->label,
                                        .address = question->address,
                                        .request_id = question->request_id};
    *out = (struct contact){.is_known = false};
    if (question->peer == NULL) {
        return OK;
    }
    err_t error = question->peer->kind == PEER_ISSUED ? contact_peek(fleet, question->peer, out)
                                                      : contact_resolve(fleet, &facts, out);
    if (error.code != ERR_OK && err_status(error.code) < 500) {
        *out = (struct contact){.is_known = false};
        return OK;
    }
    return error;
}

struct strangers {
    const char *tenant;
    struct product_row product;
    bool want_channel_binding; /* any product of the tenant */
};

static err_t read_default(struct db_tx *tx, void *arg)
{
    struct strangers *strangers = arg;
    struct tenant_row tenant;
    TRY(tenant_rows_find(tx, bytes_str(strangers->tenant), &tenant));
    TRY(product_rows_find(tx, tenant.id, bytes_str("default"), &strangers->product));
    return product_rows_want_channel_binding(tx, tenant.id, &strangers->want_channel_binding);
}

static err_t find_default(struct fleet *fleet, const char *label, struct product_row *out,
                          struct request_wishes *wishes)
{
    struct strangers strangers = {.tenant = label[0] != '\0' ? label : "default"};
    TRY(db_read(fleet->db, read_default, &strangers));
    *out = strangers.product;
    wishes->wants_channel_binding = strangers.want_channel_binding;
    return OK;
}

/* --- which key -------------------------------------------------------------------------------------- */

static void choose_key(uint32_t taken, struct request_wishes *out)
{
    static const enum key_alg liked[] = {KEY_ALG_P256, KEY_ALG_P384, KEY_ALG_ED25519, KEY_ALG_RSA};
    out->key = KEY_ALG_P256;
    out->rsa_bits = RSA_BITS;
    for (size_t i = 0; i < sizeof liked / sizeof liked[0]; i++) {
        if ((taken & key_algorithm_bit(liked[i])) != 0) {
            out->key = liked[i];
            return;
        }
    }
}

/* Where a device keeps the key that it has, that is the wish. */
static void keep_key(const struct profile_spec *spec, const struct contact *asker,
                     const struct peer_identity *peer, struct request_wishes *out)
{
    bool is_kept =
        spec->is_identity_key_only || (spec->is_first_key_only && asker->proof == PROOF_OPERATIONAL);
    if (is_kept && out->is_of_device) {
        out->key = peer->certificate.key.alg;
        out->rsa_bits = peer->certificate.key.bits;
    }
}

/* --- all of it -------------------------------------------------------------------------------------- */

static err_t follow(struct fleet *fleet, const struct product_row *product, const struct contact *asker,
                    const struct wishes_question *question, struct request_wishes *out)
{
    AUTO_PTR(kept_profile) *profile = NULL;
    TRY(profile_cache_take(fleet, product, &profile));
    TRY(request_wishes_follow(profile->compiled, out));
    choose_key(product->key_algorithms & profile->spec.key_algorithms, out);
    keep_key(&profile->spec, asker, question->peer, out);
    if (out->is_of_device && asker->proof == PROOF_OPERATIONAL) {
        out->subject = buf_view(&question->peer->certificate.subject);
        out->san = buf_view(&question->peer->certificate.san);
    }
    return OK;
}

err_t request_wishes_find(struct fleet *fleet, const struct wishes_question *question,
                          struct request_wishes *out)
{
    struct contact asker;
    struct product_row product;
    TRY(find_asker(fleet, question, &asker));
    out->is_of_device = asker.is_known || asker.is_admissible;
    if (out->is_of_device) {
        TRY(product_by_id(fleet, asker.device.product, &product));
        out->wants_channel_binding = product.require_channel_binding;
    } else {
        TRY(find_default(fleet, question->label, &product, out));
    }
    return follow(fleet, &product, &asker, question, out);
}
