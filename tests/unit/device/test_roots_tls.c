/* The store that the trust port makes, as TLS uses it: which root a server's chain ends in while a root and
 * its successor share one name, and which chains hold for whom. */
#include "tests/unit/device/anchors_fixture.h"

#define NAME  "Root CA"
#define INFRA "Infrastructure CA"
#define CA1   "critical,CA:TRUE,pathlen:1"
#define CA0   "critical,CA:TRUE,pathlen:0"

static const struct paper old_root = {41, 41, NAME, NAME, CA1, NULL, false, 9, true, false};
static const struct paper new_root = {42, 42, NAME, NAME, CA1, NULL, false, 2, true, false};
static const struct paper third_root = {43, 43, NAME, NAME, CA1, NULL, false, 1, true, false};
static const struct paper new_over_old = {42, 41, NAME, NAME, CA1, NULL, false, 2, true, false};
static const struct paper third_over_new = {43, 42, NAME, NAME, CA1, NULL, false, 1, true, false};
static const struct paper old_infra = {50, 41, INFRA " 1", NAME, CA0, NULL, false, 9, true, false};
static const struct paper new_infra = {51, 42, INFRA " 2", NAME, CA0, NULL, false, 2, true, false};
static const struct paper third_infra = {53, 43, INFRA " 3", NAME, CA0, NULL, false, 1, true, false};
static const struct paper old_leaf = {60, 50, "server", INFRA " 1", NULL, NULL, false, 1, true, true};
static const struct paper new_leaf = {60, 51, "server", INFRA " 2", NULL, NULL, false, 1, true, true};
static const struct paper third_leaf = {60, 53, "server", INFRA " 3", NULL, NULL, false, 1, true, true};

enum { CHAIN_MAX = 6 };

/* Who trusts what, what the server sends (leaf first), and the root that this ends in; NULL: refused. */
struct scene {
    const struct paper *trusted[3];
    const struct paper *sent[CHAIN_MAX];
    const struct paper *ends_in;
};

static X509 *decode_paper(const struct paper *paper, struct whorl_bytes *der)
{
    *der = der_of(paper);
    const uint8_t *at = der->data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der->size);
    assert_non_null(certificate);
    return certificate;
}

/* 0: the chain holds and ends in the root of the scene; else what is wrong, -1: in another one. */
static int verify(struct host_transport *transport, const struct scene *scene)
{
    struct whorl_bytes roots[3];
    struct whorl_bytes der;
    size_t count = 0;
    X509 *leaf = decode_paper(scene->sent[0], &der);
    free_der(der);
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    for (; count < 3 && scene->trusted[count] != NULL; count++) {
        roots[count] = der_of(scene->trusted[count]);
    }
    assert_true(transport->anchors.use(transport, roots, count));
    for (size_t i = 1; i < CHAIN_MAX && scene->sent[i] != NULL; i++) {
        assert_true(sk_X509_push(chain, decode_paper(scene->sent[i], &der)) > 0);
        free_der(der);
    }
    assert_int_equal(X509_STORE_CTX_init(context, transport->roots, leaf, chain), 1);
    assert_int_equal(X509_STORE_CTX_set_default(context, "ssl_server"), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), NOW_S);
    int error = X509_verify_cert(context) == 1 ? 0 : X509_STORE_CTX_get_error(context);
    if (error == 0) {
        const STACK_OF(X509) *verified = X509_STORE_CTX_get0_chain(context);
        struct whorl_key key = key_of(scene->ends_in == NULL ? 99 : scene->ends_in->subject_key);
        const X509 *last = sk_X509_value(verified, sk_X509_num(verified) - 1);
        error = EVP_PKEY_eq(X509_get0_pubkey(last), host_key_of(key)) == 1 ? 0 : -1;
        host_crypto.p256_destroy(NULL, key);
    }
    X509_STORE_CTX_free(context);
    sk_X509_pop_free(chain, X509_free);
    X509_free(leaf);
    for (size_t i = 0; i < count; i++) {
        free_der(roots[i]);
    }
    return error;
}

static void expect_all(const struct scene *scenes, size_t count)
{
    struct host_transport transport;
    host_transport_init(&transport, NULL);
    for (size_t i = 0; i < count; i++) {
        int error = verify(&transport, &scenes[i]);
        bool is_wanted = scenes[i].ends_in == NULL ? error > 0 : error == 0;
        if (!is_wanted) {
            fail_msg("scene %zu: %s", i, error < 0 ? "another root" : X509_verify_cert_error_string(error));
        }
    }
    host_transport_clear(&transport);
}

static void every_device_finds_its_root(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        /* before: the infrastructure stands on the old root */
        {{&old_root}, {&old_leaf, &old_infra}, &old_root},
        {{&old_root, &new_root}, {&old_leaf, &old_infra}, &old_root},
        {{&new_root, &old_root}, {&old_leaf, &old_infra}, &old_root},
        /* after: on the new one, with the way from the old one beside it */
        {{&old_root}, {&new_leaf, &new_infra, &new_over_old}, &old_root},
        {{&new_root}, {&new_leaf, &new_infra, &new_over_old}, &new_root},
        {{&old_root, &new_root}, {&new_leaf, &new_infra, &new_over_old}, &new_root},
        {{&new_root, &old_root}, {&new_leaf, &new_infra, &new_over_old}, &new_root},
        {{&new_root}, {&new_leaf, &new_infra}, &new_root},
        /* two changes later: each further self-issued certificate costs no path length */
        {{&old_root}, {&third_leaf, &third_infra, &third_over_new, &new_over_old}, &old_root},
        {{&new_root}, {&third_leaf, &third_infra, &third_over_new, &new_over_old}, &new_root},
        {{&old_root, &new_root, &third_root},
         {&third_leaf, &third_infra, &third_over_new, &new_over_old},
         &third_root},
    };
    expect_all(scenes, sizeof scenes / sizeof scenes[0]);
}

static void what_does_not_lead_to_a_trusted_root_is_refused(void **state)
{
    (void)state;
    static const struct paper thief_root = {44, 44, NAME, NAME, CA1, NULL, false, 2, true, false};
    static const struct paper thief_over = {42, 44, NAME, NAME, CA1, NULL, false, 2, true, false};
    static const struct paper thief_infra = {54, 44, INFRA " 2", NAME, CA0, NULL, false, 2, true, false};
    static const struct paper thief_leaf = {60, 54, "server", INFRA " 2", NULL, NULL, false, 1, true, true};
    static const struct paper over = {42, 41, NAME, NAME, CA1, NULL, true, 3, true, false};
    static const struct paper other_key = {45, 41, NAME, NAME, CA1, NULL, false, 2, true, false};
    /* an issuing CA that makes CAs: self-issued ones are free, others are not */
    static const struct paper middle = {55, 42, "Middle CA", NAME, CA1, NULL, false, 2, true, false};
    static const struct paper deep_infra = {56,   55,    INFRA " 2", "Middle CA", CA0,
                                            NULL, false, 2,          true,        false};
    static const struct paper deep_leaf = {60, 56, "server", INFRA " 2", NULL, NULL, false, 1, true, true};
    static const struct scene scenes[] = {
        {{&old_root}, {&new_leaf, &new_infra}, NULL}, /* no way from the old root */
        {{&old_root}, {&new_leaf, &new_infra, &new_root}, NULL},
        {{&old_root}, {&new_leaf, &new_infra, &over}, NULL},
        {{&old_root}, {&new_leaf, &new_infra, &other_key}, NULL},
        {{&old_root}, {&new_leaf, &new_infra, &thief_over, &thief_root}, NULL},
        {{&new_root}, {&old_leaf, &old_infra, &new_over_old}, NULL},
        {{&old_root, &new_root}, {&thief_leaf, &thief_infra, &thief_root}, NULL},
        {{&old_root, &new_root}, {&thief_leaf, &thief_infra, &new_over_old}, NULL},
        {{&old_root}, {&deep_leaf, &deep_infra, &middle, &new_over_old}, NULL},
        {{&new_root}, {&deep_leaf, &deep_infra, &middle}, NULL},
    };
    expect_all(scenes, sizeof scenes / sizeof scenes[0]);
}

/* Without key identifiers OpenSSL looks at names alone: so ours have them, and the store must not need luck.
 */
static void order_of_the_store_does_not_matter(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {{&third_root, &new_root, &old_root}, {&old_leaf, &old_infra}, &old_root},
        {{&third_root, &new_root, &old_root}, {&new_leaf, &new_infra, &new_over_old}, &new_root},
        {{&new_root, &third_root, &old_root}, {&new_leaf, &new_infra, &new_over_old}, &new_root},
        {{&old_root, &third_root, &new_root}, {&third_leaf, &third_infra}, &third_root},
    };
    expect_all(scenes, sizeof scenes / sizeof scenes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_device_finds_its_root),
        cmocka_unit_test(what_does_not_lead_to_a_trusted_root_is_refused),
        cmocka_unit_test(order_of_the_store_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
