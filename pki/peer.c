/* Peers as values, and the set of authorities whose certificates make a peer one of ours. The handshake's
 * side is peer_tls.c. */
#include "pki/peer.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "pki/peer_internal.h"

void peer_identity_clear(struct peer_identity *peer)
{
    certificate_facts_clear(&peer->certificate);
    buf_clear(&peer->spki);
    buf_clear(&peer->der);
    buf_clear(&peer->chain);
    if (peer->parsed != NULL) {
        X509_free(peer->parsed->x509);
        free(peer->parsed);
    }
    *peer = (struct peer_identity){.kind = PEER_NONE};
}

void peer_trust_free(struct peer_trust *trust)
{
    if (trust == NULL) {
        return;
    }
    for (size_t i = 0; i < trust->count; i++) {
        buf_clear(&trust->authorities[i].subject);
        buf_clear(&trust->authorities[i].ski);
        EVP_PKEY_free(trust->authorities[i].key);
    }
    X509_STORE_free(trust->anchors);
    peer_memory_free(trust->memory);
    free(trust);
}

err_t peer_trust_new(const struct authority *const *authorities, size_t count,
                     const struct key_policy *policy, struct peer_trust **out)
{
    *out = NULL;
    AUTO_PTR(peer_trust) *trust = calloc(1, sizeof *trust + count * sizeof trust->authorities[0]);
    ENSURE(trust != NULL, ERR_NO_MEMORY, "no memory for a set of authorities");
    trust->policy = *policy;
    trust->count = count;
    for (size_t i = 0; i < count; i++) {
        struct trusted_authority *copy = &trust->authorities[i];
        (void)snprintf(copy->id, sizeof copy->id, "%s", authorities[i]->id);
        TRY(buf_append_bytes(&copy->subject, buf_view(&authorities[i]->subject)));
        TRY(buf_append_bytes(&copy->ski, buf_view(&authorities[i]->ski)));
        if (EVP_PKEY_up_ref(authorities[i]->public_key) != 1) {
            return ERR_OPENSSL("sharing an authority's key failed");
        }
        copy->key = authorities[i]->public_key;
    }
    *out = TAKE(trust);
    return OK;
}

err_t peer_trust_remember(struct peer_trust *trust)
{
    return peer_memory_new(&trust->memory);
}

static struct bytes name_der(const X509_NAME *name)
{
    const unsigned char *der = NULL;
    size_t size = 0;
    return X509_NAME_get0_der(name, &der, &size) == 1 ? (struct bytes){der, size} : BYTES_NONE;
}

static bool is_issuer(const struct trusted_authority *authority, struct bytes issuer,
                      const ASN1_OCTET_STRING *aki)
{
    if (!bytes_equal(buf_view(&authority->subject), issuer)) {
        return false;
    }
    return aki == NULL ||
           bytes_equal(buf_view(&authority->ski),
                       (struct bytes){ASN1_STRING_get0_data(aki), (size_t)ASN1_STRING_length(aki)});
}

enum peer_kind peer_classify(const struct peer_trust *trust, X509 *x509,
                             const struct trusted_authority **issuer)
{
    struct bytes issuer_name = name_der(X509_get_issuer_name(x509));
    const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(x509);
    *issuer = NULL;
    for (size_t i = 0; i < trust->count; i++) {
        if (is_issuer(&trust->authorities[i], issuer_name, aki)) {
            *issuer = &trust->authorities[i];
            return PEER_ISSUED;
        }
    }
    return bytes_equal(issuer_name, name_der(X509_get_subject_name(x509))) ? PEER_SELF_SIGNED : PEER_FOREIGN;
}
