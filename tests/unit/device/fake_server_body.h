/* The inside of fake_server.h; included once, by the test that uses it. */
#ifndef WHORL_TESTS_UNIT_DEVICE_FAKE_SERVER_BODY_H
#define WHORL_TESTS_UNIT_DEVICE_FAKE_SERVER_BODY_H

#include "tests/unit/device/fake_server_proof.h"

static bool fake_open(void *context, const struct whorl_endpoint *to, const struct whorl_identity *as)
{
    struct fake_server *server = context;
    assert_string_equal(to->host, "server.example");
    assert_false(server->is_open);
    server->is_open = true;
    server->has_client = as->chain_count != 0;
    server->has_nonce = false;
    server->request_size = server->answer_size = server->answer_at = 0;
    server->exporter[0]++;
    if (server->has_client) {
        const uint8_t *at = as->chain[0].data;
        X509 *certificate = d2i_X509(NULL, &at, (long)as->chain[0].size);
        assert_non_null(certificate);
        /* TLS proves the key: it must be the one in the certificate */
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), host_key_of(as->key)), 1);
        spki_hash_of(X509_get_X509_PUBKEY(certificate), server->client_spki_hash);
        server->client_size = as->chain[0].size;
        memcpy(server->client, as->chain[0].data, server->client_size);
        X509_free(certificate);
    }
    return true;
}

static struct fake_certificate *find_client(struct fake_server *server)
{
    for (size_t i = 0; server->has_client && i < server->issued_count; i++) {
        struct fake_certificate *c = &server->issued[i];
        if (c->size == server->client_size && memcmp(c->der, server->client, c->size) == 0) {
            return c;
        }
    }
    return NULL;
}

const struct fake_certificate *fake_server_confirmed(const struct fake_server *server)
{
    const struct fake_certificate *found = NULL;
    for (size_t i = 0; i < server->issued_count; i++) {
        if (server->issued[i].state == FAKE_CONFIRMED) {
            found = found == NULL ? &server->issued[i] : NULL;
        }
    }
    return found;
}

static bool is_expired(const struct fake_server *server, const struct fake_certificate *c)
{
    return c != NULL && (size_t)(c - server->issued) < server->expired_below;
}

/* First use confirms, and supersedes whatever is older. */
static bool use_client(struct fake_server *server, bool *is_identity)
{
    *is_identity = server->has_client && memcmp(server->client_spki_hash, server->device_id, 32) == 0;
    struct fake_certificate *used = find_client(server);
    if (server->is_retired || (used == NULL && !*is_identity) ||
        (used != NULL && used->state == FAKE_SUPERSEDED)) {
        return false;
    }
    if (used != NULL && used->state == FAKE_UNCONFIRMED && !is_expired(server, used)) {
        for (struct fake_certificate *c = server->issued; c != used; c++) {
            c->state = FAKE_SUPERSEDED;
        }
        used->state = FAKE_CONFIRMED;
    }
    return true;
}

static unsigned code_of(struct fake_server *server, bool is_identity)
{
    const struct fake_certificate *confirmed = fake_server_confirmed(server);
    unsigned forced = is_identity ? server->identity_code : server->operational_code;
    if (forced != 0) {
        return forced;
    }
    if (is_identity) {
        return confirmed == NULL ? 12 : is_expired(server, confirmed) ? 13 : 10;
    }
    return is_expired(server, find_client(server)) ? 13 : 10;
}

static unsigned answer_status(struct fake_server *server, bool with_salt, struct whorl_text *body)
{
    struct whorl_bytes salt = {server->owner_salt, 32};
    struct whorl_bytes digest = {server->anchors_sha256, 32};
    whorl_text_put(body, "{\"status\":\"word\",\"code\":");
    whorl_text_number(body, code_of(server, with_salt));
    whorl_text_put(body, ",\"generation\":");
    whorl_text_number(body, server->generation);
    if (with_salt) {
        whorl_text_put(body, ",\"owner_salt\":\"");
        whorl_text_hex(body, salt);
        whorl_text_put(body, "\"");
    }
    if (server->renew_after != NULL) {
        whorl_text_put(body, ",\"renew_after\":\"");
        whorl_text_put(body, server->renew_after);
        whorl_text_put(body, "\"");
    }
    if (server->cacerts.size != 0) {
        whorl_text_put(body, ",\"anchors_sha256\":\"");
        whorl_text_hex(body, digest);
        whorl_text_put(body, "\"");
    }
    whorl_text_put(body, server->is_rekey ? ",\"rekey\":true" : "");
    whorl_text_put(body, ",\"server_time\":\"2026-11-23T00:00:00Z\"}");
    return 200;
}

static unsigned refuse(struct whorl_text *body, unsigned status, const char *detail)
{
    whorl_text_put(body, "{\"title\":\"Refused\",\"detail\":\"");
    whorl_text_put(body, detail);
    whorl_text_put(body, "\"}");
    return status;
}

static void issue_certificate(struct fake_server *server, X509_REQ *request, uint32_t generation)
{
    struct fake_certificate *out = &server->issued[server->issued_count];
    X509 *certificate = X509_new();
    assert_true(server->issued_count < FAKE_CERTIFICATES);
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)server->issued_count + 1000);
    X509_set_subject_name(certificate, X509_REQ_get_subject_name(request));
    X509_set_issuer_name(certificate, X509_REQ_get_subject_name(request));
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, X509_REQ_get0_pubkey(request));
    X509_EXTENSION *san = X509V3_EXT_conf(NULL, NULL, "subjectAltName", server->san);
    assert_non_null(san);
    X509_add_ext(certificate, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(certificate, host_key_of(server->ca), EVP_sha256()) > 0);
    uint8_t *at = out->der;
    int size = i2d_X509(certificate, NULL);
    assert_in_range(size, 1, FAKE_DER);
    (void)i2d_X509(certificate, &at);
    out->size = (size_t)size;
    out->generation = generation;
    out->state = fake_server_confirmed(server) == NULL && server->issued_count == 0 ? FAKE_CONFIRMED
                                                                                    : FAKE_UNCONFIRMED;
    spki_hash_of(X509_get_X509_PUBKEY(certificate), out->spki_hash);
    X509_free(certificate);
    server->issued_count++;
}

static unsigned put_enrolment(struct fake_server *server, const struct fake_certificate *c,
                              struct whorl_text *body)
{
    whorl_text_put(body, "{\"status\":\"enrolled\",\"code\":10,\"generation\":");
    whorl_text_number(body, c->generation);
    put(body, ",\"certificate\":\"", c->der, c->size);
    put(body, ",\"chain\":[\"", c->der, c->size);
    whorl_text_put(body, "],\"renew_after\":\"2026-12-01T00:00:00Z\"");
    if (server->has_hub) {
        whorl_text_put(body, ",\"hub\":{\"url\":\"mqtts://hub.example:8883\",\"ca\":\"-----BEGIN\\nx\"}");
    }
    whorl_text_put(body, "}");
    return 200;
}

/* The last request, or the one before an answer was lost, gets what it got. */
static unsigned issue_or_repeat(struct fake_server *server, X509_REQ *request, uint32_t generation,
                                bool is_renewal, struct whorl_text *body)
{
    uint8_t hash[32];
    spki_hash_of(X509_REQ_get_X509_PUBKEY(request), hash);
    for (size_t i = server->issued_count; i-- > 0;) {
        const struct fake_certificate *c = &server->issued[i];
        bool is_same = memcmp(c->spki_hash, hash, 32) == 0;
        if (is_same && c->state == FAKE_UNCONFIRMED) {
            return put_enrolment(server, c, body);
        }
    }
    if (server->is_unwilling || generation > server->generation + 8) {
        return refuse(body, 422, "not this one");
    }
    is_renewal = is_renewal && memcmp(hash, server->client_spki_hash, 32) == 0;
    if (is_renewal ? generation < server->generation : generation <= server->generation) {
        return refuse(body, 409, "this generation was used");
    }
    server->generation = generation;
    issue_certificate(server, request, generation);
    return put_enrolment(server, &server->issued[server->issued_count - 1], body);
}

/* Under an operational certificate, subject and SAN are its own. */
static bool is_own_subject(struct fake_server *server, X509_REQ *request)
{
    const uint8_t *at = server->client;
    X509 *client = d2i_X509(NULL, &at, (long)server->client_size);
    STACK_OF(X509_EXTENSION) *asked = X509_REQ_get_extensions(request);
    X509_EXTENSION *theirs = X509_get_ext(client, X509_get_ext_by_NID(client, NID_subject_alt_name, -1));
    bool is_own = X509_NAME_cmp(X509_REQ_get_subject_name(request), X509_get_subject_name(client)) == 0 &&
                  sk_X509_EXTENSION_num(asked) == 1 &&
                  ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(sk_X509_EXTENSION_value(asked, 0)),
                                        X509_EXTENSION_get_data(theirs)) == 0;
    sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
    X509_free(client);
    return is_own;
}

static unsigned answer_enrol(struct fake_server *server, struct whorl_bytes json, struct whorl_text *body)
{
    uint8_t der[FAKE_DER];
    size_t size = 0;
    struct whorl_space room = {der, sizeof der};
    struct whorl_bytes value;
    uint64_t generation = 0;
    bool is_identity = false;
    assert_true(whorl_message_text(json, "csr", &value) && whorl_base64_decode(value, room, &size));
    struct whorl_bytes csr = {der, size};
    assert_true(whorl_json_member(json, "generation", &value) && whorl_json_number(value, &generation));
    bool is_known = use_client(server, &is_identity);
    if (whorl_json_member(json, "proof", &value)) {
        is_known = is_identity = is_proved(server, value, WHORL_POP_ENROL, (uint32_t)generation, csr);
    }
    if (!is_known) {
        return refuse(body, server->has_client ? 403 : 401, "not admitted");
    }
    const struct fake_certificate *confirmed = fake_server_confirmed(server);
    bool has_valid = confirmed != NULL && !is_expired(server, confirmed);
    if (is_identity ? server->is_strict && has_valid : is_expired(server, find_client(server))) {
        return refuse(body, 403, "the device is not admitted");
    }
    const uint8_t *at = der;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)size);
    assert_non_null(request);
    assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
    unsigned status = !is_identity && !is_own_subject(server, request)
                          ? refuse(body, 422, "subject or SAN is another")
                          : issue_or_repeat(server, request, (uint32_t)generation, !is_identity, body);
    X509_REQ_free(request);
    return status;
}

static unsigned route(struct fake_server *server, struct whorl_bytes json, struct whorl_text *body)
{
    static const struct whorl_bytes no_csr = {NULL, 0};
    struct whorl_bytes proof;
    bool is_identity = false;
    if (strncmp(server->request, "GET /device/v1/status ", 22) == 0) {
        return use_client(server, &is_identity) ? answer_status(server, is_identity, body)
                                                : refuse(body, 401, "unknown");
    }
    if (strncmp(server->request, "POST /device/v1/status ", 23) == 0) {
        return whorl_json_member(json, "proof", &proof) &&
                       is_proved(server, proof, WHORL_POP_STATUS, 0, no_csr)
                   ? answer_status(server, true, body)
                   : refuse(body, 401, "not proved");
    }
    if (strncmp(server->request, "POST /device/v1/challenge ", 26) == 0) {
        return answer_challenge(server, json, body);
    }
    if (strncmp(server->request, "GET /.well-known/est/cacerts ", 29) == 0) {
        assert_false(server->has_client);
        server->fetched++;
        whorl_text_base64(body, server->cacerts);
        return 200;
    }
    if (strstr(server->request, " /device/v1/firmware") != NULL && server->firmware != NULL) {
        return use_client(server, &is_identity) && !is_identity ? server->firmware(server, json, body)
                                                                : refuse(body, 401, "unknown");
    }
    assert_int_equal(strncmp(server->request, "POST /device/v1/enrol ", 22), 0);
    return answer_enrol(server, json, body);
}

/* Answers once head and body are there. */
static void answer_when_whole(struct fake_server *server)
{
    uint8_t body_room[16000];
    struct whorl_space room = {body_room, sizeof body_room};
    struct whorl_space answer_room = {server->answer, sizeof server->answer};
    struct whorl_text body, answer;
    server->request[server->request_size] = '\0';
    const char *end = strstr(server->request, "\r\n\r\n");
    const char *length = strstr(server->request, "Content-Length: ");
    size_t wanted = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
    if (end == NULL || server->request_size < (size_t)(end + 4 - server->request) + wanted) {
        return;
    }
    struct whorl_bytes json = {(const uint8_t *)end + 4, wanted};
    whorl_text_begin(&body, room);
    unsigned status = route(server, json, &body);
    whorl_text_begin(&answer, answer_room);
    whorl_text_put(&answer, "HTTP/1.1 ");
    whorl_text_number(&answer, server->busy != 0 ? server->busy : status);
    whorl_text_put(&answer, " X\r\n");
    whorl_text_put(&answer, server->header == NULL ? "" : server->header);
    whorl_text_put(&answer,
                   server->is_closing ? "Connection: close\r\nContent-Length: " : "Content-Length: ");
    whorl_text_number(&answer, body.size);
    whorl_text_put(&answer, "\r\n\r\n");
    whorl_text_bytes(&answer, whorl_text_view(&body));
    assert_false(answer.is_full || body.is_full);
    server->answers++;
    server->answer_size = server->answers == server->lost_answer ? 0 : answer.size;
    server->answer_at = 0;
    server->request_size = 0;
}

static int fake_send(void *context, struct whorl_bytes data)
{
    struct fake_server *server = context;
    assert_true(server->is_open);
    assert_true(server->request_size + data.size < sizeof server->request);
    memcpy(server->request + server->request_size, data.data, data.size);
    server->request_size += data.size;
    answer_when_whole(server);
    return (int)data.size;
}

static int fake_recv(void *context, struct whorl_space into)
{
    struct fake_server *server = context;
    size_t left = server->answer_size - server->answer_at;
    size_t size = left < into.size ? left : into.size;
    assert_true(server->is_open);
    memcpy(into.data, server->answer + server->answer_at, size);
    server->answer_at += size;
    return size == 0 ? -1 : (int)size;
}

static bool fake_exporter(void *context, uint8_t out[32])
{
    const struct fake_server *server = context;
    memcpy(out, server->exporter, 32);
    return server->is_open;
}

static void fake_close(void *context)
{
    struct fake_server *server = context;
    assert_true(server->is_open);
    server->is_open = false;
}

void fake_server_init(struct fake_server *server)
{
    memset(server, 0, sizeof *server);
    server->port = (struct whorl_transport){.context = server,
                                            .open = fake_open,
                                            .send = fake_send,
                                            .recv = fake_recv,
                                            .exporter = fake_exporter,
                                            .close = fake_close};
    server->ca = key_of(99);
    server->san = "URI:urn:whorl:test";
    memset(server->server_id, 0x51, 32);
    memset(server->owner_salt, 0xa7, 32);
}

void fake_server_clear(struct fake_server *server)
{
    host_crypto.p256_destroy(host_crypto.context, server->ca);
}

#endif
