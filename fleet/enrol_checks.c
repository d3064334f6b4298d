/* The cheap checks of an enrolment, before any signature is made: what was proved and where, the channel
 * binding of the request (RFC 7030 §3.5), its names under an operational certificate (§4.2.2). */
#include <string.h>

#include "fleet/enrol_internal.h"
#include "pki/certificate.h"

enum { RSA_BITS_MIN = 3072 }; /* TLS lets RSA-2048 in, since it does not know the product */

/* A proof is for one device, one key and one generation: parts of different ones do not add up. */
static bool is_proof_of(const struct enrol_order *order)
{
    const struct challenge_proof *proof = order->proof;
    const struct device_id *id = &order->contact->device.id;
    return proof->purpose == PURPOSE_ENROL && memcmp(proof->device_id.b, id->b, sizeof id->b) == 0 &&
           bytes_equal(proof->new_spki, csr_borrow_spki(order->csr)) &&
           proof->generation == order->generation;
}

err_t enrol_check_proof(const struct enrol_order *order)
{
    const struct contact *contact = order->contact;
    if ((!contact->is_known && !contact->is_admissible) || contact->proof == PROOF_NONE) {
        return enrol_refused();
    }
    ENSURE(order->proof == NULL || is_proof_of(order), ERR_POP_FAILED, "the proof does not hold");
    /* where TLS ends in front of the server, resumption says nothing about the device */
    bool proves_elsewhere = order->proof != NULL && !order->proof->is_bound;
    ENSURE(!order->facts->is_resumed || proves_elsewhere, ERR_FULL_HANDSHAKE,
           "a resumed session proves no key: connect again without a session ticket");
    return OK;
}

err_t enrol_check_identity_key(const struct enrol_order *order, const struct product_row *product)
{
    bool is_by_tls = order->contact->proof == PROOF_IDENTITY && order->proof == NULL;
    if (!is_by_tls || product->allow_rsa_2048) {
        return OK; /* challenge_check() has held a key proved by challenge to the product's rules */
    }
    const struct key_info *key = &order->facts->peer->certificate.key;
    return key->alg == KEY_ALG_RSA && key->bits < RSA_BITS_MIN ? enrol_refused() : OK;
}

err_t enrol_check_new(const struct enrol_order *order, const struct enrol_view *view)
{
    bool is_unbound = order->proof != NULL && !order->proof->is_bound;
    ENSURE(!view->is_new || !is_unbound || view->product.allow_unbound_challenge, ERR_POP_FAILED,
           "the proof does not hold");
    return OK;
}

static err_t is_base64_of(struct bytes text, struct bytes value, bool *out)
{
    AUTO_VAL(buf) expected = {0};
    TRY(base64_append(&expected, value));
    *out = value.n > 0 && bytes_equal_ct(text, buf_view(&expected));
    return OK;
}

err_t enrol_check_binding(const struct enrol_order *order, const struct product_row *product)
{
    struct bytes challenge = csr_borrow_challenge(order->csr);
    const struct channel_binding *binding = order->binding;
    if (challenge.n == 0) {
        bool is_bound = order->proof != NULL && order->proof->is_bound;
        ENSURE(
            is_bound || !product->require_channel_binding, ERR_BAD_CSR,
            "the product asks for channel binding: challengePassword must be the base64 of tls-unique (TLS "
            "1.2) or tls-exporter (TLS 1.3)");
        return OK;
    }
    bool is_unique = false;
    bool is_exporter = false;
    if (binding != NULL) {
        TRY(is_base64_of(challenge, (struct bytes){binding->unique, binding->unique_size}, &is_unique));
        size_t size = binding->has_exporter ? sizeof binding->exporter : 0;
        TRY(is_base64_of(challenge, (struct bytes){binding->exporter, size}, &is_exporter));
    }
    ENSURE(is_unique || is_exporter, ERR_BAD_CSR,
           "challengePassword is not the channel binding of this connection");
    return OK;
}

err_t enrol_check_names(const struct enrol_order *order)
{
    if (order->contact->proof != PROOF_OPERATIONAL) {
        return OK; /* under the identity key the names of a request are ignored (docs/identity.md, rule 2) */
    }
    struct bytes san = csr_borrow_san(order->csr);
    ENSURE(name_is_same(csr_borrow_subject(order->csr), order->subject_of_peer), ERR_UNPROCESSABLE,
           "the subject of the request differs from that of the certificate");
    ENSURE(san.n == 0 || bytes_equal(san, order->san_of_peer), ERR_UNPROCESSABLE,
           "the subjectAltName of the request differs from that of the certificate");
    return OK;
}
