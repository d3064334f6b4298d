/* Certificate profiles into JSON, for the REST interface and for rows alike, and back out of a row. */
#include "fleet/key_purposes.h"
#include "fleet/policy_words.h"
#include "fleet/profile_words.h"

static err_t set_bits(json_t *out, const char *member, uint32_t bits, const char *(*name)(uint32_t))
{
    AUTO(json_t) *list = json_array();
    for (uint32_t bit = 1; bit != 0 && bit <= bits; bit <<= 1) {
        if ((bits & bit) != 0) {
            ENSURE(json_array_append_new(list, json_string(name(bit))) == 0, ERR_NO_MEMORY,
                   "a list of words");
        }
    }
    return json_take(out, member, TAKE(list));
}

static err_t set_optional(json_t *out, const char *member, bool is_there, const char *text)
{
    return json_take(out, member, is_there ? json_string(text) : json_null());
}

static err_t set_policies(json_t *out, const struct certificate_profile *c)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < c->policy_count; i++) {
        ENSURE(json_array_append_new(list, json_string(c->policies[i])) == 0, ERR_NO_MEMORY, "policies");
    }
    return json_take(out, "policies", TAKE(list));
}

static err_t write_names(const struct certificate_profile *c, json_t *out)
{
    TRY(json_set_text(out, "subject", profile_subject_name(c->subject)));
    TRY(json_set_bool(out, "identity_uri", (c->san_forms & SAN_NI_URI) != 0));
    TRY(set_optional(out, "uri_template", (c->san_forms & SAN_URI) != 0, c->uri_template));
    TRY(set_optional(out, "dns_template", (c->san_forms & SAN_DNS) != 0, c->dns_template));
    return set_optional(out, "hardware_type", (c->san_forms & SAN_HARDWARE_MODULE) != 0, c->hw_type);
}

err_t profile_spec_write(const struct profile_spec *spec, json_t *out)
{
    const struct certificate_profile *c = &spec->certificate;
    TRY(json_set_text(out, "authority_role", profile_role_name(spec->role)));
    TRY(write_names(c, out));
    TRY(set_bits(out, "key_usage", c->key_usage, key_usage_name));
    TRY(set_bits(out, "key_purposes", c->key_purposes, key_purpose_name));
    TRY(set_policies(out, c));
    TRY(set_bits(out, "extensions", c->extensions, profile_extension_name));
    TRY(set_bits(out, "key_algorithms", spec->key_algorithms, key_algorithm_name));
    TRY(json_set_int(out, "max_lifetime_s", spec->max_lifetime_s));
    TRY(json_set_bool(out, "no_expiry", c->is_without_end));
    TRY(json_set_bool(out, "identity_key_only", spec->is_identity_key_only));
    return json_set_bool(out, "first_key_only", spec->is_first_key_only);
}

err_t profile_spec_parse(struct bytes body, struct profile_spec *out)
{
    struct faults faults = {.count = 0};
    struct profile_change change;
    AUTO(json_t) *document = NULL;
    TRY(json_parse(body, PROFILE_BODY_MAX, &document));
    TRY(profile_change_read(document, false, &faults, &change));
    ENSURE(faults.count == 0, ERR_DB, "a stored certificate profile is broken at %.40s: %.80s",
           faults.items[0].pointer, faults.items[0].detail);
    *out = (struct profile_spec){.role = AUTHORITY_DEVICE};
    profile_change_apply(&change, out);
    return OK;
}
