/* An issuer that answers as it is told, behind a fleet that trusts it. Time is the fixture's clock. */
#ifndef WHORL_TESTS_OIDC_SCENE_H
#define WHORL_TESTS_OIDC_SCENE_H

#include "tests/unit/fleet/fleet_fixture.h"
#include "tests/unit/pki/jwt_fixture.h"

#include "db/role_rows.h"
#include "fleet/oidc.h"

#define ISSUER "https://issuer.test/realm"

struct oidc_scene {
    struct fleet_fixture f;
    EVP_PKEY *keys[2];  /* "k0", "k1" */
    int published;      /* how many of them the issuer lists */
    const char *issuer; /* what its discovery says */
    int status;
    int64_t max_age_s;
    bool is_down;
    int discoveries, fetches; /* counted */
    struct uuid acme;
};

static inline void scene_answer(struct oidc_scene *s, const char *url, struct buf *out)
{
    if (strcmp(url, ISSUER "/.well-known/openid-configuration") == 0) {
        s->discoveries++;
        assert_ok(buf_printf(out, "{\"issuer\":\"%s\",\"jwks_uri\":\"https://keys.test/set\"}", s->issuer));
        return;
    }
    assert_string_equal(url, "https://keys.test/set");
    s->fetches++;
    assert_ok(buf_append_str(out, "{\"keys\":["));
    for (int i = 0; i < s->published; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "k%d", i);
        assert_ok(buf_append_str(out, i == 0 ? "" : ","));
        jwk_append(out, s->keys[i], id, "");
    }
    assert_ok(buf_append_str(out, "]}"));
}

static inline err_t scene_fetch(void *context, const char *url, size_t limit, struct outbound_answer *answer)
{
    struct oidc_scene *s = context;
    if (s->is_down) {
        s->discoveries++;
        return ERR(ERR_UNAVAILABLE, "issuer.test: no answer");
    }
    assert_true(limit >= 64 * 1024);
    answer->status = s->status;
    answer->max_age_s = s->max_age_s;
    scene_answer(s, url, &answer->body);
    return OK;
}

struct role_of {
    struct uuid tenant;
    const char *name;
    uint32_t scopes;
};

static inline err_t add_role_in(struct db_tx *tx, void *arg)
{
    const struct role_of *run = arg;
    struct role_row row = {
        .tenant = run->tenant, .scopes = run->scopes, .created_at = 1, .updated_at = 1, .ver = 1};
    (void)snprintf(row.name, sizeof row.name, "%s", run->name);
    return role_rows_insert(tx, &row);
}

static inline void scene_role(struct oidc_scene *s, struct uuid tenant, const char *name, uint32_t scopes)
{
    assert_ok(db_write(s->f.db, add_role_in, &(struct role_of){tenant, name, scopes}));
}

/** @param default_tenant "" for none */
static inline void oidc_scene_init(struct oidc_scene *s, void *house, const char *default_tenant)
{
    struct tenant_row acme;
    *s = (struct oidc_scene){.published = 1, .issuer = ISSUER, .status = 200, .max_age_s = -1};
    s->keys[0] = jwt_ec("P-256");
    s->keys[1] = jwt_ec("P-256");
    fleet_fixture_init(&s->f, house);
    fleet_free(s->f.fleet);
    s->f.options.oidc = (struct oidc_settings){.issuer = ISSUER,
                                               .audience = "whorl",
                                               .tenant_claim = "whorl_tenant",
                                               .roles_claim = "realm.roles",
                                               .default_tenant = default_tenant,
                                               .fetch = scene_fetch,
                                               .fetch_context = s};
    assert_ok(fleet_new(&s->f.options, &s->f.fleet));
    assert_ok(tenant_add(s->f.fleet, &test_actor, "acme", &acme));
    s->acme = acme.id;
    scene_role(s, s->f.tenant.id, "line-a", SCOPE_DEVICES_REGISTER);
    scene_role(s, s->f.tenant.id, "reader", SCOPE_DEVICES_READ | SCOPE_PRODUCTS_READ);
    scene_role(s, s->acme, "reader", SCOPE_AUDIT_READ);
}

static inline void oidc_scene_clear(struct oidc_scene *s)
{
    fleet_fixture_clear(&s->f);
    EVP_PKEY_free(s->keys[0]);
    EVP_PKEY_free(s->keys[1]);
}

/** A good token but for what `more` changes: claims with single quotes, like "'whorl_tenant':'acme'". */
static inline err_t scene_check(struct oidc_scene *s, int key, const char *more, struct oidc_caller *out)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) payload = {0};
    char header[64];
    (void)snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"k%d\"}", key);
    assert_ok(buf_printf(&payload, "{'iss':'" ISSUER "','aud':'whorl','sub':'anna','exp':%lld%s%s}",
                         (long long)(s->f.clock.at_ms / 1000 + 300), more[0] == '\0' ? "" : ",", more));
    for (size_t i = 0; i < payload.n; i++) {
        payload.p[i] = (uint8_t)(payload.p[i] == '\'' ? '"' : payload.p[i]);
    }
    jwt_make(&text, header, buf_str(&payload), s->keys[key > 1 ? 1 : key], "ES256");
    return oidc_check(s->f.fleet, buf_view(&text), "r-1", out);
}

#endif
