/* Makes CA certificates: the root (pathlen 2, nobody's CRL) and the issuing CAs under it (pathlen 0, on the
 * root's CRL). Called at init and when an authority is replaced; never by a request. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "pki/authority_internal.h"
#include "pki/certificate_profile.h"
#include "pki/name_constraints.h"

enum { ORGANISATION_SIZE_MAX = 64 /* ub-organization-name, RFC 5280 appendix A.1 */ };

static const char *role_name(enum authority_role role)
{
    switch (role) {
    case AUTHORITY_ROOT:
        return "Root CA";
    case AUTHORITY_DEVICE:
        return "Device CA";
    case AUTHORITY_INFRASTRUCTURE:
        return "Infrastructure CA";
    case AUTHORITY_EDGE:
        return "Edge CA";
    }
    return "CA";
}

/* O = the installation; CN = the role and eight digits of the key's hash, so that a successor never shares
 * its predecessor's name. */
err_t authority_put_subject(const struct authority_spec *spec, const struct private_key *key, struct buf *out)
{
    char digits[2 * SHA256_SIZE + 1];
    char common_name[64];
    struct bytes organisation = bytes_str(spec->organisation);
    ENSURE(organisation.n >= 1 && organisation.n <= ORGANISATION_SIZE_MAX && utf8_is_valid(organisation),
           ERR_UNPROCESSABLE, "the installation's name must have 1 to %d bytes of UTF-8",
           ORGANISATION_SIZE_MAX);
    hex_encode((struct bytes){key->info.spki_sha256.b, 4}, digits);
    (void)snprintf(common_name, sizeof common_name, "%s %.8s", role_name(spec->role), digits);
    struct der_writer w = der_writer(out);
    size_t name = der_open(&w, DER_SEQUENCE);
    profile_put_organisation(&w, spec->organisation);
    profile_put_common_name(&w, common_name);
    der_close(&w, name);
    return der_finish(&w);
}

static void put_key_purposes(struct der_writer *w, const struct authority_spec *spec)
{
    if (spec->key_purposes != 0) {
        profile_put_key_purposes(w, spec->key_purposes);
    } else if (spec->role == AUTHORITY_EDGE) {
        profile_put_key_purposes(w, PURPOSE_CLIENT_AUTH | PURPOSE_SERVER_AUTH);
    } else {
        der_put_raw(w, spec->role == AUTHORITY_DEVICE ? profile_eku_client() : profile_eku_infrastructure());
    }
}

void authority_put_basics(struct der_writer *w, const struct authority_spec *spec)
{
    bool is_root = spec->role == AUTHORITY_ROOT;
    /* one for the issuing CA, and one for the NewWithOld of a roll-over: self-issued, so RFC 5280 §6.1.4 (l)
     * does not count it, but GnuTLS and strongSwan do */
    der_put_raw(w, profile_ca(is_root ? 2 : 0));
    der_put_raw(w, profile_key_usage_ca());
    if (!is_root) {
        put_key_purposes(w, spec);
    }
    if (spec->role == AUTHORITY_EDGE && spec->names != NULL) {
        profile_put_name_constraints(w, spec->names);
    }
}

static err_t put_extensions(const struct authority_spec *spec, const struct private_key *key,
                            const struct authority *root, struct buf *out)
{
    uint8_t ski[SKI_SIZE];
    TRY(profile_ski(buf_view(&key->spki), ski));
    struct der_writer w = der_writer(out);
    authority_put_basics(&w, spec);
    profile_put_ski(&w, ski);
    if (root != NULL) {
        profile_put_aki(&w, buf_view(&root->ski));
        TRY(profile_put_publication(&w, &spec->publication, root));
    }
    return der_finish(&w);
}

/* @param root NULL: self-signed */
static err_t make(const struct authority_spec *spec, const struct private_key *key,
                  const struct authority *root, const uint8_t serial[SERIAL_SIZE], struct buf *der)
{
    AUTO_VAL(buf) subject = {0};
    AUTO_VAL(buf) extensions = {0};
    uint8_t normal_serial[SERIAL_SIZE];
    struct certificate_content content = {.serial = normal_serial, .spki = buf_view(&key->spki)};
    memcpy(normal_serial, serial, SERIAL_SIZE);
    serial_normalise(normal_serial);
    TRY(profile_validity(spec->not_before_ms, spec->not_after_ms, root == NULL ? NULL : &root->validity,
                         &content.validity));
    TRY(authority_put_subject(spec, key, &subject));
    TRY(put_extensions(spec, key, root, &extensions));
    content.subject = buf_view(&subject);
    content.issuer = root == NULL ? content.subject : buf_view(&root->subject);
    content.extensions = buf_view(&extensions);
    return profile_sign_certificate(&content, root == NULL ? key : root->key, der);
}

err_t authority_make_root(const struct authority_spec *spec, const struct private_key *key,
                          const uint8_t serial[SERIAL_SIZE], struct buf *der)
{
    ENSURE(spec->role == AUTHORITY_ROOT, ERR_INTERNAL, "a root is made with the role of a root");
    return make(spec, key, NULL, serial, der);
}

err_t authority_make_issuing(const struct authority_spec *spec, const struct private_key *key,
                             const struct authority *root, const uint8_t serial[SERIAL_SIZE], struct buf *der)
{
    ENSURE(spec->role != AUTHORITY_ROOT, ERR_INTERNAL, "an issuing authority is no root");
    ENSURE(spec->role != AUTHORITY_EDGE || (spec->names != NULL && spec->names->permitted_count > 0),
           ERR_UNPROCESSABLE, "an authority for servers at the edge needs the DNS names that it may certify");
    ENSURE(root->role == AUTHORITY_ROOT, ERR_INTERNAL, "issuing authorities are made by the root only");
    ENSURE(root->key != NULL, ERR_UNAVAILABLE, "the key of authority %s is not here", root->id);
    return make(spec, key, root, serial, der);
}
