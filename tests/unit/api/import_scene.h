/* A house with an authority that waits for its certificate, the company that signs it, and calls that bring
 * in what was signed. */
#ifndef WHORL_TESTS_API_IMPORT_SCENE_H
#define WHORL_TESTS_API_IMPORT_SCENE_H

#include <openssl/pem.h>

#include "tests/unit/api/two_people.h"
#include "tests/unit/pki/company_fixture.h"

#include "fleet/authority_set.h"
#include "pki/certificate.h"

#define ONE         "/api/v1/authorities/{id}"
#define CERTIFICATE ONE "/certificate"
#define CROSSES     ONE "/cross-certificates"
#define DEVICE_2    "{\"role\":\"device\",\"external\":true}"

struct scene {
    struct house *h;
    struct company_ca root, policy;
    EVP_PKEY *key; /* public, of the request */
};

static inline void post(struct house *h, const char *route, const char *id, const char *body, int status)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, route, body);
    call.param = id;
    assert_status(h, &call, &reply, status);
}

static inline EVP_PKEY *key_of_request(struct house *h, const char *id)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ONE "/request", NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    BIO *bio = BIO_new_mem_buf(text_at(&reply, "pem"), -1);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    EVP_PKEY *key = X509_REQ_get_pubkey(request);
    assert_non_null(key);
    X509_REQ_free(request);
    BIO_free(bio);
    return key;
}

static inline void scene_init(struct scene *s, struct house *h, const char *order)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, "/api/v1/authorities", order);
    *s = (struct scene){.h = h};
    assert_status(h, &call, &reply, 201);
    s->key = key_of_request(h, text_at(&reply, "id"));
    company_root(&s->root);
    company_policy(&s->root, &s->policy);
}

static inline void scene_clear(struct scene *s)
{
    EVP_PKEY_free(s->key);
    company_clear(&s->root);
    company_clear(&s->policy);
}

/* {"certificate": PEM of these}, up to the first that is NULL. */
static inline void body_of(const struct buf *const *ders, struct buf *out)
{
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *document = json_object();
    for (size_t i = 0; ders[i] != NULL; i++) {
        assert_ok(certificate_to_pem(buf_view(ders[i]), &pem));
    }
    assert_ok(json_set_text(document, "certificate", buf_str(&pem)));
    out->n = 0;
    assert_ok(json_append(out, document));
}

static inline void body_with_chain(const struct scene *s, const struct company_ca *ca, struct buf *out)
{
    const struct buf *ders[] = {&ca->der, &s->policy.der, &s->root.der, NULL};
    body_of(ders, out);
}

static inline struct company_spec good_one(const struct scene *s)
{
    struct company_spec spec = good_device_ca(&s->policy);
    spec.key = s->key;
    return spec;
}

static inline void make_body(const struct scene *s, const struct company_spec *spec, struct buf *out)
{
    struct company_ca ca;
    company_make(spec, &ca);
    body_with_chain(s, &ca, out);
    company_clear(&ca);
}

/* The state of the pending one, and how many authorities there are. */
static inline void assert_untouched(struct house *h, const char *state, size_t count)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, ONE, NULL);
    call.param = "device-2";
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), state);
    call = rest(h, HTTP_GET, "/api/v1/authorities", NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "authorities"), count);
}

static inline void assert_refused(struct house *h, const char *id, const struct buf *body, int status,
                                  const char *words)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, CERTIFICATE, buf_str(body));
    call.param = id;
    int got = send_call(h, &call, &reply);
    const json_t *fault = json_array_get(json_object_get(reply.json, "errors"), 0);
    const char *detail =
        fault != NULL ? json_string_value(json_object_get(fault, "detail")) : text_at(&reply, "detail");
    if (got != status || strstr(detail, words) == NULL) {
        fail_msg("%d \"%s\" where %d with \"%s\" was expected", got, detail, status, words);
    }
    if (status == 422) {
        assert_string_equal(json_string_value(json_object_get(fault, "pointer")), "/certificate");
    }
}

#endif
