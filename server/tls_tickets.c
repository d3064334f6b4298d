/* Session tickets (RFC 5077 format, TLS 1.3 only): stateless, under keys of the immutable snapshot, so every
 * loop resumes what another one began. A session that was resumed gets no new ticket: after the lifetime
 * every client proves its key again. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "server/tls_internal.h"

err_t tls_tickets_init(struct tls_snapshot *snapshot, const struct tls_snapshot *former)
{
    struct ticket_key *fresh = &snapshot->tickets[0];
    TRY(random_fill(snapshot->random, fresh->name, sizeof fresh->name));
    TRY(random_fill(snapshot->random, fresh->cipher_key, sizeof fresh->cipher_key));
    TRY(random_fill(snapshot->random, fresh->mac_key, sizeof fresh->mac_key));
    snapshot->ticket_count = 1;
    int64_t now_ms = clock_monotonic_ms(snapshot->clock);
    for (size_t i = 0; former != NULL && i < former->ticket_count && snapshot->ticket_count < TICKET_KEYS_MAX;
         i++) {
        struct ticket_key key = former->tickets[i];
        if (i == 0) {
            key.deadline_ms = now_ms + (int64_t)former->ticket_lifetime_s * 1000;
        }
        if (key.deadline_ms > now_ms) {
            snapshot->tickets[snapshot->ticket_count++] = key;
        }
        bytes_wipe(&key, sizeof key);
    }
    return OK;
}

static const struct ticket_key *key_find(const struct tls_snapshot *snapshot, const uint8_t *name)
{
    int64_t now_ms = clock_monotonic_ms(snapshot->clock);
    for (size_t i = 0; i < snapshot->ticket_count; i++) {
        const struct ticket_key *key = &snapshot->tickets[i];
        if (memcmp(key->name, name, TICKET_NAME_SIZE) == 0 && (i == 0 || key->deadline_ms > now_ms)) {
            return key;
        }
    }
    return NULL;
}

static bool mac_init(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    return EVP_MAC_init(mac, key->mac_key, sizeof key->mac_key, params) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 go on, 0 no such key (full handshake, or no ticket), -1 failed.
 */
static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int is_new)
{
    const struct tls_snapshot *snapshot = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (is_new != 0) {
        const struct ticket_key *key = &snapshot->tickets[0];
        memcpy(name, key->name, TICKET_NAME_SIZE);
        err_t error = random_fill(snapshot->random, iv, EVP_MAX_IV_LENGTH);
        bool is_ready = error.code == ERR_OK &&
                        EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher_key, iv) == 1;
        return is_ready && mac_init(mac, key) ? 1 : -1;
    }
    const struct ticket_key *key = key_find(snapshot, name);
    if (key == NULL) {
        return 0;
    }
    bool is_ready =
        EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher_key, iv) == 1 && mac_init(mac, key);
    return is_ready ? 1 : -1;
}

err_t tls_tickets_install(struct tls_snapshot *snapshot)
{
    ENSURE(SSL_CTX_set_tlsext_ticket_key_evp_cb(snapshot->context, on_ticket_key) == 1, ERR_CRYPTO,
           "ticket keys");
    return OK;
}

void tls_tickets_grant(SSL *ssl)
{
    const struct tls_snapshot *snapshot = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (snapshot->has_tickets) {
        SSL_set_num_tickets(ssl, 1);
    }
}
