/* Certificate profiles out of JSON: each field by itself first, then what one asks of another, so that a
 * person is told of everything at once. */
#include <stdio.h>
#include <string.h>

#include "fleet/key_purposes.h"
#include "fleet/names.h"
#include "fleet/policy_words.h"
#include "fleet/profile_words.h"

enum {
    LIFETIME_MIN_S = 60,
    LIFETIME_MAX_S = 3650 * 86400,
    UNREVOCABLE_MAX_S = 7 * 86400, /* RFC 9608 leaves "short" to the CA; as the CA/Browser Forum has it */
    WORDS_MAX = 8,
    WORD_MAX = 32
};

struct raw {
    const char *name, *subject, *authority_role, *uri_template, *dns_template, *hardware_type;
    json_t *key_usage, *key_purposes, *policies, *extensions, *key_algorithms;
    struct profile_change change;
};
#define TEXT(field, max)                                                                                     \
    {                                                                                                        \
#field, JSON_KIND_TEXT, false, offsetof(struct raw, field), 1, (max), JSON_NO_HAS                    \
    }
#define LIST(field, max)                                                                                     \
    {                                                                                                        \
#field, JSON_KIND_ARRAY, false, offsetof(struct raw, field), 0, (max), JSON_NO_HAS                   \
    }
#define FLAG(field)                                                                                          \
    {                                                                                                        \
#field, JSON_KIND_BOOLEAN, false, offsetof(struct raw, change.field), 0, 0,                          \
            offsetof(struct raw, change.has_##field)                                                         \
    }
static const struct json_field fields[] = {
    TEXT(name, NAME_SIZE - 1),
    TEXT(authority_role, WORD_MAX),
    TEXT(subject, WORD_MAX),
    FLAG(identity_uri),
    TEXT(uri_template, PROFILE_TEMPLATE_SIZE - 1),
    TEXT(dns_template, PROFILE_TEMPLATE_SIZE - 1),
    TEXT(hardware_type, OID_TEXT_SIZE - 1),
    LIST(key_usage, WORDS_MAX),
    LIST(key_purposes, WORDS_MAX),
    LIST(policies, PROFILE_POLICIES_MAX),
    LIST(extensions, WORDS_MAX),
    LIST(key_algorithms, WORDS_MAX),
    {"max_lifetime_s", JSON_KIND_INTEGER, false, offsetof(struct raw, change.max_lifetime_s), INT64_MIN,
     INT64_MAX, offsetof(struct raw, change.has_max_lifetime_s)},
    FLAG(no_expiry),
    FLAG(identity_key_only),
    FLAG(first_key_only),
};
#undef TEXT
#undef LIST
#undef FLAG

/* --- words ------------------------------------------------------------------------------------------ */

static struct bytes text_at(const json_t *list, size_t i)
{
    const json_t *word = json_array_get(list, i);
    return (struct bytes){(const uint8_t *)json_string_value(word), json_string_length(word)};
}

static err_t read_bits(const json_t *list, const char *pointer, err_t (*parse)(struct bytes, uint32_t *),
                       struct faults *faults, uint32_t *out)
{
    char place[FAULT_POINTER_SIZE];
    *out = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint32_t bit = 0;
        (void)snprintf(place, sizeof place, "%s/%zu", pointer, i);
        TRY(faults_note(faults, place, parse(text_at(list, i), &bit)));
        *out |= bit;
    }
    return OK;
}

static err_t check_policies(const json_t *list, struct faults *faults)
{
    char place[FAULT_POINTER_SIZE];
    for (size_t i = 0; i < json_array_size(list); i++) {
        AUTO_VAL(buf) oid = {0};
        (void)snprintf(place, sizeof place, "/policies/%zu", i);
        TRY(faults_note(faults, place, oid_parse(text_at(list, i), &oid)));
        for (size_t j = 0; j < i; j++) {
            if (bytes_equal(text_at(list, i), text_at(list, j))) {
                faults_add(faults, place, "it stands there twice"); /* RFC 5280 §4.2.1.4 forbids it */
            }
        }
    }
    return OK;
}

static err_t read_words(const struct raw *raw, struct faults *faults, struct profile_change *out)
{
    out->has_subject = raw->subject != NULL;
    if (out->has_subject) {
        TRY(faults_note(faults, "/subject", profile_subject_parse(bytes_str(raw->subject), &out->subject)));
    }
    out->has_role = raw->authority_role != NULL;
    if (out->has_role) {
        TRY(faults_note(faults, "/authority_role",
                        profile_role_parse(bytes_str(raw->authority_role), &out->role)));
    }
    out->has_key_usage = raw->key_usage != NULL;
    TRY(read_bits(raw->key_usage, "/key_usage", key_usage_parse, faults, &out->key_usage));
    out->has_key_purposes = raw->key_purposes != NULL;
    TRY(read_bits(raw->key_purposes, "/key_purposes", key_purpose_parse, faults, &out->key_purposes));
    out->has_extensions = raw->extensions != NULL;
    TRY(read_bits(raw->extensions, "/extensions", profile_extension_parse, faults, &out->extensions));
    out->has_key_algorithms = raw->key_algorithms != NULL;
    TRY(read_bits(raw->key_algorithms, "/key_algorithms", key_algorithm_parse, faults, &out->key_algorithms));
    if (out->has_key_algorithms && json_array_size(raw->key_algorithms) == 0) {
        faults_add(faults, "/key_algorithms", "at least one is needed");
    }
    return OK;
}

/* --- fields ----------------------------------------------------------------------------------------- */

static bool is_there(const json_t *document, const char *name)
{
    return json_object_get(document, name) != NULL;
}

static err_t read_names(const json_t *document, const struct raw *raw, struct faults *faults,
                        struct profile_change *out)
{
    out->has_uri_template = is_there(document, "uri_template");
    out->has_dns_template = is_there(document, "dns_template");
    out->has_hardware_type = is_there(document, "hardware_type");
    out->uri_template = raw->uri_template;
    out->dns_template = raw->dns_template;
    out->hardware_type = raw->hardware_type;
    if (raw->uri_template != NULL) {
        TRY(faults_note(faults, "/uri_template", uri_template_check(bytes_str(raw->uri_template))));
    }
    if (raw->dns_template != NULL) {
        TRY(faults_note(faults, "/dns_template", dns_template_check(bytes_str(raw->dns_template))));
    }
    if (raw->hardware_type != NULL) {
        AUTO_VAL(buf) oid = {0};
        TRY(faults_note(faults, "/hardware_type", oid_parse(bytes_str(raw->hardware_type), &oid)));
    }
    return OK;
}

/* null takes away what may be missing, and only that. */
static void refuse_nulls(const json_t *document, struct faults *faults)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *name = fields[i].name;
        char place[FAULT_POINTER_SIZE];
        bool is_optional = strcmp(name, "uri_template") == 0 || strcmp(name, "dns_template") == 0 ||
                           strcmp(name, "hardware_type") == 0;
        if (!is_optional && json_is_null(json_object_get(document, name))) {
            (void)snprintf(place, sizeof place, "/%s", name);
            faults_add(faults, place, "it cannot be null");
        }
    }
}

err_t profile_change_read(const json_t *document, bool is_new, struct faults *faults,
                          struct profile_change *out)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    refuse_nulls(document, faults);
    *out = raw.change;
    out->name = raw.name;
    if (is_new && raw.name == NULL) {
        faults_add(faults, "/name", "it is needed");
    } else if (is_new) {
        TRY(faults_note(faults, "/name", name_check(bytes_str(raw.name), "profile name")));
    } else if (raw.name != NULL) {
        faults_add(faults, "/name", "a profile keeps its name: certificates tell it");
    }
    TRY(read_words(&raw, faults, out));
    TRY(read_names(document, &raw, faults, out));
    out->has_policies = raw.policies != NULL;
    out->policies = raw.policies;
    TRY(check_policies(raw.policies, faults));
    if (out->has_max_lifetime_s &&
        (out->max_lifetime_s < LIFETIME_MIN_S || out->max_lifetime_s > LIFETIME_MAX_S)) {
        faults_add(faults, "/max_lifetime_s", "a certificate lives %d to %d seconds", LIFETIME_MIN_S,
                   LIFETIME_MAX_S);
    }
    return OK;
}

/* --- applied ---------------------------------------------------------------------------------------- */

static void put_form(bool has, const char *text, uint32_t form, struct certificate_profile *profile)
{
    if (has) {
        profile->san_forms = text == NULL ? profile->san_forms & ~form : profile->san_forms | form;
    }
}

static void put_text(bool has, const char *text, char out[], size_t size)
{
    if (has) {
        (void)snprintf(out, size, "%s", text == NULL ? "" : text);
    }
}

static void put_names(const struct profile_change *change, struct certificate_profile *c)
{
    put_form(change->has_uri_template, change->uri_template, SAN_URI, c);
    put_form(change->has_dns_template, change->dns_template, SAN_DNS, c);
    put_form(change->has_hardware_type, change->hardware_type, SAN_HARDWARE_MODULE, c);
    put_text(change->has_uri_template, change->uri_template, c->uri_template, sizeof c->uri_template);
    put_text(change->has_dns_template, change->dns_template, c->dns_template, sizeof c->dns_template);
    put_text(change->has_hardware_type, change->hardware_type, c->hw_type, sizeof c->hw_type);
}

static void put_policies(const json_t *list, struct certificate_profile *profile)
{
    profile->policy_count = 0;
    for (size_t i = 0; i < json_array_size(list) && i < PROFILE_POLICIES_MAX; i++) {
        struct bytes text = text_at(list, i);
        (void)snprintf(profile->policies[i], sizeof profile->policies[i], "%.*s", (int)text.n,
                       text.p == NULL ? "" : (const char *)text.p);
        profile->policy_count = i + 1;
    }
}

void profile_change_apply(const struct profile_change *change, struct profile_spec *spec)
{
    struct certificate_profile *c = &spec->certificate;
#define APPLY(to, field) (to) = change->has_##field ? change->field : (to)
    APPLY(c->subject, subject);
    APPLY(c->key_usage, key_usage);
    APPLY(c->key_purposes, key_purposes);
    APPLY(c->extensions, extensions);
    APPLY(c->is_without_end, no_expiry);
    APPLY(spec->role, role);
    APPLY(spec->key_algorithms, key_algorithms);
    APPLY(spec->max_lifetime_s, max_lifetime_s);
    APPLY(spec->is_identity_key_only, identity_key_only);
    APPLY(spec->is_first_key_only, first_key_only);
#undef APPLY
    if (change->has_identity_uri) {
        c->san_forms =
            change->identity_uri ? c->san_forms | SAN_NI_URI : c->san_forms & ~(uint32_t)SAN_NI_URI;
    }
    put_names(change, c);
    if (change->has_policies) {
        put_policies(change->policies, c);
    }
}

/* --- what one field asks of another ----------------------------------------------------------------- */

/* RFC 5480 §3, RFC 8410 §5, RFC 3279 §2.3.1: which key can be for what. */
static void check_usage(const struct profile_spec *spec, struct faults *faults)
{
    uint32_t usage = spec->certificate.key_usage;
    uint32_t rsa = key_algorithm_bit(KEY_ALG_RSA);
    uint32_t ec = key_algorithm_bit(KEY_ALG_P256) | key_algorithm_bit(KEY_ALG_P384);
    if ((usage & USAGE_DIGITAL_SIGNATURE) == 0) {
        faults_add(faults, "/key_usage", "digital_signature must be there: a device proves its key with it");
    }
    if ((usage & USAGE_KEY_ENCIPHERMENT) != 0 && (spec->key_algorithms & ~rsa) != 0) {
        faults_add(faults, "/key_usage",
                   "key_encipherment is for RSA keys: let key_algorithms hold no other");
    }
    if ((usage & USAGE_KEY_AGREEMENT) != 0 && (spec->key_algorithms & ~ec) != 0) {
        faults_add(faults, "/key_usage",
                   "key_agreement is for P-256 and P-384 keys: let key_algorithms hold no other");
    }
}

static void check_purposes(const struct profile_spec *spec, struct faults *faults)
{
    const struct certificate_profile *c = &spec->certificate;
    bool is_server = (c->key_purposes & PURPOSE_SERVER_AUTH) != 0;
    if ((c->key_purposes & PURPOSE_CLIENT_AUTH) == 0) {
        faults_add(faults, "/key_purposes", "client_auth must be there: a device shows its certificate here");
    }
    if (is_server != (spec->role == AUTHORITY_EDGE)) {
        faults_add(faults, is_server ? "/key_purposes" : "/authority_role", "%s",
                   is_server ? "server_auth is for profiles of the authority_role edge, whose names are bound"
                             : "the authority_role edge is for TLS servers: key_purposes needs server_auth");
    }
    if (is_server && (c->san_forms & SAN_DNS) == 0) {
        faults_add(faults, "/dns_template", "a TLS server needs a DNS name");
    }
}

static void check_extensions(const struct profile_spec *spec, struct faults *faults)
{
    const struct certificate_profile *c = &spec->certificate;
    bool is_unrevocable = (c->extensions & EXTENSION_NO_REVOCATION) != 0;
    bool is_stapled = (c->extensions & EXTENSION_MUST_STAPLE) != 0;
    if (is_unrevocable && (c->is_without_end || spec->max_lifetime_s > UNREVOCABLE_MAX_S)) {
        faults_add(faults, "/extensions", "no_revocation is for lives of at most %d seconds (max_lifetime_s)",
                   UNREVOCABLE_MAX_S);
    }
    if (is_stapled && (is_unrevocable || (c->key_purposes & PURPOSE_SERVER_AUTH) == 0)) {
        faults_add(faults, "/extensions", "must_staple is for TLS servers whose certificates can be revoked");
    }
}

err_t profile_spec_check(const struct profile_spec *spec, struct faults *faults)
{
    check_usage(spec, faults);
    check_purposes(spec, faults);
    check_extensions(spec, faults);
    if (spec->is_identity_key_only && spec->is_first_key_only) {
        faults_add(faults, "/first_key_only", "identity_key_only leaves no other key already");
    }
    return OK;
}
